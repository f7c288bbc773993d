"""What a server says of the request, the key or the name is not its failure: the breaker stays closed, whoever asks."""

from collections.abc import Iterator
from typing import Any  # settings of a back-end

import pytest

from models.backend import ModelSpec, connect
from models.breaker import FAILURES, Breaker
from models.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable
from models.limits import limit
from models.openai_server import OpenAIServer
from models.remote import Remote
from models.scripted import Scripted
from models.states import states
from models.types import collect
from tests.models.failing import ASK
from tests.upstream.behaviour import Behaviour
from tests.upstream.server import Upstream

LEAN: dict[str, Any] = {}
BY_LITELLM: dict[str, Any] = {"top_k": 1}
"""What only litellm understands, so that it makes the call."""


@pytest.fixture(autouse=True)
def _no_price_list_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # read when litellm is imported, by the first call


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.mark.parametrize("extra", [LEAN, BY_LITELLM], ids=["lean", "litellm"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelRefused),
        (401, ModelUnavailable),
        (403, ModelUnavailable),
        (404, ModelUnavailable),
        (413, ContextTooLong),
        (422, ModelRefused),
    ],
)
async def test_a_refusal_is_told_once_and_never_opens_the_breaker(
    upstream: Upstream, status: int, kind: type[ModelError], extra: dict[str, Any]
) -> None:
    upstream.set("*", Behaviour(status=status))
    spec = ModelSpec("remote", model="openai/m", api_base=f"{upstream.url}/v1", retries=2, extra=extra)
    backend = connect("far", spec)
    assert isinstance(backend, OpenAIServer if extra is LEAN else Remote)
    limited = limit(backend, spec, [Breaker(Scripted("other", "x"))])
    before = upstream.requests
    for _ in range(FAILURES + 1):
        with pytest.raises(kind) as caught:
            await collect(limited.stream(ASK))
        assert type(caught.value) is kind
        assert not caught.value.retryable
    assert upstream.requests - before == FAILURES + 1, "no second try, and none refused"
    assert states(limited).breaker == "closed"
    await limited.close()


@pytest.mark.parametrize("extra", [LEAN, BY_LITELLM], ids=["lean", "litellm"])
async def test_a_server_that_fails_opens_it(upstream: Upstream, extra: dict[str, Any]) -> None:
    upstream.set("*", Behaviour(status=500))
    spec = ModelSpec("remote", model="openai/m", api_base=f"{upstream.url}/v1", retries=0, extra=extra)
    limited = limit(connect("far", spec), spec, [Breaker(Scripted("other", "x"))])
    for _ in range(FAILURES):
        with pytest.raises(ModelUnavailable):
            await collect(limited.stream(ASK))
    assert states(limited).breaker == "open"
    await limited.close()
