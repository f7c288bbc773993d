"""What a caller's limits of time and money leave of the candidates, with what each is expected to cost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType

from models.errors import BadRequest, ModelBusy
from models.waiting import Waiting
from router.costs import Cost, Costs
from router.types import Candidate
from router.waits import Waits
from strategies.core import Constraints


def affordable(
    costs: Costs, candidates: Sequence[Candidate], limits: Constraints, asked: int, waits: Waits = MappingProxyType({})
) -> list[Candidate]:
    """The candidates with what they are expected to cost, less those that one time in ten take more than a limit.

    What an arm that hardly ran takes at most is not known, so its mean counts, or, where it asks other models, the
    most that it may ask. One whose cost is unknown passes only where none is known to fit. `asked` is the length
    of the question in characters. What is waited for a model before it begins (`waits`) belongs to the seconds.

    Raises BadRequest where nothing is left, ModelBusy where only the waiting is in the way.
    """
    priced = [
        _priced(one, costs.estimate(one.arm, one.calls, asked, one.split), waits.get(one.arm.model, Waiting()).seconds)
        for one in candidates
    ]
    if limits.max_seconds is None and limits.max_usd is None:
        return priced
    most = {one.arm: costs.ceiling(one.arm, one.calls, asked, one.split) for one in candidates}
    left = _within(priced, "max_seconds", limits.max_seconds, lambda one: most[one.arm].seconds)
    left = _in_time(left, limits.max_seconds, lambda one: most[one.arm].seconds)
    left = _within(left, "max_usd", limits.max_usd, lambda one: most[one.arm].usd)
    left = _known(left, limits.max_seconds, lambda one: most[one.arm].seconds)
    return _known(left, limits.max_usd, lambda one: most[one.arm].usd)


def _priced(one: Candidate, cost: Cost, wait: float) -> Candidate:
    seconds = None if cost.seconds is None else cost.seconds + wait
    return replace(one, gpu_seconds=cost.gpu_seconds, seconds=seconds, usd=cost.usd, tokens=cost.tokens, wait=wait)


def _in_time(
    candidates: list[Candidate], limit: float | None, cost: Callable[[Candidate], float | None]
) -> list[Candidate]:
    """Those that are in time although they wait; of one whose own seconds are not known, the wait alone counts."""
    if limit is None or not any(one.wait for one in candidates):
        return candidates
    left = [one for one in candidates if one.wait + (cost(one) or 0.0) <= limit]
    if not left:
        first = min(candidates, key=lambda one: one.wait)
        message = f"every model allowed is busy or not loaded: no answer within max_seconds = {limit:g}"
        raise ModelBusy(message, model=first.arm.model, retry_after=first.wait)
    return left


def _within(
    candidates: list[Candidate], name: str, limit: float | None, cost: Callable[[Candidate], float | None]
) -> list[Candidate]:
    if limit is None:
        return candidates
    costs = [cost(one) for one in candidates]
    left = [one for one, c in zip(candidates, costs, strict=True) if c is None or c <= limit]
    if not left:
        least = min(c for c in costs if c is not None)
        raise BadRequest(f"{name} is {limit}; every arm allowed is expected to take {least:.3g} or more", param=name)
    return left


def _known(
    candidates: list[Candidate], limit: float | None, cost: Callable[[Candidate], float | None]
) -> list[Candidate]:
    """Under a limit, the candidates of known cost; all of them where no cost is known."""
    return [one for one in candidates if limit is None or cost(one) is not None] or candidates
