"""Tables are read back from their text and asked again."""

import random
import re

import pytest

from models.zoo import Question, check
from models.zoo.question import Wordings
from models.zoo.tables import NUMBERS, TASKS
from models.zoo.wordings_tables import CELL, COUNT, HIGHEST, LOWEST, ROW

WORDINGS = {"cell": CELL, "row_of": ROW, "count_rows": COUNT, "highest": HIGHEST, "lowest": LOWEST}


def rows_of(question: Question) -> list[dict[str, str]]:
    """The table of a question, from its text alone."""
    assert question.context is not None
    title, *lines = question.context.split("\n")
    assert title == "Table:"
    if lines[0].startswith("|"):
        cells = [line.strip("| ").split(" | ") for line in lines if "-" not in line]
    elif ":" in lines[0]:
        return [{k.lower(): v for k, v in (pair.split(": ") for pair in line.split(", "))} for line in lines]
    else:
        cells = [line.split(", ") for line in lines]
    heads = [head.lower() for head in cells[0]]
    return [dict(zip(heads, line, strict=True)) for line in cells[1:]]


def solved(question: Question) -> str:
    """The answer, found without the generator."""
    rows, asked = rows_of(question), question.question.removeprefix("My teacher asks: ")
    column = next(head for head in rows[0] if head != "name" and re.search(rf"\b{head}\b", asked))
    if question.task == "cell":
        return next(row[column] for row in rows if re.search(rf"\b{row['name']}\b", asked))
    if question.task == "most":
        order = sorted(rows, key=lambda row: int(row[column]))
        return order[-1 if "highest" in asked else 0]["name"]
    hits = [row["name"] for row in rows if re.search(rf"\b{row[column]}\b", asked)]
    return str(len(hits)) if question.task == "count_rows" else " ".join(hits)


def drawn(task: str, split: str, n: int) -> list[Question]:
    rng = random.Random(f"{task} {split}")
    return [TASKS[task](rng, split) for _ in range(n)]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_an_answer_is_found_again_from_the_text(task: str, split: str) -> None:
    for question in drawn(task, split, 200):
        assert solved(question) == question.answer, question.prompt


@pytest.mark.parametrize("task", TASKS)
def test_a_working_quotes_the_table_in_order_and_ends_in_the_answer(task: str) -> None:
    for question in drawn(task, "train", 200):
        assert question.worked is not None
        assert question.worked.endswith(f". Answer: {question.answer}")
        rows, steps = rows_of(question), question.worked.split(". ")[:-1]
        if task == "cell":
            row = next(row for row in rows if row["name"] == steps[0].split(", ")[0].removeprefix("Name "))
            assert (
                steps[0].lower()
                == ", ".join(f"{k} {v}" for k, v in list(row.items())[: len(steps[0].split(", "))]).lower()
            )
        else:
            assert [step.split(":")[0].split()[0] for step in steps] == [row["name"] for row in rows][: len(steps)]
            for step, row in zip(steps, rows, strict=False):
                assert set(
                    re.findall(r"\w+", step.split(", count")[0].partition(": highest")[0].partition(": lowest")[0])
                ) <= set(row.values())


def test_the_running_count_and_the_running_best_are_right_at_every_step() -> None:
    for question in drawn("count_rows", "train", 200):
        steps = str(question.worked).split(". ")[:-1]
        asked = question.question.removeprefix("My teacher asks: ")
        hits = [step.split(": ")[1].split(",")[0] in asked for step in steps]
        assert [int(step.split()[-1]) for step in steps] == [sum(hits[: i + 1]) for i in range(len(hits))]
    for question in drawn("most", "train", 200):
        steps = str(question.worked).split(". ")[:-1]
        numbers = [int(step.split(":")[0].split()[1]) for step in steps]
        best = max if "highest" in question.question else min
        assert [int(step.split()[-1]) for step in steps] == [best(numbers[: i + 1]) for i in range(len(numbers))]


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_another_cell(task: str) -> None:
    for question in drawn(task, "test", 150):
        assert question.worked is not None
        assert check(question, question.reply) == check(question, question.worked) == 1.0
        cells = {cell for row in rows_of(question) for head, cell in row.items() if head not in NUMBERS}
        if question.checker == "number":
            cells = {str(int(question.answer) + 1)}
        for other in cells - {question.answer}:
            assert check(question, other) == 0.0


def test_counts_and_answers_are_spread_over_the_rows() -> None:
    counts = [question.answer for question in drawn("count_rows", "train", 600)]
    assert all(counts.count(str(n)) > 30 for n in range(4))
    places = [[row["name"] for row in rows_of(q)].index(q.answer) for q in drawn("most", "train", 600)]
    assert all(places.count(i) > 60 for i in range(4))


@pytest.mark.parametrize("task", TASKS)
def test_no_group_of_people_of_testing_stands_in_a_table_of_training(task: str) -> None:
    sides = [
        {tuple(row["name"] for row in rows_of(q)) for q in drawn(task, split, 2000)} for split in ("train", "test")
    ]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize("name", WORDINGS)
def test_wordings_of_testing_are_new_and_made_of_known_words(name: str) -> None:
    wordings: Wordings = WORDINGS[name]
    assert len(wordings.train) >= 17
    assert len(wordings.test) >= 5
    assert not set(wordings.train) & set(wordings.test)
    known = set(re.findall(r"\w+", " ".join(wordings.train).lower()))
    assert not set(re.findall(r"\w+", " ".join(wordings.test).lower())) - known
