"""What each strategy that is fitted offline needs: how it is fitted, what it is compared with, what is written."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

from models.backend import Backend
from models.embedding import Embedder
from models.types import Reply
from strategies.core import Context
from strategies.core.chain import CHAIN
from strategies.core.demos import Demo, prompt_of
from strategies.fitted import fit_analogical, fit_mixture_of_prompts
from strategies.fitted.held_out import Asking, Score
from strategies.fitted.journal import Progress


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fit works with. `demos` can be scored, `open_ones` cannot; `peer` is another model, where there is one."""

    backend: Backend
    peer: Backend | None
    embedder: Embedder
    demos: Sequence[Demo]
    open_ones: Sequence[Demo]
    score: Score
    seed: int
    budget: int | None
    progress: Progress
    checkpoint: Path
    made_by: str


@dataclass(frozen=True, slots=True)
class Made:
    """The entry of the model in the strategy's file, the new calls, what to compare it with, and a line on it.

    `useful` is False where there is nothing to write.
    """

    entry: Mapping[str, Any]
    calls: int
    rivals: Mapping[str, Asking]
    told: str
    useful: bool = True


async def mixture_of_prompts(ground: Ground) -> Made:
    """Regions and their prompts; the rival is one instruction for all, with as many demonstrations drawn at random."""
    found = await fit_mixture_of_prompts.fit(
        ground.demos,
        ground.score,
        ground.backend,
        ground.embedder,
        seed=ground.seed,
        budget=ground.budget,
        progress=ground.progress,
        checkpoint=ground.checkpoint,
    )
    one = fit_mixture_of_prompts.single(found, ground.demos)

    async def single(ctx: Context) -> Reply:
        return await ctx.answer(prompt_of(one.instruction, one.demos, ctx.question), temperature=0.0)

    entry = fit_mixture_of_prompts.entry_of(found, ground.made_by)
    told = f"regions: {len(found.regions)}, demonstrations in each: {len(one.demos)}"
    return Made(entry, found.calls, {"one instruction, random demonstrations": single}, told)


async def analogical(ground: Ground) -> Made:
    """A store of worked examples that were found right; the rival is the chain of thought."""
    found = await fit_analogical.fill(
        [*ground.demos, *ground.open_ones],
        ground.score,
        ground.backend,
        ground.peer,
        seed=ground.seed,
        budget=ground.budget,
        progress=ground.progress,
        checkpoint=ground.checkpoint,
    )

    async def chain(ctx: Context) -> Reply:
        return await ctx.answer(CHAIN, question=ctx.question)

    entry = fit_analogical.entry_of(found, ground.made_by)
    told = f"{len(found.exemplars)} of {found.tried} questions were worked and found right"
    return Made(entry, found.calls, {"chain of thought": chain}, told, useful=bool(found.exemplars))


FITS: Mapping[str, Callable[[Ground], Awaitable[Made]]] = {
    "mixture_of_prompts": mixture_of_prompts,
    "analogical": analogical,
}
"""The strategies that `fit` fits."""
PEERED = ("analogical",)
"""Those that ask a second model as well."""
