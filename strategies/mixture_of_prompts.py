"""Ask with the instruction and demonstrations of the nearest region of questions, fitted offline for this model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any  # a row of the JSON file

import numpy as np
from numpy.typing import NDArray

from models.errors import StrategyError
from models.types import Reply
from strategies.core import Context, strategy
from strategies.core.demos import Demo, embedded, prompt_of

SHIPPED = Path(__file__).parent / "fitted" / "mixture_of_prompts.json"


@dataclass(frozen=True, slots=True)
class Region:
    """A prompt and the questions it is for: `centre` [size] in embedding space, `score` 0..1 when it was fitted.

    `embedder` is the name of the embedder that placed the centre, empty where the file does not say.
    """

    instruction: str
    demos: tuple[Demo, ...]
    centre: tuple[float, ...]
    score: float = 0.0
    embedder: str = ""


@strategy(
    calls=1,
    needs=frozenset({"prompts"}),
    relays=True,
    helps=("pattern", "exact_format", "letters"),
    hurts=("writing", "advice", "chat"),
    paper="Wang et al. 2024, One Prompt is not Enough: Automated Construction of a Mixture-of-Expert Prompts, "
    "ICML 2024, arXiv 2407.00256",
)
async def mixture_of_prompts(ctx: Context, *, fitted: str = "") -> Reply:
    """Finds the region whose centre is nearest to the question and asks once with that region's prompt.

    The question is embedded as the demonstrations were: through their template, the output left empty. `fitted` names
    the file that `fitted/fit_mixture_of_prompts.py` made; empty means the shipped one. The temperature is 0, as when it
    was fitted, unless the caller gives one. Raises StrategyError if the file holds nothing for this model, or was made
    with another embedder.
    """
    regions = read(fitted).get(ctx.model)
    if not regions:
        raise StrategyError(f"no prompts were fitted for model {ctx.model!r}")
    now, then = "" if ctx.embedder is None else ctx.embedder.name, regions[0].embedder
    if then and now and now != then:
        raise StrategyError(
            f"the prompts of model {ctx.model!r} were fitted with embedder {then!r}, not {now!r}; fit again"
        )
    chosen = nearest((await ctx.embed([embedded(ctx.question)]))[0], regions)
    region = regions[chosen]
    ctx.note(f"prompt of region {chosen}", region=chosen, instruction=region.instruction, demos=len(region.demos))
    prompt = prompt_of(region.instruction, region.demos, ctx.question)
    return await ctx.answer(prompt, temperature=0.0 if ctx.query.request.temperature is None else None)


def nearest(embedding: NDArray[np.float32], regions: Sequence[Region]) -> int:
    """The index of the region with the least Euclidean distance of its centre to the embedding [size]."""
    centres = np.asarray([region.centre for region in regions], dtype=np.float32)
    if centres.shape[1:] != embedding.shape:
        raise StrategyError(
            f"the prompts were fitted with embeddings of size {centres.shape[-1]}, not {embedding.shape[-1]}; fit again"
        )
    return int(np.argmin(np.linalg.norm(centres - embedding, axis=1)))


def covers(fitted: str = "") -> frozenset[str]:
    """The names of the models that a fitted file holds prompts for; none if there is no such file."""
    return frozenset(model for model, regions in read(fitted).items() if regions)


def read(fitted: str = "") -> Mapping[str, tuple[Region, ...]]:
    """The regions of each model in a fitted file; empty if there is no such file. Read again when it changes."""
    path = Path(fitted) if fitted else SHIPPED
    return _regions(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=8)
def _regions(path: Path, changed: int) -> Mapping[str, tuple[Region, ...]]:
    entries: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text())
    return {
        model: tuple(_region(row, entry.get("embedder", "")) for row in entry["regions"])
        for model, entry in entries.items()
    }


def _region(row: Mapping[str, Any], embedder: str) -> Region:
    demos = tuple(Demo(question, answer) for question, answer in row["demos"])
    return Region(row["instruction"], demos, tuple(row["centre"]), row.get("score", 0.0), embedder)
