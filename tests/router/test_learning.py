"""Does it learn? The zoo's questions under the packaged embedder, and fifteen arms with planted accuracies."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding import open_embedder
from models.zoo import questions
from router.policies import load_policy
from router.types import RouterSettings
from strategies.core.query import Vector
from tests.router.yard import candidates, query, rated

ARMS = candidates()
QUESTIONS, LAST = 2000, 500
ALIKE = {
    "long_sum": "sum",
    "long_difference": "difference",
    "which": "chain",
    "distractors": "one_hop",
    "contradicted": "one_hop",
}
"""Tasks that no embedding of the question tells apart; so are those about facts, which differ in what was taught."""
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Questions of eleven kinds: their embeddings [n, 384] and the kind of each [n]."""

    embeddings: Vector
    kinds: NDArray[np.intp]


@pytest.fixture(scope="module")
def asked() -> Asked:
    families = ("arithmetic", "logic", "words", "reading", "facts")
    rows = [q for family in families for q in questions(family, 120, 1)]
    tasks = ["facts" if q.family == "facts" else ALIKE.get(q.task, q.task) for q in rows]
    kinds = sorted(set(tasks))
    assert len(kinds) == 11

    async def embed() -> Vector:
        embedder = open_embedder(None)
        try:
            return await embedder.embed([question.prompt for question in rows])
        finally:
            await embedder.close()

    return Asked(asyncio.run(embed()), np.array([kinds.index(task) for task in tasks]))


def planted(seed: int) -> Table:
    """Accuracies [arm, kind] without any order in them: one arm at 0.9 for each kind, the others 0 to 0.5."""
    draw = random.Random(seed)
    table = np.array([[draw.choice([0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5]) for _ in range(11)] for _ in ARMS])
    for kind in range(11):
        table[draw.randrange(15), kind] = 0.9
    return table


def kindred(seed: int) -> Table:
    """Accuracies [arm, kind] as models and strategies give them: a generalist, two specialists, and ways of asking."""
    draw = np.random.default_rng(seed)
    mine = draw.permutation(11) < 6
    models = np.stack([draw.uniform(0.25, 0.5, 11), np.where(mine, 0.7, 0.05), np.where(mine, 0.05, 0.7)])[:, None]
    table = models + draw.uniform(-0.2, 0.2, (1, 5, 11)) * (models > 0.1) + draw.normal(0, 0.03, (3, 5, 11))
    return np.asarray(np.clip(table, 0.0, 0.97).reshape(15, 11))


def stream(table: Table, asked: Asked, seed: int) -> tuple[Table, NDArray[np.intp]]:
    """Ask and rate: the expected reward of each choice [2000], and the kinds of the questions in order."""
    draw = np.random.default_rng(seed)
    policy = load_policy("thompson", RouterSettings(seed=seed))
    order = draw.integers(len(asked.kinds), size=QUESTIONS)
    rewards = np.zeros(QUESTIONS)
    places = {one.arm: i for i, one in enumerate(ARMS)}
    for step, i in enumerate(order):
        arm = policy.choose(query(asked.embeddings[i]), ARMS).arm
        rewards[step] = table[places[arm], asked.kinds[i]]
        policy.learn(rated(arm, asked.embeddings[i], float(draw.random() < rewards[step])))
    return rewards, asked.kinds[order]


@pytest.mark.parametrize("truth", [planted, kindred])
def test_it_passes_the_best_single_arm_and_ends_ten_points_above_it(
    truth: Callable[[int], Table], asked: Asked
) -> None:
    table = truth(1)
    rewards, kinds = stream(table, asked, 1)
    by_arm = table[:, kinds]
    best = by_arm[by_arm.mean(axis=1).argmax()]  # the best in hindsight, on these very questions
    curve = " ".join(f"{rewards[i : i + 250].mean():.2f}" for i in range(0, QUESTIONS, 250))
    print(f"{curve}; best single {best.mean():.2f}, oracle {by_arm.max(axis=0).mean():.2f}")  # noqa: T201
    assert rewards[-LAST:].mean() > best[-LAST:].mean() + 0.10, curve
    assert rewards.sum() > best.sum(), curve
    assert rewards[-LAST:].mean() > rewards[:LAST].mean(), curve
