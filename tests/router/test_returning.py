"""A live policy and one recalled from the log expect the very same, whatever was offered beside what was judged."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from router.fit import fit
from router.forest import Judged, Shape
from router.past import Snapshot
from router.policies.layered import Layered
from router.posterior import Columns
from router.surface import NAMES
from router.turns import Turns
from router.types import Arm, Candidate, Feedback
from router.utility import Numbers
from tests.router.planted import ARMS, CANDIDATES, QUICK, SIZE, asking, field, log, opened, snapshot
from tests.router.yard import made

NEVER = [Arm("a9", "z"), Arm("m1", "s2"), Arm("k", "s0")]
LATE = Arm("zz", "s1")
OFFERED = [*(Candidate(arm, made(arm.strategy)) for arm in NEVER), *reversed(CANDIDATES)]
TEST = field(40, seed=9)


def lived(feedback: Sequence[Feedback], background: float) -> Layered:
    """A policy that chose before each judgement, from arms in another order each time; its fits are through."""
    policy = opened({**QUICK, "background": background, "draws": 16.0})
    for i, one in enumerate(feedback):
        order = np.random.default_rng(i).permutation(len(OFFERED)).tolist()
        policy.choose(asking(one.embedding, one.text), [OFFERED[k] for k in order])
        policy.learn(one)
    policy._finish()
    return policy


def expected(policy: Layered) -> Numbers:
    """What it expects of every arm, those that were never judged too, [n, arms]."""
    offered = [*OFFERED, Candidate(LATE, made(LATE.strategy))]
    choices = [
        policy.choose(asking(x, f"question {crc32(x.tobytes())}", explore=False), offered).estimates for x in TEST.x
    ]
    return np.array([[choice[one.arm].quality for one in offered] for choice in choices])


@pytest.mark.parametrize("background", [0.0, 1.0])
@pytest.mark.parametrize("late", [False, True])  # an arm that is judged for the first time after the last fit
def test_what_was_offered_and_never_judged_is_expected_alike_after_a_restart(background: float, late: bool) -> None:
    feedback = log(field(150))
    feedback += [replace(feedback[5], decision_id="late", arm=LATE)] if late else []
    live, recalled = lived(feedback, background), opened()
    recalled.recall(feedback)
    assert json.dumps(live.beliefs()) == json.dumps(recalled.beliefs())
    assert expected(live) == pytest.approx(expected(recalled), abs=1e-9)


def test_a_fit_hangs_neither_on_the_order_in_which_arms_were_met_nor_on_arms_that_were_not_judged() -> None:
    asked = field(300)
    past = snapshot(asked, log(asked))
    backwards, wide = Columns(), Columns()
    for arm in reversed(ARMS):
        backwards.of(arm)
    for arm in [*NEVER, *ARMS]:
        wide.of(arm)
    told = []
    for columns in (backwards, wide):
        at = np.array([columns.of(arm) for arm in ARMS], dtype=np.intp)
        judged = Judged(past.judged.row, at[past.judged.column], past.judged.reward, past.judged.weight)
        own = Snapshot(past.embeddings, past.surfaces, judged, past.judgements)
        found = fit(own, columns, 2.0, Shape(trees=20), 0.02, 0.15)
        rows = found.features(TEST.x, np.zeros((len(TEST.x), len(NAMES)), np.float32))
        told.append((list(found.columns.arms()), found.level.tolist(), found.forest.excess(found.forest.leaves(rows))))
    assert told[0][:2] == told[1][:2]
    assert told[0][0] == sorted(ARMS)
    assert told[0][2].tolist() == told[1][2].tolist(), "to the last bit"


# In a process of its own: how many threads there are is settled when libraries load.
PARTITIONS = """
import os
os.environ.update(OMP_NUM_THREADS="8", OPENBLAS_NUM_THREADS="1")
from tests.router.planted import field, log, taught
asked = field(2000)
print(len({taught(log(asked))._fit.forest._mosaic._centres.tobytes() for _ in range(5)}))
"""


def test_a_fit_is_the_same_to_the_last_bit_however_many_threads_there_are() -> None:
    ended = subprocess.run([sys.executable, "-c", PARTITIONS], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["1"]


# ---- turns


async def test_a_failure_that_comes_while_a_judgement_is_kept_is_learned_after_it() -> None:
    learned: list[str] = []
    turns = Turns(lambda feedback: learned.append(feedback.decision_id))
    first, second, third = (Feedback(name, ARMS[0], np.ones(SIZE, np.float32), 0.0) for name in ("a", "b", "c"))
    turns.learn(first)
    assert learned == ["a"], "nobody has to be waited for"
    async with turns:
        turns.learn(third)
        await asyncio.sleep(0)
        learned.append("b")
    assert learned == ["a", "b", "c"]
    turns.learn(second)
    assert learned == ["a", "b", "c", "b"]


async def test_what_waited_is_learned_even_if_the_judgement_could_not_be_kept() -> None:
    learned: list[str] = []
    turns = Turns(lambda feedback: learned.append(feedback.decision_id))

    async def fail() -> None:
        async with turns:
            turns.learn(Feedback("a", ARMS[0], np.ones(SIZE, np.float32), 0.0))
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        await fail()
    assert learned == ["a"]
