"""Ask the user back where the model itself reads the question in different ways, and the caller allows it."""

import numpy as np

from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.parse import squeeze

READ = """{question}

Do not answer. In one sentence, say what exactly is wanted here, and fill in everything that was left open."""
ASK = """{question}

This can be meant in different ways:
{readings}

Ask the user one short question whose answer tells most about what is wanted, beyond what was said already. Write the \
question and nothing else."""
SAME = 0.8  # the cosine from which two questions are about the same aspect


@strategy(
    calls=lambda params: float(int(params["readings"]) + 1),
    needs=frozenset({"clarify"}),
    helps=("writing", "advice"),
    hurts=("arithmetic", "letters", "procedure", "logic", "lookup", "passage", "exact_format"),
    paper="Li et al. 2023, Eliciting Human Preferences with Language Models, arXiv 2310.11589; when to ask is ours",
)
async def clarify(ctx: Context, *, readings: int = 3, agreement: float = 0.75, most: int = 2) -> Reply | str:
    """Draws `readings` of the question; where they differ it asks back, else it answers: one call more than readings.

    Readings differ if the mean cosine between them is under `agreement`. At most `most` questions are asked in a row,
    none about the same aspect as an earlier one, and only where the caller said that the user may be asked
    (`"pointsman": {"clarify": true}`). The user's answers come back as part of the conversation.
    """
    asked = _asked_before(ctx)
    if len(asked) >= most:
        ctx.note(f"the user was asked {len(asked)} questions already", clarified=False)
        return await ctx.answer()
    drawn = [
        squeeze(one.text)
        for one in await ctx.sample(readings, READ, label="reading", temperature=0.8, question=ctx.question)
    ]
    alike = await _alike(ctx, drawn)
    ctx.note(f"the readings agree to {alike:.2f}", agreement=alike, readings=drawn)
    if len(drawn) < 2 or alike >= agreement:
        return await ctx.answer()
    shown = "\n".join(f"- {one}" for one in drawn)
    reply = await ctx.ask(ASK, label="question", temperature=0.0, bound=True, question=ctx.question, readings=shown)
    question = only_question(reply.text)
    if question is None or await _is_repeated(ctx, question, asked):
        ctx.note("no new question to ask", clarified=False)
        return await ctx.answer()
    ctx.note("asks back", clarified=True)
    return question


def only_question(reply: str) -> str | None:
    """The first question of a reply; None if it asks nothing."""
    text = squeeze(reply)
    end = text.find("?")
    if end < 0:
        return None
    start = max(text.rfind(mark, 0, end) for mark in (". ", "! ", ": "))
    return text[start + 2 if start >= 0 else 0 : end + 1].strip(" -\"'") or None


def _asked_before(ctx: Context) -> list[str]:
    """The questions that the assistant asked in its last turns, one a turn, latest first."""
    found = []
    for message in reversed([one for one in ctx.query.messages if one.role == "assistant"]):
        text = squeeze(message.text)
        if not text.endswith("?") or len(text.split()) > 60:
            break
        found.append(text)
    return found


async def _alike(ctx: Context, texts: list[str]) -> float:
    """The mean cosine between different texts; 1 for fewer than two."""
    if len(texts) < 2:
        return 1.0
    rows = await ctx.embed(texts)
    cosines = rows @ rows.T
    return float(cosines[np.triu_indices(len(texts), 1)].mean())


async def _is_repeated(ctx: Context, question: str, asked: list[str]) -> bool:
    if not asked:
        return False
    rows = await ctx.embed([question, *asked])
    return bool((rows[1:] @ rows[0]).max() >= SAME)
