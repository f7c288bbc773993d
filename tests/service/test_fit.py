"""`fit` from a file and from the log: within its budget, resumed, promoted if no worse, and taken up by the service."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from models.errors import BadRequest
from models.types import Message, Request
from router.types import Ended
from service.__main__ import main
from service.commands.demonstrations import Demonstrations, Solved, read_demos, read_log
from service.commands.fit_report import Trial
from service.commands.fits import Made
from service.fitted_files import place, with_fitted
from service.house import opened
from service.sections import StoreTable
from service.settings import load

BACKEND = Path(__file__).parent / "backends" / "learner.py"
ROWS = [
    row
    for i in range(20)
    for row in (
        {"question": f"spell backwards the word otter{i}", "answer": f"otter{i}"[::-1]},
        {"question": f"sum total of {i} plus {i + 2}", "answer": str(2 * i + 2)},
    )
]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings of two models over a database of their own, and a file of demonstrations."""
    (tmp_path / "my.toml").write_text(
        f'[store]\nurl = "sqlite:///{tmp_path / "test.db"}"\n[router]\nseed = 3\n'
        f'[models.small]\nbackend = "{BACKEND}"\n[models.flat]\nbackend = "scripted"\nextra = {{ reply = "4" }}\n'
    )
    demos(tmp_path, ROWS)
    return tmp_path


def demos(folder: Path, rows: Sequence[object], name: str = "demos.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command on the settings of a folder, in this process: its code, and what it printed."""

    def call(folder: Path, *arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--config", str(folder / "my.toml")])
        return code, *capsys.readouterr()

    yield call
    structlog.reset_defaults()  # the commands point it at the stderr of this test


def fitting(folder: Path, strategy: str = "mixture_of_prompts") -> list[str]:
    return ["fit", strategy, "--demos", str(folder / "demos.jsonl"), "--models", "small"]


def test_a_fit_stops_at_its_budget_goes_on_and_is_taken_up_by_the_service(folder: Path, run: Run) -> None:
    code, said, told = run(folder, *fitting(folder), "--budget", "40")
    assert (code, said) == (1, "")
    assert "the budget of 40 calls is spent" in told
    journal = folder / "mixture_of_prompts.small.journal"
    assert len(journal.read_text().splitlines()) == 40
    assert not (folder / "mixture_of_prompts.json").exists()

    code, said, told = run(folder, *fitting(folder))
    assert code == 0
    assert "held out, fitted" in told  # the bars
    rows = {line.split("  ")[0]: line for line in said.splitlines()}
    assert {"direct", "one instruction, random demonstrations", "fitted"} <= set(rows)
    assert "100.0" in rows["fitted"]
    assert "Kept in" in said
    assert "10 questions of" in said
    assert not journal.exists()
    assert set(json.loads((folder / "mixture_of_prompts.json").read_text())) == {"small"}

    with capture_logs():
        answer = asyncio.run(asked(folder, "mixture_of_prompts@small", "spell backwards the word badger"))
    assert answer == "regdab"


async def asked(folder: Path, model: str, question: str) -> str:
    """The answer of the service."""
    async with opened(load(folder / "my.toml", {})) as house:
        decision = await house.engine.decide(Request((Message("user", question),)), model)
        said = [event.text async for event in house.run(decision) if isinstance(event, Ended)]
        return said[-1]


def test_what_is_worse_than_before_is_not_kept_unless_forced(folder: Path, run: Run) -> None:
    with (folder / "my.toml").open("a") as file:
        file.write('[models.proud]\nbackend = "scripted"\nextra = { replies = { "Input: " = "no" }, reply = "4" }\n')
    path = demos(folder, [{"question": f"What is {i} less {i - 4}?", "answer": "4"} for i in range(16)])
    command = ["fit", "mixture_of_prompts", "--demos", str(path), "--models", "proud"]
    code, said, _ = run(folder, *command)
    assert code == 0
    assert "Not kept: -100.0 [-100.0, -100.0] points against what was before (direct)" in said
    assert not (folder / "mixture_of_prompts.json").exists()
    code, said, _ = run(folder, *command, "--force", "--budget", "1")  # every reply is known
    assert code == 0
    assert "because of --force" in said
    assert "proud" in json.loads((folder / "mixture_of_prompts.json").read_text())


def test_a_second_fit_is_compared_with_the_first_and_leaves_other_models_alone(folder: Path, run: Run) -> None:
    path = folder / "mixture_of_prompts.json"
    bad = {"regions": [{"instruction": "", "demos": [["a", "b"]], "centre": [0.0] * 384, "score": 0.0}]}
    path.write_text(json.dumps({"small": bad, "other": {"regions": []}}))
    code, said, _ = run(folder, *fitting(folder))
    assert code == 0
    assert "+100.0 [+100.0, +100.0] points against what was before (in use)" in said
    file = json.loads(path.read_text())
    assert len(file["small"]["regions"]) > 1
    assert file["other"] == {"regions": []}


@pytest.mark.parametrize(
    ("before", "after", "useful", "passes"),
    [
        ([1, 1, 0], [1, 0, 0], True, False),
        ([1, 0, 0], [0, 0, 1], True, False),
        ([1, 0, 0], [1, 0, 0], True, True),
        ([1, 0] * 8, [0, 1] * 8, True, False),
        ([1, 0] * 10, [0, 1] * 10, True, True),
        ([1, 0] * 10, [0, 1] * 9 + [0, 0], True, False),
        ([0, 0, 0], [1, 1, 1], True, True),
        ([0, 0, 0], [0, 0, 0], True, False),
        ([0, 0, 0], [0, 0, 1], False, False),
    ],
)
def test_what_is_no_worse_than_before_beyond_chance_and_right_at_least_once_passes(
    before: list[float], after: list[float], useful: bool, passes: bool
) -> None:
    trial = Trial("small", Made({}, 0, {}, "", useful), {"direct": before, "fitted": after}, "direct", 0)
    assert trial.passes is passes


def test_a_file_in_use_is_kept_on_a_tie() -> None:
    before = [1.0, 0.0] * 10
    for after, passes in (([0.0, 1.0] * 10, False), ([0.0, 1.0] * 9 + [1.0, 1.0], True)):
        scores = {"direct": [0.0] * 20, "in use": before, "fitted": after}
        assert Trial("small", Made({}, 0, {}, "", True), scores, "in use", 0).passes is passes


def test_worked_examples_are_fitted_and_shown(folder: Path, run: Run) -> None:
    code, said, _ = run(folder, *fitting(folder, "analogical"), "--out", str(folder / "mine.json"))
    assert code == 0
    assert f'[strategies.analogical]\nfitted = "{folder / "mine.json"}"' in said
    stored = json.loads((folder / "mine.json").read_text())["small"]["exemplars"]
    assert stored
    assert all(row["question"].startswith("sum") and row["verified"] == "majority, known answer" for row in stored)
    assert "chain of thought" in said


def test_the_log_teaches_by_what_was_rated_well_or_put_right(folder: Path, run: Run) -> None:
    """Of twenty questions: ten were rated well, four badly, six badly and put right."""

    async def live() -> None:
        async with opened(load(folder / "my.toml", {})) as house:
            for i in range(20):
                decision = await house.engine.decide(
                    Request((Message("user", f"sum total of {i} plus 1"),)), "direct@flat"
                )
                async for _ in house.run(decision):
                    pass
                right = str(i + 1) if i >= 14 else None
                await house.store.ratings.rate(decision.id, 1.0 if i < 10 else 0.0, correction=right)
            turns = (
                Message("user", "sum total of 1 plus 1"),
                Message("assistant", "2"),
                Message("user", "and plus 2?"),
            )
            decision = await house.engine.decide(Request(turns), "direct@flat")
            async for _ in house.run(decision):
                pass
            await house.store.ratings.rate(decision.id, 1.0)

    with capture_logs():
        asyncio.run(live())
        found = asyncio.run(read_log(load(folder / "my.toml", {})))
    assert {one.question: one.answers for one in found.solved} == {
        f"sum total of {i} plus 1": ("4",) if i < 10 else (str(i + 1),) for i in (*range(10), *range(14, 20))
    }
    code, said, _ = run(folder, "fit", "mixture_of_prompts", "--log", "--models", "small", "--force")
    assert code == 0
    assert "4 questions of the log were held out" in said
    code, said, _ = run(folder, "tune")
    assert "16 well-rated answers can be compared" in said
    code, said, _ = run(folder, "tune", "--budget", "300", "--json")
    (told,) = [one for one in json.loads(said)["fitted"] if one["what"].startswith("Mixtures")]
    assert any(line.startswith("small: ") and " points against in use (95 %)" in line for line in told["lines"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["direct", "--log"], "strategy 'direct' has nothing to fit; there are mixture_of_prompts, analogical"),
        (["cascade", "--log"], "python -m service tune --apply"),
        (["nothing", "--log"], "unknown strategy 'nothing'"),
        (["analogical", "--log"], "the log holds 0 demonstrations, and 12 or more are needed"),
        (["analogical", "--log", "--models", "big"], "unknown model 'big'; there are small, flat"),
        (["analogical", "--log", "--budget", "0"], "1 or more, not 0"),
        (["analogical", "--log", "--out", "nowhere/x.json"], "in a folder that is there, not 'nowhere/x.json'"),
        (["analogical", "--demos", "none.jsonl"], "cannot read the demonstrations 'none.jsonl': No such file"),
        (["analogical", "--demos", "my.toml"], "a file ending in .jsonl or .csv, not 'my.toml'"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(folder)
    code, said, wrong = run(folder, "fit", *arguments)
    assert (code, said) == (2, "")
    assert told in wrong
    assert len(wrong.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"question": "a", "answer": "b"}, {"question": "c", "answer": " "}], "line 2: answer is empty"),
        ([{"question": "a"}], "line 1: answer is empty"),
        ([{"answer": "a"}], "line 1: question is empty"),
        (["{"], "line 1: not JSON"),
        (["[1]"], "line 1: should be an object"),
        ([{"question": "a", "answer": "b", "checker": "magic"}], "unknown checker 'magic'; there are same, exact"),
        ([{"question": "a", "answer": "b", "checker": "number"}], "the checker is number, and 'b' is none"),
    ],
)
def test_a_row_that_cannot_be_meant_is_named(tmp_path: Path, rows: list[object], told: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(told)):
        read_demos(demos(tmp_path, rows))


def test_a_file_that_is_no_result_of_a_fit_is_not_overwritten(folder: Path, run: Run) -> None:
    (folder / "mine.json").write_text("[1]")
    code, _, wrong = run(folder, *fitting(folder), "--out", str(folder / "mine.json"))
    assert code == 2
    assert "is no file of fitted prompts" in wrong
    assert (folder / "mine.json").read_text() == "[1]"


def test_csv_and_the_zoos_questions_are_read_and_each_question_counts_once(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('question,answer,checker\n"What, is 2 + 2?",4,\n"What, is 2 + 2?",5,\nb,c,exact\n')
    assert read_demos(tmp_path / "d.csv").solved == [Solved("What, is 2 + 2?", ("4",)), Solved("b", ("c",), "exact")]
    row = {
        "id": "x",
        "family": "reading",
        "question": "Who?",
        "answer": "Ann",
        "context": "It is Ann.",
        "checker": "word",
    }
    (one,) = read_demos(demos(tmp_path, [row])).solved
    assert one.question == "It is Ann.\n\nWho?"
    assert (one.score("Ann."), one.score("Ann or Bob")) == (1.0, 0.0)
    (tmp_path / "d.csv").write_text("q,a\n1,2\n")
    with pytest.raises(BadRequest, match="no column question, answer"):
        read_demos(tmp_path / "d.csv")


def test_a_reply_is_right_by_the_checker_of_its_row() -> None:
    assert Solved("q", ("1/2",)).score("So it is 0.5.\nAnswer: 0.5") == 1.0
    assert Solved("q", ("Paris", "Lutetia")).score("Lutetia") == 1.0
    assert Solved("q", ("1/2",), "exact").score("0.5") == 0.0
    assert Solved("q", ("in  May",), "contains").score("It was in may 1990.") == 1.0


def test_prose_without_a_marked_answer_is_open() -> None:
    prose = (
        "Because of this and that and much more that has to be told in rather many words before it can be seen at all."
    )
    found = Demonstrations(
        [Solved("a", (prose,)), Solved("b", (f"{prose}\nAnswer: 4",)), Solved("c", ("4",))], "a test"
    )
    assert [demo.question for demo in found.open_ones] == ["a"]
    assert [demo.question for demo in found.scored] == ["b", "c"]


def test_files_beside_the_database_are_taken_up_unless_the_settings_name_others(folder: Path) -> None:
    settings = load(folder / "my.toml", {})
    assert with_fitted(settings) == settings
    assert place(settings, "analogical") == folder / "analogical.json"
    (folder / "analogical.json").write_text("{}")
    assert with_fitted(settings).strategies.params["analogical"] == {"fitted": str(folder / "analogical.json")}
    with (folder / "my.toml").open("a") as file:
        file.write('[strategies.analogical]\nfitted = "other.json"\nk = 2\n')
    named = with_fitted(load(folder / "my.toml", {}))
    assert named.strategies.params["analogical"] == {"fitted": str(folder / "other.json"), "k": 2}
    elsewhere = named.model_copy(update={"store": StoreTable(url="postgresql+psycopg://db/x")})
    assert place(elsewhere, "mixture_of_prompts") == Path("mixture_of_prompts.json")
