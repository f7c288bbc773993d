"""What the page shows of the beliefs adds up to what was judged, arm by arm and region by region."""

from collections.abc import Mapping
from typing import Any  # JSON

import numpy as np
import pytest

from router.believed import rows
from router.posterior import Columns
from tests.router.planted import ARMS, field, log, opened


def columns() -> Columns:
    """The three arms."""
    found = Columns()
    for arm in ARMS:
        found.of(arm)
    return found


def shown(level: list[float], weight: list[float], reward: list[float], lean: float = 0.0) -> Mapping[str, Any]:
    """Rows of the three arms."""
    return rows(columns(), np.array(level), np.array(weight), np.array(reward), lean)


def test_arms_that_nobody_judged_are_left_out_and_the_others_stand_under_their_names() -> None:
    assert list(shown([0.5] * 3, [4.0, 0.0, 1.0], [1.0, 0.0, 1.0])) == ["s0@m0", "s2@m2"]


def test_the_quality_is_the_level_and_in_a_region_what_was_judged_leaning_on_it() -> None:
    assert shown([0.7] * 3, [4.0] * 3, [0.0] * 3)["s0@m0"]["quality"] == 0.7
    assert shown([0.7] * 3, [4.0] * 3, [0.0] * 3, lean=4.0)["s0@m0"]["quality"] == 0.35


def test_the_interval_narrows_with_what_was_judged_and_stays_between_nothing_and_all() -> None:
    found = shown([0.7, 0.7, 0.99], [4.0, 400.0, 2.0], [3.0, 280.0, 2.0])
    few, many, edge = (found[str(arm)] for arm in ARMS)
    assert few["low"] < many["low"] < 0.7 < many["high"] < few["high"]
    assert 0.0 <= edge["low"] < edge["quality"] < edge["high"] == 1.0


def test_regions_add_up_to_what_was_judged_and_no_region_is_empty() -> None:
    policy = opened()
    feedback = log(field(400))
    policy.recall(feedback)
    found: Mapping[str, Any] = policy.beliefs()
    assert found["judged"] == 400.0
    assert len(found["regions"]) == found["fitted"]["regions"] == policy._fit.judgements // 50 if policy._fit else 0
    for arm in ARMS:
        own = [one.reward for one in feedback if one.arm == arm]
        told = [region[str(arm)] for region in found["regions"].values() if str(arm) in region]
        assert sum(row["n"] for row in told) == len(own) == found["arms"][str(arm)]["n"]
        assert sum(row["reward"] for row in told) == pytest.approx(sum(own)) == found["arms"][str(arm)]["reward"]


def test_regions_count_the_latest_judgements_alone() -> None:
    policy = opened({"trees": 5, "background": 0.0, "window": 100})
    policy.recall(log(field(400)))
    found: Mapping[str, Any] = policy.beliefs()
    assert sum(row["n"] for region in found["regions"].values() for row in region.values()) == 100
    assert found["judged"] == 400.0


def test_without_a_fit_there_are_arms_and_no_regions() -> None:
    policy = opened()
    policy.recall(log(field(20)))
    found: Mapping[str, Any] = policy.beliefs()
    assert (found["fitted"], found["regions"]) == (None, {})
    assert sum(row["n"] for row in found["arms"].values()) == 20
