"""Steps of four fields (Subquestion, Input, Action, Output): read, references resolved, sums re-computed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from strategies.core.arithmetic import Calculation, asked, number
from strategies.core.evidence import words
from strategies.core.parse import whole

NAMES = ("subquestion", "input", "action", "output")
FIELD = re.compile(
    r"^[ \t*#-]*(sub-?question|input|action|output)[ \t*]*:[ \t*]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE
)
SOURCE = re.compile(r"\bstep\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was written."""

    subquestion: str
    input: str
    action: str
    output: str


def steps_in(reply: str) -> list[Step] | None:
    """The steps of a reply; None where a field is missing or they are out of order."""
    found = [(match[1].lower().replace("-", ""), match[2]) for match in FIELD.finditer(reply)]
    if not found or len(found) % 4 or any(name != NAMES[i % 4] for i, (name, _) in enumerate(found)):
        return None
    return [Step(*(text for _, text in found[i : i + 4])) for i in range(0, len(found), 4)]


def faults_in(steps: Sequence[Step], question: str) -> list[str]:
    """What is wrong: inputs from a step that is not before, or from nowhere, and sums that come to something else."""
    faults = []
    told = {word.lower() for word in words(question)}
    for i, step in enumerate(steps, 1):
        later = [said for said in SOURCE.findall(step.input) if not 1 <= (whole(said) or 0) < i]
        if later:
            faults.append(f"step {i} uses step {later[0][:20]}, which is not before it")
        known = told | {word.lower() for one in steps[: i - 1] for word in words(one.output)}
        marked = SOURCE.search(step.input) or re.search(
            r"question|own knowledge|problem|given", step.input, re.IGNORECASE
        )
        if not marked and not {word.lower() for word in words(step.input)} & known:
            faults.append(f"step {i} does not say where its input comes from")
        sum_ = computed(step.action)
        given = number(step.output)
        if sum_ is not None and given is not None and given != sum_.value:
            faults.append(f"step {i}: {sum_.text} is not {step.output}")
    return faults


def from_memory(steps: Sequence[Step]) -> list[int]:
    """The steps (from 1) that use the model's own knowledge: what retrieval should verify."""
    return [i for i, step in enumerate(steps, 1) if re.search(r"own knowledge", step.input, re.IGNORECASE)]


def computed(action: str) -> Calculation | None:
    """The sum that an action is, if it is one."""
    return asked(action.split("=")[0])
