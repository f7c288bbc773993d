"""Word problems: the stories told again by their verbs come to the answer, and their numbers are kept apart."""

import re

import pytest

from models.zoo.check import check
from models.zoo.question import Question, Wordings
from models.zoo.word_problems import ONE, TASKS, TWO
from tests.models.zoo.draws import check_working, drawn, numbers, unseen

ROWS = re.compile(r"\b(?:bags?|boxes|rows|days)\b")
LOST = re.compile(r"gives \d+ (?:\w+ to a|of the \w+ away|away)|loses|sells|takes|taken")
STORIES = {**{f"one {kind}": told for kind, told in ONE.items()}, **{f"two {kind}": told for kind, told in TWO.items()}}


def retold(question: Question) -> int:
    """The story's result, sentence by sentence."""
    total = None
    for sentence in re.split(r"(?<=[.?]) ", question.question):
        found = numbers(sentence)
        if len(found) == 2:
            total = found[0] * found[1]
        elif found and total is None:
            total = found[0]
        elif found and total is not None:
            if ROWS.search(sentence):
                total *= found[0]
            else:
                total += -found[0] if LOST.search(sentence) else found[0]
    assert total is not None
    return total


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_the_answer_is_what_the_story_comes_to(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split, 400):
        assert int(question.answer) == retold(question), question.question
        assert 0 <= int(question.answer) <= 999
        assert all(n <= 99 for n in numbers(question.question))


@pytest.mark.parametrize("task", TASKS)
def test_the_working_holds_and_ends_in_the_answer(task: str) -> None:
    check_working(TASKS[task])


def test_two_steps_are_two_equations_of_which_the_second_goes_on_from_the_first() -> None:
    for question in drawn(TASKS["two_step"], "train"):
        first, second = re.findall(r"\d+ . \d+ = \d+", str(question.worked))
        assert first.split()[-1] == second.split()[0]
        assert second.split()[-1] == question.answer


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_one_more(task: str) -> None:
    for question in drawn(TASKS[task], "test"):
        assert check(question, question.reply) == check(question, str(question.worked)) == 1.0
        assert check(question, f"Answer: {int(question.answer) + 1}") == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_no_calculation_of_the_test_side_is_trained_on(task: str) -> None:
    sides = [
        {str(q.worked).split(" Answer")[0].split(":")[0] for q in drawn(TASKS[task], split, 2000)}
        for split in ("train", "test")
    ]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize("wordings", STORIES.values(), ids=STORIES)
def test_stories_for_testing_are_new_and_made_of_known_words(wordings: Wordings) -> None:
    assert len(set(wordings.train)) >= 17
    assert len(set(wordings.test) - set(wordings.train)) >= 5
    assert not set(wordings.test) & set(wordings.train)
    assert unseen(wordings) == set()
