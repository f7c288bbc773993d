"""Passages found by their words, and two rankings made one."""

from store.entry import Entry
from store.fusion import fused
from store.lexical import Lexical, terms

BIRDS = [
    Entry("a/0", "a", "Herons", "They stand in the reeds and eat fish."),
    Entry("b/0", "b", "Valve KX-7741", "Close it by hand before the pump is opened."),
    Entry("c/0", "c", "Bitterns", "They boom in the reeds, and the reeds hide them; a reed is all one sees."),
]


def test_a_passage_is_found_by_its_words_and_by_its_title() -> None:
    index = Lexical(BIRDS)
    assert index.best("What is a KX-7741?", 5) == ["b/0"]
    assert index.best("reed", 5) == ["c/0", "a/0"]
    assert index.best("reed", 1) == ["c/0"]
    assert index.best("Tell me about the herons in the reeds", 5) == ["a/0", "c/0"]


def test_words_that_are_nowhere_find_nothing() -> None:
    assert Lexical(BIRDS).best("submarine", 5) == []
    assert Lexical(BIRDS).best("?! the of", 5) == []
    assert Lexical().best("heron", 5) == []
    assert Lexical([Entry("a/0", "a", "The", "... of the !")]).best("heron", 5) == []


def test_words_are_compared_without_case_plural_and_the_commonest_ones() -> None:
    assert terms("The CITIES, boxes, houses; a bus and glasses of Herons' ties") == [
        *("city", "boxe", "house", "bus", "glasse", "heron", "ty"),
    ]


def test_what_both_rankings_place_high_comes_first() -> None:
    assert fused([["a", "b", "c"], ["c", "b", "d"]]) == ["c", "b", "a", "d"]
    assert fused([["a", "b"], []]) == ["a", "b"]
    assert fused([["a"], ["b"]]) == ["a", "b"]
    assert fused([[], []]) == []


def test_a_larger_k_lets_second_places_in_both_beat_one_first_place() -> None:
    rankings = [["a", "b"], ["x", "b"]]
    assert fused(rankings, 0.0)[0] == "a"
    assert fused(rankings, 60.0)[0] == "b"


def test_text_without_blanks_is_found_by_its_characters() -> None:
    index = Lexical(
        [*BIRDS, Entry("d/0", "d", "鹭", "苍鹭站在芦苇丛中吃鱼。"), Entry("e/0", "e", "鋼", "鉄に炭素を加える。")]
    )
    assert index.best("苍鹭在哪里？", 5)[0] == "d/0"
    assert index.best("鱼", 5) == ["d/0"]
    assert index.best("炭素", 5) == ["e/0"]
    assert terms("Das Hörnchen und ABC的鱼") == ["das", "hörnchen", "und", "abc", "的", "鱼", "的鱼"]
