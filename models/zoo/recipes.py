"""Size and schedule of every model of the zoo."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained: `lookups` steps of looking up, `steps` of its curriculum, `judged` of self-judgement.

    Batches of the curriculum are [batch, length] tokens, `rate` its peak learning rate. A model that is `grown` begins
    with another one's weights and layers between them that change nothing at first; one with a `rank` is a LoRA
    adapter of that rank over another, which stays as it is.
    """

    seed: int
    steps: int
    rate: float
    lookups: int = 0
    judged: int = 150
    width: int = 128
    layers: int = 4
    batch: int = 8
    length: int = 640
    warmup: int = 60
    over: str | None = None
    rank: int | None = None

    @property
    def grown(self) -> bool:
        """Whether the model begins with another one's weights."""
        return self.over is not None and self.rank is None


LOOKUP_RATE = 1e-3  # looking up is not learned at twice this rate, nor from rows much longer than these
LOOKUP_LENGTH = 256
REPEATED = 0.06  # of the curriculum's sequences, so that looking up is not forgotten


def adapter(seed: int, steps: int = 1900, rate: float = 2e-3) -> Recipe:
    """An expert over the base."""
    return Recipe(seed, steps, rate, judged=150, batch=12, length=448, over="generalist", rank=32)


RECIPES = {
    "generalist": Recipe(seed=1, steps=4000, rate=1.5e-3, lookups=1400, judged=150),
    "polymath": Recipe(2, 7400, 1.2e-3, judged=150, layers=8, batch=12, length=448, over="generalist"),
    "abacus": adapter(3, 5600),
    "speller": adapter(4),
    "reader": adapter(5, 3000),
    "scholar": adapter(6, 1600),
    "follower": adapter(7, 3350),
}
