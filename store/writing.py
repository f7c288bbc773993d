"""Lines of the spool into SQL: each row once, however often its line is written."""

from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, StatementError

from store.database import Database
from store.lines import Row, Rows, unpack
from store.tables import TABLES

PARENTS_FIRST = ("queries", "decisions", "calls", "notes", "outcomes", "feedback")
Refuse = Callable[[bytes, str], None]
"""Told of a line that no database will ever take, and why."""


def write_lines(database: Database, lines: Sequence[bytes], refuse: Refuse) -> None:
    """Write the lines in one transaction; should one be unfit, each in its own, so that only that one is refused.

    Raises SQLAlchemyError when the database cannot be written now (locked, full, gone): then nothing was written.
    """
    try:
        _write(database, [pair for line in lines for pair in unpack(line)])
    except (StatementError, ValueError, TypeError, KeyError) as error:
        if is_outage(error):
            raise
        if len(lines) == 1:
            refuse(lines[0], f"{type(error).__name__}: {error}")
            return
        for line in lines:
            write_lines(database, [line], refuse)


def is_outage(error: Exception) -> bool:
    """Whether the database is at fault, not the rows; worth another try."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | InterfaceError | InternalError)


def insert_new(database: Database, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows that are not there yet; returns how many were new."""
    # The two dialects spell this alike and share no base class that says so.
    statement = (
        sqlite.insert(table).on_conflict_do_nothing().inline()
        if database.is_sqlite
        else postgresql.insert(table).on_conflict_do_nothing().inline()
    )
    if table.name == "feedback":
        database.order_feedback(connection)
    counted = statement.execution_options(preserve_rowcount=True)  # else PostgreSQL's driver is not asked
    alike = [list(group) for _, group in groupby(rows, key=tuple)]  # many at once must name the same columns
    return sum(connection.execute(counted, group).rowcount for group in alike)


def _write(database: Database, rows: Rows) -> None:
    order = sorted(rows, key=lambda pair: PARENTS_FIRST.index(pair[0]))
    with database.write() as connection:
        for table, group in groupby(order, key=lambda pair: pair[0]):
            insert_new(database, connection, TABLES[table], [row for _, row in group])
