"""Decisions that a newer one supersedes: who decided on what somebody else has decided meanwhile is told for each of them, and nothing is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.database import RecordsError
from records.decided import FeatureDecision, Regrade
from records.editing import editing, read

Row = TypeVar("Row", Regrade, FeatureDecision)
UNDONE = "undone"


class Overtaken(RecordsError):
    """Others decided meanwhile; nothing has been saved. newer: their decisions, one for each thing that was overtaken."""

    def __init__(self, what: str, newer: Sequence[Row], key: InstrumentedAttribute):
        self.newer = list(newer)
        each = [
            f"{getattr(row, key.key)} by {row.who or 'somebody at the server itself'} on {row.at:%Y-%m-%d at %H:%M} UTC ({row.decision})" for row in self.newer
        ]
        super().__init__(f"{what} decided meanwhile: {'; '.join(each)}. Nothing has been saved: look at what was decided, then decide again.")


def decisions(engine: Engine, table: type[Row]) -> list[Row]:
    """All decisions, the newest first."""
    return read(engine, table, select(table).order_by(table.number.desc()))


def holding(found: Iterable[Row]) -> Row | None:
    """The decision that holds among those about one thing and quarter, given the newest first; None where there is none, or it was undone."""
    newest = next(iter(found), None)
    return None if newest is None or newest.decision == UNDONE else newest


def add(engine: Engine, what: str, key: InstrumentedAttribute, rows: Sequence[Row], seen: Mapping[str, int | None]) -> list[Row]:
    """Add decisions in one transaction, all or none.

    key: the column that says what is decided about. seen: of each of these the newest decision about its quarter that was known when it was
    decided; one that is missing knew of none. Raises Overtaken if there is a newer one of any.
    """
    try:
        with editing(engine) as session:
            newest = _newest(session, key, rows)
            if newer := _unseen(newest, seen):
                session.expunge_all()  # the transaction ends without a change, and what it read would be forgotten with it
                raise Overtaken(what, newer, key)
            for row in rows:
                before = newest.get(getattr(row, key.key))
                row.round = before.round + 1 if before else 1
            session.add_all(rows)
    except IntegrityError:  # both had read before either wrote: this one came second in a round
        with Session(engine, expire_on_commit=False) as session:
            raise Overtaken(what, _unseen(_newest(session, key, rows), seen), key) from None
    return list(rows)


def _unseen(newest: Mapping[str, Row], seen: Mapping[str, int | None]) -> list[Row]:
    return [row for about, row in newest.items() if row.number > (seen.get(about) or 0)]


def _newest(session: Session, key: InstrumentedAttribute, rows: Sequence[Row]) -> dict[str, Row]:
    """The newest decision about each of these things in the quarter of the rows, which is the same for all."""
    table, ends_on = key.class_, rows[0].ends_on
    wanted = {getattr(row, key.key) for row in rows}
    found = session.scalars(select(table).where(table.ends_on == ends_on).order_by(table.number))
    return {about: row for row in found if (about := getattr(row, key.key)) in wanted}
