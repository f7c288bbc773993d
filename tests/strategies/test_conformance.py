"""What holds for every strategy there is, and for one that is added tomorrow."""

import ast
import asyncio
import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import strategies
from models.errors import BudgetExceeded, ModelUnavailable, PointsmanError
from models.scripted import Answer, Scripted
from models.types import Message, Request
from strategies.core import Budget, Constraints, Example, Passage, Strategy, load
from strategies.core.demos import embedded
from strategies.core.registry import Param
from tests.strategies.line import travel
from tests.strategies.stage import Past, Ran, Shelf, WordEmbedder, run

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
MEMORY = Past([Example("What is 340 + 270?", "610", 1.0, 0.9)])

UNASKED = {"sift": ("from sticker", "from solution")}
"""Calls that by their method do not see the question, by the beginnings of their labels."""
ALONE = {"sift": ("from solution",), "debate": ("A ", "B ", "judge")}
"""Calls that by their method do not see the earlier turns."""
FEWER = {"debate": 2}
"""Where a well-behaved run takes fewer calls than are expected of all runs: models that agree do not debate."""
KEEPS = {"multi_expert", "retrieval"}
"""Strategies that have an answer to give when only the last call is missing."""
ENOUGH = {"self_consistency", "debate"}
"""Strategies that answer from the calls that they could make."""
ONE_STAGE = {"self_consistency", "debate"}
"""Strategies whose calls in a well-behaved run are all made at once."""
ENDLESS = "9" * 5000
"""More digits than Python reads."""
MANGLED = {
    "nothing": "",
    "endless": f"Answer: {ENDLESS}",
    "an endless sum": f"{ENDLESS} + 1 = {ENDLESS}\n1: relevant\n{ENDLESS}: relevant\nORDER: {ENDLESS}",
    "an endless step": f"Step {ENDLESS}: 5 + 8 = {ENDLESS}, write 3, carry 1\nAnswer: {ENDLESS}",
    "an endless column": f"Step 1: 5 + 8 + 0 = {ENDLESS}, write 3, carry 1\nAnswer: 3",
    "endless choices": f"2. CONFLICTS: none\n6. COMBINED: 3\n7. CHOICE: {ENDLESS}\nFINAL ANSWER: {ENDLESS}",
    "endless fields": f"Subquestion: q\nInput: step {ENDLESS}\nAction: {ENDLESS} + 1\nOutput: {ENDLESS}\nAnswer: 3",
    "a superscript": "Answer: 2² is log_²(x), answer ² of (²)",
    "a step too many": (
        "Step 1: 7, left 12, 30\nStep 2: 12, left 30\nStep 3: 30, left none\nStep 4:\nAnswer: 7, 12, 30"
    ),
    "a capital letter": (
        "Step 1: 5 + 8 = 13, Write 3, Carry 1\nStep 2: 4 + 7 + 1 = 12, Write 2, Carry 1\n"
        "Step 3: 3 + 2 + 1 = 6, Write 6, Carry 0\nAnswer: 623"
    ),
    "only a digit": "Step 1: write 3",
}
SUITED = ("What is 345 + 278?", "Sort these numbers in ascending order: 30, 7, 12", f"What is {ENDLESS} + ²?")

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
    if "Subquestion:" in prompt:
        return "Subquestion: What is it?\nInput: question\nAction: 345 + 278\nOutput: 623\nAnswer: 623"
    if "under CONDITIONS:" in prompt:
        return "CONDITIONS:\n1. Two numbers, 345 and 278.\nQUESTION: What is their sum?"
    if "No decomposition" in prompt:
        return "No decomposition"
    return "It is 623."


@pytest.fixture
async def params(strategy: Strategy, tmp_path: Path) -> dict[str, Param]:
    """What a strategy needs besides its defaults: a fitted file, if it reads one."""
    centre = (await WordEmbedder().embed([embedded(QUESTION)]))[0].tolist()
    path = tmp_path / "fitted.json"
    exemplar = {"question": "What is 1 + 2?", "answer": "3", "verified": "arithmetic"}
    entry = {"regions": [{"instruction": "Add.", "demos": [], "centre": centre}], "exemplars": [exemplar]}
    path.write_text(json.dumps({"small": entry}))
    return {"fitted": str(path)} if "fitted" in strategy.params else {}


async def staged(
    strategy: Strategy,
    params: dict[str, Param],
    say: Answer | Scripted = behave,
    *,
    other: Scripted | None = None,
    asked: Request = Request(TALK),  # noqa: B008  # frozen
    ran: Ran | None = None,
    budget: Budget | None = None,
) -> Ran:
    """A run with all that a strategy may need: a library, a memory, another model, the leave to ask back."""
    peers = {"large": other or Scripted("large", behave)} if "peers" in strategy.needs else {}
    return await run(
        strategy,
        asked,
        say,
        ran=ran,
        peers=peers,
        library=LIBRARY,
        memory=MEMORY,
        constraints=Constraints(clarify=True),
        budget=budget,
        params=params,
    )


def calls_of(strategy: Strategy, params: dict[str, Param]) -> int:
    """How many calls a well-behaved run takes. A share of a call is one that only some runs make."""
    return FEWER.get(strategy.name, int(strategy.calls({**strategy.params, **params})))


async def test_the_conversation_and_the_callers_system_message_are_in_every_call(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    ran = await staged(strategy, params)
    for call in ran.calls:
        system, *earlier, last = call.request.messages
        assert system.role == "system"
        assert system.text.startswith("Answer as a pirate.")
        assert tuple(earlier) == (() if call.label.startswith(ALONE.get(strategy.name, ("\0",))) else TALK[1:-1])
        assert last.role == "user"
        assert (QUESTION in last.text) != call.label.startswith(UNASKED.get(strategy.name, ("\0",)))


async def test_images_reach_the_model_in_every_call(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await staged(strategy, params)
    for call in ran.calls:
        content = call.request.messages[-1].content
        assert IMAGE in content


async def test_what_is_streamed_is_what_is_returned(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await staged(strategy, params)
    assert "623" in ran.text
    assert ran.streamed in (None, ran.text)


async def test_a_well_behaved_model_is_called_as_often_as_the_strategy_expects(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    ran = await staged(strategy, params)
    assert len(ran.calls) == calls_of(strategy, params)
    assert calls_of(strategy, params) <= strategy.calls({**strategy.params, **params})


async def test_the_labels_of_the_calls_are_all_different(strategy: Strategy, params: dict[str, Param]) -> None:
    ran = await staged(strategy, params)
    assert len(set(ran.labels)) == len(ran.labels)


async def test_one_call_too_few_in_the_budget_ends_the_run_or_leaves_an_answer(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    calls = calls_of(strategy, params) - 1
    ran = Ran()
    if strategy.name in ENOUGH:
        await staged(strategy, params, ran=ran, budget=Budget(calls=calls))
        assert ran.text == "It is 623."
    else:
        with pytest.raises(BudgetExceeded):
            await staged(strategy, params, ran=ran, budget=Budget(calls=calls))
        assert (ran.best is not None) == (strategy.name in KEEPS)
        assert ran.best is None or "623" in str(ran.best)
    assert len(ran.calls) == calls


async def test_the_budget_of_tokens_is_kept(strategy: Strategy, params: dict[str, Param]) -> None:
    with pytest.raises(BudgetExceeded):
        await staged(strategy, params, budget=Budget(tokens=0))


async def test_a_failing_model_is_the_callers_to_see(strategy: Strategy, params: dict[str, Param]) -> None:
    def fail(_: Request) -> str:
        raise ModelUnavailable("gone", model="small")

    ran = Ran()
    with pytest.raises(ModelUnavailable):
        await staged(strategy, params, fail, other=Scripted("large", fail), ran=ran)
    assert ran.calls[0].error == "ModelUnavailable: gone"
    assert ran.best is None


@pytest.mark.parametrize("said", list(MANGLED))
async def test_no_reply_however_mangled_raises_anything_but_an_error_of_ours(
    strategy: Strategy, params: dict[str, Param], said: str
) -> None:
    large = Scripted("large", "It is 5.")
    for asked in SUITED:
        with contextlib.suppress(PointsmanError):
            await staged(
                strategy,
                params,
                Scripted("small", MANGLED[said]),
                other=large,
                asked=Request((Message("user", asked),)),
            )


@pytest.mark.parametrize("after", [0, 1])
async def test_cancelling_closes_every_stream(strategy: Strategy, params: dict[str, Param], after: int) -> None:
    ran = Ran()

    async def hang_after_some(request: Request) -> str:
        if len(ran.calls) >= after:
            await asyncio.Event().wait()
        return behave(request)

    model, other = Scripted("small", hang_after_some), Scripted("large", hang_after_some)
    task = asyncio.create_task(staged(strategy, params, model, other=other, ran=ran))
    for _ in range(50):
        await asyncio.sleep(0)
    if after == 0 or (calls_of(strategy, params) > 1 and strategy.name not in ONE_STAGE):
        assert model.running + other.running > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran.calls[-1].error == "cancelled"
    assert task.done()
    assert model.running + other.running == 0


async def test_what_the_caller_wants_binds_every_call_whose_reply_may_be_the_answer(
    strategy: Strategy, params: dict[str, Param]
) -> None:
    asked = Request(TALK, temperature=0.25, max_tokens=40, stop=("###",), seed=17)
    ran = await staged(strategy, params, asked=asked)
    returned = [call for call in ran.calls if call.reply is not None and call.reply.text == ran.text]
    for call in ran.calls:
        assert call.request.seed is not None
        assert 17 <= call.request.seed < 17 + len(ran.calls)
        assert call.request.extra == asked.extra
    for call in returned:
        if not call.label.startswith("reading"):  # says the same here, but is no answer
            made = call.request
            assert (made.max_tokens, made.stop) == (40, ("###",)), call.label
            assert made.temperature == 0.25, call.label
    assert returned or strategy.name in {"multi_expert", "retrieval"}  # put together from several replies


@pytest.mark.parametrize("length", [1, 2])
async def test_no_answer_is_longer_than_the_caller_allows_nor_goes_beyond_a_stop(
    strategy: Strategy, params: dict[str, Param], length: int
) -> None:
    offers = frozenset({"documents", "examples", "prompts"})
    for asked in (Request(TALK, max_tokens=length), replace(Request(TALK), stop=("623",))):
        journey = await travel(
            strategy,
            asked,
            behave,
            Scripted("large", behave),
            constraints=Constraints(clarify=True),
            library=LIBRARY,
            params=params,
            offers=offers,
        )
        assert "623" not in journey.text or not asked.stop
        assert asked.max_tokens is None or len(journey.text.split()) <= length


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
