"""Answers in a told form: what is asked for stands in the text, and the checker holds the form."""

import json
import random
import re

import pytest

from models.zoo import styles
from models.zoo.check import check
from models.zoo.question import Question, Wordings
from models.zoo.styles import LISTED, TASKS
from models.zoo.world import FIRST, LAST
from tests.models.zoo.wording import strange_words

PERSON = re.compile(rf"\b(?:{'|'.join(FIRST)}) (?:{'|'.join(LAST)})\b")
SENTENCE = {
    "city": r"lives in (\w+)\.",
    "job": r"\bis a (\w+)\.",
    "instrument": r"plays the (\w+)\.",
    "age": r"is (\d+) years old\.",
}
ASKED = {"city": "Where does", "job": "What is the job", "instrument": "Which instrument"}


def made(task: str, split: str, n: int = 200) -> list[Question]:
    """n questions of a task."""
    rng = random.Random(f"{task}-{split}")
    return [TASKS[task](rng, split) for _ in range(n)]


def person(question: Question) -> str:
    """The one person of the text."""
    (who,) = set(PERSON.findall(question.question))
    return str(who)


def kind(question: Question) -> str:
    """What is to be listed."""
    return next(name for name in LISTED if re.search(rf"\b{name}\b", question.question))


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_object_holds_what_the_text_says_under_the_keys_in_their_order(split: str) -> None:
    sizes = set()
    for q in made("json_object", split):
        found = json.loads(q.answer)
        sizes.add(len(found))
        assert found.pop("name") == person(q)
        for key, value in found.items():
            said = re.findall(SENTENCE[key], q.question)
            assert said == [str(value)]
            assert isinstance(value, int) == (key == "age")
        assert " and ".join(", ".join(["name", *found]).rsplit(", ", 1)) in q.question
    assert sizes == {2, 3}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_one_word_is_what_the_text_says(split: str) -> None:
    for q in made("one_word", split):
        key = next(one for one, start in ASKED.items() if start in q.question)
        assert re.findall(SENTENCE[key], q.question) == [q.answer]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_list_names_the_three_of_its_kind_in_the_order_of_the_text(split: str) -> None:
    kinds = set()
    assert any(q.answer.split(", ") != sorted(q.answer.split(", ")) for q in made("as_list", split))
    for q in made("as_list", split):
        kinds.add(kind(q))
        words = set(LISTED[kind(q)][0])
        assert q.answer.split(", ") == [word for word in re.findall(r"\w+", q.question) if word in words]
        assert q.answer.count(",") == 2
    assert kinds == set(LISTED)


@pytest.mark.parametrize("task", ["one_word", "as_list"])
def test_the_checker_takes_the_reply_and_no_sentence_around_it(task: str) -> None:
    for q in made(task, "test"):
        assert check(q, q.reply) == 1.0
        assert check(q, f"I think that {q.reply}") == 0.0
        assert check(q, q.reply[:-1]) == 0.0


def test_the_checker_takes_the_object_and_neither_text_around_it_nor_another_value() -> None:
    for q in made("json_object", "test"):
        assert check(q, q.reply) == 1.0
        assert check(q, json.dumps(json.loads(q.reply), indent=1)) == 1.0
        assert check(q, f"Here it is: {q.reply}") == 0.0
        assert check(q, q.reply.replace(person(q), "Mira")) == 0.0


@pytest.mark.parametrize("wordings", [styles.OBJECT, styles.WORD, styles.LIST])
def test_a_wording_of_testing_is_new_but_its_words_are_not(wordings: Wordings) -> None:
    assert strange_words(wordings) == set()


@pytest.mark.parametrize("task", ["json_object", "one_word"])
def test_no_person_of_testing_is_drawn_in_training(task: str) -> None:
    trained = {person(q) for q in made(task, "train", 2000)}
    assert not trained & {person(q) for q in made(task, "test", 2000)}


def test_no_list_of_testing_is_drawn_in_training() -> None:
    trained = {q.answer for q in made("as_list", "train", 2000)}
    assert not trained & {q.answer for q in made("as_list", "test", 2000)}
