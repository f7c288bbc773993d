"""Dates and units: the calendar and the clock of the standard library agree, and contents are kept apart."""

import re
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from models.zoo.check import check
from models.zoo.dates import CLOCK, DAYS, MONTH, MONTHS, TASKS, UNIT, WEEKDAY
from models.zoo.question import Question, Wordings
from tests.models.zoo.draws import check_working, drawn, numbers, unseen

MONDAY = date(2024, 1, 1)
SIZES = {
    ("weeks", "days"): timedelta(weeks=1) // timedelta(days=1),
    ("days", "hours"): timedelta(days=1) // timedelta(hours=1),
    ("hours", "minutes"): timedelta(hours=1) // timedelta(minutes=1),
    ("minutes", "seconds"): timedelta(minutes=1) // timedelta(seconds=1),
    ("years", "months"): 12,
    ("dozens", "pieces"): 12,
    ("metres", "centimetres"): 100,
    ("kilograms", "grams"): 1000,
}


def named(question: Question, names: tuple[str, ...]) -> str:
    """The one of the names that the question mentions."""
    (found,) = (name for name in names if re.search(rf"\b{name}\b", question.question))
    return found


def expected(question: Question) -> str:
    """The answer by the standard library."""
    said = numbers(question.question)
    if question.task == "weekday":
        start = MONDAY + timedelta(days=DAYS.index(named(question, DAYS)))
        return (start + timedelta(days=said[0])).strftime("%A")
    if question.task == "month":
        back = re.search(r"\b(?:before|earlier)\b", question.question) is not None
        at = MONTHS.index(named(question, MONTHS)) + (-said[0] if back else said[0])
        return date(2024, at % 12 + 1, 1).strftime("%B")
    if question.task == "clock":
        (time,) = re.findall(r"\d\d:\d\d", question.question)
        (n,) = numbers(question.question.replace(time, ""))
        return (datetime.strptime(time, "%H:%M") + timedelta(minutes=n)).strftime("%H:%M")
    words = set(re.findall(r"[a-z]+", question.question))
    ((large, small),) = (pair for pair in SIZES if words >= set(pair))
    counts = {unit: int(n) for n, unit in re.findall(r"(\d+) (\w+)", question.question)}
    return str(counts[large] * SIZES[large, small] + counts.get(small, 0))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_the_answer_agrees_with_the_calendar_and_the_clock(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split):
        assert question.answer == expected(question), question.question


@pytest.mark.parametrize("task", TASKS)
def test_the_working_holds_and_ends_in_the_answer(task: str) -> None:
    check_working(TASKS[task])


@pytest.mark.parametrize(("task", "names"), [("weekday", DAYS), ("month", MONTHS)])
def test_the_days_and_months_are_counted_on_one_by_one(task: str, names: tuple[str, ...]) -> None:
    for question in drawn(TASKS[task], "train"):
        counted = str(question.worked).split(" Answer")[0].split(". ")[-1].rstrip(".").split(", ")
        places = [names.index(entry.split()[-1]) for entry in counted]
        step = -1 if re.search(r"\b(?:before|earlier)\b", question.question) else 1
        assert all((after - before) % len(names) == step % len(names) for before, after in pairwise(places))
        assert [entry.split()[0] for entry in counted[1:]] == [str(i) for i in range(1, len(counted))]
        assert counted[-1].split()[-1] == question.answer


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_a_near_miss(task: str) -> None:
    near = {"weekday": DAYS, "month": MONTHS, "clock": ("14:30", "14:31"), "units": ("77", "78")}[task]
    for question in drawn(TASKS[task], "test"):
        assert check(question, question.reply) == check(question, str(question.worked)) == 1.0
        assert all(check(question, other) == 0.0 for other in near if other != question.answer)


@pytest.mark.parametrize("task", TASKS)
def test_no_content_of_the_test_side_is_trained_on(task: str) -> None:
    sides = [{asked(q) for q in drawn(TASKS[task], split, 2000)} for split in ("train", "test")]
    assert not sides[0] & sides[1]


def asked(question: Question) -> str:
    """What a question is about, whatever its words: its numbers and names, the direction, and what was found."""
    said = re.sub("earlier", "before", question.question)
    names = "|".join((*DAYS, *MONTHS, *sum(SIZES, ()), "before"))
    return " ".join(sorted(set(re.findall(rf"\d+:\d+|\d+|\b(?:{names})\b", said)))) + f" {question.answer}"


@pytest.mark.parametrize("wordings", [WEEKDAY, MONTH, CLOCK, UNIT])
def test_wordings_for_testing_are_new_and_made_of_known_words(wordings: Wordings) -> None:
    assert len(set(wordings.train)) >= 17
    assert len(set(wordings.test) - set(wordings.train)) >= 5
    assert unseen(wordings) == set()
