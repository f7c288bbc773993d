"""Picking the next token of every request of a batch, each by its own temperature, top_p and seed; timing the step.

transformers' continuous batching knows one way of sampling for all requests and one random state. This takes the place
of its logits processing: greedy rows pass as they are; for the others it draws the token itself, by a number from a
source of chance that belongs to the request alone, and leaves a row whose largest entry is that token. So the same seed
gives the same text, whatever else is in the batch.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any  # the requests and tensors that transformers hands over are untyped

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList
from transformers.generation.logits_process import LogitsProcessorList

EVERY = 0.05
"""Seconds between two pieces of a stream: nobody reads faster, and each piece takes time from the model's thread."""


@dataclass(slots=True, eq=False)
class Plan:
    """How one request wants its tokens, and what became of it: log-probabilities by token, and its compute time.

    `place` is the number of its adapter, 0 for none. `every` is the time between two reports of its tokens, in seconds;
    the first comes at once; None is one report at the end. `calls` says whether a report before the end is worth the
    waking, given all tokens so far; it runs in the model's thread. `left` says that nobody waits for it any more.
    `logprobs` holds (token, its natural logarithm, [(token, logarithm) ...]) before temperature and top_p.
    `gpu_seconds` is the time of the model's steps (forward pass and sampling; on a CPU its own seconds), each shared
    among the requests of the step by the tokens that they put in.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    wants_logprobs: bool = False
    top: int = 0
    place: int = 0
    every: float | None = EVERY
    hear: Callable[[Any], None] | None = None
    calls: Callable[[Sequence[int]], bool] | None = None
    left: bool = False
    logprobs: list[tuple[int, float, list[tuple[int, float]]]] = field(default_factory=list)
    gpu_seconds: float = 0.0
    _due: float = 0.0
    _chance: random.Random | None = None

    def __deepcopy__(self, memo: object) -> "Plan":
        """Itself: a request that must start over for want of room keeps its plan."""
        return self

    def draw(self) -> float:
        """The request's next random number, 0 <= number < 1."""
        if self._chance is None:
            self._chance = random.Random(self.seed)
        return self._chance.random()

    def due(self, now: float) -> bool:
        """Whether its tokens shall be reported after this step."""
        if self.every is None or now < self._due:
            return False
        self._due = (now // self.every + 1) * self.every if self.every else now  # all requests at the same moments
        return True


def plan_of(state: Any) -> Plan:
    """The plan that a request carries."""
    plan: Plan = state.logit_processor_kwargs["plan"]
    return plan


class Sampler(ContinuousBatchingLogitsProcessorList):
    """Stands where transformers processes logits; called in the model's thread only.

    `arrange` is told before each step whose the tokens are: the adapters' places and how many tokens each, in order.
    """

    def __init__(self, arrange: Callable[[list[int], list[int]], None]) -> None:
        super().__init__(LogitsProcessorList())
        self.do_processing = True
        self._arrange = arrange
        self.steps = self.tokens = 0
        """Steps so far, and the tokens that were put into them: of prompts and of answers."""
        self._drawn: list[tuple[int, Plan]] = []
        self._noted: list[tuple[int, Plan]] = []
        self._shares: list[tuple[Plan, float]] = []
        self._started = 0.0

    def check_kwargs(self, kwargs: dict[str, Any]) -> None:
        """What a request carries here is its plan."""

    def prepare_tensor_args(self, requests_in_batch: list[Any], arg_storage: torch.Tensor) -> torch.Tensor:
        """Before the step: which plan goes with which row, and how much of the step is whose."""
        self._started = time.perf_counter()
        plans = [plan_of(one.state) for one in requests_in_batch]
        counts = [one.query_length for one in requests_in_batch]
        self._arrange([plan.place for plan in plans], counts)
        whole = sum(counts)
        self.steps, self.tokens = self.steps + 1, self.tokens + whole
        self._shares = [(plan, count / whole) for plan, count in zip(plans, counts, strict=True)]
        rows = []
        for plan, one in zip(plans, requests_in_batch, strict=True):
            if one.has_new_token:
                rows.append(plan)
                one.state.streaming = plan.hear is not None and plan.due(self._started)
        self._drawn = [(row, plan) for row, plan in enumerate(rows) if plan.temperature > 0]
        self._noted = [(row, plan) for row, plan in enumerate(rows) if plan.wants_logprobs]
        return arg_storage

    def __call__(self, input_ids: Any, scores: torch.Tensor, logits_processor_args: Any) -> torch.Tensor:
        """After the forward pass: scores [rows, vocabulary] whose largest entries are the tokens picked."""
        logs = [torch.log_softmax(scores[row], dim=-1) for row, _ in self._noted]
        if self._drawn:
            _draw(scores, self._drawn)
        for log, (row, plan) in zip(logs, self._noted, strict=True):
            plan.logprobs.append(_entry(log, int(scores[row].argmax()), plan.top))
        if scores.is_cuda:
            torch.cuda.synchronize(scores.device)
        seconds = time.perf_counter() - self._started
        for plan, share in self._shares:
            plan.gpu_seconds += seconds * share
        return scores


def _draw(scores: torch.Tensor, drawn: list[tuple[int, Plan]]) -> None:
    """Leave in each of the rows one largest entry, drawn by its plan."""
    device = scores.device
    rows = torch.tensor([row for row, _ in drawn], device=device)
    heat = torch.tensor([[plan.temperature] for _, plan in drawn], device=device)
    odds = torch.softmax(scores[rows] / heat, dim=-1, dtype=torch.float32 if device.type == "mps" else torch.float64)
    if any(plan.top_p < 1 for _, plan in drawn):
        most = torch.tensor([[plan.top_p] for _, plan in drawn], device=device)
        ordered, order = odds.sort(dim=-1, descending=True)
        beyond = (ordered.cumsum(-1) - ordered >= most) & (most < 1)
        beyond[:, 0] = False  # the most likely token always stays
        odds = odds.scatter(-1, order, ordered.masked_fill(beyond, 0.0))
    sums = odds.cumsum(-1)
    points = torch.tensor([[plan.draw()] for _, plan in drawn], device=device, dtype=sums.dtype) * sums[:, -1:]
    tokens = torch.searchsorted(sums, points, right=True).clamp_(max=sums.shape[1] - 1)[:, 0]
    scores[rows] = 0.0
    scores[rows, tokens] = 1.0


def _entry(logs: torch.Tensor, token: int, top: int) -> tuple[int, float, list[tuple[int, float]]]:
    values, tokens = logs.topk(min(top, logs.numel()))
    return token, float(logs[token]), list(zip(tokens.tolist(), values.tolist(), strict=True))
