"""Signals: corrections, thanks and repeated questions are heard in the next turn, and their likes are not."""

import pytest

from router.signals import asked_again, heard

BEFORE = "What is the capital of France?"

WRONG = """No, that is wrong.
That's not correct
that isn't right, 17 + 25 is 42
This is still wrong
You are wrong
Thanks, but that is wrong
That is not what I asked
Wrong!
Das stimmt nicht.
Nein, das ist leider falsch
c'est faux
Non, ce n'est pas ça
eso no es correcto
non è corretto
isso está errado
dat klopt niet
это неверно
不对，应该是42"""

THANKS = """Thanks!
Thank you so much for your help
ok great, thanks. And what about Berlin?
Perfect, thank you 😀
danke
Vielen Dank!
merci beaucoup
muchas gracias
grazie mille
谢谢"""

NOTHING = """And of Germany?
That is a good point
What is wrong with my code?
Is it true that this is wrong?
It is not true that all swans are white. Explain.
Wrong Way Corrigan: who was he?
No problem. What is next?
this is correct
that is not bad
Thank you letter for my boss please
Write a thank you note
No thanks needed
Thanks, but I need more
Thanksgiving recipes
Thank you in advance for sorting this list
### Task:
"""


@pytest.mark.parametrize("turn", WRONG.splitlines())
def test_a_correction_is_heard_in_several_languages(turn: str) -> None:
    signal = heard(BEFORE, turn, None)
    assert signal is not None
    assert (signal.kind, signal.reward) == ("correction_signal", 0.0)


@pytest.mark.parametrize("turn", THANKS.splitlines())
def test_thanks_are_heard_in_several_languages(turn: str) -> None:
    signal = heard(BEFORE, turn, None)
    assert signal is not None
    assert (signal.kind, signal.reward) == ("thanks", 1.0)


@pytest.mark.parametrize("turn", NOTHING.splitlines())
def test_what_only_looks_like_it_is_not_heard(turn: str) -> None:
    assert heard(BEFORE, turn, 0.3) is None


@pytest.mark.parametrize("turn", [WRONG.splitlines()[0], THANKS.splitlines()[0], BEFORE])
def test_signals_weigh_little_and_say_why(turn: str) -> None:
    signal = heard(BEFORE, turn, None)
    assert signal is not None
    assert 0.1 <= signal.weight <= 0.2
    assert signal.words.startswith("the next turn")


@pytest.mark.parametrize(
    ("before", "now", "cosine"),
    [
        ("Why is the sky blue?", "why is the sky blue??", None),
        ("Why is the sky blue?", "But why is the sky blue?", 0.96),
        ("What is the capital of France?", "Which city is France's capital?", 0.94),
        ("Who wrote Faust?", "I asked who wrote Faust", 0.94),
        ("Write a function that reverses a list", "Write a function to reverse a list, please", None),
        ("法国的首都是哪里？", "法国的首都是哪里?", None),  # a question mark of full width
    ],
)
def test_the_same_question_in_other_words_is_asked_again(before: str, now: str, cosine: float | None) -> None:
    assert asked_again(before, now, cosine)


@pytest.mark.parametrize(
    ("before", "now", "cosine"),
    [
        ("What is 17 + 25?", "What is 17 + 26?", 0.99),
        ("What is 7 - 5?", "What is 5 - 7?", 0.99),
        ("Who is older, Anna or Ben?", "Who is younger, Anna or Ben?", 0.98),
        ("How do I install numpy on Windows?", "How do I install numpy on Linux?", 0.92),
        ("What is the capital of France?", "Which city is France's capital?", 0.5),
        ("Continue", "Continue", 1.0),
        ("Tell me another joke about cats", "Tell me another joke about cats", 1.0),
        ("Explain recursion to me", "Explain recursion to me in more detail", 0.95),
    ],
)
def test_another_question_is_not_the_same_one_however_near(before: str, now: str, cosine: float) -> None:
    assert not asked_again(before, now, cosine)


def test_what_a_chat_program_asks_for_itself_says_nothing() -> None:
    side = "### Task: Write a title for this chat."
    assert heard(side, side, 1.0) is None
    assert heard(side, "That is wrong.", None) is None
    assert heard(BEFORE, "   ", None) is None
