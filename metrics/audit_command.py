"""`python -m metrics audit`: a quarter's audit from the command line; one that is kept is computed again and compared, letter by letter."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import warehouse
from metrics import CATALOGUE, audit, audit_content
from metrics.audit_presence import presence
from metrics.metric import ask
from metrics.period import Calendar
from metrics.query import QuestionError, collect
from records import audits, database, settings

DIFFERS = 3  # exit code: computed, and not what is kept


def add_to(commands) -> None:
    """The command's arguments, beside those of the other commands."""
    told = commands.add_parser("audit", help="a quarter's audit; a kept one is computed again and compared")
    told.add_argument("--quarter", required=True, help="the fiscal quarter, like 2026Q3")
    told.add_argument("--data", default=os.environ.get("RAPPORT_DATA", "data"), help="data directory (default: RAPPORT_DATA, else ./data)")
    told.add_argument("--number", type=int, help="a kept audit by its number (default: the one in force)")
    told.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: computed, and the same as what is kept where something is; 3: something differs.

    Raises QuestionError for what is no quarter or audit, StoreError where the snapshot or its files are gone.
    """
    data = Path(args.data)
    kept = _kept(data, args.quarter.upper(), args.number)
    was = json.loads(kept.content) if kept else None
    now = content(data, args.quarter, kept.snapshot if kept else None, was)
    text = audit_content.canonical(now)
    found = {"kept": _papers(kept), "hash": audit_content.hashed(text), "same": None if kept is None else text == kept.content}
    if found["same"] is False:
        found |= {"differences": audit_content.differences(was, now), "causes": audit_content.causes(was, now)}
    print(json.dumps({**found, "content": json.loads(text)}, ensure_ascii=False) if args.format == "json" else as_text(now, found))
    return DIFFERS if found["same"] is False else 0


def _kept(data: Path, quarter: str, number: int | None) -> Any:
    """The audit that is meant; None where none of the quarter is kept."""
    every = audits.audits(database.connect(data)) if database.exists(data) else []
    if number is None:
        return audits.in_force(every).get(quarter)
    found = next((one for one in every if one.number == number and one.quarter == quarter), None)
    if found is None:
        raise QuestionError(f"there is no audit {number} of {quarter}; there are {', '.join(f'{one.number} of {one.quarter}' for one in every) or 'none'}")
    return found


def content(data: Path, quarter: str, snapshot: str | None, was: dict | None) -> dict:
    """The content of an audit: of a kept one with its own settings and facts, else with those of the snapshot and without what people wrote down."""
    tables = warehouse.open(data, snapshot)
    known = was["settings"] if was else audit_content.plain(settings.in_force(data, tables.settings))
    named = known.get("calendar", {})
    calendar = Calendar(named.get("fiscal_year_start", 1), named.get("week_start", 1))
    meant, reach = audit.quarter_named(quarter, calendar), collect(tables["coverage"])
    if reach.empty:
        raise QuestionError("no facts have been loaded yet: sync a source with invoices, deals or answers")
    loaded = max(reach["last_on"]) + dt.timedelta(days=1)
    period = audit.period_of(meant, loaded, calendar)
    material = audit.Material(period, loaded, known, presence(tables, period), was["facts"] if was else {})
    lines = audit.lines(lambda name, query: ask(CATALOGUE[name], tables, query), material)
    return audit_content.content(meant, material, tables.snapshot.id, lines)


def _papers(kept) -> dict | None:
    if kept is None:
        return None
    signed = {"by": kept.signed_by, "at": kept.signed_at.isoformat(timespec="seconds"), "seal": kept.seal} if kept.signed_at else None
    return {"number": kept.number, "hash": kept.content_hash, "signed": signed, "intact": audits.is_intact(kept)}


def as_text(now: dict, found: dict) -> str:
    """The lines, the verdict over the whole, and whether it is what is kept."""
    width = max(len(line["key"]) for line in now["checks"])
    told = [f"{line['verdict']:<8} {line['key']:<{width}} {_figure(line['value'])} {_of(line)}".rstrip() for line in now["checks"]]
    counted = ", ".join(f"{n} {verdict}" for verdict, n in audit.counts(now["checks"]).items())
    failing = [f"FAILED: {one['metric']}: {one['name']} {one['detail']}" for one in audit.unreconciled(now["checks"])]
    until = f" (running: data up to {now['loaded_until']})" if now["is_running"] else ""
    head = f"{now['quarter']}, {now['from']} to {now['to']}{until}; snapshot {now['snapshot']}"
    return "\n".join([head, "", *told, *failing, "", counted, f"content {found['hash']}", *_compared(found)])


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _of(line: dict) -> str:
    """What it rests on, and what was asked for."""
    base = f"n={line['n']}" if line["n"] is not None else ""
    limit = f"passes {'>=' if line['better'] == 'higher' else '<='} {line['passes']:g}" if line["passes"] is not None else ""
    return " ".join(part for part in (base, limit, line["owner"]) if part)


def _compared(found: dict) -> list[str]:
    kept = found["kept"]
    if kept is None:
        return ["no audit of this quarter is kept"]
    signed = f"signed by {kept['signed']['by']} at {kept['signed']['at']}" if kept["signed"] else "not signed"
    letters = "" if kept["intact"] else "; ITS LETTERS DO NOT GIVE ITS HASH"
    if found["same"]:
        return [f"the same as audit {kept['number']}, {signed}{letters}"]
    lines = [f"  {one['key']}: {one['field']} was {_value(one['was'])}, is {_value(one['is'])}" for one in found["differences"]]
    because = [f"  because {one['cause']} {one['name']} has changed" for one in found["causes"]] or ["  definitions, configuration and snapshot are the same"]
    return [f"NOT the same as audit {kept['number']}, {signed}{letters}:", *lines, *because]


def _value(value) -> str:
    return json.dumps(value, ensure_ascii=False) if value is not None else "nothing"
