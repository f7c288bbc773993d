"""The guards in the engine: histories trimmed, what is asked and said judged, and next to no cost without either."""

import asyncio
import re
import time
from dataclasses import replace

import numpy as np
import pytest

from models.errors import BadRequest, BudgetExceeded, ModelUnavailable, NoArmLeft
from models.scripted import Scripted
from models.types import Message, Request
from router.guards import Guards, Unjudged
from router.types import Decided
from strategies.core import Answered, Constraints, Context, Noted, Token
from strategies.core.moderating import Asked, Terms, Verdict
from tests.router.yard import Model, Yard, asking, made, yard

PLOVER = Terms({"bird": re.compile("plover")})
PRIMES = "Write a Python function that checks whether a number is prime."
SWITCHED = Request(
    (
        Message("system", "Be brief."),
        Message("user", "Which herring lives in northern seas?"),
        Message("assistant", "Clupea harengus."),
        Message("user", PRIMES),
    )
)


def guarded(guards: Guards, *models: Model) -> Yard:
    """An engine with these guards; its embedder takes texts that share no word for unlike."""
    made_yard = yard(models or [Model("m")])
    made_yard.engine.guards = guards
    return made_yard


async def test_the_history_of_another_task_is_left_out_and_the_log_says_so() -> None:
    model = Model("m")
    place = guarded(Guards(), model)
    decision = await place.engine.decide(SWITCHED)
    events = await place.events(decision)
    assert [message.text for message in model.asked[0].messages] == ["Be brief.", PRIMES]
    assert isinstance(events[0], Decided)
    assert isinstance(events[1], Noted)
    assert events[1].facts["trimmed"] == 2
    assert {"cosine_to_mean", "cosine_to_last"} <= set(events[1].facts)
    assert decision.query.request is SWITCHED  # the log keeps the whole conversation


async def test_a_follow_up_keeps_its_history_and_so_does_everything_when_it_is_off() -> None:
    follow_up = replace(SWITCHED, messages=(*SWITCHED.messages[:-1], Message("user", "How long does it get?")))
    for guards, request in ((Guards(), follow_up), (Guards(task_switch=False), SWITCHED)):
        model = Model("m")
        place = guarded(guards, model)
        decision = await place.engine.decide(request)
        await place.events(decision)
        assert model.asked[0].messages == request.messages
        assert decision.notes == ()


async def test_the_history_is_embedded_with_the_question_in_one_call() -> None:
    place = guarded(Guards(), Model("m"), Model("n"))
    await place.engine.decide(asking("What the kinds of questions look like is embedded once."))
    calls = []
    embed = place.engine._embedder.embed

    async def counted(texts: list[str]) -> object:
        calls.append(list(texts))
        return await embed(texts)

    place.engine._embedder.embed = counted  # type: ignore[method-assign, assignment]  # counts what goes through
    await place.engine.decide(SWITCHED)
    await place.engine.decide(asking("One question."))
    assert [len(texts) for texts in calls] == [2, 1]


@pytest.mark.parametrize(
    "messages",
    [
        (Message("user", "Where is the plover?"),),
        (Message("user", "A plover."), Message("assistant", "Yes."), Message("user", "What is seven times eight?")),
        (
            Message("user", "Make an outline."),
            Message("assistant", "1. Herons\n2. The plover"),
            Message("user", "Expand on section 2."),
        ),
    ],
    ids=["in the turn", "in an earlier turn", "in what a reference stands for"],
)
async def test_what_is_flagged_is_refused_before_any_arm_runs(messages: tuple[Message, ...]) -> None:
    model = Model("m")
    place = guarded(Guards(moderator=PLOVER), model)
    with pytest.raises(BadRequest) as refused:
        await place.engine.decide(Request(messages))
    assert refused.value.code == "content_filter"
    assert "plover" not in str(refused.value)
    assert (model.asked, place.told) == ([], [])


async def test_an_answer_that_is_flagged_is_not_sent_and_not_held_against_the_arm() -> None:
    place = guarded(Guards(moderator=PLOVER), Model("m", "here comes the plover"), Model("other"))
    decision = await place.engine.decide(asking("Which bird?"), "m")
    with pytest.raises(BadRequest) as refused:
        await place.events(decision)
    assert refused.value.code == "content_filter"
    assert not [event for _, event in place.told if isinstance(event, Token | Answered)]
    ended = place.ends[0]
    assert (ended.outcome.status, ended.outcome.blamed, ended.text) == ("failed", False, "")
    assert "plover" not in str(ended.outcome.error)


async def test_with_a_moderator_an_answer_comes_whole_and_without_one_in_pieces() -> None:
    for guards, pieces in ((Guards(moderator=PLOVER), 1), (Guards(), 3)):
        place = guarded(guards, Model("m", "a fine answer"))
        events = await place.events(await place.engine.decide(asking("So?")))
        tokens = [event for event in events if isinstance(event, Token) and event.text]
        assert (len(tokens), "".join(token.text for token in tokens)) == (pieces, "a fine answer")


async def test_with_a_moderator_notes_do_not_quote_the_answer() -> None:
    async def noting(ctx: Context) -> str:
        ctx.note("the draft says plover", step=1)
        return "a heron"

    place = yard([Model("m")], [made("noting", noting)])
    place.engine.guards = Guards(moderator=PLOVER)
    events = await place.events(await place.engine.decide(asking("So?"), "noting@m"))
    note = next(event for event in events if isinstance(event, Noted))
    assert (note.text, note.facts["note"], note.facts["step"]) == ("Working.", "the draft says plover", 1)


async def test_a_moderator_that_fails_lets_nothing_through() -> None:
    down = Model("judge", ModelUnavailable("down", model="judge"))
    place = guarded(Guards(moderator=Asked(down)))
    with pytest.raises(ModelUnavailable):
        await place.engine.decide(asking("So?"))
    calm = guarded(Guards(), Model("m"))
    decision = await calm.engine.decide(asking("So?"))
    calm.engine.guards = Guards(moderator=Asked(down))
    with pytest.raises(Unjudged):
        await calm.events(decision)
    assert calm.ends[0].outcome.blamed is False
    assert calm.ends[0].text == ""


class Slow:
    """A moderator that never comes to an end."""

    name = "slow"

    async def judge(self, text: str) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError(text)


async def test_a_moderator_keeps_the_deadline_too_before_the_run_and_at_its_end() -> None:
    place = guarded(Guards(moderator=Slow()), Model("m"))
    limits = Constraints(max_seconds=0.1)
    with pytest.raises(BudgetExceeded):
        await asyncio.wait_for(place.engine.decide(asking("So?"), constraints=limits), 5)
    place.engine.guards = Guards()
    decision = await place.engine.decide(asking("So?"), constraints=limits)
    place.engine.guards = Guards(moderator=Slow())
    with pytest.raises((NoArmLeft, BudgetExceeded)):
        await asyncio.wait_for(place.events(decision), 5)
    assert (place.ends[0].text, place.ends[0].outcome.status) == ("", "failed")


async def test_what_cannot_be_judged_is_filtered() -> None:
    judge = Scripted("judge", "hard to say")
    place = guarded(Guards(moderator=Asked(judge)), Model("m", "fine"))
    with pytest.raises(BadRequest, match="content policy"):
        await place.engine.decide(asking("So?"))


async def test_what_a_models_verdict_took_is_noted() -> None:
    judge = Scripted("judge", "it is safe")
    place = guarded(Guards(moderator=Asked(judge), rewriter=judge), Model("m", "fine"))
    events = await place.events(await place.engine.decide(asking("So?")))
    notes = [event for event in events if isinstance(event, Noted)]
    assert ["the request" in notes[0].text, "the answer" in notes[1].text] == [True, True]
    assert all(note.facts["moderator"] == "judge" for note in notes)
    assert sum(int(str(note.facts["completion_tokens"])) for note in notes) == 6
    assert place.ends[0].outcome.calls == 1  # the arm's own


async def test_a_model_writes_out_what_code_cannot_resolve() -> None:
    judge = Scripted("judge", {"Write the last message": "Where do plovers nest?", "plover": "unsafe", "": "safe"})
    place = guarded(Guards(moderator=Asked(judge), rewriter=judge))
    talk = (
        Message("user", ""),
        Message("assistant", "The bird runs on the beach."),
        Message("user", "Where do they nest?"),
    )
    with pytest.raises(BadRequest):
        await place.engine.decide(Request(talk))


async def test_without_history_and_moderator_the_guards_take_microseconds() -> None:
    guards, request, rows = Guards(), asking(PRIMES), np.ones((1, 16), dtype=np.float32)
    started = time.perf_counter()
    for _ in range(1000):
        await guards.admit(request)
        guards.compared(request)
        guards.trim(request, rows)
        await guards.passed("answer", lambda _: None)
    assert (time.perf_counter() - started) / 1000 < 50e-6


async def test_a_long_history_is_looked_at_in_milliseconds() -> None:
    turns = [Message(role, f"word {i} and more words. " * 400) for i in range(40) for role in ("user", "assistant")]
    request = Request((*turns, Message("user", PRIMES)))
    started = time.perf_counter()
    for _ in range(5):
        Guards().compared(request)
    assert (time.perf_counter() - started) / 5 < 0.1
