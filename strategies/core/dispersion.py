"""How scattered a model's answer is: from the log-probabilities of its tokens, or from answers that were sampled.

Source: Zeng et al. 2024, Mixture of Weak & Strong Experts on Graphs, ICLR 2024, arXiv 2311.05185: the two measures of a
distribution over classes. That an answer's tokens, or the answers drawn, stand for the classes is ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.types import Reply, TokenLogprob
from strategies.core.agreement import agree
from strategies.core.parse import final

LEAST = -50.0  # a smaller log-probability says no more, and a mean must stay finite


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer, each measure larger where the model is surer; None means not known, never nothing.

    `source` is "logprobs" or "samples". `var_conf` and `ent_conf` 0..1 are of the least certain token of the answer, or
    of the groups of equal answers; `logprob` is the mean over all tokens, in nats; `length` is ln(1 + characters).
    """

    source: str
    var_conf: float
    ent_conf: float
    logprob: float | None
    length: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers to one question, grouped: the share of each group, largest first, and who spoke for the largest first."""

    masses: tuple[float, ...]
    kept: int


def var_conf(p: Sequence[float], n: int | None = None) -> float:
    """The variance of p over that of one-hot, 0..1; n classes, those that p does not name having no mass."""
    n = len(p) if n is None else n
    return 1.0 if n < 2 else min(1.0, max(0.0, (n * sum(x * x for x in p) - 1) / (n - 1)))


def ent_conf(p: Sequence[float], n: int | None = None) -> float:
    """1 - H(p) / ln n, 0..1; n classes as in `var_conf`."""
    n = len(p) if n is None else n
    return 1.0 if n < 2 else min(1.0, max(0.0, 1 + sum(x * math.log(x) for x in p if x > 0) / math.log(n)))


def from_logprobs(reply: Reply) -> Evidence | None:
    """What the log-probabilities of a reply say; None where it carries none."""
    known = [entry for entry in reply.logprobs if not math.isnan(entry.logprob)]
    if not known or not reply.text.strip():
        return None
    odds = [distribution(entry) for entry in _answer(reply, known)]
    return Evidence(
        "logprobs",
        min(var_conf(p) for p in odds),
        min(ent_conf(p) for p in odds),
        sum(min(0.0, max(LEAST, entry.logprob)) for entry in known) / len(known),
        math.log1p(len(reply.text)),
    )


def from_samples(replies: Sequence[Reply], found: Agreement) -> Evidence | None:
    """What the agreement of sampled replies says; None for fewer than two."""
    n = len(replies)
    if n < 2:
        return None
    length = math.log1p(len(replies[found.kept].text))
    return Evidence("samples", var_conf(found.masses, n), ent_conf(found.masses, n), None, length)


def grouped(texts: Sequence[str], question: str) -> Agreement:
    """Answers that say the same to the question, grouped; of groups of one size the one that began first is largest."""
    groups: list[list[int]] = []
    for i, text in enumerate(texts):
        same = next((group for group in groups if agree(texts[group[0]], text, question)), None)
        if same is None:
            groups.append([i])
        else:
            same.append(i)
    groups.sort(key=len, reverse=True)
    return Agreement(tuple(len(group) / len(texts) for group in groups), groups[0][0] if groups else 0)


def distribution(entry: TokenLogprob) -> list[float]:
    """The probabilities of a token, of the alternatives that are known, and of all others together; they sum to 1."""
    known = {**dict(entry.top), entry.token: entry.logprob}
    p = [math.exp(min(0.0, max(LEAST, q))) for q in known.values() if not math.isnan(q)]
    return [*p, 1 - sum(p)] if sum(p) < 1 else [x / sum(p) for x in [*p, 0.0]]


def _answer(reply: Reply, entries: Sequence[TokenLogprob]) -> Sequence[TokenLogprob]:
    """The tokens of the answer itself, what leads to it left out; all of them where it cannot be found."""
    pieces = ["".join(entry.token.split()) for entry in entries]
    answer = "".join(final(reply.text).split())
    start = "".join(pieces).rfind(answer)
    if start < 0:
        return entries
    chosen, at = [], 0
    for entry, piece in zip(entries, pieces, strict=True):
        if piece and at < start + len(answer) and at + len(piece) > start:
            chosen.append(entry)
        at += len(piece)
    return chosen or entries
