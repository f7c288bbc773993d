"""A question as a few numbers: principal components of its embedding beside the surface features of its text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from router.judged import Judged, spread
from router.predictor import FITTED_ON
from router.surface import NAMES, surface
from router.utility import Numbers
from strategies.core.query import Vector

SURFACES_FITTED_ON = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The `components` first principal components, as long as they spread, and the surface features, standardised.

    `mean` [size] and `directions` [size, components] make the former; `middle` and `scale` [features] the latter, which
    are left out where no text is known.
    """

    mean: Numbers
    directions: Numbers
    middle: Numbers
    scale: Numbers

    @classmethod
    def of(cls, judged: Judged, components: int) -> "Axes":
        """The axes of the questions that were judged; the first component has unit variance."""
        rows = judged.x[spread(judged.count, FITTED_ON)].astype(np.float64)
        mean = rows.mean(axis=0)
        centred = rows - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(rows)))
        top = vectors[:, ::-1][:, :components]
        # An eigenvector's sign is arbitrary: the greatest entry is made positive, so that the same rows give the same.
        top = top * np.sign(top[np.abs(top).argmax(axis=0), np.arange(top.shape[1])])
        texts = [judged.texts[i] for i in spread(judged.count, SURFACES_FITTED_ON)]
        looks = looks_of(texts)
        return cls(
            mean,
            top / np.sqrt(max(float(values[-1]), 1e-12)),
            looks.mean(axis=0),
            np.where(looks.std(axis=0) > 1e-9, looks.std(axis=0), np.inf),
        )

    @property
    def width(self) -> int:
        """How many numbers a question becomes."""
        return len(self.directions.T) + len(NAMES)

    def place(self, x: Vector, texts: Sequence[str]) -> Numbers:
        """The questions on these axes, [n, width]; extreme looks count as three standard deviations."""
        components = (x - self.mean) @ self.directions
        looks = np.clip((looks_of(texts) - self.middle) / self.scale, -3.0, 3.0)
        return np.concatenate([components, looks], axis=1)


def looks_of(texts: Sequence[str]) -> Numbers:
    """The surface features of some texts, [n, features]."""
    return np.stack([_look(text) for text in texts]) if texts else np.zeros((0, len(NAMES)))


@lru_cache(maxsize=32_768)
def _look(text: str) -> Numbers:
    """Remembered, for a question is looked at when it is asked, when it is judged, and in every fit after."""
    return surface(text)
