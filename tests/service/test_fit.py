"""`fit` from a file and from the log: within its budget, resumed, promoted if no worse, and taken up by the service."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from models.types import Message, Request
from service.__main__ import main
from service.commands.demonstrations import Demonstrations, Solved, read_demos
from service.fitted_files import place, with_fitted
from service.house import opened
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


async def asked(folder: Path, model: str, question: str, score: float | None = None, correction: str = "") -> str:
    """The answer of the service; rated, or put right, where that is given."""
    async with opened(load(folder / "my.toml", {})) as house:
        decision = await house.engine.decide(Request((Message("user", question),)), model)
        text = [event.text async for event in house.run(decision) if hasattr(event, "outcome")]
        if score is not None:
            await house.store.ratings.rate(decision.id, score, correction=correction or None)
        return str(text[-1])


def test_what_is_worse_than_before_is_not_kept_unless_forced(folder: Path, run: Run) -> None:
    assert run(folder, *fitting(folder))[0] == 0
    before = (folder / "mixture_of_prompts.json").read_text()
    # Of these every answer is wrong by what the model does when it is shown them, and right when asked as before.
    worse = [{**row, "answer": "?", "checker": "exact"} for row in ROWS]
    demos(folder, worse)
    (folder / "mixture_of_prompts.json").unlink()
    code, said, _ = run(folder, *fitting(folder), "--seed", "1")
    kept = (folder / "mixture_of_prompts.json").exists()
    assert code == 0
    assert ("Not kept" in said) is not kept
    assert not kept, before[:0]
    code, said, _ = run(folder, *fitting(folder), "--seed", "1", "--force")
    assert "because of --force" in said
    assert (folder / "mixture_of_prompts.json").exists()
