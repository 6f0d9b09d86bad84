"""Decisions about features that few use: kept, rebuilt or removed, quarter by quarter. None is changed or removed: a newer one supersedes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine

from records import rounds
from records.database import RecordsError
from records.decided import FeatureDecision
from records.rounds import UNDONE

KEEP, REBUILD, REMOVE = "keep", "rebuild", "remove"
DECISIONS = (KEEP, REBUILD, REMOVE)
FAULTS = {
    "no_decision": f"it is one of {', '.join(DECISIONS)}",
    "no_reason": "it needs its reason: nothing stays because it has always been there",
    "no_owner": "to rebuild or remove something needs somebody who sees to it",
    "no_due": "to rebuild or remove something needs a day by which it is done",
    "past_due": "it is due on a day that is over",
}
WHAT = "the feature was"


def decisions(engine: Engine) -> list[FeatureDecision]:
    """All decisions, the newest first."""
    return rounds.decisions(engine, FeatureDecision)


def faults(decision: str | None, reason: str, owner: str, due_on: dt.date | None, today: dt.date) -> list[str]:
    """What is wrong with a decision, as keys of FAULTS. What is kept needs no owner and no day."""
    is_work = decision in (REBUILD, REMOVE)
    found = {
        "no_decision": decision not in DECISIONS,
        "no_reason": not (reason or "").strip(),
        "no_owner": is_work and not (owner or "").strip(),
        "no_due": is_work and due_on is None,
        "past_due": is_work and due_on is not None and due_on < today,
    }
    return [name for name, is_so in found.items() if is_so]


def decide(
    engine: Engine, feature: str, ends_on: dt.date, decision: str, reason: str, owner: str = "", due_on: dt.date | None = None, *, use: Mapping,
    seen: int | None, by: str | None, at: dt.datetime, snapshot: str, today: dt.date | None = None,
) -> FeatureDecision:  # fmt: skip
    """Decide about a feature in the light of one quarter.

    ends_on: the first day after the quarter. use: share (0 to 1, None: nobody used the system), n (who could have used it) and threshold, kept as they
    are. seen: the number of the newest decision about it and this quarter that was known, None for none. today: the day it is where the company
    does business; UTC's otherwise. Raises RecordsError naming every fault, Overtaken if somebody else has decided meanwhile.
    """
    if found := faults(decision, reason, owner, due_on, today or at.date()):
        raise RecordsError(f"this cannot be decided: {'; '.join(FAULTS[name] for name in found)}.")
    is_work = decision != KEEP
    share = float(use["share"]) if use["share"] is not None and math.isfinite(use["share"]) else None
    made = FeatureDecision(
        feature=feature, ends_on=ends_on, share=share, n=int(use["n"]), threshold=float(use["threshold"]), snapshot=snapshot, decision=decision,
        reason=reason.strip(), owner=owner.strip() if is_work else "", due_on=due_on if is_work else None, at=at, who=by,
    )  # fmt: skip
    return rounds.add(engine, WHAT, FeatureDecision.feature, [made], {feature: seen})[0]


def undo(engine: Engine, decided: FeatureDecision, *, by: str | None, at: dt.datetime) -> FeatureDecision:
    """Take a decision back, so that the feature is undecided again. Raises Overtaken where it no longer holds."""
    if decided.decision == UNDONE:
        raise RecordsError("only a decision that holds can be taken back.")
    kept = {name: getattr(decided, name) for name in ("feature", "ends_on", "share", "n", "threshold", "snapshot")}
    made = FeatureDecision(**kept, decision=UNDONE, reason="", owner="", at=at, who=by)
    return rounds.add(engine, WHAT, FeatureDecision.feature, [made], {decided.feature: decided.number})[0]


def holding(found: Iterable[FeatureDecision], ends_on: dt.date) -> dict[str, FeatureDecision]:
    """The decision that holds about each feature for one quarter, from all of them, the newest first."""
    of: dict[str, list[FeatureDecision]] = {}
    for one in found:
        if one.ends_on == ends_on:
            of.setdefault(one.feature, []).append(one)
    return {feature: one for feature, theirs in of.items() if (one := rounds.holding(theirs))}


def before(found: Iterable[FeatureDecision], ends_on: dt.date) -> dict[str, FeatureDecision]:
    """What was decided last about each feature in an earlier quarter: shown beside, and nothing more; each quarter begins at zero."""
    every = list(found)
    quarters = sorted({one.ends_on for one in every if one.ends_on < ends_on})
    return {feature: one for day in quarters for feature, one in holding(every, day).items()}
