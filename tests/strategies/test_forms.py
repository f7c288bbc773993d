"""The library of forms: which question gets which, right steps pass, and a wrong one is found where it stands."""

import random
import re

import pytest

from models.zoo import stepping
from models.zoo.families import TASKS
from models.zoo.question import Question
from strategies.core.forms import FORMS, form_for
from strategies.core.steps import fault_in, lines_of

DRAWN = 40
UNREAD = {"count_rows", "most"}
"""Tasks over tables: the zoo can write their steps, but no form reads a table."""
EVERYDAY = [
    "How many people live in Germany?",
    "How many times should I water basil, mint and thyme each week?",
    "Write a short poem about apples, pears and plums.",
    "Sort out my feelings about my job, please.",
    "Which is better for a small flat: a cat, a dog or a rabbit?",
    'Translate "good morning" into French, Spanish and German.',
    "Explain how photosynthesis works.",
    "How do I reverse a linked list in Python?",
    "What is the longest river in Africa?",
    "Why is the sky blue?",
    "How much does a litre of milk weigh?",
    "Give me a recipe with eggs, flour and sugar.",
    "My code says \"KeyError: 'name'\". What is wrong?",
    "How often should I replace my toothbrush?",
    "Is it safe to mix bleach, vinegar and ammonia?",
    "How many calories are in a banana?",
    "In what order should I read the Narnia books?",
    "Arrange a trip for two to Venice in May.",
    "Step 1 of my plan failed. What now?",
    "Can all birds fly? Is every bird a dinosaur?",
    "Who won the world cup in 2010, 2014 and 2018?",
    "What is the highest of the mountains Everest, K2 and Denali?",
    'What does "backwards compatible" mean?',
    'Why is "palindrome" not a palindrome when read backwards?',
    "Add a comment to line 12 and rename the variable in line 30.",
    "My flight leaves at 9:40 on 12 May and lands at 13:05. Is that too late for lunch?",
    "List 5 ideas for a birthday party for 10 kids.",
    "I have 2 cats and 1 dog. How much time do pets need each day?",
    "If all else fails, call me. If it rains, we stay. Is that right?",
    "Compare 1984, 2001 and 451 as titles.",
    "Make a table of name, age, city and salary.",
    "How many of my friends Anna, Ben, Carl and Dora like jazz?",
    "What is 15 percent of 80?",
    "How many letters does the Greek alphabet have?",
    "I was born in 1990. My brother is 3 years older and my sister came 2 years later. How many years apart are we?",
    "Should I invest 1000, 5000 or 10000 dollars?",
    "Put the files a.txt, b.txt and c.txt into alphabetical folders.",
    "How many legs do a cat, a dog, and a hen have in all?",
    "How many countries are in Europe, Asia, and Africa?",
    "How often does goat stand in this list: belt, drill, drill, belt?",
    "What is 12 - 345?",
    "What is 7 + 5?",
    'How many words are in "the quick brown fox"?',
]
CASES = [
    ("add", "What is 85 + 79?", 1, "8 + 7 + 1 = 16, write 6, carry 1", "8 + 7 + 1 = 16, write 6, carry 0"),
    ("add", "What is 85 + 79?", 1, "8 + 7 + 1 = 16, write 6, carry 1", "8 + 7 = 15, write 5, carry 1"),
    ("add", "What is 85 + 79?", 2, "written 4 6 1", "written 1 6 4"),
    ("subtract", "What is 9916 - 3136?", 1, "11 - 3 = 8, write 8, borrow 1", "3 - 1 = 2, write 2, borrow 0"),
    ("reverse", 'Spell the word "udok" backwards.', 2, "d, now k o d", "d, now k o o d"),
    ("reverse", 'Spell the word "udok" backwards.', 1, "o, now k o", "u, now k u"),
    ("sort", "Sort 26, 85, 79 in ascending order.", 0, "26, left 85 79", "79, left 26 85"),
    ("sort", "Sort 26, 85, 79 in ascending order.", 1, "79, left 85", "79, left none"),
    ("best", "Which is the largest of 75, 2, 9, 78?", 2, "9, best 75", "9, best 9"),
    ("best", "Which is the largest of 75, 2, 9, 78?", 2, "9, best 75", "78, best 78"),
    ("count", 'How often is "k" in "kiwok"?', 2, "w, count 1", "w, count 2"),
    ("count", "How many items does this list have: cat, dog, cat?", 1, "dog, count 2", "cat, count 2"),
    (
        "procedure",
        "Begin with 20. Step 1: take away 10. Step 2: halve it. What is the result?",
        1,
        "halve it, 10 / 2 = 5, value 5",
        "halve it, 10 / 2 = 6, value 6",
    ),
    (
        "procedure",
        "Begin with 20. Step 1: take away 10. Step 2: halve it. What is the result?",
        1,
        "halve it, 10 / 2 = 5, value 5",
        "halve it, 12 / 2 = 6, value 6",
    ),
    (
        "procedure",
        "Start with fox, bird, hill. Step 1: reverse the row. Step 2: swap the first two words. Give the row.",
        0,
        "reverse the row, value hill bird fox",
        "reverse the row, value hill bird dog",
    ),
    (
        "procedure",
        "Begin with 20. Step 1: take away 10. Step 2: halve it. What is the result?",
        0,
        "take away 10, 20 - 10 = 10, value 10",
        "take away 10, 30 - 10 = 20, value 20",
    ),
    (
        "procedure",
        "Start with fox, bird, hill. Step 1: reverse the row. Step 2: swap the first two words. Give the row.",
        1,
        "swap the first two words, value bird hill fox",
        "swap the first two words, value bird fox",
    ),
    (
        "amount",
        "Emma has 20 tickets. Later 19 more are given to her. She sells 6 of them. What is the number of tickets now?",
        1,
        "39 - 6 = 33, value 33",
        "39 - 6 = 34, value 34",
    ),
    (
        "chain",
        "Sam is a kern. Every kern is a fep. No fep is soft. Every fep is a dax. Is Sam soft?",
        0,
        "Sam is a kern. Every kern is a fep. So Sam is a fep.",
        "Sam is a kern. Every kern is a fep. So Sam is a dax.",
    ),
    (
        "chain",
        "Sam is a kern. Every kern is a fep. No fep is soft. Every fep is a dax. Is Sam soft?",
        1,
        "No fep is soft. So Sam is not soft.",
        "No fep is soft. So Sam is soft.",
    ),
    (
        "chain",
        "Sam is a kern. Every kern is a fep. No fep is soft. Every fep is a dax. Is Sam soft?",
        1,
        "No fep is soft. So Sam is not soft.",
        "No kern is soft. So Sam is not soft.",
    ),
]
"""For each form: a question, the number of a step (from 0), the step as it should be and with a planted fault."""
RIGHT = {
    "What is 85 + 79?": "5 + 9 = 14, write 4, carry 1|8 + 7 + 1 = 16, write 6, carry 1|written 4 6 1|164",
    "What is 9916 - 3136?": "6 - 6 = 0, write 0, borrow 0|11 - 3 = 8, write 8, borrow 1|9 - 1 - 1 = 7, write 7, "
    "borrow 0|9 - 3 = 6, write 6, borrow 0|written 0 8 7 6|6780",
    'Spell the word "udok" backwards.': "k, now k|o, now k o|d, now k o d|u, now k o d u|kodu",
    "Sort 26, 85, 79 in ascending order.": "26, left 85 79|79, left 85|85, left none|26, 79, 85",
    "Which is the largest of 75, 2, 9, 78?": "75, best 75|2, best 75|9, best 75|78, best 78|78",
    'How often is "k" in "kiwok"?': "k, count 1|i, count 1|w, count 1|o, count 1|k, count 2|2",
    "How many items does this list have: cat, dog, cat?": "cat, count 1|dog, count 2|cat, count 3|3",
    "Begin with 20. Step 1: take away 10. Step 2: halve it. What is the result?": "take away 10, 20 - 10 = 10, "
    "value 10|halve it, 10 / 2 = 5, value 5|5",
    "Start with fox, bird, hill. Step 1: reverse the row. Step 2: swap the first two words. Give the row.": "reverse "
    "the row, value hill bird fox|swap the first two words, value bird hill fox|bird hill fox",
    "Emma has 20 tickets. Later 19 more are given to her. She sells 6 of them. What is the number of tickets "
    "now?": "20 + 19 = 39, value 39|39 - 6 = 33, value 33|33",
    "Sam is a kern. Every kern is a fep. No fep is soft. Every fep is a dax. Is Sam soft?": "Sam is a kern. Every kern "
    "is a fep. So Sam is a fep.|No fep is soft. So Sam is not soft.|no",
}


def laid_out(steps: str) -> str:
    *rows, answer = steps.split("|")
    return "\n".join([*(f"Step {i}: {row}" for i, row in enumerate(rows, 1)), f"Answer: {answer}"])


def drawn(task: str, split: str) -> list[Question]:
    chance = random.Random(f"forms {task} {split}")
    return [TASKS[task](chance, split) for _ in range(DRAWN)]


def place_of_fault(question: str, reply: str) -> int | None:
    """The step in which a fault is found, from 0; None if there is none."""
    suited = form_for(question)
    assert suited is not None, question
    fault = fault_in(suited.form, suited.task, lines_of(reply), reply)
    return None if fault is None else fault.step


@pytest.mark.parametrize("question", EVERYDAY)
def test_an_everyday_question_gets_no_form(question: str) -> None:
    assert form_for(question) is None


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", list(TASKS))
def test_a_question_of_the_zoo_gets_its_form_or_none_and_its_right_steps_pass(task: str, split: str) -> None:
    sure = 0
    for question in drawn(task, split):
        suited = form_for(question.prompt)
        assert suited is None or suited.name == stepping.FORM_OF.get(task), question.prompt
        if suited is not None:
            sure += 1
            assert place_of_fault(question.prompt, stepping.supervised(question)) is None, question.prompt
    if task in stepping.FORM_OF and task not in UNREAD:
        assert sure >= DRAWN // 2


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", sorted({*stepping.FORM_OF} - UNREAD))
def test_a_wrong_last_number_or_word_in_any_step_is_found_in_that_step_and_a_wrong_answer_at_the_end(
    task: str, split: str
) -> None:
    for question in drawn(task, split)[:15]:
        if form_for(question.prompt) is None:
            continue
        rows = stepping.supervised(question).split("\n")
        for i in range(len(rows) - 1):
            spoiled = "\n".join([*rows[:i], spoil(rows[i]), *rows[i + 1 :]])
            assert place_of_fault(question.prompt, spoiled) == i, spoiled
        other = {"yes": "no", "no": "yes"}.get(
            question.answer, question.answer + ("1" if question.answer[-1].isdigit() else "x")
        )
        assert place_of_fault(question.prompt, "\n".join([*rows[:-1], f"Answer: {other}"])) == len(rows) - 1


def spoil(row: str) -> str:
    """A step with another last digit, or without it another last word."""
    head, body = row.split(": ", 1)
    if re.search(r"\d\D*$", body) and not re.search(r"\d.*left none", body):
        return f"{head}: " + re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), body)
    return f"{head}: " + re.sub(r"\w+(?=\W*$)", "qzx", body)


@pytest.mark.parametrize(("form", "question", "step", "right", "wrong"), CASES)
def test_a_planted_fault_is_found_in_its_step(form: str, question: str, step: int, right: str, wrong: str) -> None:
    suited = form_for(question)
    assert suited is not None
    assert suited.name == form
    told = laid_out(RIGHT[question])
    assert place_of_fault(question, told) is None
    assert f"Step {step + 1}: {right}\n" in told
    assert place_of_fault(question, told.replace(f"Step {step + 1}: {right}", f"Step {step + 1}: {wrong}")) == step


@pytest.mark.parametrize("question", list(RIGHT))
def test_steps_that_are_left_out_at_the_end_are_missed(question: str) -> None:
    rows = laid_out(RIGHT[question]).split("\n")
    cut = 3 if "written" in rows[-2] else 2
    short = "\n".join([*rows[:-cut], rows[-1]])
    assert place_of_fault(question, short) is not None


def test_a_step_after_the_last_item_is_the_fault() -> None:
    steps = "Step 1: 7, left 12 30\nStep 2: 12, left 30\nStep 3: 30, left none\nStep 4:\nAnswer: 7, 12, 30"
    assert place_of_fault("Sort these numbers in ascending order: 30, 7, 12", steps) == 3


def test_capital_letters_in_a_column_are_no_fault_and_a_missing_digit_is_one() -> None:
    rows = ["5 + 8 = 13, Write 3, Carry 1", "4 + 7 + 1 = 12, Write 2, Carry 1", "3 + 2 + 1 = 6, Write 6, Carry 0"]
    steps = "\n".join(f"Step {i}: {row}" for i, row in enumerate(rows, 1))
    suited = form_for("What is 345 + 278?")
    assert suited is not None
    assert fault_in(suited.form, suited.task, lines_of(steps), f"{steps}\nAnswer: 623") is None
    ends = suited.form.ends(suited.task, ["write", "write 2", "write 6"], "62")
    assert ends == "digits are missing"


def test_every_form_has_a_planted_fault() -> None:
    assert {case[0] for case in CASES} == set(FORMS)
