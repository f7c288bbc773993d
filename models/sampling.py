"""Picking the next token of every request of a batch, each by its own temperature, top_p and seed; timing the step.

transformers' continuous batching knows one way of sampling for all requests and one random state. This takes the place
of its logits processing: greedy rows pass as they are; for the others it draws the token itself, from a generator that
belongs to the request alone, and leaves a row whose largest entry is that token. So the same seed gives the same text,
whatever else is in the batch.
"""

import time
from dataclasses import dataclass, field
from typing import Any  # the requests and tensors that transformers hands over are untyped

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList
from transformers.generation.logits_process import LogitsProcessorList


@dataclass(slots=True, eq=False)
class Plan:
    """How one request wants its tokens, and what became of it: log-probabilities by token, and its compute time.

    `logprobs` holds (token, its natural logarithm, [(token, logarithm) ...]) before temperature and top_p.
    `gpu_seconds` is the time of the model's steps (forward pass and sampling; on a CPU its own seconds), each shared
    among the requests of the step by the tokens that they put in.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    wants_logprobs: bool = False
    top: int = 0
    logprobs: list[tuple[int, float, list[tuple[int, float]]]] = field(default_factory=list)
    gpu_seconds: float = 0.0
    _generator: torch.Generator | None = None

    def generator(self, device: torch.device) -> torch.Generator:
        """The request's own source of chance."""
        if self._generator is None:
            self._generator = torch.Generator(device)
            if self.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self.seed % 2**63)
        return self._generator


class Sampler(ContinuousBatchingLogitsProcessorList):
    """Stands where transformers processes logits; called in the model's thread only. `plans` are by request id."""

    def __init__(self) -> None:
        super().__init__(LogitsProcessorList())
        self.do_processing = True
        self.plans: dict[str, Plan] = {}
        self._rows: list[Plan] = []
        self._shares: list[tuple[Plan, float]] = []
        self._started = 0.0

    def prepare_tensor_args(self, requests_in_batch: list[Any], arg_storage: torch.Tensor) -> torch.Tensor:
        """Before the step: which plan goes with which row, and how much of the step is whose."""
        plans = [self.plans.get(one.state.request_id) or Plan() for one in requests_in_batch]
        whole = sum(one.query_length for one in requests_in_batch)
        self._shares = [(p, one.query_length / whole) for p, one in zip(plans, requests_in_batch, strict=True)]
        self._rows = [p for p, one in zip(plans, requests_in_batch, strict=True) if one.has_new_token]
        self._started = time.perf_counter()
        return arg_storage

    def __call__(self, input_ids: Any, scores: torch.Tensor, logits_processor_args: Any) -> torch.Tensor:
        """After the forward pass: scores [rows, vocabulary] whose largest entries are the tokens picked."""
        for i, plan in enumerate(self._rows):
            logs = torch.log_softmax(scores[i], dim=-1) if plan.wants_logprobs else None
            if plan.temperature > 0:
                token = _draw(scores[i], plan)
                scores[i] = 0.0
                scores[i, token] = 1.0
            if logs is not None:
                plan.logprobs.append(_entry(logs, int(scores[i].argmax()), plan.top))
        if scores.is_cuda:
            torch.cuda.synchronize(scores.device)
        seconds = time.perf_counter() - self._started
        for plan, share in self._shares:
            plan.gpu_seconds += seconds * share
        return scores


def _draw(scores: torch.Tensor, plan: Plan) -> int:
    odds = torch.softmax(scores / plan.temperature, dim=-1)
    if plan.top_p < 1:
        ordered, order = odds.sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= plan.top_p  # the most likely token is never beyond
        odds[order[beyond]] = 0.0
    return int(torch.multinomial(odds, 1, generator=plan.generator(scores.device)))


def _entry(logs: torch.Tensor, token: int, top: int) -> tuple[int, float, list[tuple[int, float]]]:
    values, tokens = logs.topk(min(top, logs.numel()))
    return token, float(logs[token]), list(zip(tokens.tolist(), values.tolist(), strict=True))
