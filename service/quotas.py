"""What a key may have: requests per minute as a token bucket, and budgets of dollars, GPU-seconds and tokens.

A budget is counted from the log, and between two counts by what the runs of this process took. A run that began within
its budget is never broken off, so that those under way together can take more than is left. What is no run (a decision
alone, embeddings) and what a moderator takes is in no budget.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import QuotaExceeded
from router.types import Ended, Event
from service.errors import USED_UP
from store.keys import Counted, Key, Spent, began, ends

NOTHING = Spent()
UNITS = ("usd", "GPU-seconds", "tokens")


@dataclass(slots=True)
class Rate:
    """A token bucket: so many requests per minute, and as many at once."""

    per_minute: int
    left: float
    at: float

    @classmethod
    def full(cls, per_minute: int) -> "Rate":
        """A bucket that nobody has taken from yet."""
        return cls(per_minute, float(per_minute), time.monotonic())

    def take(self, now: float) -> None:
        """Count one request. Raises QuotaExceeded, which says when there will be room for it."""
        self.left = min(self.per_minute, self.left + (now - self.at) * self.per_minute / 60.0)
        self.at = now
        if self.left < 1.0:
            wait = (1.0 - self.left) * 60.0 / self.per_minute
            message = f"this key may send {self.per_minute} requests per minute; wait {wait:.1f} seconds"
            raise QuotaExceeded(message, code="rate_limit_exceeded", retry_after=math.ceil(wait))
        self.left -= 1.0


@dataclass(slots=True)
class Book:
    """What a key has taken since `began`: as the log says, and runs of this process that the log did not hold then."""

    began: float
    logged: Spent = NOTHING
    told: Spent = NOTHING


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of this process took, and when it ended."""

    key: str
    at: float
    spent: Spent


class Budgets:
    """The books of all keys that have a budget."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._runs: dict[str, Run] = {}

    @property
    def runs(self) -> list[str]:
        """The runs that the next count shall look for in the log."""
        return list(self._runs)

    def knows(self, key: Key) -> bool:
        """Whether what this key spent has been counted."""
        return key.id in self._books

    def take(self, keys: Sequence[Key], counted: Counted, now: float) -> None:
        """Open the books anew, as the log was counted at `now`; runs that it held then are forgotten here."""
        self._runs = {name: run for name, run in self._runs.items() if name not in counted.there}
        self._books = {key.id: Book(began(key.period, now), counted.spent[key.id]) for key in keys}
        for run in self._runs.values():
            book = self._books.get(run.key)
            if book is not None and run.at >= book.began:
                book.told = book.told.plus(run.spent)

    def tell(self, event: Event, now: float) -> None:
        """Count what a run took that has ended."""
        if not isinstance(event, Ended) or (key := event.decision.query.origin.key) is None or key not in self._books:
            return
        usage, book = event.outcome.usage, self._books[key]
        spent = Spent(usage.usd or 0.0, usage.gpu_seconds or 0.0, usage.prompt_tokens + usage.completion_tokens)
        self._runs[event.decision.id] = Run(key, now, spent)
        book.told = book.told.plus(spent)

    def check(self, key: Key, now: float) -> None:
        """Whether anything is left. Raises QuotaExceeded, which says when the next period begins."""
        book = self._books[key.id]
        end = ends(key.period, now)
        if began(key.period, now) > book.began:
            book = self._books[key.id] = Book(began(key.period, now))
        for limit, spent, unit in zip(key.budget, book.logged.plus(book.told), UNITS, strict=True):
            if limit is not None and spent >= limit:
                span = "in all" if end is None else f"per {key.period}"
                message = f"the budget of this key, {limit:g} {unit} {span}, is used up ({spent:.6g})"
                raise QuotaExceeded(message, code=USED_UP, retry_after=None if end is None else math.ceil(end - now))
