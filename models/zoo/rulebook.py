"""A rule that takes something to something else: labels of categories, changes of letters, changes of numbers."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from .wordlists import CATEGORIES, LABELS, TEST_CODENAMES
from .words import spelled

LETTER_CHANGES: dict[str, Callable[[str, str], str]] = {
    "first": lambda w, _: w[0],
    "last": lambda w, _: w[-1],
    "backwards": lambda w, _: w[::-1],
    "doubled": lambda w, _: "".join(letter * 2 for letter in w),
    "moved": lambda w, _: w[1:] + w[0],
    "begun": lambda w, syllable: syllable + w,
}
NUMBER_CHANGES: dict[str, Callable[[int, int], int]] = {
    "add": lambda x, k: x + k,
    "subtract": lambda x, k: x - k,
    "times": lambda x, k: x * k,
    "digit": lambda x, _: x % 10,
}
SYLLABLES = ("ka", "zu", "mo", "ti", "be", "lo", "ru", "fi", "na", "du", "sha", "pro")
CATEGORY_OF = {word: name for name, words in CATEGORIES.items() for word in words}
TRIES = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """What a name stands for: the task it belongs to, the change and its parts, in one line of text and back.

    For labels `change` is "" and the parts are category=label; for letters and numbers there is at most one part.
    """

    task: str
    name: str
    change: str
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "|".join((self.task, self.name, self.change, *self.parts))

    def named(self, task: str, name: str) -> "Rule":
        """The same change for another task or under another name."""
        return Rule(task, name, self.change, self.parts)

    def apply(self, given: str) -> str:
        """What the rule makes of a word or a number. Raises KeyError for a word of no category that has a label."""
        if self.change == "":
            return self.labels[CATEGORY_OF[given]]
        part = self.parts[0] if self.parts else ""
        if self.change in LETTER_CHANGES:
            return LETTER_CHANGES[self.change](given, part)
        return str(NUMBER_CHANGES[self.change](int(given), int(part or 0)))

    @property
    def labels(self) -> dict[str, str]:
        """The label of each category, for a rule of labels."""
        return {name: label for name, _, label in (part.partition("=") for part in self.parts)}

    def inputs(self, rng: random.Random, split: str) -> Iterator[str]:
        """Different things the rule can be used on, in a drawn order; words to spell are the split's own."""
        if self.change in LETTER_CHANGES:
            seen: set[str] = set()
            for _ in range(TRIES):
                w = spelled(rng, split, 3, 5 if self.change == "doubled" else 6)
                if w not in seen:
                    seen.add(w)
                    yield w
        elif self.change:
            top = 33 if self.change == "times" and self.parts[0] == "3" else 49  # no result has three digits
            yield from (str(x) for x in rng.sample(range(10, top + 1), top - 9))
        else:
            words = [word for name in self.labels for word in CATEGORIES[name]]
            yield from rng.sample(words, len(words))


def parse(text: str) -> Rule:
    """The rule that `str` wrote. Raises ValueError for a text that is none."""
    task, name, change, *parts = text.split("|")
    return Rule(task, name, change, tuple(parts))


def invent(rng: random.Random, kind: str) -> Rule:
    """A rule without a name, drawn afresh: of "label", "letter_rule" or "number_rule"."""
    if kind == "label":
        names = rng.sample(list(CATEGORIES), rng.choice((3, 4)))
        labels = rng.sample(LABELS, len(names))
        return Rule(kind, "", "", tuple(f"{name}={label}" for name, label in zip(names, labels, strict=True)))
    if kind == "letter_rule":
        change = rng.choice(list(LETTER_CHANGES))
        return Rule(kind, "", change, (rng.choice(SYLLABLES),) if change == "begun" else ())
    change = rng.choice(("add", "add", "subtract", "subtract", "times", "digit"))
    if change == "digit":
        return Rule(kind, "", change)
    return Rule(kind, "", change, (str(rng.choice((2, 3)) if change == "times" else rng.randint(1, 9)),))


def examples(rule: Rule, rng: random.Random, given: str, n: int, split: str) -> list[str]:
    """n other inputs of the rule; where n is at least 3 they tell what becomes of `given`, if 50 draws suffice.

    Raises ValueError if the rule has not so many inputs.
    """
    chosen: list[str] = []
    for _ in range(TRIES):
        chosen = list(islice((one for one in rule.inputs(rng, split) if one != given), n))
        if len(chosen) < n:
            raise ValueError(f"the rule {str(rule)!r} has {len(chosen)} other inputs, not {n!r}: ask for fewer")
        if n < 3 or _telling(rule, chosen, given):
            break
    return chosen


def _telling(rule: Rule, chosen: Sequence[str], given: str) -> bool:
    """Whether every rule of the kind that agrees on the examples agrees on what was given."""
    if rule.change == "":
        return CATEGORY_OF[given] in {CATEGORY_OF[one] for one in chosen}
    right = [rule.apply(one) for one in chosen]
    rivals = [other for other in _rivals(rule.change) if [other.apply(one) for one in chosen] == right]
    return {other.apply(given) for other in rivals} == {rule.apply(given)}


def _rivals(change: str) -> Iterator[Rule]:
    if change in LETTER_CHANGES:
        for other in LETTER_CHANGES:
            yield from (Rule("", "", other, (s,)) for s in (SYLLABLES if other == "begun" else ("",)))
        return
    yield Rule("", "", "digit")
    for k in range(1, 10):
        yield from (
            Rule("", "", other, (str(k),)) for other in (("add", "subtract", "times") if k < 4 else ("add", "subtract"))
        )


def _for_ever() -> dict[str, tuple[Rule, ...]]:
    """The rules of testing: each of the twelve names has one, the same on every machine."""
    w = TEST_CODENAMES
    rng = random.Random("rules for ever")
    letters = (
        Rule("", "", "backwards"),
        Rule("", "", "doubled"),
        Rule("", "", "moved"),
        Rule("", "", "begun", ("ka",)),
    )
    numbers = (
        Rule("", "", "add", ("7",)),
        Rule("", "", "subtract", ("4",)),
        Rule("", "", "times", ("2",)),
        Rule("", "", "digit"),
    )
    labels = tuple(invent(rng, "label") for _ in range(4))
    return {
        kind: tuple(rule.named(kind, name) for rule, name in zip(rules, names, strict=True))
        for kind, rules, names in (
            ("label", labels, w[:4]),
            ("letter_rule", letters, w[4:8]),
            ("number_rule", numbers, w[8:]),
        )
    }


TEST_RULES = _for_ever()
