"""The Responses API through the `openai` library: items in, items and events out, and going on from an earlier one."""

import json
from pathlib import Path

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall, ResponseInputParam

from tests.service.clients.conftest import Stubbed
from tests.service.clients.test_openai import HEARD, Place
from tests.service.serving import served, settings, slow

QUESTION = "How many herons?"
TOOL: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
CALLED = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}


def test_a20_a_text_gets_a_whole_response(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        answer = client.responses.create(
            model="auto",
            input=QUESTION,
            instructions="Be brief.",
            max_output_tokens=50,
            temperature=0.5,
            metadata={"team": "birds"},
        )
    assert answer.output_text == "I heard 2 messages, the last one from the user."
    assert (answer.object, answer.status, answer.instructions) == ("response", "completed", "Be brief.")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert answer.metadata == {"team": "birds"}
    seen = stubbed.seen
    assert (seen["max_tokens"], seen["temperature"]) == (50, 0.5)
    assert [turn["role"] for turn in seen["messages"]] == ["system", "user"]
    assert not {"input", "instructions", "store", "metadata"} & seen.keys()
    rated = stubbed.served.http.post("/v1/feedback", json={"id": answer.id, "thumb": "up"})
    assert rated.status_code == 200, "a response's id is good for feedback as it is"


def test_a20_a_stream_has_the_apis_own_events_in_order(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        events = list(client.responses.create(model="auto", input=QUESTION, stream=True))
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert set(kinds[4:-4]) == {"output_text.delta"}
    assert len(kinds[4:-4]) > 1, "the answer came in one piece"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == HEARD
    assert last.response.usage is not None
    assert last.response.model_extra is not None
    assert last.response.model_extra["pointsman"]["arm"] == "direct@stub"


def test_a20_the_librarys_own_reader_follows_the_stream(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client, client.responses.stream(model="auto", input=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text == HEARD


@pytest.mark.parametrize("stream", [False, True])
def test_a20_functions_are_called_and_their_results_answered(stubbed: Stubbed, stream: bool) -> None:
    with stubbed.served.client() as client:
        if stream:
            events = list(client.responses.create(model="auto", input=QUESTION, tools=[TOOL], stream=True))
            told = [event.type for event in events]
            assert told.index("response.function_call_arguments.delta") < told.index(
                "response.function_call_arguments.done"
            )
            last = events[-1]
            assert last.type == "response.completed"
            answer = last.response
        else:
            answer = client.responses.create(
                model="auto", input=QUESTION, tools=[TOOL], tool_choice={"type": "function", "name": "weather"}
            )
            assert stubbed.seen["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
        call = answer.output[0]
        assert isinstance(call, ResponseFunctionToolCall)
        assert (call.name, json.loads(call.arguments), call.call_id) == ("weather", {"city": "Paris"}, "call_1")
        output: ResponseInputParam = [{"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}]
        after = client.responses.create(model="auto", previous_response_id=answer.id, input=output, tools=[TOOL])
    assert after.output_text == "I heard 3 messages, the last one from the tool."
    assistant = stubbed.seen["messages"][1]
    assert assistant["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Paris"}'}


def test_a20_a_conversation_goes_on_from_the_log_without_the_earlier_instructions(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        first = client.responses.create(model="auto", input="One?", instructions="Be brief.")
        second = client.responses.create(model="auto", input="Two?", previous_response_id=first.id)
        client.responses.create(model="auto", input="Three?", previous_response_id=second.id, instructions="Be long.")
    told = [(turn["role"], turn["content"]) for turn in stubbed.seen["messages"]]
    assert [role for role, _ in told] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [told[0][1], told[1][1], told[3][1], told[5][1]] == ["Be long.", "One?", "Two?", "Three?"]
    assert told[2][1] == first.output_text


def test_a20_items_of_every_kind_reach_the_model(stubbed: Stubbed) -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "A heron."}]},
        {"type": "function_call_output", "call_id": "c2", "output": "A stork."},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A heron."}]},
        {"role": "user", "content": "Sure?"},
    ]
    with stubbed.served.client() as client:
        client.responses.create(model="auto", input=items)  # type: ignore[arg-type]  # mixed on purpose
    seen = stubbed.seen["messages"]
    assert [turn["role"] for turn in seen] == ["developer", "user", "assistant", "tool", "tool", "assistant", "user"]
    assert seen[1]["content"][1]["image_url"] == {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    assert [call["id"] for call in seen[2]["tool_calls"]] == ["c1", "c2"]


def test_a20_structured_outputs_are_parsed(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        answer = client.responses.parse(model="auto", input=QUESTION, text_format=Place)
    assert answer.output_parsed == Place(city="Paris", people=2)
    assert stubbed.seen["response_format"]["json_schema"]["name"] == "Place"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "wizard", "content": "x"}], "instructions": "Be brief."}, "input[0].role"),
        ({"input": [THOUGHT, {"role": "user", "content": 7}]}, "input[1].content"),
        ({"input": [THOUGHT, {"role": "user", "content": [{"type": "input_text", "text": 7}]}]}, "input[1].content"),
        ({"input": [THOUGHT, CALLED, {**CALLED, "arguments": {}}]}, "input[2]"),
        ({"input": [CALLED, CALLED, {"type": "function_call_output", "output": 7}]}, "input[2].output"),
        ({"input": [CALLED, {"type": "function_call_output", "call_id": 7, "output": "x"}]}, "input[1].call_id"),
        ({"input": [THOUGHT]}, "input"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "previous_response_id": "chatcmpl-none"}, "previous_response_id"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": "x", "model": "nobody"}, "model"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a20_what_cannot_be_meant_is_named(stubbed: Stubbed, body: dict[str, object], param: str, stream: bool) -> None:
    reply = stubbed.served.http.post("/v1/responses", json={**body, "stream": stream})
    assert reply.status_code in (400, 404), reply.text
    assert reply.json()["error"]["param"] == param


def test_an_answer_that_was_cut_is_incomplete(stubbed: Stubbed, tmp_path: Path) -> None:
    with served(settings(tmp_path)) as own, own.client() as client:
        answer = client.responses.create(model="direct@well", input="the capital?", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("fail_after", [0, 2])
def test_a7_a_failure_is_a_status_before_the_first_word_and_an_event_after_it(tmp_path: Path, fail_after: int) -> None:
    model = slow(tmp_path, pieces=5, fail_after=fail_after)
    with served(settings(tmp_path, {"slow": model})) as own, own.client() as client:
        if fail_after == 0:
            with pytest.raises(openai.APIStatusError) as raised:
                client.responses.create(model="auto", input=QUESTION, stream=True)
            assert raised.value.status_code == 502
            return
        events = list(client.responses.create(model="auto", input=QUESTION, stream=True))
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None
    assert "slow broke" in last.response.error.message
    assert "response.completed" not in [event.type for event in events]


def test_nobody_goes_on_from_an_answer_to_another_key(tmp_path: Path) -> None:
    keys = ["the-key-of-ada-that-is-long-enough", "the-key-of-eve-that-is-long-enough"]
    with served(settings(tmp_path, server={"api_keys": keys})) as own:
        with own.client(keys[0]) as ada:
            answer = ada.responses.create(model="direct@well", input="the capital?")
            assert ada.responses.create(model="direct@well", input="Sure?", previous_response_id=answer.id).output_text
        with own.client(keys[1]) as eve, pytest.raises(openai.BadRequestError, match="no answered response"):
            eve.responses.create(model="direct@well", input="What was said?", previous_response_id=answer.id)
