"""Events out of bytes: however they are cut, in time that grows with their length, and never without an end."""

import time

import pytest

from models.events import LONGEST, Events

SAID = b": hello\nevent: x\ndata: one\r\n\r\ndata:two\ndata: and a half\n\n\ndata: dr\xc3\xa4i\n\ndata: unfinished"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_come_out_the_same_however_the_bytes_are_cut(size: int) -> None:
    events = Events()
    found = [data for at in range(0, len(SAID), size) for data in events.feed(SAID[at : at + size])]
    assert found == [b"one", b"two\nand a half", "dräi".encode()]
    assert list(events.feed(b" no more\n\n")) == [b"unfinished no more"]


def test_a_line_in_many_pieces_takes_time_as_its_length() -> None:
    events, piece = Events(), b"x" * 1024
    began = time.thread_time()
    assert not list(events.feed(b"data:"))
    for _ in range(6 * 1024):
        assert not list(events.feed(piece))
    assert [len(data) for data in events.feed(b"\n\n")] == [6 * 2**20]
    assert time.thread_time() - began < 1.0


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65529 + b"\n"], ids=["a line", "an event"])
def test_what_has_no_end_is_given_up(piece: bytes) -> None:
    events = Events()
    for _ in range(LONGEST // len(piece)):
        assert not list(events.feed(piece))
    with pytest.raises(ValueError, match="more than 16 MB"):
        list(events.feed(piece))


def test_many_events_together_may_be_longer_than_one() -> None:
    events, piece = Events(), b"data: " + b"x" * 2**20 + b"\n\n"
    assert [len(data) for _ in range(20) for data in events.feed(piece)] == [2**20] * 20
