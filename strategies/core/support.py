"""How far an answer copies from passages: coverage, density and their score; and whether passages support it.

Grusky, Naaman and Artzi 2018, "Newsroom: A Dataset of 1.3 Million Summaries with Diverse Extractive Strategies", for
coverage and density; Long et al. 2025, "Copy-Paste to Mitigate LLM Hallucinations", arXiv 2510.00508, for the score,
and for counting a fragment once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from strategies.core.verdict import SILENT, Verdict

COVERED = 0.8
"""The share of an answer's words that must stand in the passages: one of five may be the answer's own."""
STRETCH = 2.0
"""The mean length, in words, of what is copied (density over coverage) in an answer that is longer than that."""
EDGES = ".,;:!?\"'()[]{}*_`“”‘’"


@dataclass(frozen=True, slots=True)
class Copying:
    """`coverage` 0..1, `density` (words, without an upper bound), `score` 0..1; all 0 for no words."""

    coverage: float
    density: float
    score: float


def copying(response: str, context: str) -> Copying:
    """How far a response is copied from a context, word by word (lower case, split at white space).

    Fragments f are the longest matches, found greedily from left to right, each counted once however often it occurs;
    with R the words of the response, coverage = sum |f| / |R| and density = sum |f|^2 / |R|.
    score = 0.6 coverage + min(density^0.25 / 4, 0.4): 1 from a coverage of 1 and a density of 6.5536 on.
    """
    return _measured(response.lower().split(), context.lower().split())


def supported(answer: str, passages: Sequence[str], covered: float = COVERED, stretch: float = STRETCH) -> Verdict:
    """Whether an answer is made of what the passages say; silent without passages or words. Punctuation is left aside.

    It is if a share of `covered` of its words is copied, in stretches of `stretch` words on average or, if it is
    shorter than that, as a whole. So it tells nothing of an answer that rightly says the same in other words: it fails.
    """
    words, told = _bare(answer), [word for passage in passages for word in _bare(passage)]
    if not words or not told:
        return SILENT
    found = _measured(words, told)
    if found.coverage < covered:
        missing = next(word for word in words if word not in set(told)) if set(words) - set(told) else words[-1]
        return Verdict(False, f'{found.coverage:.0%} of it is in the passages, but not "{missing}"', "support")
    mean = found.density / found.coverage
    if mean < min(stretch, len(set(words))):
        return Verdict(False, f"its words are in the passages, but not together ({mean:.1f} at a time)", "support")
    return Verdict(True, by="support")


def fragments(response: Sequence[str], context: Sequence[str]) -> set[tuple[str, ...]]:
    """The longest stretches of the response that stand in the context, found greedily from left to right, each once."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(context):
        places.setdefault(word, []).append(at)
    found, start = set[tuple[str, ...]](), 0
    while start < len(response):
        longest = 0
        for at in places.get(response[start], ()):
            if longest and tuple(context[at : at + longest]) != tuple(response[start : start + longest]):
                continue
            length = longest
            while start + length < len(response) and at + length < len(context):
                if response[start + length] != context[at + length]:
                    break
                length += 1
            longest = max(longest, length)
        if longest:
            found.add(tuple(response[start : start + longest]))
        start += max(1, longest)
    return found


def _measured(response: Sequence[str], context: Sequence[str]) -> Copying:
    lengths = [len(fragment) for fragment in fragments(response, context)]
    n = max(1, len(response))
    coverage, density = sum(lengths) / n, sum(length**2 for length in lengths) / n
    return Copying(coverage, density, 0.6 * coverage + min(density**0.25 / 4, 0.4))


def _bare(text: str) -> list[str]:
    """The words of a text in lower case, without the punctuation around them."""
    return [word for word in (piece.strip(EDGES) for piece in text.lower().split()) if word]
