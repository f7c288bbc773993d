"""Which queries a policy learns from and which it is judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import BadRequest
from router.outcomes import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Rows of the table: `train` in the order in which they are learned, `test` in the table's."""

    train: Rows
    test: Rows


def random_folds(queries: int, count: int, seed: int) -> list[Fold]:
    """Every query is judged in one fold and learned in all others, at random. Raises BadRequest."""
    if not 2 <= count <= queries:
        raise BadRequest(f"{count} folds cannot be made of {queries} queries; 2 to {queries} can", param="folds")
    draw = np.random.default_rng(seed)
    part = draw.permutation(np.arange(queries) % count)
    return [_fold(part == i, draw) for i in range(count)]


def domain_folds(domains: Sequence[str], seed: int) -> list[Fold]:
    """One fold for each domain: judged on it, learned from all others. Raises BadRequest where there is but one."""
    named = sorted(set(domains))
    if len(named) < 2:
        raise BadRequest("leaving out domains needs a column 'domain' with two or more of them", param="holdout")
    draw, of = np.random.default_rng(seed), np.array(domains)
    return [_fold(of == name, draw) for name in named]


def _fold(judged: NDArray[np.bool_], draw: np.random.Generator) -> Fold:
    return Fold(draw.permutation(np.flatnonzero(~judged)), np.flatnonzero(judged))
