"""The context: samples differ by their seeds; a reply that may become the answer keeps the caller's limits."""

import pytest

from models.errors import BudgetExceeded, ModelUnavailable
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Budget, Context, Query
from tests.strategies.stage import WordEmbedder


async def context(request: Request, model: Scripted) -> Context:
    embedding = (await WordEmbedder().embed(["so"]))[0]
    return Context(query=Query(request, embedding), backend=model, emit=lambda _: None)


async def test_samples_differ_by_their_seeds() -> None:
    model = Scripted("m", lambda _: "yes")
    ctx = await context(Request((Message("user", "so?"),), seed=7), model)
    await ctx.sample(3)
    assert sorted(request.seed or 0 for request in model.requests) == [7, 8, 9]


async def test_the_callers_limit_and_stops_bind_only_what_may_become_the_answer() -> None:
    model = Scripted("m", lambda _: "yes")
    ctx = await context(Request((Message("user", "so?"),), max_tokens=5, stop=("\n",)), model)
    await ctx.ask(label="roles")
    await ctx.ask(label="draft", bound=True)
    assert [(request.max_tokens, request.stop) for request in model.requests] == [(None, ()), (5, ("\n",))]


async def test_only_an_answer_that_is_streamed_is_asked_for_in_pieces() -> None:
    model = Scripted("m", lambda _: "yes")
    for whole in (False, True):
        ctx = await context(Request((Message("user", "so?"),), whole=whole), model)
        await ctx.ask()
        await ctx.sample(2)
        await ctx.answer()
    assert [request.whole for request in model.requests] == [True, True, True, False, True, True, True, True]


async def test_each_call_may_generate_what_the_run_has_left_and_no_more() -> None:
    model = Scripted("m", lambda _: "one two three")
    ctx = await context(Request((Message("user", "so?"),), max_tokens=50), model)
    ctx.budget = Budget(tokens=10)
    spent = [(await ctx.ask(label=str(i), bound=True)).usage.completion_tokens for i in range(2)]
    assert [request.max_tokens for request in model.requests] == [10, 10 - spent[0]]
    ctx.budget = Budget(tokens=sum(spent))
    with pytest.raises(BudgetExceeded):
        await ctx.answer()


async def test_some_calls_may_fail_but_not_too_many() -> None:
    def say(request: Request) -> str:
        if request.messages[-1].text != "so?":
            raise ModelUnavailable("gone", model="m")
        return "yes"

    ctx = await context(Request((Message("user", "so?"),)), Scripted("m", say))
    found = await ctx.some(ctx.ask(), ctx.ask("no"), ctx.ask())
    assert [reply and reply.text for reply in found] == ["yes", None, "yes"]
    with pytest.raises(ModelUnavailable):
        await ctx.some(ctx.ask(), ctx.ask("no"), least=2)
