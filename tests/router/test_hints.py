"""What is known of a strategy before anybody has judged: a small lean that judgements outweigh."""

import numpy as np

from models.types import Message, Request
from router.hints import LEAN, faded, hinted, reason
from router.policies import load_policy
from router.types import Arm, Candidate, Feedback, RouterSettings
from strategies.core import Query, load

EMBEDDING = np.eye(1, 8, dtype=np.float32)[0]
NAMES = ("direct", "chain_of_thought", "multi_expert")


def candidates(category: str | None) -> list[Candidate]:
    return list(hinted([Candidate(Arm("m", name), load()[name]) for name in NAMES], category))


def test_a_strategy_that_helps_is_leaned_to_and_one_that_hurts_away_from() -> None:
    assert [one.hint for one in candidates("arithmetic")] == [0.0, LEAN, -LEAN]
    assert [one.hint for one in candidates(None)] == [0.0, 0.0, 0.0]


def test_judgements_outweigh_what_was_known() -> None:
    left = [faded(candidates("arithmetic"), np.full(3, n))[1] for n in (0.0, 2.0, 100.0)]
    assert left[0] == LEAN
    assert left[1] == LEAN / 2
    assert left[2] < 0.002
    assert "known to help" in reason(candidates("arithmetic")[1], left[0])
    assert reason(candidates("arithmetic")[1], left[2]) == ""


def test_before_any_judgement_what_helps_is_drawn_more_often_and_a_few_thumbs_change_that() -> None:
    policy = load_policy("layered", RouterSettings(quality=1.0, seed=3, params={"draws": 4096}))
    query = Query(Request((Message("user", "What is 345 + 278?"),)), EMBEDDING)
    odds = {arm.strategy: p for arm, p in policy.choose(query, candidates("arithmetic")).propensities.items()}
    assert odds["chain_of_thought"] > odds["direct"] + 0.05 > odds["multi_expert"] + 0.1
    for i in range(6):
        for name, reward in (("chain_of_thought", 0.0), ("multi_expert", 1.0), ("direct", 0.0)):
            policy.learn(Feedback(f"d{i}{name}", Arm("m", name), EMBEDDING, reward, text="What is 345 + 278?"))
    odds = {arm.strategy: p for arm, p in policy.choose(query, candidates("arithmetic")).propensities.items()}
    assert odds["multi_expert"] > 0.6
