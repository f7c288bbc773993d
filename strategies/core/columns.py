"""Sums and differences column by column: the state is what is carried."""

import re
from collections.abc import Sequence

from strategies.core.arithmetic import asked
from strategies.core.parse import whole
from strategies.core.steps import Form, Task, number_of

COLUMNS = (
    "Step 1: digit {sign} digit {sign} {word} = {result}, write digit, {word} digit; "
    "in the last step the digits written"
)


def _sum(question: str, sign: str) -> Task | None:
    found = asked(question)
    match = re.fullmatch(rf"(\d+) {re.escape(sign)} (\d+)", found.text) if found else None
    one, two = (whole(text) for text in match.groups()) if match else (None, None)
    if match is None or one is None or two is None or max(len(match[1]), len(match[2])) < 2:
        return None
    if sign == "-" and one < two:
        return None
    return Task((match[1], match[2]), sign)


def _column(task: Task, lines: Sequence[str], i: int) -> str:
    a, b = (text[::-1] for text in task.items)
    places = max(len(a), len(b))
    digits, over = [], 0
    for place in range(places):
        one, two = (int(text[place]) if place < len(text) else 0 for text in (a, b))
        value = one + two + over if task.how == "+" else one - two - over
        digits.append(value % 10)
        over = value // 10 if task.how == "+" else int(value < 0)
        if place == i and place < len(lines):
            said = re.search(r"=\s*(-?\d+).*?write\D*(\d).*?(?:carry|borrow)\D*(\d)", lines[i], re.IGNORECASE)
            if said is None:
                return "a column names its result, the digit to write and what is carried"
            result = whole(said[1])
            told = None if result is None else (result % 10, int(said[2]), int(said[3]))
            right = told == (value % 10, value % 10, over)
            return "" if right else f"column {i + 1} is wrong"
    written = [*digits, over] if over and task.how == "+" else digits
    said_digits = re.findall(r"\d", lines[i].split("written")[-1])
    return "" if said_digits == [str(digit) for digit in written] else "these are not the digits written"


def _sum_ends(task: Task, lines: Sequence[str], answer: str) -> str:
    places = max(map(len, task.items))
    if len(lines) < places:
        return "columns are missing"
    digits = [match[1] for line in lines[:places] if (match := re.search(r"write\D*(\d)", line, re.IGNORECASE))]
    if len(digits) < places:
        return "digits are missing"
    last = re.search(r"carry\D*(\d)", lines[places - 1], re.IGNORECASE)
    value = int("".join(reversed(digits))) + (int(last[1]) * 10**places if last else 0)
    return "" if number_of(answer) == value else "the answer is not what was written"


ADD = Form(
    "Add digit by digit from the right and carry.",
    COLUMNS.format(sign="+", word="carry", result="sum"),
    lambda question: _sum(question, "+"),
    _column,
    _sum_ends,
)
SUBTRACT = Form(
    "Subtract digit by digit from the right and borrow.",
    COLUMNS.format(sign="-", word="borrow", result="difference"),
    lambda question: _sum(question, "-"),
    _column,
    _sum_ends,
)
