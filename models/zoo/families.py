"""The families of questions and their tasks."""

import random
from collections.abc import Callable

from . import arithmetic, dates, facts, logic, procedures, reading, rules, sorting, styles, tables, word_problems, words
from .question import Question

Make = Callable[[random.Random, str], Question]
FAMILIES: dict[str, dict[str, Make]] = {
    "arithmetic": arithmetic.TASKS,
    "word_problems": word_problems.TASKS,
    "dates": dates.TASKS,
    "procedures": procedures.TASKS,
    "words": words.TASKS,
    "sorting": sorting.TASKS,
    "rules": rules.TASKS,
    "logic": logic.TASKS,
    "reading": reading.TASKS,
    "tables": tables.TASKS,
    "facts": facts.TASKS,
    "formats": styles.TASKS,
}
TASKS: dict[str, Make] = {task: make for tasks in FAMILIES.values() for task, make in tasks.items()}
FAMILY_OF = {task: family for family, tasks in FAMILIES.items() for task in tasks}
