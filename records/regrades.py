"""Decisions about proposed grades, customer by customer and quarter by quarter. None is changed or removed: a newer one supersedes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Engine

from records import rounds
from records.database import RecordsError
from records.decided import Regrade
from records.rounds import UNDONE

APPROVED, REJECTED, LATER = "approved", "rejected", "later"
DECISIONS = (APPROVED, REJECTED, LATER)
SCORES = ("score", "amount_score", "interactions_score", "satisfaction_score", "growth_score")
FLAGS = ("is_up", "is_moved", "is_held_back")
FAULTS = {
    "nobody": "it needs at least one customer",
    "no_decision": f"it is one of {', '.join(DECISIONS)}",
    "no_note": "a rejection needs its reason",
    "held_back": "a crossing by a hair that has not lasted a second quarter is decided one by one",
}


def regrades(engine: Engine) -> list[Regrade]:
    """All decisions, the newest first."""
    return rounds.decisions(engine, Regrade)


def faults(decision: str | None, note: str, proposals: Sequence[Mapping]) -> list[str]:
    """What is wrong with a decision about proposals, as keys of FAULTS. Approving in bulk leaves crossings by a hair alone."""
    found = {
        "nobody": not proposals,
        "no_decision": decision not in DECISIONS,
        "no_note": decision == REJECTED and not (note or "").strip(),
        "held_back": decision == APPROVED and len(proposals) > 1 and any(one["is_held_back"] for one in proposals),
    }
    return [name for name, is_so in found.items() if is_so]


def decide(
    engine: Engine, ends_on: dt.date, decision: str, note: str, proposals: Sequence[Mapping], *, seen: Mapping[str, int | None], by: str | None,
    at: dt.datetime, snapshot: str,
) -> list[Regrade]:  # fmt: skip
    """Decide about the proposals of one quarter together, all or none.

    ends_on: the first day after the quarter. proposals: customer_id, present, proposed, SCORES, reason and FLAGS, kept as they are. seen: as of
    `records.rounds.add`. Raises RecordsError naming every fault, and Overtaken naming everybody about whom others decided meanwhile.
    """
    if found := faults(decision, note, proposals):
        raise RecordsError(f"this cannot be decided: {'; '.join(FAULTS[name] for name in found)}.")
    made = [Regrade(**_frozen(one), ends_on=ends_on, decision=decision, note=note.strip(), at=at, who=by, snapshot=snapshot) for one in proposals]
    return rounds.add(engine, "the grades of some customers were", Regrade.customer_id, made, seen)


def undo(engine: Engine, decided: Sequence[Regrade], note: str = "", *, by: str | None, at: dt.datetime) -> list[Regrade]:
    """Take decisions of one quarter back, so that their proposals are undecided again. Raises Overtaken where they no longer hold."""
    if not decided or any(one.decision == UNDONE for one in decided):
        raise RecordsError("only a decision that holds can be taken back.")
    if len({one.ends_on for one in decided}) > 1:
        raise RecordsError("decisions of different quarters are taken back one quarter after the other.")
    kept = [{name: getattr(one, name) for name in (*PROPOSED, *SCORES, *FLAGS, "ends_on", "snapshot")} for one in decided]
    made = [Regrade(**one, decision=UNDONE, note=note.strip(), at=at, who=by) for one in kept]
    return rounds.add(engine, "the grades of some customers were", Regrade.customer_id, made, {one.customer_id: one.number for one in decided})


PROPOSED = ("customer_id", "present", "proposed", "reason")


def holding(found: Iterable[Regrade]) -> dict[dt.date, Regrade]:
    """By quarter the decision that holds about one customer, from all about it, the newest first."""
    quarters: dict[dt.date, list[Regrade]] = {}
    for one in found:
        quarters.setdefault(one.ends_on, []).append(one)
    return {day: one for day, theirs in quarters.items() if (one := rounds.holding(theirs))}


def _frozen(given: Mapping) -> dict:
    if not (given["customer_id"] and given["proposed"]):
        raise RecordsError("a proposal names the customer and the grade that is proposed.")
    texts = {name: given[name] if isinstance(given[name], str) else None for name in PROPOSED}
    scores = {name: _number(given[name]) for name in SCORES}
    return {**texts, **scores, **{name: bool(given[name]) for name in FLAGS}}


def _number(value) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
