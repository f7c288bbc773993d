"""What one process does alone: nobody else has it meanwhile, and it is free when that one is gone."""

from sqlalchemy import text

from store.alone import Alone
from store.database import Database


def test_one_has_it_until_it_gives_it_back(url: str) -> None:
    databases = [Database(url), Database(url)]
    one, two = (Alone(database, "idle") for database in databases)
    other = Alone(databases[1], "something else")
    assert (one.is_mine(), two.is_mine(), one.is_mine(), other.is_mine()) == (True, False, True, True)
    one.close()
    assert (two.is_mine(), one.is_mine()) == (True, False)
    for it in (one, two, other):
        it.close()
    for database in databases:
        database.close()


def test_a_connection_that_is_lost_takes_the_lock_with_it_and_whoever_asks_next_has_it(url: str) -> None:
    databases = [Database(url), Database(url)]
    one, two = (Alone(database, "idle") for database in databases)
    if not databases[0].is_sqlite:  # a lock on a file has no connection
        assert one.is_mine()
        with databases[1].engine.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        assert (two.is_mine(), one.is_mine()) == (True, False)
    for it in (one, two):
        it.close()
    for database in databases:
        database.close()
