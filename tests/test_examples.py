"""The examples work as they are: the strategy runs, the model answers, the policy learns."""

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

import router.policies
import strategies
from models.backend import ModelSpec, connect
from models.types import Message, Request, collect
from router.policies import load_policy
from router.types import Arm, Candidate, Feedback, RouterSettings
from strategies.core import Query, find, load
from tests.strategies.stage import run, saying

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EAST = np.array([1.0, 0.0], dtype=np.float32)


@pytest.fixture
def _copied(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples, as if they had been copied to where strategies and policies lie."""
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(EXAMPLES)])
    monkeypatch.setattr(router.policies, "__path__", [*router.policies.__path__, str(EXAMPLES)])
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.mark.usefixtures("_copied")
async def test_a_strategy_file_is_found_by_its_name_and_asks_as_it_says() -> None:
    ran = await run(find("rephrase"), "How many days?", saying("What is the number of days?", "14"))
    assert ran.text == ran.streamed == "14"
    assert ran.labels == ["restate", "answer"]
    assert ran.prompt("restate").startswith("How many days?\n")
    assert ran.prompt("answer").endswith("What is the number of days?")
    assert find("rephrase").calls({}) == 2


@pytest.mark.parametrize(
    ("question", "answer"), [("What is 17 + 25?", "42"), ("7 times -3", "-21"), ("Who?", "I only…")]
)
async def test_a_model_file_is_opened_by_its_path_and_answers(question: str, answer: str) -> None:
    backend = connect("calculator", ModelSpec(backend=str(EXAMPLES / "calculator.py")))
    async with aclosing(backend.stream(Request((Message("user", question),)))) as stream:
        reply = await collect(stream)
    assert reply.text.startswith(answer.rstrip("…"))
    assert reply.usage.completion_tokens == 1
    await backend.close()


@pytest.mark.usefixtures("_copied")
def test_a_policy_file_is_opened_by_its_name_and_comes_to_prefer_the_better_arm() -> None:
    policy = load_policy("epsilon_greedy", RouterSettings(seed=3, params={"epsilon": 0.2}))
    arms = [Arm("small", "direct"), Arm("large", "direct")]
    candidates = [Candidate(arm, find("direct")) for arm in arms]
    query = Query(Request((Message("user", "?"),)), EAST)
    chosen = []
    for _ in range(200):
        choice = policy.choose(query, candidates)
        assert sum(choice.propensities.values()) == pytest.approx(1.0)
        assert set(choice.estimates) == set(arms)
        chosen.append(choice.arm)
        policy.learn(Feedback("d", choice.arm, EAST, reward=float(choice.arm == arms[1])))
    assert chosen[100:].count(arms[1]) > 80
    assert chosen[100:].count(arms[0]) > 0
    assert choice.propensities[arms[1]] == pytest.approx(0.9)
