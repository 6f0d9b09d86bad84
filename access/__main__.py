"""`python -m access grant | deny | remove | list | purge`: who may see what, from the command line. The first administrator comes in this way."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import sys
from pathlib import Path

import warehouse
from access.grants import SEGMENTS, NotAGrant, checked
from access.roles import ROLES
from records import database, journal, rules
from records.database import RecordsError
from records.models import Entry, Rule


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: done; 1: the rule or the records are at fault, said on stderr; 2: misuse."""
    args = _parser().parse_args(arguments)
    try:
        return args.do(args)
    except (NotAGrant, RecordsError) as error:
        print(f"access: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m access", description="Who may see what. Without a rule a person sees nothing.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, do, help in (
        ("grant", _grant, "give a person or a group a role over some customers, or change what they have"),
        ("deny", _deny, "keep a person out, whatever their groups may see"),
        ("remove", _remove, "take a rule away"),
        ("list", _list, "all rules"),
        ("purge", _purge, "remove entries of the access log that are older than the setting access_log_days"),
    ):
        command = commands.add_parser(name, help=help)
        command.set_defaults(do=do)
        command.add_argument("--data", type=Path, default=warehouse.directory(), help="data directory (default: RAPPORT_DATA, else ./data)")
        if name in ("grant", "deny", "remove"):
            command.add_argument("subject", help="an e-mail, or the name of a group with --group")
            command.add_argument("--group", action="store_true", help="the subject is a group of the sign-in provider")
        if name == "grant":
            command.add_argument("role", choices=ROLES)
            command.add_argument("reach", choices=rules.REACHES)
            command.add_argument("--where", metavar="COLUMN=VALUE", nargs="+", default=[], help=f"for the reach 'segment': one of {', '.join(SEGMENTS)}")
    return parser


def _grant(args) -> int:
    pairs = [text.partition("=")[::2] for text in args.where]
    columns = {column for column, _ in pairs}
    if len(columns) > 1:
        raise NotAGrant(f"a segment is drawn by one column, not by {', '.join(sorted(columns))}")
    column, values = next(iter(columns), None), [value for _, value in pairs]
    grant = checked(args.role, args.reach, column, values)
    return _put(args, {"role": grant.role, "reach": grant.reach, "column": grant.column, "values": list(grant.values)})


def _deny(args) -> int:
    return _put(args, {"role": None, "reach": "own", "column": None, "values": []})


def _put(args, given: dict) -> int:
    engine, before = database.opened(args.data), _present(args)
    who = {"subject_kind": "group" if args.group else "user", "subject": args.subject}
    if before is None:
        rules.grant(engine, Rule(**who, **given), _by(), _now())
    else:
        rules.change(engine, before.number, before.version, by=_by(), at=_now(), **given)
    _noted(args, "rule_changed" if before else "rule_added", given)
    return 0


def _remove(args) -> int:
    before = _present(args)
    if before is None:
        raise NotAGrant(f"there is no rule for {args.subject}; `python -m access list` shows those there are")
    rules.remove(database.opened(args.data), before.number, before.version)
    _noted(args, "rule_removed", {})
    return 0


def _list(args) -> int:
    found = rules.rules(database.connect(args.data)) if database.exists(args.data) else []
    for rule in found:
        values = f" {rule.column} = {', '.join(rule.values)}" if rule.column else ""
        said = f"{rule.role}, {rule.reach}{values}" if rule.role else "no access"
        print(f"{rule.subject_kind:<6} {rule.subject:<40} {said}  (by {rule.changed_by}, {rule.changed_at:%Y-%m-%d})")
    if not found:
        print("no rules: whoever signs in sees nothing")
    return 0


def _purge(args) -> int:
    print(f"{journal.purge(database.opened(args.data), _now())} entries removed")
    return 0


def _present(args) -> Rule | None:
    kind, subject = ("group", args.subject.strip()) if args.group else ("user", args.subject.strip().lower())
    found = rules.rules(database.opened(args.data))
    return next((rule for rule in found if (rule.subject_kind, rule.subject) == (kind, subject)), None)


def _noted(args, action: str, given: dict) -> None:
    kind = "group" if args.group else "user"
    journal.append(database.opened(args.data), Entry(at=_now(), who=_by(), role=None, action=action, object=args.subject, detail={"kind": kind, **given}))


def _by() -> str:
    return f"{getpass.getuser()} (command line)"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    sys.exit(main())
