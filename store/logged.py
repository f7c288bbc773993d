"""Decisions as off-policy evaluation reads them: what was asked, who might have answered, and how it was judged."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # JSON columns

import structlog
from sqlalchemy import func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from router.types import Arm, Estimate, Logged
from router.unplaced import SIDE
from store.database import Database
from store.lines import utc
from store.readable import readable
from store.redaction import is_redacted
from store.space import UNPLACED, Space, is_placed
from store.tables import DecisionRow, FeedbackRow, QueryRow
from store.teaching import teaches
from strategies.core import Constraints

PAGE = 1000
KEPT = "The conversation goes on;"
"""How the log says that a conversation kept its arm (router.sticky)."""
ROUNDING = 1e-3

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Together:
    """The judgements of a decision: their weighted mean and their weight."""

    reward: float
    weight: float


def logged(database: Database, space: Space, since: float = 0.0) -> Iterator[Logged]:
    """The decisions from that moment on (seconds since 1970), oldest first. Raises StoreError.

    A decision on a query that another embedder placed, or whose row or embedding cannot be read, is left out; one
    whose propensities cannot be meant comes without them. The log says how many there were of each.
    """
    foreign = broken = bare = 0
    ids = _ids(database, since)
    for page in (ids[i : i + PAGE] for i in range(0, len(ids), PAGE)):
        found = readable(page, lambda some: _page(database, some))
        broken += len(page) - len(found)
        for decision, query, judged in found:
            one = None if query.embedder != space.name else _read(decision, query, judged, space)
            foreign += query.embedder not in (space.name, UNPLACED)
            if one is not None:
                bare += one.propensities is None
                yield one
            elif query.embedder == space.name:
                broken += 1
    if foreign:
        log.warning("decisions of another embedder left out", count=foreign, embedder=space.name)
    if broken:
        log.warning("decisions that cannot be read left out", count=broken)
    if bare:
        log.warning("decisions without propensities", count=bare)


def _ids(database: Database, since: float) -> list[str]:
    """The decisions from that moment on, oldest first."""
    order = col(DecisionRow.at), col(DecisionRow.id)
    with database.read() as session:
        own = col(DecisionRow.policy) != SIDE
        return list(session.exec(select(DecisionRow.id).where(order[0] >= utc(since), own).order_by(*order)))


def _page(database: Database, ids: Sequence[str]) -> list[tuple[DecisionRow, QueryRow, Together | None]]:
    """These decisions, oldest first. Raises ValueError or TypeError for a row that cannot be loaded."""
    wanted = (
        select(DecisionRow, QueryRow)
        .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
        .where(col(DecisionRow.id).in_(ids))
        .order_by(col(DecisionRow.at), col(DecisionRow.id))
        # sqlmodel's col is that attribute
        .options(*(defer(col(one)) for one in (QueryRow.request, QueryRow.at, DecisionRow.neighbours)))  # type: ignore[arg-type]
    )
    with database.read() as session:
        rows = list(session.exec(wanted))
        judged = _judged(session, [decision.id for decision, _ in rows])
        return [(decision, query, judged.get(decision.id)) for decision, query in rows]


def _judged(session: Session, ids: list[str]) -> dict[str, Together]:
    weight = func.sum(col(FeedbackRow.weight))
    wanted = (
        select(FeedbackRow.decision_id, func.sum(col(FeedbackRow.reward) * col(FeedbackRow.weight)), weight)
        .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
        .where(col(FeedbackRow.decision_id).in_(ids), col(FeedbackRow.weight) > 0, teaches())
        .group_by(col(FeedbackRow.decision_id))
    )
    return {key: Together(float(total) / float(whole), float(whole)) for key, total, whole in session.exec(wanted)}


def _read(decision: DecisionRow, query: QueryRow, judged: Together | None, space: Space) -> Logged | None:
    """The row as the router's noun; None for one that cannot be read."""
    arm, embedding = _arm(decision.arm), space.vector(query)
    if arm is None or not is_placed(embedding):
        return None
    return Logged(
        id=decision.id,
        at=decision.at.timestamp(),
        text="" if is_redacted(query.text) else query.text,
        embedding=embedding,
        arm=arm,
        propensities=_propensities(decision.propensities, arm),
        estimates=_estimates(decision.estimates),
        policy=decision.policy,
        version=decision.policy_version,
        reward=None if judged is None else judged.reward,
        weight=0.0 if judged is None else judged.weight,
        constraints=_constraints(query.constraints),
        kept=decision.why.startswith(KEPT),
    )


def _propensities(row: object, chosen: Arm) -> Mapping[Arm, float] | None:
    """The probabilities as the log holds them; None unless they are a distribution in which the chosen arm can be."""
    found: dict[Arm, float] = {}
    for name, p in row.items() if isinstance(row, dict) else ():
        arm = _arm(name)
        if arm is None or not _number(p) or not 0 <= p <= 1:
            return None
        found[arm] = float(p)
    fine = abs(sum(found.values()) - 1) <= ROUNDING and found.get(chosen, 0.0) > 0
    return found if fine else None


def _estimates(row: object) -> Mapping[Arm, Estimate]:
    """What was expected of each arm, its costs above all; an arm that the row does not tell of is left out."""
    rows = row.items() if isinstance(row, dict) else ()
    told = {arm: one for name, one in rows if (arm := _arm(name)) is not None and isinstance(one, dict)}
    return {
        arm: Estimate(
            quality=_given(one, "quality", 0.5),
            low=_given(one, "low", 0.0),
            high=_given(one, "high", 1.0),
            n=_given(one, "n", 0.0),
            gpu_seconds=_known(one, "gpu_seconds"),
            seconds=_known(one, "seconds"),
            usd=_known(one, "usd"),
            calls=_given(one, "calls", 1.0),
            utility=_given(one, "utility", 0.0),
        )
        for arm, one in told.items()
    }


def _constraints(row: object) -> Constraints:
    """What bears on choosing: the dial and whether to explore. The limits have taken their arms out already."""
    given = row if isinstance(row, dict) else {}
    explore = given.get("explore")
    return Constraints(_known(given, "quality"), explore=explore if isinstance(explore, bool) else None)


def _arm(name: object) -> Arm | None:
    try:
        return Arm.parse(str(name))
    except ValueError:
        return None


def _given(one: Mapping[str, Any], name: str, default: float) -> float:
    return float(one[name]) if _number(one.get(name)) else default


def _known(one: Mapping[str, Any], name: str) -> float | None:
    """A number of 0 or more; None where the row holds none."""
    return float(one[name]) if _number(one.get(name)) and one[name] >= 0 else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
