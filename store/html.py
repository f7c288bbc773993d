"""What a reader of a web page sees, its headings, lists, tables and code written as in Markdown."""

import re
from html.parser import HTMLParser

UNSEEN = frozenset({"script", "style", "title", "template", "noscript"})
BLOCKS = re.compile(
    r"address|article|aside|blockquote|br|d[dlt]|div|fig(ure|caption)|footer|form|h[1-6r]|header|li|main|nav|[ou]l|p|pre|"
    r"section|table|t[dhr]"
)
HEADING = re.compile(r"h[1-6]")
PARAGRAPH = "\n\n"


def words_of(page: str) -> str:
    """The words of a page, paragraphs parted by empty lines."""
    reader = _Words()
    reader.feed(page)
    reader.close()
    return re.sub(r"\n{3,}", PARAGRAPH, "".join(reader.pieces))


class _Words(HTMLParser):
    """Gathers the words. What parts them is written only once words follow, so that nothing empty is marked."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._gap = ""
        self._unseen = 0
        self._cells = 0
        self._code = False
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if not BLOCKS.fullmatch(tag):
            return
        if tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._begin("\n| ")
        elif tag == "li":
            self._begin("\n- ")
        elif HEADING.fullmatch(tag):
            self._begin(f"{PARAGRAPH}{'#' * int(tag[1])} ")
            self._heading = True
        elif tag == "pre":
            self._begin(PARAGRAPH)
            self._write("```\n")
            self._code = True
        else:
            self._part()

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in UNSEEN))
        if HEADING.fullmatch(tag):
            self._heading, self._gap = False, PARAGRAPH
        elif tag == "pre" and self._code:
            self._code = False
            self.pieces.append("\n```")
            self._gap = PARAGRAPH
        elif tag == "tr":
            self.pieces += [" |"] if self._cells else []
            self._gap, self._cells = "\n", 0
        elif tag in ("td", "th") and self._cells:
            self._gap = ""
        elif tag == "li":
            self._gap = "\n"
        elif BLOCKS.fullmatch(tag):
            self._part()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        words = data if self._code else re.sub(r"\s+", " ", data)
        if self._code or words.strip() or not self._gap:
            self._write(words)

    def _cell(self) -> None:
        """Every cell of a row is marked, an empty one too, so that those that follow keep their columns."""
        if self._cells:
            self.pieces.append(" | ")
        elif self._gap.endswith("| "):
            self._write("")
        else:
            self._part()  # the row was broken off by what is no data
            return
        self._cells, self._gap = self._cells + 1, ""

    def _begin(self, mark: str) -> None:
        """Write this mark before the next words."""
        self._cells = 0
        self._gap = PARAGRAPH + mark.lstrip("\n") if self._gap == PARAGRAPH else mark

    def _part(self) -> None:
        """Begin a paragraph with the next words, unless a mark waits for them; within headings and cells, go on."""
        if self._heading or self._cells:
            self._gap = self._gap or " "
        elif not self._gap.endswith(("- ", "| ")):
            self._gap = PARAGRAPH

    def _write(self, words: str) -> None:
        self.pieces.append(self._gap + (words.lstrip() if self._gap and not self._code else words))
        self._gap = ""
