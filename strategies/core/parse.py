"""Reading what a model wrote: small pure parsers that answer None, or nothing, where the text is not as asked."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice

QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
NOTHING = re.compile(r"(?:none|nothing|no(?: \w+)?|n/?a|-+)\W*", re.IGNORECASE)
MOST_DIGITS = 300
"""Of a number that is read; who writes more calculates nothing, and Python refuses 4,301."""
LONGEST_WORD = 1000


def squeeze(text: str) -> str:
    """The text with every run of white space as one blank: how texts are compared and put on one line."""
    return " ".join(text.split())


def mapping(text: str) -> dict[str, str] | None:
    """The first JSON object or Python dict literal in the text, if it maps texts to texts and repeats no key."""
    for start in islice((i for i, mark in enumerate(text) if mark == "{"), 20):
        pairs = _pairs(text[start:])
        if pairs is None:
            continue
        names = [str(name).strip() for name, _ in pairs]
        if all(isinstance(value, str) for pair in pairs for value in pair) and len(set(names)) == len(names):
            return {name: str(value).strip() for name, (_, value) in zip(names, pairs, strict=True)}
        return None
    return None


def _pairs(text: str) -> list[tuple[object, object]] | None:
    try:
        found, _ = json.JSONDecoder(object_pairs_hook=list, strict=False).raw_decode(text)
    except ValueError:
        return _literal(text)
    pairs: list[tuple[object, object]] = found
    return pairs


def _literal(text: str) -> list[tuple[object, object]] | None:
    for end in islice((i + 1 for i, mark in enumerate(text) if mark == "}"), 20):
        try:
            tree = ast.parse(text[:end].strip(), mode="eval").body
            if isinstance(tree, ast.Dict) and all(key is not None for key in tree.keys):
                keys = [ast.literal_eval(key) for key in tree.keys if key is not None]
                return list(zip(keys, (ast.literal_eval(value) for value in tree.values), strict=True))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def sections(text: str, names: Sequence[str]) -> dict[str, str]:
    """What stands under each of the headings, such as `3. RESOLVED:`; headings that are missing are left out.

    Numbers, hashes and stars around a heading do not matter; of a heading that occurs twice, the last counts.
    """
    choice = "|".join(re.escape(name) for name in names)
    heading = re.compile(rf"^[ \t#*>]*(?:\d+[.)][ \t*]*)?({choice})[ \t*]*(?::[ \t*]*|$)", re.IGNORECASE | re.MULTILINE)
    found = list(heading.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return {match[1].upper(): text[match.end() : end].strip() for match, end in zip(found, ends, strict=False)}


def after(text: str, marker: str) -> str | None:
    """All that follows the last line which begins with the marker; None if nothing does."""
    found = list(re.finditer(rf"^[ \t#*>]*{re.escape(marker)}[ \t*]*", text, re.IGNORECASE | re.MULTILINE))
    rest = text[found[-1].end() :].strip() if found else ""
    return rest or None


def line(text: str, marker: str) -> str | None:
    """The rest of the last line that begins with the marker; None if there is none."""
    rest = after(text, marker)
    return rest.split("\n", 1)[0].strip() if rest else None


def facts(text: str) -> list[str]:
    """The entries of a section, one a line, without their bullets; a section that says "none" has no entries."""
    rows = [re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", row).strip() for row in text.splitlines()]
    return [row for row in rows if row and not NOTHING.fullmatch(row)]


def tagged(text: str, tag: str) -> list[str]:
    """The contents of every `<tag>...</tag>`, in order; an unclosed one ends with its line."""
    found = re.findall(rf"<{tag}>[ \t]*(.*?)(?:</{tag}>|\n|$)", text, re.IGNORECASE)
    return [squeeze(piece) for piece in found if piece.strip()]


def quoted(text: str) -> list[str]:
    """Every text in double quotes, straight or curly, in order."""
    return [piece.strip() for piece in re.findall(r'"([^"]+)"', text.translate(QUOTES)) if piece.strip()]


def permutation(text: str, n: int) -> tuple[int, ...] | None:
    """The numbers of the text, if they are exactly 1..n, each once."""
    numbers = tuple(whole(number) or 0 for number in re.findall(r"\d+", text))
    return numbers if sorted(numbers) == list(range(1, n + 1)) else None


def whole(text: str) -> int | None:
    """The whole number that the text is, sign and commas included; None if it is none, or has more than 300 digits."""
    value = exact(text)
    return None if value is None or "." in text else value.numerator


def exact(text: str) -> Fraction | None:
    """The number that the text is, as `whole` but with or without decimals."""
    bare = text.strip().replace(",", "").replace("−", "-")
    digits = bare.lstrip("+-")
    if len(bare) - len(digits) > 1 or len(digits) > MOST_DIGITS + 1 or not re.fullmatch(r"\d+(?:\.\d+)?", digits):
        return None
    return Fraction(bare)


def has_endless_word(text: str) -> bool:
    """Whether a word of the text has more than 1,000 characters: no question that code can read has one, and patterns
    with a repetition in them would take seconds over it.
    """
    return any(len(word) > LONGEST_WORD for word in text.split())


def final(text: str) -> str:
    """The answer itself: the first line after the last `Answer:`, or the whole text if there is no such mark."""
    found = list(re.finditer(r"answer\s*:[ \t*]*", text, re.IGNORECASE))
    rest = text[found[-1].end() :].strip() if found else ""
    return rest.split("\n", 1)[0].strip() if rest else text.strip()


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence of the text begins and ends, without the white space around it."""
    for match in re.finditer(r"\S(?:.*?[.!?][\"')\]]*(?=\s|$)|.*$)", text, re.DOTALL):
        yield match.start(), match.end()
