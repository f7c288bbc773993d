"""All that a strategy can touch: asking models, answering, searching; counted, timed and kept within its budget."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from models.backend import Backend, Internals
from models.caller import PROGRESS, Progress
from models.embedding import Embedder
from models.errors import BROKEN, BudgetExceeded, ModelError, PointsmanError, StrategyError, first_of
from models.estimating import counted
from models.types import Chunk, Message, Reply, Request
from strategies.core.budget import Budget
from strategies.core.events import Called, Fact, Noted, RunEvent, Token
from strategies.core.query import Example, Library, Memory, Passage, Query, Vector
from strategies.core.screening import screen

T = TypeVar("T")
Prompt = str | Sequence[Message] | None


@dataclass(slots=True)
class Context:
    """A strategy's whole world. Only `answer` is shown to the user as it is written; `ask` is not shown."""

    query: Query
    backend: Backend
    emit: Callable[[RunEvent], None]
    peers: Mapping[str, Backend] = field(default_factory=dict)
    library: Library | None = None
    memory: Memory | None = None
    embedder: Embedder | None = None
    budget: Budget = field(default_factory=Budget)
    screening: bool = True
    best: Reply | str | None = None
    _calls: int = 0
    _tokens: int = 0
    _streamed: bool = False
    _start: float = field(default_factory=time.perf_counter)

    @property
    def model(self) -> str:
        """The name of the model that this arm runs on."""
        return self.backend.name

    @property
    def question(self) -> str:
        """The words of the last user message."""
        return self.query.text

    @property
    def calls_left(self) -> int | None:
        """How many more calls the run may make; None means no limit."""
        return None if self.budget.calls is None else max(0, self.budget.calls - self._calls)

    @property
    def internals(self) -> Internals:
        """The model's logits and states. Raises StrategyError where the model gives none."""
        if self.backend.internals is None:
            raise StrategyError(f"model {self.model!r} gives no view of its internals")
        return self.backend.internals

    async def ask(
        self,
        prompt: Prompt = None,
        *,
        label: str = "ask",
        system: str | None = None,
        history: bool = True,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        logprobs: bool = False,
        top_logprobs: int | None = None,
        model: str | None = None,
        seed: int | None = None,
        bound: bool = False,
        **values: object,
    ) -> Reply:
        """Ask a model something the user does not see, and return its whole reply.

        `prompt` is a template filled with `values`; it takes the place of the question, after the caller's system
        message and earlier turns (unless `history` is False; then only the system message stays). None asks the
        conversation as it is; a sequence of messages is sent as it stands. `model` names a peer. The caller's
        temperature, top_p and seed hold unless given; the caller's limit and stops bind the answer only, or a reply
        that is `bound` because it may become the answer.
        Raises ModelError and BudgetExceeded.
        """
        caller = self.query.request
        request = Request(
            messages=self._messages(prompt, system, history, values),
            temperature=caller.temperature if temperature is None else temperature,
            top_p=caller.top_p if top_p is None else top_p,
            max_tokens=caller.max_tokens if bound and max_tokens is None else max_tokens,
            stop=caller.stop if bound else (),
            seed=caller.seed if seed is None else seed,
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            extra=caller.extra,
            whole=True,
        )
        return await self._call(label, self._pick(model), request)

    async def answer(
        self,
        prompt: Prompt = None,
        *,
        label: str = "answer",
        system: str | None = None,
        history: bool = True,
        temperature: float | None = None,
        top_p: float | None = None,
        model: str | None = None,
        **values: object,
    ) -> Reply:
        """The tail call: as `ask`, with all of the caller's parameters, and its tokens go to the user as they come."""
        if self._streamed:
            raise StrategyError("a strategy may stream one answer only")
        self._streamed = True
        caller = self.query.request
        request = replace(
            caller,
            messages=self._messages(prompt, system, history, values),
            temperature=caller.temperature if temperature is None else temperature,
            top_p=caller.top_p if top_p is None else top_p,
        )
        return await self._call(label, self._pick(model), request, show=True)

    async def relay(self, request: Request, label: str) -> Reply:
        """Ask the arm's model this very request, unseen by the user."""
        return await self._call(label, self.backend, request)

    async def sample(
        self,
        n: int,
        prompt: Prompt = None,
        *,
        label: str = "sample",
        temperature: float = 0.7,
        top_p: float | None = None,
        bound: bool = False,
        **values: object,
    ) -> list[Reply]:
        """Ask the same n times at once; seeds differ where the caller gave one. Some may fail, not all."""
        first = self.query.request.seed
        calls = [
            self.ask(
                prompt,
                label=f"{label} {i + 1}",
                temperature=temperature,
                top_p=top_p,
                seed=None if first is None else first + i,
                bound=bound,
                **values,  # type: ignore[arg-type]  # they fill the template
            )
            for i in range(n)
        ]
        return [reply for reply in await self.some(*calls) if reply is not None]

    async def gather(self, *calls: Coroutine[object, object, T]) -> list[T]:
        """Run several calls at once and return their results in order; one failure cancels the rest and is raised."""
        tasks: list[asyncio.Task[T]] = []
        try:
            async with asyncio.TaskGroup() as group:
                tasks.extend(group.create_task(call) for call in calls)
        except* PointsmanError as failures:
            raise first_of(failures) from failures
        return [task.result() for task in tasks]

    async def some(self, *calls: Coroutine[object, object, T], least: int = 1) -> list[T | None]:
        """Run several calls at once; those that fail give None. With fewer than `least` results the failure is raised.

        What may fail is a model or the budget; each failure is told.
        """
        failures: list[PointsmanError] = []

        async def tried(call: Coroutine[object, object, T]) -> T | None:
            try:
                return await call
            except (ModelError, BudgetExceeded) as failure:
                failures.append(failure)
                return None

        results = await self.gather(*map(tried, calls))
        if failures and sum(result is not None for result in results) < least:
            raise failures[0]
        for failure in failures:
            self.note(f"one of {len(calls)} calls failed: {failure}", failed=type(failure).__name__)
        return results

    def keep(self, answer: Reply | str) -> None:
        """Remember the best answer so far: it is given, flagged, if the run cannot go on."""
        self.best = answer

    def note(self, text: str, **facts: Fact) -> None:
        """Tell the waiting user what is going on; `facts` are kept in the log."""
        self.emit(Noted(text, facts))

    async def search(self, text: str | None = None, k: int = 3) -> list[Passage]:
        """The k passages of the library nearest to `text` (the question), best first, screened: without sentences that
        give orders to a model (strategies.core.screening).
        """
        if self.library is None:
            return []
        text = self.question if text is None else text
        found = await self.library.search(text, k)
        if not self.screening:
            return found
        screened = screen(found)
        if any(cut.whole for cut in screened.dropped):  # others take their places
            screened = screen(await self.library.search(text, 2 * k))
        if screened.dropped:
            ids, why = [cut.id for cut in screened.dropped], [cut.why for cut in screened.dropped]
            self.note(f"orders to a model were cut out of {len(ids)} passages", screened=ids, why=why)
        return list(screened.kept[:k])

    async def examples(self, k: int = 3) -> list[Example]:
        """The k nearest past questions whose answers were rated well, of the API key that asks."""
        return [] if self.memory is None else await self.memory.examples(self.query.embedding, k, self.query.origin.key)

    async def embed(self, texts: Sequence[str]) -> Vector:
        """Unit embeddings of the texts, [n, size]."""
        if self.embedder is None:
            raise StrategyError("this service has no embedder")
        return await self.embedder.embed(texts)

    async def _call(self, label: str, backend: Backend, request: Request, show: bool = False) -> Reply:
        request, started = self._within(request), self._spend_call()
        chunks: list[Chunk] = []
        error: str | None = "cancelled"
        PROGRESS.set(progress := Progress())
        try:
            async with asyncio.timeout(self._time_left(started)), aclosing(backend.stream(request)) as pieces:
                async for chunk in pieces:
                    chunks.append(chunk)
                    if show and (chunk.text or chunk.reasoning or chunk.tool_calls or chunk.logprobs):
                        self.emit(Token(chunk.text, chunk.reasoning, chunk.tool_calls, chunk.logprobs))
            error = None
        except TimeoutError as late:
            error = "out of time"
            raise BudgetExceeded(f"the run took longer than {self.budget.seconds} seconds") from late
        except (PointsmanError, *BROKEN) as failure:
            error = f"{type(failure).__name__}: {failure}"
            raise
        finally:
            seconds = time.perf_counter() - self._start - started
            reply = counted(backend, request, chunks, seconds, error, progress.held)
            self.emit(Called(label, backend.name, request, reply, started, seconds, error, progress.waited))
        assert reply is not None, "a call that ended well has a reply"
        self._tokens += reply.usage.completion_tokens
        return reply

    def _messages(
        self, prompt: Prompt, system: str | None, history: bool, values: Mapping[str, object]
    ) -> tuple[Message, ...]:
        if prompt is not None and not isinstance(prompt, str):
            return tuple(prompt)
        turns = list(self.query.messages)
        said = [m for m in turns if m.role in ("system", "developer")]
        rest = [m for m in turns if m.role not in ("system", "developer")]
        if prompt is not None:
            last = max((i for i, m in enumerate(rest) if m.role == "user"), default=None)
            before = rest[:last] if history and last is not None else []
            asked = Message("user") if last is None else rest[last]
            rest = [*before, asked.with_text(prompt.format(**values) if values else prompt)]
        if system is not None:
            words = "\n\n".join([*(m.text for m in said), system])
            said = [Message("system", words)]
        return (*said, *rest)

    def _pick(self, model: str | None) -> Backend:
        if model is None or model == self.model:
            return self.backend
        if model not in self.peers:
            raise StrategyError(f"no peer {model!r}; there are {', '.join(sorted(self.peers)) or 'none'}")
        return self.peers[model]

    def _spend_call(self) -> float:
        started = time.perf_counter() - self._start
        if self.budget.calls is not None and self._calls >= self.budget.calls:
            raise BudgetExceeded(f"the run may make {self.budget.calls} calls and wants one more")
        if self.budget.seconds is not None and started >= self.budget.seconds:
            raise BudgetExceeded(f"the run took longer than {self.budget.seconds} seconds")
        self._calls += 1
        return started

    def _within(self, request: Request) -> Request:
        """The request with no more tokens to generate than the run has left."""
        if self.budget.tokens is None:
            return request
        left = self.budget.tokens - self._tokens
        if left < 1:
            raise BudgetExceeded(f"the run may generate {self.budget.tokens} tokens and has generated {self._tokens}")
        return replace(request, max_tokens=left if request.max_tokens is None else min(left, request.max_tokens))

    def _time_left(self, started: float) -> float | None:
        return None if self.budget.seconds is None else max(0.0, self.budget.seconds - started)
