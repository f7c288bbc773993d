"""The ways of asking about a table: {c} is a column, {v} a value in it, {x} a person."""

from .question import Wordings

CELL = Wordings(
    (
        "What is the {c} of {x}?",
        "Which {c} does {x} have?",
        "What {c} does {x} have?",
        "Give the {c} of {x}.",
        "Find the {c} of {x}.",
        "Look up the {c} of {x}.",
        "Name the {c} of {x}.",
        "Which {c} is in the row of {x}?",
        "What {c} stands in the row of {x}?",
        "Look at {x}. What is the {c}?",
        "In the row of {x}, what is the {c}?",
        "In the table, what is the {c} of {x}?",
        "What does the table say is the {c} of {x}?",
        "Which {c} does the table give for {x}?",
        "Read the {c} of {x} in the table.",
        "Find {x} in the table. Which {c} is it?",
        "The row of {x}: what is the {c}?",
        "By the table, what is the {c} of {x}?",
    ),
    (
        "Which {c} stands in the table for {x}?",
        "Look up {x} in the table. What is the {c}?",
        "Find the row of {x}. Which {c} is in it?",
        "What {c} does the table give for {x}?",
        "By the table, which {c} does {x} have?",
        "Read the row of {x}. What is the {c}?",
    ),
)
ROW = Wordings(
    (
        "Who has the {c} {v}?",
        "Whose {c} is {v}?",
        "Which person has the {c} {v}?",
        "Who is it that has the {c} {v}?",
        "Name the person with the {c} {v}.",
        "Find the person with the {c} {v}.",
        "Who stands in the row with the {c} {v}?",
        "Which name is in the row with the {c} {v}?",
        "Which name stands beside the {c} {v}?",
        "The {c} is {v}. Who is it?",
        "The {c} is {v}. Which person is it?",
        "Look for the {c} {v}. Who has it?",
        "Look up who has the {c} {v}.",
        "In the table, who has the {c} {v}?",
        "By the table, whose {c} is {v}?",
        "Find the {c} {v} in the table. Whose is it?",
        "What is the name of the person with the {c} {v}?",
        "Give the name of the person whose {c} is {v}.",
    ),
    (
        "In the table, whose {c} is {v}?",
        "By the table, which person has the {c} {v}?",
        "Look for the {c} {v}. Which name stands beside it?",
        "Name the person whose {c} is {v}.",
        "Find the row with the {c} {v}. Who is it?",
        "What is the name in the row with the {c} {v}?",
    ),
)
COUNT = Wordings(
    (
        "How many rows have the {c} {v}?",
        "How many people have the {c} {v}?",
        "How many persons have the {c} {v}?",
        "In how many rows is the {c} {v}?",
        "Count the rows with the {c} {v}.",
        "Count the people with the {c} {v}.",
        "Count how often the {c} is {v}.",
        "How often is the {c} {v}?",
        "How often does the {c} {v} stand in the table?",
        "How many times is the {c} {v}?",
        "How many times does the {c} {v} occur?",
        "What is the number of rows with the {c} {v}?",
        "What is the number of people with the {c} {v}?",
        "Find the number of rows where the {c} is {v}.",
        "Look at the {c}. How many times is it {v}?",
        "In the table, how many people have the {c} {v}?",
        "By the table, how many have the {c} {v}?",
        "For how many people is the {c} {v}?",
    ),
    (
        "In the table, how often is the {c} {v}?",
        "By the table, how many people have the {c} {v}?",
        "Find the number of people with the {c} {v}.",
        "Count the rows where the {c} is {v}.",
        "How often does the {c} {v} occur?",
        "Look at the {c}. In how many rows is it {v}?",
    ),
)


def _of(end: str) -> Wordings:
    """The ways of asking for one end of a column."""
    train = (
        "Who has the {end} {c}?",
        "Which person has the {end} {c}?",
        "Whose {c} is the {end}?",
        "Whose {c} is {end}?",
        "Name the person with the {end} {c}.",
        "Find the person with the {end} {c}.",
        "Find the {end} {c}. Whose is it?",
        "Which name stands beside the {end} {c}?",
        "Who stands in the row with the {end} {c}?",
        "Look at the {c}. Who has the {end}?",
        "Look for the {end} {c}. Who has it?",
        "In the table, who has the {end} {c}?",
        "By the table, whose {c} is the {end}?",
        "Of all the people, who has the {end} {c}?",
        "What is the name of the person with the {end} {c}?",
        "Give the name of the person whose {c} is the {end}.",
        "Compare the {c} of all. Who has the {end}?",
        "Who of these people has the {end} {c}?",
    )
    test = (
        "In the table, whose {c} is the {end}?",
        "By the table, which person has the {end} {c}?",
        "Look for the {end} {c}. Whose is it?",
        "Name the person whose {c} is the {end}.",
        "Compare the {c} of all the people. Whose is the {end}?",
        "What is the name in the row with the {end} {c}?",
    )
    return Wordings(tuple(t.replace("{end}", end) for t in train), tuple(t.replace("{end}", end) for t in test))


HIGHEST = _of("highest")
LOWEST = _of("lowest")
