"""Small tables of people in three layouts: look up a cell, find a row, count rows, find the highest or the lowest."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from .question import LAYOUTS, Question, draw, identify
from .wordings_tables import CELL, COUNT, HIGHEST, LOWEST, ROW
from .world import CITIES, FIRST, INSTRUMENTS, JOBS

TEXTS = {"city": CITIES, "job": JOBS, "instrument": INSTRUMENTS}
NUMBERS = ("age", "score", "weight", "level")


@dataclass(frozen=True, slots=True)
class Table:
    """People, and for each column besides their name a value for each of them, in the same order."""

    people: tuple[str, ...]
    columns: dict[str, list[str]]

    def lines(self) -> list[list[str]]:
        """The heads of the columns, then a line for each person."""
        rows = [[who, *(values[i] for values in self.columns.values())] for i, who in enumerate(self.people)]
        return [["name", *self.columns], *rows]


def markdown(table: Table) -> str:
    """The table between bars."""
    head, *rows = table.lines()
    bars = [f"| {' | '.join(line)} |" for line in (head, ["-"] * len(head), *rows)]
    return "\n".join(bars)


def commas(table: Table) -> str:
    """The table with its values separated by commas, heads first."""
    return "\n".join(", ".join(line) for line in [["Name", *table.columns], *table.lines()[1:]])


def pairs(table: Table) -> str:
    """The table with the head of its column before every value."""
    heads = ["Name", *table.columns]
    return "\n".join(", ".join(f"{h}: {v}" for h, v in zip(heads, line, strict=True)) for line in table.lines()[1:])


FORMS = (markdown, commas, pairs)


def cell(rng: random.Random, split: str) -> Question:
    """The value of a column for a person."""
    table = _table(rng, split)
    row, asked = rng.randrange(len(table.people)), rng.choice(list(table.columns))
    who, value = table.people[row], table.columns[asked][row]
    text = CELL.pick(rng, split).format(x=who, c=asked)
    heads = list(table.columns)
    seen = heads[: heads.index(asked) + 1]
    steps = "".join(f", {head} {table.columns[head][row]}" for head in seen)
    number = asked in NUMBERS
    reply = value if number else f"The {asked} of {who} is {value}."
    worked = f"Name {who}{steps}. Answer: {value}"
    return _question(rng, "cell", table, text, value, reply, "number" if number else "name", worked, len(seen))


def row_of(rng: random.Random, split: str) -> Question:
    """The person with a value in a column."""
    table = _table(rng, split)
    row, asked = rng.randrange(len(table.people)), rng.choice(list(table.columns))
    values = table.columns[asked]
    text = ROW.pick(rng, split).format(c=asked, v=values[row])
    steps = [f"{who}: {value}" for who, value in zip(table.people[: row + 1], values, strict=False)]
    worked = f"{'. '.join(steps)}. Answer: {table.people[row]}"
    return _question(rng, "row_of", table, text, table.people[row], table.people[row], "word", worked, row + 1)


def count_rows(rng: random.Random, split: str) -> Question:
    """How many people have a value in a column."""
    asked = rng.choice(list(TEXTS))
    table = _table(rng, split, repeated=asked)
    values = table.columns[asked]
    value = rng.choice(sorted(set(values)))
    if rng.random() < 0.1:
        value = rng.choice([one for one in TEXTS[asked] if one not in values])
    text = COUNT.pick(rng, split).format(c=asked, v=value)
    steps, found = [], 0
    for who, one in zip(table.people, values, strict=True):
        found += one == value
        steps.append(f"{who}: {one}, count {found}")
    worked = f"{'. '.join(steps)}. Answer: {found}"
    return _question(rng, "count_rows", table, text, str(found), str(found), "number", worked, len(values) - 2)


def most(rng: random.Random, split: str) -> Question:
    """The person with the highest or the lowest number in a column."""
    asked = rng.choice(NUMBERS)
    table = _table(rng, split, needed=asked)
    numbers = dict(zip(table.people, map(int, table.columns[asked]), strict=True))
    high = rng.random() < 0.5
    text = (HIGHEST if high else LOWEST).pick(rng, split).format(c=asked)
    steps, best = [], table.people[0]
    for who, number in numbers.items():
        if (number > numbers[best]) == high:
            best = who
        steps.append(f"{who} {number}: {'highest' if high else 'lowest'} {best} {numbers[best]}")
    worked = f"{'. '.join(steps)}. Answer: {best}"
    return _question(rng, "most", table, text, best, best, "word", worked, len(numbers) - 2)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "cell": cell,
    "row_of": row_of,
    "count_rows": count_rows,
    "most": most,
}


def _table(rng: random.Random, split: str, needed: str | None = None, repeated: str | None = None) -> Table:
    """A table of people of the split, with a column that is `needed`, or one whose values are `repeated`.

    No other column holds a value twice.
    """
    n = rng.randint(3, 5)
    people = draw(rng, split, lambda: tuple(rng.sample(FIRST, n)))
    must = needed or repeated
    heads = [must] if must else []
    heads += rng.sample([one for one in (*TEXTS, *NUMBERS) if one != must], rng.randint(1, 3) - len(heads))
    rng.shuffle(heads)
    columns: dict[str, list[str]] = {}
    for head in heads:
        if head in NUMBERS:
            columns[head] = [str(number) for number in rng.sample(range(1, 100), n)]
        else:
            columns[head] = rng.sample(TEXTS[head], n)
        if head == repeated:
            columns[head] = rng.choices(columns[head][:2], k=n)
    return Table(tuple(map(str, people)), columns)


def _question(
    rng: random.Random,
    task: str,
    table: Table,
    text: str,
    answer: str,
    reply: str,
    checker: str,
    worked: str,
    difficulty: int,
) -> Question:
    context, layout = f"Table:\n{rng.choice(FORMS)(table)}", rng.randrange(len(LAYOUTS))
    name = identify(task, context + text)
    return Question(name, "tables", task, text, answer, reply, checker, worked, context, layout, difficulty)
