"""Checking a draft from outside: by re-computing, against a passage, and, where neither applies, by asking a peer."""

from collections.abc import Sequence

from strategies.core.agreement import agree, agreement
from strategies.core.arithmetic import asked, equations, number
from strategies.core.carried import passage_in
from strategies.core.context import Context
from strategies.core.equivalence import same_answer
from strategies.core.evidence import about, abstains, claims, misplaced, missing, phrase, telling
from strategies.core.parse import final, squeeze
from strategies.core.schema import valid_json
from strategies.core.support import supported
from strategies.core.verdict import SILENT, Verdict, Verifier


def from_outside(near: float = 0.45) -> Verifier:
    """All checks in turn, for one run: arithmetic and passages, both of which must pass; else a peer's answer.

    `near` is the cosine from which a passage of the library counts. A peer is asked once in a run at most; that is the
    only model call that checking ever takes.
    """
    passages, peer = against_passages(near), second_opinion()

    async def check(ctx: Context, draft: str) -> Verdict:
        best = SILENT
        for look in (arithmetic, passages):
            verdict = await look(ctx, draft)
            if verdict.passed is False:
                return verdict
            best = best if best.passed else verdict
        return best if best.passed else await peer(ctx, draft)

    return check


async def arithmetic(ctx: Context, draft: str) -> Verdict:
    """Every equation of the draft must hold, and the answer to a bare calculation must be its value.

    The finding names what does not hold; it does not give the right value away.
    """
    stated = equations(draft)
    wrong = next((equation for equation in stated if not equation.holds), None)
    if wrong is not None:
        return Verdict(False, f'"{squeeze(wrong.text)}" does not hold', "arithmetic")
    question = asked(ctx.question)
    if question is None:
        return Verdict(True, by="arithmetic") if stated else SILENT
    answer = squeeze(final(draft))
    given = number(answer)
    if given == question.value:
        return Verdict(True, by="arithmetic")
    if given is None and not abstains(draft):  # "seven", "VII": a number perhaps, but not one that can be compared
        return SILENT
    return Verdict(False, f'"{question.text} = {answer if given is None else given}" does not hold', "arithmetic")


def against_passages(near: float) -> Verifier:
    """The answer must occur in the passage that the message carries, or in what the library says of the question."""

    async def check(ctx: Context, draft: str) -> Verdict:
        carried = passage_in(ctx.question)
        if carried is not None:
            if abstains(draft) or not claims(draft, carried.rest):
                return SILENT
            absent = phrase(missing(draft, carried.rest, carried.passage), final(draft))
            if not absent and misplaced(draft, carried.rest, carried.passage):
                absent = squeeze(final(draft)).rstrip(".")
            return Verdict(not absent, f'the passage does not mention "{absent}"' if absent else "", "passage")
        if asked(ctx.question) is not None:
            return SILENT
        found = [passage.text for passage in await ctx.search() if passage.score >= near]
        evidence = about(ctx.question, found)
        if not evidence:
            return SILENT
        if abstains(draft) or missing(draft, ctx.question, " ".join(evidence)):
            return Verdict(
                False, f"the library says: {await _nearest(ctx, telling(ctx.question, evidence))}", "library"
            )
        return Verdict(True, by="library") if claims(draft, ctx.question) else SILENT

    return check


async def _nearest(ctx: Context, rows: Sequence[str]) -> str:
    """The sentence nearest to the question by cosine; the first, where the service embeds nothing."""
    if len(rows) == 1 or ctx.embedder is None:
        return rows[0]
    asks, *says = await ctx.embed([ctx.question, *rows])
    return max(zip(rows, says, strict=True), key=lambda pair: float(pair[1] @ asks))[0]


def second_opinion() -> Verifier:
    """One other model answers directly, once in a run; a draft that says something else is flagged.

    It is the first of the settings that the caller allows, asked at temperature 0, so that the same draft meets the
    same opinion. Silent where there is no such model, or no call left.
    """
    answers: list[str] = []

    async def check(ctx: Context, draft: str) -> Verdict:
        allowed = ctx.query.constraints.models
        others = [name for name in ctx.peers if name != ctx.model and (not allowed or name in allowed)]
        if not others or (not answers and ctx.calls_left == 0):
            return SILENT
        if not answers:
            reply = await ctx.ask(label="peer", model=others[0], temperature=0.0)
            answers.append(reply.text)
        if agree(draft, answers[0], ctx.question):
            return Verdict(True, by=f"peer {others[0]}")
        return Verdict(False, f"another model answered: {squeeze(final(answers[0]))}", f"peer {others[0]}")

    return check


def by_copying(passages: Sequence[str] = ()) -> Verifier:
    """The draft must be made of what the passages say; without any, of what the library finds for the question."""

    async def check(ctx: Context, draft: str) -> Verdict:
        return supported(final(draft), passages or [passage.text for passage in await ctx.search()])

    return check


def equivalent(to: str) -> Verifier:
    """The draft's answer must be the same as one that is known, such as what a program printed."""

    async def check(ctx: Context, draft: str) -> Verdict:
        if agree(draft, to, ctx.question):
            return Verdict(True, by="equivalence")
        return Verdict(False, f"the answer is not the same as {squeeze(to)!r}", "equivalence")

    return check


VERIFIERS = {
    "arithmetic": "every equation of the draft holds, and the answer to a bare calculation is its value; no call",
    "against_passages": "the message's passage, or what the library says, mentions every claim of the answer; no call",
    "by_copying": "the answer is made of the words of passages, by coverage and density; no call",
    "valid_json": "the draft is JSON, of the form or the schema that was asked for; no call",
    "agreement": "enough of several sampled replies say the same as the draft; no call of its own",
    "equivalent": "the draft's answer is the same as one that is known; no call",
    "second_opinion": "another model answers the same; one call in a run",
    "from_outside": "arithmetic and passages, else a second opinion; one call in a run at most",
}
"""All verifiers. Each is an async function of the Context and a draft, or makes one; silent where it does not apply."""

__all__ = [
    "SILENT",
    "VERIFIERS",
    "Verdict",
    "Verifier",
    "against_passages",
    "agree",
    "agreement",
    "arithmetic",
    "by_copying",
    "equivalent",
    "from_outside",
    "same_answer",
    "second_opinion",
    "supported",
    "valid_json",
]
