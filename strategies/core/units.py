"""Units of measure: what "km/h", "square metres" or "$" means, so that quantities can be compared exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

NAMED = {
    "second": "sec secs",
    "minute": "min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "yard": "yd yds yard yards",
    "mile": "mi mile miles",
    "ounce": "oz ounce ounces",
    "pound": "£ pound pounds lb lbs gbp",
    "tonne": "t tonne tonnes",
    "hectare": "ha hectare hectares",
    "dollar": "$ dollar dollars usd buck bucks",
    "cent": "¢ cent cents",
    "euro": "€ euro euros eur",
    "degree": "° degree degrees deg",
    "celsius": "°c celsius",
    "fahrenheit": "°f fahrenheit",
    "kelvin": "K kelvin kelvins",
    "thousand": "thousand k",
    "million": "million",
    "billion": "billion",
}
METRIC = {
    "second": ("s", "second seconds"),
    "hertz": ("Hz", "hertz"),
    "metre": ("m", "metre metres meter meters"),
    "gram": ("g", "gram grams gramme grammes"),
    "litre": ("l", "litre litres liter liters"),
    "joule": ("J", "joule joules"),
    "watt": ("W", "watt watts"),
    "newton": ("N", "newton newtons"),
    "volt": ("V", "volt volts"),
    "pascal": ("Pa", "pascal pascals"),
}
PREFIXES = {
    "": ("", Fraction(1)),
    "k": ("kilo", Fraction(1000)),
    "M": ("mega", Fraction(10**6)),
    "c": ("centi", Fraction(1, 100)),
    "d": ("deci", Fraction(1, 10)),
    "m": ("milli", Fraction(1, 1000)),
    "μ": ("micro", Fraction(1, 10**6)),
    "n": ("nano", Fraction(1, 10**9)),
}
DERIVED: Mapping[str, tuple[Fraction, dict[str, int]]] = {
    "minute": (Fraction(60), {"second": 1}),
    "hour": (Fraction(3600), {"second": 1}),
    "day": (Fraction(86400), {"second": 1}),
    "week": (Fraction(604800), {"second": 1}),
    "inch": (Fraction(254, 10000), {"metre": 1}),
    "foot": (Fraction(3048, 10000), {"metre": 1}),
    "yard": (Fraction(9144, 10000), {"metre": 1}),
    "mile": (Fraction(1609344, 1000), {"metre": 1}),
    "tonne": (Fraction(10**6), {"gram": 1}),
    "hectare": (Fraction(10**4), {"metre": 2}),
    "litre": (Fraction(1, 1000), {"metre": 3}),
    "cent": (Fraction(1, 100), {"dollar": 1}),
}
MULTIPLES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
WHOLE = {"mph": "mile/hour", "kph": "km/hour", "kmph": "km/hour", "cc": "cm^3"}
POWERS = {"square": 2, "sq": 2, "cubic": 3, "squared": 2, "cubed": 3}
PIECE = re.compile(r"(/|\bper\b)|(°[CF]\b|[$€£¢°]|[^\W\d_]+\.?)\s*(?:\^?\{?(-?[1-3])\}?|(squared|cubed)\b)?")
WRITTEN = {"²": "^2", "³": "^3", "℃": "°C", "℉": "°F", "’": "'"}
FILLERS = frozenset(["a", "an", "the", "of", "in", "each", "about", "total"])
LONGEST = 60  # characters; what is longer is no unit


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a factor of base units, each to a power; `of` are words that name what is counted ("15 red nuts").

    `times` is what the number itself is multiplied by, as by "million".
    """

    factor: Fraction = Fraction(1)
    times: Fraction = Fraction(1)
    bases: frozenset[tuple[str, int]] = frozenset()
    of: frozenset[str] = frozenset()

    @property
    def plain(self) -> bool:
        """Whether it measures nothing: no unit, or only a multiple such as "million"."""
        return not self.bases and not self.of


@lru_cache(maxsize=1024)
def unit_of(text: str) -> Unit | None:
    """What a text such as "km/h" or "red nuts" counts in; None if it is no unit and no noun."""
    text = text.strip()
    if len(text) > LONGEST:
        return None
    for mark, plain in WRITTEN.items():
        text = text.replace(mark, plain)
    text = re.sub(r"\bdegrees? (?=celsius|fahrenheit)|(?<=\w) an? (?=\w+$)", _joined, text, flags=re.IGNORECASE)
    text = re.sub(r"[^\W\d_]+", lambda word: WHOLE.get(word[0].lower(), word[0]), text)
    factor, times, bases, nouns = Fraction(1), Fraction(1), dict[str, int](), set[str]()
    sign, power, at = 1, 1, 0
    for match in PIECE.finditer(text):
        if text[at : match.start()].strip(" -·*"):
            return None
        at = match.end()
        if match[1]:
            sign = -1
            continue
        word = match[2].rstrip(".")
        if word.lower() in POWERS:
            power = POWERS[word.lower()]
            continue
        if word.lower() in FILLERS and word != text:
            continue
        raised = int(match[3]) if match[3] else POWERS.get(match[4] or "", power)
        known = _known(word)
        power = 1
        if known is None or nouns:
            nouns.add(re.sub(r"(?<=\w\w)s$", "", word.lower()))
            continue
        name, size = known
        if name in MULTIPLES:
            times *= MULTIPLES[name]
            continue
        more, parts = DERIVED.get(name, (Fraction(1), {name: 1}))
        factor *= (size * more) ** (sign * raised)
        for base, n in parts.items():
            bases[base] = bases.get(base, 0) + sign * raised * n
    if text[at:].strip(" ."):
        return None
    return Unit(factor, times, frozenset((base, n) for base, n in bases.items() if n), frozenset(nouns))


def _known(word: str) -> tuple[str, Fraction] | None:
    """The unit that a word names, and its size by the prefix; None if it is no unit. Its own case counts first."""
    return SYMBOLS.get(word) or SYMBOLS.get(word.lower())


def _joined(words: re.Match[str]) -> str:
    """Nothing for the "degrees" of a scale, "per" for the article of "dollars a day"."""
    return "" if words[0].lower().startswith("degree") else " per "


def _symbols() -> dict[str, tuple[str, Fraction]]:
    found = {word: (name, Fraction(1)) for name, words in NAMED.items() for word in words.split()}
    for name, (symbol, words) in METRIC.items():
        for short, (long, size) in PREFIXES.items():
            found.setdefault(short + symbol, (name, size))
            found |= {long + word: (name, size) for word in words.split()}
    found |= {"L": ("litre", Fraction(1)), "mL": ("litre", Fraction(1, 1000)), "°C": ("celsius", Fraction(1))}
    return found


SYMBOLS = _symbols()
