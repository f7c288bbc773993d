"""The keys and values of the answers that are being written, laid out side by side: a copy of their pages.

Pages lie scattered. Gathering them anew for every token of every answer would move the whole cache through the
processor three times a step; here each answer keeps a slot, and a step adds one token to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any  # transformers' allocators are untyped

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

MORE = 128
"""Keys that a slot has room for beyond the longest answer when the slots are made anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Requests with one token each, in order: their slots, where their new keys go, and the keys that each slot sees.

    `places` [n * key heads] are rows of the slots, each of the size of a head, all keys of one head side by side.
    `slots` is None if request i has slot i. `mask` is [slots, 1, 1, keys]: 0 for a key to see, else the least number.
    """

    slots: Tensor | None
    places: Tensor
    mask: Tensor


class Slots:
    """Slots over one allocator's pages; they take `most_bytes` at most. Called in the model's thread only."""

    def __init__(self, allocator: Any, dtype: torch.dtype, device: torch.device, most_bytes: int) -> None:
        self._allocator, self._dtype, self._device = allocator, dtype, device
        self._layers: list[int] = list(allocator.layer_indices)
        self._shape = (allocator.num_key_value_heads, allocator.head_dim)
        self._most = most_bytes
        self._held: dict[str, tuple[int, int]] = {}
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}
        self._seen = torch.empty(0, 0)

    @property
    def nbytes(self) -> int:
        """What the slots take now."""
        return sum(one.nbytes for kept in (self._keys, self._values) for one in kept.values())

    def take(self, ids: Sequence[str], lengths: Sequence[int]) -> Step | None:
        """The slots of these requests, which now have so many tokens with the new one; None if there is no room."""
        old, self._held = self._held, {}
        kept = {i: old[i][0] for i, length in zip(ids, lengths, strict=True) if old.get(i, (0, -1))[1] == length - 1}
        taken = set(kept.values())
        free = (slot for slot in range(len(ids) + len(kept)) if slot not in taken)
        slots = [kept[i] if i in kept else next(free) for i in ids]
        if not self._fits(max(slots) + 1, max(lengths), len(ids)):
            kept, slots = {}, list(range(len(ids)))
            if not self._make(len(ids), max(lengths)):
                return None
        for i, slot, length in zip(ids, slots, lengths, strict=True):
            if i not in kept:
                self._fill(i, slot, length - 1)
        self._held = dict(zip(ids, zip(slots, lengths, strict=True), strict=True))
        return self._step(slots, lengths)

    def attend(self, layer: int, step: Step, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """Add each request's new key and value [n, key heads, size]; query [n, heads, size] -> [n, heads, size]."""
        _, heads, size = query.shape
        rows, wide = step.mask.shape[0], step.mask.shape[3]
        keys, values = self._keys[layer], self._values[layer]
        keys.view(-1, size).index_copy_(0, step.places, key.reshape(-1, size))
        values.view(-1, size).index_copy_(0, step.places, value.reshape(-1, size))
        if step.slots is not None:
            query = query.new_zeros(rows, heads, size).index_copy_(0, step.slots, query)
        seen = scaled_dot_product_attention(
            query.reshape(rows, self._shape[0], -1, size),  # heads that share a key head are its rows
            keys[:rows, :, :wide],
            values[:rows, :, :wide],
            attn_mask=step.mask,
            scale=scale,
        ).reshape(rows, heads, size)
        return seen if step.slots is None else seen[step.slots]

    def _step(self, slots: list[int], lengths: Sequence[int]) -> Step:
        slot = torch.tensor(slots, device=self._device)
        last = torch.tensor(lengths, device=self._device) - 1
        self._seen[slot, last] = 0.0
        mask = self._seen[: max(slots) + 1, : max(lengths)]
        heads = torch.arange(self._shape[0], device=self._device)
        places = (slot[:, None] * self._shape[0] + heads) * self._seen.shape[1] + last[:, None]
        in_order = slots == list(range(len(slots)))
        return Step(None if in_order else slot, places.view(-1), mask[:, None, None, :])

    def _fits(self, rows: int, wide: int, count: int) -> bool:
        return rows <= self._seen.shape[0] and wide <= self._seen.shape[1] and (rows <= 2 * count or rows <= 4)

    def _make(self, rows: int, wide: int) -> bool:
        """New slots, all empty. They grow by halves, so that this is rare."""
        rows = max(rows, min(2 * rows, self._seen.shape[0]), 4)
        rows, wide = 1 << (rows - 1).bit_length(), wide + MORE
        each = rows * wide * self._shape[0] * self._shape[1] * self._dtype.itemsize
        if each * 2 * len(self._layers) > self._most:
            self._keys, self._values, self._seen = {}, {}, torch.empty(0, 0)
            return False
        if (rows, wide) != tuple(self._seen.shape):
            self._keys, self._values = {}, {}  # let the old ones go before there are new ones
            self._keys = {layer: self._empty(rows, wide) for layer in self._layers}
            self._values = {layer: self._empty(rows, wide) for layer in self._layers}
        self._seen = torch.full((rows, wide), torch.finfo(self._dtype).min, dtype=self._dtype, device=self._device)
        self._seen[:, 0] = 0.0
        return True

    def _empty(self, rows: int, wide: int) -> Tensor:
        return torch.zeros(rows, self._shape[0], wide, self._shape[1], dtype=self._dtype, device=self._device)

    def _fill(self, request_id: str, slot: int, length: int) -> None:
        """Copy a request's pages into its slot."""
        self._seen[slot, length:] = torch.finfo(self._dtype).min
        self._seen[slot, :length] = 0.0
        page = self._allocator.tokens_per_page
        stride = self._allocator.block_physical_stride // page
        blocks = self._allocator.block_table[request_id][: -(-length // page)]
        pages = torch.tensor(blocks, dtype=torch.int64, device=self._device) * stride
        for layer in self._layers:
            keys, values = self._allocator._kv_page_views[layer]
            self._keys[layer][slot, :, :length] = keys.index_select(0, pages).flatten(0, 1)[:length].transpose(0, 1)
            self._values[layer][slot, :, :length] = values.index_select(0, pages).flatten(0, 1)[:length].transpose(0, 1)
