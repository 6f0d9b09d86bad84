"""What each target of messages was last told, and how its last message went: only what differs from that is told again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from records.editing import editing, read
from records.incidents import Flag
from records.models import Delivery, Notice

LONGEST = 500  # characters of a failure


def told(engine: Engine, target: str) -> dict[str, list[Flag]]:
    """The flags that a target was last told of, by customer."""
    return {row.customer_id: row.flags for row in read(engine, Notice, select(Notice).where(Notice.target == target).order_by(Notice.number))}


def delivery(engine: Engine, target: str) -> Delivery | None:
    """How the last message to a target went; None before the first."""
    return next(iter(read(engine, Delivery, select(Delivery).where(Delivery.target == target))), None)


def done(engine: Engine, target: str, flags: Mapping[str, Iterable[Flag]], *, on: dt.date, at: dt.datetime, is_sent: bool) -> None:
    """Note that a target knows these flags now, all of them, after a message went out (is_sent) or there was nothing to tell. on: the digest's day."""
    with editing(engine) as session:
        session.execute(delete(Notice).where(Notice.target == target))
        session.add_all(Notice(target=target, customer_id=customer, flags=[dict(flag) for flag in theirs], told_at=at) for customer, theirs in flags.items())
        row = _row(session, target)
        row.checked_on, row.failed_at, row.failure = on, None, None
        row.sent_at = at if is_sent else row.sent_at


def failed(engine: Engine, target: str, why: str, at: dt.datetime) -> None:
    """Note that a message did not go out: the target was told nothing, and the next run tries again. why: without secrets."""
    with editing(engine) as session:
        row = _row(session, target)
        row.failed_at, row.failure = at, why[:LONGEST]


def _row(session: Session, target: str) -> Delivery:
    row = session.get(Delivery, target)
    if row is None:
        row = Delivery(target=target)
        session.add(row)
    return row
