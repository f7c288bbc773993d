"""What a question looks like, beside what it means: surface features of its text."""

import math
import re

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "log_characters",
    "log_words",
    "digits",
    "capitals",
    "dollars",
    "backslashes",
    "line_breaks",
    "word_length",
    "code",
    "options",
    "question_mark",
    "punctuation",
    "starts_small",
    "ends_with_question_mark",
    "ends_with_full_stop",
    "ends_with_colon",
    "log_line_breaks",
    "log_digits",
    "log_dollars",
    "log_backslashes",
    "capitalised_words",
    "asks_with_a_word",
    "asks_for_a_fact",
    "log_question_marks",
    "log_full_stops",
    "log_foreign_letters",
    "log_brackets",
    "log_commas",
    "different_words",
    "longest_word",
    "log_numbers",
    "orders",
    "docstring",
)

LOOKED_AT = 8000
"""Characters of a text that are looked at; what follows does not change what kind of question it is."""

CODE = re.compile(r"```|\bdef \w+\(|\breturn\b|[;{}]\s*$|\bimport \w+|#include|\bSELECT\b.*\bFROM\b", re.MULTILINE)
NUMBER = re.compile(r"\d+")
QUESTION_WORDS = frozenset(("what", "which", "who", "when", "where", "how", "why"))
FACT_WORDS = frozenset(("who", "when", "where"))
ORDERS = frozenset(("write", "find", "compute", "let", "if", "a", "the", "suppose", "give", "list", "sort", "spell"))
OPTIONS = re.compile(r"(?:^|[\s(])(?:\(?[A-E][).:]|\([a-e]\))\s")


def surface(text: str) -> NDArray[np.float64]:
    """The features of a text, float64 [len(NAMES)]: logarithms of counts, shares of characters, and yes or no."""
    text = text[:LOOKED_AT].strip()
    size, words = max(1, len(text)), text.split()
    digits, letters = sum(map(str.isdigit, text)), sum(map(str.isalnum, text))
    first = words[0].lower() if words else ""
    counts = {mark: text.count(mark) for mark in "$\\\n?.(,"}
    per_word = max(1, len(words))
    return np.array(
        [
            math.log1p(len(text)),
            math.log1p(len(words)),
            digits / size,
            sum(map(str.isupper, text)) / size,
            counts["$"] / size,
            counts["\\"] / size,
            counts["\n"] / size,
            sum(map(len, words)) / per_word,
            float(CODE.search(text) is not None),
            float(len(OPTIONS.findall(text)) >= 2),
            float(counts["?"] > 0),
            (len(text) - letters - sum(map(str.isspace, text))) / size,
            float(text[:1].islower()),
            float(text.endswith("?")),
            float(text.endswith(".")),
            float(text.endswith(":")),
            math.log1p(counts["\n"]),
            math.log1p(digits),
            math.log1p(counts["$"]),
            math.log1p(counts["\\"]),
            sum(word[:1].isupper() for word in words) / per_word,
            float(first in QUESTION_WORDS),
            float(first in FACT_WORDS),
            math.log1p(counts["?"]),
            math.log1p(counts["."]),
            math.log1p(0 if text.isascii() else sum(ord(letter) > 127 for letter in text)),
            math.log1p(counts["("]),
            math.log1p(counts[","]),
            len(set(words)) / per_word,
            float(max(map(len, words), default=0)),
            math.log1p(len(NUMBER.findall(text))),
            float(first in ORDERS),
            float('"""' in text),
        ]
    )
