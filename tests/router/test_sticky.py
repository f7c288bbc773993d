"""Conversations keep their arm while the task goes on, and are picked anew when it switches or the arm does badly."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.errors import BadSettings, ContextTooLong, ModelError, ModelUnavailable
from models.types import Message, Request
from router.sticky import Sticky, follows_up
from router.types import Arm, Decision, Feedback
from strategies.core import Constraints
from strategies.core.query import Origin, Vector
from tests.router.yard import Model, Yard, asking, made, yard

MODELS = [f"m{i}" for i in range(12)]


def talking(models: Sequence[Model] | None = None, sticky: Sticky | None = None) -> Yard:
    """An engine that draws among many arms, so that it hardly ever draws the same one twice by chance."""
    place = yard(models or [Model(name) for name in MODELS], [made("panel")], policy="random")
    place.engine._sticky = Sticky() if sticky is None else sticky
    return place


async def turn(place: Yard, text: str, talk: str | None = "talk", **limits: object) -> Decision:
    """One turn of a conversation, run to its end."""
    wish = Constraints(**limits)  # type: ignore[arg-type]  # the caller names fields of Constraints
    decision = await place.engine.decide(asking(text), constraints=wish, conversation=talk)
    await place.events(decision)
    return decision


async def arms(place: Yard, text: str, talk: str | None = "talk", times: int = 8) -> set[Arm]:
    """The arms that would answer, asked several times without running."""
    return {(await place.engine.decide(asking(text), conversation=talk)).arm for _ in range(times)}


async def test_a_conversation_that_goes_on_keeps_its_arm_with_certainty() -> None:
    place = talking()
    first = await turn(place, "sort pears and apples")
    again = await turn(place, "sort pears and plums")
    assert again.arm == first.arm
    assert again.propensities == {arm: float(arm == first.arm) for arm in place.engine.catalog.arms()}
    assert again.why == f"The conversation goes on; {first.arm} answered its last turn."
    assert set(again.estimates) == set(again.propensities)
    assert first.probability == pytest.approx(1 / 24)


async def test_another_task_and_another_conversation_are_picked_anew() -> None:
    place = talking()
    await turn(place, "sort pears and apples")
    assert len(await arms(place, "sort pears and plums")) == 1
    assert len(await arms(place, "who wrote the tempest")) > 1
    assert len(await arms(place, "sort pears and plums", "another")) > 1
    assert len(await arms(place, "sort pears and plums", None)) > 1


@pytest.mark.parametrize("text", ["why?", "and for 7?", "what about Oslo then", "Und warum?", "为什么？", "continue"])
async def test_a_short_follow_up_goes_on_whatever_its_words(text: str) -> None:
    place = talking()
    first = await turn(place, "sort pears and apples")
    assert (await turn(place, text)).arm == first.arm
    assert (await turn(place, text)).arm == first.arm
    assert await arms(place, "sort pears and plums") == {first.arm}  # the follow-ups did not become the topic


@pytest.mark.parametrize(
    "text",
    [
        "Write a poem about the sea",
        "and now write me a whole sonnet about the sea at night",
        "请把这句话翻译成英文",
        "Why is the sky blue?",
        "E = mc2, where from?",
        "Explain general relativity",
    ],
)
def test_what_states_a_task_of_its_own_is_no_follow_up(text: str) -> None:
    assert not follows_up(text)


async def test_without_an_id_the_last_exchange_says_which_conversation_it_is() -> None:
    place = talking([Model(name, says=f"sorted by {name}") for name in MODELS])
    first = await turn(place, "sort pears and apples", None)
    said = (Message("user", "sort pears and apples"), Message("assistant", f" sorted by\n{first.arm.model} "))
    earlier = (Message("user", "hello"), Message("assistant", "good day"))
    later = Request((*earlier, *said, Message("user", "sort pears and plums")))
    kept = [await place.engine.decide(later) for _ in range(4)]
    assert {one.arm for one in kept} == {first.arm}
    await place.events(kept[0])
    answered = (*later.messages, Message("assistant", f"sorted by {first.arm.model}"), Message("user", "why?"))
    assert {(await place.engine.decide(Request(answered))).arm for _ in range(4)} == {first.arm}
    foreign = Request((said[0], Message("assistant", "somebody else's words"), Message("user", "sort pears and plums")))
    kinder = Request((Message("system", "be kind"), *later.messages))
    for other in (foreign, kinder):
        assert len({(await place.engine.decide(other)).arm for _ in range(8)}) > 1


@pytest.mark.parametrize("talk", ["talk", None])
async def test_what_comes_with_another_key_is_another_conversation(talk: str | None) -> None:
    place = talking([Model(name, says="sorted") for name in MODELS])
    turns = [Message("user", "sort pears and apples"), Message("assistant", "sorted")]
    again = Request((*turns, Message("user", "sort pears and plums")))
    first = await place.engine.decide(Request((turns[0],)), conversation=talk, origin=Origin("a"))
    await place.events(first)
    for key, same in (("a", True), ("b", False), (None, False)):
        found = {(await place.engine.decide(again, conversation=talk, origin=Origin(key))).arm for _ in range(8)}
        assert (found == {first.arm}) is same, key


async def test_an_arm_that_was_rated_badly_is_let_go_and_one_rated_well_is_kept() -> None:
    place = talking()
    first = await turn(place, "sort pears and apples")
    place.engine.learn(_about(first, 1.0))
    assert await arms(place, "sort pears and plums") == {first.arm}
    place.engine.learn(_about(first, 0.0))
    assert len(await arms(place, "sort pears and plums")) > 1


@pytest.mark.parametrize("failure", [ModelUnavailable, ContextTooLong])
async def test_an_arm_that_failed_is_let_go_though_another_one_answered(failure: type[ModelError]) -> None:
    place = talking()
    first = await turn(place, "sort pears and apples")
    place.models[first.arm.model].says = failure("down", model=first.arm.model)
    await turn(place, "sort pears and plums")
    assert place.ends[-1].outcome.status == "degraded"
    assert len(await arms(place, "sort pears and figs")) > 1


async def test_what_the_caller_allows_is_obeyed() -> None:
    place = talking()
    first = await turn(place, "sort pears and apples", models=("m3", "m4"))
    other = "m4" if first.arm.model == "m3" else "m3"
    limited = await turn(place, "sort pears and plums", models=(other,))
    assert limited.arm.model == other
    pinned = await place.engine.decide(asking("sort pears and figs"), "direct@m7", conversation="talk")
    assert pinned.propensities == {Arm("m7", "direct"): 1.0}


async def test_another_dial_picks_anew() -> None:
    place = talking()
    await turn(place, "sort pears and apples", quality=0.2)
    picked = {
        (await place.engine.decide(asking("sort pears"), "auto", Constraints(quality=0.9), "talk")).arm
        for _ in range(8)
    }
    assert len(picked) > 1


async def test_a_turn_that_nobody_waited_for_changes_nothing() -> None:
    place = talking()
    first = await turn(place, "sort pears and apples")
    decision = await place.engine.decide(asking("sort pears and plums"), conversation="talk")
    run = place.engine.run(decision)
    await anext(run)
    await run.aclose()
    assert place.ends[-1].outcome.status == "cancelled"
    assert await arms(place, "sort pears and figs") == {first.arm}


async def test_only_the_latest_conversations_are_remembered() -> None:
    sticky = Sticky(most=3)
    place = talking(sticky=sticky)
    decisions = [await turn(place, "sort pears and apples", f"talk {i}") for i in range(6)]
    assert len(sticky) == len(sticky._keys) == 3
    assert await arms(place, "sort pears and plums", "talk 5") == {decisions[5].arm}
    assert len(await arms(place, "sort pears and plums", "talk 0")) > 1


async def test_settings_switch_it_off_and_wrong_ones_are_refused() -> None:
    place = talking(sticky=Sticky.of({"sticky": 0.0}))
    await turn(place, "sort pears and apples")
    assert len(await arms(place, "sort pears and apples")) > 1
    assert len(await arms(talking(sticky=Sticky.of({})), "sort")) > 1
    for wrong in ({"sticky": 0.5}, {"sticky_cosine": 2.0}):
        with pytest.raises(BadSettings, match=next(iter(wrong))):
            Sticky.of(wrong)


async def test_a_question_for_one_arm_in_between_keeps_what_the_conversation_is_about() -> None:
    place = talking()
    await turn(place, "sort pears and apples")
    pinned = await place.engine.decide(asking("a wholly different matter"), "direct@m3", conversation="talk")
    assert np.isnan(pinned.query.embedding).all()
    await place.events(pinned)
    assert await arms(place, "sort pears and plums") == {Arm("m3", "direct")}, "it answered last, and the task goes on"
    assert len(await arms(place, "who wrote the tempest")) > 1


async def test_a_conversation_that_begins_with_one_arm_goes_on_with_it_for_follow_ups() -> None:
    place = talking()
    await place.events(await place.engine.decide(asking("sort pears"), "direct@m3", conversation="talk"))
    assert await arms(place, "why?") == {Arm("m3", "direct")}
    assert len(await arms(place, "sort pears and also apples")) > 1


async def test_a_broken_embedding_sticks_to_nothing() -> None:
    place = talking()
    await turn(place, "sort pears and apples")

    async def broken(texts: Sequence[str]) -> Vector:
        return np.full((len(texts), 16), np.nan, dtype=np.float32)

    place.engine._embedder.embed = broken  # type: ignore[method-assign]
    assert len(await arms(place, "sort pears and also apples")) > 1


def _about(decision: Decision, reward: float) -> Feedback:
    return Feedback(decision.id, decision.arm, decision.query.embedding, reward)
