"""A question without what does not change it: typography, white space, SHOUTING, politeness, the mark at its end.

The router looks at this form (embedding and surface features), so that a rewording of that kind does not flip the
choice. What a model is asked stays as the user wrote it.
"""

import re
import unicodedata

QUOTES = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u00b4\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
})  # fmt: skip
GREETING = re.compile(r"(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there)?\s*[,!.]+\s*", re.IGNORECASE)
REQUEST = re.compile(
    r"(?:(?:please|kindly)[, ]+|(?:can|could|would|will) you (?:please |kindly )?(?:tell me[,:]? |say )?"
    r"|i(?: would|'d) like to know[,:]? |do you know (?=wh|how)|(?:please )?tell me[,:]? (?=wh|how))",
    re.IGNORECASE,
)
THANKS = re.compile(r"[,.!?;]?\s(?:please|thanks|thank you(?: very much| so much| in advance)?)[ .!?]*$", re.IGNORECASE)
END = re.compile(r"(?:(?<=[^\W\d_])[ .!?]*[.!?]|\?+)$")  # "5!" is a factorial
SPACES = re.compile(r"[^\S\n]+")
BLANK_LINES = re.compile(r"\n(?: ?\n)+")
SHOUTED = 0.8
"""The share of capitals from which on a text is shouted, if it has some words."""
FEW_LETTERS = 12
EMBEDDED = 4000
"""Characters of a question: more than embedders read; what follows does not change which kind of question it is."""


def normal(text: str) -> str:
    """The text in its plain form; the text itself where nothing would be left of it. Lines stay lines."""
    plain = unicodedata.normalize("NFKC", text).translate(QUOTES)
    plain = BLANK_LINES.sub("\n\n", SPACES.sub(" ", plain.replace("\r\n", "\n"))).strip()
    for courtesy in (GREETING, REQUEST):
        plain = _without(courtesy.match(plain), plain)
    plain = _without(THANKS.search(plain), plain)
    plain = _without(END.search(plain), plain).rstrip()
    return _quiet(plain) or text


def embedded(text: str) -> str:
    """What of a question is embedded, in its plain form."""
    return normal(text[:EMBEDDED])


def _without(found: re.Match[str] | None, text: str) -> str:
    return text if found is None else text[: found.start()] + text[found.end() :]


def _quiet(text: str) -> str:
    """A shouted text in small letters; one with a few capitals (a name, an option, a formula) as it is."""
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(map(str.isupper, letters))
    shouted = len(letters) >= FEW_LETTERS and " " in text and capitals >= SHOUTED * len(letters)
    return text.lower() if shouted else text
