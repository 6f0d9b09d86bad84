"""Audits for pages: made from the answers that the pages show, kept, computed again from their own snapshot, and the rows behind a line."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import pandas as pd

from access import journal
from access.guard import admitted_now
from access.kept import Kept
from metrics import audit, audit_content, audit_presence
from metrics.audit import Material, Quarter
from metrics.audit_policy import policy, rule_of
from metrics.shelf import shelved
from records import audits, database
from records.audited import Audit
from ui import audit_facts, data, numbers
from ui import audit_words as words
from ui.view import View
from ui.words import t
from warehouse.errors import StoreError

MOST_QUARTERS = 8  # offered; older ones are reached by their audits
MATRIX = 5  # quarters side by side
BROKEN = (StoreError, OSError, RuntimeError)  # what a snapshot without its files raises


@dataclass(frozen=True)
class Again:
    """An audit computed again. state: same, differs, or gone (why says what is missing)."""

    state: str
    hash: str = ""
    why: str = ""
    differences: tuple[dict, ...] = ()
    causes: tuple[dict, ...] = ()


def today(view: View) -> dt.date:
    """The day it is where the company does business."""
    return dt.datetime.now(ZoneInfo(view.zone)).date()


def offered(view: View) -> list[Quarter]:
    """The quarters with data, the newest first; the first of them may still run."""
    reach = data.reach(view.snapshot)
    return audit.quarters(reach.first, reach.as_of, data.calendar(view.settings))[:MOST_QUARTERS] if reach else []


def usual(view: View, quarters: list[Quarter]) -> int:
    """Which of them an auditor wants: the last one that is over."""
    loaded = data.reach(view.snapshot).as_of
    return next((place for place, quarter in enumerate(quarters) if quarter.end <= loaded), 0)


def every() -> list[Audit]:
    """All audits that are kept, the newest first."""
    return _kept.read(data.directory(), audits.audits)


def findings() -> list:
    """The findings of all audits, the next due first."""
    return _kept.read(data.directory(), audits.findings)


def forget() -> None:
    """Look audits and findings up anew; called where they were changed."""
    _kept.forget()


_kept = Kept()


def content_of(made: Audit) -> dict:
    """What an audit found, as plain values."""
    return json.loads(made.content)


def computed(view: View, quarter: Quarter, told: Callable[[int, int], None] = lambda done, all_: None) -> dict:
    """The content of a quarter's audit from the view's snapshot and settings. Raises QuestionError, PeriodError, StoreError."""
    settings, loaded = audit_content.plain(view.settings), data.reach(view.snapshot).as_of
    facts = audit_facts.facts(view, quarter, loaded, today(view), policy(settings).state_days)
    return _content(replace(view, settings=settings), quarter, audit_content.plain(facts), told)


def _content(view: View, quarter: Quarter, facts: Mapping, told: Callable[[int, int], None] = lambda done, all_: None) -> dict:
    loaded = data.reach(view.snapshot).as_of
    period = audit.period_of(quarter, loaded, data.calendar(view.settings))
    key = data.digest(view.snapshot, admitted_now().scope, None, part=f"presence {period.start} {period.end} {period.as_of}")
    material = Material(period, loaded, view.settings, _presence(key, view.snapshot, period), facts)
    lines = audit.lines(lambda name, query: data.computed(view, name, query).answer, material, told)
    return audit_content.content(quarter, material, view.snapshot, lines)


@shelved(50)
def _presence(key: str, snapshot: str, period) -> list[dict]:
    return audit_presence.presence(data.tables(snapshot), period)


def make(view: View, quarter: Quarter, told: Callable[[int, int], None] = lambda done, all_: None) -> Audit:
    """Compute a quarter's audit and keep it as a draft."""
    content, reader = computed(view, quarter, told), admitted_now()
    kept = {
        "quarter": quarter.name, "days": (quarter.start, quarter.end), "snapshot": view.snapshot,
        "definitions": hashed(content["definitions"]), "configuration": hashed(content["settings"]),
    }  # fmt: skip
    made = audits.add(database.opened(data.directory()), audit_content.canonical(content), **kept, by=reader.name, at=dt.datetime.now(dt.UTC))
    forget()
    journal.note(reader.name, reader.grant.role, "audit_made", f"{quarter.name} ({made.number})", snapshot=view.snapshot, content=made.content_hash[:12])
    return made


def hashed(value) -> str:
    """SHA-256 over canonical JSON."""
    return audit_content.hashed(audit_content.canonical(value))


def again(view: View, made: Audit) -> Again:
    """Compute an audit again, from its own snapshot with its own configuration and facts, and say what differs."""
    was = content_of(made)
    own = replace(view, snapshot=made.snapshot, settings=was["settings"])
    try:
        if data.reach(made.snapshot) is None:
            return Again("gone", why=made.snapshot)
        now = _content(own, Quarter(made.quarter, made.starts_on, made.ends_on), was["facts"])
    except BROKEN as error:
        return Again("gone", why=str(error).splitlines()[0])
    text = audit_content.canonical(now)
    if text == made.content:
        return Again("same", audit_content.hashed(text))
    return Again("differs", audit_content.hashed(text), "", tuple(audit_content.differences(was, now)), tuple(audit_content.causes(was, now)))


def configured_since(view: View, made: Audit) -> list[str]:
    """The settings that are others today than those of the audit."""
    was, now = (audit_content.flat(audit_content.plain(settings)) for settings in (content_of(made)["settings"], view.settings))
    return [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]


@dataclass(frozen=True)
class Rows:
    """Rows behind one line of an audit: of which metric, narrowed how, at most so many of how many."""

    metric: str
    narrowed: Mapping[str, str]
    rows: pd.DataFrame
    total: int


def evidence(view: View, content: Mapping, line: Mapping, limit: int = data.MOST_ROWS) -> list[Rows]:
    """The rows behind a line, as far as the reader may see them, from the audit's own snapshot. Raises StoreError where its files are gone."""
    rule = rule_of(line["key"])
    if rule is None or data.metric(line["metric"]).behind is None:
        return []
    own = replace(view, snapshot=content["snapshot"], settings=content["settings"])
    calendar = data.calendar(own.settings)
    loaded = dt.date.fromisoformat(content["loaded_until"]) + dt.timedelta(days=1)
    period = audit.period_of(audit.quarter_named(content["quarter"], calendar), loaded, calendar)
    return [_rows(own, rule, audit.question(rule, period, own.settings, **one), one, limit) for one in line["evidence"]]


def _rows(view: View, rule, query, narrowed: Mapping, limit: int) -> Rows:
    listed = data.listed(view, rule.metric, replace(query, grain=None))
    found, total = listed.rows, listed.total
    if rule.keep and rule.keep[0] in found:
        found = found[found[rule.keep[0]].fillna(False).astype(bool) == rule.keep[1]]
        total = len(found)
    return Rows(rule.metric, {**narrowed["options"], **narrowed["where"]}, found.head(limit).reset_index(drop=True), total)


def in_matrix(made: list[Audit], shown: Audit | None) -> list[Audit]:
    """The audits that are set side by side, the oldest first: of each quarter the one in force, of the one looked at the one that is shown."""
    found = {**audits.in_force(made), **({shown.quarter: shown} if shown else {})}
    return sorted(found.values(), key=lambda one: one.starts_on)[-MATRIX:]


def lacking(made: list[Audit], quarters: list[Quarter], quarter: Quarter) -> list[Quarter]:
    """Of the four quarters before, those without an audit."""
    there = {one.quarter for one in made}
    earlier = [one for one in quarters if one.end <= quarter.start][: MATRIX - 1]
    return [one for one in earlier if one.name not in there]


def standing(made: list[Audit], quarter: Quarter) -> tuple[Audit | None, Audit | None]:
    """The signed audit of a quarter that is in force, and the newest draft that is younger than it."""
    own = [one for one in made if one.quarter == quarter.name]
    signed = audits.in_force([one for one in own if one.signed_at is not None]).get(quarter.name)
    drafts = [one for one in own if one.signed_at is None and (signed is None or one.created_at > signed.signed_at)]
    return signed, max(drafts, key=lambda one: one.number, default=None)


def by_area(content: Mapping) -> dict[str, list[dict]]:
    """The lines of each area, in the order of the audit."""
    found: dict[str, list[dict]] = {}
    for line in content["checks"]:
        found.setdefault(line["area"], []).append(line)
    return found


def told(made: Audit, found: Again) -> list[dict]:
    """What differs, in words: check, field, was, now."""
    lines = content_of(made)["checks"]
    return [
        {
            "check": words.titled(one["key"], lines) if one["field"] != "head" else one["key"],
            "field": t(f"audit.fields.{one['field']}"), "was": _text(one["was"]), "now": _text(one["is"]),
        }
        for one in found.differences
    ]  # fmt: skip


def _text(value) -> str:
    return numbers.NONE if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
