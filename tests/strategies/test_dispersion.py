"""Dispersion: its closed forms, which tokens it looks at, and that the gate is monotone in it."""

import math

import pytest

from models.types import Reply, TokenLogprob
from strategies.core.dispersion import Evidence, distribution, ent_conf, from_logprobs, from_samples, grouped, var_conf
from strategies.core.gate import DEFAULT, Gate


def entry(token: str, p: float, *others: float) -> TokenLogprob:
    top = ((token, math.log(p)), *((f"other {i}", math.log(q)) for i, q in enumerate(others)))
    return TokenLogprob(token, math.log(p), top)


def test_the_measures_of_a_distribution_are_those_of_the_paper() -> None:
    p = (0.7, 0.1, 0.1, 0.1)
    assert var_conf(p) == pytest.approx(0.36)
    assert ent_conf(p) == pytest.approx(0.3216, abs=5e-5)


@pytest.mark.parametrize("n", [2, 4, 9])
def test_an_even_spread_is_no_confidence_and_one_hot_is_full_confidence(n: int) -> None:
    for measure in (var_conf, ent_conf):
        assert measure([1 / n] * n) == pytest.approx(0.0, abs=1e-12)
        assert measure([1.0] + [0.0] * (n - 1)) == pytest.approx(1.0)
        assert measure([1.0], n) == pytest.approx(1.0)


def test_a_tokens_distribution_keeps_what_the_alternatives_leave() -> None:
    assert distribution(entry("a", 0.5, 0.25)) == pytest.approx([0.5, 0.25, 0.25])
    assert distribution(TokenLogprob("a", math.log(0.9))) == pytest.approx([0.9, 0.1])
    assert distribution(TokenLogprob("a", math.log(0.5), (("b", math.nan),))) == pytest.approx([0.5, 0.5])
    assert sum(distribution(TokenLogprob("a", math.log(0.9), (("b", 0.5),)))) == pytest.approx(1.0)


def test_only_the_tokens_of_the_answer_are_measured_and_the_least_certain_counts() -> None:
    torn, sure = entry("?", 0.4, 0.3), entry("?", 0.97, 0.01)

    def evidence(*tokens: tuple[str, TokenLogprob]) -> Evidence:
        told = tuple(TokenLogprob(t, one.logprob, ((t, one.logprob), *one.top[1:])) for t, one in tokens)
        found = from_logprobs(Reply("".join(token for token, _ in tokens), logprobs=told))
        assert found is not None
        return found

    led = evidence(("so ", torn), ("it is. ", torn), ("Answer: ", torn), ("6", sure), ("23", sure))
    last = evidence(("Answer: ", sure), ("6", sure), ("23", torn))
    assert led.var_conf > 0.9
    assert last.var_conf == pytest.approx(var_conf([0.4, 0.3, 0.3]))
    assert last.ent_conf == pytest.approx(ent_conf([0.4, 0.3, 0.3]))
    assert led.logprob is not None
    assert led.logprob == pytest.approx((3 * math.log(0.4) + 2 * math.log(0.97)) / 5)


def test_a_reply_without_log_probabilities_or_words_is_no_evidence() -> None:
    assert from_logprobs(Reply("623")) is None
    assert from_logprobs(Reply("623", logprobs=(TokenLogprob("623", math.nan),))) is None
    assert from_logprobs(Reply(" ", logprobs=(TokenLogprob(" ", -0.1),))) is None


def test_a_probability_of_nothing_leaves_the_measures_finite() -> None:
    found = from_logprobs(Reply("a", logprobs=(TokenLogprob("a", -math.inf, (("b", 0.0),)),)))
    assert found is not None
    assert found.logprob is not None
    assert all(map(math.isfinite, (found.var_conf, found.ent_conf, found.logprob)))


def test_answers_that_say_the_same_are_one_group_and_n_is_the_number_of_samples() -> None:
    replies = [Reply(text) for text in ("12", "Answer: 13", "It is 13.", "13.0")]
    found = grouped([reply.text for reply in replies], "How many nuts?")
    assert (found.masses, found.kept) == ((0.75, 0.25), 1)
    evidence = from_samples(replies, found)
    assert evidence is not None
    assert evidence.logprob is None
    assert evidence.var_conf == pytest.approx((4 * (9 / 16 + 1 / 16) - 1) / 3)
    assert from_samples(replies[:1], grouped(["12"], "")) is None


@pytest.mark.parametrize("source", ["logprobs", "samples"])
def test_the_default_gate_is_sure_of_one_hot_and_not_of_an_even_spread(source: str) -> None:
    gate = DEFAULT[source]
    assert gate.confidence(Evidence(source, 1.0, 1.0, 0.0, 3.0)) > 0.9
    assert gate.confidence(Evidence(source, 0.0, 0.0, -1.8 if source == "logprobs" else None, 3.0)) < 0.13


def test_the_gate_is_monotone_in_what_is_sure() -> None:
    gate = Gate(bias=-1.0, var_conf=2.0, ent_conf=0.5, logprob=1.5, length=-0.7)
    base = Evidence("logprobs", 0.4, 0.4, -0.8, 2.0)
    surer = [Evidence("logprobs", 0.5, 0.4, -0.8, 2.0), Evidence("logprobs", 0.4, 0.5, -0.8, 2.0)]
    surer.append(Evidence("logprobs", 0.4, 0.4, -0.7, 2.0))
    assert all(gate.confidence(one) > gate.confidence(base) for one in surer)


def test_an_extreme_score_is_a_probability_still() -> None:
    for bias in (-2000.0, 2000.0):
        assert Gate(bias, 0, 0, 0, 0).confidence(Evidence("samples", 0, 0, None, 0)) in (0.0, 1.0)


def test_the_threshold_is_what_the_other_model_wins_less_its_toll() -> None:
    gate = Gate(0, 1, 1, 1, 0, strong=0.6, toll=0.5)
    assert [gate.threshold(dial) for dial in (0.0, 0.7, 1.0)] == pytest.approx([0.1, 0.45, 0.6])
    assert Gate(0, 1, 1, 1, 0, strong=0.2, toll=0.5).threshold(0.0) == 0.0
    assert Gate(0, 1, 1, 1, 0, cut=0.25).threshold(1.0) == 0.25
