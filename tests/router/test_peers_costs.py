"""What strategies that ask other models will take: the other model counts, and limits look at the worst case."""

from dataclasses import replace

import pytest

from models.backend import ModelSpec
from models.errors import BadRequest
from models.types import Reply, Usage
from router.catalog import Catalog
from router.costs import Costs
from router.figures import ENOUGH
from router.types import Arm, Outcome, Split
from strategies.cascade import SHARE, cascade
from strategies.core import Constraints, Context, Peers
from strategies.direct import direct
from strategies.self_reflection import self_reflection
from tests.router.yard import Model, Yard, asking, made, yard

CASCADE, CHEAP, DEAR = Arm("cheap", "cascade"), Arm("cheap", "direct"), Arm("dear", "direct")
PRICES = {
    name: ModelSpec("remote", usd_per_1m_in=usd, usd_per_1m_out=usd) for name, usd in (("cheap", 0.1), ("dear", 30))
}
SPLIT = Split(1.0, 4.0, SHARE, ("dear",))


def ran(arm: Arm, usd: float, calls: int = 1, mixed: bool = False, seconds: float = 1.0) -> Outcome:
    return Outcome("d", arm, Usage(30, 10, usd=usd), seconds, calls, mixed=mixed)


def usd(costs: Costs, arm: Arm, split: Split | None = None, *, most: bool = False) -> float:
    found = (costs.ceiling if most else costs.estimate)(arm, 1 + SHARE if split else 1, split=split).usd
    assert found is not None
    return found


def test_a_share_of_the_other_models_price_is_foreseen_of_an_arm_that_never_ran_and_all_of_it_is_its_ceiling() -> None:
    costs = Costs(PRICES)
    cheap, dear = usd(costs, CHEAP), usd(costs, DEAR)
    assert dear == pytest.approx(300 * cheap)
    assert usd(costs, CASCADE, SPLIT) == pytest.approx(cheap + SHARE * dear)
    assert usd(costs, CASCADE, SPLIT, most=True) == pytest.approx(4 * cheap + dear)


def test_the_dearest_of_several_peers_counts_and_one_of_unknown_cost_leaves_no_ceiling() -> None:
    costs = Costs({**PRICES, "free": ModelSpec("remote", usd_per_1m_in=0.0, usd_per_1m_out=0.0)})
    for peers in (("free", "dear"), ("dear", "free")):
        split = SPLIT._replace(models=peers)
        assert usd(costs, CASCADE, split) == pytest.approx(usd(costs, CASCADE, SPLIT))
        assert usd(costs, CASCADE, split, most=True) == pytest.approx(usd(costs, CASCADE, SPLIT, most=True))
    unknown = SPLIT._replace(models=("dear", "new"))
    assert usd(costs, CASCADE, unknown) == pytest.approx(usd(costs, CASCADE, SPLIT))
    assert costs.ceiling(CASCADE, 1, split=unknown).usd is None


def test_an_arms_own_runs_take_the_place_of_the_worst_case_once_there_are_enough() -> None:
    costs = Costs(PRICES)
    escalated = 40 * 30 / 1e6  # dollars, for the tokens of a call so far
    for _ in range(int(ENOUGH)):
        costs.learn(ran(CASCADE, 1e-5))
    assert usd(costs, CASCADE, SPLIT, most=True) > escalated
    for _ in range(60):
        costs.learn(ran(CASCADE, 1e-5))
    assert usd(costs, CASCADE, SPLIT, most=True) < 0.25 * escalated


def test_a_run_that_asked_several_models_teaches_its_arm_and_not_what_a_call_of_its_model_takes() -> None:
    costs = Costs(PRICES)
    for _ in range(30):
        costs.learn(ran(CHEAP, 1e-5))
    before = usd(costs, CHEAP)
    for _ in range(30):
        costs.learn(ran(CASCADE, 6e-3, calls=2, mixed=True))
    assert usd(costs, CHEAP) == pytest.approx(before)
    assert usd(costs, CASCADE, SPLIT) == pytest.approx(6e-3, rel=0.2)
    for _ in range(30):
        costs.learn(ran(DEAR, 0.09))
    assert usd(costs, CASCADE, SPLIT._replace(share=1.0)) > 6e-3  # it leans on the peer's calls


def priced(*models: str) -> Yard:
    """A yard with a cascade, over models of which two have a price."""
    place = yard([Model(name) for name in models], [cascade], policy="random")
    place.engine.costs = Costs(PRICES)
    return place


async def test_a_limit_leaves_out_an_arm_that_one_call_of_its_dearer_peer_would_take_past_it() -> None:
    place = priced("cheap", "dear")
    decision = await place.engine.decide(asking("hi"), constraints=Constraints(max_usd=1e-4))
    assert set(decision.propensities) == {CHEAP}
    assert CASCADE in (await place.engine.decide(asking("hi"), constraints=Constraints(max_usd=1e-2))).propensities
    with pytest.raises(BadRequest, match=r"max_usd is 0.0001; every arm allowed"):
        await place.engine.decide(asking("hi"), "cascade@cheap", Constraints(max_usd=1e-4))


async def test_a_decision_foresees_the_share_of_the_peer() -> None:
    estimates = (await priced("cheap", "dear").engine.decide(asking("hi"))).estimates
    found, own, peer = (estimates[arm].usd for arm in (CASCADE, CHEAP, DEAR))
    assert found is not None and own is not None and peer is not None  # noqa: PT018  # for the type checker
    assert found > own + 0.9 * SHARE * peer


async def test_an_arm_of_unknown_cost_is_left_out_where_another_is_known_to_fit_and_tries_where_none_is() -> None:
    place = yard([Model("fits"), Model("slow"), Model("new")], policy="random")
    for _ in range(20):
        place.costs.learn(ran(Arm("fits", "direct"), 0.1, seconds=1.0))
        place.costs.learn(ran(Arm("slow", "direct"), 0.5, seconds=9.0))
    for within in (Constraints(max_seconds=3.0), Constraints(max_usd=0.2)):
        assert set((await place.engine.decide(asking("hi"), constraints=within)).propensities) == {
            Arm("fits", "direct")
        }
    none_fits = Constraints(max_seconds=0.1)
    assert set((await place.engine.decide(asking("hi"), constraints=none_fits)).propensities) == {Arm("new", "direct")}


def test_a_split_counts_the_drafts_by_what_the_model_offers_and_names_who_may_be_asked() -> None:
    plain, telling, third = Model("plain"), Model("telling", offers=frozenset({"logprobs"})), Model("third")
    models = {model.name: model for model in (plain, telling, third)}
    known = {one.name: one for one in (direct, cascade, self_reflection)}
    catalog = Catalog(models, None, {}, frozenset, {}, known=known)
    assert catalog.split(Arm("plain", "direct")) is None
    assert catalog.split(Arm("plain", "cascade")) == Split(4.0, 4.0, SHARE, ("telling", "third"))
    assert catalog.split(Arm("telling", "cascade")) == Split(1.0, 1.0, SHARE, ("plain", "third"))
    assert catalog.split(Arm("third", "self_reflection")) == Split(1.0, 5.0, 0.5, ("plain", "telling"))
    to = Catalog(models, None, {"cascade": {"to": "third", "samples": 2}}, frozenset, {}, known=known)
    assert to.split(Arm("plain", "cascade")) == Split(2.0, 2.0, SHARE, ("third",))
    assert to.split(Arm("third", "cascade")) is None
    assert Catalog({"plain": plain}, None, {}, frozenset, {}, known=known).split(Arm("plain", "cascade")) is None


async def test_a_run_says_whether_it_asked_several_models() -> None:
    async def both(ctx: Context) -> Reply:
        await ctx.ask(label="other", model="b")
        return await ctx.answer()

    asks = replace(made("both", both, calls=2), peers=Peers(1.0, lambda *_: 1.0, lambda *_: 1.0))
    place = yard([Model("a"), Model("b")], [asks])
    for name in ("both@a", "direct@a", "both@b"):
        await place.events(await place.engine.decide(asking("hi"), name))
    assert [end.outcome.mixed for end in place.ends] == [True, False, False]
