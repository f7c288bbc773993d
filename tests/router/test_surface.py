"""What a question looks like is told by its text alone, whatever the text."""

import numpy as np
import pytest

from router.surface import LOOKED_AT, NAMES, surface


def feature(text: str, name: str) -> float:
    """One feature of a text."""
    return float(surface(text)[NAMES.index(name)])


def test_every_feature_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(surface("Who wrote it?"))


@pytest.mark.parametrize("text", ["", "   \n", "?", "\x00", "数学问题：1+1等于几？", "a" * 100_000, "\ud800"])
def test_any_text_has_finite_features(text: str) -> None:
    assert np.isfinite(surface(text)).all()


def test_an_empty_text_looks_like_nothing() -> None:
    assert not surface(" \n ").any()


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [
        ("code", "def f(x):\n    return x", "define the function"),
        ("code", "```\nls\n```", "ls"),
        ("options", "Which? A. one B. two C. three", "Which A is it? A. one"),
        ("question_mark", "Is it? Yes", "Is it so"),
        ("starts_small", "write it", "Write it"),
        ("ends_with_question_mark", "Is it? ", "Is it? Yes"),
        ("ends_with_full_stop", "Do it.", "Do it. Now"),
        ("ends_with_colon", "Continue:", "Continue: it"),
        ("asks_with_a_word", "How far is it?", "It is far how?"),
        ("asks_for_a_fact", "Who wrote it?", "Why write it?"),
        ("orders", "Compute it", "It computes"),
        ("docstring", '"""Sum."""', "'Sum.'"),
    ],
)
def test_yes_or_no_is_told_by_the_text(name: str, shown: str, hidden: str) -> None:
    assert (feature(shown, name), feature(hidden, name)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("log_characters", "abc", np.log(4)),
        ("log_words", "a b c", np.log(4)),
        ("digits", "12ab", 0.5),
        ("capitals", "ABcd", 0.5),
        ("dollars", "$a$b", 0.5),
        ("backslashes", r"\a\b", 0.5),
        ("line_breaks", "a\nb\n\nc", 0.5),
        ("word_length", "ab abcd", 3.0),
        ("punctuation", "a!b.", 0.5),
        ("capitalised_words", "Ab cd", 0.5),
        ("different_words", "a a b b", 0.5),
        ("longest_word", "a abc ab", 3.0),
        ("log_numbers", "12 and 345", np.log(3)),
        ("log_digits", "12 and 3", np.log(4)),
        ("log_foreign_letters", "éa", np.log(2)),
        ("log_brackets", "(a", np.log(2)),
        ("log_commas", "a,b,", np.log(3)),
    ],
)
def test_counts_and_shares_are_those_of_the_text(name: str, text: str, expected: float) -> None:
    assert feature(text, name) == pytest.approx(expected)


def test_what_comes_after_the_part_that_is_looked_at_changes_nothing() -> None:
    text = "Say why. " * (LOOKED_AT // 9 + 1)
    assert surface(text + "Who? 12 $").tolist() == surface(text).tolist()
