"""Answer from the library by copying: extract sentences word for word, check each, order them, cite them."""

import random
from collections.abc import Sequence

from strategies.core import Context, Passage, strategy
from strategies.core.parse import line, permutation, quoted, squeeze, tagged
from strategies.core.verbatim import Copy, find_copy

EXTRACT = """Passages:
{passages}

Question: {question}

Copy from the passages every complete sentence that helps to answer the question, word for word, each on its own line \
between <sentence> and </sentence>. If there is none, reply only: NONE FOUND"""
ORDER = """Question: {question}

Sentences from the passages:
{sentences}

Put all of the sentences into the order in which they best answer the question. Reply with three lines: one that \
begins with BECAUSE: and gives the reason, one that begins with ORDER: and lists every number once, separated by \
commas, and one that begins with ANSWER: and gives the answer itself."""
NOT_ANSWERED = "The passages do not answer this question."
SHORTEST = 11  # characters; shorter pieces are not sentences


@strategy(
    calls=2,
    needs=frozenset({"documents"}),
    paper="Long et al. 2025, Copy-Paste to Mitigate LLM Hallucinations, arXiv 2510.00508 (CP-Order)",
)
async def retrieval(ctx: Context, *, k: int = 3, temperature: float = 0.1) -> str:
    """Copies the helpful sentences of the `k` nearest passages, orders and cites them, and ends with the answer.

    Two calls: extract and order; one, if nothing of what was extracted is in the passages. Every sentence of the reply
    is the passage's own wording, whatever the model wrote. `temperature` holds unless the caller gives one.
    """
    caller = ctx.query.request.temperature
    heat = temperature if caller is None else caller
    passages = await ctx.search(k=k)
    if not passages:
        ctx.note("the library has no passage for this", sentences=0)
        return NOT_ANSWERED
    texts = [squeeze(passage.text) for passage in passages]
    shown = "\n".join(f"[{i}] {text}" for i, text in enumerate(texts, 1))
    extract = await ctx.ask(EXTRACT, label="extract", temperature=heat, passages=shown, question=ctx.question)
    copies = copied(extract.text, texts)
    if not copies:
        ctx.note("no sentence of the passages helps", sentences=0)
        return NOT_ANSWERED
    random.Random(ctx.question).shuffle(copies)
    rows = "\n".join(f"({i}) {copy.text}" for i, copy in enumerate(copies, 1))
    order = await ctx.ask(ORDER, label="order", temperature=heat, question=ctx.question, sentences=rows)
    chosen = permutation(line(order.text, "ORDER:") or "", len(copies))
    ordered = [copies[i - 1] for i in chosen] if chosen else sorted(copies, key=lambda copy: -copy.likeness)
    ctx.note(
        f"{len(copies)} sentences from {len({copy.passage for copy in copies})} passages",
        sentences=len(copies),
        order="model" if chosen else "likeness",
        passages=[passage.id for passage in passages],
    )
    return written(ordered, line(order.text, "ANSWER:"), passages)


def copied(reply: str, passages: Sequence[str]) -> list[Copy]:
    """The sentences that a reply copied, in the passages' own words, each once; what is not there is left out."""
    claims = tagged(reply, "sentence") or quoted(reply)
    found = [find_copy(claim, passages) for claim in claims if len(claim) >= SHORTEST]
    return list({copy.text: copy for copy in found if copy is not None}.values())


def written(copies: Sequence[Copy], answer: str | None, passages: Sequence[Passage]) -> str:
    """The reply: the sentences with their citations, the answer if the model gave one, and the sources."""
    body = [f"{copy.text} [{copy.passage + 1}]" for copy in copies]
    if answer:
        body.append(f"Answer: {answer}")
    cited = sorted({copy.passage for copy in copies})
    return "\n".join(body) + "\n\n" + "\n".join(f"[{i + 1}] {passages[i].title}" for i in cited)
