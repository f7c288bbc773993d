"""Calls that a strategy makes at once really run at once, on a real back-end behind a real socket."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from models.backend import ModelSpec, connect
from models.types import Message, Reply, Request
from strategies.core import Context, Query
from strategies.self_consistency import self_consistency
from tests.models.fake_openai import FakeOpenAI, fake_openai
from tests.strategies.stage import Ran

# litellm reads a field of its own pydantic classes in a way that pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning")
SAMPLES = 8


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing litellm asks the network for prices
    with fake_openai() as running:
        yield running


async def sampled(server: FakeOpenAI, samples: int) -> float:
    """The seconds that self-consistency takes with so many samples."""
    backend, ran = connect("far", ModelSpec("remote", model="m", api_base=server.url, api_key="k", timeout=30)), Ran()
    ctx = Context(
        query=Query(Request((Message("user", "What is 3 + 4?"),)), np.zeros(4, np.float32)),
        backend=backend,
        emit=ran.hear,
    )
    started = time.perf_counter()
    said = await self_consistency.run(ctx, samples=samples)
    taken = time.perf_counter() - started
    await backend.close()
    assert isinstance(said, Reply)
    assert said.text == "Answer: 7"
    assert len(ran.calls) == samples
    return taken


async def test_samples_take_about_as_long_as_the_slowest_of_them(server: FakeOpenAI) -> None:
    server.deltas, server.hang = ["Answer: 7"], 0.6
    await sampled(server, 1)  # the client is imported with the first call
    one, many = await sampled(server, 1), await sampled(server, SAMPLES)
    assert many < 2 * one < SAMPLES * one / 3
