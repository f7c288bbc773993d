"""The spool: lines that wait in a local file until the database has them, so that a killed process loses none.

One file per process, `BASE.TOKEN.spool`, held under an advisory lock while its process lives; a file whose lock is free
was left behind, and whoever starts next takes it over. A line is in the file before `append` returns, which a kill of
the process cannot undo. It is not forced to the disk: a power cut can lose the last seconds. Where the file cannot be
written (a full disk), lines wait in memory until the database has taken them.
"""

import fcntl
import glob
import os
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024


class Spool:
    """A queue of lines with one reader; any thread may append."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.parent.mkdir(parents=True, exist_ok=True)
        self.path = base.with_name(f"{base.name}.{uuid.uuid4().hex[:12]}.spool")
        fresh = self.path.with_suffix(".new")
        self._file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        fresh.rename(self.path)  # under its lock from the first moment that others can see it
        self._read = self._end = 0
        self._overflow: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._waiting = 0
        self._broken = False

    def __len__(self) -> int:
        return self._waiting

    def append(self, line: bytes) -> OSError | None:
        """Keep the line; returns why it is in memory only, if it is. Takes microseconds and never raises OSError."""
        failure: OSError | None = None
        with self._lock:
            # Lines after one that is in memory wait there too: the order is that of a run.
            if not self._overflow and not self._broken:
                failure = self._write(line)
            if self._overflow or self._broken or failure is not None:
                self._overflow.append(line)
            self._waiting += 1
        return failure

    def peek(self, most: int) -> list[bytes]:
        """The oldest lines that `drop` has not taken away yet."""
        with self._lock:
            available = self._end - self._read
            if available == 0:
                return [self._overflow[i] for i in range(min(most, len(self._overflow)))]
            size = min(available, MOST_BYTES)
            lines = os.pread(self._file, size, self._read).splitlines(keepends=True)
            while len(lines) == 1 and not lines[0].endswith(b"\n") and size < available:  # one line above the size
                size = min(available, 2 * size)
                lines = os.pread(self._file, size, self._read).splitlines(keepends=True)
        return [line for line in lines[:most] if line.endswith(b"\n")]

    def drop(self, lines: Sequence[bytes]) -> None:
        """These lines, which `peek` returned, need not be kept any longer."""
        with self._lock:
            if self._read < self._end:
                self._read += sum(map(len, lines))
            else:
                for _ in lines:
                    self._overflow.popleft()
            self._waiting -= len(lines)
            if self._read == self._end > 0:
                os.ftruncate(self._file, 0)
                self._read = self._end = 0

    def close(self) -> None:
        """Leave the file to the next start if lines wait in it, else take it away."""
        with self._lock:
            if self._waiting == 0:
                self.path.unlink(missing_ok=True)
            os.close(self._file)

    def _write(self, line: bytes) -> OSError | None:
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes fit")
        except OSError as error:
            try:
                os.ftruncate(self._file, self._end)  # takes away what was written of the line
            except OSError:
                self._broken = True  # where the next line would begin is not known any more
            return error
        self._end += written
        return None


@contextmanager
def left_behind(path: Path) -> Iterator[Iterator[bytes] | None]:
    """The whole lines of a spool whose process has died; None if it lives. Read without an error, it is taken away."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield None
        return
    with os.fdopen(file, "rb") as reader:
        yield (line for line in reader if line.endswith(b"\n"))
        path.unlink(missing_ok=True)


def spools(base: Path) -> list[Path]:
    """The spool files of this base, of the living and of the dead."""
    return sorted(base.parent.glob(f"{glob.escape(base.name)}.*.spool"))
