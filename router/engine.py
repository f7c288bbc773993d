"""The whole product on one screen: embed the query, choose an arm, run it, tell the log, learn."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType

from models.backend import Backend
from models.caller import RUN
from models.embedding import Embedder
from models.errors import BadRequest, BudgetExceeded, ModelError, NoArmLeft, PointsmanError, StrategyError
from models.types import Message, Reply, Request
from models.waiting import waiting_of
from router.affordable import affordable
from router.catalog import Catalog
from router.costs import Costs
from router.deadline import in_time, time_left
from router.guards import Guards, seen_by
from router.hints import hinted, telling
from router.normal import embedded
from router.pacing import Pacer
from router.relaying import relaying
from router.run import Run, Tell
from router.sticky import Sticky
from router.turns import Turns
from router.types import Arm, Candidate, Choice, Decided, Decision, Event, Feedback, Policy, RouterSettings
from router.unplaced import SIDE, aside, nowhere, the_only
from router.waits import told, waits_of
from strategies.core import Budget, Constraints, Context, Failed, Noted, Query
from strategies.core.query import Library, Memory, Origin, question_of
from strategies.core.registry import Param
from strategies.core.tasks import category_of
from strategies.direct import direct


class Engine:
    """Answers queries. It keeps no state of its own: what is known lives in the policy, the costs and the pacer."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        policy: Policy,
        embedder: Embedder,
        catalog: Catalog,
        costs: Costs,
        *,
        tell: Tell,
        library: Library | None = None,
        memory: Memory | None = None,
        params: Mapping[str, Mapping[str, Param]] = MappingProxyType({}),
        pacer: Pacer | None = None,
        sticky: Sticky | None = None,
        guards: Guards = Guards(),  # noqa: B008  # frozen
        settings: RouterSettings,
        most_seconds: float | None = None,
        snapshot: str = "",
    ) -> None:
        """`most_seconds` is the deadline of every run, fallbacks included, whatever a request allows; `snapshot` stands
        for the settings that decisions are taken under."""
        self.policy, self.catalog, self.costs, self.settings = policy, catalog, costs, settings
        self._backends, self._embedder, self._tell = backends, embedder, tell
        self._library, self._memory, self._params = library, memory, params
        self.pacer = pacer or Pacer()
        self._sticky = Sticky(0) if sticky is None else sticky
        self.guards, self.turns = guards, Turns(self.learn)
        self._most_seconds, self._snapshot = most_seconds, snapshot

    async def decide(
        self,
        request: Request,
        model: str = "auto",
        constraints: Constraints = Constraints(),  # noqa: B008  # frozen
        conversation: str | None = None,
        origin: Origin = Origin(),  # noqa: B008  # frozen
    ) -> Decision:
        """Choose an arm for the last user message; nothing runs and nothing is logged. Raises UserError."""
        if not _asks(request):
            raise BadRequest("messages hold no question: the last user message is empty", param="messages")
        if origin.side is not None:
            return await self._aside(Query(request, nowhere(self._embedder.size), constraints, None, origin), model)
        candidates = relaying(self.catalog.candidates(model, constraints), request)
        asked = len(question_of(request.messages))
        waits = waits_of(self._backends, candidates)
        candidates = self.pacer.charged(affordable(self.costs, candidates, constraints, asked, waits))
        notes = await self._admitted(request, constraints)
        started = time.perf_counter()
        texts = [question_of(request.messages), *self.guards.compared(request)]
        if len(candidates) == len(texts) == 1 and candidates[0].arm.strategy == direct.name:  # nothing hangs on it
            query = Query(request, nowhere(self._embedder.size), constraints, conversation, origin)
            return self._decided(query, the_only(candidates[0], self._dial(constraints)), candidates, notes=notes)
        rows = await self._embedder.embed([embedded(text) for text in texts])
        seen = self.guards.trim(request, rows)
        placed = time.perf_counter()
        query = Query(request, rows[0], constraints, conversation, origin)
        category = await category_of(query.embedding, self._embedder) if telling(candidates) else None
        choice = told(self._sticky.choose(self.policy, query, hinted(candidates, category)), waits)
        return self._decided(
            query,
            choice,
            candidates,
            seconds=time.perf_counter() - placed,
            embed_seconds=placed - started,
            seen=None if seen.request is request else seen.request,
            notes=(*notes, *seen.notes),
        )

    def _decided(
        self,
        query: Query,
        choice: Choice,
        candidates: Sequence[Candidate],
        *,
        policy: str = "",
        seconds: float = 0.0,
        embed_seconds: float = 0.0,
        seen: Request | None = None,
        notes: tuple[Noted, ...] = (),
    ) -> Decision:
        return Decision(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            arm=choice.arm,
            policy=policy or self.policy.name,
            propensities=choice.propensities,
            estimates=choice.estimates,
            why=choice.why,
            query=query,
            seconds=seconds,
            embed_seconds=embed_seconds,
            neighbours=choice.neighbours,
            revision=next(one.revision for one in candidates if one.arm == choice.arm),
            seen=seen,
            notes=notes,
            snapshot=self._snapshot,
        )

    async def _aside(self, query: Query, model: str) -> Decision:
        """The decision on a side request of a chat app; it still passes the moderator, and counts against budgets."""
        asked = len(query.text)
        candidates = affordable(self.costs, self.catalog.direct(model, query.constraints), query.constraints, asked)
        notes = await self._admitted(query.request, query.constraints)
        waits = [waiting_of(self._backends[one.arm.model]) for one in candidates]
        choice = aside(candidates, waits, query.origin.side or "")
        return self._decided(query, choice, candidates, policy=SIDE, notes=notes)

    async def _admitted(self, request: Request, limits: Constraints) -> tuple[Noted, ...]:
        return await in_time(self.guards.admit(request), time_left((limits.max_seconds, self._most_seconds), 0.0))

    def _dial(self, constraints: Constraints) -> float:
        return self.settings.quality if constraints.quality is None else constraints.quality

    async def run(self, decision: Decision) -> AsyncGenerator[Event, None]:
        """Answer: Decided, the run's events as they come, Answered or Failed, at the very end Ended.

        Closing it cancels everything downstream. Raises NoArmLeft when every arm failed, and what broke off an answer
        that had begun to stream.
        """
        run = Run(decision, self._tell)
        run.emit(Decided(decision))
        for note in decision.notes:
            run.emit(note)
        work = asyncio.create_task(self._answer(run))
        try:
            async with aclosing(run.events(work)) as events:
                async for event in events:
                    yield event
        finally:
            work.cancel()
            try:
                await asyncio.wait([work])
            finally:
                ended = run.end(work)
                self.costs.learn(ended.outcome)
                self._sticky.ended(ended)
                self.pacer.learn(ended.outcome)
                if ended.outcome.blamed:
                    # The store derives the same feedback from Ended, so that a restart comes to the same beliefs.
                    self.turns.learn(_failure(decision))
        yield ended
        work.result()

    def learn(self, feedback: Feedback) -> None:
        """Take a judgement into account for the next decision."""
        self._sticky.judged(feedback)
        self.policy.learn(feedback)

    async def _answer(self, run: Run) -> None:
        """Run the chosen arm; if it fails before a word was shown, its best answer so far is given, else `direct` is
        asked, with the same model and then the next ones.
        """
        RUN.set(run.decision.id)  # this task and those that it starts: the lines before models are fair to runs
        causes: list[PointsmanError] = []
        left = [run.decision.arm, *_fallbacks(run.decision)]
        while left:
            arm = run.arm = left.pop(0)
            ctx = self._world(arm, run)
            strategy = self.catalog.strategies.get(arm.strategy, direct)
            try:
                written = await in_time(strategy.run(ctx, **self._params.get(arm.strategy, {})), ctx.budget.seconds)
                return run.answered(arm, await self._passed(run, written))
            except (StrategyError, ModelError) as error:
                run.emit(Failed(error))
                run.first_error = run.first_error or error
                if run.streamed:
                    return self._broken_off(run, arm, error)
                if ctx.best is not None:
                    run.kept = True
                    told = f"{arm} could not finish ({error}); this is its best answer so far."
                    run.emit(Noted(told, {"kept": True}))
                    return run.answered(arm, await self._passed(run, ctx.best))
                causes.append(error)
                if isinstance(error, ModelError) and error.model in ("", arm.model):
                    left = [other for other in left if other.model != arm.model]
                if left:
                    told = f"{arm} failed ({type(error).__name__}: {error}); {left[0]} answers instead."
                    run.emit(Noted(told, {"instead": str(left[0])}))
        raise NoArmLeft(f"no arm could answer: {'; '.join(map(str, causes))}", tuple(causes)) from causes[0]

    async def _passed(self, run: Run, written: Reply | str) -> Reply | str:
        return await in_time(self.guards.passed(written, run.emit), self._left(run))

    def _left(self, run: Run, spared: float = 0.0) -> float | None:
        return time_left((run.decision.query.constraints.max_seconds, self._most_seconds), run.seconds, spared)

    def _broken_off(self, run: Run, arm: Arm, error: PointsmanError) -> None:
        """What was read already is the answer where time ran out, flagged; any other failure is raised."""
        if not (isinstance(error, BudgetExceeded) and run.text):
            raise error
        run.kept = True
        run.emit(Noted(f"{arm} was broken off ({error}); the answer ends here.", {"kept": True}))
        run.answered(arm, Reply(run.text, finish_reason="length", usage=run.usage, model=arm.model))

    def _world(self, arm: Arm, run: Run) -> Context:
        """All that the arm's strategy can touch. A fallback may make one call, in the time that is left.

        A strategy of several calls leaves a fallback as much time as asking directly is expected to take.
        """
        limits = run.decision.query.constraints
        alone = self.costs.estimate(Arm(arm.model, direct.name), 1.0, len(run.decision.query.text)).seconds
        spared = 0.0 if run.first_error is not None or arm.strategy == direct.name else alone or 0.0
        left = self._left(run, spared)
        budget = Budget(limits.max_calls if run.first_error is None else 1, limits.max_tokens, left)
        return Context(
            query=seen_by(run.decision),
            backend=self._backends[arm.model],
            emit=self.guards.heard(run.emit),
            peers={name: backend for name, backend in self._backends.items() if name != arm.model},
            library=self._library,
            memory=self._memory,
            embedder=self._embedder,
            budget=budget,
            screening=self.guards.screening,
        )


def _asks(request: Request) -> bool:
    """Whether the last user message holds words, or an image or the like."""
    asked = next((message for message in reversed(request.messages) if message.role == "user"), Message("user"))
    parts = () if isinstance(asked.content, str) else asked.content
    return bool(asked.text.strip()) or any(part.get("type") != "text" for part in parts)


def _fallbacks(decision: Decision) -> list[Arm]:
    """Asking directly: the chosen model first, then the others that the caller allows, best estimate first."""
    quality = {arm: estimate.quality for arm, estimate in decision.estimates.items()}
    best = {
        arm.model: max(quality.get(other, 0.0) for other in decision.propensities if other.model == arm.model)
        for arm in decision.propensities
    }
    arms = [Arm(model, "direct") for model in best]
    arms.sort(key=lambda arm: (arm.model != decision.arm.model, -quality.get(arm, best[arm.model])))
    return [arm for arm in arms if arm != decision.arm]


def _failure(decision: Decision) -> Feedback:
    return Feedback(
        decision_id=decision.id,
        arm=decision.arm,
        embedding=decision.query.embedding,
        reward=0.0,
        rater="engine",
        kind="failure",
        propensity=decision.probability,
        at=time.time(),
        text=decision.query.text,
        revision=decision.revision,
    )
