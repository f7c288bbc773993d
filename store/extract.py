"""The text of a document, whatever its form: plain text, Markdown, HTML or PDF."""

import io
import re
from html.parser import HTMLParser

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from models.errors import BadRequest

TYPES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".htm": "text/html",
    ".html": "text/html",
    ".pdf": "application/pdf",
}
UNSEEN = frozenset({"script", "style", "title", "template", "noscript"})
BLOCKS = re.compile(
    r"address|article|aside|blockquote|br|d[dlt]|div|fig(ure|caption)|footer|form|h[1-6r]|header|li|main|nav|[ou]l|p|pre|"
    r"section|table|t[dhr]"
)


def media_type_of(name: str) -> str:
    """The media type that is meant by a media type or by a file's name. Raises BadRequest."""
    kind = name.partition(";")[0].strip().lower()
    if kind in TYPES.values():
        return kind
    suffix = re.search(r"\.[a-z0-9]+$", kind)
    if suffix is None or suffix[0] not in TYPES:
        raise BadRequest(f"documents of the kind {name!r} are not read; give {', '.join(sorted(TYPES))}", param="file")
    return TYPES[suffix[0]]


def text_of(data: bytes, media_type: str) -> str:
    """The words of a document, its paragraphs parted by empty lines. Raises BadRequest for one without words."""
    read = {"text/html": _html, "application/pdf": _pdf}.get(media_type, _plain)
    text = re.sub(r"[ \t\f\v\xa0]+", " ", read(data).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", ""))
    text = re.sub(r" ?\n ?", "\n", text).strip()
    if not text:
        raise BadRequest(f"the document holds no text ({len(data)} bytes of {media_type})", param="file")
    return text


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"the document is not UTF-8 text: {error.reason} at byte {error.start}", param="file"
        ) from error


def _html(data: bytes) -> str:
    reader = _Words()
    reader.feed(_plain(data))
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.pieces))


def _pdf(data: bytes) -> str:
    try:
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError) as error:
        raise BadRequest(f"the PDF cannot be read: {error}", param="file") from error
    return "\n\n".join(pages)


class _Words(HTMLParser):
    """Gathers the words that a reader of the page sees; blocks are parted by empty lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if BLOCKS.fullmatch(tag):
            self.pieces.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in UNSEEN))
        if BLOCKS.fullmatch(tag):
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(re.sub(r"\s+", " ", data))
