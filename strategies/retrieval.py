"""Answer from the library by copying: extract sentences word for word, check each, order or link them, cite them."""

import asyncio
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.errors import StrategyError
from models.types import Reply
from strategies.core import Context, Passage, strategy
from strategies.core.familiar import unfamiliar
from strategies.core.knowing import knows
from strategies.core.parse import after, line, permutation, quoted, sentences, squeeze, tagged
from strategies.core.registry import Param
from strategies.core.screening import labelled
from strategies.core.support import copying
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
LINK = """Question: {question}

These sentences will be given as the answer, in this order:
{sentences}

Write what links each to the next: for each pair one line with at most {words} words between <link> and </link>, \
adding no facts. If it helps, write an introduction between <intro> and </intro> and a conclusion between <end> and \
</end>, as short. End with a line that begins with ANSWER: and gives the answer itself."""
WRITE = """Passages:
{passages}

Question: {question}
{feedback}
Answer by copying from the passages, word for word, with as little text of your own as possible and no conclusions of \
your own. End with a line that begins with ANSWER: and gives the answer itself."""
FEEDBACK = """
Your last text was:
{draft}
A reviewer said of it: {said}
Follow the reviewer.
"""
REVIEW = """Passages:
{passages}

Question: {question}

Somebody's answer:
{draft}

Judge it: is every phrase copied from the passages, is it faithful to them, and does it answer the question? Reply \
with two lines: one that begins with FEEDBACK: and says what to change, and one that begins with VERDICT: and says \
continue or accept."""
NOT_ANSWERED = "The passages do not answer this question."
SHORTEST = 11  # characters; shorter pieces are not sentences
LONGEST_LINK = 15  # words
COPIED = 0.99  # the copying score from which there is nothing left to refine
ACCEPTED = re.compile(r"\W*accept\b", re.IGNORECASE)
WHEN = ("always", "unknown", "unfamiliar")
MOST_CLAIMS = 20  # sentences that are looked up in the passages; each costs up to milliseconds
WRITTEN = 5  # texts of the refined order at most
ORDERS: Mapping[str, float] = {"ordered": 2.0, "linked": 2.0, "refined": 3.0}
"""The ways of putting sentences together, with the calls that they are expected to take."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The passages as a model reads them, each on one line, and as a prompt shows them."""

    texts: tuple[str, ...]
    prompt: str


def _calls(params: Mapping[str, Param]) -> float:
    return ORDERS.get(str(params["order"]), 2.0) + float(params["when"] == "unknown") + float(bool(params["labels"]))


@strategy(
    calls=_calls,
    needs=frozenset({"documents"}),
    helps=("lookup",),
    hurts=("arithmetic", "letters", "procedure", "logic", "chat", "writing", "code"),
    paper="Long et al. 2025, Copy-Paste to Mitigate LLM Hallucinations, arXiv 2510.00508",
)
async def retrieval(
    ctx: Context,
    *,
    k: int = 3,
    order: str = "ordered",
    when: str = "always",
    labels: bool = False,
    temperature: float = 0.1,
) -> Reply | str:
    """Copies the helpful sentences of the `k` nearest passages, puts them together, cites them, ends with the answer.

    `order`: "ordered" has the model put the sentences into order (CP-Order, two calls), "linked" has it write short
    links between them (CP-Link, two calls), "refined" has whole answers written and reviewed until they are copied
    (CP-Refine, up to nine calls; the review really reaches the writer). `when` "unknown" asks the model first whether
    it knows the answer, and then asks it directly (one call more); "unfamiliar" looks up only what is unlike the rated
    questions of the log. `labels` has a model say which passages help (one
    call more). Every sentence of an ordered or linked reply is the passage's own wording. Raises StrategyError for an
    `order` or `when` that there is not.
    """
    if order not in ORDERS or when not in WHEN:
        raise StrategyError(
            f"strategies.retrieval: order {order!r}, when {when!r}; there are {', '.join([*ORDERS, *WHEN])}"
        )
    if when == "unknown" and await knows(ctx):
        ctx.note("the model says that it knows; no passages are looked up", looked_up=False)
        return await ctx.answer()
    if when == "unfamiliar" and not await unfamiliar(ctx):
        ctx.note("the question is familiar; no passages are looked up", looked_up=False)
        return await ctx.answer()
    caller = ctx.query.request.temperature
    heat = temperature if caller is None else caller
    passages: Sequence[Passage] = await ctx.search(k=k)
    if passages and labels:
        passages = (await labelled(ctx, passages)).kept
    if not passages:
        ctx.note("the library has no passage for this", sentences=0)
        return NOT_ANSWERED
    texts = tuple(squeeze(passage.text) for passage in passages)
    shown = Shown(texts, "\n".join(f"[{i}] {text}" for i, text in enumerate(texts, 1)))
    if order == "refined":
        return await _refined(ctx, passages, shown, heat)
    extract = await ctx.ask(EXTRACT, label="extract", temperature=heat, passages=shown.prompt, question=ctx.question)
    copies = await asyncio.to_thread(copied, extract.text, texts, loosely=order == "linked")
    if not copies:
        ctx.note("no sentence of the passages helps", sentences=0)
        return NOT_ANSWERED
    ctx.keep(written(copies, None, passages))
    return await (_linked if order == "linked" else _ordered)(ctx, copies, passages, heat)


async def _ordered(ctx: Context, copies: list[Copy], passages: Sequence[Passage], heat: float) -> str:
    """Shuffled, then in the order that the model reasons for; by likeness where that is no permutation."""
    random.Random(ctx.question).shuffle(copies)
    rows = "\n".join(f"({i}) {copy.text}" for i, copy in enumerate(copies, 1))
    reply = await ctx.ask(ORDER, label="order", temperature=heat, question=ctx.question, sentences=rows)
    chosen = permutation(line(reply.text, "ORDER:") or "", len(copies))
    ordered = [copies[i - 1] for i in chosen] if chosen else sorted(copies, key=lambda copy: -copy.likeness)
    _tell(ctx, copies, passages, order="model" if chosen else "likeness")
    return written(ordered, line(reply.text, "ANSWER:"), passages)


async def _linked(ctx: Context, copies: list[Copy], passages: Sequence[Passage], heat: float) -> str:
    """By overlap with the question, with links between neighbours; a link that is too long is left out."""
    asked = set(re.findall(r"\w+", ctx.question.lower()))
    copies.sort(key=lambda copy: -len(asked & set(re.findall(r"\w+", copy.text.lower()))))
    rows = "\n".join(f"({i}) {copy.text}" for i, copy in enumerate(copies, 1))
    reply = await ctx.ask(
        LINK, label="link", temperature=heat, question=ctx.question, sentences=rows, words=LONGEST_LINK
    )
    links = [link if len(link.split()) <= LONGEST_LINK else "" for link in tagged(reply.text, "link")]
    intro, end = (
        next((t for t in tagged(reply.text, tag) if len(t.split()) <= LONGEST_LINK), "") for tag in ("intro", "end")
    )
    links = [*links, *[""] * len(copies)][: len(copies) - 1]
    _tell(ctx, copies, passages, links=links, intro=intro, end=end)
    return written(copies, line(reply.text, "ANSWER:"), passages, [intro, *links], end)


async def _refined(ctx: Context, passages: Sequence[Passage], shown: Shown, heat: float) -> str:
    """Writer and reviewer in turn; the text with the highest copying score is returned, not the last."""
    best, most, feedback = "", -1.0, ""
    context = " ".join(shown.texts)
    for i in range(1, WRITTEN + 1):
        reply = await ctx.ask(
            WRITE,
            label=f"write {i}",
            temperature=heat,
            passages=shown.prompt,
            question=ctx.question,
            feedback=feedback,
        )
        answer = line(reply.text, "ANSWER:")
        body = squeeze(re.split(r"^[ \t#*>]*ANSWER:", reply.text, flags=re.IGNORECASE | re.MULTILINE)[0])
        score = copying(body, context).score
        if score > most:
            best, most = await asyncio.to_thread(cited, body, answer, passages), score
            ctx.keep(best)
        if score >= COPIED or i == WRITTEN:
            break
        review = await ctx.ask(
            REVIEW,
            label=f"review {i}",
            temperature=heat,
            passages=shown.prompt,
            question=ctx.question,
            draft=reply.text,
        )
        if ACCEPTED.match(line(review.text, "VERDICT:") or ""):
            break
        said = (after(review.text, "FEEDBACK:") or review.text).split("VERDICT:")[0].strip()
        feedback = FEEDBACK.format(draft=reply.text, said=said)
    ctx.note(
        f"the best of {i} texts is copied to {most:.2f}",
        texts=i,
        copying=most,
        passages=[passage.id for passage in passages],
    )
    return best


def copied(reply: str, passages: Sequence[str], *, loosely: bool = False) -> list[Copy]:
    """The sentences that a reply copied, in the passages' own words, each once; what is not there is left out.

    Of more than 20 that it claims to have copied, the first count.
    `loosely`, a sentence whose first five words stand in a passage is taken from there, up to its end.
    """
    claims = [claim for claim in tagged(reply, "sentence") or quoted(reply) if len(claim) >= SHORTEST][:MOST_CLAIMS]
    found = [_begun(claim, passages) if loosely else find_copy(claim, passages) for claim in claims]
    return list({copy.text: copy for copy in found if copy is not None}.values())


def _begun(claim: str, passages: Sequence[str]) -> Copy | None:
    """The sentence of a passage that begins, somewhere, with the first five words of the claim."""
    exact = next((Copy(claim, i, 1.0) for i, text in enumerate(passages) if claim in text), None)
    if exact is not None:
        return exact
    begin = " ".join(claim.split()[:5]).lower()
    for i, text in enumerate(passages):
        start = text.lower().find(begin)
        if start >= 0:
            end = re.search(r"[.!?](?=\s|$)", text[start:])
            return Copy(text[start : start + end.end()] if end else text[start:], i, 0.9)
    return None


def written(
    copies: Sequence[Copy],
    answer: str | None,
    passages: Sequence[Passage],
    links: Sequence[str] = (),
    end: str = "",
) -> str:
    """The reply: the sentences with citations and what links them, the answer on a line of its own, the sources.

    Where the model gave no answer, the first sentence stands for it.
    """
    body = []
    for i, copy in enumerate(copies):
        body += [links[i]] if i < len(links) and links[i] else []
        body.append(f"{copy.text} [{copy.passage + 1}]")
    body += [end] if end else []
    body.append(f"Answer: {answer or copies[0].text}")
    return "\n".join(body) + _sources([copy.passage for copy in copies], passages)


def cited(text: str, answer: str | None, passages: Sequence[Passage]) -> str:
    """A reply in the model's own words: its copied sentences with citations, the answer on a line of its own, the
    sources that are cited.

    A sentence is cited if a passage has exactly its words, whatever it ends with; of more than 20, the first are.
    """
    texts, body, found = [passage.text for passage in passages], [], []
    for i, (start, end) in enumerate(sentences(text)):
        claim = text[start:end].rstrip(".!? ")
        copy = find_copy(claim, texts) if i < MOST_CLAIMS and len(claim) >= SHORTEST else None
        exact = copy is not None and copy.likeness == 1.0
        body.append(f"{text[start:end]} [{copy.passage + 1}]" if copy is not None and exact else text[start:end])
        found += [copy.passage] if copy is not None and exact else []
    return "\n".join([" ".join(body), f"Answer: {answer or text}"]) + _sources(found, passages)


def _sources(found: Sequence[int], passages: Sequence[Passage]) -> str:
    """The list of the passages of these indices, each once; empty for none."""
    rows = [f"[{i + 1}] {passages[i].title} ({passages[i].id})" for i in sorted(set(found))]
    return "\n\n" + "\n".join(rows) if rows else ""


def _tell(ctx: Context, copies: Sequence[Copy], passages: Sequence[Passage], **more: str | list[str]) -> None:
    ctx.note(
        f"{len(copies)} sentences from {len({copy.passage for copy in copies})} passages",
        sentences=len(copies),
        passages=[passage.id for passage in passages],
        **more,
    )
