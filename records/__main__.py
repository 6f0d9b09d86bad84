"""`python -m records upgrade | downgrade | backup | restore`: the records database from the command line.

    upgrade             bring it to the newest schema
    downgrade REV       back to an older one, before returning to an older version of the program
    backup FILE         all records in one file, from which SQLite and PostgreSQL alike can be restored
    restore FILE        into an empty database; with --replace in place of what is there, all of it or nothing

Each takes --data DIR (RAPPORT_DATA) and --url URL (RAPPORT_RECORDS). Exit codes: 0 done; 1 refused or failed, nothing was
changed; 2 misuse.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from records import backup, database
from records.database import RecordsError
from records.schema import counts

DONE, REFUSED, MISUSE = 0, 1, 2


class Misuse(Exception):
    """The command was given something it cannot be."""


def parser() -> argparse.ArgumentParser:
    """The command line as documented above."""
    top = argparse.ArgumentParser(prog="python -m records", description="Migrate, back up and restore the records of Rapport.")
    commands = top.add_subparsers(dest="command", required=True)
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--data", default=os.environ.get("RAPPORT_DATA"), help="the data directory (RAPPORT_DATA)")
    place.add_argument("--url", help="the database, where it is not the SQLite file of the data directory (RAPPORT_RECORDS)")
    commands.add_parser("upgrade", parents=[place], help="bring the database to the newest schema")
    downgrade = commands.add_parser("downgrade", parents=[place], help="bring the database back to an older schema")
    downgrade.add_argument("revision", help=f"one of {', '.join(database.known())}")
    downgrade.add_argument("--lose-rows", action="store_true", help="give up the rows of tables that the older schema does not have")
    commands.add_parser("backup", parents=[place], help="write all records to a file").add_argument("file", type=Path)
    restore = commands.add_parser("restore", parents=[place], help="read a backup into an empty database")
    restore.add_argument("file", type=Path)
    restore.add_argument("--replace", action="store_true", help="give up what the database holds, in the same transaction")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    top = parser()
    args = top.parse_args(arguments)
    if args.data is None and not (args.url or os.environ.get("RAPPORT_RECORDS")):
        top.error("--data is needed, or --url; say it, or set RAPPORT_DATA")
    try:
        print(COMMANDS[args.command](_engine(args), args))
        return DONE
    except Misuse as error:
        return _said(str(error), MISUSE)
    except (RecordsError, OSError) as error:
        return _said(str(error), REFUSED)
    except SQLAlchemyError as error:
        return _said(_plain(error), REFUSED)


def _engine(args: Namespace) -> Engine:
    data = Path(args.data or ".")
    try:
        engine = database.connect(data, args.url)
    except (ArgumentError, ValueError):
        raise Misuse("the database's URL cannot be read; it looks like postgresql://user:password@host/database") from None
    except (NoSuchModuleError, ImportError):
        raise Misuse("there is no driver for this kind of database; records live in SQLite or in PostgreSQL (postgresql://…)") from None
    if args.command in ("upgrade", "restore"):
        data.mkdir(parents=True, exist_ok=True)
    elif not database.exists(data, args.url):
        raise RecordsError(f"there are no records: {database.masked(database.location(data, args.url))} does not exist.")
    return engine


def _upgrade(engine: Engine, args: Namespace) -> str:
    with engine.connect() as connection:
        before = database.revision(connection)
    database.migrate(engine)
    where = database.masked(str(engine.url.render_as_string(hide_password=False)))
    return f"{where} is at {database.head()}" + (", as before" if before == database.head() else f"; it was {before or 'empty'}")


def _downgrade(engine: Engine, args: Namespace) -> str:
    with database.exclusive(engine).begin() as connection:
        database.alone(connection)
        before = counts(connection)
        database.downgrade(connection, args.revision)
        after = counts(connection)
        lost = {name: n for name, n in before.items() if name not in after and n}
        if lost and not args.lose_rows:
            told = ", ".join(f"{n:,} in {name}" for name, n in lost.items())
            raise RecordsError(f"{args.revision} has no place for rows there are: {told}. Nothing has been changed; back up first, then say --lose-rows.")
    return f"the records are at {args.revision}"


def _backup(engine: Engine, args: Namespace) -> str:
    return f"{args.file}: {_told(backup.backup(engine, args.file, dt.datetime.now(dt.UTC)))}"


def _restore(engine: Engine, args: Namespace) -> str:
    return f"restored {_told(backup.restore(engine, args.file, dt.datetime.now(dt.UTC), args.replace))}"


def _told(manifest: backup.Manifest) -> str:
    rows = sum(table["rows"] for table in manifest["tables"].values())
    return f"{rows:,} rows of {len(manifest['tables'])} tables, revision {manifest['revision']}, made at {manifest['made_at']}"


def _plain(error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the statement and its values."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"the database refused: {said[0] if said else type(error).__name__}. Nothing has been changed."


def _said(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


COMMANDS: dict[str, Callable[[Engine, Namespace], str]] = {"upgrade": _upgrade, "downgrade": _downgrade, "backup": _backup, "restore": _restore}

if __name__ == "__main__":
    sys.exit(main())
