"""Sorting and counting: answers recomputed by other means, workings that hold, contents kept apart."""

import random
import re
from collections import Counter
from itertools import pairwise

import pytest

from models.zoo import sorting
from models.zoo.check import check
from models.zoo.question import Question, Wordings
from models.zoo.sorting import TASKS
from models.zoo.wordlists import ITEMS, SPELLED
from tests.models.zoo.wording import strange_words

WORDINGS = (sorting.WORDS, sorting.NUMBERS, sorting.COUNT_ONE, sorting.COUNT_ALL, sorting.LARGEST)


def made(task: str, split: str, n: int = 200) -> list[Question]:
    """n questions of a task."""
    rng = random.Random(f"{task}-{split}")
    return [TASKS[task](rng, split) for _ in range(n)]


def listed(question: Question) -> list[str]:
    """The longest list with commas in the question."""
    one = rf"(?:\d+|{'|'.join(ITEMS)})\b"
    return str(max(re.findall(rf"\b{one}(?:, {one})+", question.question), key=len)).split(", ")


def counted(question: Question) -> str | None:
    """The thing whose times are asked for: the one outside the list, if there is one."""
    outside = question.question.replace(", ".join(listed(question)), "")
    found = [word for word in re.findall(r"\w+", outside) if word in ITEMS]
    return found[0] if found else None


def step_rows(question: Question) -> list[tuple[list[int], int]]:
    """The steps of a working with numbers: what is looked at, and what is taken."""
    steps = str(question.worked).split(" Answer")[0].rstrip(".").split(". ")
    return [([int(n) for n in left.split()], int(right)) for left, right in (step.split(": ") for step in steps)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_words_are_sorted_by_their_first_letters_which_differ(split: str) -> None:
    for q in made("sort_words", split):
        row = q.answer.split(", ")
        assert all(a[0] < b[0] for a, b in pairwise(row))
        assert all(3 <= len(w) <= 5 for w in row)
        assert 3 <= len(row) <= 4
        assert all(w in q.question for w in row)
        letters = str(q.worked).split(". Answer")[0].split(", sorted ")
        assert letters[1].split() == [w[0] for w in row]
        places = sorted(row, key=lambda w, text=q.question: text.index(w))  # type: ignore[misc]  # bound at once
        assert Counter(letters[0].split()) == Counter(w[0] for w in places)


@pytest.mark.parametrize("split", ["train", "test"])
def test_numbers_are_sorted_as_told_and_taken_out_one_by_one(split: str) -> None:
    both = set()
    for q in made("sort_numbers", split):
        given, row = [int(n) for n in listed(q)], [int(n) for n in q.answer.split(", ")]
        down = re.search(r"largest to|to low|descending|with the largest", q.question) is not None
        both.add(down)
        pairs = list(pairwise(row))
        assert all(a > b for a, b in pairs) if down else all(a < b for a, b in pairs)
        assert Counter(given) == Counter(row)
        assert 3 <= len(row) <= 5
        left = list(given)
        for looked, taken in step_rows(q):
            assert looked == left
            assert taken == (max(looked) if down else min(looked))
            left.remove(taken)
        assert left == []
    assert both == {True, False}


@pytest.mark.parametrize("split", ["train", "test"])
def test_things_are_counted_one_by_one(split: str) -> None:
    kinds = set()
    for q in made("count_items", split, 300):
        row, one = listed(q), counted(q)
        kinds.add(one is None)
        assert int(q.answer) == (len(row) if one is None else Counter(row)[one])
        steps = [step.split() for step in str(q.worked).split(". Answer")[0].split(", ")]
        for i, (thing, n) in enumerate(steps):
            assert thing == row[i]
            assert int(n) == (i + 1 if one is None else row[: i + 1].count(one))
        assert 3 <= len(row) <= 9
    assert kinds == {True, False}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_largest_and_the_smallest_are_found_pair_by_pair(split: str) -> None:
    for q in made("largest", split):
        row = [int(n) for n in listed(q)]
        top = re.search(r"largest|biggest|greatest|highest", q.question) is not None
        assert int(q.answer) == sorted(row)[-1 if top else 0]
        best = row[0]
        for ((a, b), winner), new in zip(step_rows(q), row[1:], strict=True):
            assert (a, b) == (best, new)
            best = winner
            assert winner in (a, b)
        assert best == int(q.answer)


@pytest.mark.parametrize("task", [task for task in TASKS if task != "sort_numbers"])
def test_the_checker_takes_the_reply_and_the_working_and_no_near_miss(task: str) -> None:
    for q in made(task, "test"):
        assert check(q, q.reply) == 1.0
        assert str(q.worked).endswith(f"Answer: {q.answer}")
        assert check(q, str(q.worked)) == 1.0
        first, *rest = q.answer.split(", ")
        assert check(q, ", ".join([*rest, first]) if rest else str(int(first) + 1000)) == 0.0


def test_the_checker_takes_sorted_numbers_and_no_other_order() -> None:
    for q in made("sort_numbers", "test"):
        assert check(q, q.reply) == 1.0
        assert str(q.worked).endswith(f"Answer: {q.answer}")
        assert check(q, str(q.worked)) == 1.0
        first, *rest = q.answer.split(", ")
        assert check(q, ", ".join([*rest, first])) == 0.0


@pytest.mark.parametrize("wordings", WORDINGS)
def test_a_wording_of_testing_is_new_but_its_words_are_not(wordings: Wordings) -> None:
    assert strange_words(wordings) == set()


@pytest.mark.parametrize("task", ["sort_numbers", "count_items", "largest"])
def test_no_content_of_testing_is_drawn_in_training(task: str) -> None:
    trained = {tuple(sorted(listed(q))) for q in made(task, "train", 2000)}
    assert not trained & {tuple(sorted(listed(q))) for q in made(task, "test", 2000)}


def test_no_word_to_sort_in_testing_is_drawn_in_training() -> None:
    trained = {w for q in made("sort_words", "train", 2000) for w in q.answer.split(", ")}
    assert not trained & set(SPELLED)
    assert {w for q in made("sort_words", "test") for w in q.answer.split(", ")} <= set(SPELLED)
