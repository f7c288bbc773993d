"""Alembic's entry: migrate over the connection that was handed in, or over the URL of `alembic -x url=...`."""

from alembic import context
from sqlalchemy import Connection

from store.database import Database
from store.tables import METADATA, TABLES


def migrate(connection: Connection) -> None:
    """Run the steps that are asked for inside the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=lambda _, name, kind, __, ___: kind != "table" or name in TABLES,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with Database(context.get_x_argument(as_dictionary=True)["url"]).write() as opened:
        migrate(opened)
