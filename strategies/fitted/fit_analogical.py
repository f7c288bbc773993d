"""Filling the store of worked examples: the model's own workings, kept only where they are found to be right.

Source: Qin et al. 2024, Relevant or Random, arXiv 2404.12728: what counts is that the examples are right. How they are
verified is ours: most of several samples must agree, and then the known answer, arithmetic or a second model as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import numpy as np

from models.backend import Backend
from models.errors import BadRequest
from models.types import Message, Request
from strategies.analogical import Exemplar
from strategies.core import Context, Query
from strategies.core.chain import CHAIN
from strategies.core.demos import Demo
from strategies.core.dispersion import grouped
from strategies.core.equivalence import compared, marked
from strategies.core.verify import agree, arithmetic
from strategies.fitted.journal import Journal, Progress

Score = Callable[[Demo, str], float]
SAMPLES, TEMPERATURE = 5, 0.7
AGREE = 0.6
"""The share of the samples that must say the same."""
POOL = 64
"""Questions that are tried: more examples cost every question a longer search, and hardly cover it better."""
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Worked:
    """The working that most samples of a question agree on."""

    demo: Demo
    answer: str


@dataclass(frozen=True, slots=True)
class Store:
    """The examples that were found right, of so many questions that were tried, and the calls it took."""

    exemplars: tuple[Exemplar, ...]
    tried: int
    seed: int
    calls: int


async def fill(
    demos: Sequence[Demo],
    score: Score,
    ask: Backend,
    peer: Backend | None,
    *,
    seed: int = 0,
    budget: int | None = None,
    concurrency: int = 16,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Store:
    """Have the model behind `ask` work the first 64 of the questions, five times each, and keep what is right.

    A working is kept if 60 % of the samples say the same, none of its equations is wrong, and its `score` is above a
    half; where the known answer is prose that cannot be compared, its arithmetic must hold, or else `peer` must
    answer the same (one call). Raises BadRequest without a question, BudgetExceeded, ModelError.
    """
    if not demos:
        raise BadRequest("a store of examples needs questions to work")
    pool = demos[:POOL]
    async with Journal(ask, checkpoint, budget, concurrency, progress) as journal:
        prompts = [CHAIN.format(question=demo.question) for demo in pool for _ in range(SAMPLES)]
        drawn = await journal.ask_all("workings", prompts, temperature=TEMPERATURE, max_tokens=LONGEST, seed=seed)
    kept: dict[str, Exemplar] = {}
    open_ones: list[Worked] = []
    for i, demo in enumerate(pool):
        about = _about(demo, ask)
        answer = await agreed(about, drawn[SAMPLES * i : SAMPLES * (i + 1)])
        if answer is None:
            continue
        by = await verified(about, demo, answer, score)
        if by:
            kept[demo.question] = Exemplar(demo.question, answer, by)
        elif by is None:
            open_ones.append(Worked(demo, answer))
    calls = journal.asked
    if open_ones and peer is not None:
        left = None if budget is None else budget - calls
        async with Journal(peer, checkpoint, left, concurrency, progress) as second:
            prompts = [CHAIN.format(question=one.demo.question) for one in open_ones]
            said = await second.ask_all("second model", prompts, temperature=0.0, max_tokens=LONGEST)
        calls += second.asked
        for one, other in zip(open_ones, said, strict=True):
            if agree(one.answer, other, one.demo.question):
                kept[one.demo.question] = Exemplar(one.demo.question, one.answer, f"majority, {peer.name}")
    ordered = tuple(kept[demo.question] for demo in pool if demo.question in kept)
    return Store(ordered, len(pool), seed, calls)


async def agreed(about: Context, drawn: Sequence[str]) -> str | None:
    """The first working of the majority that holds no false equation; None without a majority or such a working."""
    said = [text for text in drawn if text.strip()]
    if not said:
        return None
    found = grouped(said, about.question)
    if found.masses[0] * len(said) < AGREE * len(drawn):
        return None
    for text in said[found.kept :]:
        if agree(said[found.kept], text, about.question) and (await arithmetic(about, text)).passed is not False:
            return text
    return None


async def verified(about: Context, demo: Demo, answer: str, score: Score) -> str | None:
    """By what a working is found right; empty if it is found wrong, None if only a second model could tell."""
    if score(demo, answer) > 0.5:
        return "majority, known answer"
    if not demo.answer or compared(marked(answer) or answer, marked(demo.answer) or demo.answer, demo.question) is None:
        return "majority, arithmetic" if (await arithmetic(about, answer)).passed else None
    return ""


def entry_of(store: Store, made_by: str) -> dict[str, Any]:
    """A store as the strategy reads it for its model."""
    rows = [{"question": one.question, "answer": one.answer, "verified": one.verified} for one in store.exemplars]
    return {
        "exemplars": rows,
        "made_by": made_by,
        "seed": store.seed,
        "tried": store.tried,
        "calls": store.calls,
    }


def _about(demo: Demo, ask: Backend) -> Context:
    """What the arithmetic check looks at; it asks no model."""
    query = Query(Request((Message("user", demo.question),)), np.zeros(1, dtype=np.float32))
    return Context(query, ask, lambda _: None)
