"""Dates and units: weekdays and months counted on, the time some minutes later, weeks in days and metres in
centimetres.
"""

import random
from collections.abc import Callable, Sequence

from .question import Question, Wordings, draw, identify

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
UNITS = {  # the large unit, how many small ones one of it has, the small unit
    "weeks": (7, "days"),
    "days": (24, "hours"),
    "hours": (60, "minutes"),
    "minutes": (60, "seconds"),
    "years": (12, "months"),
    "dozens": (12, "pieces"),
    "metres": (100, "centimetres"),
    "kilograms": (1000, "grams"),
}
WEEKDAY = Wordings(
    train=(
        "Which day is it {n} days after {day}?",
        "What day is it {n} days after a {day}?",
        "Today is {day}. Which day is it in {n} days?",
        "Today is {day}. What day of the week will it be in {n} days?",
        "It is {day}. Which day will it be {n} days later?",
        "Which weekday comes {n} days after {day}?",
        "Name the day {n} days after {day}.",
        "Name the weekday that is {n} days after {day}.",
        "What weekday is {n} days later than {day}?",
        "Count {n} days on from {day}. Which day is it?",
        "Start on {day} and go on {n} days. Which weekday is it then?",
        "If today is {day}, which day is it {n} days later?",
        "If today is {day}, what will the day be in {n} days?",
        "On which day of the week will it be {n} days after {day}?",
        "Find the day that comes {n} days after {day}.",
        "It is {day} now. What weekday will it be after {n} days?",
        "After {day}, {n} days go by. Which day is it now?",
        "Say which weekday it is {n} days after a {day}.",
    ),
    test=(
        "Today is {day}. Which weekday will it be {n} days later?",
        "Which day of the week comes {n} days after {day}?",
        "If today is {day}, what weekday is it after {n} days?",
        "Find the weekday that is {n} days later than {day}.",
        "It is {day} now. Which day will it be in {n} days?",
        "Count on {n} days from {day}. What day is it then?",
    ),
)
MONTH = Wordings(
    train=(
        "Which month is {n} months {way} {month}?",
        "What month is it {n} months {way} {month}?",
        "Name the month {n} months {way} {month}.",
        "Name the month that is {n} months {way} {month}.",
        "Find the month {n} months {way} {month}.",
        "Which month do you get {n} months {way} {month}?",
        "It is {month}. Which month is {n} months {later}?",
        "It is {month} now. What month is {n} months {later}?",
        "Take {month}. Which month is {n} months {later}?",
        "Start in {month} and go {n} months {later}. Which month is it?",
        "Start with {month}. What month is it {n} months {later}?",
        "What is the month {n} months {way} {month}?",
        "Say which month is {n} months {way} {month}.",
        "Take the month {month}. Name the one {n} months {later}.",
        "In which month are you {n} months {way} {month}?",
        "You are in {month}. Go {n} months {later}. Which month is it?",
        "Tell the month that you get {n} months {way} {month}.",
        "Think of {month}. Find the month {n} months {later}.",
    ),
    test=(
        "What month do you get {n} months {way} {month}?",
        "You are in {month}. Name the month {n} months {later}.",
        "It is {month}. Find the month that is {n} months {later}.",
        "Start in {month}. What month is {n} months {later}?",
        "Which is the month {n} months {way} {month}?",
        "Take {month} and go {n} months {later}. In which month are you now?",
    ),
)
CLOCK = Wordings(
    train=(
        "What time is it {n} minutes after {time}?",
        "It is {time}. What time is it {n} minutes later?",
        "It is {time}. What time will it be in {n} minutes?",
        "The clock shows {time}. What does it show {n} minutes later?",
        "The clock shows {time}. What will it show in {n} minutes?",
        "Add {n} minutes to {time}.",
        "Which time is {n} minutes after {time}?",
        "Give the time {n} minutes after {time}.",
        "A train leaves at {time} and takes {n} minutes. At what time does it arrive?",
        "A film starts at {time} and takes {n} minutes. When does it end?",
        "A walk starts at {time} and ends {n} minutes later. At what time does it end?",
        "What is the time {n} minutes later than {time}?",
        "Now it is {time}. Which time is it in {n} minutes?",
        "Start at {time} and wait {n} minutes. What time is it then?",
        "Find the time that is {n} minutes after {time}.",
        "If it is {time} now, what time is it in {n} minutes?",
        "Say what time it is {n} minutes after {time}.",
        "At {time} you wait for {n} minutes. What time is it then?",
    ),
    test=(
        "Now it is {time}. What time will it be {n} minutes later?",
        "The clock shows {time}. What time does it show in {n} minutes?",
        "A film starts at {time} and ends {n} minutes later. When does it end?",
        "Which time is it {n} minutes later than {time}?",
        "A walk starts at {time} and takes {n} minutes. At what time does it end?",
        "If it is {time}, what will the clock show in {n} minutes?",
    ),
)
UNIT = Wordings(
    train=(
        "How many {small} are {much}?",
        "How many {small} are there in {much}?",
        "How many {small} make {much}?",
        "What is {much} in {small}?",
        "Write {much} in {small}.",
        "Turn {much} into {small}.",
        "Change {much} into {small}.",
        "Give {much} in {small}.",
        "Find the number of {small} in {much}.",
        "How many {small} do {much} have?",
        "How many {small} do you need for {much}?",
        "Say how many {small} {much} are.",
        "You have {much}. How many {small} is that?",
        "How much is {much} in {small}?",
        "Count the {small} in {much}.",
        "Take {much}. How many {small} are that?",
        "What number of {small} is the same as {much}?",
        "Tell how many {small} there are in {much}.",
    ),
    test=(
        "What number of {small} are there in {much}?",
        "You need {much}. How many {small} is that?",
        "Find how many {small} make {much}.",
        "Say how much {much} is in {small}.",
        "Write the number of {small} in {much}.",
        "How many {small} do you have in {much}?",
    ),
)


def weekday(rng: random.Random, split: str) -> Question:
    """The day some days after another, 2 to 30; whole weeks are taken off first."""
    start, n = _start(rng, split, "weekday", DAYS, 30)
    weeks, rest = divmod(n, 7)
    row = [DAYS[(start + i) % 7] for i in range(rest + 1)]
    working = f"7 * {weeks} = {7 * weeks}. {n} - {7 * weeks} = {rest}. {_counted(row)}"
    text = WEEKDAY.pick(rng, split).format(day=DAYS[start], n=n)
    return _question("weekday", text, row[-1], "word", working, 1 + n // 10)


def month(rng: random.Random, split: str) -> Question:
    """The month some months after another or before it, 2 to 20; a whole year is taken off first."""
    sign = rng.choice((1, -1))
    start, n = _start(rng, split, f"month{sign}", MONTHS, 20)
    years, rest = divmod(n, 12)
    row = [MONTHS[(start + sign * i) % 12] for i in range(rest + 1)]
    working = f"12 * {years} = {12 * years}. {n} - {12 * years} = {rest}. {_counted(row)}"
    way, later = ("after", "later") if sign > 0 else ("before", "earlier")
    text = MONTH.pick(rng, split).format(month=MONTHS[start], n=n, way=way, later=later)
    return _question("month", text, row[-1], "word", working, 1 + n // 6)


def clock(rng: random.Random, split: str) -> Question:
    """The time 5 to 59 minutes after one between 10:00 and 22:59: two digits always, and never past midnight."""

    def make() -> tuple[object, ...]:
        return "clock", rng.randint(10, 22), 5 * rng.randrange(12), 5 * rng.randint(1, 11)

    hour, minute, n = (int(str(part)) for part in draw(rng, split, make)[1:])
    total = minute + n
    working, ends = f"{minute} + {n} = {total}.", f"{hour}:{total:02}"
    if total > 59:
        working = f"{working} {total} - 60 = {total - 60}. {hour} + 1 = {hour + 1}."
        ends = f"{hour + 1}:{total - 60:02}"
    text = CLOCK.pick(rng, split).format(time=f"{hour}:{minute:02}", n=n)
    return _question("clock", text, ends, "word", working, 1 + total // 60)


def units(rng: random.Random, split: str) -> Question:
    """2 to 9 of a large unit in small ones, now and then with some small ones on top."""

    def make() -> tuple[object, ...]:
        return "units", rng.choice(list(UNITS)), rng.randint(2, 9), rng.choice((0, rng.randint(2, 9)))

    _, large, *drawn = draw(rng, split, make)
    n, more = (int(str(part)) for part in drawn)
    size, small = UNITS[str(large)]
    total = n * size + more
    working = f"{size} {small} each. {n} * {size} = {n * size}."
    much = f"{n} {large}"
    if more:
        working, much = f"{working} {n * size} + {more} = {total}.", f"{much} and {more} {small}"
    text = UNIT.pick(rng, split).format(small=small, much=much)
    return _question("units", text, str(total), "number", working, 2 if more else 1)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "weekday": weekday,
    "month": month,
    "clock": clock,
    "units": units,
}


def _start(rng: random.Random, split: str, kind: str, names: Sequence[str], most: int) -> tuple[int, int]:
    """Where in the names to start, and how many steps to go."""
    drawn = draw(rng, split, lambda: (kind, rng.randrange(len(names)), rng.randint(2, most)))
    return int(str(drawn[1])), int(str(drawn[2]))


def _counted(row: list[str]) -> str:
    """The names with what was counted so far: "Monday, 1 Tuesday, 2 Wednesday."."""
    return ", ".join(f"{i} {name}" if i else name for i, name in enumerate(row)) + "."


def _question(task: str, text: str, answer: str, checker: str, working: str, difficulty: int) -> Question:
    worked = f"{working} Answer: {answer}"
    return Question(identify(task, text), "dates", task, text, answer, answer, checker, worked, difficulty=difficulty)
