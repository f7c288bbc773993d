"""Let a model invent experts, let each answer alone, and merge their answers in one pass of seven steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import UnreadableReply
from strategies.core import Context, strategy
from strategies.core.parse import after, facts, mapping, sections, squeeze, whole

ROLES_SYSTEM = "You bring together panels of experts."
ROLES = """Here is a question, between the marks:
<question>
{question}
</question>
Name exactly {n} different experts who could answer it most thoroughly and truthfully. Reply with one JSON object \
and nothing else: each key is the name of a role, each value one short sentence that describes it. Its shape, with \
{n} entries:
{shape}"""
EXPERT = """{question}

This question needs your expertise. You are {role}: {description}
Answer the question in at most {words} words."""
MERGE = """Question:
{question}

{n} experts answered it, each alone.

{answers}

Work through these seven steps in order, each under its own heading.
1. AGREED: the facts that more than half of the answers state.
2. CONFLICTS: the facts on which answers contradict each other.
3. RESOLVED: for each conflict, the version to keep; prefer what more experts said.
4. ALONE: facts that only one answer states and that are neither agreed nor in conflict.
5. UNION: all facts of steps 1, 3 and 4.
6. COMBINED: a full answer to the question, written from step 5.
7. CHOICE: of answers 1 to {n} and the combined answer, the one that is most truthful, factual, informative, useful \
and honest; write its number or the word combined, then a dash and the reason.
Then, on a last line that begins with FINAL ANSWER:, repeat the chosen answer word for word."""
HEADINGS = ("AGREED", "CONFLICTS", "RESOLVED", "ALONE", "UNION", "COMBINED", "CHOICE", "FINAL ANSWER")


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of the merge: the text to return, and what was chosen ("combined" or "expert 2")."""

    text: str
    choice: str


@strategy(
    calls=lambda params: float(int(params["experts"]) + 2),
    helps=("contested", "advice"),
    hurts=("arithmetic", "lookup", "code", "exact_format", "letters"),
    paper="Long et al. 2024, Multi-expert Prompting Improves Reliability, Safety and Usefulness, arXiv 2411.00492",
)
async def multi_expert(
    ctx: Context, *, experts: int = 3, words: int = 500, tries: int = 3, most_tokens: int = 1500
) -> str:
    """Asks for experts, then each of them alone, then merges: `experts` + 2 calls in three stages.

    Roles that cannot be read, or are not `experts` different ones, are asked for again, `tries` times in all (the
    paper: 10; fewer here, because somebody waits), each time at a higher temperature, so that the retry can differ.
    Roles and merge may take `most_tokens` each.
    What is returned is word for word an expert's answer or the combined one; the choice, which the paper's own results
    make for the combined one in 725 to 816 of 817 cases, is kept in the log. Experts that fail are left out; one is
    enough. Raises UnreadableReply if no try gives roles.
    """
    roles = await _roles(ctx, experts, tries, most_tokens)
    ctx.note("asking " + ", ".join(roles), roles=list(roles))
    temperature = ctx.query.request.temperature
    replies = await ctx.some(
        *(
            ctx.ask(
                EXPERT,
                label=f"expert {i}",
                bound=True,
                temperature=0.0 if temperature is None else temperature,
                question=ctx.question,  # first, so that what all experts read is read once
                role=role,
                description=description,
                words=words,
            )
            for i, (role, description) in enumerate(roles.items(), 1)
        )
    )
    said = [(role, reply) for role, reply in zip(roles, replies, strict=True) if reply is not None]
    answers = [reply.text.strip() for _, reply in said]
    ctx.keep(said[0][1])
    told = "\n\n".join(f"Answer {i}, by {role}:\n{reply.text.strip()}" for i, (role, reply) in enumerate(said, 1))
    merge = await ctx.ask(
        MERGE,
        label="merge",
        temperature=0.0,
        max_tokens=most_tokens,
        question=ctx.question,
        n=len(said),
        answers=told,
    )
    parts = sections(merge.text, HEADINGS)
    torn = merge.finish_reason == "length" and "CHOICE" not in parts
    merged = Merged(answers[0], "expert 1") if torn else select(merge.text, answers)
    ctx.note(
        f"chosen: {merged.choice}",
        choice=merged.choice,
        agreed=facts(parts.get("AGREED", "")),
        conflicts=facts(parts.get("CONFLICTS", "")),
    )
    return merged.text


async def _roles(ctx: Context, n: int, tries: int, most_tokens: int) -> dict[str, str]:
    shape = "{" + ", ".join(['"": ""'] * n) + "}"
    for i in range(max(1, tries)):
        reply = await ctx.ask(
            ROLES,
            label="roles" if i == 0 else f"roles again {i}",
            system=ROLES_SYSTEM,
            temperature=min(1.0, 0.4 * i),
            max_tokens=most_tokens,
            question=ctx.question,
            n=n,
            shape=shape,
        )
        roles = mapping(reply.text)
        if roles is not None and len(roles) == n and all(roles) and len({role.casefold() for role in roles}) == n:
            return roles
    raise UnreadableReply(f"model {ctx.model!r} did not name {n} different experts in {tries} tries")


def select(merge: str, answers: Sequence[str]) -> Merged:
    """The answer that the merge chose, from the experts' own texts or its COMBINED section.

    The choice of an expert gives that expert's text, whatever the merge made of it. Where section 6 is missing, what
    follows FINAL ANSWER: stands for it; where both are, expert 1 answers.
    """
    parts = sections(merge, HEADINGS)
    ending = after(merge, "FINAL ANSWER:")
    combined = parts.get("COMBINED") or ending
    chosen = _chosen(parts.get("CHOICE", ""), len(answers))
    if chosen is None and ending is not None:
        chosen = next((i for i, answer in enumerate(answers, 1) if squeeze(answer) == squeeze(ending)), None)
    if not chosen and combined:
        return Merged(combined, "combined")
    return Merged(answers[(chosen or 1) - 1], f"expert {chosen or 1}")


def _chosen(choice: str, n: int) -> int | None:
    """The number of the chosen expert, 0 for the combined answer, None for what cannot be read."""
    found = re.match(r"\W*(?:the\s+)?(?:(?:answer|expert)\W*)?(combined|\d+)\b", choice, re.IGNORECASE)
    if found is None:
        return None
    number = 0 if found[1].lower() == "combined" else whole(found[1]) or n + 1
    return number if number <= n else None
