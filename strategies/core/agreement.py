"""Whether replies to one question agree: by their answers where these can be compared, else by what they claim."""

import re
from collections.abc import Sequence

from strategies.core.arithmetic import number
from strategies.core.context import Context
from strategies.core.equivalence import compared, marked
from strategies.core.evidence import claims
from strategies.core.parse import final, squeeze
from strategies.core.verdict import SILENT, Verdict, Verifier


def agree(one: str, other: str, question: str) -> bool:
    """Whether two replies to a question say the same: equal answers, else last numbers, or claims beyond the question.

    What `equivalence` can settle is settled by it; the rest is for prose, of which only a guess can be made.
    """
    first, second = (marked(text) or text for text in (one, other))
    settled = compared(first, second, question)
    if settled is not None:
        return settled
    if number(final(one)) is not None and number(final(one)) == number(final(other)):
        return True
    said = [_plain(claims(text, question)) for text in (one, other)]
    return said[0] == said[1] and bool(said[0])


def agreement(samples: Sequence[str], least: float = 0.5) -> Verifier:
    """A draft passes if a share of `least` or more of the sampled replies agree with it; no call, silent without any.

    Wang et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning in Language Models": the share of samples
    with an answer tells how likely it is right.
    """

    async def check(ctx: Context, draft: str) -> Verdict:
        if not samples:
            return SILENT
        hits = sum(agree(draft, sample, ctx.question) for sample in samples)
        passed = hits >= least * len(samples)
        return Verdict(passed, "" if passed else f"{hits} of {len(samples)} samples agree with it", "agreement")

    return check


def _plain(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(re.sub(r"[^\w ]", "", squeeze(text).casefold()) for text in texts)
