"""From the wire to a request and back: parameters, tool calls, log-probabilities, and the seconds of an account."""

import time
from json import dumps

import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from models.types import Message, Part, Reply, Request, TokenLogprob, Usage
from router.types import Arm, Decision, Ended, Outcome
from service.account import Account
from service.errors import explain
from service.responses_body import ResponsesBody
from service.wire import ChatBody, message_json, whole_calls
from strategies.core import Answered, Called, Query


def decision() -> Decision:
    """A decision for the arm direct@m."""
    arm = Arm("m", "direct")
    query = Query(Request((Message("user", "Hm?"),)), np.zeros(3, np.float32))
    return Decision("chatcmpl-1", arm, "fixed", {arm: 1.0}, {}, "because", query)


def test_what_openai_names_is_taken_and_the_rest_passes_through() -> None:
    body = ChatBody.model_validate(
        {
            "messages": [{"role": "user", "content": "Hm?"}],
            "max_tokens": 5,
            "max_completion_tokens": 7,
            "stop": "\n",
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "logprobs": True,
            "top_logprobs": 2,
            "frequency_penalty": 0.5,
            "chat_template_kwargs": {"thinking": False},
            "pointsman": {"quality": 1},
        }
    )
    request = body.request()
    assert request.max_tokens == 7
    assert request.stop == ("\n",)
    assert request.tools[0]["function"]["name"] == "f"
    assert (request.logprobs, request.top_logprobs) == (True, 2)
    assert request.extra == {"frequency_penalty": 0.5, "chat_template_kwargs": {"thinking": False}}
    assert body.wish.constraints().quality == 1


@pytest.mark.parametrize(("stream", "whole"), [({}, True), ({"stream": False}, True), ({"stream": True}, False)])
def test_a_reply_that_is_not_streamed_is_asked_for_whole(stream: dict[str, bool], whole: bool) -> None:
    body = {"messages": [{"role": "user", "content": "Hm?"}], **stream}
    assert ChatBody.model_validate(body).request().whole is whole


def test_defaults_that_clients_send_along_ask_for_nothing() -> None:
    body = {"messages": [{"role": "user", "content": "Hm?"}], "tools": [], "tool_choice": "auto", "n": 1}
    asked = ChatBody.model_validate({**body, "response_format": {"type": "text"}}).request()
    assert asked == ChatBody.model_validate({"messages": body["messages"]}).request()


def test_what_asks_for_no_limit_and_no_chance_is_taken() -> None:
    asked = {"messages": [{"role": "user", "content": "Hm?"}], "top_p": 0, "stream_options": {"include_usage": None}}
    request = ChatBody.model_validate({**asked, "max_tokens": -1}).request()
    assert request.max_tokens is None
    assert request.top_p is not None
    assert 0 < request.top_p < 1e-3, "the likeliest token alone; some servers refuse the 0"
    assert ChatBody.model_validate({**asked, "max_completion_tokens": -1, "max_tokens": 3}).request().max_tokens == 3
    response = ResponsesBody.model_validate({"input": "Hm?", "top_p": 0, "max_output_tokens": -1}).chat().request()
    assert (response.max_tokens, response.top_p) == (None, request.top_p)
    for wrong in (0, -2, -1.0, True, "-1"):
        with pytest.raises(ValidationError):
            ChatBody.model_validate({**asked, "max_tokens": wrong})


def test_a_conversation_with_tools_is_kept_whole() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "u"}}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "Hm?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]
    messages = ChatBody.model_validate({"messages": turns}).request().messages
    assert messages[0].to_openai()["content"][1] == image
    assert messages[1].tool_calls == (call,)
    assert messages[2].tool_call_id == "c1"


def test_calls_without_a_readable_function_pass_as_they_came() -> None:
    calls: list[Part] = [
        {"type": "custom", "id": "c1", "custom": {"name": "f", "input": "x"}, "function": None},
        {"type": "function", "id": "c2", "function": {"name": "f", "arguments": None, "strict": True}, "extra": [1]},
        {"type": "function", "id": "c3", "function": {}},
    ]
    turns = [{"role": "assistant", "content": "", "tool_calls": calls}, {"role": "user", "content": "Hm?"}]
    given = {"messages": turns}
    for body in (ChatBody.model_validate(given), ChatBody.model_validate_json(dumps(given))):
        passed = body.request().messages[0].tool_calls
        assert list(passed) == calls
        assert [list(call) for call in passed] == [list(call) for call in calls], "in their order"


def test_a_fault_of_a_message_out_of_the_log_is_one_of_the_response_that_it_goes_on_from() -> None:
    body = ResponsesBody.model_validate({"input": "Sure?", "previous_response_id": "chatcmpl-1"})
    with pytest.raises(RequestValidationError) as caught:
        body.chat([{"role": "assistant", "tool_calls": [{"function": "x"}]}])
    assert explain(caught.value).param == "previous_response_id"


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    pieces: list[Part] = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "id": None, "function": {"name": None, "arguments": ": 1}"}},
    ]
    assert whole_calls(pieces) == [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
    ]
    whole: list[Part] = [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "g"}},
    ]
    assert [call["id"] for call in whole_calls(whole)] == ["a", "b"]
    assert message_json(Reply("", tool_calls=tuple(pieces)))["content"] is None
    assert message_json(Reply(""))["content"] == ""


def test_log_probabilities_have_openais_shape() -> None:
    account = Account(decision(), 0.0)
    account.take(Answered(Reply("é", logprobs=(TokenLogprob("é", -0.5, (("e", -1.0),)),))))
    account.take(Ended(Outcome("chatcmpl-1", Arm("m", "direct"), Usage(1, 2), 0.5, 1), decision()))
    entry = account.completion()["choices"][0]["logprobs"]["content"][0]
    assert entry["bytes"] == [195, 169]
    assert entry["top_logprobs"] == [{"token": "e", "logprob": -1.0, "bytes": [101]}]


def test_calls_at_once_count_once_in_the_overhead() -> None:
    now = time.perf_counter()
    account = Account(decision(), begun=now - 5, decided=now - 4)
    for _ in range(3):
        account.take(Called("ask", "m", Request(()), None, 0.0, 2.0))
    assert account.overhead(streaming=False) == pytest.approx(3.0, abs=0.2)
    assert account.overhead(streaming=True) == pytest.approx(1.0)
