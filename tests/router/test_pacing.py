"""Budgets over time: the price of what is scarce, what it does to every policy, and an average that keeps to it."""

import pkgutil
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

import router.policies
from models.errors import BadSettings
from models.types import Usage
from router.pacing import DEAREST, DEBT, FIRST, HORIZON, STEP, SURPRISE, Pacer
from router.policies import load_policy
from router.types import Arm, Candidate, Outcome, RouterSettings
from router.utility import prices
from strategies.direct import direct
from tests.router.yard import Model, asking, query, yard

ARMS = tuple(Arm(name, "direct") for name in ("small", "middle", "large"))
TAKES = (0.2, 1.0, 4.0)
QUALITY = (0.4, 0.6, 0.75)


def took(amount: float | None, status: str = "ok", gpu_seconds: float | None = None) -> Outcome:
    return Outcome("d", ARMS[0], Usage(usd=amount, gpu_seconds=gpu_seconds), 1.0, 1, status)


def priced(usd: Sequence[float | None] = TAKES) -> list[Candidate]:
    return [Candidate(arm, direct, usd=one) for arm, one in zip(ARMS, usd, strict=True)]


def price(pacer: Pacer, figure: str = "usd") -> float:
    found = pacer.books()[figure]["price"]
    assert found is not None
    return found


def stream(pacer: Pacer, queries: int, seed: int, takes: Mapping[int, Sequence[float]]) -> list[float]:
    """What each query took when the best of quality less surcharge answers; `takes` from which query on."""
    draw, spent = np.random.default_rng(seed), list[float]()
    now: Sequence[float] = TAKES
    for i in range(queries):
        now = takes.get(i, now)
        charged = np.array([one.surcharge for one in pacer.charged(priced(now))])
        chosen = int(np.argmax(draw.normal(QUALITY, 0.12) - charged))
        spent.append(now[chosen] * float(draw.lognormal(-0.125, 0.5)))
        pacer.learn(took(spent[-1]))
    return spent


def test_without_a_budget_nothing_is_charged() -> None:
    candidates = priced()
    assert Pacer.of({"worth_usd": 1.0}).charged(candidates) == candidates


@pytest.mark.parametrize("key", ["usd_per_query", "gpu_seconds_per_query"])
@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_cannot_be_meant_is_refused(key: str, budget: float) -> None:
    with pytest.raises(BadSettings, match=f"router.params.{key}"):
        Pacer.of({key: budget})


def test_the_price_is_charged_for_the_share_of_the_budget_that_an_arm_is_expected_to_take() -> None:
    pacer = Pacer.of({"usd_per_query": 2.0})
    charges = [one.surcharge for one in pacer.charged(priced())]
    assert charges == pytest.approx([FIRST * one / 2.0 for one in TAKES])
    unknown = [one.surcharge for one in pacer.charged(priced((1.0, None, 3.0)))]
    assert unknown == pytest.approx([FIRST / 2, FIRST, FIRST * 3 / 2])


def test_the_price_rises_by_what_was_spent_above_the_budget_and_falls_by_what_was_left() -> None:
    pacer = Pacer.of({"usd_per_query": 2.0})
    pacer.learn(took(6.0))  # two budgets too many
    assert price(pacer) == pytest.approx(FIRST + 2 * STEP)
    pacer.learn(took(2.0))  # just the budget: what is owed keeps the price rising, in steps that grew with it
    grown = (FIRST + 2 * STEP) / FIRST
    assert price(pacer) == pytest.approx(FIRST + 2 * STEP + grown * STEP * 2 / HORIZON)
    cheap = Pacer.of({"usd_per_query": 2.0})
    cheap.learn(took(0.5))
    assert price(cheap) == pytest.approx(FIRST - 0.75 * STEP)


def test_the_price_stays_within_its_bounds_whatever_comes() -> None:
    pacer = Pacer.of({"usd_per_query": 1.0})
    pacer.learn(took(1e9))
    assert price(pacer) == pytest.approx(FIRST + SURPRISE * STEP)
    for _ in range(10_000):
        pacer.learn(took(1e9))
    assert price(pacer) == DEAREST
    for _ in range(20_000):
        pacer.learn(took(0.0))
    assert price(pacer) == 0.0
    # What was saved is bounded: after a calm however long, an excess is felt within a few times DEBT queries.
    for _ in range(int(3 * DEBT)):
        pacer.learn(took(2.0))
    assert price(pacer) > FIRST


def test_each_budget_has_a_price_of_its_own_and_they_add_up() -> None:
    pacer = Pacer.of({"usd_per_query": 1.0, "gpu_seconds_per_query": 10.0})
    pacer.learn(took(2.0, gpu_seconds=5.0))
    assert price(pacer) == pytest.approx(FIRST + STEP)
    assert price(pacer, "gpu_seconds") == pytest.approx(FIRST - STEP / 2)
    both = pacer.charged([Candidate(ARMS[0], direct, usd=1.0, gpu_seconds=20.0)])[0]
    assert both.surcharge == pytest.approx(price(pacer) + 2 * price(pacer, "gpu_seconds"))


def test_what_failed_was_spent_all_the_same_and_what_nobody_counted_was_not() -> None:
    pacer = Pacer.of({"usd_per_query": 1.0})
    for one in (took(3.0, "failed"), took(None), took(float("nan")), took(1.0, "cancelled")):
        pacer.learn(one)
    assert pacer.books()["usd"] == {"budget": 1.0, "mean": 2.0, "queries": 2, "price": pytest.approx(price(pacer))}


@pytest.mark.parametrize("budget", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_over_a_long_stream_the_average_keeps_to_the_budget_within_one_per_cent(budget: float, seed: int) -> None:
    spent = stream(Pacer({"usd": budget}), 4000, seed, {})
    assert np.mean(spent) == pytest.approx(budget, rel=0.01)


def test_the_average_comes_back_to_the_budget_after_prices_treble() -> None:
    dearer = tuple(3 * one for one in TAKES)
    spent = stream(Pacer({"usd": 1.0}), 6000, 3, {2000: dearer})
    assert np.mean(spent[3000:]) == pytest.approx(1.0, rel=0.02)
    assert np.mean(spent) == pytest.approx(1.0, rel=0.01)


def test_a_budget_just_below_what_quality_alone_takes_is_spent() -> None:
    free = float(np.mean(stream(Pacer(), 4000, 7, {})))
    spent = stream(Pacer({"usd": 0.97 * free}), 4000, 7, {})
    assert np.mean(spent) == pytest.approx(0.97 * free, rel=0.01)


def test_a_budget_above_what_quality_alone_takes_changes_nothing_in_the_end() -> None:
    pacer = Pacer({"usd": 40.0})
    stream(pacer, 100, 4, {})
    assert price(pacer) == 0.0


def test_a_budget_that_cannot_be_kept_goes_to_the_cheapest() -> None:
    spent = stream(Pacer({"usd": 0.1}), 2000, 5, {})
    assert np.mean(spent[500:]) == pytest.approx(TAKES[0], rel=0.05)


def test_the_same_outcomes_give_the_same_price() -> None:
    pacer, again = Pacer({"usd": 1.0}), Pacer({"usd": 1.0})
    for amount in stream(pacer, 300, 6, {}):
        again.learn(took(amount))
    assert again.books() == pacer.books()


def test_the_surcharge_counts_under_every_dial() -> None:
    for dial in (0.0, 0.7, 1.0):
        plain = prices(priced(), dial)
        charged = prices(Pacer({"usd": 2.0}).charged(priced()), dial)
        assert charged - plain == pytest.approx([FIRST * one / 2.0 for one in TAKES])


@pytest.mark.parametrize("policy", [entry.name for entry in pkgutil.iter_modules(router.policies.__path__)])
def test_every_policy_weighs_quality_against_cost_by_the_requests_own_dial_and_the_surcharge(policy: str) -> None:
    chosen = load_policy(policy, RouterSettings(policy=policy, quality=0.3, seed=1))
    candidates = Pacer({"usd": 2.0}).charged(priced())
    embedding = np.eye(8, dtype=np.float32)[0]
    for asked, dial in ((None, 0.3), (0.0, 0.0), (1.0, 1.0)):
        estimates = chosen.choose(query(embedding, quality=asked), candidates).estimates
        taken = [estimates[arm].quality - estimates[arm].utility for arm in ARMS]
        assert taken == pytest.approx(prices(candidates, dial).tolist())


async def test_the_engine_charges_and_books() -> None:
    place = yard([Model("a"), Model("b")])
    place.engine.pacer = Pacer({"usd": 0.0005})
    first = await place.engine.decide(asking("hi"))
    await place.events(first)
    books = place.engine.pacer.books()["usd"]
    assert (books["mean"], books["queries"]) == (0.001, 1)
    second = (await place.engine.decide(asking("hi"))).estimates[Arm("a", "direct")]
    assert second.quality - second.utility > 2 * price(place.engine.pacer)
