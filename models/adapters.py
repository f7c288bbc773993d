"""LoRA adapters in PEFT's format: several over one base in the same batch, each token with the adapter of its request.

E. J. Hu et al. (2021), "LoRA: Low-Rank Adaptation of Large Language Models". Several adapters in one batch as in
Y. Sheng et al. (2023), "S-LoRA: Serving Thousands of Concurrent LoRA Adapters": the matrices of all adapters lie side
by side, and each token passes only through its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # peft's configurations and transformers' models are untyped

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import linear

from models.errors import ModelUnavailable

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
NOT_PLAIN = (
    "use_dora", "modules_to_save", "lora_bias", "use_qalora", "fan_in_fan_out", "layer_replication", "use_bdlora",
    "alora_invocation_tokens", "trainable_token_indices", "target_parameters", "arrow_config", "kasa_config",
    "velora_config", "monteclora_config",
)  # fmt: skip
"""Settings of peft's LoRA that add more than two matrices to a linear layer."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What one adapter adds: by the name of the layer, A [rank, in] and B [out, rank], B scaled already."""

    layers: Mapping[str, tuple[Tensor, Tensor]]


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter instead of a whole model."""
    return (folder / CONFIG).is_file()


def base_of(name: str, folder: Path, told: str | None = None) -> str:
    """The base's directory or id: as the settings say, else as the adapter does; relative to the adapter's folder.

    Raises ModelUnavailable where neither says it.
    """
    base = told or _config(name, folder).base_model_name_or_path
    if not base:
        raise ModelUnavailable(f"model {name!r}: {CONFIG} names no base model; set extra.base", model=name)
    beside = folder / base
    return str(beside.resolve()) if beside.is_dir() else str(base)


def read_adapter(name: str, folder: Path, model: nn.Module) -> Adapter:
    """Read an adapter for the model, on its device and in its precision.

    Raises ModelUnavailable where the files are damaged, are not plain LoRA or do not fit the model.
    """
    from peft import load_peft_weights

    config = _config(name, folder)
    _check_plain(name, config)
    if not (folder / WEIGHTS).is_file():
        raise ModelUnavailable(f"model {name!r}: the directory {str(folder)!r} has no {WEIGHTS}", model=name)
    try:
        found: dict[str, Tensor] = load_peft_weights(str(folder), device="cpu")
    except (OSError, ValueError, SafetensorError) as failure:
        raise ModelUnavailable(f"model {name!r}: {WEIGHTS} cannot be read: {failure}", model=name) from failure
    layers: dict[str, tuple[Tensor, Tensor]] = {}
    for key in sorted(key for key in found if key.endswith(".lora_A.weight")):
        down, up = found.pop(key), found.pop(key.replace(".lora_A.", ".lora_B."), None)
        layer = key.removeprefix(PREFIX).removesuffix(".lora_A.weight")
        if up is None or not _fits(layer, down, up, model):
            raise ModelUnavailable(f"model {name!r} does not fit its base: see layer {layer!r}", model=name)
        layers[layer] = (_like(down, model), _like(up * _scale(config, layer, down.shape[0]), model))
    if found or not layers:
        raise ModelUnavailable(f"model {name!r} is not plain LoRA: {sorted(found)[:3]} in {WEIGHTS}", model=name)
    return Adapter(layers)


def _config(name: str, folder: Path) -> Any:
    from peft import PeftConfig

    try:
        return PeftConfig.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise ModelUnavailable(f"model {name!r}: {CONFIG} cannot be read: {failure}", model=name) from failure


def _check_plain(name: str, config: Any) -> None:
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    if kind != "LORA":
        raise ModelUnavailable(f"model {name!r} is an adapter of type {kind}; only LORA can be served", model=name)
    more = [field for field in NOT_PLAIN if getattr(config, field, None)]
    if config.bias != "none":
        more.append(f"bias={config.bias!r}")
    if more:
        raise ModelUnavailable(f"model {name!r} is not plain LoRA: it has {', '.join(more)}", model=name)


def _fits(layer: str, down: Tensor, up: Tensor, model: Any) -> bool:
    """Whether the layer is there with these sizes. The output layer is none: it sees few of a step's tokens."""
    try:
        target: Any = model.get_submodule(layer)
    except AttributeError:
        return False
    if target is model.get_output_embeddings():
        return False
    sizes = (getattr(target, "in_features", None), getattr(target, "out_features", None))
    return sizes == (down.shape[1], up.shape[0])


def _scale(config: Any, layer: str, rank: int) -> float:
    from peft.utils.other import get_pattern_key

    patterns = config.alpha_pattern or {}
    alpha = float(patterns.get(get_pattern_key(list(patterns), layer), config.lora_alpha))
    return alpha / rank**0.5 if config.use_rslora else alpha / rank


def _like(matrix: Tensor, model: Any) -> Tensor:
    return matrix.to(model.device, model.dtype).contiguous()


class Mix:
    """The adapters over one model: `join` and `leave` while its batch stands still, `arrange` before each step."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._places: dict[int, Adapter] = {}
        self._joined = 0
        self._layers: dict[str, Mixed] = {}
        self._tables: dict[tuple[tuple[int, int], ...], Tensor] = {}
        self.gates: dict[tuple[tuple[int, int], ...], Tensor] = {}
        """For each layout of columns, 1 where a token [tokens, columns] passes; empty if no token has an adapter."""

    def place(self, adapter: Adapter | None) -> int:
        """The number of an adapter that has joined, from 1; 0 for the model itself."""
        return next((place for place, one in self._places.items() if one is adapter), 0)

    def join(self, adapter: Adapter) -> int:
        """Add an adapter and return its number, which no other one had before."""
        self._joined += 1
        place = self._joined
        self._places[place] = adapter
        self._rebuild()
        return place

    def leave(self, adapter: Adapter) -> None:
        """Take an adapter away."""
        self._places.pop(self.place(adapter), None)
        self._rebuild()

    def arrange(self, places: Sequence[int], counts: Sequence[int]) -> None:
        """Say whose the tokens of the next step are: `counts[i]` tokens in a row with the adapter `places[i]`."""
        if not any(places):
            self.gates = {}
            return
        whose = [place for place, count in zip(places, counts, strict=True) for _ in range(count)]
        self.gates = {}
        for layout, table in self._tables.items():
            self.gates[layout] = table[torch.tensor(whose, device=table.device)]

    def hold(self, place: int) -> None:
        """Let every token of whatever is run next have one adapter."""
        self.gates = {layout: table[place] for layout, table in self._tables.items()} if place else {}

    def _rebuild(self) -> None:
        self.gates, self._tables = {}, {}
        names = sorted({name for adapter in self._places.values() for name in adapter.layers})
        for name in set(self._layers) - set(names):
            self._put(name, self._layers.pop(name).base)
        for name in names:
            if name not in self._layers:
                self._layers[name] = Mixed(self._model.get_submodule(name), self)
                self._put(name, self._layers[name])
            mine = [(place, one.layers[name]) for place, one in sorted(self._places.items()) if name in one.layers]
            layout = self._layers[name].fill(mine)
            if layout not in self._tables:
                self._tables[layout] = self._table(layout, mine[0][1][0])

    def _table(self, layout: tuple[tuple[int, int], ...], like: Tensor) -> Tensor:
        """[places + 1, columns]: which columns belong to a place."""
        owners = torch.tensor([place for place, rank in layout for _ in range(rank)], device=like.device)
        places = torch.arange(max(self._places) + 1, device=like.device)
        return (places[:, None] == owners[None, :]).to(like.dtype)

    def _put(self, name: str, layer: nn.Module) -> None:
        parent, _, attribute = name.rpartition(".")
        setattr(self._model.get_submodule(parent), attribute, layer)


class Mixed(nn.Module):
    """A linear layer and what the adapters add to it."""

    def __init__(self, base: nn.Module, mix: Mix) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = base.in_features, base.out_features
        self._mix = mix
        self._down = self._up = torch.empty(0)
        self._layout: tuple[tuple[int, int], ...] = ()

    @property
    def weight(self) -> Any:
        """The base's own matrix."""
        return self.base.weight

    def fill(self, mine: Sequence[tuple[int, tuple[Tensor, Tensor]]]) -> tuple[tuple[int, int], ...]:
        """Take the matrices of these places; returns the layout of their columns, (place, rank) in order."""
        self._down = torch.cat([down for _, (down, _) in mine])
        self._up = torch.cat([up for _, (_, up) in mine], dim=1)
        self._layout = tuple((place, down.shape[0]) for place, (down, _) in mine)
        return self._layout

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs [..., in] -> [..., out]."""
        out: Tensor = self.base(inputs)
        gates = self._mix.gates.get(self._layout)
        if gates is None:
            return out
        return out + linear(linear(inputs, self._down) * gates, self._up)
