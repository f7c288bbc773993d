"""The value of a calculation, exactly: a small grammar of numbers, signs and brackets; nothing is ever evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from strategies.core.parse import exact


@dataclass(frozen=True, slots=True)
class Token:
    """A number, sign or bracket of a text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


def value_of(side: Sequence[Token]) -> Fraction | None:
    """The value of a calculation, by the usual precedence; None if it is none, divides by zero or is endless."""
    rest = list(side)
    value = _added(rest)
    return None if rest else value


def _added(rest: list[Token]) -> Fraction | None:
    value = _multiplied(rest)
    while value is not None and rest and rest[0].text in "+-":
        sign = rest.pop(0).text
        term = _multiplied(rest)
        value = None if term is None else value + term if sign == "+" else value - term
    return value


def _multiplied(rest: list[Token]) -> Fraction | None:
    value = _single(rest)
    while value is not None and rest and rest[0].text in "*/":
        sign = rest.pop(0).text
        factor = _single(rest)
        if factor is None or (sign == "/" and factor == 0):
            return None
        value = value * factor if sign == "*" else value / factor
    return value


def _single(rest: list[Token]) -> Fraction | None:
    if not rest:
        return None
    token = rest.pop(0)
    if token.kind == "number":
        return exact(token.text)
    if token.text == "-":
        value = _single(rest)
        return None if value is None else -value
    if token.text == "(":
        value = _added(rest)
        return value if rest and rest.pop(0).text == ")" else None
    return None


def longest_ending(side: list[Token]) -> list[Token]:
    """The longest ending of a side that can be computed: what stands before it is a bullet or a number of the list."""
    return next((side[i:] for i in range(len(side)) if value_of(side[i:]) is not None), [])


def longest_beginning(side: list[Token]) -> list[Token]:
    return next((side[:i] for i in range(len(side), 0, -1) if value_of(side[:i]) is not None), [])


def computes(side: Sequence[Token]) -> bool:
    return any(token.text in ("+", "-", "*", "/") for token in side[1:])
