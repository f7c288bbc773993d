"""What a caller sends cannot change who answers, and what a server says does not tell the operator's key."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from models.backend import Backend, ModelSpec, connect
from models.errors import ModelError
from models.own_key import secrets_of, without
from models.types import Message, Request, collect
from tests.models.fake_openai import FakeOpenAI, fake_openai

# litellm reads a field of its own pydantic classes in a way that pydantic has given up, and marks others as read-only.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Item .* is using the `ReadOnly` qualifier:UserWarning"),
]

KEY = "sk-operators-own-0123456789"
ASK = Request((Message("user", "Hi?"),))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing litellm asks the network for prices
    with fake_openai() as fake:
        yield fake


@pytest_asyncio.fixture(params=[{}, {"drop_params": False}], ids=["plain", "litellm"])
async def remote(request: pytest.FixtureRequest, server: FakeOpenAI) -> AsyncIterator[Backend]:
    extra = {"extra_body": {"min_p": 0.5, "provider": "ours"}, **request.param}
    spec = ModelSpec("remote", model="openai/far", api_base=server.url, api_key=KEY, timeout=20, extra=extra)
    backend = connect("far", spec)
    yield backend
    await backend.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
async def test_a_key_that_the_server_repeats_is_not_told_on(remote: Backend, server: FakeOpenAI, status: int) -> None:
    server.status, server.message = status, f"Incorrect API key provided: {KEY}."
    with pytest.raises(ModelError) as caught:
        await collect(remote.stream(ASK))
    told = str(caught.value)
    assert KEY not in told
    assert str(status) in told or "Incorrect" in told
    assert ("Incorrect" in told) is (status not in (401, 403)), "of a refused key nothing is quoted"
    assert ("[key]" in told) is (status not in (401, 403))


async def test_the_settings_come_before_the_caller_and_nobody_chooses_another_model(
    remote: Backend, server: FakeOpenAI
) -> None:
    choosing = {
        **{"models": ["dear"], "fallbacks": ["dear"], "route": "fallback", "provider": {"order": ["theirs"]}},
        **{"api_base": "http://127.0.0.1:9/v1", "base_url": "http://127.0.0.1:9/v1", "api_key": "other"},
        "user_config": {"model_list": []},
    }
    await collect(remote.stream(Request(ASK.messages, extra={**choosing, "min_p": 0.1, "top_k": 5})))
    (body,) = server.bodies
    assert (body["min_p"], body["top_k"], body["provider"]) == (0.5, 5, "ours")
    assert not (choosing.keys() - {"provider"}) & body.keys()
    assert body["model"] == "far"
    assert server.keys == [f"Bearer {KEY}"]


def test_keys_in_headers_of_the_settings_are_hidden_too_and_short_ones_are_not_looked_for() -> None:
    headers = {"api-key": "azure-0123456789", "x-auth": "Bearer token-0123456789", "x-team": "ours"}
    secrets = secrets_of(ModelSpec("remote", api_key="none", extra={"extra_headers": headers}))
    told = without(secrets, "none of ours: azure-0123456789, token-0123456789, Bearer token-0123456789")
    assert told == "none of ours: [key], [key], [key]"
