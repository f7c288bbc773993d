"""What the log tells of cascades: who was right, by the feedback that came after."""

import uuid

from models.types import Message, Reply, Request
from router.types import Arm, Decided, Decision, Ended, Outcome
from store import Store
from store.doubts import doubts
from strategies.core import Called, Noted, Query
from strategies.core.dispersion import Evidence
from strategies.core.events import Fact
from strategies.core.gate import Judged
from tests.router.yard import Words
from tests.store.runs import USAGE

CASCADE = Arm("small", "cascade")
FACTS: dict[str, Fact] = {
    "escalated": False, "why": "confident", "to": "large", "kept": "draft", "source": "logprobs", "var_conf": 0.5,
    "ent_conf": 0.4, "logprob": -0.25, "length": 2.0,
}  # fmt: skip
EVIDENCE = Evidence("logprobs", 0.5, 0.4, -0.25, 2.0)


async def rated(
    store: Store, reward: float, answer: str = "Halden", *, draft: str = "Halden", status: str = "ok", **facts: Fact
) -> None:
    """A cascade's run as it is logged, and a judgement of its answer."""
    request = Request((Message("user", "Where was Mira Voss born?"),))
    query = Query(request, Words().one("born"))
    made = Decision(f"chatcmpl-{uuid.uuid4().hex}", CASCADE, "fixed", {CASCADE: 1.0}, {}, "why", query)
    told = {**FACTS, **facts}
    store.recorder.tell(made.id, Decided(made))
    for i, label in enumerate(("draft", "sample 1")):
        store.recorder.tell(
            made.id, Called(label, "small", request, Reply(draft if i == 0 else "no", usage=USAGE), i, 1)
        )
    store.recorder.tell(made.id, Noted("so it is", told))
    if told["escalated"]:
        store.recorder.tell(made.id, Called("escalated", "large", request, Reply(answer, usage=USAGE), 2, 1))
    store.recorder.tell(made.id, Ended(Outcome(made.id, CASCADE, USAGE, 1.0, 2, status), made, answer))
    await store.ratings.rate(made.id, reward)


async def test_a_draft_that_stood_is_as_right_as_it_was_rated(store: Store) -> None:
    await rated(store, 0.75)
    assert list(doubts(store.database)) == [Judged("small", EVIDENCE, 0.75, {}, 1.0)]


async def test_a_draft_that_was_escalated_is_judged_by_the_answer_of_the_other_model(store: Store) -> None:
    for reward, draft in ((1.0, "In Halden."), (1.0, "Lisbon"), (0.0, "Halden."), (0.0, "Lisbon")):
        await rated(store, reward, draft=draft, escalated=True, why="doubt")
    found = list(doubts(store.database))
    assert [row.weak for row in found] == [1.0, 0.0, 0.0, None]
    assert [row.strong for row in found] == [{"large": 1.0}, {"large": 1.0}, {"large": 0.0}, {"large": 0.0}]


async def test_samples_have_no_log_probability_and_explored_answers_count(store: Store) -> None:
    await rated(store, 1.0, source="samples", logprob=None, why="explored", kept="sample 1")
    (found,) = doubts(store.database)
    assert (found.evidence, found.weak) == (Evidence("samples", 0.5, 0.4, None, 2.0), 1.0)


async def test_what_the_gate_did_not_decide_or_cannot_be_read_is_left_out(store: Store) -> None:
    await rated(store, 1.0, why="verifier", escalated=True)
    await rated(store, 1.0, why="proven")
    await rated(store, 1.0, source="tea leaves")
    await rated(store, 1.0, var_conf=None)
    await rated(store, 1.0, status="degraded")
    assert list(doubts(store.database)) == []
