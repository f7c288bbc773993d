"""`POST /v1/feedback`: was an answer good? The router learns it before the reply is sent."""

from typing import Annotated, Any, Literal, Self  # Any: JSON

from fastapi import APIRouter, Request
from pydantic import Field, field_validator, model_validator

from router.answer_raters import Judge
from router.signals import RATER
from router.trust import EXACT, JUDGES
from service.faults import Closed
from service.house import House, HouseOf
from service.keys import Caller
from service.numbers import Share
from store import UnknownDecision

router = APIRouter(tags=["feedback"])

Text = Annotated[str, Field(max_length=100_000)]
Label = Annotated[str, Field(min_length=1, max_length=200)]
OWN = EXACT | {RATER}
"""Names under which the service itself judges."""


class FeedbackBody(Closed):
    """A judgement of one answer: exactly one of score, thumb, preferred and correction.

    The answer is named by its `id`, or by the ids that the client gave with the question: `conversation`, of which it
    is the latest answer, or the one to `message`. A `rater` whose name begins with `judge` is a model that judges, and
    counts half.
    """

    id: Label | None = None
    conversation: Label | None = None
    message: Label | None = None
    score: Share | None = None
    thumb: Literal["up", "down"] | None = None
    preferred: Label | None = None
    correction: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None
    rater: Label = "user"
    comment: Text | None = None
    idempotency_key: Label | None = None

    @model_validator(mode="after")
    def _one_judgement(self) -> Self:
        given = [self.score, self.thumb, self.preferred, self.correction]
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of score, thumb, preferred and correction")
        if (self.id is None) == (self.conversation is None):
            raise ValueError("give either id or conversation, with its message")
        if self.message is not None and self.conversation is None:
            raise ValueError("message goes with conversation, not with id")
        if self.preferred is not None and self.preferred == self.id:
            raise ValueError("preferred must name another answer than id")
        return self

    @field_validator("rater")
    @classmethod
    def _somebody_else(cls, rater: str) -> str:
        if rater in OWN:
            raise ValueError(f"{rater!r} is the service itself; give another name")
        return rater

    @property
    def kind(self) -> str:
        """The kind of judgement this is."""
        kinds = {"thumb": self.thumb, "preference": self.preferred, "correction": self.correction}
        return next((kind for kind, value in kinds.items() if value is not None), "score")

    @property
    def weight(self) -> float:
        """A judge's word counts half, in idle times as well as from outside."""
        return Judge.weight if self.rater.startswith(JUDGES) else 1.0

    @property
    def reward(self) -> float:
        """What the answer was worth; one that another was preferred to, or that was put right, is worth nothing."""
        if self.score is not None:
            return self.score
        return 1.0 if self.thumb == "up" else 0.0


@router.post("/v1/feedback")
async def rate(body: FeedbackBody, request: Request, house: HouseOf) -> dict[str, Any]:
    """Take a judgement down and learn from it; the same one twice counts once. Raises UnknownDecision."""
    caller: Caller = getattr(request.state, "key", None) or Caller()  # the gate's
    return await judge(body.id or await _named(body, house, caller), body, house, caller)


async def judge(
    decision_id: str,
    body: FeedbackBody,
    house: House,
    caller: Caller = Caller(),  # noqa: B008  # frozen
) -> dict[str, Any]:
    """The judgement on this decision, and what was learned from it. Raises UnknownDecision.

    A decision that was asked with another key than the `caller`'s is unknown to those who may not see it, the
    `preferred` one too; an `idempotency_key` is known to its own key alone.
    """
    key, said_once = caller.id, body.idempotency_key
    async with house.engine.turns:  # a restart comes to the same beliefs
        rated = await house.store.ratings.rate(
            decision_id,
            body.reward,
            rater=body.rater,
            kind=body.kind,
            weight=body.weight,
            comment=body.comment,
            idempotency_key=f"{key}:{said_once}" if key and said_once else said_once,
            preferred=body.preferred,
            correction=body.correction,
            asked_with=caller.own,
        )
        for feedback in () if rated.repeated else rated.feedback:
            house.engine.learn(feedback)
    if not rated.repeated:
        house.metrics.feedback.labels(body.kind).inc()
    return {
        "object": "feedback",
        "id": decision_id,
        "kind": body.kind,
        "repeated": rated.repeated,
        "learned": [{"id": one.decision_id, "arm": str(one.arm), "reward": one.reward} for one in rated.feedback],
    }


async def _named(body: FeedbackBody, house: House, caller: Caller) -> str:
    """The id of the decision that the client's own ids mean: one that was asked with its own key, if there is one."""
    latest, conversation = house.store.log.latest, body.conversation or ""
    found = await latest(conversation, body.message, None if caller.everything else caller.id)
    if found is None and caller.own is None:
        found = await latest(conversation, body.message)
    if found is None:
        named = repr(body.conversation) + ("" if body.message is None else f" with the message {body.message!r}")
        raise UnknownDecision(f"no answer in the conversation {named}", param="conversation", code="decision_not_found")
    return found
