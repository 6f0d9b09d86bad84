"""Reviews of customers' records by hand: who looked when, what was found, and who is due again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, select

from records.database import RecordsError
from records.editing import editing, read
from records.judged import Review

CORRECT, CORRECTED, WRONG = "correct", "corrected", "wrong"  # as it stands; the source has been corrected; it is wrong and waits to be corrected
VERDICTS = (CORRECT, CORRECTED, WRONG)


def reviews(engine: Engine, customers: Iterable[str] | None = None) -> list[Review]:
    """All reviews, or those of these customers, the newest first."""
    wanted = select(Review).order_by(Review.number.desc())
    if customers is not None:
        wanted = wanted.where(Review.customer_id.in_(list(customers)))
    return read(engine, Review, wanted)


def reviewed(
    engine: Engine, faults: Mapping[str, Iterable[str]], verdict: str, note: str, *, by: str | None, at: dt.datetime, snapshot: str
) -> list[Review]:  # fmt: skip
    """Note that these customers' records were looked through, all of them or none. faults: customer → the checks its record fails.

    Raises RecordsError for nobody, for no such verdict, and for a record that is wrong without saying what.
    """
    if not faults:
        raise RecordsError("no customer was chosen to be reviewed: select one in the list first")
    if verdict not in VERDICTS:
        raise RecordsError(f"a review's verdict is one of {', '.join(VERDICTS)}, not {verdict!r}")
    if verdict == WRONG and not note.strip():
        raise RecordsError("say what is wrong, so that whoever corrects it knows")
    rows = [
        Review(customer_id=customer, at=at, who=by, verdict=verdict, faults=sorted(failed), note=note.strip(), snapshot=snapshot)
        for customer, failed in faults.items()
    ]
    with editing(engine) as session:
        session.add_all(rows)
    return rows


def is_due(newest: Review | None, days: int, now: dt.datetime) -> bool:
    """Whether a customer is to be looked through: never done, longer ago than `days`, or found wrong and not seen to since."""
    return newest is None or newest.verdict == WRONG or now - newest.at > dt.timedelta(days=days)
