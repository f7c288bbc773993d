"""Server-sent events out of the bytes of a reply, however they are cut: inside a line, inside a character."""

from collections.abc import Iterator

LONGEST = 16 * 2**20
"""Bytes of one event, at most; a server that sends more before its end sends no answer."""


class Events:
    """The data of each event as its last line comes; comments and other fields are passed over."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._length = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of the events that this piece completes. Raises ValueError for an event that is too long."""
        *lines, rest = piece.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest + lines[0])
            self._rest.clear()
        self._rest += rest
        for line in lines:
            line = line.removesuffix(b"\r")
            if not line:
                if self._data:
                    yield b"\n".join(self._data)
                    self._data, self._length = [], 0
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._length += len(line)
        if self._length + len(self._rest) > LONGEST:
            raise ValueError(f"an event of more than {LONGEST // 2**20} MB")
