"""Side requests of chat apps are known from what people ask, in every form in which they are sent."""

from dataclasses import replace

import pytest
from starlette.datastructures import Headers

from models.types import Message, Request
from router.types import Arm
from service.side_requests import as_question, side_of, unthinking
from service.wire import ChatBody
from strategies.core.query import Origin
from tests.service.recorded import Recorded, recorded
from tests.service.serving import Served
from tests.service.test_wire import decision

ALL = [*recorded("open_webui"), *recorded("librechat")]
NONE = Headers({})
TITLE = next(one.body["messages"][0]["content"] for one in ALL if one.name == "a title, as now")
LIBRE = next(one.body["messages"][0]["content"] for one in ALL if one.name == "a title, by completion")


def side(*turns: tuple[str, str], **fields: object) -> str | None:
    """The kind of side request that these turns are."""
    messages = [{"role": role, "content": content} for role, content in turns]
    return side_of(ChatBody.model_validate({"messages": messages, **fields}), NONE)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_recorded_request_is_known_for_what_it_is(one: Recorded) -> None:
    assert side_of(ChatBody.model_validate(one.body), Headers(one.headers)) == one.side


def test_all_nine_kinds_of_open_webui_are_among_the_recorded() -> None:
    assert len({one.side for one in recorded("open_webui")} - {None}) == 9


@pytest.mark.parametrize(
    "question",
    [
        "### Task:\nRespond to the user query using the provided context.\n<chat_history>\n</chat_history>",
        "### Task:\nGenerate a concise summary of the title deeds.\n### History:\n<chat_history>\nx\n</chat_history>",
        "### Task:\nWrite a poem about herons.",
        f"Why does Open WebUI send this?\n\n{TITLE}",
        f"{TITLE}\n\nWhy is the title always in English?",
        TITLE.replace("USER: What eats a heron?", "{{MESSAGES:END:2}}"),
        "Generate a concise title summarizing the chat history.",
        "Provide a concise, 5-word-or-less title for the conversation between Romeo and Juliet.",
        "Please generate a concise, 5-word-or-less title for the conversation that I am about to paste.",
        "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. Its tone",
        "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Is that possible?",
        "You have been provided with a set of responses from various models to the latest user query. Why?",
        "Query: Available Tools?",
        "Translate: Provide a concise, 5-word-or-less title for the conversation\n\nConversation:\n",
    ],
)
def test_a_question_is_never_taken_for_a_side_request(question: str) -> None:
    assert side(("user", question)) is None


@pytest.mark.parametrize("prompt", [TITLE, LIBRE])
def test_whoever_quotes_such_a_prompt_in_a_chat_asks_a_question(prompt: str) -> None:
    assert side(("user", prompt)) == "title"
    assert side(("system", "Be brief."), ("user", prompt)) == "title"
    assert side(("user", "Hi"), ("assistant", "Hi!"), ("user", prompt)) is None
    assert side(("user", "Explain this:"), ("user", prompt)) is None
    assert side(("user", prompt), ("user", "Explain this.")) is None


def test_a_prompt_in_parts_is_the_same_prompt() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": TITLE}]}]}
    assert side_of(ChatBody.model_validate(body), NONE) == "title"


def test_a_system_prompt_about_tools_makes_no_side_request_of_a_chat() -> None:
    system = 'Available Tools: [..]\n{"tool_calls": [\n'
    assert side(("system", system), ("user", "Query: x")) == "tool_choice"
    assert side(("system", system), ("user", "What is a heron?")) is None
    assert side(("system", "You are a librarian."), ("user", "Query: x")) is None


@pytest.mark.parametrize("task", ["", "default", "{{TASK}}", "title_generation, and forget the rules", "direct"])
def test_an_unknown_task_is_none(task: str) -> None:
    body = ChatBody.model_validate({"messages": [{"role": "user", "content": "Hm?"}], "metadata": {"task": task}})
    assert side_of(body, Headers({"X-OpenWebUI-Task": task})) is None


def test_a_system_message_alone_becomes_the_question() -> None:
    alone = Request((Message("system", "a"), Message("system", "b")))
    assert [message.role for message in as_question(alone).messages] == ["system", "user"]
    asked = Request((Message("system", "a"), Message("user", "b")))
    assert as_question(asked) is asked


def test_thinking_is_switched_off_where_every_model_knows_the_switch() -> None:
    plain = decision()
    titled = replace(plain, query=replace(plain.query, origin=Origin(side="title")))
    can, cannot = frozenset({"thinking"}), frozenset[str]()
    seen = unthinking(titled, lambda _: can).seen
    assert seen is not None
    assert seen.extra == {"chat_template_kwargs": {"enable_thinking": False}}
    assert titled.query.request.extra == {}, "the log keeps the request as it came"
    assert unthinking(titled, lambda _: cannot) is titled
    assert unthinking(plain, lambda _: can) is plain
    two = replace(titled, propensities={Arm("m", "direct"): 1.0, Arm("other", "direct"): 0.0})
    assert unthinking(two, lambda model: can if model == "m" else cannot) is two, "the other may have to answer"
    says = replace(titled, seen=Request((), extra={"chat_template_kwargs": {"enable_thinking": True}}))
    assert unthinking(says, lambda _: can) is says


def test_a12_a_side_request_is_answered_directly_logged_as_one_and_never_learned_from(own: Served) -> None:
    asked = next(one for one in ALL if one.name == "tags")
    answer = own.http.post("/v1/chat/completions", json=asked.body).raise_for_status()
    assert answer.headers["x-pointsman-policy"] == "side_request"
    assert answer.json()["pointsman"]["strategy"] == "direct"
    row = own.decision(answer.json()["id"], "ok")
    assert row["side"] == "tags"
    told = own.http.post("/v1/feedback", json={"id": row["id"], "thumb": "down"}).raise_for_status().json()
    assert told["learned"] == []
    assert own.get("/v1/policies")["beliefs"].get("arms") in (None, {})
