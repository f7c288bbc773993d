"""The interface of what stands around a back-end: the same back-end, of which the children change one thing."""

from collections.abc import AsyncGenerator

from models.backend import Backend, Internals
from models.revision import revision_of
from models.types import Chunk, Request
from models.waiting import Waiting, waiting_of


class Limited:
    """Everything of the inner back-end as it is; the children change `stream`."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def offers(self) -> frozenset[str]:
        return self.inner.offers

    @property
    def internals(self) -> Internals | None:
        return self.inner.internals

    @property
    def revision(self) -> str:
        return revision_of(self.inner)

    @property
    def waiting(self) -> Waiting:
        return waiting_of(self.inner)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        return self.inner.stream(request)

    async def close(self) -> None:
        await self.inner.close()
