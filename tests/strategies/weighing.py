"""A scripted model that gives log-probabilities: a sure one, a torn one."""

from collections.abc import AsyncGenerator

from models.scripted import Scripted
from models.types import Chunk, Request, TokenLogprob
from tests.strategies.stage import saying

SURE = (-0.01, (("y", -6.0),))
TORN = (-1.2, (("y", -1.3), ("z", -1.4)))


class Weighing(Scripted):
    """A scripted model that gives the same log-probabilities for every word."""

    def __init__(self, each: tuple[float, tuple[tuple[str, float], ...]], *replies: str) -> None:
        super().__init__("small", saying(*replies), offers=frozenset({"logprobs"}))
        self.logprob, self.others = each

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async for chunk in super().stream(request):
            top = ((chunk.text, self.logprob), *self.others)
            told = (TokenLogprob(chunk.text, self.logprob, top),) if chunk.text else ()
            yield Chunk(chunk.text, logprobs=told, finish_reason=chunk.finish_reason, usage=chunk.usage)
