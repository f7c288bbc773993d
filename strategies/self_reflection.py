"""Check a draft from outside; only if the check flags it, have its fault named and the draft revised."""

from models.types import Reply
from strategies.core import Context, Peers, strategy
from strategies.core.parse import QUOTES, quoted, squeeze
from strategies.core.verify import Verdict, from_outside

CRITIQUE = """Somebody else answered this question.

Question:
{question}

Their draft:
{draft}

A check of the draft reported: {finding}

Name one concrete fault of the draft: quote the wrong part in double quotes, then say what is wrong with it. If there \
is no concrete fault, reply only: no fault"""
REVISE = """Question:
{question}

Somebody's draft:
{draft}

A reviewer found this fault:
{critique}

Write the corrected answer to the question, and nothing else."""
SHARE = 0.5  # of the drafts that only another model can check, until an arm's own outcomes say how many


@strategy(
    calls=1,
    peers=Peers(SHARE, own=lambda *_: 1.0, most=lambda params, _: 1.0 + 2.0 * int(params["rounds"])),
    helps=("arithmetic", "passage", "lookup"),
    hurts=("writing", "chat"),
    paper="after Huang et al. 2024, Large Language Models Cannot Self-Correct Reasoning Yet, ICLR 2024",
)
async def self_reflection(ctx: Context, *, rounds: int = 2, near: float = 0.45) -> Reply:
    """Drafts, checks from outside, and revises only what a check has flagged: mostly one call.

    Models do not find their own errors reliably, so the signal comes from outside: re-computed arithmetic, the passage
    of the message, the library (passages of cosine `near` or more), or, where none of these applies, one other model,
    which is one call more. A flagged draft takes two calls a round, `rounds` of them at most: a critique, shown the
    draft as somebody else's, which must quote something of the draft or of the finding; and the revision, which is
    checked again. The first answer stands unless a revision passes.
    """
    verify = from_outside(near)
    first = draft = await ctx.ask(label="draft", bound=True)
    ctx.keep(first)
    verdict = await verify(ctx, draft.text)
    _tell(ctx, "draft", verdict)
    for i in range(1, rounds + 1):
        if verdict.passed is not False:
            break
        critique = await ctx.ask(
            CRITIQUE, label=f"critique {i}", question=ctx.question, draft=draft.text, finding=verdict.finding
        )
        if not concrete(critique.text, draft.text, verdict.finding):
            ctx.note("the critique names no concrete fault; the first answer stands", kept="first")
            return first
        draft = await ctx.ask(
            REVISE, label=f"revision {i}", bound=True, question=ctx.question, draft=draft.text, critique=critique.text
        )
        verdict = await verify(ctx, draft.text)
        _tell(ctx, f"revision {i}", verdict)
        if verdict.passed:
            return draft
    return first


def concrete(critique: str, draft: str, finding: str) -> bool:
    """Whether a critique quotes, in double quotes, something that the draft or the finding says."""
    said = squeeze(f"{draft}\n{finding}".translate(QUOTES)).casefold()
    pieces = [squeeze(piece).casefold().rstrip(".!?,;") for piece in quoted(critique)]
    return not critique.casefold().strip().startswith("no fault") and any(piece in said for piece in pieces if piece)


def _tell(ctx: Context, what: str, verdict: Verdict) -> None:
    word = {True: "passed", False: "flagged", None: "could not be checked"}[verdict.passed]
    ctx.note(
        f"{what} {word}" + (f": {verdict.finding}" if verdict.finding else ""),
        stage=what,
        passed=verdict.passed,
        by=verdict.by or None,
        finding=verdict.finding or None,
    )
