"""Attention over the pages of the key-value cache: each request of a step reads its own keys, and no one else's.

transformers packs all requests of a step into one row and, without flash attention, lets every token look at the keys
of all requests under a mask. Here the requests that add one token (while answers are written) look at their own keys,
side by side in slots (models/slots.py); pieces of prompts are read one after another from their pages. The model's own
attention runs where there is no such cache: in looks into the model, and where layers differ in kind.
"""

from dataclasses import dataclass
from typing import Any  # transformers' requests, caches and keyword arguments are untyped

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.generation.continuous_batching.cache import group_layers_by_attn_type
from transformers.generation.continuous_batching.cache_allocators import FULL_ATTENTION
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from models.slots import Slots, Step

NAME = "pages"
"""The name of this attention in a model's configuration."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A request on its own in a step: tokens [start, start + count) of the row, `length` keys on these pages."""

    start: int
    count: int
    length: int
    pages: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Who is where in a step: requests with one token, by their rows (None: all rows, in order), and the others."""

    slots: Slots
    step: Step | None
    rows: torch.Tensor | None
    pieces: tuple[Piece, ...]


class Pages:
    """Lays out each step of one cache. Called in the model's thread only."""

    def __init__(self, cache: Any, dtype: torch.dtype, slots_bytes: int) -> None:
        self._allocator: Any = next(iter(cache.cache_allocators.values()))
        self._device = torch.device(cache.device)
        self._page: int = self._allocator.tokens_per_page
        self.slots = Slots(self._allocator, dtype, self._device, slots_bytes)

    def lay(self, requests: list[Any]) -> Layout:
        """The layout of a step whose requests hold their tokens already (`position_offset` counts them)."""
        start, ones, pieces = 0, [], []
        for one in requests:
            if one.query_length == 1:
                ones.append((start, one.state))
            else:
                pieces.append(self._piece(start, one.query_length, one.state))
            start += one.query_length
        step = None
        if ones:
            step = self.slots.take([state.request_id for _, state in ones], [s.position_offset for _, s in ones])
        if step is None:
            pieces += [self._piece(start, 1, state) for start, state in ones]
        rows = torch.tensor([start for start, _ in ones], device=self._device) if pieces else None
        return Layout(self.slots, step, rows, tuple(pieces))

    def _piece(self, start: int, count: int, state: Any) -> Piece:
        length = state.position_offset
        blocks = self._allocator.block_table[state.request_id][: -(-length // self._page)]
        stride = self._allocator.block_physical_stride // self._page
        return Piece(start, count, length, torch.tensor(blocks, device=self._device) * stride)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    layout: Layout | None = None,
    cache: Any = None,
    write_index: Any = (),
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one layer. query [1, heads, tokens, size], key and value [1, key heads, tokens, size], all new ones.

    Returns [1, tokens, heads, size].
    """
    if layout is None:
        given = kwargs if cache is None else {**kwargs, "cache": cache, "write_index": write_index}
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **given
        )
        return plain
    layer: Any = module.layer_idx
    allocator = cache.layer_to_allocator[layer]
    rows, new_keys, new_values = (states[0].transpose(0, 1) for states in (query, key, value))  # [tokens, heads, size]
    keys, values = allocator._kv_token_views[layer]
    keys.index_copy_(0, write_index[allocator.index], new_keys)
    values.index_copy_(0, write_index[allocator.index], new_values)
    if layout.rows is None and layout.step is not None:
        return layout.slots.attend(layer, layout.step, rows, new_keys, new_values, scaling)[None], None
    out = torch.empty_like(rows)
    if layout.step is not None:
        at = layout.rows
        out[at] = layout.slots.attend(layer, layout.step, rows[at], new_keys[at], new_values[at], scaling)
    pages = allocator._kv_page_views[layer]
    for piece in layout.pieces:
        held = slice(piece.start, piece.start + piece.count)
        out[held] = _piece(rows[held], pages[0], pages[1], piece, scaling)
    return out[None], None


def _piece(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, piece: Piece, scaling: float | None
) -> torch.Tensor:
    """query [tokens, heads, size], the last tokens of a request; each sees itself and all before it."""
    groups = query.shape[1] // keys.shape[2]
    key = keys.index_select(0, piece.pages).flatten(0, 1)[: piece.length].transpose(0, 1)[None]
    value = values.index_select(0, piece.pages).flatten(0, 1)[: piece.length].transpose(0, 1)[None]
    mask = None
    if piece.length > piece.count:
        mask = torch.ones(piece.count, piece.length, dtype=torch.bool, device=query.device)
        mask = mask.tril(piece.length - piece.count)
    seen = scaled_dot_product_attention(
        query.transpose(0, 1)[None],
        repeat_kv(key, groups),
        repeat_kv(value, groups),
        attn_mask=mask,
        is_causal=mask is None,
        scale=scaling,
    )
    return seen[0].transpose(0, 1)


def copies(config: Any) -> int:
    """How often keys and values are kept at most: in pages, and again in slots where the layers allow this attention.

    They do where every one attends to all tokens before, as it is.
    """
    text = config.get_text_config()
    try:
        kinds = list(group_layers_by_attn_type(text))
    except ValueError:  # a kind of layer that transformers does not batch; it says so itself
        return 1
    return 2 if kinds == [FULL_ATTENTION] and not getattr(text, "attn_logit_softcapping", None) else 1


def read_by_pages(manager: Any, slots_bytes: int) -> Slots | None:
    """Let a manager of transformers' continuous batching, not yet started, use this attention where the model allows.

    It does where the layers do and transformers would take its own masked attention. Returns the slots, which
    take `slots_bytes` at most.
    """
    model = manager.model
    ours = model.config._attn_implementation == "sdpa" and copies(model.config) == 2
    if ours:
        model.set_attn_implementation(NAME)  # before the cache is made: then no masks are
    manager.warmup()
    if not ours:
        return None
    inputs = manager.batch_processor.inputs_and_outputs
    pages = Pages(manager.batch_processor.cache, model.dtype, slots_bytes)
    manager.batch_processor.scheduler.reads_by_pages = True
    plain, unused = inputs.get_model_kwargs, torch.empty(1, 1, 1, 1)

    def with_layout(use_padding: bool = False) -> Any:
        told = plain(use_padding)
        return {**told, "layout": pages.lay(inputs.requests_in_batch), "attention_mask": unused}

    inputs.get_model_kwargs = with_layout
    return pages.slots


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
