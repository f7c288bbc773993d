"""What the machine does when nobody asks: it places arms that few have judged (router.calibration)."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from models.backend import Backend
from models.errors import BadSettings, PointsmanError
from router.answer_raters import raters
from router.calibration import Calibration, Pair
from router.engine import Engine
from router.turns import Turns
from router.types import Feedback
from service.following import Runs
from service.sections import Settings
from service.unforeseen import DAMAGED
from store import Store
from store.alone import Alone
from store.past import PastQuestions
from store.ratings import Rated, Ratings

AFTER = 60.0
"""Seconds without a run after which the machine is taken for idle."""
REST = 60.0
"""Seconds until the next look when there was nothing to do."""
HOUR = 3600.0

log = structlog.get_logger()


class Idle:
    """Runs one calibration after another while no request runs, within a budget of model calls per hour.

    A request stops what is under way: its calls are cancelled before the request's own begin to compete with them.
    Of several processes on one database, the first one does it, and keeps to the budget for all.
    """

    def __init__(
        self,
        calibration: Calibration,
        keep: Callable[[Pair], Awaitable[None]],
        runs: Runs,
        per_hour: int,
        *,
        after: float = AFTER,
        rest: float = REST,
        alone: Alone | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calibration, self._keep, self._runs = calibration, keep, runs
        self._per_hour, self._after, self._rest, self._clock = per_hour, after, rest, clock
        self._alone = alone
        self._spent: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def left(self) -> int:
        """The calls that may still be made in this hour."""
        while self._spent and self._spent[0][0] <= self._clock() - HOUR:
            self._spent.popleft()
        return self._per_hour - sum(calls for _, calls in self._spent)

    def start(self) -> None:
        """Begin to watch for idle times; with no budget, do nothing ever."""
        if self._per_hour > 0:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop what is under way; a rating that is being written is written to its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                log.error("idle calibration had ended", error=repr(error))
        if self._keeping is not None:
            await asyncio.wait([self._keeping])
        if self._alone is not None:
            await asyncio.to_thread(self._alone.close)

    async def _work(self) -> None:
        while True:
            await self._runs.quiet(self._after)
            before = self._calibration.calls
            try:
                if self._alone is not None and not await asyncio.to_thread(self._alone.is_mine):
                    await asyncio.sleep(self._rest)
                    continue
                pair = await self._until_a_request(self._calibration.step(self.left))
                if pair is not None:
                    # Learned and kept together, even if the service ends meanwhile.
                    self._keeping = asyncio.create_task(self._keep_and_tell(pair))
                    await asyncio.shield(self._keeping)
            except (PointsmanError, *DAMAGED) as error:
                log.warning("idle calibration failed", error=repr(error))
                await asyncio.sleep(self._rest)
            finally:
                self._spent.append((self._clock(), self._calibration.calls - before))
            if self._calibration.calls == before:
                await asyncio.sleep(self._rest)

    async def _until_a_request(self, step: Awaitable[Pair | None]) -> Pair | None:
        """What the step comes to; None if a request came first."""
        work = asyncio.ensure_future(step)
        request = asyncio.create_task(self._runs.begun())
        try:
            await asyncio.wait([work, request], return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for task in (work, request):
                task.cancel()
            await asyncio.wait([work, request])
            if not work.cancelled():
                work.exception()  # seen, whether or not anybody still wants it

    async def _keep_and_tell(self, pair: Pair) -> None:
        await self._keep(pair)
        found, rating = pair.finding, pair.rating
        log.info(
            "calibrated",
            arm=str(pair.first.arm),
            against=str(pair.second.arm),
            rater=rating.rater,
            difference=round(rating.first - rating.second, 3),
            mean=round(found.mean, 3),
            interval=[round(found.low, 3), round(found.high, 3)],
            questions=found.n,
            better={0: str(pair.first.arm), 1: str(pair.second.arm), None: None}[found.better],
        )


def open_idle(
    settings: Settings,
    engine: Engine,
    store: Store,
    embedder: str,
    backends: Mapping[str, Backend],
    runs: Runs,
) -> Idle:
    """What the settings say of idle times, over an engine and its store. Raises BadSettings."""
    params = settings.router.params
    judges = raters(backends, {name: table.role for name, table in settings.models.items()})
    calibration = Calibration(engine, PastQuestions(store.database, embedder), judges, seed=settings.router.seed)
    keep = keeper(store.ratings, engine.learn, engine.turns)
    per_hour, after = calls_per_hour(params), seconds_before(params)
    return Idle(calibration, keep, runs, per_hour, after=after, alone=Alone(store.database, "idle"))


def calls_per_hour(params: Mapping[str, float]) -> int:
    """`idle_calls_per_hour` of `[router.params]`; 0, the default, means never. Raises BadSettings."""
    wanted = params.get("idle_calls_per_hour", 0.0)
    if not (wanted >= 0 and wanted == int(wanted)):
        raise BadSettings(f"router.params.idle_calls_per_hour = {wanted!r} must be a whole number, 0 or more")
    return int(wanted)


def seconds_before(params: Mapping[str, float]) -> float:
    """`idle_after_seconds` of `[router.params]`. Raises BadSettings."""
    after = params.get("idle_after_seconds", AFTER)
    if not after > 0:
        raise BadSettings(f"router.params.idle_after_seconds = {after!r} must be more than 0")
    return after


def keeper(ratings: Ratings, learn: Callable[[Feedback], None], learning: Turns) -> Callable[[Pair], Awaitable[None]]:
    """Writes a pair's rating down and lets the router learn it, in the order in which it is kept."""

    async def keep(pair: Pair) -> None:
        async with learning:
            for rated in await _written(ratings, pair):
                for feedback in rated.feedback:
                    learn(feedback)

    return keep


async def _written(ratings: Ratings, pair: Pair) -> Sequence[Rated]:
    """The rows of the rating: a preference where answers were only compared, else a score of each."""
    rating = pair.rating
    if rating.compared and rating.first != rating.second:
        worse, better = sorted(((rating.first, pair.first), (rating.second, pair.second)), key=lambda one: one[0])
        return [
            await ratings.rate(
                worse[1].decision_id,
                0.0,
                rater=rating.rater,
                kind="preference",
                weight=rating.weight,
                comment=rating.comment,
                preferred=better[1].decision_id,
            )
        ]
    return [
        await ratings.rate(answer.decision_id, reward, rater=rating.rater, weight=rating.weight, comment=rating.comment)
        for answer, reward in ((pair.first, rating.first), (pair.second, rating.second))
    ]
