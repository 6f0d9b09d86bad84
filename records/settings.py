"""Settings that are made in the app: what there is to set, within which bounds, and who set it last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from records import database
from records.database import RecordsError
from records.editing import Conflict, editing, read, updated
from records.models import Setting


@dataclass(frozen=True)
class Known:
    """A setting there is. default: in force until somebody sets it. fits: what a value must be, in words and as a test."""

    default: object
    must_be: str
    fits: Callable[[object], bool]


def whole(default: int, lowest: int, highest: int, unit: str) -> Known:
    """A setting that is a whole number of something, both bounds included."""
    return Known(
        default,
        f"a whole number of {unit} from {lowest} to {highest}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest,
    )


RISK = "risk"
AT_SYNC = "risk_set_in_app"  # of a snapshot's settings: what was set when its marts were built
KNOWN = {
    "access_log_days": whole(730, 30, 3650, "days"),  # how long entries of the access log are kept
    "session_hours": whole(12, 1, 720, "hours"),  # how old a sign-in may be
    RISK: Known({}, "a table of settings", lambda value: isinstance(value, dict)),  # who counts as at risk; what it may say is not known here
}


def get(engine: Engine, name: str, default=None):
    """The value of a setting; where nobody has set it the default given, else the one declared.

    Raises RecordsError for a setting that does not exist, or whose stored value cannot be (it was written by other means).
    """
    known = _known(name)
    row = stored(engine).get(name)
    if row is None:
        return known.default if default is None else default
    return _fitting(name, row.value)


def risk_policy(data: Path) -> Mapping:
    """What was set in the app about customers at risk; empty where nothing was."""
    return get(database.connect(data), RISK) if database.exists(data) else {}


def with_risk(known: Mapping, chosen: Mapping) -> Mapping:
    """A snapshot's settings, with [metrics.risk] replaced by what was set in the app, where anything was. Pages, digest and command line ask alike."""
    return {**known, "metrics": {**known.get("metrics", {}), RISK: chosen}} if chosen else known


def at_sync(known: Mapping, chosen: Mapping) -> Mapping:
    """The settings of a new snapshot, with what is set in the app about customers at risk, where anything is."""
    return {**known, AT_SYNC: chosen} if chosen else known


def in_force(data: Path, known: Mapping) -> Mapping:
    """A snapshot's settings as they are in force now."""
    return with_risk(known, risk_policy(data))


def stored(engine: Engine) -> dict[str, Setting]:
    """The settings that somebody has made, by name, with who set them last, when, and the version to hand to `put`."""
    return {row.name: row for row in read(engine, Setting, select(Setting))}


def put(engine: Engine, name: str, value, version: int, by: str | None, at: dt.datetime) -> Setting:
    """Set a setting that was read at this version (0: nobody had set it).

    Raises RecordsError for a value that cannot be, Conflict if somebody else set it meanwhile.
    """
    _fitting(name, value)
    if version:
        with editing(engine) as session:
            return updated(session, _title(name), Setting, name, version, by, at, {"value": value})
    made = Setting(name=name, value=value, changed_at=at, changed_by=by, version=1)
    try:
        with editing(engine) as session:
            session.add(made)
    except IntegrityError:
        raise Conflict(_title(name), stored(engine).get(name)) from None
    return made


def _title(name: str) -> str:
    return f"the setting {name}"


def _known(name: str) -> Known:
    if name not in KNOWN:
        raise RecordsError(f"there is no setting {name!r}; there are {', '.join(KNOWN)}.")
    return KNOWN[name]


def _fitting(name: str, value):
    if not _known(name).fits(value):
        raise RecordsError(f"the setting {name} must be {_known(name).must_be}, not {value!r}.")
    return value
