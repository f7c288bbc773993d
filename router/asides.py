"""What befell arms beside the questions: they became others, or were judged where the question has no place.

Each is kept with the place among the judgements at which it came, so that going over the past again meets it there.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aside:
    """Right before the judgement of this place: a judgement without a question or, with no weight, another revision."""

    place: int
    column: int
    reward: float = 0.0
    weight: float = 0.0


class Asides:
    """All asides in the order in which they came, and up to which they were heeded."""

    def __init__(self) -> None:
        self._all: list[Aside] = []
        self._heeded = 0

    def add(self, aside: Aside) -> None:
        """Put one at the end."""
        self._all.append(aside)

    def until(self, place: int) -> Iterator[Aside]:
        """Those up to this place that were not heeded yet; they are now."""
        while self._heeded < len(self._all) and self._all[self._heeded].place <= place:
            self._heeded += 1
            yield self._all[self._heeded - 1]

    def back(self, place: int) -> list[Aside]:
        """Heed those from this place on anew; of those before, the judgements of arms that are still the same."""
        self._heeded = bisect_left(self._all, place, key=lambda aside: aside.place)
        found: dict[int, list[Aside]] = {}
        for aside in self._all[: self._heeded]:
            if aside.weight:
                found.setdefault(aside.column, []).append(aside)
            else:
                found.pop(aside.column, None)
        return [aside for own in found.values() for aside in own]


class Revisions:
    """In which revision each arm is, by what the candidates say and, where they said nothing yet, by its judgements."""

    def __init__(self) -> None:
        self._met: dict[int, set[str]] = {}
        self._now: dict[int, str] = {}
        self._judged: dict[int, str] = {}

    def offered(self, column: int, revision: str) -> bool:
        """Whether an arm that may answer is another than it was; not if it was judged as this one last."""
        if not revision or self._now.get(column) == revision:
            return False
        self._met.setdefault(column, set()).add(revision)
        known = column in self._now and self._judged.get(column) != revision
        self._now[column] = revision
        return known

    def judged(self, column: int, revision: str) -> bool:
        """Whether a judgement shows the arm in a revision that was never met; one of an older answer comes late."""
        if not revision:
            return False
        self._judged[column] = revision
        met = self._met.setdefault(column, set())
        if revision in met:
            return False
        known = bool(met)
        met.add(revision)
        self._now[column] = revision
        return known
