"""What a text holds that its readers do not see: comments, base64, invisible characters, letters of other scripts."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

INVISIBLE = re.compile("[\u200b\u2060-\u2064\ufeff\u00ad\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
BLOB = re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{24,}={0,2}(?![\w+/=])")
LOOKALIKE = re.compile(r"[a-z][\u0370-\u04ff]|[\u0370-\u04ff][a-z]", re.IGNORECASE)
LOOKALIKES = str.maketrans("аеорсухіјѕԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aeopcyxijsdhABEZHIKMNOPTYXo")


def visible(text: str) -> str:
    """The text without characters that nobody sees."""
    return text if text.isascii() else INVISIBLE.sub("", text)


def readings(text: str) -> Iterator[str]:
    """How the text may be read, letter by letter: full-width letters as usual ones, and those of other scripts as the
    Latin ones that they look like, where both stand in one word."""
    plain = text if text.isascii() else "".join(map(_plain, text))
    yield plain
    if LOOKALIKE.search(plain):
        yield plain.translate(LOOKALIKES)


def hidden(text: str) -> Iterator[tuple[int, int, str]]:
    """Where the text holds what its readers do not see: comments, and sentences in base64."""
    for match in COMMENT.finditer(text) if "<!--" in text else ():
        yield match.start(), match.end(), "holds a hidden comment"
    for match in BLOB.finditer(text):
        if _speaks(match[0]):
            yield match.start(), match.end(), "holds text in base64"


def _speaks(blob: str) -> bool:
    """Whether it is base64 of plain words."""
    try:
        text = base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return " " in text and sum(letter.isalpha() or letter in " .,!?'\n" for letter in text) > 0.85 * len(text)


def _plain(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", letter)
    return plain if len(plain) == 1 else letter
