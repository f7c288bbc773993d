"""The tables: queries, decisions, calls, notes, outcomes, feedback, documents, passages, policy versions, API keys."""

from datetime import UTC, datetime
from typing import Any  # JSON columns, and what SQLAlchemy's type decorators pass

from sqlalchemy import JSON, Column, DateTime, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is put back when the moment is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class QueryRow(SQLModel, table=True):
    """What was asked: the whole request as JSON and the embedding of its question as float32 bytes."""

    __tablename__ = "queries"
    __table_args__ = (Index("ix_queries_key_at", "key", "at"), Index("ix_queries_at", "at"))

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    text: str = Field(sa_type=Text)
    request: dict[str, Any] = Field(sa_type=JSON)
    constraints: dict[str, Any] = Field(sa_type=JSON)
    conversation: str | None = Field(default=None, index=True)
    message: str | None = Field(default=None, index=True)
    key: str | None = None
    side: str | None = None
    origin: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    embedder: str
    embedding: bytes = Field(sa_type=LargeBinary)


class DecisionRow(SQLModel, table=True):
    """Which arm was chosen, and all that was known when it was; its id is its query's and its completion's."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_at_id", "at", "id"),
        Index("ix_decisions_arm_at", "arm", "at"),
        Index("ix_decisions_model_at", "model", "at"),
        Index("ix_decisions_strategy_at", "strategy", "at"),
    )

    id: str = Field(sa_column=Column(String, ForeignKey("queries.id", ondelete="CASCADE"), primary_key=True))
    at: datetime = Field(sa_type=UtcTime)
    arm: str
    model: str
    strategy: str
    policy: str
    policy_version: int | None = Field(default=None, foreign_key="policy_versions.id")
    revision: str | None = None
    snapshot: str | None = None
    propensity: float
    utility: float | None = None
    propensities: dict[str, Any] = Field(sa_type=JSON)
    estimates: dict[str, Any] = Field(sa_type=JSON)
    neighbours: list[Any] = Field(sa_type=JSON)
    why: str = Field(sa_type=Text)
    embed_seconds: float
    decide_seconds: float


def _decision() -> Any:  # SQLModel wants a new Column object for every table
    return Column(String, ForeignKey("decisions.id", ondelete="CASCADE"), nullable=False, index=True)


class CallRow(SQLModel, table=True):
    """One model call of a run; `position` orders the events of a decision, `started` is in seconds into the run."""

    __tablename__ = "calls"
    __table_args__ = (UniqueConstraint("decision_id", "position", name="uq_calls_decision_position"),)

    id: int | None = Field(default=None, primary_key=True)
    decision_id: str = Field(sa_column=_decision())
    position: int
    at: datetime = Field(sa_type=UtcTime)
    label: str
    model: str
    messages: list[Any] = Field(sa_type=JSON)
    request: dict[str, Any] = Field(sa_type=JSON)
    reply: str | None = Field(default=None, sa_type=Text)
    rest: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    gpu_seconds: float | None = None
    usd: float | None = None
    started: float
    seconds: float
    error: str | None = Field(default=None, sa_type=Text)


class NoteRow(SQLModel, table=True):
    """What a run noted on its way, failures included."""

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("decision_id", "position", name="uq_notes_decision_position"),)

    id: int | None = Field(default=None, primary_key=True)
    decision_id: str = Field(sa_column=_decision())
    position: int
    at: datetime = Field(sa_type=UtcTime)
    text: str = Field(sa_type=Text)
    facts: dict[str, Any] = Field(sa_type=JSON)


class OutcomeRow(SQLModel, table=True):
    """What a run took and what became of it; `arm` is the one that answered, `text` the answer."""

    __tablename__ = "outcomes"
    __table_args__ = (Index("ix_outcomes_at", "at"),)

    decision_id: str = Field(sa_column=Column(String, ForeignKey("decisions.id", ondelete="CASCADE"), primary_key=True))
    at: datetime = Field(sa_type=UtcTime)
    arm: str
    status: str
    error: str | None = Field(default=None, sa_type=Text)
    text: str = Field(sa_type=Text)
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    waited: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    first_token_seconds: float | None = None
    gpu_seconds: float | None = None
    usd: float | None = None
    calls: int


class FeedbackRow(SQLModel, table=True):
    """A judgement of one answer; `value` is what was judged in the rater's own terms, so that the same counts once."""

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("decision_id", "rater", "kind", "value", name="uq_feedback_judgement"),
        UniqueConstraint("idempotency_key", name="uq_feedback_idempotency_key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    decision_id: str = Field(sa_column=_decision())
    at: datetime = Field(sa_type=UtcTime)
    rater: str
    kind: str
    value: str
    reward: float
    weight: float
    comment: str | None = Field(default=None, sa_type=Text)
    correction: str | None = Field(default=None, sa_type=Text)
    preferred: str | None = None
    idempotency_key: str | None = None


class DocumentRow(SQLModel, table=True):
    """A document of the library; its id comes from its words, so that the same ones twice are one."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("sha256", name="uq_documents_sha256"),)

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    title: str
    media_type: str
    sha256: str
    bytes: int
    embedder: str


class PassageRow(SQLModel, table=True):
    """A piece of a document with its embedding as float32 bytes."""

    __tablename__ = "passages"
    __table_args__ = (Index("ix_passages_document_position", "document_id", "position"),)

    id: str = Field(primary_key=True)
    document_id: str = Field(sa_column=Column(String, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False))
    position: int
    text: str = Field(sa_type=Text)
    embedding: bytes = Field(sa_type=LargeBinary)


class PolicyVersionRow(SQLModel, table=True):
    """What was fitted for a policy, the report on it, and since when it is in use (NULL: it is not)."""

    __tablename__ = "policy_versions"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    policy: str = Field(index=True)
    fitted: dict[str, Any] = Field(sa_type=JSON)
    report: dict[str, Any] = Field(sa_type=JSON)
    promoted_at: datetime | None = Field(default=None, sa_type=UtcTime)


class ApiKeyRow(SQLModel, table=True):
    """An API key: the digest of it, what it may do, and how much of what per period; the key itself is not kept."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("digest", name="uq_api_keys_digest"),)

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    name: str
    digest: str
    scopes: list[Any] = Field(sa_type=JSON)
    models: list[Any] = Field(sa_type=JSON)
    requests_per_minute: int | None = None
    period: str
    usd: float | None = None
    gpu_seconds: float | None = None
    tokens: int | None = None
    expires_at: datetime | None = Field(default=None, sa_type=UtcTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcTime)


METADATA = SQLModel.metadata
TABLES: dict[str, Table] = dict(METADATA.tables)
"""The tables themselves, by name."""
