"""Ask for the steps before the answer."""

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN


@strategy(
    calls=1,
    helps=("arithmetic", "word_problem", "procedure", "letters", "logic"),
    hurts=("pattern", "exact_format", "lookup", "chat", "writing"),
    paper="Kojima et al. 2022, Large Language Models are Zero-Shot Reasoners, NeurIPS 2022, arXiv 2205.11916",
)
async def chain_of_thought(ctx: Context) -> Reply:
    """Asks once for the working and then the answer, on a line of its own.

    Thinking first can hurt: judging by a pattern, and instructed models in general (Liu et al. 2024, Mind Your Step,
    arXiv 2410.21333; Wu et al. 2024, Thinking LLMs, arXiv 2410.10630), which is why it is an arm and no default.
    """
    return await ctx.answer(CHAIN, question=ctx.question)
