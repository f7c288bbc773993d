"""How far an answer copies from passages, and whether they support it."""

import pytest

from strategies.core.support import Copying, copying, fragments, supported

PASSAGE = "Mira Voss was born in Halden in the year 1920. She plays the violin, and her brother lives in Orsk."
BORN = "Mira Voss was born in Halden in the year 1920."


def test_a_sentence_copied_word_for_word_is_covered_whole_and_as_dense_as_it_is_long() -> None:
    found = copying(BORN, PASSAGE)
    assert (found.coverage, found.density) == (1.0, 10.0)
    assert found.score == pytest.approx(1.0)


def test_a_response_in_other_words_and_an_empty_one_score_nothing() -> None:
    assert copying("Nobody knows", PASSAGE) == copying("", PASSAGE) == copying(BORN, "") == Copying(0.0, 0.0, 0.0)


def test_a_repeated_phrase_counts_once_so_that_repeating_it_loses_coverage() -> None:
    assert copying("plays the violin,", PASSAGE) == copying("Plays THE  violin,", PASSAGE)
    twice = copying("plays the violin, plays the violin,", PASSAGE)
    assert (twice.coverage, twice.density) == (0.5, 1.5)


def test_fragments_are_the_longest_matches_from_left_to_right() -> None:
    assert fragments(list("abcd"), list("abxbcd")) == {("a", "b"), ("c", "d")}
    assert fragments(list("abc"), list("abxabcxa")) == {("a", "b", "c")}
    found = copying("a b z c d", "a b x b c d")
    assert (found.coverage, found.density) == (0.8, 1.6)


@pytest.mark.parametrize(("words", "capped"), [(5, False), (6, False), (7, True), (20, True)])
def test_the_score_is_capped_from_a_density_of_about_six_and_a_half(words: int, capped: bool) -> None:
    text = " ".join(f"w{i}" for i in range(words))
    found = copying(text, text)
    assert found.density == words
    assert (found.score == pytest.approx(1.0)) is capped
    assert found.score == pytest.approx(0.6 + min(words**0.25 / 4, 0.4))
    assert copying(" ".join(f"w{i}" for i in range(6)), text).score > 0.99 or words < 6


def test_density_is_not_bounded_by_one_where_the_score_is() -> None:
    found = copying(PASSAGE, PASSAGE)
    assert found.density == len(PASSAGE.split())
    assert found.score <= 1.0


@pytest.mark.parametrize("answer", [BORN, "Halden", "born in Halden.", "She plays the violin!", "In the year 1920"])
def test_what_the_passages_say_is_supported(answer: str) -> None:
    assert supported(answer, ["Nothing of it.", PASSAGE]).passed is True


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ("Lisbon", '0% of it is in the passages, but not "lisbon"'),
        ("She was born in Lisbon on the river Tarn", 'but not "lisbon"'),
        ("Voss brother violin year Orsk born", "not together (1.0 at a time)"),
        ("Mira Mira Mira Mira Mira Mira", "17% of it"),
    ],
)
def test_what_they_do_not_say_or_say_otherwise_is_not(answer: str, finding: str) -> None:
    verdict = supported(answer, [PASSAGE])
    assert verdict.passed is False
    assert finding in verdict.finding


def test_the_thresholds_can_be_moved() -> None:
    answer = "She plays the violin in a small band"
    assert supported(answer, [PASSAGE]).passed is False
    assert supported(answer, [PASSAGE], covered=0.5).passed is True
    assert supported(answer, [PASSAGE], covered=0.5, stretch=5).passed is False


def test_without_passages_or_words_there_is_nothing_to_say() -> None:
    assert supported("Halden", []).passed is None
    assert supported(" ... ", [PASSAGE]).passed is None


def test_a_long_answer_with_one_word_only_is_checked_in_no_time() -> None:
    assert copying("the " * 3000, "the " * 3000).coverage == pytest.approx(1.0)
