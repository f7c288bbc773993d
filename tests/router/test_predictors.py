"""What the simple methods promise: how many neighbours, which regions, regressions that know what they do not know."""

from dataclasses import replace

import numpy as np
import pytest

from router.axes import Axes
from router.judged import Judged
from router.partition import Partition
from router.policies.clusters import Clusters, PricedClusters
from router.policies.linucb import LinUCB
from router.policies.logistic import Logistic
from router.policies.nearest import ASKED, Nearest
from router.predictor import Judgement
from router.utility import Numbers
from tests.router.test_challengers import ARMS, log, open_, questions
from tests.router.yard import query, rated

PRIOR = np.array([0.5, 0.5, 0.5])


def table(n: int = 600, seed: int = 0) -> Judged:
    """The log of one arm a question as a table."""
    judged, columns = Judged(16), {one.arm: i for i, one in enumerate(ARMS)}
    for one in log(n, seed):
        judged.book(judged.place(one.embedding, one.text), columns[one.arm], one.reward, 1.0)
    return judged


def far_apart() -> Judged:
    """Pairs of questions, each pair alone in its direction; the first arm succeeds on every other pair."""
    judged, x = Judged(64), np.repeat(np.eye(64, dtype=np.float32), 2, axis=0)
    x[1::2] += np.float32(0.05) * np.roll(np.eye(64, dtype=np.float32), 7, axis=1)
    for i, one in enumerate(x):
        judged.book(judged.place(one, ""), 0, float(i // 2 % 2), 1.0)
    return judged


def test_neighbours_are_asked_few_where_only_the_nearest_know_and_many_where_all_are_alike() -> None:
    alone = Nearest(strength=0.5)
    alone.fit(far_apart(), PRIOR[:1])
    assert alone.reach == ASKED[0]
    judged, draw = Judged(16), np.random.default_rng(0)
    for one in questions(600, 2):
        judged.book(judged.place(one, ""), 0, float(draw.random() < 0.5), 1.0)
    alike = Nearest(strength=0.5)
    alike.fit(judged, PRIOR[:1])
    assert alike.reach >= 64


def test_a_neighbour_that_did_not_try_the_arm_counts_neither_for_nor_against_it() -> None:
    judged = Judged(16)
    for i, one in enumerate(questions(30, 1)[::3]):
        judged.book(judged.place(one, ""), i % 2, 1.0, 1.0)
    quality = Nearest(10, strength=1e-6).predict(judged, questions(1, 5), [""], PRIOR)[0]
    assert quality == pytest.approx([1.0, 1.0, 0.5], abs=1e-4)


def test_strength_is_how_many_judgements_the_mean_over_all_questions_counts_for() -> None:
    judged = Judged(16)
    x = questions(1, 1)[0]
    judged.book(judged.place(x, ""), 0, 1.0, 4.0)
    quality = Nearest(8, strength=4.0).predict(judged, x[None], [""], np.array([0.2]))[0, 0]
    assert quality == pytest.approx((4.0 + 4.0 * 0.2) / 8.0, abs=0.01)


def test_regions_are_the_kinds_of_questions_and_count_what_was_judged_in_them() -> None:
    judged = table()
    partition = Partition.of(judged, 3)
    found = partition.region(judged.x)
    assert [len(set(found[kind::3].tolist())) for kind in range(3)] == [1, 1, 1]
    kind = judged.weight[0::3].sum(axis=0), judged.reward[0::3].sum(axis=0)
    assert partition.weight[found[0]].tolist() == kind[0].tolist()
    assert partition.reward[found[0]].tolist() == kind[1].tolist()


def test_few_questions_make_few_regions() -> None:
    assert len(Partition.of(table(60), 64).centres) == 3
    assert len(Partition.of(table(3), 64).centres) == 1


def test_regions_learn_between_fits_as_if_they_had_been_counted_anew() -> None:
    judged, x = table(300), questions(1, 7)[0]
    live = Partition.of(judged, 3)
    live.add(x, Judgement(0, 4, 1.0, 0.5, 1.0))
    assert live.weight[live.region(x[None])[0]].tolist()[3:] == [0.0, 0.5]
    assert live.means(np.full(5, 0.3), 0.5)[live.region(x[None])[0], 4] == pytest.approx((0.5 + 0.15) / 1.0)


def test_the_nearest_regions_count_by_the_softmax_of_their_cosines() -> None:
    judged, x = table(), questions(12, 3)
    clusters, partition = Clusters(3, beta=9.0, top=2, strength=10.0), Partition.of(judged, 3)
    clusters.fit(judged, PRIOR)
    cosines = x @ partition.centres.T
    for i, row in enumerate(cosines):
        two = np.argsort(-row)[:2]
        shares = np.exp(9.0 * row[two]) / np.exp(9.0 * row[two]).sum()
        expected = shares @ partition.means(PRIOR, 10.0)[two]
        assert clusters.predict(judged, x[i : i + 1], [""], PRIOR)[0] == pytest.approx(expected, abs=1e-5)


def test_the_score_of_avengers_pro_scales_quality_and_price_over_the_candidates() -> None:
    clusters = PricedClusters()
    quality, taken = np.array([0.5, 0.7, 0.6]), np.array([0.0, 0.2, 0.1])
    assert clusters.worth(quality, ARMS, taken, 1.0) == pytest.approx([0.0, 1.0, 0.5])
    assert clusters.worth(quality, ARMS, taken, 0.0) == pytest.approx([1.0, 0.0, 0.5])
    assert clusters.worth(quality, ARMS, taken, 0.25) == pytest.approx([0.75, 0.25, 0.5])
    assert clusters.worth(np.full(3, 0.5), ARMS, np.zeros(3), 0.7) == pytest.approx(np.full(3, 0.3))


def test_own_score_makes_the_dial_choose_as_avengers_pro_would() -> None:
    cheap, good = replace(ARMS[0], gpu_seconds=0.1), replace(ARMS[1], gpu_seconds=0.2)
    x = questions(200, 4)
    rows = [rated((cheap, good)[i % 2].arm, x[i], float(i % 20 < (10, 19)[i % 2])) for i in range(200)]
    chosen = {}
    for own in (0.0, 1.0):
        policy = open_("clusters", explore=False, params={"own_score": own})
        for one in rows:
            policy.learn(one)
        chosen[own] = policy.choose(query(x[0], quality=0.3), [cheap, good]).arm
    # A tenth of a GPU-second costs less than the quality it buys; to the paper it is half of the dearest.
    assert chosen == {0.0: good.arm, 1.0: cheap.arm}


def test_components_point_where_their_greatest_part_is_positive_and_odd_looks_count_as_three_spreads() -> None:
    judged = Judged(16)
    for i, one in enumerate(questions(90, 1)):
        judged.book(judged.place(one, "what is it?" if i % 2 else "add 3 and 4"), 0, 1.0, 1.0)
    axes = Axes.of(judged, 16)
    assert (axes.directions.max(axis=0) >= -axes.directions.min(axis=0)).all()
    assert axes.place(judged.x, judged.texts)[:, 0].var() == pytest.approx(1.0, abs=1e-3)
    assert axes.place(judged.x[:1], ["9" * 8000])[:, 16:].max() == 3.0


def test_a_regression_leans_on_the_prior_where_an_arm_was_hardly_judged() -> None:
    judged, prior = Judged(16), np.array([0.8, 0.3])
    for one in questions(60, 1):
        judged.book(judged.place(one, ""), 0, 1.0, 1.0)
    judged.book(0, 1, 1.0, 1.0)
    for predictor in (Logistic(), LinUCB()):
        predictor.fit(judged, prior)
        quality = predictor.predict(judged, questions(9, 3), [""] * 9, prior)
        assert quality[:, 0].min() > 0.8
        assert (np.abs(quality[:, 1] - 0.3) < 0.1).all()
    assert Logistic().predict(judged, questions(9, 3), [""] * 9, prior) == pytest.approx(np.tile(prior, (9, 1)))


def test_a_reward_of_three_quarters_counts_as_three_quarters_of_a_success() -> None:
    whole, parts = Judged(16), Judged(16)
    for i, one in enumerate(questions(80, 1)):
        whole.book(whole.place(one, ""), 0, 0.75 if i % 3 else 0.25, 1.0)
        row = parts.place(one, "")
        parts.book(row, 0, 1.0, 0.75 if i % 3 else 0.25)
        parts.book(row, 0, 0.0, 0.25 if i % 3 else 0.75)
    found: list[Numbers] = []
    for judged in (whole, parts):
        logistic = Logistic(ridge=1.0)
        logistic.fit(judged, PRIOR[:1])
        found.append(logistic.predict(judged, questions(9, 3), [""] * 9, PRIOR[:1]))
    assert found[0] == pytest.approx(found[1], abs=1e-4)
    assert np.ptp(found[0]) > 0.2
    assert found[0].mean() == pytest.approx(53 / 80 * 0.75 + 27 / 80 * 0.25, abs=0.03)


def test_a_regression_that_takes_judgements_one_by_one_ends_where_a_fit_to_all_does() -> None:
    half, whole = table(300), table(300)
    live, anew = LinUCB(8, 1.0), LinUCB(8, 1.0)
    live.fit(half, PRIOR)
    for i, one in enumerate(questions(90, 9)):
        # Questions that were met before leave the axes where they are.
        row = whole.place(half.x[3 * i], "")
        new = Judgement(row, i % 3, float(one[0] > 0.3), 0.5, 1.0)
        live.learn(half, new, PRIOR)
        whole.book(row, new.column, new.reward, new.weight)
    anew.fit(whole, PRIOR)
    x = questions(12, 5)
    assert live.predict(half, x, [""] * 12, PRIOR) == pytest.approx(anew.predict(whole, x, [""] * 12, PRIOR), abs=1e-6)
    assert live.bonus(half, x, [""] * 12, PRIOR) == pytest.approx(anew.bonus(whole, x, [""] * 12, PRIOR), abs=1e-6)


def test_optimism_grows_where_little_was_seen_and_with_alpha() -> None:
    def bonus(alpha: float, n: int) -> Numbers:
        linucb = LinUCB(8, 1.0, alpha)
        linucb.fit(table(n), PRIOR)
        return linucb.bonus(table(n), questions(30, 5), [""] * 30, PRIOR)

    assert (bonus(1.0, 60) > 1.5 * bonus(1.0, 600)).all()
    assert bonus(2.0, 60) == pytest.approx(2.0 * bonus(1.0, 60))


def test_the_settings_reach_the_method() -> None:
    policy = open_("nearest", params={"k": 24.0})
    policy.learn(rated(ARMS[0].arm, questions(1, 1)[0], 1.0))
    assert policy.beliefs()["fitted"] == {"size 16": {"k": 24}}
