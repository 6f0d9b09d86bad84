"""A backup of all records in one file that every database can be restored from, and restoring it.

The file is a zip: `manifest.json` (format, revision, when and from what it was made, rows and SHA-256 of every table, and a
SHA-256 over all that) and `TABLE.jsonl`, one row per line. Instants are in UTC, days and instants are ISO 8601 texts.
"""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import itertools
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Date, Engine, Integer, Table, func, insert, select, text
from sqlalchemy.orm import Session

from records import database
from records.database import RecordsError
from records.models import Entry, Instant
from records.schema import counts, tables

FORMAT = 1
MANIFEST = "manifest.json"
BATCH = 500  # rows written at once
FROM_TEXT = {Instant: dt.datetime.fromisoformat, Date: dt.date.fromisoformat}  # JSON has no such values
REPLACED = "records_replaced"  # action in the access log
Manifest = dict


def backup(engine: Engine, file: Path, now: dt.datetime) -> Manifest:
    """Write all records, as they are at one moment, to a file; the file appears when it is complete. Returns its manifest.

    Raises RecordsError where there is nothing to back up, or a newer program has written it.
    """
    with _at_one_moment(engine) as connection:
        database.refuse_unknown(connection)
        at = database.revision(connection)
        if at is None:
            raise RecordsError("there are no records here to back up.")
        with _appearing(Path(file)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            written = {table.name: _written(archive, connection, table) for table in tables(at)}
            manifest = {"format": FORMAT, "revision": at, "made_at": now.isoformat(), "made_from": engine.dialect.name, "tables": written}
            manifest = {**manifest, "digest": _digest(manifest)}
            archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return manifest


def restore(engine: Engine, file: Path, now: dt.datetime, replace: bool = False) -> Manifest:
    """Fill an empty database from a backup of this or an older revision, all of it or nothing; returns the manifest.

    replace: what the database holds goes first, in the same transaction; that this happened is written into the access log.
    Raises RecordsError, before anything is touched, for a file that is damaged, is no backup, or is of a newer program.
    """
    with _read(Path(file)) as archive:
        manifest = _verified(archive, Path(file))
        with database.exclusive(engine).begin() as connection:
            database.alone(connection)
            gone = _emptied(connection, replace)
            database.upgrade(connection, manifest["revision"])
            for table in tables(manifest["revision"]):
                _load(connection, table, archive, manifest["tables"][table.name]["rows"])
            database.upgrade(connection)
            _continue_numbers(connection)
            if gone:
                _note(connection, manifest, gone, now)
    return manifest


# writing


@contextmanager
def _at_one_moment(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees nothing of what others write meanwhile; SQLite's are like that by themselves."""
    steady = engine.execution_options(isolation_level="REPEATABLE READ") if engine.dialect.name == "postgresql" else engine
    with steady.begin() as connection:
        yield connection


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A temporary name beside the file; it takes the file's place when the block has ended well. Only its owner may read it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        temporary.touch(mode=0o600)
        yield temporary
        with temporary.open("rb") as done:
            os.fsync(done.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _written(archive: zipfile.ZipFile, connection: Connection, table: Table) -> dict:
    """Write a table; how many rows it has, and their digest."""
    digest, n = hashlib.sha256(), 0
    rows = connection.execution_options(yield_per=BATCH).execute(select(table).order_by(*table.primary_key))
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as lines:
        for row in rows.mappings():
            line = (json.dumps(dict(row), default=_as_text, allow_nan=False) + "\n").encode()
            lines.write(line)
            digest.update(line)
            n += 1
    return {"rows": n, "sha256": digest.hexdigest()}


def _as_text(value) -> str:
    if isinstance(value, dt.date):  # and instants, which are days too
        return value.isoformat()
    raise TypeError(f"a backup cannot hold {value!r}; teach it in FROM_TEXT")


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps({k: v for k, v in manifest.items() if k != "digest"}, sort_keys=True).encode()).hexdigest()


# reading


@contextmanager
def _read(file: Path) -> Iterator[zipfile.ZipFile]:
    if not file.is_file():
        raise RecordsError(f"there is no file {file}.")
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError) as error:
        raise RecordsError(f"{file} is no backup, or a damaged one: {error}. Take another copy of it.") from None
    with archive:
        yield archive


def _verified(archive: zipfile.ZipFile, file: Path) -> Manifest:
    """The manifest of an intact backup that this program can read. Raises RecordsError for every other file."""
    try:
        manifest = json.loads(archive.read(MANIFEST))
        is_whole = manifest["digest"] == _digest(manifest) and all(_sha256(archive, name) == t["sha256"] for name, t in manifest["tables"].items())
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, EOFError, OSError, NotImplementedError, zlib.error):
        raise RecordsError(f"{file} is no backup of records, or a damaged one. Nothing has been changed; take another copy of it.") from None
    if not is_whole:
        raise RecordsError(f"{file} is damaged: it is not what was written. Nothing has been changed; take another copy of it.")
    if manifest["format"] != FORMAT or manifest["revision"] not in database.known():
        raise RecordsError(
            f"{file} was made by a newer program (format {manifest['format']}, revision {manifest['revision']!r}); this one knows format {FORMAT} "
            f"and revisions up to {database.head()!r}. Nothing has been changed; upgrade this program first."
        )
    return manifest


def _sha256(archive: zipfile.ZipFile, table: str) -> str:
    with archive.open(f"{table}.jsonl") as lines:
        return hashlib.file_digest(lines, "sha256").hexdigest()


def _emptied(connection: Connection, replace: bool) -> dict[str, int]:
    """Take away the tables there are; what they held. Raises RecordsError if that is something, and not to be replaced."""
    held = {name: n for name, n in counts(connection).items() if n}
    if held and not replace:
        told = ", ".join(f"{n:,} in {name}" for name, n in held.items())
        raise RecordsError(f"the database is not empty: it has rows ({told}). Nothing has been changed; say --replace to give them up for the backup's.")
    if database.revision(connection) is not None:
        database.downgrade(connection, "base")
    return held


def _load(connection: Connection, table: Table, archive: zipfile.ZipFile, expected: int) -> None:
    readers = {c.name: read for c in table.columns for kind, read in FROM_TEXT.items() if isinstance(c.type, kind)}
    n = 0
    with archive.open(f"{table.name}.jsonl") as lines:
        while batch := [_row(line, readers) for line in itertools.islice(lines, BATCH)]:
            connection.execute(insert(table), batch)
            n += len(batch)
    if n != expected:
        raise RecordsError(f"the backup says {expected:,} rows of {table.name} and holds {n:,}. Nothing has been changed.")


def _row(line: bytes, readers: dict) -> dict:
    return {name: readers[name](value) if name in readers and value is not None else value for name, value in json.loads(line).items()}


def _continue_numbers(connection: Connection) -> None:
    """PostgreSQL counts on its own: the next number of every table comes after the highest restored one."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables(database.head()):
        for column in (c for c in table.primary_key if isinstance(c.type, Integer)):
            highest = connection.execute(select(func.max(column))).scalar_one()
            named = {"table": table.name, "column": column.name, "next": (highest or 0) + 1}
            connection.execute(text("select setval(pg_get_serial_sequence(:table, :column), :next, false)"), named)


def _note(connection: Connection, manifest: Manifest, gone: dict[str, int], now: dt.datetime) -> None:
    """Who replaced the records, even those of the log itself, and by which backup."""
    by = {"system_user": getpass.getuser(), "backup": manifest["digest"], "backup_made_at": manifest["made_at"], "rows_given_up": gone}
    with Session(connection) as session:
        session.add(Entry(at=now, action=REPLACED, detail=by))
        session.commit()
