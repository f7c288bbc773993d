"""The nouns of choosing: Arm, Estimate, Decision, Outcome, Feedback, and the protocols Policy and History."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.types import Request, Usage
from strategies.core import Constraints, Noted, Query, Strategy
from strategies.core.events import RunEvent
from strategies.core.query import Vector


@dataclass(frozen=True, slots=True, order=True)
class Arm:
    """A model together with a strategy: one way to answer."""

    model: str
    strategy: str

    def __str__(self) -> str:
        return f"{self.strategy}@{self.model}"

    @classmethod
    def parse(cls, text: str) -> "Arm":
        """The arm written as `strategy@model`. Raises ValueError."""
        strategy, at, model = text.partition("@")
        if not (strategy and at and model):
            raise ValueError(f"an arm is written strategy@model, not {text!r}")
        return cls(model, strategy)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an arm is expected to give and to take, before it runs.

    `quality` 0..1 with `low`..`high` its central 90 % interval; `n` the weight of feedback it rests on; costs are
    None where nothing is known; `tokens` those of all replies. `utility` weighs the two (router.utility). `wait`, of
    the chosen arm alone, is the part of `seconds` before its model begins.
    """

    quality: float
    low: float
    high: float
    n: float
    gpu_seconds: float | None
    seconds: float | None
    usd: float | None
    calls: float
    utility: float
    tokens: float | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A past query near this one: its decision, the cosine, the arm that answered and how that was rated."""

    decision_id: str
    similarity: float
    arm: str
    reward: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Which arm answers a query, and why. `propensities` are the probabilities it was drawn with; they sum to 1.

    `revision` is what the arm's model and prompts were (router.revisions). `seen` is the request as strategies see it
    where the guards trimmed its history, `notes` what they have to tell. `snapshot` stands for the settings.
    """

    id: str
    arm: Arm
    policy: str
    propensities: Mapping[Arm, float]
    estimates: Mapping[Arm, Estimate]
    why: str
    query: Query
    seconds: float = 0.0
    embed_seconds: float = 0.0
    neighbours: tuple[Neighbour, ...] = ()
    revision: str = ""
    seen: Request | None = None
    notes: tuple[Noted, ...] = ()
    snapshot: str = ""

    @property
    def probability(self) -> float:
        """The propensity of the chosen arm."""
        return self.propensities[self.arm]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a run took: `arm` is the one that answered, `degraded` whether that is a fallback, `error` why it failed.

    `status` is "ok", "degraded", "failed" or "cancelled". `blamed` says whether a failure tells against the chosen arm:
    a strategy that cannot finish and a model that is down do; a prompt too long, a request that the model refuses and
    a limit of the caller do not. `question_chars` is the length of what was asked, 0 where it is not known. `mixed`:
    several models were asked, and `usage` adds up what all of them took. `aside`: a side request (router.unplaced), of
    which budgets hear and nothing is learned. `waited`: of the `seconds`, those that the first call waited for its turn
    or for its model to be loaded, which are not the arm's own.
    """

    decision_id: str
    arm: Arm
    usage: Usage
    seconds: float
    calls: int
    status: str = "ok"
    error: str | None = None
    first_token_seconds: float | None = None
    blamed: bool = False
    question_chars: int = 0
    mixed: bool = False
    aside: bool = False
    waited: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """A judgement of one answer, with the arm and the embedding it belongs to; `reward` 0..1, `weight` 0..1.

    `text` is the question, `answer_tokens` the length of the answer, `revision` what the arm's model and prompts were
    when it answered; empty or None where the log does not know. `expected` is the probability, by what the router
    believed when it chose the arm, that such a judgement would be a good one.
    """

    decision_id: str
    arm: Arm
    embedding: Vector
    reward: float
    rater: str = "user"
    kind: str = "score"
    weight: float = 1.0
    propensity: float = 1.0
    at: float = 0.0
    text: str = ""
    answer_tokens: int | None = None
    revision: str = ""
    expected: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """A past decision as off-policy evaluation reads it (router.off_policy).

    `at` is in seconds since 1970; `embedding` float32 [size]; `propensities` are those of every arm that might have
    answered, None where the log holds none that can be used; `reward` 0..1 is the mean of its judgements, `weight` how
    much they count together; `kept`: a conversation went on with the arm of its last turn.
    """

    id: str
    at: float
    text: str
    embedding: Vector
    arm: Arm
    propensities: Mapping[Arm, float] | None
    estimates: Mapping[Arm, Estimate]
    policy: str
    version: int | None = None
    reward: float | None = None
    weight: float = 0.0
    constraints: Constraints = field(default_factory=Constraints)
    kept: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The first event of a run: the decision has been taken."""

    decision: Decision


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """The last event of a run, whatever became of it."""

    outcome: Outcome
    decision: Decision
    text: str = ""


Event = Decided | RunEvent | Ended


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy answers: the arm, the probability of each, what it believes of each, and one sentence of why."""

    arm: Arm
    propensities: Mapping[Arm, float]
    estimates: Mapping[Arm, Estimate]
    why: str
    neighbours: tuple[Neighbour, ...] = ()


class Split(NamedTuple):
    """How the calls of a run divide: `own` calls of the arm's model, `most` of them at most, and one of a peer's in a
    `share` of the runs; `models` are those that it may be."""

    own: float
    most: float
    share: float
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An arm that may answer, its strategy, and what it is expected to cost; None where unknown.

    `wait` is the part of `seconds` that passes before its model begins (router.waits), known even where these are not.
    `tokens` are those of all replies; `surcharge`, in reward, is what a budget adds to the price (router.pacing).
    `split` is None where the arm's own model makes all calls. `hint` is how much better (or worse, below 0) the
    strategy is known to do on this category of question, in reward: a belief that few judgements outweigh.
    """

    arm: Arm
    strategy: Strategy
    gpu_seconds: float | None = None
    seconds: float | None = None
    usd: float | None = None
    calls: float = 1.0
    revision: str = ""
    tokens: float | None = None
    surcharge: float = 0.0
    split: Split | None = None
    hint: float = 0.0
    wait: float = 0.0


class Policy(Protocol):
    """A way of choosing. Pure and in memory: a fold of `learn` over the feedback that the log holds."""

    @property
    def name(self) -> str: ...

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """Pick among at least one candidate. At most a millisecond."""
        ...

    def learn(self, feedback: Feedback) -> None:
        """Take one judgement into account, at once."""
        ...

    def beliefs(self) -> Mapping[str, object]:
        """What the policy knows, as JSON, for `/v1/policies`."""
        ...


@runtime_checkable
class Settles(Protocol):
    """A policy that fits something in the background."""

    def settle(self) -> None:
        """Fit all that has been learned, now; replay and tests wait for it."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """A policy that can say of many queries at once how well each arm would do, in agreement with its estimates."""

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        """The expected quality 0..1, float64 [n, arms]; `embeddings` is float32 [n, size], `texts` the questions."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A policy that learns much at once faster than one by one, as at the start of the service."""

    def recall(self, feedback: Iterable[Feedback]) -> None:
        """Learn all of it, in this order: the beliefs are those that `learn` comes to."""
        ...


class History(Protocol):
    """The log as a policy sees it (implemented in the store)."""

    def feedback(self, since: int = 0) -> Iterator[Feedback]:
        """All feedback in the order in which it arrived, from row id `since` on."""

    def outcomes(self, limit: int = 20_000) -> Iterator[Outcome]:
        """The latest outcomes, oldest first."""


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """`[router]` of the settings: the policy, the dial, exploration, the default arm and what things are worth."""

    policy: str = "layered"
    quality: float = 0.7
    explore: bool = True
    default_arm: str | None = None
    seed: int | None = None
    params: Mapping[str, float] = field(default_factory=dict)
