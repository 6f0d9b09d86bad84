"""The tables of any revision, learned by migrating an empty database: what a backup of that revision is made of."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, DateTime, MetaData, Table, create_engine, func, inspect, select

from records.database import refuse_unknown, revision, upgrade
from records.models import Instant


@cache
def tables(at: str) -> tuple[Table, ...]:
    """The tables of a revision, parents before children; their columns carry types that every database knows."""
    made = MetaData()
    with create_engine("sqlite://").connect() as connection:
        upgrade(connection, at)
        made.reflect(connection, only=lambda name, _: name != "alembic_version")
    for table in made.sorted_tables:
        for column in table.columns:
            generic = column.type.as_generic()
            column.type = Instant() if isinstance(generic, DateTime) else generic
    return tuple(made.sorted_tables)


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each of our tables has, by the database's own revision; empty where nothing was made.

    Raises RecordsError at a revision that only a newer program knows.
    """
    refuse_unknown(connection)
    at = revision(connection)
    there = [] if at is None else [table for table in tables(at) if inspect(connection).has_table(table.name)]
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in there}
