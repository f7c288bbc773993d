"""Logic over kinds that do not exist: what follows for somebody from rules about the kinds they belong to."""

import random
from collections.abc import Callable
from itertools import pairwise

from .question import Question, Wordings, draw, identify

KINDS = (
    *("wumpus", "yumpus", "zumpus", "tumpus", "rompus", "numpus", "jompus", "vumpus", "grimpus", "lorpus"),
    *("zorple", "norple", "gorple", "blick", "flim", "drog", "snarp", "tove", "wug", "fep"),
    *("borogo", "mome", "rath", "snork", "quib", "plonk", "dax", "lorp", "zib", "kern"),
)
TRAITS = (
    *("blue", "red", "green", "cold", "warm", "small", "big", "soft"),
    *("loud", "kind", "brave", "slow", "fast", "bright", "shy", "happy"),
)
NAMES = ("Rex", "Max", "Sam", "Lily", "Fae", "Sally", "Alex", "Polly", "Wren", "Stella", "Pip", "Dot")
CHAIN = Wordings(
    (
        "{t} Is {x} {p}?",
        "{t} So is {x} {p}?",
        "{t} Is {x} {p}, yes or no?",
        "{t} Yes or no: is {x} {p}?",
        "{t} Is it true that {x} is {p}?",
        "{t} Does it follow that {x} is {p}?",
        "{t} Can we say that {x} is {p}?",
        "{t} Now tell me: is {x} {p}?",
        "{t} From these rules, is {x} {p}?",
        "{t} By these rules, must {x} be {p}?",
        "These rules hold. {t} Is {x} {p}?",
        "Here are some rules. {t} Is {x} {p}?",
        "Read the rules. {t} Is {x} {p}?",
        "Use the rules. {t} Is it true that {x} is {p}?",
        "We know this: {t} Is {x} {p}?",
        "Is {x} {p}? Here is what we know: {t}",
        "Is it true that {x} is {p}? Read this: {t}",
        "Say yes or no: is {x} {p}? The rules: {t}",
        "Does it follow that {x} is {p}? {t}",
    ),
    (
        "Read this: {t} So is {x} {p}?",
        "Here are the rules: {t} Is it true that {x} is {p}?",
        "{t} By these rules, is {x} {p}?",
        "Use these rules. {t} Is {x} {p}, yes or no?",
        "Is {x} {p}, yes or no? Here are the rules: {t}",
        "We know this: {t} Does it follow that {x} is {p}?",
    ),
)
WHICH = Wordings(
    (
        "{t} Which of {l} is a {k}?",
        "{t} Who of {l} is a {k}?",
        "{t} So which of {l} is a {k}?",
        "{t} Who is a {k}: {l}?",
        "{t} One of {l} is a {k}. Which one?",
        "{t} One of {l} is a {k}. Who is it?",
        "{t} Name the one of {l} that is a {k}.",
        "{t} Find the one that is a {k} among {l}.",
        "{t} Now tell me which of {l} is a {k}.",
        "{t} From these rules, which of {l} is a {k}?",
        "{t} By these rules, who of {l} is a {k}?",
        "These rules hold. {t} Which of {l} is a {k}?",
        "Here are some rules. {t} Which of {l} is a {k}?",
        "Read the rules. {t} Who of {l} is a {k}?",
        "Use the rules. {t} Which of {l} is a {k}?",
        "We know this: {t} Which of {l} is a {k}?",
        "Which of {l} is a {k}? Here is what we know: {t}",
        "Which of {l} is a {k}? Read this: {t}",
        "Who of {l} is a {k}? The rules: {t}",
    ),
    (
        "Read this: {t} Which of {l} is a {k}?",
        "Here are the rules: {t} Who of {l} is a {k}?",
        "{t} By these rules, which of {l} is a {k}?",
        "Use these rules. {t} One of {l} is a {k}. Which one?",
        "Who is a {k}: {l}? Here is what we know: {t}",
        "We know this: {t} Name the one of {l} that is a {k}.",
    ),
)


def chain(rng: random.Random, split: str) -> Question:
    """Is somebody of a trait? One to four rules lead there; others lead somebody else to the opposite."""
    depth, positive = rng.randint(1, 4), rng.random() < 0.5

    def make() -> tuple[object, ...]:
        picked.append((rng.sample(NAMES, 2), rng.sample(KINDS, 10), rng.choice(TRAITS)))
        (who, _), kinds, trait = picked[-1]
        return ("chain", who, *kinds[:depth], trait)

    picked: list[tuple[list[str], list[str], str]] = []
    draw(rng, split, make)
    (who, other), kinds, trait = picked[-1]
    own, away = kinds[:depth], kinds[4 : 4 + rng.randint(1, 4)]
    last = _trait_rule(own[-1], trait, positive)
    sentences = [*_path(who, own), last, *_path(other, away), _trait_rule(away[-1], trait, not positive)]
    spare = rng.sample([one for one in TRAITS if one != trait], rng.randint(0, 2))
    kept = rng.sample([*own, *away, *kinds[8:]], len(spare))
    sentences += [_trait_rule(kind, one, rng.random() < 0.5) for kind, one in zip(kept, spare, strict=True)]
    rng.shuffle(sentences)
    text = CHAIN.pick(rng, split).format(t=" ".join(sentences), x=who, p=trait)
    answer = "yes" if positive else "no"
    worked = f"{_walk(who, own)} {last} So {who} is {'' if positive else 'not '}{trait}. Answer: {answer}"
    return Question(identify("chain", text), "logic", "chain", text, answer, answer, "yes_no", worked, difficulty=depth)


def which(rng: random.Random, split: str) -> Question:
    """Who of two or three is of a kind? For each of them rules lead from kind to kind; one of them gets there."""
    depth = rng.randint(1, 3)

    def make() -> tuple[object, ...]:
        picked.append((rng.sample(NAMES, rng.choice((2, 3))), rng.sample(KINDS, 12)))
        names, kinds = picked[-1]
        return ("which", names[0], *kinds[: depth + 1])

    picked: list[tuple[list[str], list[str]]] = []
    draw(rng, split, make)
    names, kinds = picked[-1]
    own = kinds[: depth + 1]
    sentences = _path(names[0], own)
    for i, name in enumerate(names[1:], 1):
        sentences += _path(name, kinds[4 * i : 4 * i + rng.randint(2, 4)])
    rng.shuffle(sentences)
    asked = rng.sample(names, len(names))
    listed = f"{', '.join(asked[:-1])} and {asked[-1]}"
    text = WHICH.pick(rng, split).format(t=" ".join(sentences), l=listed, k=own[-1])
    back = " ".join([*(_rule(a, b) for a, b in reversed(list(pairwise(own)))), _is(names[0], own[0])])
    worked = f"{back} So {_is(names[0], own[-1])} Answer: {names[0]}"
    return Question(
        identify("which", text), "logic", "which", text, names[0], names[0], "word", worked, difficulty=depth
    )


TASKS: dict[str, Callable[[random.Random, str], Question]] = {"chain": chain, "which": which}


def _is(who: str, kind: str) -> str:
    return f"{who} is a {kind}."


def _rule(kind: str, above: str) -> str:
    return f"Every {kind} is a {above}."


def _trait_rule(kind: str, trait: str, positive: bool) -> str:
    return f"{'Every' if positive else 'No'} {kind} is {trait}."


def _path(who: str, kinds: list[str]) -> list[str]:
    """Who belongs to the first kind, and the rules that lead to the last."""
    return [_is(who, kinds[0]), *(_rule(a, b) for a, b in pairwise(kinds))]


def _walk(who: str, kinds: list[str]) -> str:
    """The path with what each of its rules says of who."""
    steps = [_is(who, kinds[0])]
    for a, b in pairwise(kinds):
        steps += [_rule(a, b), f"So {_is(who, b)}"]
    return " ".join(steps)
