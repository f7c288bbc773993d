"""Two artificial languages: small finite automata that say which rows of letters are words.

The manner of artificial grammar learning (Reber 1967, Implicit learning of artificial grammars): a word is a walk from
state 0 to the end, and whoever has seen enough words can tell them from others without knowing the states.
"""

import random
from collections.abc import Mapping
from functools import cache

Automaton = Mapping[int, Mapping[str, int]]
AUTOMATA: Mapping[str, Automaton] = {
    "Tarnish": {
        0: {"v": 1, "x": 2, "k": 3},
        1: {"m": 1, "t": 3, "k": 2, "x": 4},
        2: {"s": 2, "v": 4, "t": 1},
        3: {"x": 4, "k": 5, "s": 0, "m": 2},
        4: {"m": 5, "x": 3, "t": 2, "s": 5},
        5: {"v": 3, "s": 5, "t": 4},
    },
    "Ovese": {
        0: {"b": 1, "r": 3, "l": 4},
        1: {"l": 2, "f": 3, "b": 0, "d": 4},
        2: {"d": 2, "r": 4, "z": 1, "b": 5},
        3: {"z": 4, "l": 3, "d": 1},
        4: {"f": 5, "b": 2, "z": 3, "r": 5},
        5: {"r": 0, "l": 5, "d": 4},
    },
}
LAST = 5  # the state in which a word may end
SHORTEST, LONGEST = 4, 7


def belongs(language: str, letters: str) -> bool:
    """Whether the letters are a word of the language. Raises KeyError for an unknown language."""
    state: int | None = 0
    for letter in letters:
        state = None if state is None else AUTOMATA[language][state].get(letter)
    return state == LAST


@cache
def lexicon(language: str) -> tuple[str, ...]:
    """Every word of four to seven letters, sorted."""
    walks, found = [("", 0)], []
    for size in range(1, LONGEST + 1):
        walks = [(w + letter, to) for w, state in walks for letter, to in AUTOMATA[language][state].items()]
        found += [w for w, state in walks if state == LAST and size >= SHORTEST]
    return tuple(sorted(found))


def alphabet(language: str) -> str:
    """The letters of the language, sorted."""
    return "".join(sorted({letter for row in AUTOMATA[language].values() for letter in row}))


def near_miss(rng: random.Random, language: str) -> str:
    """A word with one letter changed, so that it is none."""
    while True:
        w = rng.choice(lexicon(language))
        i = rng.randrange(len(w))
        changed = w[:i] + rng.choice(alphabet(language).replace(w[i], "")) + w[i + 1 :]
        if not belongs(language, changed):
            return changed
