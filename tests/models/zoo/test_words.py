"""Words and letters: answers recomputed by other means, workings that hold, and test words never trained on."""

import random
import re
from collections import Counter

import pytest

from models.zoo.check import check
from models.zoo.question import Question, Wordings
from models.zoo.words import BACKWARDS, COUNT, LETTER, NTH, ORDINALS, SPELLED, TASKS
from tests.models.zoo.wording import strange_words

WORDINGS = {"backwards": BACKWARDS, "count_letter": COUNT, "nth_letter": LETTER, "nth_word": NTH}


def made(task: str, split: str, n: int = 200) -> list[Question]:
    """n questions of a task."""
    rng = random.Random(f"{task}-{split}")
    return [TASKS[task](rng, split) for _ in range(n)]


def quoted(question: Question) -> list[str]:
    """What stands in double quotes, the word before the letter."""
    return sorted(re.findall(r'"([a-z]+)"', question.question), key=len, reverse=True)


def ordinal(question: Question) -> int:
    """The place that is asked for, from 0 (a template may say "first" or "second" only as its field)."""
    return next(i for i, name in enumerate(ORDINALS) if re.search(rf"\b{name}\b", question.question))


def sentence(question: Question) -> list[str]:
    """The row of words after the colon that stands before it."""
    found = max(re.findall(r": ((?:[a-z]+ ){3,6}[a-z]+)[.?]", question.question), key=len)
    return str(found).split()


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_answers_are_right_when_recomputed(split: str) -> None:
    for q in made("backwards", split):
        assert list(q.answer) == [quoted(q)[0][-i] for i in range(1, len(q.answer) + 1)]
        assert len(q.answer) == len(quoted(q)[0])
    for q in made("count_letter", split):
        assert int(q.answer) == Counter(quoted(q)[0])[quoted(q)[-1]]
    for q in made("nth_letter", split):
        assert q.answer == quoted(q)[0][ordinal(q)]
    for q in made("nth_word", split):
        assert q.answer == sentence(q)[ordinal(q)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_steps_of_a_working_hold(split: str) -> None:
    for q in made("backwards", split):
        forth, back = str(q.worked).split(". Answer")[0].split(", backwards ")
        assert forth.replace(" ", "") == quoted(q)[0]
        assert back.replace(" ", "") == q.answer
    for q in made("count_letter", split):
        steps = [step.split() for step in str(q.worked).split(". Answer")[0].split(", ")]
        assert "".join(letter for letter, _ in steps) == quoted(q)[0]
        assert all(int(n) == quoted(q)[0][: i + 1].count(quoted(q)[-1]) for i, (_, n) in enumerate(steps))
    for task in ("nth_letter", "nth_word"):
        for q in made(task, split):
            steps = [step.split() for step in str(q.worked).split(". Answer")[0].split(", ")]
            row = quoted(q)[0] if task == "nth_letter" else sentence(q)
            assert steps == [[str(i + 1), row[i]] for i in range(ordinal(q) + 1)]


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_no_near_miss(task: str) -> None:
    for q in made(task, "test"):
        assert check(q, q.reply) == 1.0
        assert q.worked is not None
        assert q.worked.endswith(f"Answer: {q.answer}")
        assert check(q, q.worked) == 1.0
        miss = str(int(q.answer) + 1) if q.checker == "number" else f"{q.answer}x"
        assert check(q, miss) == 0.0


@pytest.mark.parametrize("wordings", WORDINGS.values())
def test_a_wording_of_testing_is_new_but_its_words_are_not(wordings: Wordings) -> None:
    assert strange_words(wordings) == set()


def test_no_word_or_row_of_testing_is_drawn_in_training() -> None:
    for task in ("backwards", "count_letter", "nth_letter"):
        assert not {quoted(q)[0] for q in made(task, "train", 2000)} & set(SPELLED)
        assert {quoted(q)[0] for q in made(task, "test")} <= set(SPELLED)
    trained = {tuple(sentence(q)) for q in made("nth_word", "train", 2000)}
    assert not trained & {tuple(sentence(q)) for q in made("nth_word", "test", 2000)}


def test_words_to_spell_have_three_to_seven_letters() -> None:
    for task in ("backwards", "count_letter", "nth_letter"):
        assert {len(quoted(q)[0]) for q in made(task, "train", 400)} == {3, 4, 5, 6, 7}
