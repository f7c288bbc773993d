"""The `openai` library: whole, streamed, asynchronous, with tools, structured outputs, several choices, embeddings."""

from typing import Any  # JSON

import numpy as np
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.service.clients.conftest import Stubbed

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How many herons?"}]
HEARD = "I heard 1 messages, the last one from the user."
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


class Place(BaseModel):
    """What is asked for as JSON."""

    city: str
    people: int


def test_a9_a_plain_answer_is_whole(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=ASKED)
    answer = raw.parse()
    assert answer.choices[0].message.content == HEARD
    assert (answer.choices[0].index, answer.choices[0].finish_reason) == (0, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert raw.headers["x-request-id"]
    assert raw.headers["x-pointsman-arm"] == "direct@stub"


async def test_a5_a_stream_is_read_by_the_asynchronous_client(stubbed: Stubbed) -> None:
    async with AsyncOpenAI(base_url=f"{stubbed.served.url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="auto", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == HEARD
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert [chunk.usage is not None for chunk in chunks].count(True) == 1
    assert chunks[-1].choices == []


@pytest.mark.parametrize("stream", [False, True])
def test_a11_tools_are_called_and_their_results_answered(stubbed: Stubbed, stream: bool) -> None:
    with stubbed.served.client() as client:
        if stream:
            with client.chat.completions.stream(model="auto", messages=ASKED, tools=[TOOL]) as events:
                calls = [*(events.get_final_completion().choices[0].message.tool_calls or ())]
        else:
            whole = client.chat.completions.create(model="auto", messages=ASKED, tools=[TOOL])
            calls = [*(whole.choices[0].message.tool_calls or ())]
        call = calls[0]
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Paris"}')
        back: list[ChatCompletionMessageParam] = [
            *ASKED,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "Rain."},
        ]
        last = client.chat.completions.create(model="auto", messages=back, tools=[TOOL])
    assert last.choices[0].message.content == "I heard 3 messages, the last one from the tool."


def test_a11_functions_of_before_tools_are_called_as_tools(stubbed: Stubbed) -> None:
    before: dict[str, Any] = {"functions": [TOOL["function"]], "function_call": {"name": "weather"}}
    reply = stubbed.served.http.post("/v1/chat/completions", json={"messages": ASKED, **before}).json()
    assert stubbed.seen["tools"] == [TOOL]
    assert stubbed.seen["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert not {"functions", "function_call"} & stubbed.seen.keys()
    (choice,) = reply["choices"]
    assert choice["finish_reason"] == "tool_calls"
    called = choice["message"]["tool_calls"][0]["function"]
    assert called == {"name": "weather", "arguments": '{"city": "Paris"}'}
    back = [
        *ASKED,
        {"role": "assistant", "content": None, "function_call": called},
        {"role": "function", "name": "weather", "content": "Rain."},
    ]
    body = {"messages": back, **before, "function_call": "auto"}
    last = stubbed.served.http.post("/v1/chat/completions", json=body).json()
    assert last["choices"][0]["message"]["content"] == "I heard 3 messages, the last one from the tool."
    assert stubbed.seen["tool_choice"] == "auto"
    call, result = stubbed.seen["messages"][1:]
    assert call["tool_calls"] == [{"id": "call_1", "type": "function", "function": called}]
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_1")


def test_a17_structured_outputs_are_parsed(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        answer = client.chat.completions.parse(model="auto", messages=ASKED, response_format=Place)
    assert answer.choices[0].message.parsed == Place(city="Paris", people=2)
    assert stubbed.seen["response_format"]["json_schema"]["name"] == "Place"


def test_a17_seed_stop_and_logprobs_reach_the_model(stubbed: Stubbed) -> None:
    with stubbed.served.client() as client:
        client.chat.completions.create(
            model="direct@stub", messages=ASKED, seed=5, stop=["x", "y"], logprobs=True, top_logprobs=2
        )
    seen = stubbed.seen
    assert (seen["seed"], seen["stop"], seen["logprobs"], seen["top_logprobs"]) == (5, ["x", "y"], True, 2)


def test_a17_several_choices_are_as_many_calls(stubbed: Stubbed) -> None:
    before = stubbed.upstream.requests
    with stubbed.served.client() as client:
        answer = client.chat.completions.create(model="auto", messages=ASKED, n=3, seed=5, max_tokens=50)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {HEARD}
    asked = [one.body for one in list(stubbed.upstream.seen)[-3:]]
    assert stubbed.upstream.requests - before == 3
    assert sorted(body["seed"] for body in asked) == [5, 6, 7]
    assert all(body.get("n") in (None, 1) and body["max_tokens"] == 50 for body in asked)
    assert answer.usage is not None
    with stubbed.served.client() as client:
        one = client.chat.completions.create(model="auto", messages=ASKED).usage
    assert one is not None
    assert answer.usage.total_tokens == 3 * one.total_tokens


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a10_either_name_of_the_limit_holds(stubbed: Stubbed, name: str) -> None:
    with stubbed.served.client() as client:
        client.chat.completions.create(model="direct@stub", messages=ASKED, extra_body={name: 7})
    assert stubbed.seen["max_tokens"] == 7


def test_a4_every_form_of_content_and_role_is_taken(stubbed: Stubbed) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": ""},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "a", "name": "ada"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}, image]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "d"},
        {"role": "assistant", "content": "e"},
        {"role": "assistant", "content": "f"},
        {"role": "user", "content": "g"},
    ]
    with stubbed.served.client() as client:
        client.chat.completions.create(model="direct@stub", messages=messages)  # type: ignore[arg-type]  # mixed on purpose
    seen = stubbed.seen["messages"]
    assert [one["role"] for one in seen] == [one["role"] for one in messages]
    assert seen[2]["name"] == "ada"
    assert seen[3]["content"] == messages[3]["content"]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_a16_embeddings_come_in_both_forms(stubbed: Stubbed, form: str) -> None:
    body = {"model": "auto", "input": ["heron", "stork"], "encoding_format": form}
    with stubbed.served.client() as client:
        ours = client.embeddings.create(model="auto", input=["heron", "stork"]).data
    data = stubbed.served.http.post("/v1/embeddings", json=body).raise_for_status().json()["data"]
    assert isinstance(data[0]["embedding"], str if form == "base64" else list)
    if form == "float":
        assert np.allclose(data[1]["embedding"], ours[1].embedding, atol=1e-5)


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_a16_the_tokens_of_another_tokenizer_are_refused_in_words(stubbed: Stubbed, tokens: list[int]) -> None:
    with stubbed.served.client() as client, pytest.raises(openai.BadRequestError, match="send texts"):
        client.embeddings.create(model="auto", input=tokens)


def test_a2_a_base_url_without_v1_works_just_as_well(stubbed: Stubbed) -> None:
    for base in ("", "/", "/v1/", "/v1"):
        with openai.OpenAI(base_url=stubbed.served.url + base, api_key="none", max_retries=0) as client:
            assert client.models.list().data[0].id == "auto"
            assert client.chat.completions.create(model="auto", messages=ASKED).choices[0].message.content == HEARD
