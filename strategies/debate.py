"""Where two models disagree, have both answers defended with quotes of the evidence, and let a judge pick one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.types import Reply
from strategies.core import Context, Peers, strategy
from strategies.core.carried import ASK, passage_in
from strategies.core.parse import QUOTES, final, squeeze, tagged
from strategies.core.verify import agree

ARGUE = """Text:
{text}

Question:
{question}

Answer A: {a}
Answer B: {b}

{said}You argue for answer {side}. {task} Quote the text word for word between <quote> and </quote>. Write your \
argument between <argument> and </argument>, in at most {words} words."""
OPENING = "Make your case."
REBUTTAL = "Name the flaws of the other side's argument."
DEFENCE = "Answer what the other side said against your argument."
JUDGE = """Question:
{question}

Answer A: {a}
Answer B: {b}

Two people argued about it. You cannot see the text; a quote marked verified stands in it, do not trust one marked \
unverified.

{said}

Which answer is right? Think briefly, then end with a line that reads Answer: A or Answer: B."""
DISAGREE = 0.3  # of the questions, until an arm's own outcomes say how many
CUT = 150  # words; what is longer is cut off


@dataclass(frozen=True, slots=True)
class Argument:
    """One side's case in one round, its quotes marked; `valid` says that it is one and holds a quote."""

    side: str
    text: str
    valid: bool
    verified: int
    unverified: int


def _most(rounds: int, tries: int) -> float:
    return 1.0 + 2.0 * rounds * tries + 2.0


@strategy(
    calls=lambda params: 2 + DISAGREE * (2 * int(params["rounds"]) + 2),
    needs=frozenset({"peers"}),
    peers=Peers(
        1.0,
        own=lambda params, _: 1 + DISAGREE * (2 * int(params["rounds"]) + 2),
        most=lambda params, _: _most(int(params["rounds"]), int(params["tries"])),
    ),
    helps=("passage",),
    hurts=("chat", "writing", "arithmetic", "exact_format"),
    paper="Khan et al. 2024, Debating with More Persuasive LLMs Leads to More Truthful Answers, ICML 2024, "
    "arXiv 2402.06782",
)
async def debate(
    ctx: Context,
    *,
    to: str = "",
    rounds: int = 3,
    tries: int = 3,
    words: int = 100,
    temperature: float = 0.4,
    near: float = 0.45,
) -> Reply:
    """Asks two models, and where they disagree has both answers argued for: two calls, eight more for a debate.

    The evidence is the passage of the message or passages of the library (of cosine `near` or more); without any there
    is nothing to quote, persuasion would win, and the arm's own answer stands. In each of `rounds` both sides write at
    once from the rounds before; a side may try up to `tries` times to give an argument with a quote; quotes are marked
    verified or unverified by comparing them with the text. The judge sees no text and is asked twice with the answers
    swapped; a judgement that cannot be read counts for neither. A tie keeps the arm's own answer. `to` names the other
    model; empty means the first other one that the caller allows. An empty answer counts as a failed call.

    It departs from the paper: debaters have no private thinking before their argument and no lower bound of words, and
    for the second judge the names are exchanged while the order of the speakers stays.
    """
    other = _other(ctx, to)
    if other is None:
        ctx.note("there is no other model to disagree with", debated=False)
        return await ctx.answer()
    replies = await ctx.some(
        ctx.ask(label="answer", bound=True), ctx.ask(label="other answer", model=other, bound=True)
    )
    came = [reply for reply in replies if reply is not None]
    said = [reply for reply in came if reply.text.strip()]
    if len(said) < 2:
        ctx.note("only one model answered", debated=False)
        return (said or came)[0]
    own, theirs = said
    ctx.keep(own)
    carried = passage_in(ctx.question)  # what it says is no news in the question, but it is in an answer
    if agree(own.text, theirs.text, carried.rest if carried else ctx.question):
        ctx.note(f"{other} gives the same answer", debated=False)
        return own
    text, question = await _evidence(ctx, near)
    if not text:
        ctx.note(f"{other} answers otherwise, and there is no text to quote from", debated=False)
        return own
    a, b = squeeze(final(own.text)), squeeze(final(theirs.text))
    told: list[list[Argument]] = []
    for number in range(1, rounds + 1):
        before = _transcript(told)
        told.append(
            await ctx.gather(
                *(
                    _argue(ctx, side, number, before, text, question, a, b, tries, words, temperature)
                    for side in ("A", "B")
                )
            )
        )
    share = await _judged(ctx, _transcript(told), question, a, b)
    sides = [argument for both in told for argument in both]
    ctx.note(
        f"{ctx.model} said {a!r}, {other} said {b!r}; the judge gives {share:.2f} to the first",
        debated=True,
        other=other,
        share=share,
        verified=[sum(one.verified for one in sides if one.side == side) for side in ("A", "B")],
        unverified=[sum(one.unverified for one in sides if one.side == side) for side in ("A", "B")],
    )
    return own if share >= 0.5 else theirs


async def _argue(
    ctx: Context,
    side: str,
    number: int,
    before: str,
    text: str,
    question: str,
    a: str,
    b: str,
    tries: int,
    words: int,
    temperature: float,
) -> Argument:
    """One side's argument of one round: the first valid one of a few, else the last."""
    task = OPENING if number == 1 else REBUTTAL if number == 2 else DEFENCE
    made = Argument(side, "", False, 0, 0)
    for i in range(tries):
        reply = await ctx.ask(
            ARGUE,
            label=f"{side} {number}" + (f" again {i}" if i else ""),
            history=False,
            temperature=temperature if i == 0 else max(0.7, temperature),
            text=text,
            question=question,
            a=a,
            b=b,
            said=f"What was said so far:\n{before}\n\n" if before else "",
            side=side,
            task=task,
            words=words,
        )
        made = read(side, reply.text, text)
        if made.valid:
            break
    return made


def read(side: str, reply: str, text: str) -> Argument:
    """An argument with its quotes marked as verified or unverified; what stands outside of it is left out."""
    inside = re.search(r"<argument>(.*?)(?:</argument>|\Z)", reply, re.IGNORECASE | re.DOTALL)
    said = re.sub(r"\s*\((?:un)?verified\)", "", inside[1] if inside else "", flags=re.IGNORECASE)  # not theirs to say
    source = squeeze(text.translate(QUOTES)).casefold()
    counts = {True: 0, False: 0}

    def mark(match: re.Match[str]) -> str:
        quote = squeeze(match[1])
        holds = bool(quote) and squeeze(quote.translate(QUOTES)).casefold() in source
        counts[holds] += 1
        return f"{quote} ({'verified' if holds else 'unverified'})"

    marked = re.sub(r"<quote>(.*?)</quote>", mark, said, flags=re.IGNORECASE | re.DOTALL)
    cut = " ".join(re.sub(r"</?(?:quote|argument|thinking)>", "", marked, flags=re.IGNORECASE).split()[:CUT])
    return Argument(side, cut, bool(cut) and bool(tagged(said, "quote")), counts[True], counts[False])


async def _judged(ctx: Context, said: str, question: str, a: str, b: str) -> float:
    """The share of the readable judgements that go to the first answer; one half without any."""
    swapped = _swapped(said)
    first, second = await ctx.gather(
        ctx.ask(JUDGE, label="judge", history=False, temperature=0.0, question=question, a=a, b=b, said=said),
        ctx.ask(
            JUDGE, label="judge, swapped", history=False, temperature=0.0, question=question, a=b, b=a, said=swapped
        ),
    )
    votes = [verdict(first.text), verdict(second.text)]
    points = [float(vote == name) for vote, name in zip(votes, ("A", "B"), strict=True) if vote]
    return sum(points) / len(points) if points else 0.5


def verdict(reply: str) -> str | None:
    """A or B, the last that a judge's reply names as the answer; None if it names none."""
    found = re.findall(r"answer\W{0,4}(?:is\W{0,3})?\b([AB])\b", reply, re.IGNORECASE)
    return found[-1].upper() if found else None


def _swapped(said: str) -> str:
    """A transcript with the names of the sides exchanged, where they stand as names."""
    names = {"A": "B", "B": "A"}
    said = re.sub(r"^([AB]):", lambda m: f"{names[m[1]]}:", said, flags=re.MULTILINE)
    return re.sub(r"\b([Aa]nswer|[Ss]ide) ([AB])\b", lambda m: f"{m[1]} {names[m[2]]}", said)


def _transcript(told: Sequence[Sequence[Argument]]) -> str:
    return "\n\n".join(f"{one.side}: {one.text or '(nothing)'}" for both in told for one in both)


async def _evidence(ctx: Context, near: float) -> tuple[str, str]:
    """The text to quote from and the question without it; an empty text if there is none."""
    carried = passage_in(ctx.question)
    if carried is not None:
        return carried.passage, squeeze(ASK.sub("", carried.rest.strip()))
    found = [passage.text for passage in await ctx.search() if passage.score >= near]
    return "\n\n".join(found), ctx.question


def _other(ctx: Context, to: str) -> str | None:
    allowed = ctx.query.constraints.models
    names = [name for name in ctx.peers if name != ctx.model and (not allowed or name in allowed)]
    return to if to in names else None if to or not names else names[0]
