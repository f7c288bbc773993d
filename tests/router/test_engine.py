"""Deciding: what the engine makes of a request before anything runs."""

from dataclasses import replace
from typing import Any  # a request's own mixture

import numpy as np
import pytest

from models.errors import BadRequest, UnknownModel
from models.types import Message, Request, Usage
from router.types import Arm, Outcome
from strategies.core import Constraints
from tests.router.yard import Model, asking, made, rated, yard


async def test_a_decision_holds_all_that_the_log_needs_and_logs_nothing_itself() -> None:
    place = yard([Model("a"), Model("b")], [made("panel", calls=4)], policy="thompson")
    decision = await place.engine.decide(asking("what is 3 + 4"), conversation="talk")
    assert decision.id.startswith("chatcmpl-")
    assert len(decision.id) == len("chatcmpl-") + 32
    assert decision.policy == "thompson"
    assert set(decision.propensities) == set(decision.estimates) == set(place.engine.catalog.arms())
    assert decision.query.conversation == "talk"
    assert decision.query.embedding.shape == (16,)
    assert decision.seconds > 0 < decision.embed_seconds
    assert place.told == []


async def test_the_last_user_message_is_what_is_embedded() -> None:
    place = yard([Model("a"), Model("b")])
    talk = (Message("user", "first"), Message("assistant", "hm"), Message("user", "spell garden"))
    several, one = [await place.engine.decide(r) for r in (Request(talk), asking("spell garden"))]
    assert (several.query.embedding == one.query.embedding).all()


async def test_a_question_for_the_one_arm_that_is_left_is_not_embedded_and_still_has_its_price() -> None:
    place = yard([Model("a"), Model("b")])
    for _ in range(2):
        decision = await place.engine.decide(asking("spell garden"), "direct@a")
        await place.events(decision)
    assert np.isnan(decision.query.embedding).all()
    assert decision.propensities == {Arm("a", "direct"): 1.0}
    estimate = decision.estimates[decision.arm]
    assert (estimate.low, estimate.high, estimate.n) == (0.0, 1.0, 0.0)
    assert estimate.seconds is not None
    assert decision.why == "direct@a is the only arm that this request allows."


@pytest.mark.parametrize(
    "messages", [(), (Message("system", "be kind"),), (Message("user", ""),), (Message("user", " \n"),)]
)
async def test_without_a_question_there_is_nothing_to_decide(messages: tuple[Message, ...]) -> None:
    with pytest.raises(BadRequest) as caught:
        await yard([Model("a")]).engine.decide(Request(messages))
    assert caught.value.param == "messages"


async def test_an_image_alone_is_a_question() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    decision = await yard([Model("a")]).engine.decide(Request((Message("user", (image,)),)))
    assert str(decision.arm) == "direct@a"


async def test_what_the_request_names_is_what_may_answer() -> None:
    place = yard([Model("a"), Model("b")], [made("panel")], policy="random")
    assert (await place.engine.decide(asking("hi"), "panel@b")).propensities == {Arm("b", "panel"): 1.0}
    with pytest.raises(UnknownModel):
        await place.engine.decide(asking("hi"), "nobody")


@pytest.mark.parametrize(
    ("constraints", "words"),
    [(Constraints(max_seconds=1.0), "max_seconds is 1"), (Constraints(max_usd=0.01), "max_usd is 0.01")],
)
async def test_arms_above_a_limit_are_left_out_and_unknown_ones_may_try(constraints: Constraints, words: str) -> None:
    place = yard([Model("slow"), Model("new")], policy="random")
    for _ in range(20):
        place.costs.learn(Outcome("d", Arm("slow", "direct"), Usage(usd=0.5), 9.0, 1))
    decision = await place.engine.decide(asking("hi"), constraints=constraints)
    assert set(decision.propensities) == {Arm("new", "direct")}
    with pytest.raises(BadRequest, match=words):
        await place.engine.decide(asking("hi"), "slow", constraints)


async def test_both_limits_hold_together() -> None:
    place = yard([Model("slow"), Model("dear"), Model("fine")], policy="random")
    for name, seconds, usd in (("slow", 9.0, 0.0), ("dear", 0.1, 9.0), ("fine", 0.1, 0.0)):
        place.costs.learn(Outcome("d", Arm(name, "direct"), Usage(usd=usd), seconds, 1))
    decision = await place.engine.decide(asking("hi"), constraints=Constraints(max_seconds=1.0, max_usd=0.1))
    assert set(decision.propensities) == {Arm("fine", "direct")}


async def test_feedback_changes_what_is_chosen_next() -> None:
    place = yard([Model("a"), Model("b")], policy="thompson")
    certain = Constraints(explore=False)
    before = await place.engine.decide(asking("what is 3 + 4"), constraints=certain)
    other = next(arm for arm in before.propensities if arm != before.arm)
    place.engine.learn(rated(before.arm, before.query.embedding, 0.0))
    place.engine.learn(rated(other, before.query.embedding, 1.0))
    assert (await place.engine.decide(asking("what is 3 + 4"), constraints=certain)).arm == other


TOOL = {"type": "function", "function": {"name": "clock", "parameters": {}}}


@pytest.mark.parametrize(
    ("wish", "name"),
    [({"tools": (TOOL,)}, "tools"), ({"logprobs": True}, "logprobs"), ({"response_format": {}}, "resp")],
)
async def test_what_only_a_plain_call_gives_goes_to_strategies_that_pass_it_on(wish: dict[str, Any], name: str) -> None:
    place = yard([Model("a")], [made("panel")], policy="random")
    request = replace(asking("what time is it"), **wish)
    assert (await place.engine.decide(request)).propensities == {Arm("a", "direct"): 1.0}
    with pytest.raises(BadRequest, match=f"{name}.* cannot be passed on by panel"):
        await place.engine.decide(request, "panel@a")
