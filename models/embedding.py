"""Embedding texts: the Embedder protocol, and sentence-transformers behind it, micro-batched and cached."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit embeddings, float32 [n, size], in the order of the texts."""
        ...

    async def close(self) -> None: ...
