"""Which customer records people hold to be one customer, and which not: every word is kept, and the newest on a pair counts."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, func, select

from records.database import RecordsError
from records.editing import editing, read
from records.judged import IdentityDecision

DECISIONS = ("same", "apart", "later")
OPEN = "open"  # whatever was said before is taken back


class Overtaken(RecordsError):
    """Somebody else has decided about the pair since it was read; nothing has been saved. newer: what they said."""

    def __init__(self, newer: IdentityDecision):
        self.newer = newer
        super().__init__(
            f"{newer.who or 'somebody at the server itself'} has decided about these two since you opened them: {newer.decision}. Nothing was saved."
        )


def decide(
    engine: Engine, one: str, other: str, decision: str, *, by: str | None, at: dt.datetime, note: str = "", seen: int | None = None
) -> IdentityDecision:
    """Say of two records that they are one customer ("same"), two ("apart"), or to be asked again ("later"); "open" takes back what was said.

    seen: number of the newest word on the pair that was known (0: there was none); None where that does not matter.
    Raises RecordsError for no such decision, and for a record beside itself; Overtaken if there is a newer word than `seen`.
    """
    if decision not in (*DECISIONS, OPEN):
        raise RecordsError(f"there is no decision {decision!r}; there are {', '.join((*DECISIONS, OPEN))}.")
    if not one or not other or one == other:
        raise RecordsError(f"a decision is about two records; {one!r} and {other!r} are not two.")
    made = IdentityDecision(record_a=min(one, other), record_b=max(one, other), decision=decision, at=at, who=by, note=note.strip())
    with editing(engine) as session:
        last = session.scalars(_of(made.record_a, made.record_b).order_by(IdentityDecision.number.desc()).limit(1)).one_or_none()
        if seen is not None and last is not None and last.number > seen:
            session.expunge_all()  # the transaction ends without a change, and what it read would be forgotten with it
            raise Overtaken(last)
        session.add(made)
    return made


def newest(engine: Engine) -> list[IdentityDecision]:
    """The newest word on each pair, in the order in which they were said; "open" among them."""
    last = select(func.max(IdentityDecision.number)).group_by(IdentityDecision.record_a, IdentityDecision.record_b)
    return read(engine, IdentityDecision, select(IdentityDecision).where(IdentityDecision.number.in_(last)).order_by(IdentityDecision.number))


def in_force(engine: Engine) -> list[IdentityDecision]:
    """What holds: the newest word on each pair that is not open again."""
    return [one for one in newest(engine) if one.decision != OPEN]


def history(engine: Engine, one: str, other: str) -> list[IdentityDecision]:
    """Everything that was said of a pair, oldest first."""
    return read(engine, IdentityDecision, _of(min(one, other), max(one, other)).order_by(IdentityDecision.number))


def _of(one: str, other: str):
    return select(IdentityDecision).where(IdentityDecision.record_a == one, IdentityDecision.record_b == other)
