"""Where records live: SQLite in the data directory by default, any SQLAlchemy URL by `RAPPORT_RECORDS` or argument."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

FILE = "records.sqlite"
BUSY_MS = 30_000  # how long a writer waits for another one
MIGRATIONS = Path(__file__).parent / "migrations"
BEGIN = "records_begin"  # execution option: how SQLite begins a transaction
MIGRATING = 7_270_677  # number of PostgreSQL's advisory lock: one program migrates at a time


class RecordsError(Exception):
    """The records database cannot be used as it is: what is wrong and what to do."""


def location(data: Path, url: str | None = None) -> str:
    """The URL of the records of a data directory: the argument, else RAPPORT_RECORDS, else its SQLite file.

    It does not look at the disk: a page asks for it a hundred times.
    """
    if found := url or os.environ.get("RAPPORT_RECORDS"):
        return found
    named = os.fspath(data)
    return _own(named, "" if os.path.isabs(named) else os.getcwd())


@cache
def _own(data: str, here: str) -> str:
    return f"sqlite:///{os.path.join(os.path.normpath(os.path.join(here, data)), FILE)}"


def exists(data: Path, url: str | None = None) -> bool:
    """Whether there is a database to read; opening a SQLite file that is not there would create it."""
    file = _file(location(data, url))
    return file is None or file.exists()


def mark(data: Path, url: str | None = None) -> tuple | None:
    """Something that changes with every write, and costs no query: for whoever would otherwise ask the same again and again.

    Times and sizes of SQLite's files; None where that cannot be told (a server), () while there is no database.
    """
    file = _file(location(data, url))
    if file is None:
        return None
    return tuple(state for path in (str(file), f"{file}-wal") if (state := _state(path)))


def _state(path: str) -> tuple[int, int] | None:
    """Time and size of a file; None where there is none: the last one to close a database takes its -wal away at any moment."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


@cache
def _file(url: str) -> Path | None:
    """The file of a SQLite database; None for servers."""
    where = make_url(url)
    return Path(where.database or "") if where.get_backend_name() == "sqlite" else None


def connect(data: Path, url: str | None = None) -> Engine:
    """An engine for reading and writing, the same one for the same place.

    SQLite's connections are not kept, so a replaced file is seen at once; those of servers are pooled.
    """
    return _engine(location(data, url))


def opened(data: Path, url: str | None = None) -> Engine:
    """An engine on a database that exists and is at the newest schema: what whoever is about to write asks for.

    Raises RecordsError if a newer program has written it.
    """
    if not exists(data, url):
        Path(data).mkdir(parents=True, exist_ok=True)
    engine = connect(data, url)
    migrate(engine)
    return engine


@cache
def _engine(url: str) -> Engine:
    where = make_url(url)
    if where.get_backend_name() != "sqlite":
        return create_engine(where, pool_pre_ping=True)
    engine = create_engine(where, poolclass=NullPool, connect_args={"timeout": BUSY_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = None  # the driver itself would leave CREATE and DROP outside of transactions
    for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(BEGIN, 'DEFERRED')}")


def exclusive(engine: Engine) -> Engine:
    """The engine for transactions that read before they write.

    SQLite is locked from their beginning, waiting for other writers: it cannot wait any more once something has been read.
    """
    return engine.execution_options(**{BEGIN: "IMMEDIATE"})


def masked(url: str) -> str:
    """A URL without its password, for messages."""
    return make_url(url).render_as_string(hide_password=True)


# migrations


def head() -> str:
    """The newest revision this program knows."""
    return _scripts().get_current_head()


def known() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


def revision(connection: Connection) -> str | None:
    """The revision a database is at; None where nothing was ever made in it."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; does nothing when it is there already.

    Raises RecordsError if a newer program has already moved it beyond what this one knows.
    """
    with engine.connect() as connection:
        if revision(connection) == head():
            return
    with exclusive(engine).begin() as connection:
        alone(connection)
        upgrade(connection)


def alone(connection: Connection) -> None:
    """Until the end of the transaction no other program migrates this database."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})


def upgrade(connection: Connection, to: str = "head") -> None:
    """Move the schema up within the connection's transaction. Raises RecordsError at a revision nobody knows."""
    refuse_unknown(connection)
    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Move the schema down within the connection's transaction; "base" removes everything.

    Tables that the older schema does not have go, with their rows. Raises RecordsError at a revision nobody knows.
    """
    refuse_unknown(connection)
    if to != "base" and to not in known():
        raise RecordsError(f"there is no revision {to!r} of the records; there are {', '.join(known())}, and base, which is nothing at all.")
    command.downgrade(_config(connection), to)


def refuse_unknown(connection: Connection) -> None:
    """Raises RecordsError if the database is at a revision that only a newer program knows."""
    present = revision(connection)
    if present is not None and present not in known():
        raise RecordsError(
            f"the records database is at schema {present!r}, which this program does not know (its newest is {head()!r}); a newer version "
            "has written it. Upgrade this program, or restore the database from before."
        )


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
