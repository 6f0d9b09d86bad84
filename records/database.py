"""Where records live: SQLite in the data directory by default, any SQLAlchemy URL by `RAPPORT_RECORDS` or argument."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

FILE = "records.sqlite"
BUSY_MS = 30_000  # how long a writer waits for another one
MIGRATIONS = Path(__file__).parent / "migrations"


class RecordsError(Exception):
    """The records database cannot be used as it is: what is wrong and what to do."""


def location(data: Path, url: str | None = None) -> str:
    """The URL of the records of a data directory: the argument, else RAPPORT_RECORDS, else its SQLite file."""
    return url or os.environ.get("RAPPORT_RECORDS") or f"sqlite:///{Path(data).resolve() / FILE}"


def exists(data: Path, url: str | None = None) -> bool:
    """Whether there is a database to read; opening a SQLite file that is not there would create it."""
    where = make_url(location(data, url))
    return where.get_backend_name() != "sqlite" or Path(where.database or "").exists()


def connect(data: Path, url: str | None = None) -> Engine:
    """An engine for reading and writing. Connections are not kept, so a replaced file is seen at once."""
    where = make_url(location(data, url))
    if where.get_backend_name() != "sqlite":
        return create_engine(where, pool_pre_ping=True)
    engine = create_engine(where, poolclass=NullPool, connect_args={"timeout": BUSY_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; does nothing when it is there already.

    Raises RecordsError if a newer program has already moved it beyond what this one knows.
    """
    scripts = ScriptDirectory(str(MIGRATIONS))
    with engine.begin() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        if present == scripts.get_current_head():
            return
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise RecordsError(
                f"the records database is at schema {present!r}, which this program does not know (its newest is "
                f"{scripts.get_current_head()!r}); a newer version has written it. Upgrade this program, or restore the database from before."
            )
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
