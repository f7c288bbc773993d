"""Does the same question in other words keep its arm? A section of `python -m benchmarks.routing`.

The policy learns the zoo's outcome table, then chooses for fresh questions, each in several wordings: other templates
and other courtesies around them, the content being the same. Counted are the rewordings whose arm, without exploring,
is that of the first wording.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.reports import table
from benchmarks.tables import laid
from models.embedding import open_embedder
from models.intervals import share
from models.types import Message, Request
from models.zoo import FAMILIES, paraphrases
from router.normal import normal
from router.policies import load_policy
from router.teaching import teach
from router.types import Arm, Candidate, Feedback, Policy, RouterSettings
from strategies.core import Query
from strategies.core.query import Vector
from strategies.direct import direct

EACH, WORDINGS = 60, 5
"""Questions of each family, and the wordings of each."""
POLICIES = ("layered", "nearest", "clusters", "thompson")


def taught(name: str, path: Path, seed: int) -> tuple[Policy, list[Candidate]]:
    """A policy that has learned the whole table, and the arms."""
    data = laid(path)
    policy = load_policy(name, RouterSettings(quality=1.0, seed=seed, explore=False, params={"background": 0.0}))
    rows = np.random.default_rng(seed).permutation(len(data.table)).tolist()
    scores, texts = data.table.scores, data.table.texts
    teach(
        policy,
        (
            Feedback(f"{row}/{i}", arm, data.embeddings[row], float(scores[row, i]), text=texts[row])
            for row in rows
            for i, arm in enumerate(data.table.arms)
        ),
    )
    return policy, [Candidate(arm, direct) for arm in data.table.arms]


async def asked(seed: int) -> list[tuple[str, list[str], Vector]]:
    """By family: the wordings of each question as the router sees them, and their embeddings [wordings, size]."""
    embedder = await asyncio.to_thread(open_embedder, None)
    found = []
    try:
        for family in FAMILIES:
            for same in paraphrases(family, EACH, seed, WORDINGS):
                texts = list(dict.fromkeys(normal(one.prompt) for one in same))
                found.append((family, texts, await embedder.embed(texts)))
    finally:
        await embedder.close()
    return found


def kept(policy: Policy, arms: Sequence[Candidate], questions: Sequence[tuple[str, list[str], Vector]]) -> list[float]:
    """For each rewording, whether it keeps the first wording's arm; first wordings come first, the others mixed."""
    first = [_chosen(policy, arms, texts[0], embeddings[0]) for _, texts, embeddings in questions]
    rest = [(i, j) for i, (_, texts, _) in enumerate(questions) for j in range(1, len(texts))]
    mixed = [rest[k] for k in np.random.default_rng(0).permutation(len(rest)).tolist()]
    return [float(_chosen(policy, arms, questions[i][1][j], questions[i][2][j]) == first[i]) for i, j in mixed]


def _chosen(policy: Policy, arms: Sequence[Candidate], text: str, embedding: Vector) -> Arm:
    return policy.choose(Query(Request((Message("user", text),)), embedding), arms).arm


def report(path: Path, seeds: int) -> str:
    """Per policy, the share of rewordings that keep the arm."""
    rows = []
    for name in POLICIES:
        found = []
        for seed in range(seeds):
            policy, arms = taught(name, path, seed)
            found += kept(policy, arms, asyncio.run(asked(1000 + seed)))
        rows.append([name, str(len(found)), str(share(found))])
    return table(["policy", "rewordings", "keep their arm, % [95 %]"], rows)
