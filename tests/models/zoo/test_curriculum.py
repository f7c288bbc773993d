"""What the models are trained on: targets in the strategies' formats that follow from their prompts."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from models.zoo import ZOO, facts, rules
from models.zoo.check import check
from models.zoo.conversations import MAKERS, UNTOLD, Turn
from models.zoo.curriculum import CURRICULA, Curriculum
from models.zoo.documents import paragraphs
from models.zoo.families import FAMILIES, TASKS
from models.zoo.flaws import NO_FAULT, flag, spoil
from models.zoo.parts import divide, stick
from models.zoo.question import Question, held_out
from models.zoo.world import KINDS, world

HEADINGS = (
    "1. AGREED:",
    "2. CONFLICTS:",
    "3. RESOLVED:",
    "4. ALONE:",
    "5. UNION:",
    "6. COMBINED:",
    "7. CHOICE:",
    "FINAL ANSWER:",
)


def made(kind: str, n: int = 60) -> Iterator[list[Turn]]:
    """Conversations of one format from every model's mixture."""
    for curriculum in CURRICULA.values():
        rng = random.Random(kind)
        for _ in range(n):
            yield MAKERS[kind](curriculum, rng)


def test_every_model_has_a_curriculum() -> None:
    assert set(CURRICULA) == set(ZOO)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_conversation_ends_with_something_the_assistant_says(kind: str) -> None:
    for turns in made(kind, 25):
        assert turns[-1][0] == "assistant"
        assert all(text.strip() for _, text in turns)


def test_the_same_seed_gives_the_same_conversations() -> None:
    for curriculum in CURRICULA.values():
        first, second = random.Random(1), random.Random(1)
        assert [curriculum.conversation(first) for _ in range(30)] == [
            curriculum.conversation(second) for _ in range(30)
        ]


def test_a_panel_is_one_json_object_with_as_many_roles_as_asked_for() -> None:
    for turns in made("roles"):
        wanted = int(turns[1][1].split("Name exactly ")[1].split()[0])
        assert len(json.loads(turns[-1][1])) == wanted


def test_a_merge_has_the_seven_steps_and_keeps_what_most_experts_said() -> None:
    for turns in made("merge"):
        prompt, target = turns[-2][1], turns[-1][1]
        places = [target.index(heading) for heading in HEADINGS]
        assert places == sorted(places)
        final = target.split("FINAL ANSWER: ")[1]
        assert final in prompt or f"6. COMBINED: {final}\n" in target
        agreed = target.split("1. AGREED: ")[1].split("\n")[0]
        n = int(str(re.search(r"(\d+) experts answered it", prompt)).split("'")[1].split()[0])
        said = re.findall(r"Answer \d+, by [^\n]*:\n(.*?)(?=\n\n)", prompt, re.DOTALL)
        if agreed != "none":
            assert 2 * sum(text.rsplit("Answer: ", 1)[-1] in agreed for text in said) > n


def test_what_stands_in_the_documents_only_is_never_learned() -> None:
    secret = {fact.state() for fact in world() if fact.status == "documents"}
    for kind in MAKERS:
        for turns in made(kind, 25):
            shown = "\n".join(text for role, text in turns if role != "assistant")
            for role, text in turns:
                if role == "assistant":
                    assert not any(one in text and one not in shown for one in secret)


def test_copied_sentences_stand_in_the_passages_word_for_word() -> None:
    for turns in made("extract"):
        for sentence in re.findall(r"<sentence>(.*?)</sentence>", turns[-1][1]):
            assert sentence in turns[-2][1]


def test_an_order_names_every_sentence_once() -> None:
    for turns in made("order"):
        count = len(re.findall(r"^\(\d+\)", turns[-2][1], re.MULTILINE))
        ranks = re.findall(r"\d+", turns[-1][1].split("ORDER: ")[1].split("\n")[0])
        assert sorted(map(int, ranks)) == list(range(1, count + 1))


@pytest.mark.parametrize("task", TASKS)
def test_a_spoiled_reply_is_wrong(task: str) -> None:
    rng = random.Random(task)
    for _ in range(40):
        question = TASKS[task](rng, "train")
        assert check(question, spoil(rng, question)) == 0.0


@pytest.mark.parametrize("task", [task for task in TASKS if task != "documents"])
def test_a_fault_quotes_the_draft_and_no_fault_is_found_in_a_right_one(task: str) -> None:
    rng = random.Random(task)
    for _ in range(60):
        question = TASKS[task](rng, "train")
        found = flag(rng, question, facts.UNKNOWN)
        if found.fault == NO_FAULT:
            assert check(question, found.draft) == 1.0
        else:
            assert check(question, found.draft) == 0.0
            assert found.fault.split('"')[1] in found.draft


def test_a_wrong_step_is_the_one_that_does_not_hold() -> None:
    rng = random.Random(1)
    seen = 0
    for _ in range(300):
        question = TASKS["product"](rng, "train")
        found = flag(rng, question, "")
        step = re.match(r'"(\d+) ([*+]) (\d+) = (\d+)" is wrong', found.fault)
        if step:
            seen += 1
            a, b = int(step[1]), int(step[3])
            assert (a * b if step[2] == "*" else a + b) != int(step[4])
    assert seen > 50


def test_a_rule_that_only_examples_tell_is_unknown_without_them_and_solved_with_them() -> None:
    curriculum = CURRICULA["follower"]
    rng = random.Random(2)
    for _ in range(50):
        question = curriculum.question(rng, told=False)
        assert question.task in UNTOLD
        assert curriculum.reply(question) == facts.UNKNOWN
    asked = replace(curriculum, tasks=dict.fromkeys(sorted(UNTOLD), 1.0))
    for kind in ("shots", "demonstrated"):
        for _ in range(60):
            assert MAKERS[kind](asked, rng)[-1][1] != facts.UNKNOWN


def test_examples_before_the_third_are_shown_and_not_learned() -> None:
    for turns in made("shots", 30):
        roles = [role for role, _ in turns if role != "user"]
        assert roles[:2] == ["told", "told"]
        assert set(roles[2:]) == {"assistant"}


def test_a_sticker_keeps_every_number_and_asks_without_them() -> None:
    assert stick("Tom has 12 eggs. Tom buys 5 more. How many eggs does Tom have?") == (
        "CONDITIONS:\n1. Tom has 12 eggs.\n2. Tom buys 5 more.\nQUESTION: How many eggs does Tom have?"
    )
    assert stick("What is 3 + 4?") is None


def test_a_decomposition_asks_in_steps_and_tells_no_answer() -> None:
    rng = random.Random(3)
    for task, n in (("two_step", 2), ("two_hop", 2), ("chain", 0)):
        for _ in range(40):
            question = TASKS[task](rng, "train")
            parts = divide(question)
            assert len(parts) >= n
            assert all(part.endswith("?") or part.endswith(".") for part in parts)
            if question.checker in ("number", "name") and question.answer not in question.prompt:
                assert not any(question.answer in part for part in parts)
    assert divide(TASKS["sum"](rng, "train")) == []


def test_a_judgement_of_an_answer_is_right() -> None:
    class One(Curriculum):
        """The mixture of one question."""

        def question(self, rng: random.Random, *, worked: bool = False, told: bool = True) -> Question:
            return asked

    seen = set()
    for task in TASKS:
        rng = random.Random(task)
        for _ in range(10):
            asked = TASKS[task](rng, "train")
            mixture = One(CURRICULA["scholar"].tasks, CURRICULA["scholar"].formats)
            prompt, said = (text for _, text in MAKERS["post"](mixture, rng))
            answer = prompt.split("Somebody's answer:\n")[1].rsplit("\n\n", 1)[0]
            known = mixture.reply(asked) != facts.UNKNOWN
            assert said == (("yes" if check(asked, answer) else "no") if known else "unknown")
            assert task != "documents" or not check(asked, answer)
            seen.add(said)
    assert seen == {"yes", "no", "unknown"}


def test_every_family_has_its_tasks_in_the_generalists_mixture() -> None:
    asked = set(CURRICULA["generalist"].tasks)
    assert asked == {task for tasks in FAMILIES.values() for task in tasks}


def test_invented_passages_hold_every_relation_of_their_kind() -> None:
    for kind, relations in KINDS.items():
        assert all(len(text.split(". ")) == len(relations) for text in paragraphs(kind))


def test_demonstrations_in_a_conversation_follow_the_asked_rule() -> None:
    curriculum = CURRICULA["follower"]
    rng = random.Random(5)
    for _ in range(30):
        question = curriculum.question(rng, told=False)
        assert question.rule is not None
        for one in curriculum.same(rng, question, 3):
            assert one.rule is not None
            assert one.rule.rsplit("|", 1)[0] == question.rule.rsplit("|", 1)[0]
            assert one.question != question.question


def test_examples_in_a_question_are_followed_by_no_others_of_the_test_split() -> None:
    rng = random.Random(6)
    for _ in range(100):
        question = rules.shown(rng, "train")
        assert question.rule is not None
        for one in rules.demonstrations(question, rng, 3, "train"):
            assert one.rule is not None
            rule, given = one.rule.rsplit("|", 1)
            assert not held_out(rule, given)


@pytest.mark.parametrize(("task", "sign"), [("sum", "+"), ("difference", "-"), ("product", "*")])
def test_no_story_that_is_trained_on_holds_numbers_that_a_bare_question_is_tested_on(task: str, sign: str) -> None:
    def numbers(question: Question) -> tuple[int, ...]:
        return tuple(sorted(map(int, re.findall(r"\d+", str(question.worked).split(":")[0]))))

    rng = random.Random(7)
    for asked, told in (("test", "train"), ("train", "test")):
        bare = {numbers(TASKS[task](rng, asked)) for _ in range(1500)}
        stories = (TASKS["one_step"](rng, told) for _ in range(1500))
        assert not bare & {numbers(one) for one in stories if f" {sign} " in str(one.worked).split(":")[0]}
