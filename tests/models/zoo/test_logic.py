"""What follows from the rules is found again by another way of reading them."""

import random
import re

import pytest

from models.zoo import Question, check
from models.zoo.logic import CHAIN, NAMES, TASKS, TRAITS, WHICH
from models.zoo.question import Wordings

IS = re.compile(r"(?<!and )\b([A-Z]\w+) is a (\w+)\.")
RULE = re.compile(r"\bEvery (\w+) is a (\w+)\.")
TRAIT = re.compile(r"\b(Every|No) (\w+) is (?!a )(\w+)\.")


def kinds_of(who: str, text: str) -> set[str]:
    """Every kind that somebody belongs to by the text."""
    found = {kind for name, kind in IS.findall(text) if name == who}
    for _ in range(9):
        found |= {above for kind, above in RULE.findall(text) if kind in found}
    return found


def traits_of(who: str, text: str) -> set[tuple[str, str]]:
    """Every trait that somebody has ("Every") or has not ("No") by the text."""
    kinds = kinds_of(who, text)
    return {(sign, trait) for sign, kind, trait in TRAIT.findall(text) if kind in kinds}


def drawn(task: str, split: str, n: int) -> list[Question]:
    rng = random.Random(f"{task} {split}")
    return [TASKS[task](rng, split) for _ in range(n)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_trait_follows_exactly_as_answered_and_its_opposite_never_does(split: str) -> None:
    for question in drawn("chain", split, 300):
        asked = re.search(rf"\b({'|'.join(NAMES)}) (?:is |be )?({'|'.join(TRAITS)})(?:\?|,)", question.question)
        assert asked is not None, question.question
        signs = {sign for sign, trait in traits_of(asked[1], question.question) if trait == asked[2]}
        assert signs == {"Every" if question.answer == "yes" else "No"}


@pytest.mark.parametrize("split", ["train", "test"])
def test_exactly_one_of_the_names_is_of_the_kind(split: str) -> None:
    for question in drawn("which", split, 300):
        asked = re.search(
            r"\b(?:is|who is|that is) a (\w+)(?:\?|:| among|\. (?:Which one|Who is it)|\.$)", _bare(question)
        )
        assert asked is not None, question.question
        right = [name for name in NAMES if asked[1] in kinds_of(name, question.question)]
        assert right == [question.answer]


@pytest.mark.parametrize("task", TASKS)
def test_a_working_quotes_the_rules_and_concludes_only_what_follows(task: str) -> None:
    for question in drawn(task, "train", 200):
        assert question.worked is not None
        *steps, last = re.split(r"(?<=\.) ", question.worked)
        assert last == f"Answer: {question.answer}"
        for i, step in enumerate(steps):
            if not step.startswith("So "):
                assert step in question.question
                continue
            before = " ".join(steps[:i])
            who, what = step[3:-1].split(" is ")
            sign = "No" if what.startswith("not ") else "Every"
            of_kind = what.removeprefix("a ") in kinds_of(who, before)
            assert of_kind or (sign, what.removeprefix("not ")) in traits_of(who, before)


def test_yes_and_no_are_as_frequent_at_every_depth_and_the_rules_name_both_signs() -> None:
    made = drawn("chain", "train", 2000)
    for depth in (1, 2, 3, 4):
        answers = [question.answer for question in made if question.difficulty == depth]
        assert 0.43 < answers.count("yes") / len(answers) < 0.57
    for question in made:
        signs = {(sign, trait) for sign, _, trait in TRAIT.findall(question.question)}
        assert any(("No", trait) in signs and ("Every", trait) in signs for trait in TRAITS)


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_a_near_miss(task: str) -> None:
    wrong = {"yes": "No", "no": "Yes"}
    for question in drawn(task, "test", 100):
        assert question.worked is not None
        assert check(question, question.reply) == check(question, question.worked) == 1.0
        other = wrong.get(question.answer) or next(name for name in NAMES if name != question.answer)
        assert check(question, other) == check(question, f"{question.worked} Answer: {other}") == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_no_path_of_rules_of_testing_is_walked_in_training(task: str) -> None:
    train, test = ({question.worked for question in drawn(task, split, 2000)} for split in ("train", "test"))
    assert not train & test


@pytest.mark.parametrize("wordings", [CHAIN, WHICH])
def test_wordings_of_testing_are_new_and_made_of_known_words(wordings: Wordings) -> None:
    assert len(wordings.train) >= 17
    assert len(wordings.test) >= 5
    assert len({*wordings.train, *wordings.test}) == len(wordings.train) + len(wordings.test)
    known = set(re.findall(r"\w+", " ".join(wordings.train).lower()))
    assert not set(re.findall(r"\w+", " ".join(wordings.test).lower())) - known


def _bare(question: Question) -> str:
    """The question without its facts and rules, and without thanks."""
    text = RULE.sub("", IS.sub("", question.question))
    return text.replace("Answer briefly.", "").replace("Thank you.", "").strip()
