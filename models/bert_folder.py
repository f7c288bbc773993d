"""Reading the folder of a sentence-transformers model: whether it is a plain BERT encoder, and of which shape."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

PLAIN = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What the configuration must say, where it says anything, for `models/bert_graph.py` to be the same function."""

MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class NotExportable(ValueError):
    """The folder holds no model that the graph can stand for; the message says what is different about it."""


@dataclass(frozen=True, slots=True)
class Bert:
    """The encoder's shape; `limit` in tokens, both special ones included; `pooling` is "mean" or "cls"."""

    folder: Path
    hidden: int
    heads: int
    layers: int
    epsilon: float
    limit: int
    pooling: str

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        """The file of the tokenizer."""
        return self.folder / "tokenizer.json"

    def digest(self) -> str:
        """A digest of everything that the graph is made from: the shape and every byte of the weights."""
        shape = (self.hidden, self.heads, self.layers, self.epsilon, self.pooling)
        whole = hashlib.sha256(repr(shape).encode())
        with self.weights.open("rb") as source:
            whole.update(hashlib.file_digest(source, "sha256").digest())
        return whole.hexdigest()


def read_bert(folder: Path) -> Bert:
    """The shape of the model in the folder. Raises NotExportable."""
    modules = [str(module["type"]).rpartition(".")[2] for module in _read(folder, "modules.json", list)]
    if modules not in MODULES:
        raise NotExportable(f"it is made of {modules}, not of a transformer and a pooling")
    config = _read(folder, "config.json", dict)
    for key, plain in PLAIN.items():
        if config.get(key, plain) != plain:
            raise NotExportable(f"{key} is {config[key]!r}, not {plain!r}")
    around = _read(folder, "sentence_bert_config.json", dict, needed=False)
    if around.get("do_lower_case"):
        raise NotExportable("it lowers the case of texts outside of its tokenizer")
    if _read(folder, "config_sentence_transformers.json", dict, needed=False).get("default_prompt_name"):
        raise NotExportable("it puts a prompt before each text")
    words = _read(folder, "tokenizer_config.json", dict, needed=False)
    most = _number(config, "max_position_embeddings")
    bert = Bert(
        folder=folder,
        hidden=_number(config, "hidden_size"),
        heads=_number(config, "num_attention_heads"),
        layers=_number(config, "num_hidden_layers"),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        limit=min(most, around.get("max_seq_length") or words.get("model_max_length") or most),
        pooling=_pooling(_read(folder, "1_Pooling/config.json", dict)),
    )
    _read(folder, bert.tokenizer.name, dict)
    if not bert.weights.is_file():
        raise NotExportable(f"it has no {bert.weights.name}")
    return bert


def _pooling(config: dict[str, Any]) -> str:
    modes = config.get("pooling_mode") or [mode for mode in config if mode.startswith("pooling_mode_") and config[mode]]
    named = [modes] if isinstance(modes, str) else [POOLINGS.get(mode, mode) for mode in modes]
    if len(named) != 1 or named[0] not in POOLINGS.values():
        raise NotExportable(f"it pools by {named}, not by the mean or the first token")
    return str(named[0])


def _number(config: dict[str, Any], key: str) -> int:
    if not isinstance(config.get(key), int):
        raise NotExportable(f"its config.json does not say {key}")
    return int(config[key])


def _read(folder: Path, name: str, kind: type, *, needed: bool = True) -> Any:
    """The JSON of a file; an empty value where it may be missing."""
    path = folder / name
    if not needed and not path.exists():
        return kind()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise NotExportable(f"its {name} cannot be read: {failure}") from failure
    if not isinstance(found, kind):
        raise NotExportable(f"its {name} is not what it should be")
    return found
