"""Draw several chains of thought and give the answer that most of them agree on."""

import re
from collections.abc import Sequence
from statistics import median

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.chain import CHAIN
from strategies.core.dispersion import grouped
from strategies.core.parse import final, squeeze, whole

SELECT = """Question:
{question}

{n} answers were given.

{answers}

Which answer says what most of them say? Reply with its number only."""
OPEN = 20  # words; longer answers cannot be counted, so that a model says which agrees with most


@strategy(
    calls=lambda params: float(int(params["samples"])),
    helps=("arithmetic", "word_problem", "procedure", "logic"),
    hurts=("writing", "chat", "exact_format"),
    paper="Wang et al. 2023, Self-Consistency Improves Chain of Thought Reasoning, ICLR 2023, arXiv 2203.11171; "
    "for open answers Chen et al. 2023, Universal Self-Consistency, arXiv 2311.17311",
)
async def self_consistency(ctx: Context, *, samples: int = 5, temperature: float = 0.7, thinks: bool = True) -> Reply:
    """Draws `samples` answers at once and returns the first of those that most agree with.

    Answers that can be compared (the line after `Answer:`) are counted; open ones, longer than 20 words at the median
    and all different, are shown to the model in one call more, which names the one that agrees with most. Ties go to
    the answer that was drawn first. `thinks` False draws plain answers. Samples that fail do not count; one is enough.
    """
    heat = ctx.query.request.temperature or temperature  # at 0 all samples would be the same one
    if thinks:
        replies = await ctx.sample(samples, CHAIN, temperature=heat, bound=True, question=ctx.question)
    else:
        replies = await ctx.sample(samples, temperature=heat, bound=True)
    answers = [final(reply.text) for reply in replies]
    found = grouped([reply.text for reply in replies], ctx.question)
    ctx.keep(replies[found.kept])
    is_open = median(len(answer.split()) for answer in answers) > OPEN and max(found.masses) * len(replies) < 2
    if not is_open or len(replies) < 3:
        ctx.note(
            f"{round(found.masses[0] * len(replies))} of {len(replies)} answers agree",
            votes=[round(mass * len(replies)) for mass in found.masses],
            kept=found.kept + 1,
        )
        return replies[found.kept]
    shown = numbered([reply.text for reply in replies])
    chosen = await ctx.ask(
        SELECT, label="select", temperature=0.0, question=ctx.question, n=len(replies), answers=shown
    )
    kept = named(chosen.text, len(replies))
    ctx.note(f"the model chose answer {kept or 1} of {len(replies)}", kept=kept or 1, readable=kept is not None)
    return replies[(kept or 1) - 1]


def numbered(texts: Sequence[str]) -> str:
    """The answers to choose from, each on a line with its number."""
    return "\n".join(f"{i}. {squeeze(text)}" for i, text in enumerate(texts, 1))


def named(text: str, n: int) -> int | None:
    """The number 1..n that a reply names first; None if it names none."""
    numbers = (whole(number) for number in re.findall(r"\d+", text))
    return next((number for number in numbers if number is not None and 1 <= number <= n), None)
