"""A records database with something in every table, and all of it as one value to compare."""

import datetime as dt

from sqlalchemy import JSON, Boolean, Connection, Date, Engine, Float, Integer, insert, select

from records import database
from records.models import Instant
from records.schema import tables

AT = dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC)  # a night on which clocks change in Europe
TEXTS = ("plain", "客户 “quoted” 'x' \\ \n\t", "💡 %s :name ?", "")
VALUES = {
    Boolean: (True, False),
    Instant: (AT, AT.replace(microsecond=0)),
    Date: (dt.date(2024, 2, 29), dt.date(1999, 12, 31)),
    Float: (0.1, -1e-300, 1.7e300, 12.0),
    JSON: ({"a": [1, None, {"客": 0.1}]}, [], {}, [["region", ""]], "text", 7, 0.5, True),
    Integer: (3, -1, 0),
}


def value(column, row: int):
    kind = next((kind for kind in VALUES if isinstance(column.type, kind)), None)
    if kind is None:
        said = TEXTS[row % len(TEXTS)]
        is_key = column.unique or column.primary_key or column.name in ("id", "subject", "open_for", "target", "customer_id", "page", "succession", "check_key")
        return (f"{row}{said}" if is_key else said)[: column.type.length]
    return VALUES[kind][row % len(VALUES[kind])]


def fill(connection: Connection, revision: str, rows: int = 5) -> None:
    """Rows in every table of a revision; what may be empty is, in the first of them."""
    for table in tables(revision):
        for row in range(1, rows + 1):
            given = {c.name: row if c.primary_key and isinstance(c.type, Integer) else value(c, row) for c in table.columns}
            given |= {c.name: None for c in table.columns if c.nullable and row == 1}
            connection.execute(insert(table), [given])


def filled(engine: Engine, revision: str | None = None, rows: int = 5) -> Engine:
    """The engine, its database at a revision (the newest) and with rows in every table."""
    with engine.begin() as connection:
        database.upgrade(connection, revision or database.head())
        fill(connection, revision or database.head(), rows)
    return engine


def everything(engine: Engine, revision: str | None = None) -> dict[str, list[tuple]]:
    """Every row of every table of a revision, in order of the key."""
    with engine.connect() as connection:
        return {t.name: list(connection.execute(select(t).order_by(*t.primary_key))) for t in tables(revision or database.head())}
