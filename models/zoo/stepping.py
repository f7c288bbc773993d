"""Worked solutions in told forms: a state carried from line to line, and steps of four fields."""

import re
from dataclasses import dataclass

from .procedures import ROW
from .question import Question

_EQUATION = re.compile(r"(\d+(?: [-+*/] \d+)+) = (\d+)")


@dataclass(frozen=True, slots=True)
class Form:
    """How steps are told to be written: what to do, and the shape of a line."""

    how: str
    shape: str


FORMS = {
    "add": Form(
        "Add digit by digit from the right and carry.",
        "Step 1: digit + digit + carry = sum, write digit, carry digit; in the last step the digits written",
    ),
    "subtract": Form(
        "Subtract digit by digit from the right and borrow.",
        "Step 1: digit - digit - borrow = difference, write digit, borrow digit; in the last step the digits written",
    ),
    "count": Form(
        "Go through the items in order and keep the count.",
        "Step 1: item, count so far",
    ),
    "sort": Form(
        "Take the next item in order each time, and write what is left.",
        "Step 1: item, left items",
    ),
    "reverse": Form(
        "Take the letters from the last to the first, and write what you have.",
        "Step 1: letter, now letters",
    ),
    "best": Form(
        "Go through the items in order and keep the best one.",
        "Step 1: item, best item",
    ),
    "procedure": Form(
        "Do each step of the task in turn, and write the value after it.",
        "Step 1: what is done, value what comes out",
    ),
    "amount": Form(
        "Take what happens in order, and write the amount after it.",
        "Step 1: what happens, value amount",
    ),
    "chain": Form(
        "Write each fact that follows, with the fact and the rule that give it.",
        "Step 1: fact. Rule. So new fact.",
    ),
}


def form_of(question: Question) -> str | None:
    """Which form suits a question; None where none does."""
    return FORM_OF.get(question.task)


def steps_of(question: Question) -> list[str]:
    """The lines of a solution in the form that suits the question, without "Step n: " and the answer."""
    form, worked = form_of(question), str(question.worked).rsplit(" Answer: ", 1)[0]
    if form in ("add", "subtract"):
        return _columns(worked, form)
    if form == "count":
        return [f"{item.removesuffix(f' {n}').removesuffix(', count')}, count {n}" for item, n in _counted(worked)]
    if form == "sort":
        return _sorted(question)
    if form == "reverse":
        letters = question.answer
        return [f"{letter}, now {' '.join(letters[: i + 1])}" for i, letter in enumerate(letters)]
    if form == "best":
        return _best(question, worked)
    if form == "procedure":
        return _procedure(question, worked)
    if form == "amount":
        return [f"{left} = {right}, value {right}" for left, right in _EQUATION.findall(worked)]
    return re.sub(r"(So [^.]*\.) (?=\w)", r"\1\n", worked).split("\n")


def supervised(question: Question) -> str:
    """The whole reply in the form that suits the question."""
    lines = [f"Step {i}: {line}" for i, line in enumerate(steps_of(question), 1)]
    return "\n".join([*lines, f"Answer: {question.answer}"])


def fielded(question: Question) -> str | None:
    """A solution as steps of four fields; None where the working has no steps that say so."""
    worked = str(question.worked)
    steps: list[tuple[str, str, str, str]] = []
    found: dict[str, int] = {}
    if question.task == "chain":
        fact = ""
        for i, line in enumerate(steps_of(question), 1):
            *first, rule, new = line.rstrip(".").split(". ")
            fact, source = (first[0], "question") if first else (fact, f"step {i - 1}")
            used = f"{fact} ({source}), {rule} (question)"
            steps.append((f"What follows from {fact}?", used, "use the rule", new[3:]))
            fact = new[3:]
    elif question.task in FIELDED:
        for i, (left, right) in enumerate(_EQUATION.findall(worked), 1):
            uses = [f"{n} ({f'step {found[n]}' if n in found else 'question'})" for n in re.findall(r"\d+", left)]
            steps.append((f"What is {left}?", ", ".join(uses), left, right))
            found[right] = i
    if not steps:
        return None
    rows = [
        f"Step {i}\nSubquestion: {asked}\nInput: {used}\nAction: {done}\nOutput: {new}"
        for i, (asked, used, done, new) in enumerate(steps, 1)
    ]
    return "\n".join([*rows, f"Answer: {question.answer}"])


def _columns(worked: str, form: str) -> list[str]:
    rows = []
    for left, right in _EQUATION.findall(worked.split(": ", 1)[1]):
        numbers = [int(n) for n in re.findall(r"\d+", left)]
        over = int(right) // 10 if form == "add" else int(numbers[0] > 9)
        rows.append(f"{left} = {right}, write {int(right) % 10}, {'carry' if form == 'add' else 'borrow'} {over}")
    return [*rows, worked.rsplit(". ", 1)[1].rstrip(".").replace("Written:", "written")]


def _counted(worked: str) -> list[tuple[str, str]]:
    rows = worked.rstrip(".").split(". " if ", count " in worked else ", ")
    return [(row, row.rsplit(" ", 1)[1]) for row in rows]


def _sorted(question: Question) -> list[str]:
    best = question.answer.split(", ")
    if question.task == "sort_numbers":
        left = str(question.worked).split(":", 1)[0].split()
    else:
        left = [word for word in re.findall(r"[a-z]+", question.question) if word in best]
    if sorted(left) != sorted(best):
        left = sorted(best, key=lambda word: (len(word), word))
    rows = []
    for item in best:
        left.remove(item)
        rows.append(f"{item}, left {' '.join(left) or 'none'}")
    return rows


def _best(question: Question, worked: str) -> list[str]:
    if question.task == "most":
        rows = [re.split(r": (?:highest|lowest) ", row) for row in worked.rstrip(".").split(". ")]
        return [f"{item}, best {best}" for item, best in rows]
    rounds = [row.split(": ") for row in worked.rstrip(".").split(". ")]
    first = rounds[0][0].split()[0]
    return [f"{first}, best {first}", *(f"{row[0].split()[1]}, best {row[1]}" for row in rounds)]


def _procedure(question: Question, worked: str) -> list[str]:
    said = [text.strip(" .") for text in re.findall(r"Step \d+: ([^.]*)\.", question.question)]
    done = [text.strip(" .") for text in re.split(r"Step \d+: ", worked)[1:]]
    rows = []
    for told, came in zip(said, done, strict=True):
        value = came.rsplit(" = ", 1)[-1]
        rows.append(f"{told}, value {value}" if told in ROW else f"{told}, {came}, value {value}")
    return rows


FORM_OF = {
    "sum": "add",
    "long_sum": "add",
    "difference": "subtract",
    "long_difference": "subtract",
    "count_letter": "count",
    "count_items": "count",
    "count_rows": "count",
    "sort_words": "sort",
    "sort_numbers": "sort",
    "backwards": "reverse",
    "largest": "best",
    "most": "best",
    "number_steps": "procedure",
    "row_steps": "procedure",
    "two_step": "amount",
    "chain": "chain",
}
FIELDED = frozenset({"two_step", "product", "clock", "units", "number_steps"})
