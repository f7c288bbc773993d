"""Chat completions as the official client sees them: whole and streamed, with the arm, the why and the usage."""

import asyncio

import pytest
from openai import AsyncOpenAI

from tests.service.serving import Served

PARIS = "Paris is the capital."


def test_the_official_client_gets_an_answer_with_its_arm(service: Served) -> None:
    with service.client() as client:
        raw = client.chat.completions.with_raw_response.create(
            model="direct@well", messages=[{"role": "user", "content": "the capital?"}]
        )
    answer = raw.parse()
    assert answer.choices[0].message.content == PARIS
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.id.startswith("chatcmpl-")
    told = answer.model_extra["pointsman"] if answer.model_extra else {}
    assert {"arm", "model", "strategy", "why", "probability", "calls", "seconds"} <= set(told)
    assert (told["arm"], told["model"], told["strategy"], told["calls"]) == ("direct@well", "well", "direct", 1)
    assert "degraded" not in told
    assert raw.headers["x-pointsman-arm"] == "direct@well"
    assert raw.headers["x-pointsman-policy"] == "layered"
    assert 0 <= float(raw.headers["x-pointsman-overhead-ms"]) < 5000
    assert raw.headers["x-request-id"]


def test_the_official_client_reads_a_stream(service: Served) -> None:
    with service.client() as client:
        stream = client.chat.completions.create(
            model="direct@well",
            messages=[{"role": "user", "content": "the capital?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(texts) == PARIS
    assert len(texts) > 1, "the answer came in one piece"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    last = chunks[-1]
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert last.model_extra is not None
    assert last.model_extra["pointsman"]["arm"] == "direct@well"


async def test_many_may_stream_at_once(service: Served) -> None:
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:

        async def read() -> str:
            stream = await client.chat.completions.create(
                model="direct@well", messages=[{"role": "user", "content": "the capital?"}], stream=True
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read()) for _ in range(8)]
    assert {task.result() for task in tasks} == {PARIS}


def test_a_stream_ends_with_done_and_carries_the_headers(service: Served) -> None:
    reply = service.ask("the capital?", "direct@well", stream=True)
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-pointsman-arm"] == "direct@well"
    assert reply.text.endswith("data: [DONE]\n\n")
    assert '"pointsman":{"arm":"direct@well"' in reply.text.split("\n\n")[-3]


@pytest.mark.parametrize(
    ("model", "arms"),
    [
        ("auto", {"direct@well", "direct@ill"}),
        ("auto@direct", {"direct@well", "direct@ill"}),
        ("ill", {"direct@ill"}),
        ("direct@ill", {"direct@ill"}),
    ],
)
def test_a_name_leaves_the_router_its_arms(service: Served, model: str, arms: set[str]) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "How are you?"}]}
    decision = service.http.post("/v1/route", json=body).raise_for_status().json()
    assert set(decision["propensities"]) == arms
    assert service.ask("How are you?", model).json()["pointsman"]["arm"] in arms


def test_the_caller_may_limit_the_models(service: Served) -> None:
    for _ in range(5):
        told = service.ask("How are you?", pointsman={"models": ["ill"], "explore": False}).json()["pointsman"]
        assert told["arm"] == "direct@ill"
        assert told["probability"] == 1


def test_content_parts_are_read_as_one_question(service: Served) -> None:
    parts = [{"type": "text", "text": "the"}, {"type": "text", "text": "capital?"}]
    body = {"model": "direct@well", "messages": [{"role": "user", "content": parts}]}
    reply = service.http.post("/v1/chat/completions", json=body).raise_for_status().json()
    assert reply["choices"][0]["message"]["content"] == PARIS


def test_the_request_id_of_the_caller_is_kept(service: Served) -> None:
    assert service.http.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert service.http.get("/healthz", headers={"x-request-id": "no good"}).headers["x-request-id"] != "no good"
