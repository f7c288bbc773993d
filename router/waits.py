"""What waiting for a model adds to an arm: the calls before it, and the loading of a model that is not loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.backend import Backend
from models.waiting import Waiting, waiting_of
from router.types import Candidate, Choice

WORTH_TELLING = 0.5
"""Seconds of waiting for a busy model from which the reason speaks of it."""

Waits = Mapping[str, Waiting]
"""By model; what is not there waits for nothing."""


def waits_of(backends: Mapping[str, Backend], candidates: Sequence[Candidate]) -> Waits:
    """How long a call of each candidate's model would wait now, of those for which there is something to wait."""
    found = {model: waiting_of(backends[model]) for model in {one.arm.model for one in candidates}}
    return {model: wait for model, wait in found.items() if wait != Waiting()}


def told(choice: Choice, waits: Waits) -> Choice:
    """The choice whose reason tells what it waits for, and which other models were not loaded."""
    own = waits.get(choice.arm.model, Waiting())
    if own.seconds > 0 and choice.arm in choice.estimates:
        seen = replace(choice.estimates[choice.arm], wait=own.seconds)
        choice = replace(choice, estimates={**choice.estimates, choice.arm: seen})
    more = []
    if own.seconds >= WORTH_TELLING or not own.warm:
        more.append(f"{choice.arm.model} {'is busy' if own.warm else 'is loaded first'}: about {own.seconds:.1f} s.")
    others = {arm.model for arm in choice.propensities} - {choice.arm.model}
    cold = sorted(model for model in others if model in waits and not waits[model].warm)
    if cold:
        more.append(f"Not loaded: {', '.join(f'{model} (about {waits[model].seconds:.1f} s)' for model in cold)}.")
    return replace(choice, why=" ".join([choice.why, *more])) if more else choice
