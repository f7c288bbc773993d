"""One model on several servers: the least busy one answers, and another one where it fails before a word was said.

Settings: none of its own; a model list in LiteLLM's format with several entries of one name comes to it
(service/litellm_list.py). Each server has its own limits, breaker and prices.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from models.backend import Backend, Internals, ModelSpec, connect
from models.breaker import Breaker
from models.errors import BadSettings, ModelOverloaded, ModelResting, ModelTimeout, ModelUnavailable
from models.limits import limit
from models.revision import digest, revision_of
from models.states import states
from models.types import Chunk, Request
from models.waiting import Waiting, waiting_of


class Deployments:
    """A back-end over several others that give the same answers; it offers what all of them offer."""

    internals: Internals | None = None

    def __init__(self, name: str, servers: Sequence[Backend]) -> None:
        self.name = name
        self.offers = frozenset.intersection(*(one.offers for one in servers))
        self.revision = digest(*(revision_of(one) for one in servers))
        self._servers = list(servers)

    @property
    def waiting(self) -> Waiting:
        """As long as for the one that is free first."""
        return min((waiting_of(one) for one in self._servers), key=lambda wait: wait.seconds)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer from one of the servers. If all fail, raises what the first one raises that is not at rest."""
        order, first = self._by_load(), None
        for left, server in zip(range(len(order) - 1, -1, -1), order, strict=True):
            said = False
            try:
                async with aclosing(server.stream(request)) as chunks:
                    async for chunk in chunks:
                        said = True
                        yield chunk
                return
            except (ModelUnavailable, ModelTimeout, ModelOverloaded) as failure:
                if said or (not left and first is None):
                    raise
                first = first if first is not None or isinstance(failure, ModelResting) else failure
                if not left and first is not None:
                    raise first from failure

    async def close(self) -> None:
        """Close the connections to all of them."""
        for one in self._servers:
            await one.close()

    def _by_load(self) -> list[Backend]:
        """Those that rest last, then the least busy first; among equals whoever answered longest ago."""

        def busy(server: Backend) -> tuple[bool, float, int]:
            state = states(server)
            return state.breaker == "open", state.seconds, state.in_use + state.queued

        order = sorted(self._servers, key=busy)
        self._servers.remove(order[0])
        self._servers.append(order[0])
        return order


def open_backend(name: str, spec: ModelSpec) -> Deployments:
    """The servers of a model; nothing is contacted yet. Raises BadSettings."""
    if not spec.deployments:
        raise BadSettings(f"models.{name}: deployments come from a LiteLLM list: set litellm.config")
    fellows: list[Breaker] = []
    return Deployments(name, [limit(connect(name, one), one, fellows) for one in spec.deployments])


def together(specs: Sequence[ModelSpec]) -> ModelSpec:
    """The settings of the one model that several servers make: their room together, and time to ask each of them."""
    return ModelSpec(
        "deployments",
        concurrency=sum(one.concurrency for one in specs),
        queue=sum(one.queue for one in specs),
        timeout=sum(one.timeout * (one.retries + 1) for one in specs),
        retries=0,
        deployments=tuple(specs),
        usd_per_1m_in=_dearest(one.usd_per_1m_in for one in specs),
        usd_per_1m_out=_dearest(one.usd_per_1m_out for one in specs),
    )


def _dearest(prices: Iterable[float | None]) -> float | None:
    return max((price for price in prices if price is not None), default=None)
