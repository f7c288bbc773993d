"""Quality against cost."""

import numpy as np
import pytest

from router.types import Arm, Candidate
from router.utility import Worth, prices, utility
from tests.router.yard import made


def test_at_full_quality_costs_do_not_count() -> None:
    assert utility(0.8, 100, 100, 100, dial=1.0) == 0.8


def test_costs_are_taken_off_at_the_stated_rates() -> None:
    assert utility(0.8, 2, 5, 0.01, dial=0.5) == pytest.approx(0.8 - 0.5 * (0.2 + 0.1 + 0.1))


def test_the_settings_change_the_rates() -> None:
    worth = Worth.of({"worth_usd": 1.0, "worth_second": 0.0})
    assert utility(1.0, 1, 9, 0.5, dial=0.0, worth=worth) == pytest.approx(1.0 - 0.1 - 0.5)


def test_an_unknown_cost_counts_as_the_mean_of_the_known_ones() -> None:
    arms = [
        Candidate(Arm("m", name), made(name), gpu, 1.0, None) for name, gpu in (("a", 1.0), ("b", 3.0), ("c", None))
    ]
    a, b, c = prices(arms, dial=0.0)
    assert c == pytest.approx((a + b) / 2)
    assert b - a == pytest.approx(0.2)


def test_prices_agree_with_utility() -> None:
    arms = [Candidate(Arm("m", "a"), made("a"), 1.5, 2.0, 0.003), Candidate(Arm("m", "b"), made("b"), 0.1, 0.2, 0.0)]
    expected = [-utility(0.0, c.gpu_seconds or 0, c.seconds or 0, c.usd or 0, 0.3) for c in arms]
    np.testing.assert_allclose(prices(arms, 0.3), expected)
