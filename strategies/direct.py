"""Ask the model the question as it is: the baseline that every other strategy has to beat."""

from models.types import Reply
from strategies.core import Context, strategy


@strategy(calls=1, relays=True)
async def direct(ctx: Context) -> Reply:
    """Sends the conversation unchanged and streams the reply."""
    return await ctx.answer()
