"""Rules from demonstrations: what a codename stands for cannot be known, only seen from solved questions.

In training a codename has another rule in every question; in testing each has one for ever, so that solved questions
of the past tell it. `shown` carries its examples with it; `pattern` asks for words of the artificial languages.
"""

import random
from collections.abc import Callable
from itertools import islice

from . import wordings_rules as wordings
from .languages import AUTOMATA, belongs, lexicon, near_miss
from .question import Question, draw, held_out, identify
from .rulebook import CATEGORY_OF, TEST_RULES, Rule, examples, invent, parse
from .wordlists import CODENAMES

NAMED = {"label": wordings.LABEL, "letter_rule": wordings.LETTER_RULE, "number_rule": wordings.NUMBER_RULE}
CHECKERS = {"label": "word", "letter_rule": "word", "number_rule": "number"}
HARD = {"backwards": 3, "doubled": 2, "moved": 2, "begun": 2, "add": 2, "subtract": 2, "times": 3}


def label(rng: random.Random, split: str) -> Question:
    """The invented label that a code gives to the category of a word."""
    return _named(rng, "label", split)


def letter_rule(rng: random.Random, split: str) -> Question:
    """What a rule makes of the letters of a word."""
    return _named(rng, "letter_rule", split)


def number_rule(rng: random.Random, split: str) -> Question:
    """What a rule makes of a number of two digits."""
    return _named(rng, "number_rule", split)


def shown(rng: random.Random, split: str) -> Question:
    """A rule without a name that three or four examples in the question show."""
    kind = rng.choice(tuple(NAMED))

    def make() -> tuple[object, ...]:
        rule = invent(rng, kind).named("shown", "")
        return str(rule), next(rule.inputs(rng, split))

    text, given = draw(rng, split, make)
    return _show(rng, parse(str(text)), str(given), split)


def pattern(rng: random.Random, split: str) -> Question:
    """Whether a row of letters is a word of an artificial language; half are, half miss by one letter."""
    return _member(rng, rng.choice(tuple(AUTOMATA)), split)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "label": label,
    "letter_rule": letter_rule,
    "number_rule": number_rule,
    "shown": shown,
    "pattern": pattern,
}


def demonstrations(question: Question, rng: random.Random, n: int, split: str) -> list[Question]:
    """n solved questions under the question's rule, about other inputs, in wordings of the split.

    Three or more tell the answer; of a language, any number only helps. Raises ValueError for a question of another
    family or for more than the rule has inputs.
    """
    if question.rule is None:
        raise ValueError(f"question {question.id!r} has no rule: give one of the family rules")
    rule = parse(question.rule)
    asked = rule.parts[-1]
    rule = Rule(rule.task, rule.name, rule.change, rule.parts[:-1])
    if rule.task == "pattern":
        found: dict[str, Question] = {}
        while len(found) < n:
            one = _member(rng, rule.name, split)
            if one.rule != question.rule:
                found.setdefault(str(one.rule), one)
        return list(found.values())
    if rule.task == "shown":
        fair = (
            one for one in rule.inputs(rng, split) if one != asked and held_out(str(rule), one) == (split == "test")
        )
        others = [_show(rng, rule, given, split) for given in islice(fair, n)]
        return others + [shown(rng, split) for _ in range(n - len(others))]  # each brings its own examples
    inputs = examples(rule, rng, asked, n, split)
    return [_ask(rng, rule, given, split) for given in inputs]


def _named(rng: random.Random, kind: str, split: str) -> Question:
    rule = rng.choice(TEST_RULES[kind]) if split == "test" else invent(rng, kind).named(kind, rng.choice(CODENAMES))
    return _ask(rng, rule, next(rule.inputs(rng, split)), split)


def _ask(rng: random.Random, rule: Rule, given: str, split: str) -> Question:
    """A question about a named rule; it has no working, for only demonstrations tell the rule."""
    text = NAMED[rule.task].pick(rng, split).format(name=rule.name, x=given)
    return _question(rule, given, text, rule.apply(given), CHECKERS[rule.task], None, _difficulty(rule))


def _show(rng: random.Random, rule: Rule, given: str, split: str) -> Question:
    """A question with three or four examples, which tell the answer."""
    chosen = examples(rule, rng, given, rng.choice((3, 4)), split)
    mark = '"{}"' if rule.change in wordings.LETTER_STEPS else "{}"
    said = ", ".join(f"{mark.format(one)} -> {mark.format(rule.apply(one))}" for one in chosen)
    text = wordings.SHOWN.pick(rng, split).format(e=said, x=mark.format(given))
    answer = rule.apply(given)
    worked = f"{_working(rule, chosen, given)} Answer: {answer}"
    checker = "number" if answer.isdigit() else "word"
    return _question(rule, given, text, answer, checker, worked, _difficulty(rule))


def _working(rule: Rule, chosen: list[str], given: str) -> str:
    if rule.change == "":
        alike = next(one for one in chosen if CATEGORY_OF[one] == CATEGORY_OF[given])
        return f"{given} is like {alike}, {alike} -> {rule.apply(alike)}."
    part = rule.parts[0] if rule.parts else ""
    if rule.change in wordings.LETTER_STEPS:
        result = " ".join(rule.apply(given))
        return f"Rule: {wordings.LETTER_STEPS[rule.change].format(part)}. {' '.join(given)}: {result}."
    step = wordings.NUMBER_STEPS[rule.change]
    seen = chosen[0]
    return f"{step.format(seen, part)} = {rule.apply(seen)}. {step.format(given, part)} = {rule.apply(given)}."


def _member(rng: random.Random, language: str, split: str) -> Question:
    right = rng.random() < 0.5

    def make() -> tuple[object, ...]:
        return language, rng.choice(lexicon(language)) if right else near_miss(rng, language)

    _, letters = draw(rng, split, make)
    w = str(letters)
    answer = "yes" if belongs(language, w) else "no"
    text = wordings.PATTERN.pick(rng, split).format(name=language, x=w)
    worked = f"{' '.join(w)}. Answer: {answer}"
    return _question(Rule("pattern", language, ""), w, text, answer, "yes_no", worked, len(w) - 3)


def _difficulty(rule: Rule) -> int:
    return HARD.get(rule.change, 1) if rule.change else len(rule.parts) - 2


def _question(
    rule: Rule, given: str, text: str, answer: str, checker: str, worked: str | None, difficulty: int
) -> Question:
    """The question; its `rule` ends with what was asked, so that demonstrations can leave it out."""
    return Question(
        identify(rule.task, text),
        "rules",
        rule.task,
        text,
        answer,
        answer,
        checker,
        worked,
        difficulty=difficulty,
        rule=f"{rule}|{given}",
    )
