"""Answer with the arm's own model first, and ask a dearer one only where that answer is in doubt."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.dearness import dearest
from models.errors import StrategyError
from models.types import Reply
from strategies.core import Context, Peers, strategy
from strategies.core.arithmetic import asked
from strategies.core.dispersion import Evidence, from_logprobs, from_samples, grouped
from strategies.core.evidence import abstains
from strategies.core.gate import Gates, read
from strategies.core.registry import Param
from strategies.core.verify import Verdict, against_passages, arithmetic

SHIPPED = Path(__file__).parent / "fitted" / "cascade.json"
TOP = 5  # alternatives of each token to ask for; what they leave of its probability counts as one more
SHARE = 0.4  # of the answers that are escalated, until an arm's own outcomes say how many


@dataclass(frozen=True, slots=True)
class Draft:
    """The model's own answer with what was found out about it; `proven` says that it was re-computed and is right."""

    reply: Reply
    label: str
    verdict: Verdict
    evidence: Evidence | None = None

    @property
    def proven(self) -> bool:
        return self.verdict.passed is True and self.verdict.by == "calculation"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Whether another model is asked, with what probability it was drawn so, and why in one word and one sentence."""

    escalates: bool
    why: str
    text: str
    probability: float = 1.0
    confidence: float | None = None
    threshold: float | None = None
    rows: int | None = None


def drafts(params: Mapping[str, Param], offers: frozenset[str]) -> float:
    """How often the arm's own model is asked: without log-probabilities several answers are drawn."""
    return 1.0 if "logprobs" in offers else float(params["samples"])


@strategy(
    calls=lambda _: 1 + SHARE,
    peers=Peers(SHARE, own=drafts, most=drafts),
    paper="after Zeng et al. 2024, Mixture of Weak & Strong Experts on Graphs, ICLR 2024, arXiv 2311.05185, "
    "and Chen et al. 2023, FrugalGPT, arXiv 2305.05176",
)
async def cascade(
    ctx: Context,
    *,
    to: str = "",
    samples: int = 4,
    threshold: float = 0.0,
    quality: float = 0.7,
    explore: float = 0.0,
    near: float = 0.45,
    fitted: str = "",
) -> Reply:
    """Answers, and escalates to another model when in doubt: one call, and one more where it escalates.

    The gate is Mowst's: the confidence C is a monotone function of how concentrated the model's prediction is. That a
    language model's token probabilities, or the agreement of its answers, take the place of class probabilities, that
    C is a logistic regression and that a threshold takes the place of the draw, is ours. Where the model gives no
    log-probabilities, `samples` answers are drawn (as far as the caller's limit of calls allows), and the one that most
    agree with stands. An answer that a check refutes (a sum, the message's passage, passages of the library of cosine
    `near` or more), an empty one and "I do not know" escalate outright; a bare sum that holds stands.

    `to` names the other model; otherwise it is the one that the gate was fitted with, else the dearest (see
    models/dearness.py). Without another model, one that is not allowed included, it just answers. `threshold` fixes the
    least C; otherwise it follows the gate and the dial, `quality` where the caller turns none. `explore` is how often
    the opposite is done, with its probability logged. `fitted` names the file that `fitted/fit_cascade.py` made; empty
    means the shipped one. Raises StrategyError for parameters out of range, an unknown `to` and an unreadable file.
    """
    _check(samples, threshold, quality, explore)
    gates = read(Path(fitted) if fitted else SHIPPED).get(ctx.model, Gates())
    other = _other(ctx, to, gates)
    if other is None:
        ctx.note(f"there is no other model to ask: {ctx.model} answers alone", escalated=False, why="no peer")
        return await ctx.answer()
    draft = await consider(ctx, samples, near)
    ctx.keep(draft.reply)
    dial = quality if ctx.query.constraints.quality is None else ctx.query.constraints.quality
    doubt = weigh(draft, gates, other, dial, threshold)
    if ctx.query.constraints.explore is not False and explore and doubt.why in ("doubt", "confident"):
        doubt = _drawn(doubt, explore, _chance(ctx))
    if doubt.escalates and ctx.calls_left == 0:
        doubt = replace(doubt, escalates=False, why="no call left", text="the limit of calls is reached")
    evidence = draft.evidence
    ctx.note(
        f"{doubt.text}; {other} is asked" if doubt.escalates else f"{doubt.text}; the answer of {ctx.model} stands",
        escalated=doubt.escalates,
        why=doubt.why,
        to=other,
        kept=draft.label,
        confidence=doubt.confidence,
        threshold=doubt.threshold,
        probability=doubt.probability,
        gate_rows=doubt.rows,
        source=None if evidence is None else evidence.source,
        var_conf=None if evidence is None else evidence.var_conf,
        ent_conf=None if evidence is None else evidence.ent_conf,
        logprob=None if evidence is None else evidence.logprob,
        length=None if evidence is None else evidence.length,
        finding=draft.verdict.finding or None,
    )
    return await ctx.answer(label="escalated", model=other) if doubt.escalates else draft.reply


async def consider(ctx: Context, samples: int, near: float) -> Draft:
    """The model's own answer, checked, with the evidence for it; more answers are drawn only where they are needed."""
    offered = "logprobs" in ctx.backend.offers
    first = await ctx.ask(label="draft", bound=True, logprobs=offered, top_logprobs=TOP if offered else None)
    draft = Draft(first, "draft", await _verdict(ctx, first.text, near), from_logprobs(first))
    settled = draft.verdict.passed is False or draft.proven or not first.text.strip() or abstains(first.text)
    room = samples - 1 if ctx.calls_left is None else min(samples - 1, ctx.calls_left - 1)
    if draft.evidence is not None or settled or room < 1:
        return draft
    replies = [first, *await ctx.sample(room, bound=True)]
    found = grouped([reply.text for reply in replies], ctx.question)
    kept = replies[found.kept]
    label, verdict = "draft", draft.verdict
    if found.kept:
        label, verdict = f"sample {found.kept}", await _verdict(ctx, kept.text, near)
    return Draft(kept, label, verdict, from_samples(replies, found))


def weigh(draft: Draft, gates: Gates, other: str, dial: float, threshold: float = 0.0) -> Doubt:
    """Whether a draft is to be escalated to `other`; `threshold` 0 means the gate's at this dial."""
    if draft.verdict.passed is False:
        return _with_gate(Doubt(True, "verifier", draft.verdict.finding), draft, gates, other, dial, threshold)
    if not draft.reply.text.strip() or abstains(draft.reply.text):
        return Doubt(True, "abstains", "the model gives no answer")
    if draft.proven:
        return _with_gate(Doubt(False, "proven", "re-computed and right"), draft, gates, other, dial, threshold)
    if draft.evidence is None:
        return Doubt(False, "no evidence", "nothing tells how sure the model is")
    seen = _with_gate(Doubt(False, "confident", ""), draft, gates, other, dial, threshold)
    c, least = seen.confidence or 0.0, seen.threshold or 0.0
    by = f"fitted on {seen.rows} answers" if seen.rows else "not fitted yet"
    told = f"confidence {c:.2f}, threshold {least:.2f}, gate {by}"
    if c < least:
        return replace(seen, escalates=True, why="doubt", text=f"in doubt ({told})")
    return replace(seen, text=f"sure enough ({told})")


def _with_gate(doubt: Doubt, draft: Draft, gates: Gates, other: str, dial: float, threshold: float) -> Doubt:
    """The same with what the gate says, for the log, wherever there is evidence."""
    if draft.evidence is None:
        return doubt
    gate = gates.of(draft.evidence.source, other)
    least = threshold or gate.threshold(dial)
    return replace(doubt, confidence=gate.confidence(draft.evidence), threshold=least, rows=gate.rows)


def _chance(ctx: Context) -> random.Random:
    """Where draws come from: the system, or the caller's seed together with the question."""
    seed = ctx.query.request.seed
    return random.Random(None if seed is None else f"{seed} {ctx.question}")


def _drawn(doubt: Doubt, explore: float, chance: random.Random) -> Doubt:
    """The same, or with probability `explore` the opposite."""
    if chance.random() >= explore:
        return replace(doubt, probability=1 - explore)
    text = f"{doubt.text}, and the opposite is tried"
    return replace(doubt, escalates=not doubt.escalates, why="explored", text=text, probability=explore)


async def _verdict(ctx: Context, text: str, near: float) -> Verdict:
    """The checks that ask no model: what is refuted fails, a bare sum that holds passes by "calculation"."""
    verdict = await arithmetic(ctx, text)
    if verdict.passed is not None and asked(ctx.question) is not None:
        return replace(verdict, by="calculation")
    return verdict if verdict.passed is False else await against_passages(near)(ctx, text)


def _other(ctx: Context, to: str, gates: Gates) -> str | None:
    """The model to escalate to: the named one, the fitted one, the dearest; None if there is none, or not allowed."""
    if to and to != ctx.model and to not in ctx.peers:
        raise StrategyError(f"strategies.cascade.to = {to!r}: no such model; there are {_listed(sorted(ctx.peers))}")
    allowed = ctx.query.constraints.models
    peers = {name: peer for name, peer in ctx.peers.items() if name != ctx.model and (not allowed or name in allowed)}
    if to:
        return to if to in peers else None
    return gates.to if gates.to in peers else dearest(ctx.backend, peers)


def _check(samples: int, threshold: float, quality: float, explore: float) -> None:
    shares = {"threshold": threshold, "quality": quality, "explore": explore}
    wrong = [f"{name} = {value!r}" for name, value in shares.items() if not 0 <= value <= 1]
    if wrong or samples < 1:
        told = wrong[0] if wrong else f"samples = {samples!r}"
        raise StrategyError(f"strategies.cascade.{told}: a share lies between 0 and 1, and samples are 1 or more")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
