"""A passage holds the answer, and only the sentence about who is asked."""

import random
import re

import pytest

from models.zoo import Question, check
from models.zoo.reading import HOPS, TASKS, _by_passage
from models.zoo.world import FIRST, KINDS, LAST, PERSON, VALUES, Relation, world

RELATIONS = [relation for kind in KINDS.values() for relation in kind]
SUBJECT = r"(?P<x>[A-Z]\w+(?: [A-Z]\w+)?)"
FORMS = [
    (
        relation,
        re.compile(
            "^" + re.escape(state).replace(r"\{x\}", SUBJECT).replace(r"\{y\}", r"(?P<y>[A-Z]?\w+(?: [A-Z]\w+)?)") + "$"
        ),
    )
    for relation in RELATIONS
    for state in relation.states
]
PERSON_NAME = re.compile(rf"\b(?:{'|'.join(FIRST)}) (?:{'|'.join(LAST)})\b")


def told(question: Question) -> list[tuple[str, str, str]]:
    """Subject, relation and value of each sentence of the passage; "kin" and a person for a link between people."""
    rows = []
    for sentence in re.split(r"(?<=\.) ", str(question.context)):
        kin = re.fullmatch(r"The (\w+) of (.+) is ([A-Z]\w+ [A-Z]\w+)\.", sentence)
        found = [(m["x"], relation.name, m["y"]) for relation, form in FORMS if (m := form.match(sentence))]
        if kin and kin[1] not in ("mayor", "founder"):
            rows.append((kin[2], "kin", kin[3]))
        else:
            assert found, sentence
            rows.append(found[0])
    return rows


def drawn(task: str, split: str, n: int) -> list[Question]:
    rng = random.Random(f"{task} {split}")
    return [TASKS[task](rng, split) for _ in range(n)]


def said(question: Question) -> tuple[str, str, str]:
    """What the reply states."""
    return next((m["x"], relation.name, m["y"]) for relation, form in FORMS if (m := form.match(question.reply)))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", ["one_hop", "distractors", "contradicted"])
def test_the_passage_says_one_thing_of_who_is_asked_and_that_is_the_answer(task: str, split: str) -> None:
    for question in drawn(task, split, 200):
        subject, relation, value = said(question)
        assert value == question.answer
        assert re.search(rf"\b{subject}\b", question.question)
        assert {row[2] for row in told(question) if row[:2] == (subject, relation)} == {value}


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_hops_lead_from_who_is_asked_to_the_answer(split: str) -> None:
    for question in drawn("two_hop", split, 200):
        rows = told(question)
        asked = str(next(iter(PERSON_NAME.findall(question.question))))
        through, relation, value = said(question)
        assert value == question.answer
        assert any(row[0] == asked and row[1] in ("kin", "employer") and row[2] == through for row in rows)
        assert [row[2] for row in rows if row[:2] == (through, relation)] == [value]
        assert through not in question.question


def test_look_alikes_share_a_name_and_the_passage_gives_them_other_values_of_the_same_kind() -> None:
    shared = 0
    for question in drawn("distractors", "train", 200):
        subject, relation, value = said(question)
        rows = told(question)
        assert 6 <= len(rows) <= 9
        same = [row for row in rows if row[1] == relation]
        assert len(same) >= 4
        assert [row[2] for row in same].count(value) == 1
        shared += sum(bool(set(row[0].split()) & set(subject.split())) for row in same if row[0] != subject)
    assert shared >= 400


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_passage_contradicts_a_fact_that_was_learned(split: str) -> None:
    facts = {(fact.subject, fact.relation.name): fact for fact in world()}
    for question in drawn("contradicted", split, 200):
        subject, relation, value = said(question)
        fact = facts[subject, relation]
        assert fact.status == "learned"
        assert fact.value != value
        assert check(question, fact.state()) == 0.0
        assert check(question, fact.value) == 0.0
        assert "passage" in question.question


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_refuses_another_value(task: str) -> None:
    for question in drawn(task, "test", 150):
        assert check(question, question.reply) == 1.0
        assert question.worked is None or check(question, question.worked) == 1.0
        kinds = [values for values in VALUES.values() if question.answer in values] or [("Mira Voss", "Tobin Marsh")]
        other = next(value for value in kinds[0] if value != question.answer and value not in question.question)
        assert check(question, question.reply.replace(question.answer, other)) == 0.0


def test_the_working_of_two_hops_quotes_the_passage() -> None:
    for question in drawn("two_hop", "train", 200):
        link, last, end = re.split(r"(?<=\.) ", str(question.worked))
        assert link in str(question.context)
        assert last in str(question.context)
        assert end == f"Answer: {question.answer}"


@pytest.mark.parametrize("task", ["one_hop", "two_hop", "distractors"])
def test_nobody_of_a_passage_of_testing_is_spoken_of_in_training(task: str) -> None:
    sides = [
        {name for q in drawn(task, split, 2000) for name in PERSON_NAME.findall(q.prompt)}
        for split in ("train", "test")
    ]
    assert not sides[0] & sides[1]


def test_no_contradiction_of_testing_is_stated_in_training() -> None:
    sides = [{said(question) for question in drawn("contradicted", split, 2000)} for split in ("train", "test")]
    assert not sides[0] & sides[1]


def test_each_task_has_twenty_wordings_or_more_and_each_relation_some_for_testing() -> None:
    for every in ([r.asks for r in PERSON], list(HOPS.values()), [_by_passage(r) for r in RELATIONS]):
        assert sum(len(wordings.train) for wordings in every) >= 17
        assert sum(len(wordings.test) for wordings in every) >= 5
        assert all(len(wordings.train) >= 3 and wordings.test for wordings in every)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_wordings_of_testing_are_new_and_made_of_known_words(relation: Relation) -> None:
    assert len(relation.asks.train) >= 6
    assert len(relation.asks.test) >= 2
    for wordings in (relation.asks, _by_passage(relation), HOPS.get(relation.name, relation.asks)):
        assert not set(wordings.train) & set(wordings.test)
        known = set(re.findall(r"\w+", " ".join(wordings.train).lower()))
        assert not set(re.findall(r"\w+", " ".join(wordings.test).lower())) - known
