"""Worked solutions in told forms, and the conversations around them, follow from their questions and can be checked."""

import random
import re
from collections.abc import Iterator

import pytest

from models.zoo import formats
from models.zoo.check import check
from models.zoo.conversations import MAKERS
from models.zoo.curriculum import CURRICULA
from models.zoo.families import TASKS
from models.zoo.stepping import FIELDED, FORM_OF, FORMS, fielded, form_of, steps_of, supervised
from strategies.core.fields import faults_in, steps_in
from strategies.core.forms import form_for
from strategies.core.parse import final
from strategies.core.steps import fault_in, lines_of
from strategies.debate import read as argument
from strategies.debate import verdict
from strategies.decompose import parts_of
from strategies.self_consistency import named
from strategies.sift import read as sticker
from tests.models.zoo.draws import drawn, steps

TOLD = {"two_step", "number_steps"}
"""Tasks whose steps use told numbers alone; the others need one such as 60, or the tens of a factor."""


def made(kind: str, n: int = 20) -> Iterator[tuple[str, str]]:
    """The last prompt and the reply to learn, in conversations of one format from every model's mixture."""
    for curriculum in CURRICULA.values():
        chance = random.Random(f"stepping {kind}")
        for _ in range(n):
            turns = MAKERS[kind](curriculum, chance)
            yield turns[-2][1], turns[-1][1]


def filled(template: str, prompt: str) -> dict[str, str]:
    """What stands in the places of a prompt's template; empty if it is another prompt."""
    pattern = re.escape(template)
    names: list[str] = []
    pattern = pattern.replace(r"\{question\}", r"(?P<question>.*)", 1)  # it may have paragraphs
    for name in re.findall(r"\\\{(\w+)\\\}", pattern):
        pattern = pattern.replace(rf"\{{{name}\}}", f"(?P={name})" if name in names else f"(?P<{name}>.*?)", 1)
        names.append(name)
    found = re.fullmatch(pattern, prompt, re.DOTALL)
    return {} if found is None else found.groupdict()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", list(FORM_OF))
def test_steps_in_a_form_are_numbered_end_in_the_answer_and_hold(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split, 40):
        assert form_of(question) in FORMS
        reply = supervised(question)
        rows = reply.split("\n")
        assert lines_of(reply) == steps_of(question) == [row.split(": ", 1)[1] for row in rows[:-1]]
        assert rows[-1] == f"Answer: {question.answer}"
        assert check(question, reply)
        assert all(real == said for real, said in steps(reply)), reply
        suited = form_for(question.prompt)
        if suited is not None:
            assert fault_in(suited.form, suited.task, lines_of(reply), reply) is None, reply


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", [*FIELDED, "chain"])
def test_steps_of_four_fields_can_be_read_resolve_and_hold(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split, 40):
        reply = fielded(question)
        assert reply is not None
        assert final(reply) == question.answer
        assert check(question, reply)
        found = steps_in(reply)
        assert found is not None
        assert faults_in(found, question.prompt) == [], reply
        for i, step in enumerate(found, 1):
            for n in map(int, re.findall(r"step (\d+)", step.input)):
                assert n < i
                assert found[n - 1].output in step.input
            told = re.findall(r"(\d+) \(question\)", step.input) if task in TOLD else []
            assert set(told) <= set(re.findall(r"\d+", question.prompt)), reply


@pytest.mark.parametrize("task", sorted({*TASKS} - {*FIELDED} - {"chain"}))
def test_a_question_whose_working_has_no_such_steps_has_no_fields(task: str) -> None:
    assert all(fielded(question) is None for question in drawn(TASKS[task], "train", 5))


@pytest.mark.parametrize("task", sorted({*TASKS} - {*FORM_OF}))
def test_a_task_without_a_form_has_none(task: str) -> None:
    assert all(form_of(question) is None for question in drawn(TASKS[task], "train", 3))


def test_a_solution_with_its_smaller_questions_answers_them_with_sums_that_hold() -> None:
    for prompt, reply in made("solve"):
        parts = filled(formats.SOLVE, prompt)["parts"]
        assert parts_of(parts)
        assert "\n" not in final(reply)
        assert "Answer: " in reply
        assert all(real == said for real, said in steps(reply)), reply


def test_a_sticker_is_put_right_to_one_with_every_sentence_that_states_a_number() -> None:
    kinds = set()
    for prompt, reply in made("with_sticker"):
        fixing, solving = filled(formats.FIX_STICKER, prompt), filled(formats.WITH_STICKER, prompt)
        assert bool(fixing) != bool(solving)
        kinds.add(bool(fixing))
        if fixing:
            assert sticker(reply) == reply
            given = [row.split(". ", 1)[1] for row in reply.split("\n")[1:-1]]
            assert all(row in fixing["question"] for row in given), prompt
            told = fixing["question"].replace(reply.rsplit("QUESTION: ", 1)[1], "")
            if "Table" not in told:  # rows of a table are no sentences, and the zoo's stickers leave them out
                assert re.findall(r"\d+", " ".join(given)) == re.findall(r"\d+", told), prompt
        else:
            assert sticker(solving["sticker"]) == solving["sticker"]
            assert all(real == said for real, said in steps(reply)), reply
            assert "Answer: " in reply
    assert kinds == {True, False}


def test_steps_are_asked_in_a_form_and_what_is_left_of_them_goes_on_from_those_shown() -> None:
    shapes, shortened = set(), 0
    for prompt, reply in made("stepped", 60):
        rest = filled(formats.GO_ON, prompt)
        shortened += bool(rest)
        whole = f"{rest['steps']}\n{reply}" if rest else reply
        places = filled(formats.SUPERVISED, rest["asked"] if rest else prompt)
        name = next(name for name, form in FORMS.items() if (form.how, form.shape) == (places["how"], places["shape"]))
        shapes.add(name)
        rows = whole.split("\n")
        assert [int(row.split(":")[0].removeprefix("Step ")) for row in rows[:-1]] == list(range(1, len(rows)))
        suited = form_for(places["question"])
        if suited is not None:
            assert suited.name == name
            assert fault_in(suited.form, suited.task, lines_of(whole), whole) is None, whole
    assert shapes == set(FORMS)
    assert shortened > 5


def test_fields_to_learn_have_no_fault() -> None:
    for prompt, reply in made("fields"):
        found = steps_in(reply)
        assert found is not None
        assert faults_in(found, filled(formats.FIELDS, prompt)["question"]) == [], reply


def test_the_answer_to_select_is_the_first_of_those_that_most_give() -> None:
    for prompt, reply in made("select"):
        places = filled(formats.SELECT, prompt)
        rows = [row.split(". ", 1)[1].removesuffix(" Thank you.") for row in places["answers"].split("\n")]
        assert len(rows) == int(places["n"])
        most = max(rows.count(row) for row in rows)
        kept = named(reply, len(rows))
        assert kept == next(i for i, row in enumerate(rows, 1) if rows.count(row) == most)
        assert reply == str(kept)


def test_an_argument_quotes_its_text_and_a_judgement_goes_to_the_answer_that_the_quote_tells() -> None:
    kinds, named_alike = set(), []
    for prompt, reply in made("debate"):
        case, judged = filled(formats.ARGUE, prompt), filled(formats.JUDGE, prompt)
        assert bool(case) != bool(judged)
        kinds.add(bool(case))
        if case:
            found = argument(case["side"], reply, case["text"])
            assert (found.valid, found.verified, found.unverified) == (True, 1, 0), reply
            assert found.text.endswith(f"So answer {case['side']} is right.")
            assert case["a"] != case["b"]
        else:
            side = verdict(reply)
            quote = reply.split("\n")[0]
            assert f"{side}: {quote} (verified)" in judged["said"]
            answer = judged["a" if side == "A" else "b"]
            named_alike.append(bool(set(words_of(answer)) & set(words_of(quote))))
    assert kinds == {True, False}
    assert sum(named_alike) >= 0.95 * len(named_alike)  # now and then the quote tells the same of somebody else


def words_of(text: str) -> list[str]:
    """The names and numbers of a text."""
    return re.findall(r"\b(?:[A-Z]\w+|\d+)\b", text)
