"""Several workers on one socket: processes that are started, started again when they die, and ended together."""

import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import FrameType

import structlog

from models.errors import BadSettings, PointsmanError
from service.sections import Settings

TICK = 0.2
SOON = 10.0
"""Seconds: a worker that dies sooner is started again later each time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LATE = 15.0
"""Seconds beyond `drain_seconds` after which a worker that has not ended is killed."""
# A forked worker shares the memory of what is imported; elsewhere than on Linux libraries do not survive a fork.
PROCESSES: ForkContext | SpawnContext = (
    multiprocessing.get_context("fork") if platform.system() == "Linux" else multiprocessing.get_context("spawn")
)

Run = Callable[[int, Connection, bool], None]
"""What a worker does, given its number and whether one of that number was there before.

It sends None when it serves, or the error that keeps it from that.
"""

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    """One process of its number; `due` says when it is started (again), `pause` how long it last waited for that.

    `told` says that a SIGHUP came before it served, which it has still to hear.
    """

    number: int
    process: BaseProcess | None = None
    reports: Connection | None = None
    serves: bool = False
    restarted: bool = False
    told: bool = False
    started: float = 0.0
    due: float = 0.0
    pause: float = 0.0


class Workers:
    """So many workers, each running `run`. The first one is up before the others begin: it makes what all share."""

    def __init__(self, count: int, run: Run, drain_seconds: float) -> None:
        self._workers = [Worker(number) for number in range(1, count + 1)]
        self._run, self._drain_seconds = run, drain_seconds
        self._signals: list[int] = []

    def supervise(self, ready: Callable[[], None], leaving: Callable[[], None]) -> None:
        """Until SIGTERM or Ctrl-C, which let running answers end; a second Ctrl-C kills.

        Calls `ready` when all serve, `leaving` when they are told to end. Raises what kept one from its first start.
        """
        try:
            with self._listening():
                for some in (self._workers[:1], self._workers[1:]):
                    self._begin(some)
                if not self._signals:
                    ready()
                while not self._signals:
                    self._watch()
                    self._rest()
                leaving()
                self._end()
        finally:
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.kill()
                    worker.process.join()

    def _begin(self, workers: Sequence[Worker]) -> None:
        """Start these for the first time and wait until they serve."""
        for worker in workers:
            self._start(worker)
        while not self._signals and not all(worker.serves for worker in workers):
            self._rest()
            for worker in workers:
                failure = self._heard(worker)
                if failure is not None:
                    raise failure
                if worker.process is not None and not worker.process.is_alive() and not self._signals:
                    code = worker.process.exitcode
                    raise PointsmanError(
                        f"worker {worker.number} ended before it served (code {code}); the log says why"
                    )

    def _watch(self) -> None:
        """Start again what has died."""
        for worker in self._workers:
            if failure := self._heard(worker):
                log.error("a worker cannot start", worker=worker.number, error=str(failure))
            now = time.monotonic()
            if worker.process is None:
                if now >= worker.due:
                    self._start(worker)
            elif not worker.process.is_alive():
                early = now - worker.started < SOON
                worker.pause = min(LONGEST_PAUSE, 2 * worker.pause or FIRST_PAUSE) if early else 0.0
                worker.due = now + worker.pause
                code = worker.process.exitcode
                log.error("a worker has died", worker=worker.number, code=code, again_in=worker.pause)
                self._forget(worker)

    def _end(self) -> None:
        """Let all end what they do, and wait for it."""
        for worker in self._workers:
            if worker.process is not None and worker.process.is_alive():
                worker.process.terminate()
        until = time.monotonic() + self._drain_seconds + LATE
        asked = len(self._signals)
        while any(worker.process is not None and worker.process.is_alive() for worker in self._workers):
            if time.monotonic() > until:
                log.error("workers that did not end are killed")
                return
            if signal.SIGINT in self._signals[asked:]:
                return
            self._rest()

    def _start(self, worker: Worker) -> None:
        worker.reports, sends = PROCESSES.Pipe(duplex=False)
        worker.told = False
        worker.process = PROCESSES.Process(
            target=_work, args=(self._run, worker.number, sends, worker.restarted), name=f"worker-{worker.number}"
        )
        worker.process.start()
        worker.started, worker.serves = time.monotonic(), False
        sends.close()

    def _forget(self, worker: Worker) -> None:
        if worker.process is not None and worker.reports is not None:
            worker.process.join()
            worker.reports.close()
        worker.process, worker.reports, worker.serves, worker.restarted = None, None, False, True

    def _heard(self, worker: Worker) -> PointsmanError | None:
        """What a worker has said since: that it serves, or why it cannot, which is returned."""
        try:
            while worker.reports is not None and not worker.serves and worker.reports.poll():
                failure: PointsmanError | None = worker.reports.recv()
                if failure is not None:
                    return failure
                worker.serves = True
                if worker.told:
                    _signal(worker, signal.SIGHUP)
        except EOFError:
            pass  # it died before it could say anything: that is seen elsewhere
        return None

    def _rest(self) -> None:
        """Wait until somebody dies, but not for long: signals do not end the wait."""
        wait([one.process.sentinel for one in self._workers if one.process and one.process.is_alive()], TICK)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Take signals down in place of dying of them."""

        def note(number: int, frame: FrameType | None) -> None:
            self._signals.append(number)

        def pass_on(number: int, frame: FrameType | None) -> None:
            for worker in self._workers:
                if worker.serves:
                    _signal(worker, number)
                else:
                    worker.told = True

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, pass_on)
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)


def check(settings: Settings) -> None:
    """Whether these settings may be served by several workers. Raises BadSettings."""
    here = [name for name, table in settings.models.items() if table.backend == "in_process"]
    if settings.server.workers > 1 and here:
        raise BadSettings(
            f"server.workers = {settings.server.workers!r}: {', '.join(here)} would be loaded once for each worker; "
            "serve such models with one worker, or put them behind a server of their own (vLLM, llama.cpp, Ollama)",
            param="server.workers",
        )


def share(settings: Settings) -> Settings:
    """The settings of one of the workers: what limits models and requests is divided, so that all together keep it."""
    count = settings.server.workers

    def part(limit: int | None) -> int | None:
        return None if limit is None else max(1, limit // count)

    models = {}
    for name, table in settings.models.items():
        own = {"concurrency": -(-table.concurrency // count), "rpm": part(table.rpm), "tpm": part(table.tpm)}
        models[name] = table.model_copy(update=own)
        models[name]._deployments = tuple(
            replace(one, concurrency=-(-one.concurrency // count), rpm=part(one.rpm), tpm=part(one.tpm))
            for one in table._deployments
        )
    server = settings.server.model_copy(update={"max_in_flight": -(-settings.server.max_in_flight // count)})
    return settings.model_copy(update={"models": models, "server": server})


def _signal(worker: Worker, number: int) -> None:
    if worker.process is not None and worker.process.pid is not None:
        with suppress(ProcessLookupError):  # it has just died; the next one of its number reads the settings anyway
            os.kill(worker.process.pid, number)


def _work(run: Run, number: int, reports: Connection, restarted: bool) -> None:
    """A worker's life. Ctrl-C reaches the whole terminal: what it means is said by the one who supervises."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it serves; the one who supervises tells it then
    run(number, reports, restarted)
