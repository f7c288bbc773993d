"""A conversation keeps the arm that answered its last turn, until its task switches or the arm does badly.

Exploration inside a conversation therefore happens at its first turn and at a switch only. What is remembered lives in
memory, for the latest conversations; after a restart, each is picked anew at its next turn.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.errors import BadSettings
from router.types import Arm, Candidate, Choice, Ended, Feedback, Policy
from router.unplaced import SIDE
from strategies.core import Query
from strategies.core.query import Vector, question_of

CLOSE = 0.4
"""The cosine to one of the last questions from which on a question belongs to the same task."""
MOST = 2048
"""The conversations that are remembered."""
ASIDE = "calibration"
"""The policy of runs that belong to no conversation (router.calibration)."""
BAD = 0.5
"""A judgement below this lets the arm go."""
OPENING = re.compile(
    r"(?:and|but|or|so|how about|what (?:about|if|else)|also|then|again|are you sure|go on|continue|more|another|same"
    r"|shorter|longer|in (?:other words|short|\w+ please)|und|aber|et|mais|(?:y|pero|e|ma)(?= \w))\b",
    re.IGNORECASE,
)
# In scripts that set no spaces between words, two letters count as one.
WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{1,2}|[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+")
SHORT, SHORTEST = 8, 2
"""Words that a follow-up has at most: with an opening such as "and", and without one."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The last turn of a conversation: who answered, under which dial, and the last questions that said what it is."""

    decision_id: str
    arm: Arm
    quality: float | None
    questions: tuple[Vector, ...]


class Sticky:
    """What the latest conversations were about and who answered. With `most` 0, none sticks."""

    def __init__(self, most: int = MOST, close: float = CLOSE) -> None:
        self._most, self._close = most, close
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._keys: dict[str, str] = {}

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Sticky":
        """As `[router.params]` says: `sticky` 1 or 0, `sticky_cosine`. Raises BadSettings."""
        wanted, close = params.get("sticky", 1.0), params.get("sticky_cosine", CLOSE)
        if wanted not in (0, 1):
            raise BadSettings(f"router.params.sticky = {wanted!r} must be 0 or 1")
        if not 0 <= close <= 1:
            raise BadSettings(f"router.params.sticky_cosine = {close!r} must lie between 0 and 1")
        return cls(MOST if wanted else 0, close)

    def __len__(self) -> int:
        return len(self._turns)

    def choose(self, policy: Policy, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """The arm that the conversation goes on with, at a probability of 1; else what the policy picks.

        The probability is an honest one: given what was said before, no other arm could have been chosen.
        """
        turn = self._going_on(query)
        if turn is None or all(one.arm != turn.arm for one in candidates) or len(candidates) == 1:
            return policy.choose(query, candidates)
        seen = policy.choose(_certain(query), candidates)  # for what it expects of each arm
        odds = {one.arm: float(one.arm == turn.arm) for one in candidates}
        why = f"The conversation goes on; {turn.arm} answered its last turn."
        return Choice(turn.arm, odds, seen.estimates, why, seen.neighbours)

    def ended(self, event: Ended) -> None:
        """Remember who answered a turn; an arm that failed is let go, a turn that was broken off changes nothing."""
        decision, outcome = event.decision, event.outcome
        if self._most == 0 or decision.policy in (ASIDE, SIDE) or outcome.status == "cancelled":
            return
        query = decision.query
        before = self._before(query) if _nowhere(query) else self._going_on(query)
        key = _key_after(query, event.text)
        if outcome.status != "ok":
            for one in (key, _key_before(query)):
                self._forget(one)
            return
        questions = _last(() if before is None else before.questions, query)
        self._forget(key)
        self._turns[key] = Turn(decision.id, outcome.arm, query.constraints.quality, questions)
        self._keys[decision.id] = key
        while len(self._turns) > self._most:
            self._forget(next(iter(self._turns)))

    def judged(self, feedback: Feedback) -> None:
        """Let the arm go if the last answer of its conversation was judged badly, however little that weighs."""
        if feedback.reward < BAD:
            self._forget(self._keys.get(feedback.decision_id))

    def _going_on(self, query: Query) -> Turn | None:
        """The last turn of the query's conversation, if the query goes on with it under the same dial."""
        turn = self._before(query)
        near = [] if turn is None else [float(one @ query.embedding) for one in turn.questions]
        return turn if max(near, default=-1.0) >= self._close or follows_up(query.text) else None

    def _before(self, query: Query) -> Turn | None:
        """The last turn of the query's conversation, if it was under the same dial."""
        key = _key_before(query)
        turn = None if key is None else self._turns.get(key)
        if key is None or turn is None or turn.quality != query.constraints.quality:
            return None
        self._turns.move_to_end(key)
        return turn

    def _forget(self, key: str | None) -> None:
        turn = None if key is None else self._turns.pop(key, None)
        if turn is not None:
            self._keys.pop(turn.decision_id, None)


def follows_up(text: str) -> bool:
    """Whether a question is so short that it can only be understood from what was said before."""
    words = len(WORD.findall(text))
    return words <= SHORTEST or (words <= SHORT and OPENING.match(text.strip()) is not None)


def _last(before: tuple[Vector, ...], query: Query) -> tuple[Vector, ...]:
    """The questions that say what the conversation is about, newest first: "why?" says nothing, nor does one that was
    not embedded (router.unplaced). A conversation's first question is all there is."""
    if _nowhere(query) or (before and follows_up(query.text)):
        return before
    return (query.embedding, *before[:1])


def _nowhere(query: Query) -> bool:
    return not np.isfinite(query.embedding).all()


def _certain(query: Query) -> Query:
    return replace(query, constraints=replace(query.constraints, explore=False))


def _key_before(query: Query) -> str | None:
    """What the conversation is remembered by: the API key, and its id or the last exchange that the request brings."""
    if query.conversation is not None:
        return f"id {query.origin.key or ''} {query.conversation}"
    messages = query.messages
    said = next((i for i in reversed(range(len(messages))) if messages[i].role == "assistant"), None)
    if said is None:
        return None
    return _digest(query, question_of(messages[:said]), messages[said].text)


def _key_after(query: Query, answer: str) -> str:
    if query.conversation is not None:
        return f"id {query.origin.key or ''} {query.conversation}"
    return _digest(query, query.text, answer)


def _digest(query: Query, question: str, answer: str) -> str:
    system = [message.text for message in query.messages if message.role in ("system", "developer")]
    words = [" ".join(text.split()) for text in (query.origin.key or "", *system, question, answer)]
    return hashlib.sha256("\x00".join(words).encode("utf-8", "replace")).hexdigest()
