"""A BERT encoder as an ONNX graph: token ids of one text in, its unit vector out, the matrices in 8 bits.

The graph is put together from the fused operators of ONNX Runtime, so that nothing has to be traced, fused or
converted. Matrices are quantised per output column to -63..63 and activations, per text, to 0..255 as they come
(dynamic quantisation). Seven bits, because the sums of 8-bit products overflow on processors without VNNI and the
vectors would differ from machine to machine; on those with VNNI nothing is lost in speed and little in precision.

Devlin, Chang, Lee, Toutanova 2019, "BERT: Pre-training of Deep Bidirectional Transformers"; Reimers, Gurevych 2019,
"Sentence-BERT".
"""

from collections.abc import Mapping
from typing import Any  # attributes of nodes: numbers of several kinds

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors import SafetensorError, safe_open

from models.bert_folder import Bert, NotExportable

OPSET, FUSED, IR = 18, "com.microsoft", 9
TOP = 63
UNUSED = ("pooler.", "embeddings.position_ids")

Tensor = NDArray[np.float32]


def bert_graph(bert: Bert, *, exact: bool = False) -> bytes:
    """The serialised graph: "ids" int64 [1, tokens] to "row" float32 [1, hidden], of length one, and to "states".

    "states" float32 [1, tokens, hidden] is what the last layer says of each token; its rows are of any length.
    With `exact` the matrices stay float32, to tell how far the quantised ones are off. Raises NotExportable.
    """
    graph = _Graph(_read(bert), exact=exact)
    x = graph.embedded(bert)
    for layer in range(bert.layers):
        x = graph.layer(x, layer, bert)
    graph.pooled(x, bert)
    return graph.serialised(bert.hidden)


class _Graph:
    """The nodes and constants so far; weights are taken out of `weights` as they are used."""

    def __init__(self, weights: dict[str, Tensor], *, exact: bool) -> None:
        self.weights = weights
        self.exact = exact
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def embedded(self, bert: Bert) -> str:
        """Word, position and the first kind's embedding, summed and normalised; words are kept in half precision."""
        words = self.constant("words", self.take("embeddings.word_embeddings.weight").astype(np.float16))
        places = self.take("embeddings.position_embeddings.weight")
        places = places + self.take("embeddings.token_type_embeddings.weight")[0]
        (word,) = self.node("Gather", [words, "ids"])
        (word,) = self.node("Cast", [word], to=TensorProto.FLOAT)
        (tokens,) = self.node("Shape", ["ids"], start=1, end=2)
        start = self.constant("start", np.zeros(1, np.int64))
        (place,) = self.node("Slice", [self.constant("places", places), start, tokens])
        (x,) = self.node("Add", [word, place])
        norm = [self.named(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
        return self.node("LayerNormalization", [x, *norm], epsilon=bert.epsilon)[0]

    def layer(self, x: str, index: int, bert: Bert) -> str:
        """Self-attention and the feed-forward block, each with its residual and normalisation."""
        at = f"encoder.layer.{index}."
        inner = [f"{at}attention.self.{kind}" for kind in ("query", "key", "value")]
        joined = self.multiplied(x, f"{at}qkv", np.concatenate([self.take(f"{name}.weight") for name in inner]))
        biases = self.constant(f"{at}qkv.bias", np.concatenate([self.take(f"{name}.bias") for name in inner]))
        split = self.node("Split", [joined], outputs=3, axis=-1, num_outputs=3)
        (y,) = self.node("MultiHeadAttention", [*split, biases], FUSED, num_heads=bert.heads)
        x = self.added(y, x, f"{at}attention.output", bert)
        wide = f"{at}intermediate.dense"
        y = self.multiplied(x, wide, self.take(f"{wide}.weight"))
        (y,) = self.node("BiasGelu", [y, self.named(f"{wide}.bias")], FUSED)
        return self.added(y, x, f"{at}output", bert)

    def pooled(self, x: str, bert: Bert) -> None:
        """One row for the text, scaled to length one; beside it the states that it is made of."""
        self.nodes.append(helper.make_node("Identity", [x], ["states"]))
        if bert.pooling == "mean":
            (row,) = self.node("ReduceMean", [x, self.constant("axis", np.ones(1, np.int64))], keepdims=0)
        else:
            (row,) = self.node("Gather", [x, self.constant("first", np.array(0))], axis=1)
        self.nodes.append(helper.make_node("LpNormalization", [row], ["row"], axis=-1, p=2))

    def added(self, y: str, x: str, name: str, bert: Bert) -> str:
        """A block's last matrix, its residual `x` and the normalisation of their sum."""
        y = self.multiplied(y, f"{name}.dense", self.take(f"{name}.dense.weight"), self.named(f"{name}.dense.bias"))
        (y,) = self.node("Add", [y, x])
        norm = [self.named(f"{name}.LayerNorm.{part}") for part in ("weight", "bias")]
        return self.node("LayerNormalization", [y, *norm], epsilon=bert.epsilon)[0]

    def multiplied(self, x: str, name: str, matrix: Tensor, bias: str = "") -> str:
        """x times the matrix, which is stored as torch does: float32 [outputs, inputs]; plus the bias, if named."""
        if self.exact:
            (y,) = self.node("MatMul", [x, self.constant(name, matrix.T)])
            return self.node("Add", [y, bias])[0] if bias else y
        scale = np.maximum(np.abs(matrix).max(axis=1) / TOP, np.finfo(np.float32).tiny).astype(np.float32)
        small = np.rint(matrix.T / scale).astype(np.int8)
        zeros = np.zeros(len(scale), np.int8)
        parts = (("", small), (".scale", scale), (".zero", zeros))
        inputs = [x, *(self.constant(name + end, array) for end, array in parts), bias]
        return self.node("DynamicQuantizeMatMul", inputs, FUSED)[0]

    def node(self, kind: str, inputs: list[str], domain: str = "", outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"{kind}.{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def named(self, name: str) -> str:
        return self.constant(name, self.take(name))

    def take(self, name: str) -> Tensor:
        if name not in self.weights:
            raise NotExportable(f"it has no weights {name!r}")
        return self.weights.pop(name)

    def serialised(self, hidden: int) -> bytes:
        """The whole model; weights that were not used mean that it is another architecture."""
        if left := [name for name in self.weights if not name.startswith(UNUSED)]:
            raise NotExportable(f"it has weights of another architecture: {', '.join(left[:3])}")
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
        row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, hidden])
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, [1, "tokens", hidden])
        graph = helper.make_graph(self.nodes, "bert", [ids], [row, states], self.constants)
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        whole: bytes = helper.make_model(graph, opset_imports=sets, ir_version=IR).SerializeToString()
        return whole


def _read(bert: Bert) -> dict[str, Tensor]:
    """The weights by name, in float32, without the prefix that some writers put before all of them."""
    try:
        with safe_open(bert.weights, "np") as source:
            found: Mapping[str, Tensor] = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as failure:
        raise NotExportable(f"its weights cannot be read: {failure}") from failure
    return {name.removeprefix("bert."): value.astype(np.float32, copy=False) for name, value in found.items()}
