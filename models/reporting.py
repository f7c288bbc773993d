"""What a model's thread tells the event loop: after a step, all requests that have something to say, in one go."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any  # transformers' outputs are untyped

from transformers.generation.continuous_batching.continuous_api import OutputRouter

from models.sampling import Plan


@dataclass(frozen=True, slots=True)
class Report:
    """All tokens of a request so far, whether there will be no more, and what went wrong."""

    tokens: Sequence[int]
    done: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    hear: Callable[[Report], None]
    plan: Plan

    def awaits(self, output: Any) -> bool:
        calls = self.plan.calls
        return calls is None or output.is_finished() or output.error is not None or calls(output.generated_tokens)


class Reports(OutputRouter):
    """Hands each report to the loop that waits for it; what nobody waits for any more is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[str, _Listener] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    def expect(self, request_id: str, plan: Plan) -> None:
        """From now on, tell the running loop about this request."""
        if plan.hear is not None:
            self._listeners[request_id] = _Listener(asyncio.get_running_loop(), plan.hear, plan)

    def forget(self, request_id: str) -> None:
        """Nobody waits for this request any more."""
        self._listeners.pop(request_id, None)

    def fail(self, place: int | None, reason: str) -> None:
        """Tell all who wait for requests with the adapter of this place (None: all) that there will be nothing."""
        those = [one for one in list(self._listeners.values()) if place is None or one.plan.place == place]
        self._tell([(one, Report((), True, reason)) for one in those])

    def deliver(self, output: Any) -> None:
        """Called by the model's thread with one output."""
        self.deliver_batch([output])

    def deliver_batch(self, outputs: list[Any]) -> None:
        """Called by the model's thread with the outputs of a step."""
        found = [(self._listeners.get(output.request_id), output) for output in outputs]
        heard = [(one, output) for one, output in found if one is not None and one.awaits(output)]
        self._tell([(one, Report(o.generated_tokens, o.is_finished(), o.error)) for one, o in heard])

    def _tell(self, told: list[tuple[_Listener, Report]]) -> None:
        for loop in {one.loop for one, _ in told}:
            mine = [(one.hear, report) for one, report in told if one.loop is loop]
            try:
                loop.call_soon_threadsafe(_hear_all, mine)
            except RuntimeError:  # the loop has been closed meanwhile: nobody waits
                continue


def _hear_all(told: list[tuple[Callable[[Report], None], Report]]) -> None:
    for hear, report in told:
        hear(report)
