"""Have the model put the question in its own words first, then answer it in both wordings."""

from models.types import Reply
from strategies.core import Context, strategy

RESTATE = """{question}

Put this question in your own words, so that nothing in it can be misread. Do not answer it."""
ANSWER = """{question}

The same in other words: {restated}"""


@strategy(
    calls=2,
    paper="Deng et al. 2023, Rephrase and Respond, arXiv 2311.04205 (its two-step form)",
)
async def rephrase(ctx: Context) -> Reply:
    """Restates the question in a call that the user does not see, and answers both wordings: two calls."""
    restated = await ctx.ask(RESTATE, label="restate", question=ctx.question)
    return await ctx.answer(ANSWER, question=ctx.question, restated=restated)
