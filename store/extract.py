"""The text of a document, whatever its form: plain text, Markdown, HTML or PDF."""

import io
import re
from collections.abc import Iterable, Iterator

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

from models.errors import BadRequest
from store.blocks import FENCE
from store.html import words_of

TYPES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".htm": "text/html",
    ".html": "text/html",
    ".pdf": "application/pdf",
}
EMPTY_ROW = re.compile(r"^[| ]*\|[| ]*$\n?", re.MULTILINE)


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
    """The words of a document, its paragraphs parted by empty lines, its structure written as in Markdown.

    Raises BadRequest for one without words.
    """
    read = {"text/html": _html, "application/pdf": _pdf}.get(media_type, _plain)
    text = read(data).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = "\n".join(_tidied(text.split("\n"))).strip()
    if not text:
        raise BadRequest(f"the document holds no text ({len(data)} bytes of {media_type})", param="file")
    return text


def _tidied(lines: Iterable[str]) -> Iterator[str]:
    """Runs of blanks as one blank, but in code, whose lines stay as they are."""
    fence = ""
    for line in lines:
        opened = FENCE.match(line)
        if fence:
            yield line.rstrip()
            fence = "" if line.strip().startswith(fence) else fence
        else:
            fence = opened[1] if opened else ""
            yield re.sub(r"[ \t\f\v\xa0]+", " ", line).strip()


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"the document is not UTF-8 text: {error.reason} at byte {error.start}", param="file"
        ) from error


def _html(data: bytes) -> str:
    return EMPTY_ROW.sub("", words_of(_plain(data)))


def _pdf(data: bytes) -> str:
    try:
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    except (FileNotDecryptedError, DependencyError, NotImplementedError) as error:
        raise BadRequest(f"the PDF is encrypted; save it without a password: {error}", param="file") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError) as error:
        raise BadRequest(f"the PDF cannot be read: {error}", param="file") from error
    return "\n\n".join(pages)
