"""The library of forms: which suits which question; a wrong one is worse than none, so only a sure one is given."""

from collections.abc import Mapping
from dataclasses import dataclass

from strategies.core.columns import ADD, SUBTRACT
from strategies.core.items import BEST, COUNT, REVERSE, SORT
from strategies.core.steps import Form, Task
from strategies.core.told import AMOUNT, CHAIN, PROCEDURE

FORMS: Mapping[str, Form] = {
    "add": ADD,
    "subtract": SUBTRACT,
    "reverse": REVERSE,
    "procedure": PROCEDURE,
    "sort": SORT,
    "best": BEST,
    "count": COUNT,
    "chain": CHAIN,
    "amount": AMOUNT,
}


@dataclass(frozen=True, slots=True)
class Suited:
    """A form, its name, and the task that it found in a question."""

    name: str
    form: Form
    task: Task


def form_for(question: str) -> Suited | None:
    """The first form that suits a question; None where none surely does."""
    tasks = ((name, form, form.reads(question)) for name, form in FORMS.items())
    return next((Suited(name, form, task) for name, form, task in tasks if task is not None), None)
