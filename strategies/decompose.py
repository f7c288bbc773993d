"""Have the smaller questions on the way listed first, mostly by a small model, and solve all of them in one go."""

import re

from models.errors import StrategyError
from models.types import Reply
from strategies.core import Context, Peers, strategy
from strategies.core.parse import facts

DECOMPOSE = """Question:
{question}

Name at most three smaller questions whose answers help to answer this one, each on its own line. Do not answer them. \
If the question needs none, reply only: No decomposition."""
SOLVE = """{question}

Smaller questions on the way:
{parts}

Answer them one by one, then the question. End with a line that begins with Answer:"""
MOST = 3
"""As many as the prompt asks for."""
NONE = re.compile(r"\bno decomposition\b", re.IGNORECASE)


@strategy(
    calls=2,
    peers=Peers(
        lambda params: float(bool(params["to"])),
        own=lambda params, _: 1.0 if params["to"] else 2.0,
        most=lambda params, _: 1.0 if params["to"] else 2.0,
    ),
    helps=("word_problem", "passage", "logic"),
    hurts=("chat", "writing", "exact_format", "pattern"),
    paper="Wu et al. 2024, Divide-or-Conquer? Which Part Should You Distill Your LLM?, arXiv 2402.15000",
)
async def decompose(ctx: Context, *, to: str = "", most: int = 3) -> Reply:
    """Lists up to `most` smaller questions, then answers them and the question together: two calls.

    `to` names the model that decomposes, which may well be a small one; empty means the arm's own. It never sees an
    answer, and the solver sees all questions at once. A `to` that the caller does not allow gives way to the arm's own.
    A question that needs no decomposition is asked directly. `most` is 1 to 3: more are never asked for. Raises
    StrategyError for a `to` that there is not, or another `most`.
    """
    if not 1 <= most <= MOST:
        raise StrategyError(f"strategies.decompose.most = {most!r}: give a number from 1 to {MOST}")
    if to and to != ctx.model and to not in ctx.peers:
        raise StrategyError(
            f"strategies.decompose.to = {to!r}: no such model; there are {', '.join(sorted(ctx.peers))}"
        )
    allowed = ctx.query.constraints.models
    by = to if to and (not allowed or to in allowed) else ctx.model
    listed = await ctx.ask(DECOMPOSE, label="decompose", temperature=0.0, model=by, question=ctx.question)
    parts = parts_of(listed.text)[:most]
    ctx.note(f"{len(parts)} smaller questions", parts=parts, by=by)
    if not parts:
        return await ctx.answer()
    return await ctx.answer(SOLVE, question=ctx.question, parts="\n".join(parts))


def parts_of(reply: str) -> list[str]:
    """The smaller questions of a reply: lines that ask, up to where they do; none where none are needed."""
    if NONE.search(reply) and "?" not in reply:
        return []
    return [row[: row.rindex("?") + 1] for row in facts(reply) if "?" in row]
