"""A planted field: kinds of questions in places of their own, and arms of which each is good at another kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.types import Message, Request
from router.forest import Judged
from router.past import Past, Snapshot
from router.policies import load_policy
from router.policies.layered import Layered
from router.types import Arm, Candidate, Feedback, RouterSettings
from router.utility import Numbers
from strategies.core import Constraints, Query
from strategies.core.query import Vector
from tests.router.yard import made

SIZE = 16
ARMS = [Arm(f"m{i}", f"s{i}") for i in range(3)]
CANDIDATES = [Candidate(arm, made(arm.strategy)) for arm in ARMS]
GOOD, BAD = 0.85, 0.4
QUICK: Mapping[str, float] = MappingProxyType({"trees": 20.0, "background": 0.0})


@dataclass(frozen=True, eq=False)
class Field:
    """Questions [n, SIZE], the kind of each [n], and how often each arm is right there [n, arms]."""

    x: Vector
    kind: NDArray[np.intp]
    quality: Numbers

    @property
    def texts(self) -> list[str]:
        """What is asked; it does not tell the kind."""
        return [f"question {i}" for i in range(len(self.x))]

    def gain(self, chosen: NDArray[np.intp]) -> float:
        """How much better these arms are than the best single one."""
        return float(self.quality[np.arange(len(chosen)), chosen].mean() - self.quality.mean(axis=0).max())


def field(n: int, seed: int = 0, kinds: int = 3, wide: float = 0.12, quality: Sequence[Sequence[float]] = ()) -> Field:
    """Of each kind as many; without `quality` [kinds, arms] each arm is good at the kind of its number."""
    draw = np.random.default_rng(seed)
    kind = draw.permutation(np.arange(n) % kinds)
    x = 0.9 * np.eye(kinds, SIZE)[kind] + draw.normal(0, wide, (n, SIZE))
    table = np.where(np.eye(kinds, len(ARMS)) > 0, GOOD, BAD) if not len(quality) else np.array(quality)
    return Field((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), kind, table[kind])


def log(asked: Field, arms: NDArray[np.intp] | None = None, seed: int = 1, start: int = 0) -> list[Feedback]:
    """One judged arm a question; an even draw if not told which."""
    draw = np.random.default_rng(seed)
    taken = draw.integers(len(ARMS), size=len(asked.x)) if arms is None else arms
    won = draw.random(len(taken)) < asked.quality[np.arange(len(taken)), taken]
    return [
        Feedback(f"d{start + i}", ARMS[arm], asked.x[i], float(won[i]), text=f"question {i}")
        for i, arm in enumerate(taken.tolist())
    ]


def every(asked: Field, seed: int = 1) -> list[Feedback]:
    """Every arm judged of every question."""
    return [one for arm in range(len(ARMS)) for one in log(asked, np.full(len(asked.x), arm), seed=seed + 100 * arm)]


def opened(params: Mapping[str, float] = QUICK, *, explore: bool = True, default: str | None = None) -> Layered:
    """The policy, fitting few trees at once."""
    policy = load_policy("layered", RouterSettings(seed=7, explore=explore, default_arm=default, params=params))
    assert isinstance(policy, Layered)
    return policy


def taught(feedback: Sequence[Feedback]) -> Layered:
    """A policy that recalled this, and settled."""
    policy = opened()
    policy.recall(feedback)
    policy.settle()
    return policy


def predicted(policy: Layered, asked: Field) -> Numbers:
    """What is expected of every arm, [n, arms]."""
    return policy.predict(asked.x, asked.texts, ARMS)


def asking(embedding: Vector, text: str = "question 5", explore: bool | None = None) -> Query:
    """A question."""
    return Query(Request((Message("user", text),)), embedding, Constraints(explore=explore))


def snapshot(asked: Field, feedback: Sequence[Feedback]) -> Snapshot:
    """The past that these judgements make."""
    past = Past(SIZE)
    for one in feedback:
        past.judge(past.question(one.embedding, one.text), ARMS.index(one.arm), one.reward, one.weight, "")
    return past.snapshot(len(past), len(asked.x))


def judged(asked: Field, feedback: Sequence[Feedback]) -> Judged:
    """The same as arrays, one question a row."""
    rows = np.array([int(one.text.split()[1]) for one in feedback], dtype=np.intp)
    column = np.array([ARMS.index(one.arm) for one in feedback], dtype=np.intp)
    reward = np.array([one.reward for one in feedback])
    return Judged(rows, column, reward, np.ones(len(rows)))
