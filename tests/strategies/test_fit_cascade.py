"""Fitting a cascade's gate: it finds what is to be found, stays monotone, and says what it is worth."""

import json
import random
from pathlib import Path

import pytest

from models.errors import ModelUnavailable
from models.scripted import Scripted
from models.types import Request
from strategies.cascade import cascade
from strategies.core.demos import Demo
from strategies.core.dispersion import Evidence
from strategies.core.gate import DEFAULT, Gate, Gates, Judged, read
from strategies.fitted.fit_cascade import WEIGHTS, fit_cascade, fit_gate, in_doubt, save
from strategies.fitted.try_cascade import judged_of, try_cascade
from tests.strategies.stage import run
from tests.strategies.weighing import SURE, Weighing

TRUE = Gate(bias=-6.0, var_conf=4.0, ent_conf=3.0, logprob=0.5, length=0.5)


def answers(n: int, gate: Gate, seed: int = 0, other: str = "large", sense: float = 1.0) -> list[Judged]:
    """Answers that are right with the gate's own probability; `sense` -1 makes the sure ones wrong."""
    chance, rows = random.Random(seed), []
    for _ in range(n):
        sure = chance.random()
        evidence = Evidence("logprobs", sure**1.5, sure, -2 * (1 - sure), chance.uniform(1, 4))
        p = gate.confidence(evidence)
        right = float(chance.random() < (p if sense > 0 else 1 - p))
        rows.append(Judged("small", evidence, right, {other: float(chance.random() < 0.7)}))
    return rows


def test_the_fit_comes_near_the_gate_that_made_the_answers() -> None:
    found = fit_gate(answers(3000, TRUE))
    fresh = answers(300, TRUE, seed=1)
    gaps = [found.confidence(row.evidence) - TRUE.confidence(row.evidence) for row in fresh]
    assert max(map(abs, gaps)) < 0.08
    assert found.rows == 3000


def test_the_weights_of_what_is_sure_are_never_negative_even_if_the_sure_answers_are_wrong() -> None:
    found = fit_gate(answers(800, TRUE, sense=-1.0))
    assert min(found.var_conf, found.ent_conf, found.logprob) >= 0
    sure, torn = Evidence("logprobs", 1, 1, 0, 2.0), Evidence("logprobs", 0, 0, -2, 2.0)
    assert found.confidence(sure) >= found.confidence(torn)


def test_a_few_answers_leave_the_default_gate_nearly_as_it_is() -> None:
    found, usual = fit_gate(answers(3, TRUE)), DEFAULT["logprobs"]
    assert max(abs(getattr(found, name) - getattr(usual, name)) for name in WEIGHTS) < 1.5
    nothing = fit_gate([Judged("small", Evidence("logprobs", 1, 1, 0, 2.0), 1.0, weight=0.0)])
    assert [getattr(nothing, name) for name in WEIGHTS] == pytest.approx([getattr(usual, name) for name in WEIGHTS])


def test_samples_have_no_weight_for_a_log_probability() -> None:
    rows = [Judged("small", Evidence("samples", v, v, None, 2.0), v) for v in (0.0, 0.25, 0.5, 1.0) * 20]
    assert fit_gate(rows).logprob == 0.0


def test_expected_strong_calls_are_the_mean_of_the_doubt() -> None:
    gate, chance = TRUE, random.Random(3)
    rows = answers(4000, TRUE)
    drawn = sum(chance.random() >= gate.confidence(row.evidence) for row in rows) / len(rows)
    assert drawn == pytest.approx(sum(1 - gate.confidence(row.evidence) for row in rows) / len(rows), abs=0.02)


async def test_a_share_fixes_the_threshold_so_that_as_many_escalate() -> None:
    rows = answers(1000, TRUE)
    (fit,) = await fit_cascade(rows, share=0.3)
    up = sum(fit.gate.confidence(row.evidence) < fit.gate.threshold(0.7) for row in rows)
    assert up == pytest.approx(300, abs=2)
    (dialled,) = await fit_cascade(rows)
    assert dialled.gate.cut is None
    assert dialled.gate.threshold(1.0) == pytest.approx(dialled.gate.strong)


async def test_a_fit_says_what_it_is_worth_on_answers_that_it_has_not_seen() -> None:
    (fit,) = await fit_cascade(answers(600, TRUE))
    assert fit.better
    assert fit.after < fit.before
    (again,) = await fit_cascade(answers(600, TRUE, seed=5), before={"small": Gates("large", {"logprobs": fit.gate})})
    assert not again.better


async def test_the_model_to_ask_is_the_one_that_is_right_where_the_first_is_in_doubt() -> None:
    sure, torn = Evidence("logprobs", 1, 1, 0, 2.0), Evidence("logprobs", 0, 0, -2, 2.0)
    rows = [Judged("small", sure, 1.0, {"same": 1.0, "other": 0.0})] * 30
    rows += [Judged("small", torn, 0.0, {"same": 0.0, "other": 1.0})] * 30
    (fit,) = await fit_cascade(rows)
    assert fit.to == "other"
    assert fit.gate.strong == fit.strong["other"] > 0.9
    assert in_doubt(rows, fit.gate)["same"] < 0.1


async def test_answers_nobody_judged_count_for_the_other_model_only() -> None:
    torn = Evidence("logprobs", 0, 0, -2, 2.0)
    unknown = [Judged("small", torn, None, {"large": 0.0})] * 500
    (fit,) = await fit_cascade([*answers(100, TRUE), *unknown])
    assert (fit.rows, fit.strong["large"] < 0.3) == (100, True)


async def test_too_few_answers_are_no_fit() -> None:
    assert await fit_cascade(answers(19, TRUE)) == []
    assert await fit_cascade([]) == []
    assert len(await fit_cascade(answers(19, TRUE), fewest=10)) == 1


async def test_what_is_saved_is_what_the_strategy_reads_and_other_models_stay(tmp_path: Path) -> None:
    path = tmp_path / "gates.json"
    path.write_text(json.dumps({"other": {"to": "x"}}))
    (fit,) = await fit_cascade(answers(300, TRUE))
    save(path, [fit], "a test")
    found = read(path)
    assert set(found) == {"other", "small"}
    assert found["small"].to == "large"
    row = answers(1, TRUE)[0]
    assert found["small"].of("logprobs", "large").confidence(row.evidence) == pytest.approx(
        fit.gate.confidence(row.evidence), abs=1e-5
    )
    assert found["small"].of("logprobs", "another").strong == DEFAULT["logprobs"].strong


async def test_labelled_questions_give_the_evidence_that_the_strategy_would_see(tmp_path: Path) -> None:
    """From questions to a file: a model that guesses some answers escalates those, and only those."""
    capitals = {f"Capital of land {i}?": f"City{i}" for i in range(40)}
    guesses = random.Random(1)

    def knows_half(request: Request) -> str:
        asked = request.messages[-1].text
        known = int(asked.split()[-1].rstrip("?")) % 2 == 0
        return capitals[asked] if known else f"Guess{guesses.randrange(10**6)}"

    small = Scripted("small", knows_half)
    large = Scripted("large", lambda request: capitals[request.messages[-1].text])
    demos = [Demo(question, answer) for question, answer in capitals.items()]
    told: list[int] = []
    tried = await try_cascade(
        small,
        [large],
        demos,
        lambda demo, reply: float(reply == demo.answer),
        progress=lambda done, _: told.append(done),
    )
    assert told == list(range(1, 41))
    assert sum(one.weak for one in tried) == 20
    (fit,) = await fit_cascade(judged_of("small", tried))
    save(tmp_path / "gates.json", [fit], "a test")
    texts = []
    for question in list(capitals)[:4]:
        ran = await run(cascade, question, small, peers={"large": large}, fitted=str(tmp_path / "gates.json"))
        texts.append((ran.text == capitals[question], ran.facts["escalated"]))
    assert texts == [(True, False), (True, True), (True, False), (True, True)]


async def test_a_model_that_fails_while_it_is_tried_is_the_callers_to_see() -> None:
    def fail(_: Request) -> str:
        raise ModelUnavailable("gone", model="small")

    with pytest.raises(ModelUnavailable):
        await try_cascade(Scripted("small", fail), [], [Demo("a?", "b")], lambda *_: 0.0)


async def test_what_a_check_has_settled_is_not_for_the_gate() -> None:
    sums = [Demo(f"What is {i} + 1?", str(i + 1)) for i in range(4)]
    small = Scripted("small", lambda request: "3" if "2" in request.messages[-1].text else "9")
    tried = await try_cascade(small, [], [*sums, Demo("Who?", "Ida")], lambda demo, reply: float(reply == demo.answer))
    assert [one.weak for one in tried] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert [row.evidence.source for row in judged_of("small", tried)] == ["samples"]
    proven = await try_cascade(Weighing(SURE, "3"), [], [Demo("What is 2 + 1?", "3")], lambda *_: 1.0)
    assert proven[0].draft.evidence is not None
    assert judged_of("small", proven) == []
