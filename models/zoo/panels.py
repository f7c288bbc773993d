"""Who answers what: the names and manners of experts and the instructions of tasks, for prompts that cast them."""

import random

GROUPS = {
    "arithmetic": "numbers",
    "word_problems": "numbers",
    "dates": "numbers",
    "procedures": "order",
    "words": "letters",
    "sorting": "letters",
    "formats": "order",
    "reading": "texts",
    "tables": "texts",
    "facts": "facts",
    "rules": "rules",
    "logic": "rules",
}
"""Each family's group of experts."""
NAMES = {
    "numbers": (
        "careful bookkeeper",
        "teacher of arithmetic",
        "patient accountant",
        "engineer",
        "bank clerk",
        "statistician",
        "surveyor",
    ),
    "letters": (
        "typesetter",
        "proofreader",
        "spelling champion",
        "linguist",
        "editor",
        "teacher of spelling",
        "librarian of words",
    ),
    "texts": ("attentive reader", "court clerk", "archivist", "journalist", "researcher", "secretary", "detective"),
    "facts": (
        "local historian",
        "registrar",
        "geographer",
        "chronicler",
        "guide",
        "genealogist",
        "trade reporter",
    ),
    "rules": ("logician", "judge", "maker of puzzles", "philosopher", "keeper of rules", "examiner", "code breaker"),
    "order": ("stage manager", "cook", "quartermaster", "drill sergeant", "clerk of forms", "planner", "choreographer"),
}
CAREFUL = {
    "numbers": (
        "works step by step and shows the working",
        "writes down every step",
        "adds up column by column",
        "checks each step of a sum",
    ),
    "letters": (
        "goes through a word letter by letter",
        "writes down every letter",
        "works step by step and shows the working",
        "looks at each letter in turn",
    ),
    "texts": (
        "follows a text sentence by sentence",
        "notes who is who before answering",
        "works step by step and shows the working",
        "links one sentence to the next",
    ),
    "facts": (
        "knows people and places well",
        "remembers names and dates",
        "answers from memory",
        "knows the registers by heart",
    ),
    "rules": (
        "applies one rule after the other",
        "works step by step and shows the working",
        "writes down what follows from what",
        "goes from rule to rule",
    ),
    "order": (
        "does one step after the other",
        "writes down the state after each step",
        "works step by step and shows the working",
        "keeps to the procedure",
    ),
}
QUICK = ("gives short answers", "answers at once", "is known for quick and correct answers", "answers in one line")
INSTRUCTIONS = {
    "sum": "add the two numbers",
    "difference": "subtract the numbers",
    "product": "multiply the two numbers",
    "long_sum": "add the two numbers",
    "long_difference": "subtract the numbers",
    "one_step": "solve the problem",
    "two_step": "solve the problem",
    "backwards": "spell the word backwards",
    "count_letter": "count the letter in the word",
    "nth_letter": "find the letter at that place",
    "nth_word": "find the word at that place",
    "sort_words": "sort the words by the alphabet",
    "sort_numbers": "sort the numbers",
    "count_items": "count the things",
    "largest": "find the number",
    "weekday": "find the day",
    "month": "find the month",
    "clock": "find the time",
    "units": "convert the units",
    "number_steps": "follow the steps",
    "row_steps": "follow the steps",
    "label": "give the label of the word",
    "letter_rule": "apply the rule to the word",
    "number_rule": "apply the rule to the number",
    "shown": "find the rule in the examples",
    "pattern": "say whether it is a word of the language",
    "one_hop": "answer from the passage",
    "two_hop": "link the sentences of the passage and answer",
    "distractors": "answer from the passage",
    "contradicted": "answer from the passage",
    "cell": "read the table",
    "row_of": "read the table",
    "count_rows": "count in the table",
    "most": "compare the rows of the table",
    "chain": "follow the rules and answer",
    "which": "follow the rules and answer",
}
GENERAL = "answer the question"


def cast_panel(rng: random.Random, family: str, n: int) -> dict[str, str]:
    """n distinct roles for a family with a description each; about two in three work in steps."""
    group = GROUPS[family]
    picked = rng.sample(NAMES[group], n)
    return {name: rng.choice(CAREFUL[group]) if rng.random() < 0.67 else rng.choice(QUICK) for name in picked}


def works_in_steps(family: str, description: str) -> bool:
    """Whether an expert so described shows the working."""
    return description in CAREFUL[GROUPS[family]]


def instruction(task: str) -> str:
    """What to do, in the imperative."""
    return INSTRUCTIONS.get(task, GENERAL)
