"""`python -m metrics list | show | audit`: the catalogue from the command line, for scripts and for checks from outside."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import sys
from pathlib import Path

import pandas as pd

import warehouse
from metrics import CATALOGUE, audit_command
from metrics.metric import Metric, ask
from metrics.period import GRAINS, Calendar, Period, PeriodError
from metrics.query import Query, QuestionError, collect
from metrics.result import Answer
from records import settings
from records.database import RecordsError
from warehouse.errors import StoreError


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: answered; 1: the question or the data directory is at fault, said on stderr; 2: misuse; 3: another audit than the kept one."""
    args = _parser().parse_args(arguments)
    if args.command == "list":
        return _list(args)
    try:
        return audit_command.run(args) if args.command == "audit" else _show(args)
    except (QuestionError, PeriodError, StoreError, RecordsError, LookupError, OSError, RuntimeError) as error:
        print(f"metrics: {error.args[0] if error.args else error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m metrics", description="The numbers of the catalogue, computed from the newest snapshot.")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="every metric with its definition")
    listing.add_argument("--json", action="store_true")
    show = commands.add_parser("show", help="one metric")
    show.add_argument("name")
    show.add_argument("--data", default=os.environ.get("RAPPORT_DATA", "data"), help="data directory (default: RAPPORT_DATA, else ./data)")
    show.add_argument("--snapshot", help="a snapshot's id (default: the newest)")
    show.add_argument("--from", dest="start", type=dt.date.fromisoformat, metavar="DAY", help="first day (default: the first day with data)")
    show.add_argument("--to", dest="end", type=dt.date.fromisoformat, metavar="DAY", help="first day after the period (default: after the last with data)")
    show.add_argument("--grain", choices=GRAINS, help="a series instead of one number")
    show.add_argument("--by", action="extend", nargs="+", default=[], metavar="COLUMN", help="divide by one or several columns")
    show.add_argument("--where", action="extend", nargs="+", default=[], metavar="COLUMN=VALUE", help="repeat a column for several accepted values")
    show.add_argument("--option", action="extend", nargs="+", default=[], metavar="KEY=VALUE")
    show.add_argument("--as", dest="reader", metavar="USER", help="answer as this user would see it")
    show.add_argument("--json", action="store_true")
    audit_command.add_to(commands)
    return parser


def _list(args) -> int:
    if args.json:
        cards = [{"metric": m.name, "definition": m.definition, "formula": m.formula, "unit": m.unit, "options": dict(m.options)} for m in CATALOGUE.values()]
        print(json.dumps(cards, ensure_ascii=False, indent=2, default=str))
    else:
        width = max(map(len, CATALOGUE))
        print("\n".join(f"{m.name:<{width}}  {m.definition}" for m in CATALOGUE.values()))
    return 0


def _show(args) -> int:
    if args.name not in CATALOGUE:
        raise QuestionError(f"no metric {args.name!r}; there are {', '.join(CATALOGUE)}")
    metric = CATALOGUE[args.name]
    tables = warehouse.open(Path(args.data), args.snapshot, _scope(args))
    known = settings.in_force(Path(args.data), tables.settings)
    query = Query(period_of(tables, args.start, args.end), args.grain, tuple(args.by), _pairs(args.where), dict(_split(o) for o in args.option), known)
    answer = ask(metric, tables, query)
    written = as_json if args.json else as_text
    print(written(metric, answer, tables.snapshot.id, query.period))
    return 0


def _scope(args):
    """Who works on the command line can read the files: all, unless asked to see as somebody else does."""
    from access.reader import scope_as
    from access.scope import FULL

    return scope_as(Path(args.data), args.reader) if args.reader else FULL


def period_of(tables, start: dt.date | None = None, end: dt.date | None = None) -> Period:
    """The period asked for; its open ends are the first and last days with data. Days not loaded yet are running."""
    reach = collect(tables["coverage"])
    if reach.empty and not (start and end):
        raise QuestionError("no facts have been loaded yet: give --from and --to, or sync a source with invoices, deals or answers")
    last = max(reach["last_on"], default=end)
    as_of = last + dt.timedelta(days=1) if len(reach) else end
    calendar = tables.settings.get("calendar", {})
    named = Calendar(calendar.get("fiscal_year_start", 1), calendar.get("week_start", 1))
    return Period(start or min(reach["first_on"]), end or as_of, as_of, named)


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise QuestionError(f"{text!r} is not of the form COLUMN=VALUE")
    return name, value


def _pairs(texts: list[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    accepted: dict[str, list[str]] = {}
    for text in texts:
        name, value = _split(text)
        accepted.setdefault(name, []).append(value)
    return tuple((name, tuple(values)) for name, values in accepted.items())


def as_json(metric: Metric, answer: Answer, snapshot, period: Period) -> str:
    """The answer as one JSON object; a missing figure is null, never NaN. Of the period, `to` is the first day after it."""
    rows = [{name: _plain(value) for name, value in row.items()} for row in answer.rows.to_dict("records")]
    checks = [{"name": c.name, "ok": c.ok, **({"detail": c.detail} if c.detail else {})} for c in answer.checks]
    body = {"metric": metric.name, "definition": metric.definition, "definition_id": metric.digest, "unit": metric.unit, "snapshot": snapshot}
    body["period"] = {"from": period.start, "to": period.end, "as_of": period.as_of}
    return json.dumps({**body, "rows": rows, "checks": checks, "notes": _plain(answer.notes)}, ensure_ascii=False, default=str, allow_nan=False)


def _plain(value):
    """A figure as JSON knows it: numbers, text, true, null, and lists or objects of them."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set)) or (hasattr(value, "tolist") and getattr(value, "ndim", 0)):
        return [_plain(part) for part in value]
    value = value.item() if hasattr(value, "item") else value
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.isoformat() if isinstance(value, dt.date) else value


def as_text(metric: Metric, answer: Answer, snapshot, period: Period) -> str:
    """The definition, the rows, and what they can be repeated with."""
    shown = answer.rows.drop(columns=[c for c in ("se",) if c in answer.rows])
    failed = [f"FAILED: {check.name} {check.detail}" for check in answer.checks if not check.ok]
    loaded = "" if period.complete else f", loaded up to {period.as_of - dt.timedelta(days=1)}"
    papers = f"{period.start} to {period.last_day}{loaded}; definition {metric.digest}; snapshot {snapshot}"
    return "\n".join([metric.definition, "", shown.to_string(index=False), *failed, "", papers])


if __name__ == "__main__":
    sys.exit(main())
