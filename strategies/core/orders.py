"""Where a text gives orders to a model: the patterns of all languages at work."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from strategies.core import orders_abroad, orders_english


@dataclass(frozen=True, slots=True)
class Order:
    """A kind of order: why it is cut, the words of which a text with one holds at least one, the pattern itself."""

    why: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]


ORDERS = tuple(
    Order(why, tuple(needles.split("/")), re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for why, needles, pattern in (*orders_english.ROWS, *orders_abroad.ROWS)
)
GOES_ON = re.compile(
    r"^\W*(?:then|instead|and|also|say|answer|reply|respond|output|print|write|return|state|claim|tell|include"
    r"|insert|append|add|repeat|end|begin|start|always|never"
    r"|only|do\s+(?:not|so|this)|don['’]t|please|failure|remember|from\s+now|this\s+is|it\s+is\s+(?:very\s+)?important"
    r"|no\s+(?:explanation|other)|your?\b|make|send|call|visit|click|use|translate|the\s+(?:correct\s+|only\s+"
    r"|right\s+)?answer)\b"
    r"|\b(?:you|your|the\s+user|assistant|these\s+instructions)\b|^\W*(?:antwort|sag|schreib|répond|dis|écri"
    r"|responde|di\b|escrib|rispondi|scrivi|ответ|скажи|напиши|回|只|输出|「)",
    re.IGNORECASE,
)
"""How the sentence after an order goes on with it."""
WORD = re.compile(r"[^\W_]+")
OPENING = re.compile(r"[^\w<\[#|]*")


def given(text: str) -> Iterator[tuple[int, int, str]]:
    """Where the text gives orders to a model: start, end and why; most texts hold no word of any and are done with."""
    small = text.lower()
    searched = " ".join(["", *WORD.findall(small), small])
    for order in ORDERS:
        if any(needle in searched for needle in order.needles):
            for match in order.pattern.finditer(text):
                begins = OPENING.match(text, match.start())  # the mark before it belongs to the sentence before
                yield begins.end() if begins else match.start(), match.end(), order.why
