"""Chain of thought: one call that asks for the steps first, with all that the caller wants of an answer."""

from dataclasses import replace

from models.types import Message, Request
from strategies.chain_of_thought import chain_of_thought
from strategies.core.chain import CHAIN
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

SUM = "What is 345 + 278?"
WORKING = "5 + 8 = 13. 4 + 7 + 1 = 12. 3 + 2 + 1 = 6.\nAnswer: 623"


async def test_one_call_asks_for_the_steps_and_its_reply_is_streamed_as_it_is() -> None:
    ran = await run(chain_of_thought, SUM, saying(WORKING))
    assert ran.labels == ["answer"]
    assert ran.prompt("answer") == f"{SUM}\nThink step by step. End with a line that begins with Answer:"
    assert ran.text == ran.streamed == WORKING


async def test_the_conversation_stays_and_only_the_last_turn_is_asked_in_another_way() -> None:
    talk = (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", SUM))
    ran = await run(chain_of_thought, Request(talk), saying(WORKING))
    assert ran.calls[0].request.messages == (*talk[:-1], Message("user", CHAIN.format(question=SUM)))


async def test_all_that_the_caller_wants_of_an_answer_reaches_the_call() -> None:
    asked = Request(
        (Message("user", SUM),), temperature=0.9, top_p=0.8, max_tokens=9, stop=("Answer",), seed=4, extra={"x": 1}
    )
    ran = await run(chain_of_thought, asked, saying(WORKING))
    assert ran.calls[0].request == replace(asked, messages=(Message("user", CHAIN.format(question=SUM)),))


async def test_through_the_engine_it_is_an_answer_of_one_call() -> None:
    journey = await travel(chain_of_thought, SUM, saying(WORKING))
    assert (journey.text, journey.status, journey.ended.outcome.calls) == (WORKING, "ok", 1)


def test_it_is_known_to_hurt_where_a_pattern_is_judged_and_to_help_with_sums() -> None:
    assert {"pattern", "lookup"} <= chain_of_thought.hurts
    assert {"arithmetic", "word_problem"} <= chain_of_thought.helps
