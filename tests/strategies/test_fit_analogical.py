"""The store of worked examples: only what a majority and one thing more bear out, and it is what the model sees."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from models.errors import BadRequest
from models.intervals import paired
from models.scripted import Scripted
from models.types import Request
from strategies.analogical import analogical
from strategies.core.demos import Demo
from strategies.fitted.fit_analogical import SAMPLES, Store, entry_of, fill
from strategies.fitted.held_out import parted
from tests.strategies.stage import run

SUM = "What do 2 boxes of 3 pens and 4 more pens make?"
ESSAY = "Why do the leaves of trees fall in autumn and what does the tree gain by it before the winter comes along?"
PROSE = (
    "Because the tree saves water and warmth by letting go of them, which it could not do through the frozen ground."
)


def drawing(said: Mapping[str, list[str]]) -> Callable[[Request], str]:
    """Says for each question its replies in turn."""
    left = {question: list(replies) for question, replies in said.items()}
    return lambda request: left[request.messages[0].text.split("\n")[0]].pop(0)


def right(demo: Demo, reply: str) -> float:
    return float(reply.rsplit("Answer: ")[-1] == demo.answer)


async def stored(demo: Demo, replies: list[str], peer: str | None = None) -> Store:
    model = Scripted("small", drawing({demo.question: replies}))
    return await fill([demo], right, model, None if peer is None else Scripted("large", peer))


async def test_a_working_that_most_samples_and_the_known_answer_bear_out_is_kept() -> None:
    found = await stored(Demo(SUM, "10"), ["2 * 3 + 4 = 10\nAnswer: 10"] * 3 + ["Answer: 9", "Answer: 11"])
    (kept,) = found.exemplars
    assert (kept.question, kept.answer, kept.verified) == (SUM, "2 * 3 + 4 = 10\nAnswer: 10", "majority, known answer")
    assert (found.calls, found.tried) == (SAMPLES, 1)


@pytest.mark.parametrize(
    ("answer", "replies"),
    [
        ("10", ["Answer: 10"] * 2 + ["Answer: 9", "Answer: 8", "Answer: 7"]),  # no majority
        ("9", ["Answer: 10"] * 5),  # the majority is wrong
        ("10", ["2 * 3 + 4 = 11, so\nAnswer: 10"] * 5),  # a false step
        ("10", [""] * 5),
    ],
)
async def test_without_a_majority_or_with_a_wrong_answer_or_a_false_step_nothing_is_kept(
    answer: str, replies: list[str]
) -> None:
    assert (await stored(Demo(SUM, answer), replies, peer=replies[0])).exemplars == ()


async def test_of_the_majority_the_first_working_without_a_false_step_is_kept() -> None:
    replies = ["2 + 3 = 6\nAnswer: 10", "2 * 3 = 6\n6 + 4 = 10\nAnswer: 10", *["Answer: 10"] * 3]
    assert [one.answer for one in (await stored(Demo(SUM, "10"), replies)).exemplars] == [replies[1]]


async def test_where_the_known_answer_is_prose_arithmetic_or_a_second_model_must_bear_it_out() -> None:
    by_sum = await stored(Demo(SUM, PROSE), ["2 * 3 + 4 = 10\nAnswer: 10"] * 5)
    assert [one.verified for one in by_sum.exemplars] == ["majority, arithmetic"]
    by_peer = await stored(Demo(ESSAY, PROSE), ["Answer: water"] * 5, peer="Answer: water")
    assert [one.verified for one in by_peer.exemplars] == ["majority, large"]
    assert by_peer.calls == SAMPLES + 1
    assert (await stored(Demo(ESSAY, PROSE), ["Answer: water"] * 5, peer="Answer: light")).exemplars == ()
    assert (await stored(Demo(ESSAY, PROSE), ["Answer: water"] * 5)).exemplars == ()


async def test_without_a_question_there_is_nothing_to_work() -> None:
    with pytest.raises(BadRequest, match="needs questions"):
        await fill([], right, Scripted("small", ""), None)


def imitating(request: Request) -> str:
    """Adds right if every example shown adds right, else one too much: it does as it is shown."""
    *shown, asked = re.findall(r"Input: sum of (\d+) and (\d+)\nOutput:(?: Answer: (\d+))?", request.messages[-1].text)
    off = int(any(int(a) + int(b) != int(c) for a, b, c in shown))
    return f"Answer: {int(asked[0]) + int(asked[1]) + off}"


async def test_with_all_cached_examples_corrupted_accuracy_drops(tmp_path: Path) -> None:
    demos = [Demo(f"sum of {i} and {i + 3}", str(2 * i + 3)) for i in range(20)]

    def work(request: Request) -> str:
        a, b = map(int, re.findall(r"\d+", request.messages[0].text))
        return f"Answer: {a + b}"

    entry = entry_of(await fill(demos[:8], right, Scripted("small", work), None), "a test")
    assert len(entry["exemplars"]) == 8
    scores = {}
    for name, change in (("right", 0), ("corrupted", 7)):
        rows = [{**row, "answer": f"Answer: {int(row['answer'].split()[-1]) + change}"} for row in entry["exemplars"]]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"small": {**entry, "exemplars": rows}}))
        said = [await run(analogical, demo.question, imitating, fitted=str(path)) for demo in demos[8:]]
        scores[name] = sum(right(demo, one.text) for demo, one in zip(demos[8:], said, strict=True))
        assert all(len(one.calls) == 1 for one in said)
    assert scores == {"right": 12.0, "corrupted": 0.0}


def test_what_is_held_out_is_a_quarter_that_is_not_taught() -> None:
    demos = [Demo(str(i), "") for i in range(40)]
    parts = parted(demos, 1)
    assert (len(parts.teaching), len(parts.held_out)) == (30, 10)
    assert {*parts.teaching, *parts.held_out} == set(demos)
    assert parted(demos, 1) == parts != parted(demos, 2)
    assert len(parted(demos * 20, 1).held_out) == 100


def test_a_gain_is_paired() -> None:
    found = paired([1, 1, 1, 0], [0, 1, 0, 0])
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * (1 / 3) ** 0.5 / 2, abs=1e-3)
    assert paired([1, 1], [0, 0]).signed == "+100.0 [+100.0, +100.0]"
