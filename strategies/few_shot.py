"""Show past questions with well-rated answers before the question: those that together cover it best."""

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.demos import Demo, prompt_of
from strategies.core.picking import picked

SHORTLIST = 16
"""Candidates, where the paper scores 100 and more: each is embedded word by word, on a CPU, while the user waits."""


@strategy(
    calls=1,
    needs=frozenset({"examples"}),
    relays=True,
    helps=("pattern", "exact_format"),
    hurts=("chat", "writing"),
    paper="Gupta et al. 2023, Coverage-based Example Selection for In-Context Learning, arXiv 2305.14907",
)
async def few_shot(
    ctx: Context, *, k: int = 4, cover: bool = True, near: float = 0.3, most_tokens: int = 1500
) -> Reply:
    """Asks once after up to `k` solved questions of the log, chosen as a set that covers the question (Set-BSR).

    Candidates are the nearest past questions whose answers were rated well or put right, of cosine `near` or more.
    `cover` False takes the best by themselves (BERTScore recall). The best one stands last, nearest to the question;
    all together have at most about `most_tokens` tokens. Without a candidate the question is asked as it is. The paper
    shows 8 of 100; here it is 4 of 16, for short contexts and because the candidates are embedded word by word on
    the way to every answer.
    """
    past = [one for one in await ctx.examples(SHORTLIST) if one.score >= near and one.question != ctx.question]
    rows = await picked(
        ctx,
        [one.question for one in past],
        k,
        as_set=cover,
        sizes=[len(f"{one.question} {one.answer}") // 4 for one in past],
        budget=most_tokens,
    )
    shown = [Demo(past[row].question, past[row].answer) for row in rows]
    ctx.note(f"examples of the past: {len(shown)}", examples=[demo.question for demo in shown])
    if not shown:
        return await ctx.answer()
    return await ctx.answer(prompt_of("", shown, ctx.question))
