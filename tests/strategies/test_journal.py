"""A journal of calls: kept, found again, within its budget, and never about another version of the model."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from models.errors import BudgetExceeded, ContextTooLong
from models.scripted import Scripted
from models.types import Chunk, Message, Request, collect
from strategies.fitted.journal import Journal


class Versioned(Scripted):
    """A scripted model that tells its version."""

    revision = "one"


async def ask(model: Scripted, path: Path | None, prompts: list[str], budget: int | None = None) -> list[str]:
    async with Journal(model, path, budget, 4, None) as journal:
        return await journal.ask_all("x", prompts, temperature=0.0, max_tokens=9)


async def test_a_budget_is_used_to_the_last_call_and_the_next_run_goes_on_from_there(tmp_path: Path) -> None:
    model, prompts = Scripted("small", lambda request: request.messages[0].text.upper()), list("abcde")
    with pytest.raises(BudgetExceeded, match=r"may make 3 calls.*x, 3 of 5"):
        await ask(model, tmp_path / "j", prompts, budget=3)
    assert len(model.requests) == 3
    assert await ask(model, tmp_path / "j", prompts, budget=2) == list("ABCDE")
    assert len(model.requests) == 5


async def test_damaged_lines_are_asked_again_and_the_others_are_not(tmp_path: Path) -> None:
    model, path = Scripted("small", "yes"), tmp_path / "j"
    await ask(model, path, ["a", "b"])
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\nrubbish\n{second[:10]}")
    assert await ask(model, path, ["a", "b"]) == ["yes", "yes"]
    assert len(model.requests) == 3
    assert await ask(model, path, ["a", "b"], budget=0) == ["yes", "yes"]


async def test_another_version_of_the_model_is_asked_anew(tmp_path: Path) -> None:
    model = Versioned("small", "yes")
    await ask(model, tmp_path / "j", ["a"])
    model.revision = "two"
    await ask(model, tmp_path / "j", ["a"])
    assert len(model.requests) == 2


async def test_what_does_not_fit_into_the_model_counts_as_an_empty_reply() -> None:
    def say(request: Request) -> str:
        if len(request.messages[0].text) > 3:
            raise ContextTooLong("too long")
        return "fits"

    assert await ask(Scripted("small", say), None, ["long one", "abc"]) == ["", "fits"]


async def test_a_strategy_can_run_on_it_and_is_remembered(tmp_path: Path) -> None:
    model = Scripted("small", "yes")
    async with Journal(model, tmp_path / "j", None, 4, None) as journal:
        stream: AsyncGenerator[Chunk, None] = journal.stream(Request((Message("user", "a"),)))
        assert (await collect(stream, "small")).text == "yes"
        assert (await collect(journal.stream(Request((Message("user", "a"),))), "small")).text == "yes"
        assert journal.asked == len(model.requests) == 1
