"""What the log knows of cascades: the evidence they noted, and who was right by the feedback that came."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # JSON columns

import structlog
from sqlmodel import Session, col, select

from store.database import Database
from store.redaction import is_redacted
from store.tables import CallRow, DecisionRow, FeedbackRow, NoteRow, OutcomeRow, QueryRow
from strategies.core.dispersion import Evidence
from strategies.core.gate import SOURCES, Judged
from strategies.core.verify import agree

STRATEGY = "cascade"
GATED = ("confident", "doubt", "explored")
RIGHT = 0.5
"""An answer rated above this is taken for right where another one is compared with it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a cascade noted of its model's own answer; `stands` says that the final answer says the same."""

    model: str
    facts: Mapping[str, Any]
    stands: bool


def doubts(database: Database) -> Iterator[Judged]:
    """Every judgement of an answer that a cascade's gate decided about, oldest first. Raises StoreError.

    A draft that stood is as right as it was rated. One that was escalated is as right as the other model's answer if it
    says the same, and wrong if that one was rated well and says something else; otherwise nobody knows (None). Since
    the gate chooses by the evidence alone, what it chose does not bend a fit on that evidence.
    """
    unreadable = 0
    with database.read() as session:
        judgements = session.exec(
            select(FeedbackRow.decision_id, FeedbackRow.reward, FeedbackRow.weight)
            .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
            .join(OutcomeRow, col(OutcomeRow.decision_id) == col(DecisionRow.id))
            .where(DecisionRow.strategy == STRATEGY, OutcomeRow.status == "ok", FeedbackRow.kind != "failure")
            .order_by(col(FeedbackRow.id))
        ).all()
        drafts = _drafts(session)
    for decision_id, reward, weight in judgements:
        draft = drafts.get(decision_id)
        if draft is None:
            continue
        evidence = evidence_of(draft.facts)
        if evidence is None:
            unreadable += 1
        elif not draft.facts.get("escalated"):
            yield Judged(draft.model, evidence, reward, {}, weight)
        else:
            weak = reward if draft.stands else 0.0 if reward > RIGHT else None
            yield Judged(draft.model, evidence, weak, {str(draft.facts.get("to")): reward}, weight)
    if unreadable:
        log.warning("notes of cascades without evidence left out", count=unreadable)


def _drafts(session: Session) -> dict[str, Draft]:
    """By decision: the draft of each run in which the gate decided."""
    asked = session.exec(
        select(DecisionRow.id, DecisionRow.model, QueryRow.text, OutcomeRow.text)
        .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
        .join(OutcomeRow, col(OutcomeRow.decision_id) == col(DecisionRow.id))
        .where(DecisionRow.strategy == STRATEGY)
    )
    runs = {key: (model, question, answer) for key, model, question, answer in asked}
    noted = session.exec(
        select(NoteRow.decision_id, NoteRow.facts, CallRow.label, CallRow.reply)
        .join(DecisionRow, col(DecisionRow.id) == col(NoteRow.decision_id))
        .join(CallRow, col(CallRow.decision_id) == col(NoteRow.decision_id))
        .where(DecisionRow.strategy == STRATEGY)
    )
    found = {}
    for key, facts, label, reply in noted:
        if key in runs and not is_redacted(runs[key][2]) and facts.get("why") in GATED and label == facts.get("kept"):
            model, question, answer = runs[key]
            found[key] = Draft(model, facts, agree(reply or "", answer, question))
    return found


def evidence_of(facts: Mapping[str, Any]) -> Evidence | None:
    """The evidence that a cascade noted; None where the note holds none that can be read."""
    source, logprob = str(facts.get("source")), facts.get("logprob")
    told = [facts.get(name) for name in ("var_conf", "ent_conf", "length")]
    numbers = [float(value) for value in told if isinstance(value, int | float)]
    if source not in SOURCES or len(numbers) < len(told) or not isinstance(logprob, int | float | None):
        return None
    return Evidence(source, numbers[0], numbers[1], logprob, numbers[2])
