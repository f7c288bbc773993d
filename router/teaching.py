"""Letting a policy, or a model of rewards, learn much at once, as fast as it can."""

from collections.abc import Iterable
from typing import Protocol

from router.types import Feedback, Recalls, Settles


class Learner(Protocol):
    """Whatever learns judgements one by one."""

    def learn(self, feedback: Feedback) -> None: ...


def teach(learner: Learner, feedback: Iterable[Feedback]) -> None:
    """Learn all of it in its order; when this returns, what is fitted in the background is through."""
    if isinstance(learner, Recalls):
        learner.recall(feedback)
    else:
        for one in feedback:
            learner.learn(one)
    if isinstance(learner, Settles):
        learner.settle()
