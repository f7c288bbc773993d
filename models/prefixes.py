"""Which requests go into the next step, so that what several prompts begin with is read once.

The cache keeps the pages of prompts by their content. Two things are added to transformers' first-come-first-served:
a request waits while another one is just reading the pages that it will share, and pages that were read with one
adapter are not found by requests with another.
"""

from typing import Any  # transformers' requests and caches are untyped

from transformers.generation.continuous_batching.requests import RequestStatus
from transformers.generation.continuous_batching.scheduler import SCHEDULER_MAPPING, FIFOScheduler

from models.sampling import plan_of

NAME = "prefixes"
"""The name of this order in transformers' settings."""
WORTH = 2
"""A request waits for another one's pages if it saves reading so many."""


class PrefixScheduler(FIFOScheduler):
    """First come, first served, except that nobody reads what somebody else is reading."""

    def __init__(self, cache: Any, safety_margin: float | None, max_requests_per_batch: int) -> None:
        super().__init__(cache, safety_margin, max_requests_per_batch)
        self._shift = cache.config.vocab_size
        self._allocator: Any = next(iter(cache.cache_allocators.values()))
        self._page: int = self._allocator.tokens_per_page
        self._match, self._mark = cache.search_prefix_match, cache.mark_complete_blocks
        self._reading: Any = None
        self.departed: set[int] = set()
        """Places that were given up: requests that were on their way with such an adapter are never read."""
        self.reads_by_pages = False
        """Whether the attention finds the pages itself (models/paging.py) and needs no list of places to read."""
        cache.search_prefix_match = self._match_own
        cache.mark_complete_blocks = self._mark_own

    def add_waiting_request(self, state: Any) -> None:
        """Queue a request, unless it was cancelled, or its adapter given up, before it came here."""
        plan = plan_of(state)
        if not plan.left and plan.place not in self.departed:
            super().add_waiting_request(state)

    def drop(self, place: int) -> None:
        """While the batch stands still: end all requests with the adapter of this place and forget all idle pages."""
        for state in [*self.active_requests.values(), *self.waiting_requests.values()]:
            if plan_of(state).place == place:
                self.set_request_cancellation(state.request_id)
        self.clear_cancelled_requests()
        self.cache.evict_cached_blocks()

    def schedule_batch(self, token_budget: int, cache_budget: int) -> Any:
        """The requests of the next step, as transformers' own."""
        requests, fast, tokens, reads = super().schedule_batch(token_budget, cache_budget)
        return requests, fast, tokens, 0 if self.reads_by_pages else reads

    def _infer_request_tokens(self, state: Any, removed: Any) -> Any:
        self._reading = state
        return super()._infer_request_tokens(state, removed)

    def _get_waiting_candidates(self) -> list[Any]:
        candidates: list[Any] = super()._get_waiting_candidates()
        if not self.cache.use_prefix_sharing or not candidates:
            return candidates
        readers = [one for one in self.active_requests.values() if one.status == RequestStatus.PREFILLING]
        chosen = []
        for state in candidates[: self.max_requests_per_batch]:
            if not self._shares(state, readers):
                chosen.append(state)
                readers.append(state)
        return chosen

    def _shares(self, state: Any, readers: list[Any]) -> bool:
        place = plan_of(state).place
        rivals = [one.initial_tokens for one in readers if plan_of(one).place == place]
        if not rivals or state.is_cpu_offloaded:
            return False
        tokens = state.initial_tokens
        first = tokens[: WORTH * self._page]
        rivals = [other for other in rivals if other[: len(first)] == first]
        if not rivals:
            return False
        known = len(self._allocator.match_prefix_blocks(self._own(tokens, place)))
        need = (known + WORTH) * self._page
        return need < len(tokens) and any(other[:need] == tokens[:need] for other in rivals)

    def _match_own(self, request_id: str, prompt_ids: list[int]) -> int:
        found: int = self._match(request_id, self._own(prompt_ids, plan_of(self._reading).place))
        return found

    def _mark_own(self, state: Any, complete: dict[str, int]) -> None:
        place = plan_of(state).place
        if not place or not complete or state.status == RequestStatus.FINISHED:
            self._mark(state, complete)
            return
        tokens = self._own(state.initial_tokens + state.generated_tokens, place)
        for name, blocks in complete.items():
            self.cache.cache_allocators[name].mark_complete_blocks(state.request_id, tokens, blocks)

    def _own(self, tokens: list[int], place: int) -> list[int]:
        """The tokens under which pages are kept: those of an adapter begin with one that is no token at all."""
        return [tokens[0] - place * self._shift, *tokens[1:]] if place else tokens


SCHEDULER_MAPPING[NAME] = PrefixScheduler
