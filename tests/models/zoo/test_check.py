"""A checker takes a right answer in many forms and is not fooled by a wrong one."""

import pytest

from models.zoo import Question, check
from models.zoo.check import final


def asked(checker: str) -> Question:
    """One fixed question for each checker."""
    text, answer = {
        "number": ("What is 345 + 278?", "623"),
        "word": ('Reverse the word "lamp".', "pmal"),
        "list": ("Sort alphabetically: pear, fig, apple", "apple, fig, pear"),
        "name": ("Where was Mira Voss born?", "Halden"),
    }[checker]
    return Question("q", "family", "task", text, answer, answer, checker)


RIGHT = (
    ("number", "623"),
    ("number", "The answer is 623."),
    ("number", "345 + 278 = 623"),
    ("number", "I first thought 613.\nAnswer: 623"),
    ("number", "FINAL ANSWER: 623"),
    ("word", "pmal"),
    ("word", '"pmal".'),
    ("word", "The answer is pmal."),
    ("list", "apple, fig, pear"),
    ("list", "apple fig pear"),
    ("name", "Halden"),
    ("name", "Mira Voss was born in Halden."),
    ("name", "Mira Voss was born in Halden. [1]\nAnswer: Halden\n\n[1] Register of people"),
)
WRONG = (
    ("number", ""),
    ("number", "I do not know."),
    ("number", "613"),
    ("number", "6230"),
    ("number", "-623"),
    ("number", "623 or 613"),
    ("number", "612, 613, 623"),
    ("number", "Answer: 623\nAnswer: 613"),
    ("number", "345 and 278"),
    ("word", "lamp"),
    ("word", "pmal or palm"),
    ("word", "lamp backwards"),
    ("list", "fig, apple, pear"),
    ("list", "apple, fig"),
    ("list", "apple, fig, pear, plum"),
    ("name", ""),
    ("name", "I do not know."),
    ("name", "Brimore"),
    ("name", "Halden or Brimore"),
    ("name", "Mira Voss was not born in Halden."),
    ("name", "Halden, Brimore, Castell, Dunwick, Elmport, Farrow, Gransby"),
    ("name", "Answer: Brimore, not Halden"),
)
FOOLED = (
    ("number", "It is not 623."),
    ("number", "613 = 623"),
    ("name", "Tobin Marsh was born in Halden."),
    ("name", "Neither Halden nor here."),
    ("name", "Mira Voss works in Halden but was born elsewhere."),
)


@pytest.mark.parametrize(("checker", "reply"), RIGHT)
def test_a_right_answer_is_taken_in_many_forms(checker: str, reply: str) -> None:
    assert check(asked(checker), reply) == 1.0


@pytest.mark.parametrize(("checker", "reply"), WRONG)
def test_a_wrong_answer_is_refused(checker: str, reply: str) -> None:
    assert check(asked(checker), reply) == 0.0


@pytest.mark.parametrize(("checker", "reply"), FOOLED)
def test_a_wrong_answer_that_holds_the_right_words_is_refused(checker: str, reply: str) -> None:
    assert check(asked(checker), reply) == 0.0


def test_a_list_may_be_introduced() -> None:
    assert check(asked("list"), "The answer is apple, fig, pear.") == 1.0


def test_what_follows_the_last_mark_counts_up_to_the_end_of_its_line() -> None:
    assert final("Answer: 1\nanswer: 2\n\n[1] a title") == "2"
    assert final("no mark") == "no mark"
    assert final("Answer:") == ""


def of(checker: str, answer: str) -> Question:
    return Question("q", "f", "t", "Is it so?", answer, answer, checker)


@pytest.mark.parametrize("reply", ["yes", "Yes.", "Yes, it is.", "So Rex is blue. Answer: yes"])
def test_yes_is_taken_at_the_beginning_or_the_end(reply: str) -> None:
    assert check(of("yes_no", "yes"), reply) == 1.0
    assert check(of("yes_no", "no"), reply) == 0.0


@pytest.mark.parametrize(
    "reply", ["yes and no", "It depends.", "", "I do not know.", "No wug is cold.", "I know nothing, no", "yes no"]
)
def test_both_or_neither_is_no_answer(reply: str) -> None:
    assert check(of("yes_no", "yes"), reply) == 0.0
    assert check(of("yes_no", "no"), reply) == 0.0


def test_json_is_compared_as_a_value_and_nothing_may_stand_beside_it() -> None:
    asked = of("json", '{"name":"Mira Voss","age":26}')
    assert check(asked, '{ "age": 26, "name": "Mira Voss" }') == 1.0
    assert check(asked, '{"name":"Mira Voss","age":"26"}') == 0.0
    assert check(asked, 'Here: {"name":"Mira Voss","age":26}') == 0.0


def test_the_largest_of_some_numbers_is_not_found_by_listing_them_all() -> None:
    asked = Question("q", "sorting", "largest", "Which is the largest: 4, 9, 7?", "9", "9", "number")
    assert check(asked, "9") == 1.0
    assert check(asked, "4, 7, 9") == 0.0
    assert check(asked, "4 9: 9. 9 7: 9. Answer: 9") == 1.0


def test_a_list_of_numbers_must_have_their_order() -> None:
    assert check(of("list", "26, 79, 85"), "26 79 85") == 1.0
    assert check(of("list", "26, 79, 85"), "26, 85, 79") == 0.0
