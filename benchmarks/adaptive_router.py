"""LiteLLM's adaptive router behind our Policy protocol: the real class classifies, draws and learns.

`litellm.router_strategy.adaptive_router`: a question is sorted into one of seven request types by regular expressions,
an arm is drawn by Thompson sampling from a Beta cell per type and arm, and a cell that holds 200 judgements takes no
more. Its models are our arms; no arm is declared better or dearer than another, so that its score is quality alone.

It takes no rewards. What it learns from is `record_turn`, in which regular expressions look for signs that a user was
content or not. So each judgement is told as a conversation of its own, the shortest that its rules give credit for: the
question, a second turn without words, and a third in which the user says thanks or gives up, and that moves the alpha
or the beta of the cell by one. A reward between 0 and 1 is thanks with that probability.

Importing this imports litellm, which asks the network for prices unless LITELLM_LOCAL_MODEL_COST_MAP is set.
"""

import random
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar  # Any: litellm's hooks pass plain dictionaries

import numpy as np
from litellm.router_strategy.adaptive_router.adaptive_router import AdaptiveRouter
from litellm.router_strategy.adaptive_router.classifier import classify_prompt
from litellm.router_strategy.adaptive_router.signals import Turn
from litellm.types.router import AdaptiveRouterConfig, AdaptiveRouterPreferences

from router.types import Arm, Candidate, Choice, Feedback
from router.views import unknown
from strategies.core import Query

T = TypeVar("T")

CONTENT, GIVES_UP = "Thanks!", "Forget it."
TIER = 2
"""The middle one of its three: every cell starts at one half, worth ten judgements."""


class Adaptive:
    """The policy over these arms and no others; its probabilities are not known, and are told as NaN."""

    name = "litellm-adaptive"

    def __init__(self, arms: Sequence[Arm], seed: int) -> None:
        self._arms = {str(arm): arm for arm in arms}
        self.router = AdaptiveRouter(
            router_name=self.name,
            config=AdaptiveRouterConfig(available_models=list(self._arms)),
            model_to_prefs={name: AdaptiveRouterPreferences(quality_tier=TIER) for name in self._arms},
            model_to_cost=dict.fromkeys(self._arms, 0.0),
        )
        self._draw, self._told = np.random.default_rng(seed), 0
        random.seed(seed)  # litellm draws from Python's own generator

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """What its hook before a call answers. Raises ValueError for other candidates than its arms."""
        if {candidate.arm for candidate in candidates} != set(self._arms.values()):
            raise ValueError(f"{self.name} routes among {', '.join(self._arms)} alone")
        asked = [{"role": "user", "content": query.text}]
        answered = _now(self.router.async_pre_routing_hook(self.name, {}, messages=asked))
        if answered is None:
            raise ValueError(f"{self.name} did not route {query.text!r}")
        arm = self._arms[answered.model]
        odds = dict.fromkeys(self._arms.values(), float("nan"))
        return Choice(arm, odds, unknown(candidates, np.zeros(len(candidates))), f"LiteLLM chose {arm}.")

    def learn(self, feedback: Feedback) -> None:
        """Tell the judgement as a conversation of three turns with the arm."""
        self._told += 1
        content = self._draw.random() < feedback.reward
        for said in (feedback.text, None, CONTENT if content else GIVES_UP):
            turn = Turn(user_content=said)
            kind = classify_prompt(said or "")
            _now(self.router.record_turn(f"judgement {self._told}", str(feedback.arm), kind, turn))

    def beliefs(self) -> Mapping[str, object]:
        """Its own snapshot: every cell with its alpha and beta."""
        return {"policy": self.name, **_now(self.router.get_state_snapshot())}


def _now(waiting: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, as none of these do: they only take locks that are free."""
    try:
        waiting.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    waiting.close()
    raise RuntimeError("LiteLLM's adaptive router waited for something, which no part of it did before")
