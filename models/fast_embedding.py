"""Embedding by ONNX Runtime: the same weights as sentence-transformers, a fraction of the time, and no torch.

Texts run one after another and without padding. On one core a batch saves nothing from some forty tokens on, and it
would make a text's vector depend on what it was embedded together with, since activations are quantised together.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state
from tokenizers import Encoding, Tokenizer

from models.bert_folder import Bert, NotExportable, read_bert
from models.graph_cache import cached_graph

Vectors = NDArray[np.float32]

FAILURES = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
)
"""What ONNX Runtime raises; these have no base of their own."""

GRAPH = 2
"""Counts up whenever `models/bert_graph.py` makes another graph of the same weights, so that kept ones are left."""

LEAST_COSINE = 0.97
"""Between the vectors of 8-bit and of float32 matrices, for every probe: below it the model does not bear 8 bits."""
PROBES = (
    "What is 3 plus 4?",
    "Who founded the city that lies at the mouth of the river, and when?",
    "def twice(x):\n    return 2 * x  # what does this print for x = [1]?",
    "Schreibe ein kurzes Gedicht über den Herbst.",
    "Translate into French: I have not seen her since the harbour was closed, said the captain, and I shall not.",
    "ok",
)

LETTERS = 101
"""A word of more letters is one unknown token, so that a text's first limit * LETTERS characters fill its limit."""


class FastEncoder:
    """Maps texts to unit rows, float32 [n, size]; one thread. Raises RuntimeError where ONNX Runtime fails."""

    def __init__(self, bert: Bert, graph: bytes) -> None:
        self.size = bert.hidden
        self._most = bert.limit * LETTERS
        self._tokenizer = Tokenizer.from_file(str(bert.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(bert.limit)
        self._session = _session(graph)

    def __call__(self, texts: list[str]) -> Vectors:
        rows = np.zeros((len(texts), self.size), np.float32)
        for i, text in enumerate(texts):
            rows[i] = self._run(self._read(text), "row")
        return rows

    def tokens(self, texts: list[str]) -> list[Vectors]:
        """The last layer's state of each token of each text, float32 [tokens, size], special tokens left out."""
        found = []
        for text in texts:
            read = self._read(text)
            found.append(self._run(read, "states")[np.array(read.special_tokens_mask) == 0])
        return found

    def _read(self, text: str) -> Encoding:
        return self._tokenizer.encode(text[: self._most])

    def _run(self, read: Encoding, output: str) -> Vectors:
        try:
            (found,) = self._session.run([output], {"ids": np.array([read.ids], np.int64)})
        except FAILURES as failure:
            raise RuntimeError(f"ONNX Runtime: {failure}") from failure
        return np.asarray(found[0], np.float32)


def open_fast(folder: Path, cache: Path | None) -> FastEncoder:
    """The model of a sentence-transformers folder; its graph is kept in the folder `cache`. Raises NotExportable."""
    bert = read_bert(folder)
    try:
        name = f"{bert.digest()[:32]}-{GRAPH}-{version('onnxruntime')}.graph"
        return FastEncoder(bert, cached_graph(cache, name, lambda: _quantised(bert)))
    except FAILURES as failure:
        raise NotExportable(f"ONNX Runtime refuses it: {failure}") from failure
    except OSError as failure:
        raise NotExportable(f"it cannot be read: {failure}") from failure


def _quantised(bert: Bert) -> bytes:
    """The graph in 8 bits, after a look at how far it moves the probes."""
    from models.bert_graph import bert_graph  # here and not above: onnx is needed only to make a graph

    graph = bert_graph(bert)
    try:
        rows, true = (FastEncoder(bert, one)(list(PROBES)) for one in (graph, bert_graph(bert, exact=True)))
    except RuntimeError as failure:
        raise NotExportable(f"its graph does not run: {failure}") from failure
    least = float((rows * true).sum(axis=1).min())
    if not least >= LEAST_COSINE:  # so that NaN is too far as well
        raise NotExportable(f"8 bits move its vectors too far: cosine {least:.2f}")
    return graph


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # The graph comes fused. What the higher levels would fuse besides, sums with normalisations, is slower on a CPU.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
