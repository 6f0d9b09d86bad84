"""Targets: what a figure is meant to become, and by when; every change of one is kept. Where one stands is metrics.pace."""

from __future__ import annotations

import datetime as dt
import math

from sqlalchemy import Engine, select

from records.database import RecordsError
from records.editing import Conflict, editing, read, updated
from records.models import Target, TargetChange

EDITABLE = (
    "metric", "options", "period", "segment", "baseline", "baseline_on", "target", "is_relative", "lower_is_better", "starts_on", "due_on", "owner", "note",
)  # fmt: skip


def targets(engine: Engine, is_closed: bool | None = None) -> list[Target]:
    """Targets, the next due first: all, or the open or closed ones."""
    query = select(Target).order_by(Target.due_on, Target.number)
    return read(engine, Target, query if is_closed is None else query.where(Target.is_closed == is_closed))


def add(engine: Engine, target: Target, by: str | None, at: dt.datetime) -> Target:
    """Add an open target; its columns are those of EDITABLE. Raises RecordsError naming every fault."""
    given = _checked({name: getattr(target, name) for name in EDITABLE})
    made = Target(**given, created_at=at, changed_at=at, changed_by=by, version=1, is_closed=False)
    with editing(engine) as session:
        session.add(made)
        session.flush()
        session.add(TargetChange(target=made.number, at=at, who=by, old={}, new=_told(given)))
    return made


def change(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, **values) -> Target:
    """Change a target that was read at this version. Raises RecordsError for what cannot be, Conflict if it was changed meanwhile."""
    if unknown := set(values) - set(EDITABLE):
        raise RecordsError(f"a target has no {', '.join(sorted(unknown))}; it has {', '.join(EDITABLE)}.")
    return _changed(engine, number, version, by, at, values)


def close(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, is_closed: bool = True) -> Target:
    """Close a target that was read at this version, or open it again. Raises Conflict if it was changed meanwhile."""
    return _changed(engine, number, version, by, at, {"is_closed": is_closed})


def history(engine: Engine, number: int) -> list[TargetChange]:
    """All that was ever changed about a target, oldest first."""
    return read(engine, TargetChange, select(TargetChange).where(TargetChange.target == number).order_by(TargetChange.number))


def _changed(engine: Engine, number: int, version: int, by: str | None, at: dt.datetime, values: dict) -> Target:
    with editing(engine) as session:
        before = session.get(Target, number)
        if before is None:
            raise Conflict(f"target {number}", None)
        old = {name: getattr(before, name) for name in (*EDITABLE, "is_closed")}
        new = {**old, **values}
        if set(values) & set(EDITABLE):  # what was written by other means can still be closed
            new |= _checked({name: new[name] for name in EDITABLE})
        after = updated(session, f"target {number}", Target, number, version, by, at, new)
        differing = [name for name in new if new[name] != old[name]]
        if differing:
            session.add(TargetChange(target=number, at=at, who=by, old=_told(old, differing), new=_told(new, differing)))
        return after


def _told(values: dict, names=None) -> dict:
    """Columns as JSON: days as texts."""
    return {name: values[name].isoformat() if isinstance(values[name], dt.date) else values[name] for name in names or values}


def _checked(given: dict) -> dict:
    """The columns of a target, tidied. Raises RecordsError naming every fault."""
    tidy = {**given, "options": given["options"] or {}, "owner": (given["owner"] or "").strip(), "note": (given["note"] or "").strip()}
    tidy["segment"] = sorted([str(column), str(value)] for column, value in given["segment"] or ())
    figures = {name: isinstance(tidy[name], (int, float)) and not isinstance(tidy[name], bool) and math.isfinite(tidy[name]) for name in ("baseline", "target")}
    days = [name for name in ("baseline_on", "starts_on", "due_on") if not isinstance(tidy[name], dt.date)]
    faults = {
        **{f"its {name} is a number, not {tidy[name]!r}": not is_figure for name, is_figure in figures.items()},
        **{f"its {name} is a day, not {tidy[name]!r}": True for name in days},
        "it names a metric and the period it is measured over": not (tidy["metric"] and tidy["period"]),
        "it needs an owner": not tidy["owner"],
        "it says whether it is relative, and whether lower is better": not all(isinstance(tidy[name], bool) for name in ("is_relative", "lower_is_better")),
        "it is due after it starts": not days and tidy["due_on"] <= tidy["starts_on"],
        "a baseline of 0 has no per cent: declare the target in points": bool(tidy["is_relative"]) and tidy["baseline"] == 0,
    }
    if found := [fault for fault, is_so in faults.items() if is_so]:
        raise RecordsError(f"this target cannot be: {'; '.join(found)}.")
    return {**tidy, "baseline": float(tidy["baseline"]), "target": float(tidy["target"])}
