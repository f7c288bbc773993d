"""Text that grows token by token: what may be shown, and when."""

from collections.abc import Sequence

import pytest

from models.growing import GrowingText


def letters(tokens: Sequence[int]) -> str:
    return bytes(tokens).decode("utf-8", errors="replace")


def shown(text: str, stops: Sequence[str] = ()) -> list[str]:
    """The pieces that come out when the text arrives byte by byte."""
    growing, tokens = GrowingText(letters, stops), list(text.encode())
    return [growing.grow(tokens[: i + 1], last=i + 1 == len(tokens)) for i in range(len(tokens))]


@pytest.mark.parametrize("text", ["plain words", "é ü 漢字", "🙂 end", "", "trailing é"])
def test_the_pieces_make_up_the_text_and_none_is_half_a_character(text: str) -> None:
    pieces = shown(text)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [("one STOP two", ["STOP"], "one "), ("aXbYc", ["Y", "X"], "a"), ("STO none", ["STOP"], "STO none")],
)
def test_nothing_of_a_stop_string_is_shown(text: str, stops: list[str], left: str) -> None:
    growing, tokens, seen = GrowingText(letters, stops), list(text.encode()), ""
    for i in range(len(tokens)):
        seen += growing.grow(tokens[: i + 1], last=i + 1 == len(tokens))
        assert left.startswith(seen)
    assert seen == left
    assert growing.stopped == (left != text)


def test_what_might_become_a_stop_is_shown_as_soon_as_it_does_not() -> None:
    assert shown("abSx", ["ST"]) == ["a", "b", "", "Sx"]


def test_the_last_call_lets_go_of_broken_characters() -> None:
    assert GrowingText(letters).grow([0xC3], last=True) == "\ufffd"
