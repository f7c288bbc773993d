"""One account of the memory of all models in this process: each reserves what it needs before it is loaded.

A device is `cpu` or `cuda:0`, `cuda:1`, ... The budget of a device is what the settings say (`[server]
model_memory_gb`, in units of 2^30 bytes), else four fifths of what is free there when the first model opens.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from models.errors import NoMemory

log = logging.getLogger("memory")

SHARE = 0.8
"""Of the free memory; the rest is for the steps' own tensors and for everything else in the process."""
GB = 2**30
CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))
"""What a container may use and what it uses."""
STAT = Path("/sys/fs/cgroup/memory.stat")
"""What it uses it for."""


@dataclass(slots=True, eq=False)
class Reservation:
    """What a model holds on a device, in bytes, until it is closed. `cache` is what was granted of what was wanted."""

    name: str
    device: str
    weights: int
    cache: int
    _ledger: "Ledger" = field(repr=False)

    def close(self) -> None:
        """Give it back; twice does no harm."""
        self._ledger.release(self)


class Ledger:
    """Who holds how much. `free` gives a device's free bytes. Safe from several threads."""

    def __init__(self, free: "Callable[[str], int] | None" = None) -> None:
        self._free = free
        self._most: int | None = None
        self._coming = 1
        self._budgets: dict[str, int] = {}
        self._held: list[Reservation] = []
        self._lock = threading.Lock()

    def allow(self, gigabytes: float | None, models: int = 1) -> None:
        """Set the budget of every device; None leaves it to what is free. So many models are about to open.

        Until they have, a cache takes at most its share of what is left, so that the first ones leave room.
        """
        with self._lock:
            self._coming = max(1, models)
            self._most = None if gigabytes is None else int(gigabytes * GB)

    def reserve(
        self, name: str, device: str, weights_bytes: int, cache_bytes: int, least_cache_bytes: int | None = None
    ) -> Reservation:
        """Take memory for the weights and for as much of the cache as there is room for, `least_cache_bytes` at least.

        Raises NoMemory if that does not fit: what is needed, what is left, and who holds how much.
        """
        least = cache_bytes if least_cache_bytes is None else min(least_cache_bytes, cache_bytes)
        with self._lock:
            budget = self._budget(device)
            left = budget - sum(one.weights + one.cache for one in self._held if one.device == device)
            if weights_bytes + least > left:
                why = self._refusal(name, device, weights_bytes, least, left, budget)
                alone, held = self._empty(device, budget), self._held_on(device)
                needed = weights_bytes + least
                raise NoMemory(why, model=name, device=device, needed=needed, budget=budget, alone=alone, held=held)
            granted = min(cache_bytes, max(least, (left - weights_bytes) // self._coming))
            self._coming = max(1, self._coming - 1)
            reservation = Reservation(name, device, weights_bytes, granted, self)
            self._held.append(reservation)
        if granted < cache_bytes:
            log.warning(
                "model %r: its key-value cache takes %s instead of %s; %s are for all models on %s together",
                name,
                in_words(granted),
                in_words(cache_bytes),
                in_words(budget),
                device,
            )
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back."""
        with self._lock:
            if reservation in self._held:
                self._held.remove(reservation)
            if not any(one.device == reservation.device for one in self._held):
                self._budgets.pop(reservation.device, None)

    @property
    def devices(self) -> list[str]:
        """Those on which something is held."""
        with self._lock:
            return sorted({one.device for one in self._held})

    def held(self, device: str) -> dict[str, int]:
        """Bytes by the name of the model, on one device."""
        with self._lock:
            return self._held_on(device)

    def _held_on(self, device: str) -> dict[str, int]:
        held = Counter[str]()
        for one in self._held:
            if one.device == device:
                held[one.name] += one.weights + one.cache
        return dict(held)

    def _budget(self, device: str) -> int:
        if self._most is not None:
            return self._most
        if device not in self._budgets:
            self._budgets[device] = int(SHARE * (self._free or free_bytes)(device))
        return self._budgets[device]

    def _empty(self, device: str, budget: int) -> int:
        """The budget if nothing were held: what is free may be more by now than when the first model opened."""
        if self._most is not None:
            return self._most
        return max(budget, int(SHARE * ((self._free or free_bytes)(device) + sum(self._held_on(device).values()))))

    def _refusal(self, name: str, device: str, weights: int, cache: int, left: int, budget: int) -> str:
        holders = [f"{one.name} {in_words(one.weights + one.cache)}" for one in self._held if one.device == device]
        return (
            f"model {name!r} does not fit in the memory of {device}: it needs {in_words(weights + cache)} "
            f"({in_words(weights)} for its weights, {in_words(cache)} at least for its key-value cache), "
            f"{in_words(max(left, 0))} of {in_words(budget)} are left; held: {', '.join(holders) or 'nothing'}. "
            "Use a smaller dtype (bfloat16, int8, int4), fewer models, another device, a smaller extra.cache_mb, "
            'more server.model_memory_gb, or load = "demand" for models that take turns'
        )


LEDGER = Ledger()
"""The one account of this process."""


def free_bytes(device: str) -> int:
    """What is free on a device now; of a CPU's memory, no more than this process's container may still take."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    free = int(psutil.virtual_memory().available)
    try:
        most, used = (path.read_text().strip() for path in CGROUP)
    except OSError:
        return free
    return max(0, min(free, int(most) - int(used))) if most.isdigit() else free


def used_share() -> float:
    """How much of the machine's memory, or of the container's where it has a limit, is used, 0..1.

    Files that are merely cached do not count: they give way.
    """
    memory = psutil.virtual_memory()
    share = 1.0 - memory.available / memory.total
    try:
        most, used = (path.read_text().strip() for path in CGROUP)
        kept = dict(line.split() for line in STAT.read_text().splitlines())
    except (OSError, ValueError):
        return share
    if not most.isdigit():
        return share
    cached = int(kept.get("active_file", 0)) + int(kept.get("inactive_file", 0))
    return max(share, (int(used) - cached) / int(most))


def in_words(count: int) -> str:
    """Bytes as one reads them: `3.2 GB`, `15 MB`."""
    for unit, size in (("GB", GB), ("MB", 2**20), ("kB", 2**10)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count // size} {unit}"
    return f"{count} bytes"
