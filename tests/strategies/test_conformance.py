"""What holds for every strategy there is, and for one that is added tomorrow."""

import ast
import asyncio
import json
from pathlib import Path

import pytest

import strategies
from models.errors import BudgetExceeded, ModelUnavailable
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Budget, Passage, Strategy, load
from strategies.core.registry import Param
from strategies.mixture_of_prompts import embedded
from tests.strategies.stage import Ran, Shelf, WordEmbedder, run

FILES = sorted(path for path in Path(strategies.__path__[0]).glob("*.py") if path.stem != "__init__")
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
QUESTION = "What is 345 + 278? {question} {0} {{n}}"
TALK = (
    Message("system", "Answer as a pirate."),
    Message("user", "What is 2 + 2?"),
    Message("assistant", "Four, matey."),
    Message("user", ({"type": "text", "text": QUESTION}, IMAGE)),
)
LIBRARY = Shelf([Passage("p1", "The sum of 345 and 278 is 623. Pirates know it.", "Sums", 0.9)])

pytestmark = pytest.mark.parametrize("strategy", list(load().values()), ids=list(load()))


def behave(request: Request) -> str:
    """A model that follows the format of every prompt it is given."""
    prompt = request.messages[-1].text
    if "Reply with one JSON object" in prompt:
        return '{"bookkeeper": "adds by column", "teacher": "shows working", "estimator": "rounds"}'
    if "seven steps" in prompt:
        return (
            "1. AGREED: 623\n2. CONFLICTS: none\n6. COMBINED: 623\n7. CHOICE: combined - all say so\nFINAL ANSWER: 623"
        )
    if "<sentence>" in prompt:
        return "<sentence>The sum of 345 and 278 is 623.</sentence>"
    if "ORDER:" in prompt:
        return "BECAUSE: it is the only one\nORDER: 1\nANSWER: 623"
    return "It is 623."


@pytest.fixture
async def params(strategy: Strategy, tmp_path: Path) -> dict[str, Param]:
    """What a strategy needs besides its defaults: a fitted file, if it reads one."""
    centre = (await WordEmbedder().embed([embedded(QUESTION)]))[0].tolist()
    path = tmp_path / "fitted.json"
    path.write_text(json.dumps({"small": {"regions": [{"instruction": "Add.", "demos": [], "centre": centre}]}}))
    return {"fitted": str(path)} if "fitted" in strategy.params else {}


async def test_the_conversation_and_the_callers_system_message_are_in_every_call(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    ran = await run(strategy, Request(TALK), behave, library=LIBRARY, params=params)
    for call in ran.calls:
        system, *earlier, last = call.request.messages
        assert system.role == "system"
        assert system.text.startswith("Answer as a pirate.")
        assert tuple(earlier) == TALK[1:-1]
        assert last.role == "user"
        assert QUESTION in last.text


async def test_images_reach_the_model_in_every_call(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await run(strategy, Request(TALK), behave, library=LIBRARY, params=params)
    for call in ran.calls:
        content = call.request.messages[-1].content
        assert IMAGE in content


async def test_what_is_streamed_is_what_is_returned(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await run(strategy, Request(TALK), behave, library=LIBRARY, params=params)
    assert "623" in ran.text
    assert ran.streamed in (None, ran.text)


async def test_a_well_behaved_model_is_called_as_often_as_the_strategy_expects(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    ran = await run(strategy, Request(TALK), behave, library=LIBRARY, params=params)
    # A share of a call is one that only some runs make.
    assert len(ran.calls) == int(strategy.calls({**strategy.params, **params}))


async def test_the_labels_of_the_calls_are_all_different(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await run(strategy, Request(TALK), behave, library=LIBRARY, params=params)
    assert len(set(ran.labels)) == len(ran.labels)


async def test_one_call_too_few_in_the_budget_ends_the_run(strategy: Strategy, params: dict[str, Param]) -> None:
    calls = int(strategy.calls({**strategy.params, **params}))
    ran = Ran()
    with pytest.raises(BudgetExceeded):
        await run(
            strategy, Request(TALK), behave, ran=ran, library=LIBRARY, budget=Budget(calls=calls - 1), params=params
        )
    assert len(ran.calls) <= calls - 1


async def test_the_budget_of_tokens_is_kept(strategy: Strategy, params: dict[str, Param]) -> None:
    with pytest.raises(BudgetExceeded):
        await run(strategy, Request(TALK), behave, library=LIBRARY, budget=Budget(tokens=0), params=params)


async def test_a_failing_model_is_the_callers_to_see(strategy: Strategy, params: dict[str, Param]) -> None:
    def fail(_: Request) -> str:
        raise ModelUnavailable("gone", model="small")

    ran = Ran()
    with pytest.raises(ModelUnavailable):
        await run(strategy, Request(TALK), fail, ran=ran, library=LIBRARY, params=params)
    assert ran.calls[0].error == "ModelUnavailable: gone"


@pytest.mark.parametrize("after", [0, 1])
async def test_cancelling_closes_every_stream(strategy: Strategy, params: dict[str, Param], after: int) -> None:
    ran = Ran()

    async def hang_after_some(request: Request) -> str:
        if len(ran.calls) >= after:
            await asyncio.Event().wait()
        return behave(request)

    model = Scripted("small", hang_after_some)
    task = asyncio.create_task(run(strategy, Request(TALK), model, ran=ran, library=LIBRARY, params=params))
    for _ in range(50):
        await asyncio.sleep(0)
    if after == 0 or int(strategy.calls({**strategy.params, **params})) > 1:
        assert model.running > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran.calls[-1].error == "cancelled"
    assert task.done()
    assert model.running == 0


def test_it_names_its_paper_and_says_in_one_line_what_it_does(strategy: Strategy) -> None:
    assert strategy.summary.endswith((".", ":"))
    assert strategy.paper or strategy.name == "direct"


def test_its_file_imports_only_the_core_and_the_models_and_has_no_try_log_or_clock(strategy: Strategy) -> None:
    path = Path(strategies.__path__[0]) / f"{strategy.name}.py"
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Try | ast.TryStar), f"{path.name}:{node.lineno} has a try"
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            top = module.split(".")[0]
            assert top not in {"logging", "time", "router", "store", "service"}, module
            assert top != "strategies" or module.startswith("strategies.core"), module


def test_every_file_of_the_package_is_a_strategy(strategy: Strategy) -> None:
    assert {path.stem for path in FILES} == set(load())
