"""Name the state to carry and the form of a step for this type of task, and check every step in code."""

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN
from strategies.core.forms import Suited, form_for
from strategies.core.parse import whole
from strategies.core.steps import STEP, Fault, fault_in, lines_of

SUPERVISED = """{question}

Solve this in steps. {how}
Write each step on a line of its own, in this form:
{shape}
End with a line that begins with Answer:"""
GO_ON = """{asked}

The steps up to here are right:
{steps}
Write only the steps that are left, and the answer."""


@strategy(
    calls=1,
    helps=("arithmetic", "procedure", "letters", "logic"),
    hurts=("writing", "chat", "exact_format", "advice"),
    paper="Zhang et al. 2024, Supervised Chain of Thought, arXiv 2410.14198; forms and checks are ours",
)
async def supervised_chain_of_thought(ctx: Context, *, repairs: int = 3, temperature: float = 0.7) -> Reply | str:
    """Asks in the form that suits the task, and has what follows a wrong step drawn again: mostly one call.

    The form comes from a library by the type of task (strategies/core/forms.py); where none surely suits, it is plain
    chain of thought. A step that does not follow from the one before is found in code; up to `repairs` times the model
    goes on from the last right one, at this `temperature` (or the caller's, if that is above 0), so that it may go on
    otherwise. The reply with more right steps stands.
    """
    suited = form_for(ctx.question)
    if suited is None:
        ctx.note("no form of steps suits this question", form=None)
        return await ctx.answer(CHAIN, question=ctx.question)
    prompt = SUPERVISED.format(question="{question}", how=suited.form.how, shape=suited.form.shape)
    reply = await ctx.ask(prompt, label="steps", bound=True, question=ctx.question)
    best: Reply | str = reply
    seed = ctx.query.request.seed
    text, fault = reply.text, _look(ctx, suited, reply.text)
    for i in range(1, repairs + 1):
        if fault is None:
            break
        ctx.keep(best)
        right = [f"Step {n}: {line}" for n, line in enumerate(lines_of(text)[: fault.step], 1)]
        asked = {"how": suited.form.how, "shape": suited.form.shape, "question": ctx.question}
        again = await ctx.ask(
            GO_ON if right else "{asked}",
            label=f"repair {i}",
            bound=True,
            temperature=ctx.query.request.temperature or temperature,
            seed=None if seed is None else seed + i,
            asked=SUPERVISED.format(**asked),
            steps="\n".join(right),
        )
        joined = "\n".join([*right, _rest(again.text, len(right))])
        found = _look(ctx, suited, joined)
        if found is None or found.step > fault.step:
            text, fault, best = joined, found, joined
    return best


def _look(ctx: Context, suited: Suited, text: str) -> Fault | None:
    """The first wrong step, told to the log."""
    lines = lines_of(text)
    fault = fault_in(suited.form, suited.task, lines, text)
    told = "all hold" if fault is None else f"step {fault.step + 1}: {fault.why}"
    ctx.note(
        f"{len(lines)} steps of the form {suited.name}: {told}",
        form=suited.name,
        steps=lines,
        wrong_step=None if fault is None else fault.step + 1,
        why=None if fault is None else fault.why,
    )
    return fault


def _rest(text: str, done: int) -> str:
    """What a reply adds to the first `done` steps; steps that it says again are left out."""
    kept = [line for line in text.strip().split("\n") if not _is_done(line, done)]
    return "\n".join(kept)


def _is_done(line: str, done: int) -> bool:
    match = STEP.match(line)
    number = whole(match[1]) if match else None
    return number is not None and number <= done
