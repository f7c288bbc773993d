"""Ask the model the question as it is: the baseline that every other strategy has to beat."""

from dataclasses import replace

from models.types import Reply
from strategies.core import Context, strategy


@strategy(calls=1, relays=True)
async def direct(ctx: Context) -> Reply:
    """Sends the conversation unchanged and streams the reply."""
    if ctx.query.request.n > 1:
        return await _choices(ctx)
    return await ctx.answer()


async def _choices(ctx: Context) -> Reply:
    """As many replies as the caller wants (`n`), asked for at once: servers need not know how to give several.

    With the caller's seed all would be the same, so each has one of its own, counted up from it.
    """
    asked = ctx.query.request
    seeds = [None if asked.seed is None else asked.seed + i for i in range(asked.n)]
    calls = (ctx.relay(replace(asked, n=1, seed=seed), f"choice {i}") for i, seed in enumerate(seeds, 1))
    first, *others = await ctx.gather(*calls)
    return replace(first, others=tuple(others))
