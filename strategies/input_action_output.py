"""Have every step say what it uses, what it does and what comes out, so that each can be checked."""

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN
from strategies.core.fields import Step, faults_in, from_memory, steps_in

FIELDS = """{question}

Solve this in numbered steps. Each step has four lines, in this order:
Subquestion: what is to be found
Input: what it uses; for each fact say question, the step that it comes from, or own knowledge
Action: what is done with it
Output: the new fact
End with a line that begins with Answer:"""
REPAIR = """{asked}

Somebody wrote this, and it has a fault ({fault}):
{draft}

Write it again without the fault, in the form that was asked for."""


@strategy(
    calls=1,
    helps=("word_problem", "logic", "procedure"),
    hurts=("writing", "chat", "lookup", "exact_format"),
    paper="Diallo et al. 2025, IAO Prompting, arXiv 2502.03080 (no code; the checks are ours)",
)
async def input_action_output(ctx: Context) -> Reply:
    """Asks for steps of four fields, checks them, and has them repaired once: one call, seldom two or three.

    Checked in code: the order of the fields, that inputs come from the question, an earlier step or are marked as own
    knowledge, and arithmetic, which is computed again. A reply that stays unreadable is replaced by plain chain of
    thought. Every step is kept in the log.
    """
    draft = await ctx.ask(FIELDS, label="steps", bound=True, question=ctx.question)
    ctx.keep(draft)
    steps, faults = _look(ctx, draft.text)
    if steps is not None and not faults:
        return draft
    fault = faults[0] if faults else "the four lines of a step are not there, or not in order"
    asked = FIELDS.format(question=ctx.question)
    again = await ctx.ask(REPAIR, label="repair", bound=True, asked=asked, fault=fault, draft=draft.text)
    repaired, left = _look(ctx, again.text)
    if repaired is None and steps is None:
        ctx.note("the steps cannot be read; plain chain of thought answers", readable=False)
        return await ctx.answer(CHAIN, question=ctx.question)
    better = repaired is not None and (steps is None or len(left) < len(faults))
    return again if better else draft


def _look(ctx: Context, text: str) -> tuple[list[Step] | None, list[str]]:
    """The steps and their faults, told to the log."""
    steps = steps_in(text)
    if steps is None:
        ctx.note("the steps cannot be read", readable=False)
        return None, []
    faults = faults_in(steps, ctx.question)
    ctx.note(
        f"{len(steps)} steps, " + (faults[0] if faults else "all checked"),
        readable=True,
        steps=[f"{one.subquestion} | {one.input} | {one.action} | {one.output}" for one in steps],
        faults=faults,
        from_memory=from_memory(steps),
    )
    return steps, faults
