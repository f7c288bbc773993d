"""Re-computing exactly what a text calculates: the equations it states, and a question that is one bare sum."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from strategies.core.calculation import Token, computes, longest_beginning, longest_ending, value_of
from strategies.core.parse import exact, has_endless_word

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]*\d)|\d+(?:\.\d+)?"
TOKEN = re.compile(rf"(?P<number>{NUMBER})|(?P<sign>\\times|\\cdot|\\div|[-+*/×·÷−=()]|\b[xX]\b|(?<=\d)[xX](?=\d))|\S")
SIGNS = {"×": "*", "·": "*", "\\times": "*", "\\cdot": "*", "x": "*", "X": "*", "÷": "/", "\\div": "/", "−": "-"}
SPOKEN = (
    (r"\bone more (?:thing|question)\b", ""),
    (r"\bleft of\s+(\S+)\s+(?:when|if) you take\s+(\S+)\s+away", r"\1 - \2"),
    (r"\bleft of\s+(\S+)\s+(?:when|if)\s+(\S+)\s+is taken away", r"\1 - \2"),
    (r"\bhow much more is\s+(\S+)\s+than\s+(\S+)", r"\1 - \2"),
    (r"(\S+)\s+and\s+(\S+)\s+(?:together|altogether|in total)\b", r"\1 + \2"),
    (r"(\S+)\s+(?:multiplied by|times)\s+(\S+)", r"\1 * \2"),
    (r"(\S+)\s+plus\s+(\S+)", r"\1 + \2"),
    (r"(\S+)\s+minus\s+(\S+)", r"\1 - \2"),
    (r"(\S+)\s+divided by\s+(\S+)", r"\1 / \2"),
    (r"\b(?:sum of|total of|sum up|add)\s+(\S+)\s+(?:and|to)\s+(\S+)", r"\1 + \2"),
    (r"\bdifference (?:between|of)\s+(\S+)\s+and\s+(\S+)", r"\1 - \2"),
    (r"\b(?:subtract|take)\s+(\S+)\s+(?:away\s+)?from\s+(\S+)", r"\2 - \1"),
    (r"\b(?:product of|multiply)\s+(\S+)\s+(?:and|by|with)\s+(\S+)", r"\1 * \2"),
    (r"\bdivide\s+(\S+)\s+by\s+(\S+)", r"\1 / \2"),
    (r"\bfrom\s+(\S+)\s+(?:take|subtract)(?:\s+away)?\s+(\S+)", r"\1 - \2"),
    (r"\badd(?:\s+(?:up|together))?\s+(\S+)\s+(?:and|to)\s+(\S+)", r"\1 + \2"),
)
ASIDE_WORDS = """
away difference taken together which
a an and answer answering ask asks be briefly by calculate calculation can careful carefully check compute
could do does equal equals evaluate exact explain final find following for from get give hello help here hey
hi how i in is it just kindly know left let like make makes me much my need number of only out please question
quick result s say short show solve step steps sum teacher tell thank thanks that the then think this to
together total up value want what whats when with work working would write you your
"""
ASIDE = frozenset(ASIDE_WORDS.split())


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as the text states it, and whether it is true."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Calculation:
    """A calculation as written, and its exact value."""

    text: str
    value: Fraction


def equations(text: str) -> list[Equation]:
    """Every `a op b = c` that the text states, re-computed with exact fractions; chains count link by link.

    Left alone are equations with unknowns, powers, percentages or remainders. A quotient may be rounded.
    """
    found = []
    for run in _runs(text):
        cuts = [i for i, token in enumerate(run) if token.text == "="]
        edges = [-1, *cuts, len(run)]
        sides = [list(run[left + 1 : right]) for left, right in pairwise(edges)]
        sides[0], sides[-1] = longest_ending(sides[0]), longest_beginning(sides[-1])
        for left, right in pairwise(sides):
            values = value_of(left), value_of(right)
            if values[0] is None or values[1] is None or not (computes(left) or computes(right)):
                continue
            span = text[left[0].start : right[-1].end]
            found.append(Equation(span, _same(values[0], values[1], left, right)))
    return found


def asked(question: str) -> Calculation | None:
    """The calculation that a question consists of, such as "What is 345 plus 278?"; None for any other question."""
    if has_endless_word(question):
        return None
    text = question
    for pattern, written in SPOKEN:
        text = re.sub(pattern, written, re.sub(r"(?<=\d)[?.!](?=\s|$)", " ", text), flags=re.IGNORECASE)
    sums = [run for run in _runs(text, needs="") if computes(run)]
    tokens = [match for match in TOKEN.finditer(text) if match["number"]]
    if len(sums) != 1 or len(tokens) != sum(token.kind == "number" for token in sums[0]):
        return None
    run = [token for token in sums[0] if token.text != "="]
    rest = text[: run[0].start] + " " + text[run[-1].end :]
    if not set(re.findall(r"[^\W\d]+", rest.lower())) <= ASIDE:
        return None
    value = value_of(run)
    return None if value is None else Calculation(" ".join(token.text for token in run), value)


def number(text: str) -> Fraction | None:
    """The last number that the text states, minus sign included; None if there is none, or it is endless."""
    found = re.findall(rf"(?<![\w)])[-−]?(?:{NUMBER})|(?:{NUMBER})", text)
    return exact(found[-1]) if found else None


def _runs(text: str, needs: str = "=") -> Iterator[list[Token]]:
    """Stretches of numbers and signs that may be calculations and are not part of something larger."""
    run: list[Token] = []
    before = ""
    for match in TOKEN.finditer(text):
        kind = str(match.lastgroup or "")
        if kind == "sign" and match[0] in "xX" and not (run and (run[-1].kind == "number" or run[-1].text == ")")):
            kind = ""
        if kind and not (run and run[-1].kind == kind == "number"):
            shown = match[0].replace("−", "-")
            run.append(Token(kind, SIGNS.get(shown, shown), match.start(), match.end()))
            continue
        if match[0] in "$€£":
            continue
        yield from _whole(run, text, before, needs)
        run, before = [], match[0]
        if kind:
            run.append(Token(kind, match[0], match.start(), match.end()))
    yield from _whole(run, text, before, needs)


def _whole(run: list[Token], text: str, before: str, needs: str) -> Iterator[list[Token]]:
    while run and run[-1].text == "(":
        run = run[:-1]
    if not run or (needs and not any(token.text == needs for token in run)):
        return
    rest = text[run[-1].end :]
    larger = re.match(r"\s*(?:\^|\*\*|%|rem|r\.?\s*\d|mod)|[^\W\d]", rest, re.IGNORECASE)
    start = run[0].start
    signed = run[0].text in ("+", "-", "*", "/")
    if signed and not text[:start].rpartition("\n")[2].strip():
        bullet = len(run) > 1 and run[1].start > run[0].end
        run, signed = run[bullet:], False
    joined = start > 0 and text[start - 1].isalnum()
    if larger or joined or before in ("^", "%") or (signed and before):
        return
    yield run


def _same(left: Fraction, right: Fraction, *sides: Sequence[Token]) -> bool:
    if left == right:
        return True
    divided = any(token.text == "/" for side in sides for token in side)
    places = max(len(token.text.partition(".")[2]) for side in sides for token in side)
    return divided and places > 0 and abs(left - right) <= Fraction(1, 2 * 10**places)
