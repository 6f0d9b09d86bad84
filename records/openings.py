"""How often readers open which page of this dashboard: one row per page, day and reader, counted up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.decided import Opening
from records.editing import editing, rows

Key = tuple[str, dt.date, str]  # page, day (UTC), who ("": whoever sat at the machine)


@dataclass(frozen=True)
class PageUse:
    """The use of one page in a span of days."""

    page: str
    readers: int
    openings: int
    last_on: dt.date


def count(engine: Engine, openings: Mapping[Key, int]) -> None:
    """Add these openings to those counted before."""
    for _ in range(2):  # a row that another server adds in between is found the second time
        try:
            with editing(engine) as session:
                for key, n in openings.items():
                    _add(session, key, n)
            return
        except IntegrityError as error:
            failed = error
    raise failed


def _add(session: Session, key: Key, n: int) -> None:
    page, day, who = key
    row = update(Opening).where(Opening.page == page, Opening.day == day, Opening.who == who)
    if not session.execute(row.values(n=Opening.n + n)).rowcount:
        session.add(Opening(page=page, day=day, who=who, n=n))
        session.flush()


def use(engine: Engine, since: dt.date, until: dt.date) -> list[PageUse]:
    """Who opened what in the days [since, until): one entry per page that was opened, the most readers first."""
    days = (Opening.day >= since, Opening.day < until)
    asked = select(Opening.page, func.count(Opening.who.distinct()), func.sum(Opening.n), func.max(Opening.day)).where(*days).group_by(Opening.page)
    found = [PageUse(page, int(readers), int(n), last) for page, readers, n, last in rows(engine, Opening, asked)]
    return sorted(found, key=lambda one: (-one.readers, -one.openings, one.page))


def readers(engine: Engine, since: dt.date, until: dt.date) -> int:
    """How many readers opened anything in the days [since, until)."""
    asked = select(func.count(Opening.who.distinct())).where(Opening.day >= since, Opening.day < until)
    return sum(n for (n,) in rows(engine, Opening, asked))
