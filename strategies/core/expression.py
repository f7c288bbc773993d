"""Expressions of bounded size as sympy's objects: the operations on them, and whether two are equal.

Every operation bounds the size of its result before sympy computes it, so that no input takes long. Nothing is ever
evaluated as code: sympy's own parsers run Python, so none of them is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any  # sympy has no types

WIDEST = 1024  # bits that a value may take, with names of at most 3 bits
NAME, CONSTANT = 3, 2  # bits of a name, of a constant
ARGUMENT = 64  # bits of what a function is of, and the highest root
POINTS = 4
FUNCTIONS = {"ln": "log", "log": "log", "exp": "exp", "abs": "Abs", "arcsin": "asin", "arccos": "acos"} | {
    name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc")
}


class Unreadable(ValueError):
    """The text is no expression of the grammar, or one that is too large to compute."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A sympy expression, and a bound of its size in bits."""

    value: Any
    bits: int


def rational(value: Fraction) -> Expression:
    """A number, exactly. Raises Unreadable."""
    import sympy  # here and not above: it takes a third of a second, and most answers do without

    bits = max(value.numerator.bit_length(), value.denominator.bit_length(), 1)
    return Expression(sympy.Rational(value.numerator, value.denominator), _within(bits))


def symbol(name: str) -> Expression:
    """A name, of which nothing is known."""
    import sympy

    return Expression(sympy.Symbol(name), NAME)


def constant(name: str) -> Expression:
    """One of sympy's constants: "pi", "E", "I" or "oo"."""
    import sympy

    return Expression(getattr(sympy, name), CONSTANT)


def added(one: Expression, other: Expression) -> Expression:
    """The sum. Raises Unreadable."""
    bits = _within(max(one.bits, other.bits) + 1)
    return Expression(one.value + other.value, bits)


def negative(one: Expression) -> Expression:
    """The expression with the other sign."""
    return Expression(-one.value, one.bits)


def multiplied(one: Expression, other: Expression) -> Expression:
    """The product. Raises Unreadable."""
    bits = _within(one.bits + other.bits)
    return Expression(one.value * other.value, bits)


def divided(one: Expression, other: Expression) -> Expression:
    """The quotient. Raises Unreadable, also for a division by zero."""
    if other.value.is_zero:
        raise Unreadable
    return multiplied(one, Expression(1 / other.value, other.bits))


def raised(base: Expression, exponent: Expression) -> Expression:
    """The power, with names only in a plain exponent ("2^(x+1)", not "2^(2^x)"). Raises Unreadable."""
    import sympy

    value, bits = exponent.value, exponent.bits
    if value.is_Rational:
        if (base.value.is_zero and value <= 0) or value.q > ARGUMENT:
            raise Unreadable
        bits = base.bits * max(1, -(-abs(int(value.p)) // int(value.q)))
    elif not value.is_number and value.has(sympy.Pow, sympy.Function):
        raise Unreadable
    else:
        bits = base.bits * 2**bits
    bits = _within(bits)
    return Expression(base.value**value, bits)


def applied(name: str, argument: Expression) -> Expression:
    """A function of FUNCTIONS. Raises Unreadable where its argument is large."""
    import sympy

    if argument.bits > ARGUMENT:
        raise Unreadable
    bits = _within(CONSTANT * 2**argument.bits if name == "exp" else argument.bits + ARGUMENT)
    return Expression(getattr(sympy, FUNCTIONS[name])(argument.value), bits)


def equal(one: Expression, other: Expression) -> bool:
    """Whether two expressions are equal: fractions exactly, others by their values to 20 digits.

    With names in them, they must agree at each of four points, which lie on both sides of zero.
    """
    if one.value == other.value:
        return True
    if one.value.is_Rational and other.value.is_Rational:
        return False
    pairs = zip(_values(one.value), _values(other.value), strict=True)
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return bool(known) and all(_apart(a, b) <= 1e-20 * max(1, *map(abs, a), *map(abs, b)) for a, b in known)


def near(one: Expression, other: Expression, most: Fraction) -> bool:
    """Whether two real numbers differ by no more than `most`; not so for anything with a name in it."""
    if one.value.free_symbols or other.value.free_symbols:
        return False
    a, b = _values(one.value)[0], _values(other.value)[0]
    return a is not None and b is not None and bool(_apart(a, b) <= most.numerator / most.denominator)


def _within(bits: int) -> int:
    """The bits that a result may take, before it is computed. Raises Unreadable where they are too many."""
    if bits > WIDEST:
        raise Unreadable
    return bits


def _apart(one: Sequence[Any], other: Sequence[Any]) -> Any:
    """How far two values are apart, in their real or their imaginary part, whichever is more."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=1024)
def _values(value: Any) -> tuple[Any, ...]:
    """The real and the imaginary part at each point, to 30 digits, or None where there is no value.

    A name stands for the same number in every expression.
    """
    import sympy

    found = []
    names = sorted(value.free_symbols, key=str)
    for k in range(POINTS):
        at = {name: sympy.Rational(_spread(str(name), k), 997) * (-1) ** k for name in names}
        real, imaginary = value.evalf(30, subs=at, maxn=60).as_real_imag()
        finite = real.is_Number and imaginary.is_Number and real.is_finite and imaginary.is_finite
        found.append((real, imaginary) if finite else None)
        if not names:
            return tuple(found) * POINTS
    return tuple(found)


def _spread(name: str, k: int) -> int:
    """A number from 211 to 2210, another one for each name and point."""
    mixed = 7
    for letter in f"{name}{k}":
        mixed = (mixed * 1103 + ord(letter) * 7919 + 12345) % 1_000_003
    return 211 + mixed % 2000
