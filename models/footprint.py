"""What a model will take of a device's memory, known before it is loaded: its weights and its key-value cache."""

from collections.abc import Iterable
from typing import Any  # transformers' configurations are untyped

import torch

from models.model_folder import ModelFolder, Stored
from models.precision import Precision

PAGE = 32
"""Tokens in a page of the key-value cache."""
LEAST_TOKENS = 4096
"""Tokens that the cache holds at least, whatever they take: one long conversation must always fit."""
CACHE_BYTES = {"cpu": 128 * 2**20, "cuda": 8 * 2**30}
"""The most that a model's key-value cache takes, unless the settings say otherwise; one full context always fits."""
APART = ("embed", "lm_head", "wte", "wpe", "output_layer")
"""Parts of the names of matrices that int8 and int4 leave as they are."""


def weights_bytes(folder: ModelFolder, config: Any, precision: Precision) -> int:
    """Bytes of the weights once loaded, from the headers of their files; of other formats, from the files' sizes."""
    tensors = folder.tensors()
    if tensors:
        return int(sum(_loaded(tensor, precision) for tensor in tensors))
    stored = getattr(config, "dtype", None) or torch.float32
    dtype = stored if precision.dtype == "auto" else getattr(torch, precision.dtype)
    sizes: Iterable[int] = (file.stat().st_size for file in folder.weight_files())
    return int(sum(sizes) * dtype.itemsize / stored.itemsize)


def page_bytes(config: Any, itemsize: int) -> int:
    """Bytes of a page of the key-value cache, over all layers; `itemsize` is that of one number."""
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(PAGE * 2 * text.num_hidden_layers * heads * size * itemsize)


def least_pages(context: int) -> int:
    """The pages of one full context, or of 4,096 tokens where the context is longer."""
    return min(_full(context), LEAST_TOKENS // PAGE)


def pages_within(config: Any, itemsize: int, context: int, concurrency: int, most_bytes: int) -> int:
    """As many pages as all requests at full length need, within the bytes allowed; at least one context of 4,096."""
    affordable = most_bytes // page_bytes(config, itemsize)
    return max(least_pages(context), min(_full(context) * concurrency, affordable))


def _full(context: int) -> int:
    return -(-context // PAGE) + 1


def _loaded(tensor: Stored, precision: Precision) -> float:
    rounded = len(tensor.shape) == 2 and not any(part in tensor.name for part in APART)
    return precision.weight_bytes(tensor.shape, tensor.count, tensor.bits, rounded)
