"""Reading what was just told waits for that alone, however much is told meanwhile."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.recorder import Recorder
from store.tables import TABLES
from tests.store.runs import decision, recording, tell_run


@contextmanager
def talking(recorder: Recorder) -> Iterator[None]:
    """Runs are told all the time; a thousand events wait at most, so that a slow disk is not the test's own."""
    enough = threading.Event()

    def talk() -> None:
        while not enough.is_set():
            tell_run(recorder, decision())
            while recorder.pending > 1000 and not enough.is_set():
                time.sleep(0.001)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def stalled(recorder: Recorder) -> bool:
    """Now; a property that changes is beyond a type checker."""
    return recorder.stalled


async def test_a_flush_under_steady_load_ends_with_what_was_told_before_it(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder, talking(recorder):
        for _ in range(5):
            made = tell_run(recorder, decision())
            assert await recorder.flush(10)
            with recorder._database.engine.connect() as connection:
                outcomes = TABLES["outcomes"]
                found = connection.execute(outcomes.select().where(outcomes.c.decision_id == made.id)).all()
            assert len(found) == 1
            assert recorder.pending > 0, "nothing was told meanwhile; this shows nothing"


async def test_a_flush_of_nothing_does_not_wait_for_more(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        begun = time.monotonic()
        assert await recorder.flush(5)
        tell_run(recorder, decision())
        assert await recorder.flush(5)
        assert await recorder.flush(5)
        assert time.monotonic() - begun < 2


async def test_a_log_that_is_only_busy_is_not_stalled_and_one_that_is_locked_is(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        with talking(recorder):
            await asyncio.sleep(0.5)
            assert not stalled(recorder)
        recorder._moved -= 10  # nothing waits: an idle log is not stalled however long ago it wrote
        assert await recorder.flush(10)
        assert not stalled(recorder)
        with recorder._database.write():  # nobody else may write
            tell_run(recorder, decision())
            assert not stalled(recorder), "not after a moment"
            recorder._moved -= 10
            assert stalled(recorder)
        assert await recorder.flush(10)
        assert not stalled(recorder)
