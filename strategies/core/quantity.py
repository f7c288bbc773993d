"""Answers that are mathematics: numbers with their units, equations, and lists, intervals and sets of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from strategies.core.expression import Expression, Unreadable, added, equal, multiplied, near, negative, rational
from strategies.core.notation import NUMBER, read_expression
from strategies.core.units import Unit, unit_of

MOST = 24  # elements of a list
ROUNDED = 4  # decimals from which a number may be the rounded value of another
RELATION = re.compile(r"^(.+?)\s*(=|\\le(?![a-z])|\\ge(?![a-z])|<=|>=|<|>)\s*(.+)$")
NO_SUM = re.compile(r"\d+\s*-\s*\d+|\d+(?:-\d+){2,}|\d{1,4}/\d{1,2}/\d{1,4}")
SEPARATOR = re.compile(r"\s*;\s*|\s*,\s*(?:and|or)\s+|\s*,\s*|\s+(?:and|or|\\cup|\\lor|\\text\{or\})\s+")
DIGIT_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty
"""
DIGITS = DIGIT_WORDS.split()
NONE = Unit()
EXACT = Fraction(0)
RESIDUE = Fraction(1, 10**12)  # a slack so small is what computing with floating point leaves over


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in a unit; `name` is what it is set equal to, or the relation of an equation.

    `slack` is half a unit of its last place where it is a decimal that may be rounded. `whole` is the reading as a
    product where the unit is one letter without a blank before it ("5m").
    """

    value: Expression
    unit: Unit = NONE
    name: str = ""
    percent: bool = False
    slack: Fraction = EXACT
    whole: Expression | None = None


@dataclass(frozen=True, slots=True)
class Quantities:
    """One quantity, or several; `marks` are the brackets around them, and `ordered` says whether their order counts."""

    parts: tuple[Quantity, ...]
    marks: str = ""
    ordered: bool = True


def quantities(text: str) -> Quantities | None:
    """What the text says, if all of it is mathematics; None otherwise, and for what is no sum ("3-2", "1/2/1999")."""
    if not text or NO_SUM.fullmatch(text):
        return None
    try:
        return _several(text.rstrip(".,;"))
    except Unreadable:
        return None


def same_quantities(one: Quantities, other: Quantities, in_percent: bool = False) -> bool:
    """Whether two answers are the same mathematics, element by element; `in_percent`: the question asks for percents.

    The brackets of a pair must be the same, where both have some, since it may be an interval; of longer lists, round
    and square ones are alike. The order counts unless either side is a set, or joined by "and" or "or".
    """
    if len(one.parts) != len(other.parts):
        return False
    if one.marks and other.marks and one.marks != other.marks:
        braces = "{" in one.marks or "{" in other.marks
        if braces or len(one.parts) == 2:
            return False
    left = list(other.parts)
    for i, part in enumerate(one.parts):
        choice = left if not (one.ordered and other.ordered) else [other.parts[i]]
        match = next((each for each in choice if same_quantity(part, each, in_percent)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def same_quantity(one: Quantity, other: Quantity, in_percent: bool = False) -> bool:
    """Whether two quantities are the same.

    One without a unit is taken in the other's. A percentage is a fraction beside a number without a sign, or, where the
    question asks for percents, that number of percents. A decimal of four places or more equals what it is the rounded
    value of, if that has no end as a decimal.
    """
    if one.name and other.name and one.name != other.name:
        return False
    if one.name == other.name == "=":
        return _same_value(one, other) or equal(one.value, negative(other.value))
    if one.unit.plain != other.unit.plain and (one.whole or other.whole):
        one, other = _as_product(one), _as_product(other)
    if one.unit.bases and other.unit.bases:
        if one.unit.bases != other.unit.bases or not _alike(one.unit.of, other.unit.of):
            return False
        one, other = (_times(each, each.unit.factor) for each in (one, other))
    elif not one.unit.plain and not other.unit.plain and not (one.unit.of and _alike(one.unit.of, other.unit.of)):
        return False
    one, other = (_times(each, each.unit.times) for each in (one, other))
    if one.percent != other.percent and not in_percent:
        one, other = (_times(each, Fraction(1, 100)) if each.percent else each for each in (one, other))
    return _same_value(one, other)


def _same_value(one: Quantity, other: Quantity) -> bool:
    if equal(one.value, other.value):
        return True
    return _rounds(one, other) or _rounds(other, one)


def _rounds(one: Quantity, exact: Quantity) -> bool:
    """Whether a decimal is the rounded value of what has no end as a decimal, or differs by what computing leaves."""
    endless = not exact.value.value.is_Rational or not _ends(int(exact.value.value.q))
    if not one.slack or not (endless or one.slack < RESIDUE):
        return False
    return near(one.value, exact.value, one.slack * (1 if endless else 200))


def _ends(denominator: int) -> bool:
    """Whether a fraction of that denominator ends as a decimal."""
    for factor in (2, 5):
        while denominator % factor == 0:
            denominator //= factor
    return denominator == 1


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether what is counted is the same, one side perhaps saying more: "nuts" and "red nuts"."""
    return one <= other or other <= one


def _as_product(one: Quantity) -> Quantity:
    return one if one.whole is None else replace(one, value=one.whole, unit=NONE)


def _times(one: Quantity, factor: Fraction) -> Quantity:
    return one if factor == 1 else replace(one, value=multiplied(one.value, rational(factor)), slack=one.slack * factor)


def _several(text: str) -> Quantities | None:
    marks = ""
    if text[:1] in tuple("([{") and _closed(text) == len(text) and "," in text:
        marks, inner = text[0] + text[-1], text[1:-1]
        pieces, joined = _split(inner, bracketed=True), False
    else:
        pieces, joined = _split(text, bracketed=False), bool(re.search(r"\s(?:and|or|\\cup)\s|\\pm", text))
    if not pieces or len(pieces) > MOST:
        return None
    if len(pieces) > 1 and not marks and all(_closed(piece) == len(piece) and "," in piece for piece in pieces):
        return _union(pieces)
    parts = [found for piece in pieces for found in _either(piece)]
    names = [part.name for part in parts]
    if len(parts) > 1 and names[0] and not any(names[1:]):  # x = 2, 3
        parts, joined = [replace(part, name=names[0]) for part in parts], True
    several_named = len(parts) > 1 and all(names)
    return Quantities(tuple(parts), marks, ordered=not (joined or marks.startswith("{") or several_named))


def _union(pieces: Sequence[str]) -> Quantities | None:
    """Intervals or points side by side, as one list in which each mark stands before its values."""
    found = [_several(piece) for piece in pieces]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    rows = sorted(known, key=lambda one: str([part.value.value for part in one.parts]))
    return Quantities(tuple(part for row in rows for part in row.parts), " ".join(row.marks for row in rows))


def _either(piece: str) -> list[Quantity]:
    """One quantity, or the two of `a \\pm b`."""
    if piece.count("\\pm") != 1:
        return [_one(piece)]
    return [_one(piece.replace("\\pm", sign)) for sign in ("+", "-")]


def _one(text: str) -> Quantity:
    """One quantity with its name or relation. Raises Unreadable."""
    relation = RELATION.match(text.strip())
    if relation is None:
        return _measured(text.strip())
    left, sign, right = relation[1].strip(), relation[2], relation[3].strip()
    if sign == "=" and re.fullmatch(r"[A-Za-z](?:_\w|_\{\w+\}|\([a-z]\))?|\\[a-z]+", left):
        return replace(_measured(right), name=left)
    if RELATION.match(right):
        raise Unreadable
    if sign in ("\\ge", ">=", ">"):
        left, right = right, left
    kind = {"=": "=", "<": "<", ">": "<"}.get(sign, "<=")
    return Quantity(added(_expression(left), negative(_expression(right))), name=kind)


def _measured(text: str) -> Quantity:
    """A value with its unit, which stands before it (money) or after it. Raises Unreadable."""
    money = re.match(r"^([-+]?)\s*([$€£])\s*(?=[\d.])", text)
    if money:
        rest = _measured(money[1] + text[money.end() :])
        paid = unit_of(money[2]) or NONE
        return rest if rest.unit.bases == paid.bases else replace(rest, unit=replace(paid, times=rest.unit.times))
    share = re.fullmatch(r"(.+?)\s*(?:%|(?<=[\d\s})])(?:percent|per cent|percentage points?)|\\%)", text, re.IGNORECASE)
    if share:
        return replace(_measured(share[1]), percent=True)
    if text.lower() in DIGITS:
        return Quantity(rational(Fraction(DIGITS.index(text.lower()))))
    word = re.match(r"([a-z]+)\s+(?=[a-z])", text, re.IGNORECASE)
    if word and word[1].lower() in DIGITS:
        return _measured(f"{DIGITS.index(word[1].lower())} {text[word.end() :]}")
    for cut in _cuts(text):
        unit, head = unit_of(text[cut:]), read_expression(text[:cut])
        if unit is None or head is None:
            continue
        blank = text[cut - 1].isspace() or text[cut].isspace()
        if not unit.of or (blank and min(map(len, unit.of)) > 1):
            whole = None if blank or len(text) - cut > 1 or text[cut] == "°" else read_expression(text)
            return Quantity(head, unit, slack=_slack(text[:cut]), whole=whole)
    return Quantity(_expression(text), slack=_slack(text))


def _cuts(text: str) -> list[int]:
    """Where a unit may begin: after a number, a bracket or a blank, at a letter or a sign of a unit."""
    return [match.start() for match in re.finditer(r"(?<=[\d\s)}\]])(?:[°$€£¢]|[A-Za-zμµ]+)", text)][:8]


def _expression(text: str) -> Expression:
    found = read_expression(text)
    if found is None:
        raise Unreadable
    return found


def _slack(text: str) -> Fraction:
    plain = text.strip().lstrip("+-")
    places = len(plain.partition(".")[2]) if re.fullmatch(NUMBER, plain) else 0
    return Fraction(1, 2 * 10**places) if places >= ROUNDED else EXACT


def _split(text: str, bracketed: bool) -> list[str]:
    """The elements of a list; a comma within a number such as 1,200 parts nothing outside of brackets."""
    pieces, start, at = [], 0, 0
    depth = 0
    while at < len(text):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        elif depth == 0 and (match := SEPARATOR.match(text, at)):
            thousands = not bracketed and re.search(r"\d$", text[:at]) and re.match(r",\d{3}(?!\d)", text[at:])
            if not thousands:
                pieces.append(text[start:at].strip())
                start = at = match.end()
                continue
        at += 1
    return [*pieces, text[start:].strip()]


def _closed(text: str) -> int:
    """Where the first bracket of the text closes, whichever kind closes it; -1 if it does not begin with one."""
    depth = 0
    for at, mark in enumerate(text):
        depth += (mark in "([{") - (mark in ")]}")
        if depth <= 0:
            return at + 1 if at else -1
    return -1
