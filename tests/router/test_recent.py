"""A rewording keeps its arm; another question of its template, or one of which something was learned, does not."""

import numpy as np
import pytest

from router.recent import KEPT, MOST, About, Recent
from router.types import Arm, Feedback
from strategies.core.query import Vector
from tests.router.planted import ARMS, CANDIDATES, SIZE, asking, field, log, opened

HERE = np.eye(SIZE, dtype=np.float32)[0]
ASKED = "In which year did the botanist Ekaterina Volkova discover the silver fern?"
REWORDED = "The silver fern: which year was it discovered by botanist Ekaterina Volkova?"
TEMPLATE = "In which year did the {} {} discover the {} {}?"


def turned(cosine: float) -> Vector:
    """A direction this near."""
    aside = np.eye(SIZE, dtype=np.float32)[1]
    return np.asarray(cosine * HERE + (1 - cosine**2) ** 0.5 * aside, dtype=np.float32)


def given(*texts: str, arm: Arm = ARMS[0]) -> Recent:
    """These questions were given the arm; the last one lies here, the others elsewhere."""
    recent = Recent(SIZE)
    for i, text in enumerate(texts):
        x = HERE if i == len(texts) - 1 else np.eye(SIZE, dtype=np.float32)[2 + i % (SIZE - 2)]
        recent.remember(x, About.of(text), arm, 0)
    return recent


def others(n: int) -> list[str]:
    """Questions of the same template about other things."""
    return [
        TEMPLATE.format(f"expert{chr(97 + i)}", f"name{chr(97 + i)}", f"hue{chr(97 + i)}", f"plant{chr(97 + i)}")
        for i in range(n)
    ]


def kept(recent: Recent, text: str, x: Vector = HERE, frame: int = 0) -> float:
    """By how much another arm must be better; 0 where none is kept."""
    found = recent.near(x, About.of(text), frame)
    return 0.0 if found is None else found.allowed


@pytest.mark.parametrize("before", [0, 20])
def test_a_rewording_and_the_same_question_keep_their_arm(before: int) -> None:
    recent = given(*others(before), ASKED)
    assert kept(recent, ASKED) == MOST
    assert kept(recent, REWORDED, turned(0.9)) > MOST / 2
    found = recent.near(HERE, About.of(REWORDED), 0)
    assert found is not None
    assert found.arm == ARMS[0]


def test_another_question_of_the_same_template_is_picked_anew() -> None:
    recent = given(*others(20), ASKED)
    assert kept(recent, TEMPLATE.format("astronomer", "Piet Jansen", "red", "comet"), turned(0.9)) == 0.0


def test_the_same_words_with_other_numbers_are_another_question() -> None:
    recent = given("What is 12 times 34 of the silver coins?")
    assert kept(recent, "What is 12 times 34 of the silver coins") == MOST
    assert kept(recent, "What is 56 times 78 of the silver coins?") == 0.0


def test_the_farther_a_wording_lies_the_less_it_keeps_and_far_ones_keep_nothing() -> None:
    recent = given(ASKED)
    allowed = [kept(recent, ASKED, turned(cosine)) for cosine in (0.95, 0.68, 0.64, 0.5)]
    assert allowed[0] == MOST > allowed[1] > allowed[2] > allowed[3] == 0.0


def test_only_what_was_chosen_in_the_same_circumstances_is_kept() -> None:
    assert kept(given(ASKED), ASKED, frame=1) == 0.0


def test_a_text_about_nothing_keeps_nothing() -> None:
    assert kept(given("?!"), "?!") == 0.0


def test_what_was_decided_before_something_was_learned_nearby_does_not_count() -> None:
    recent = given(ASKED)
    recent.forget(turned(0.3))
    assert kept(recent, ASKED) == MOST
    recent.forget(turned(0.8))
    assert kept(recent, ASKED) == 0.0


def test_the_oldest_questions_are_forgotten_when_there_are_too_many() -> None:
    recent = given(ASKED)
    far = field(KEPT, seed=2).x - HERE
    for i in range(KEPT - 1):
        recent.remember(-np.abs(far[i]), About.of(f"something else {i}"), ARMS[1], 0)
    assert kept(recent, ASKED) > 0.0
    recent.remember(-np.abs(far[0]), About.of("one more"), ARMS[1], 0)
    assert kept(recent, ASKED) == 0.0


@pytest.mark.parametrize("broken", [np.full(SIZE, np.nan, np.float32), np.zeros(3, np.float32)])
def test_a_broken_embedding_is_neither_kept_nor_kept_to(broken: Vector) -> None:
    recent = given(ASKED)
    recent.remember(broken, About.of(ASKED), ARMS[1], 0)
    recent.forget(broken)
    assert kept(recent, ASKED, broken) == 0.0
    assert kept(recent, ASKED) == MOST


def test_a_question_keeps_its_arm_in_other_words_until_something_is_learned_there() -> None:
    policy, x = opened(explore=False), turned(0.9)
    policy.recall(log(field(20, quality=[[0.55, 0.5, 0.5]] * 3)))
    expected = policy.predict(x[None], [REWORDED], ARMS)[0]
    first, second = np.argsort(-expected)[:2].tolist()
    assert expected[first] - expected[second] < kept(given(ASKED), REWORDED, x)
    policy._recent.remember(HERE, About.of(ASKED), ARMS[second], hash((None, frozenset(ARMS))))
    assert policy.choose(asking(x, REWORDED), CANDIDATES).arm == ARMS[second]
    policy.learn(Feedback("d", ARMS[first], x, 1.0, text=REWORDED))
    assert policy.choose(asking(x, REWORDED), CANDIDATES).arm == ARMS[first]
