"""Two people at one row: who saves second is told, and nobody's work is overwritten unseen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Engine, Select, delete, inspect, update
from sqlalchemy.orm import Session

from records.database import RecordsError, exclusive
from records.models import Base

Row = TypeVar("Row", bound=Base)


class Conflict(RecordsError):
    """What was to be saved rests on a row that is no longer as it was read; nothing has been saved.

    present: the row as it is now, None where it has been removed; by, at: who changed it last, and when (None: not known).
    """

    def __init__(self, what: str, present: Base | None, happened: str = "changed"):
        self.present = present
        self.by, self.at = getattr(present, "changed_by", None), getattr(present, "changed_at", None)
        if present is None:
            said = f"{what} was removed by somebody else after you had opened it. Nothing has been saved; add it again if it is still needed"
        else:
            said = (
                f"{what} was {happened} by {self.by or 'somebody at the server itself'} on {self.at:%Y-%m-%d at %H:%M} UTC, after you had opened it. "
                "Nothing has been saved: look at what it says now, then save your change again"
            )
        super().__init__(f"{said}.")


@contextmanager
def editing(engine: Engine) -> Iterator[Session]:
    """A session that reads and then writes in one transaction; what it returned can be read after its end."""
    with Session(exclusive(engine), expire_on_commit=False) as session, session.begin():
        yield session


def is_there(engine: Engine, table: type[Base]) -> bool:
    """Whether the table exists: a database of an earlier version, or an empty one, has nothing to read."""
    with engine.connect() as connection:
        return inspect(connection).has_table(table.__tablename__)


def read(engine: Engine, table: type[Base], query: Select) -> list:
    """What a query of a table finds; nothing where there is no such table yet. Over one connection: to open SQLite's costs more than the query."""
    return [row for (row,) in rows(engine, table, query)]


def rows(engine: Engine, table: type[Base], query: Select) -> list[Row]:
    """The same for a query of several columns."""
    with Session(engine, expire_on_commit=False) as session:
        return list(session.execute(query)) if inspect(session.connection()).has_table(table.__tablename__) else []


def updated(session: Session, what: str, row: type[Row], key: object, version: int, by: str | None, at: dt.datetime, values: dict) -> Row:
    """Change a row that is still at this version; returns it as it is now, at the next one.

    Raises Conflict when it is not. The change comes first and its outcome is looked at afterwards: nothing can happen in between.
    """
    (primary,) = inspect(row).primary_key
    edit = {**values, "changed_by": by, "changed_at": at, "version": version + 1}
    done = session.execute(update(row).where(primary == key, row.version == version).values(edit), execution_options={"synchronize_session": False})
    present = session.get(row, key, populate_existing=True)
    if done.rowcount != 1:
        session.expunge_all()  # the transaction ends without a change, and what it read would be forgotten with it
        raise Conflict(what, present)
    return present


@dataclass(frozen=True)
class Form:
    """What of a kind of rows may be changed. name: of one of them, in a sentence. tidied: values as they are kept.

    refuse(row, values, differing): raises RecordsError for values that cannot be; differing: the columns that would be others.
    """

    name: str
    row: type[Base]
    editable: tuple[str, ...]
    tidied: Callable[[dict], dict]
    refuse: Callable[[Base, dict, list[str]], None]


def changed(engine: Engine, form: Form, number: int, version: int, by: str | None, at: dt.datetime, values: dict) -> tuple[Base, list[str]]:
    """Change some columns of a row that was read at this version; the row, and which columns are different now.

    Raises RecordsError for what cannot be, Conflict if it was changed meanwhile.
    """
    if unknown := set(values) - set(form.editable):
        raise RecordsError(f"of a {form.name} {', '.join(sorted(unknown))} cannot be changed; {', '.join(form.editable)} can.")
    with editing(engine) as session:
        before = session.get(form.row, number)
        if before is None:
            raise Conflict(f"{form.name} {number}", None)
        old = {name: getattr(before, name) for name in form.editable}
        new = form.tidied({**old, **values})
        differing = [name for name in form.editable if new[name] != old[name]]
        form.refuse(before, new, differing)
        return updated(session, f"{form.name} {number}", form.row, number, version, by, at, new), differing


def removed(session: Session, what: str, row: type[Row], key: object, version: int) -> None:
    """Remove a row that is still at this version. Raises Conflict when it is not."""
    (primary,) = inspect(row).primary_key
    if session.execute(delete(row).where(primary == key, row.version == version)).rowcount != 1:
        present = session.get(row, key)
        session.expunge_all()
        raise Conflict(what, present)
