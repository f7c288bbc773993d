"""Reading an expression as people and models write it: a small grammar of numbers, signs, roots, functions and names.

sum = product {(+|-) product} · product = signed {[*|/] signed} · power = atom [^ signed] · atom = number | name |
\\frac{a}{b} | \\sqrt[n]{a} | function atom | brackets. Two atoms side by side are multiplied.
"""

import re
from fractions import Fraction
from functools import lru_cache

from strategies.core.expression import (
    FUNCTIONS,
    Expression,
    Unreadable,
    added,
    applied,
    constant,
    divided,
    multiplied,
    negative,
    raised,
    rational,
    symbol,
)

LONGEST = 300  # characters of what is read as mathematics
DEEPEST = 24  # brackets, exponents and arguments within each other
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
TOKEN = re.compile(
    rf"\s*(?:(?P<number>{NUMBER}(?:[eE][+-]?\d{{1,3}}(?!\d))?)|"
    r"(?P<name>\\?[A-Za-z]+)(?:_(?P<index>\w(?!\w)|\{\w+\}))?|(?P<sign>\*\*|[-+*/^()\[\]{}|!]))"
)
CONSTANTS = {"pi": "pi", "e": "E", "i": "I", "infty": "oo", "inf": "oo", "infinity": "oo"}
GREEK_NAMES = "alpha beta gamma delta theta lambda mu phi sigma omega rho tau epsilon"
GREEK = frozenset(GREEK_NAMES.split())
CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|"}
GLUE = re.compile(r"[\d+*/^()-]")


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Expression | None:
    """What the text says as mathematics; None if it is not in the grammar, or too large to be computed."""
    if len(text) > LONGEST:
        return None
    try:
        return _Reader(text.strip()).whole()
    except Unreadable:
        return None


class _Reader:
    """Recursive descent over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0
        self._tokens: list[re.Match[str]] = []
        end = 0
        while end < len(text):
            match = TOKEN.match(text, end)
            if match is None:
                raise Unreadable
            self._tokens.append(match)
            end = match.end()

    def whole(self) -> Expression:
        found = self._sum()
        if self._token() is not None:
            raise Unreadable
        return found

    def _sum(self) -> Expression:
        found = self._product()
        while sign := self._take("+", "-"):
            term = self._product()
            found = added(found, term if sign == "+" else negative(term))
        return found

    def _product(self) -> Expression:
        found = self._signed()
        while True:
            if sign := self._take("*", "/"):
                found = (multiplied if sign == "*" else divided)(found, self._signed())
            elif self._beside():
                found = multiplied(found, self._power())
            else:
                return found

    def _beside(self) -> bool:
        """Whether a factor follows without a sign; a number only after a bracket: "(2)3", not "x 3"."""
        token = self._token()
        if token is None:
            return False
        after = self._tokens[self._at - 1]["sign"]
        return bool(token["name"] or token["sign"] in ("(", "[", "{") or (token["number"] and after))

    def _signed(self) -> Expression:
        minus = False
        while sign := self._take("+", "-"):
            minus ^= sign == "-"
        found = self._power()
        return negative(found) if minus else found

    def _power(self) -> Expression:
        base = self._atom()
        if not self._take("^", "**"):
            return base
        with self._inside():
            return raised(base, self._signed())

    def _atom(self) -> Expression:
        token = self._token()
        if token is None:
            raise Unreadable
        self._at += 1
        if token["number"]:
            return self._number(token["number"])
        if token["name"]:
            return self._named(token)
        if token["sign"] not in CLOSING:
            raise Unreadable
        with self._inside():
            found = self._sum()
        if not self._take(CLOSING[token["sign"]]):
            raise Unreadable
        return applied("abs", found) if token["sign"] == "|" else found

    def _number(self, digits: str) -> Expression:
        """A number, with the fraction that may follow it: "1 1/2" and `1\\frac{1}{2}` are one and a half."""
        whole = Fraction(digits.replace(",", ""))
        rest = self._text[self._tokens[self._at].start() :] if self._token() else ""
        part = re.match(r"\s+(\d{1,6})/(\d{1,6})(?![\d^.])|\s*\\frac\{(\d{1,6})\}\{(\d{1,6})\}(?!\^)", rest)
        if part is None or whole.denominator != 1:
            return rational(whole)
        top, bottom = (int(group) for group in part.groups() if group)
        if not 0 < top < bottom:
            raise Unreadable
        end = self._tokens[self._at].start() + part.end()
        while self._at < len(self._tokens) and self._tokens[self._at].end() <= end:
            self._at += 1
        return rational(whole + Fraction(top, bottom))

    def _named(self, token: re.Match[str]) -> Expression:
        written, index = token["name"], token["index"]
        name = written.lstrip("\\")
        low = name.lower()
        if written == "\\frac":
            return divided(self._atom(), self._atom())
        if low in ("sqrt", "cbrt"):
            bracketed = self._token()
            with self._inside():
                root = self._atom() if bracketed is not None and bracketed["sign"] == "[" else None
                degree = rational(Fraction(3 if low == "cbrt" else 2)) if root is None else root
                return raised(self._atom(), divided(rational(Fraction(1)), degree))
        if low in FUNCTIONS:
            return self._function(low, index)
        if low in CONSTANTS and not index and (len(name) > 1 or name.islower()):
            return constant(CONSTANTS[low])
        if len(name) == 1 or (low in GREEK and not index):
            return symbol(name if index is None else f"{name}_{index.strip('{}')}")
        return self._letters(token)

    def _letters(self, token: re.Match[str]) -> Expression:
        """Two or three letters side by side are a product where a number or sign touches them: "2xy", not "2 in"."""
        letters = token["name"]
        start, end = token.span("name")
        around = self._text[max(0, start - 1) : start] + self._text[end : end + 1]
        if len(letters) > 3 or token["index"] or not letters.isalpha() or not GLUE.search(around):
            raise Unreadable
        found = symbol(letters[0])
        for letter in letters[1:]:
            found = multiplied(found, symbol(letter))
        return found

    def _function(self, name: str, index: str | None) -> Expression:
        base = (index or "").strip("{}")
        if index is not None and not (name == "log" and base.isdecimal()):
            raise Unreadable
        with self._inside():
            power = self._atom() if self._take("^") else None  # \sin^2 x
            found = applied(name, self._argument())
        if base:
            found = divided(found, applied("log", rational(Fraction(int(base)))))
        return found if power is None else raised(found, power)

    def _argument(self) -> Expression:
        """What a function is of: what stands in brackets, else all the numbers and names up to the next sign."""
        token = self._token()
        if token is not None and token["sign"]:
            return self._atom()
        found = self._power()
        while (token := self._token()) and token["name"] and token["name"].lstrip("\\") not in FUNCTIONS:
            found = multiplied(found, self._power())
        return found

    def _token(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *signs: str) -> str:
        """The next sign, if it is one of these, taken; else empty."""
        token = self._token()
        if token is None or token["sign"] not in signs:
            return ""
        self._at += 1
        return str(token["sign"])

    def _inside(self) -> "_Reader":
        if self._depth >= DEEPEST:
            raise Unreadable
        return self

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
