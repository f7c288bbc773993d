"""The cascade: its own model's answer stands when it is sure, and another model is asked when it is in doubt."""

import json
from pathlib import Path

import pytest

from models.errors import StrategyError
from models.scripted import Scripted
from models.types import Message, Request
from models.zoo import ZOO
from strategies.cascade import SHIPPED, cascade
from strategies.core import Budget, Constraints, Context, Passage, Query
from strategies.core.gate import read
from tests.strategies.stage import Ran, Shelf, WordEmbedder, run, saying
from tests.strategies.weighing import SURE, TORN, Weighing

BORN = "Where was Mira Voss born?"
SUM = "What is 345 + 278?"


def large(*replies: str) -> dict[str, Scripted]:
    return {"large": Scripted("large", saying(*replies))}


async def constrained(model: Scripted, peers: dict[str, Scripted], limits: Constraints, seed: int | None = None) -> Ran:
    """A run with the caller's constraints."""
    ran = Ran()
    query = Query(Request((Message("user", BORN),), seed=seed), (await WordEmbedder().embed([BORN]))[0], limits)
    await cascade.run(Context(query=query, backend=model, emit=ran.hear, peers=peers), explore=0.5)
    return ran


async def test_a_sure_answer_stands_after_one_call_and_goes_out_in_one_piece() -> None:
    ran = await run(cascade, BORN, Weighing(SURE, "In Halden."), peers=large())
    assert ran.labels == ["draft"]
    assert (ran.text, ran.streamed) == ("In Halden.", None)
    assert ran.facts["escalated"] is False
    assert float(str(ran.facts["confidence"])) >= float(str(ran.facts["threshold"]))


async def test_an_answer_in_doubt_is_escalated_and_the_other_answer_streams() -> None:
    ran = await run(cascade, BORN, Weighing(TORN, "In Lisbon."), peers=large("In Halden."))
    assert [(call.label, call.model) for call in ran.calls] == [("draft", "small"), ("escalated", "large")]
    assert ran.text == ran.streamed == "In Halden."


async def test_the_log_holds_the_dispersion_the_gate_and_why() -> None:
    ran = await run(cascade, BORN, Weighing(TORN, "In Lisbon."), peers=large("In Halden."))
    told = {name: ran.facts[name] for name in ("escalated", "why", "to", "kept", "source", "probability", "gate_rows")}
    assert told == {
        "escalated": True, "why": "doubt", "to": "large", "kept": "draft", "source": "logprobs", "probability": 1.0,
        "gate_rows": 0,
    }  # fmt: skip
    for name in ("confidence", "threshold", "var_conf", "ent_conf", "logprob", "length"):
        assert isinstance(ran.facts[name], float), name
    assert ran.notes == [ran.notes[0]]
    assert "large is asked" in ran.notes[0]


async def test_the_callers_whole_request_goes_to_the_other_model_as_it_came() -> None:
    turns = (
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", BORN),
    )
    asked = Request(turns, temperature=0.3, top_p=0.9, max_tokens=7, stop=("\n",), seed=5, extra={"min_p": 0.1})
    other = large("In Halden.")
    ran = await run(cascade, asked, Weighing(TORN, "In Lisbon."), peers=other)
    assert other["large"].requests == [asked]
    draft = ran.calls[0].request
    assert (draft.messages, draft.temperature, draft.max_tokens, draft.stop) == (turns, 0.3, 7, ("\n",))
    assert (draft.logprobs, draft.top_logprobs) == (True, 5)


@pytest.mark.parametrize("answers", [("Halden", "In Halden.", "halden", "Halden!")])
async def test_without_log_probabilities_agreement_of_samples_counts(answers: tuple[str, ...]) -> None:
    ran = await run(cascade, BORN, saying(*answers), peers=large())
    assert ran.labels == ["draft", "sample 1", "sample 2", "sample 3"]
    assert (ran.facts["source"], ran.facts["var_conf"], ran.facts["ent_conf"]) == ("samples", 1.0, 1.0)
    assert (ran.facts["logprob"], ran.text) == (None, "Halden")


async def test_the_answer_that_most_samples_give_stands() -> None:
    ran = await run(cascade, BORN, saying("Lisbon", "Halden", "Halden", "Halden"), peers=large(), threshold=0.3)
    assert ran.text == "Halden"
    assert ran.facts["kept"] == "sample 1"


async def test_samples_that_differ_escalate() -> None:
    ran = await run(cascade, BORN, saying("Lisbon", "Rome", "Oslo", "Bern"), peers=large("Halden"))
    assert (ran.labels[-1], ran.text) == ("escalated", "Halden")
    assert (ran.facts["var_conf"], ran.facts["ent_conf"]) == (0.0, 0.0)


async def test_a_sum_that_does_not_hold_escalates_however_sure_the_model_is() -> None:
    ran = await run(cascade, SUM, Weighing(SURE, "613"), peers=large("623"))
    assert (ran.text, ran.facts["why"], ran.facts["finding"]) == ("623", "verifier", '"345 + 278 = 613" does not hold')


async def test_a_refuted_answer_draws_no_samples() -> None:
    ran = await run(cascade, SUM, saying("613"), peers=large("623"))
    assert ran.labels == ["draft", "escalated"]


async def test_samples_may_become_the_answer_and_keep_the_callers_limits() -> None:
    asked = Request((Message("user", BORN),), max_tokens=3, stop=("\n",))
    ran = await run(cascade, asked, saying("Rome", "Halden", "Halden", "Halden"), peers=large(), threshold=0.3)
    assert {(call.request.max_tokens, call.request.stop) for call in ran.calls} == {(3, ("\n",))}


async def test_a_sum_that_was_recomputed_stands_however_torn_the_model_is() -> None:
    ran = await run(cascade, SUM, Weighing(TORN, "623"), peers=large())
    assert (ran.labels, ran.facts["why"]) == (["draft"], "proven")


async def test_a_library_that_says_otherwise_escalates() -> None:
    shelf = Shelf([Passage("p1", "Mira Voss was born in Halden.", "People", 0.8)])
    ran = await run(cascade, BORN, Weighing(SURE, "In Lisbon."), peers=large("In Halden."), library=shelf)
    assert ran.facts["why"] == "verifier"


@pytest.mark.parametrize("answer", ["", "I do not know."])
async def test_a_model_that_gives_no_answer_escalates_without_samples(answer: str) -> None:
    ran = await run(cascade, BORN, saying(answer), peers=large("In Halden."))
    assert ran.labels == ["draft", "escalated"]
    assert ran.facts["why"] == "abstains"


async def test_without_another_model_it_just_answers() -> None:
    ran = await run(cascade, BORN, Weighing(TORN, "In Lisbon."), peers={"small": Scripted("small", saying())})
    assert (ran.labels, ran.streamed, ran.facts["why"]) == (["answer"], "In Lisbon.", "no peer")


async def test_a_model_that_the_caller_does_not_allow_is_not_asked() -> None:
    ran = await constrained(Weighing(TORN, "In Lisbon."), large(), Constraints(models=("small",)))
    assert ran.labels == ["answer"]


async def test_the_dial_moves_the_threshold_and_a_fixed_threshold_ignores_it() -> None:
    found = []
    for quality in (0.0, 0.5, 1.0):
        ran = await run(cascade, BORN, Weighing(SURE, "In Halden."), peers=large(), quality=quality)
        found.append(float(str(ran.facts["threshold"])))
    assert found == pytest.approx([0.3, 0.55, 0.8])
    ran = await run(cascade, BORN, Weighing(SURE, "In Lisbon."), peers=large("In Halden."), threshold=1.0)
    assert ran.text == "In Halden."


async def test_the_callers_own_dial_comes_before_the_parameter() -> None:
    ran = await constrained(Weighing(SURE, "In Halden."), large(), Constraints(quality=1.0, explore=False))
    assert ran.facts["threshold"] == pytest.approx(0.8)


async def test_within_a_limit_of_calls_it_draws_fewer_samples_and_keeps_one_call_to_escalate() -> None:
    ran = await run(cascade, BORN, saying("Rome", "Oslo"), peers=large("Halden"), budget=Budget(calls=3))
    assert ran.labels == ["draft", "sample 1", "escalated"]
    alone = await run(cascade, BORN, Weighing(TORN, "Rome"), peers=large(), budget=Budget(calls=1))
    assert (alone.text, alone.facts["why"]) == ("Rome", "no call left")


async def test_exploring_does_the_opposite_as_often_as_it_says_and_logs_the_probability() -> None:
    why: dict[str, set[tuple[object, ...]]] = {}
    for seed in range(40):
        ran = await constrained(Weighing(SURE, "In Lisbon."), large("In Halden."), Constraints(), seed=seed)
        why.setdefault(str(ran.facts["why"]), set()).add(
            (ran.facts["escalated"], ran.facts["probability"], len(ran.calls))
        )
    assert why == {"confident": {(False, 0.5, 1)}, "explored": {(True, 0.5, 2)}}
    still = await constrained(Weighing(SURE, "In Lisbon."), large(), Constraints(explore=False), seed=1)
    assert (still.facts["probability"], still.facts["escalated"]) == (1.0, False)


async def test_what_was_fitted_names_the_model_and_the_gate(tmp_path: Path) -> None:
    gate = {"bias": -9.0, "var_conf": 0.0, "ent_conf": 0.0, "logprob": 0.0, "length": 0.0, "strong": 0.5, "rows": 99}
    path = tmp_path / "gates.json"
    path.write_text(json.dumps({"small": {"to": "huge", "logprobs": gate, "made_by": "a test"}}))
    peers = {**large(), "huge": Scripted("huge", saying("In Halden."))}
    ran = await run(cascade, BORN, Weighing(SURE, "In Lisbon."), peers=peers, fitted=str(path))
    assert (ran.facts["to"], ran.facts["gate_rows"], ran.text) == ("huge", 99, "In Halden.")
    assert "fitted on 99 answers" in ran.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"small": 1}',
        '{"small": {"logprobs": {"bias": 1}}}',
        '{"small": {"logprobs": {"bias": 0, "var_conf": -1, "ent_conf": 0, "logprob": 0, "length": 0}}}',
        '{"small": {"samples": {"bias": NaN, "var_conf": 0, "ent_conf": 0, "logprob": 0, "length": 0}}}',
    ],
)
async def test_a_file_that_holds_no_gates_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gates.json"
    path.write_text(text)
    with pytest.raises(StrategyError, match=r"gates\.json"):
        await run(cascade, BORN, Weighing(SURE, "In Halden."), peers=large(), fitted=str(path))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"to": "nobody"}, "'nobody'"),
        ({"threshold": 1.5}, "threshold = 1.5"),
        ({"explore": -0.1}, "explore = -0.1"),
        ({"samples": 0}, "samples = 0"),
    ],
)
async def test_parameters_out_of_range_are_named(params: dict[str, str | float], told: str) -> None:
    with pytest.raises(StrategyError, match=told):
        await run(cascade, BORN, saying("In Halden."), peers=large(), params=params)


async def test_the_shipped_gates_can_be_read() -> None:
    assert set(read(SHIPPED)) == set(ZOO)
