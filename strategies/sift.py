"""Write down what is given and asked, and trust that only where the answer from it alone is the answer from both."""

import re

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN
from strategies.core.parse import final, sections
from strategies.core.verify import agree

STICKER = """Question:
{question}

Write down what is given and what is asked, and nothing else: under CONDITIONS: each given fact, numbered, on its own \
line; then a line that begins with QUESTION: and asks for the result without the facts."""
FROM_STICKER = """{sticker}

Solve this step by step. End with a line that begins with Answer:"""
WITH_STICKER = """Question:
{question}

{sticker}

Solve this step by step. End with a line that begins with Answer:"""
FIX_STICKER = """Question:
{question}

Somebody wrote down what is given and what is asked:
{sticker}

Write it down again without faults: no condition missing, wrong or said twice, and the question clear. Use the same \
form, and write nothing else."""
FROM_SOLUTION = """Here is somebody's solution of a problem that you cannot see:
{solution}

Write down what must have been given and asked, and nothing else: under CONDITIONS: each given fact, numbered, on its \
own line; then a line that begins with QUESTION: and asks for the result without the facts."""


@strategy(
    calls=3,
    helps=("word_problem",),
    hurts=("chat", "writing", "advice", "exact_format"),
    paper="Zeng et al. 2025, SIFT: Grounding LLM Reasoning in Contexts via Stickers, arXiv 2502.14922",
)
async def sift(ctx: Context, *, stages: int = 3) -> Reply:
    """Answers where the sticker alone and question with sticker agree; else the sticker is put right: 3 to 11 calls.

    A sticker lists conditions and question. Stage 1 checks it by agreement (3 calls), stage 2 has it corrected against
    the question, stage 3 has it written anew from the model's own solution and then corrected (`stages` of them at
    most). Without agreement, or without a readable sticker, the question is solved plainly. All calls are greedy
    unless the caller gives a temperature. The paper's abstract compares with the plain question; its algorithm and
    code, followed here, compare with question and sticker.
    """
    heat = ctx.query.request.temperature or 0.0
    first = await ctx.ask(STICKER, label="sticker", temperature=heat, question=ctx.question)
    sticker = read(first.text)
    for stage in range(1, stages + 1):
        if sticker is None:
            break
        alone, both = await ctx.gather(
            ctx.ask(FROM_STICKER, label=f"from sticker {stage}", temperature=heat, bound=True, sticker=sticker),
            ctx.ask(
                WITH_STICKER,
                label=f"with sticker {stage}",
                temperature=heat,
                bound=True,
                question=ctx.question,
                sticker=sticker,
            ),
        )
        same = agree(alone.text, both.text, ctx.question)
        ctx.keep(both)
        ctx.note(
            f"stage {stage}: the answers {'agree' if same else 'differ'}",
            stage=stage,
            agreed=same,
            alone=final(alone.text)[:200],
            both=final(both.text)[:200],
        )
        if same:
            return both
        if stage == stages:
            break
        if stage > 1:
            anew = await ctx.ask(
                FROM_SOLUTION, label=f"from solution {stage}", history=False, temperature=heat, solution=both.text
            )
            sticker = read(anew.text) or sticker
        fixed = await ctx.ask(
            FIX_STICKER, label=f"correct {stage}", temperature=heat, question=ctx.question, sticker=sticker
        )
        sticker = read(fixed.text) or sticker
    ctx.note("solved without a sticker", stage=0)
    return await ctx.answer(CHAIN, question=ctx.question)


def read(reply: str) -> str | None:
    """The sticker in a reply: its conditions and its question, in their form; None where either is missing."""
    parts = sections(reply.replace("```", ""), ("CONDITIONS", "QUESTION"))
    given, asked = parts.get("CONDITIONS", "").strip(), re.sub(r"\s+", " ", parts.get("QUESTION", "")).strip()
    return f"CONDITIONS:\n{given}\nQUESTION: {asked}" if given and asked else None
