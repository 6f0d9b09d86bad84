"""`python -m notify digest`: tell those who look after customers what has changed, as `[notify]` of the sources file says.

    python -m notify digest --data DIR --sources FILE [--only NAME …] [--dry-run]

Run it after each sync, or once a day: it sends nothing where nothing has changed, and tries again what did not go out. --dry-run prints
what would be sent to whom, and sends and notes nothing. Exit codes: 0 done; 1 something did not go out; 2 misuse.
"""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import warehouse
from connectors import redaction, sources
from connectors.errors import SourceError
from connectors.sources import Notify, Target
from metrics.query import QuestionError
from notify import changes, delivery, messages, reach
from notify.delivery import NotDelivered
from notify.present import Present, present
from records import database, journal, notices
from records.database import RecordsError
from records.incidents import joined
from records.models import Entry
from warehouse.errors import StoreError

DONE, FAILED, MISUSE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    args = _parser().parse_args(arguments)
    redaction.install(Path(args.sources).resolve().parent)
    try:
        declared = sources.load(args.sources, reach=False)
    except SourceError as error:
        return _said(str(error), MISUSE)
    if unknown := set(args.only) - {target.name for target in declared.notify.targets}:
        return _said(f"there is no target {', '.join(sorted(unknown))} under [notify]", MISUSE)
    wanted = [target for target in declared.notify.targets if not args.only or target.name in args.only]
    if not wanted:
        print("nobody is to be told: there are no [[notify.targets]] in the sources file")
        return DONE
    try:
        today = dt.datetime.now(ZoneInfo(declared.calendar.timezone)).date()
        codes = [tell(Path(args.data), Path(args.sources).resolve().parent, declared.notify, target, today, args.dry_run) for target in wanted]
    except (StoreError, RecordsError, QuestionError, LookupError) as error:
        return _said(str(error), FAILED)
    return max(codes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m notify", description="Messages about customers at risk, only where something has changed.")
    digest = parser.add_subparsers(dest="command", required=True).add_parser("digest", help="tell every target that is due what has changed")
    digest.add_argument("--data", default=str(warehouse.directory()), help="data directory (default: RAPPORT_DATA, else ./data)")
    digest.add_argument("--sources", default=os.environ.get("RAPPORT_SOURCES", "sources.toml"), help="sources file (default: RAPPORT_SOURCES)")
    digest.add_argument("--only", action="extend", nargs="+", default=[], metavar="NAME", help="these targets alone")
    digest.add_argument("--dry-run", action="store_true", help="print what would be sent to whom; send and note nothing")
    return parser


def tell(data: Path, folder: Path, config: Notify, target: Target, today: dt.date, is_dry: bool) -> int:
    """Tell one target what has changed, if it is due and anything has. Returns DONE, or FAILED for what did not go out: the next run tries again."""
    engine = database.connect(data)
    before = notices.delivery(engine, target.name) if database.exists(data) else None
    if not changes.is_due(target, today, before.checked_on if before else None):
        return _printed(f"{target.name}: not due before the next weekday {target.day} (ISO)")
    now = present(data, reach.scope(data, target))
    told = _told(engine, target, now) if database.exists(data) else {}
    found = changes.changes(now.flags, told)
    message = _message(config, target, now, found) if found else None
    if is_dry:
        return _shown(target, folder, message)
    engine = database.opened(data)
    try:
        if message is not None:
            delivery.deliver(delivery.address(target, folder), message)
    except NotDelivered as error:
        why = redaction.redacted(str(error))
        notices.failed(engine, target.name, why, _now())
        return _said(f"{target.name} ({target.kind}): not sent: {why}. Nothing is noted as told; the next run tries again.", FAILED)
    known = {customer: joined(told.get(customer, ()), flags) for customer, flags in now.flags.items() if flags}
    notices.done(engine, target.name, known, on=today, at=_now(), is_sent=message is not None)
    if message is None:
        return _printed(f"{target.name}: nothing has changed")
    _noted(engine, target, found)
    return _printed(f"{target.name} ({target.kind}): sent: {message.title}")


def _told(engine, target: Target, now: Present) -> dict[str, list]:
    """What a target was told, by the accounts that customers belong to now; who may not be seen any more is not spoken of."""
    stored = notices.told(engine, target.name)
    accounts, told = now.accounts(*stored), {}
    for customer, flags in stored.items():
        if customer in accounts:
            told[accounts[customer]] = joined(told.get(accounts[customer], ()), flags)
    return told


def _message(config: Notify, target: Target, now: Present, found: changes.Changes) -> messages.Message:
    first = list(found.new)[: messages.MOST]
    names = now.names(*first, *found.over)
    new = [messages.Told(customer, names[customer], found.new[customer], now.at_risk[customer].get("revenue"), now.action(customer)) for customer in first]
    return messages.message(
        new, [names[customer] for customer in found.over], language=target.language, currency=now.query.currency, on=now.on,
        base_url=config.base_url, kind=target.kind, n_new=len(found.new),
    )  # fmt: skip


def _shown(target: Target, folder: Path, message: messages.Message | None) -> int:
    """What would be sent, to whom; of the address only whether it can be used."""
    try:
        delivery.address(target, folder)
        state = "its address is set"
    except NotDelivered as error:
        state = redaction.redacted(str(error))
    about = f"the customers of {target.owner}" if target.owner else f"the customers that {target.reader} may see" if target.reader else "all customers"
    print(f"{target.name} ({target.kind}, {target.language}; about {about}; {state})")
    print("  nothing has changed" if message is None else "\n".join(f"  {line}" for line in [message.title, "", *message.body.splitlines()]))
    return DONE


def _noted(engine, target: Target, found: changes.Changes) -> None:
    who = f"{getpass.getuser()} (command line)"
    detail = {"kind": target.kind, "about": target.owner or target.reader or "everybody", "new": len(found.new), "over": len(found.over)}
    journal.append(engine, Entry(at=_now(), who=who, role=None, action="notice_sent", object=target.name, detail=detail))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _printed(text: str) -> int:
    print(redaction.redacted(text))
    return DONE


def _said(text: str, code: int) -> int:
    print(redaction.redacted(f"notify: {text}"), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
