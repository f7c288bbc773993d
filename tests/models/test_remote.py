"""The remote back-end against a fake OpenAI server on a real socket."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator

import pytest

from models.backend import Backend, ModelSpec, connect
from models.errors import (
    BadSettings,
    ContextTooLong,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from models.remote import Remote
from models.translated import MEANING, meaning_of
from models.types import Message, Request, collect
from tests.models.fake_openai import FakeOpenAI, fake_openai

# litellm reads a field of its own pydantic classes in a way that pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")

ASK = Request((Message("user", "Hello?"),))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing litellm asks the network for prices
    with fake_openai() as running:
        yield running


@pytest.fixture
async def remote(server: FakeOpenAI) -> AsyncIterator[Backend]:
    backend = connect("far", ModelSpec("remote", model="my-model", api_base=server.url, api_key="secret", timeout=20))
    yield backend
    await backend.close()


async def test_text_comes_in_pieces_with_usage_at_the_end(remote: Backend, server: FakeOpenAI) -> None:
    chunks = [chunk async for chunk in remote.stream(ASK)]
    assert [chunk.text for chunk in chunks] == ["Hello", " there", ""]
    last = chunks[-1]
    assert last.finish_reason == "stop"
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (7, 2)
    assert last.usage.seconds > 0
    assert last.usage.gpu_seconds is None
    assert server.bodies[0]["model"] == "my-model"
    assert server.keys == ["Bearer secret"]


async def test_parameters_reach_the_server_and_unset_ones_do_not(remote: Backend, server: FakeOpenAI) -> None:
    schema = {"type": "json_object"}
    asked = Request(
        ASK.messages, temperature=0.5, max_tokens=9, stop=("x",), seed=3, response_format=schema, extra={"min_p": 0.1}
    )
    await collect(remote.stream(asked))
    await collect(remote.stream(ASK))
    full, bare = server.bodies
    assert full.items() >= {"temperature": 0.5, "max_tokens": 9, "stop": ["x"], "seed": 3, "min_p": 0.1}.items()
    assert full["response_format"] == schema
    assert bare["stream_options"] == {"include_usage": True}
    assert not {"temperature", "max_tokens", "stop", "seed", "tools", "logprobs", "response_format"} & bare.keys()


async def test_a_request_cannot_change_the_address_or_the_key(remote: Backend, server: FakeOpenAI) -> None:
    extra = {"api_base": "http://127.0.0.1:9/v1", "api_key": "other"}
    await collect(remote.stream(Request(ASK.messages, extra=extra)))
    assert server.keys == ["Bearer secret"]


async def test_tool_calls_reasoning_and_log_probabilities_pass(remote: Backend, server: FakeOpenAI) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "sum", "arguments": "{}"}}
    server.deltas = [{"reasoning_content": "Hm."}, {"content": "Yes"}, {"tool_calls": [call]}]
    entry = {"token": "Yes", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "No", "logprob": -2.0}]}
    server.logprobs = [{**entry, "token": "Hm"}, entry]
    server.finish_reason = "tool_calls"
    tool = {"type": "function", "function": {"name": "sum", "parameters": {"type": "object", "properties": {}}}}
    asked = Request(ASK.messages, tools=(tool,), tool_choice="auto", logprobs=True, top_logprobs=1)
    reply = await collect(remote.stream(asked))
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("Yes", "Hm.", "tool_calls")
    assert reply.tool_calls[0]["function"]["name"] == "sum"
    assert (reply.logprobs[-1].token, reply.logprobs[-1].logprob) == ("Yes", -0.1)
    assert reply.logprobs[-1].top == (("No", -2.0),)
    assert server.bodies[0]["tools"] == [tool]


@pytest.mark.parametrize(
    ("status", "message", "kind", "retryable"),
    [
        (429, "slow down", ModelOverloaded, True),
        (500, "broken", ModelUnavailable, True),
        (503, "starting", ModelUnavailable, True),
        (401, "answered 401", ModelUnavailable, False),
        (404, "no such model", ModelUnavailable, False),
        (400, "cannot do that", ModelRefused, False),
        (400, "This model's maximum context length is 8 tokens", ContextTooLong, False),
    ],
)
async def test_errors_become_ours(
    remote: Backend, server: FakeOpenAI, status: int, message: str, kind: type[ModelError], retryable: bool
) -> None:
    server.status, server.message = status, message
    with pytest.raises(kind) as caught:
        await collect(remote.stream(ASK))
    assert type(caught.value) is kind
    assert caught.value.model == "far"
    assert caught.value.retryable is retryable
    assert message in str(caught.value)
    assert len(server.bodies) == 1, "the client library must not try again by itself"


async def test_the_wait_that_the_server_asks_for_is_kept(remote: Backend, server: FakeOpenAI) -> None:
    server.status, server.headers = 429, {"Retry-After": "7"}
    with pytest.raises(ModelOverloaded) as caught:
        await collect(remote.stream(ASK))
    assert caught.value.retry_after == 7.0


async def test_a_server_that_hangs_is_a_timeout(server: FakeOpenAI) -> None:
    server.hang = 30
    backend = connect("far", ModelSpec("remote", model="m", api_base=server.url, timeout=0.3))
    with pytest.raises(ModelTimeout):
        await collect(backend.stream(ASK))
    await backend.close()


async def test_no_server_is_unavailable() -> None:
    backend = connect("far", ModelSpec("remote", model="m", api_base="http://127.0.0.1:9/v1", timeout=20))
    with pytest.raises(ModelUnavailable):
        await collect(backend.stream(ASK))
    await backend.close()


async def test_closing_the_stream_hangs_up_on_the_server(remote: Backend, server: FakeOpenAI) -> None:
    server.deltas, server.pace = ["word "] * 1000, 0.02
    stream = remote.stream(ASK)
    assert (await anext(stream)).text == "word "
    await stream.aclose()
    assert await asyncio.to_thread(server.hung_up.wait, 5)


async def test_cancelling_while_waiting_hangs_up_on_the_server(remote: Backend, server: FakeOpenAI) -> None:
    server.hang = 30
    task = asyncio.create_task(collect(remote.stream(ASK)))
    assert await asyncio.to_thread(server.asked.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.hung_up.wait, 5)


async def test_first_calls_at_once_share_one_client(server: FakeOpenAI) -> None:
    backend = connect("far", ModelSpec("remote", model="Qwen/Qwen2.5", api_base=server.url, timeout=20))
    assert isinstance(backend, Remote)
    server.hang = 0.2
    tasks = [asyncio.create_task(collect(backend.stream(ASK))) for _ in range(3)]
    assert await asyncio.to_thread(server.asked.wait, 20)
    first = backend._plain
    assert [(await task).text for task in tasks] == ["Hello there"] * 3
    assert backend._plain is first is not None
    assert len(server.bodies) == 3
    await backend.close()


def test_every_exception_of_litellm_has_a_meaning() -> None:
    from litellm import exceptions

    kinds = [k for k in vars(exceptions).values() if inspect.isclass(k) and issubclass(k, Exception)]
    own = {k.__name__ for k in kinds if k.__module__ == exceptions.__name__}
    assert len(own) > 20
    assert own - MEANING.keys() == set()


def test_an_exception_of_a_kind_unseen_counts_as_the_kind_above_it() -> None:
    from litellm import exceptions

    newer = type("Newer", (exceptions.ContextWindowExceededError,), {})
    assert type(meaning_of(newer("long", "m", "openai"), "far")) is ContextTooLong


def test_a_remote_model_without_model_and_address_is_bad_settings() -> None:
    with pytest.raises(BadSettings, match=r"models\.far"):
        connect("far", ModelSpec("remote"))
