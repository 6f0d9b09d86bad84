"""Connections to databases through SQLAlchemy: read-only, with time limits, and with errors an administrator can act on."""

from __future__ import annotations

import re
from pathlib import Path

import tenacity
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from connectors import secrets
from connectors.base import SourceError
from connectors.sources import Source

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
CONNECT = 10  # seconds for a connection to come about, at most `timeout`

MEANINGS = (  # what a driver says, whether trying again can help, what it means
    ("password authentication failed|no password supplied|Access denied for user .*using password|pg_hba|role .* does not exist|ORA-01017|Login failed",
     False, "user or password are wrong for {at}: check the secret"),
    (r"database \"?.*\"? does not exist|Unknown database", False, "{at} has no database {database!r}"),
    ("could not translate host name|Name or service not known|nodename nor servname|getaddrinfo|name resolution|No address associated|resolve host",
     True, "the host {host!r} is not known: check its name"),
    ("Connection refused", True, "nothing listens at {at}: check host and port, and that the database runs and accepts connections from here"),
    ("timeout expired|timed out|No route to host|Network is unreachable|ConnectionTimeout", True, "{at} does not answer: check host, port and firewall"),
    ("too many connections|remaining connection slots", True, "{at} has no free connection: try later, or raise its limit"),
    ("unable to open database file", False, "there is no database file {database!r}, or it may not be read"),
    ("file is not a database", False, "{database!r} is not an SQLite database"),
    ("permission denied|command denied|not authorized", False, "the role may not read this: {said}; grant it SELECT"),
    ("statement timeout|max_statement_time|maximum statement execution time", False, "the statement took longer than timeout = {timeout:g} seconds"),
    ("server closed the connection|Lost connection|gone away|connection has been closed|terminating connection", True, "{at} closed the connection: {said}"),
)  # fmt: skip


def url_of(source: Source) -> URL:
    """The source's URL with a driver that is installed. Raises SourceError if it has none."""
    if source.url is None:
        raise SourceError(f'{source.name}: a source of kind "sql" needs url = "…"')
    url = make_url(source.url.get_secret_value())
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def opened(source: Source) -> Engine:
    """An engine whose connections only read; nothing is reached yet. Raises SourceError if the driver is missing."""
    url = url_of(source)
    backend = url.get_backend_name()
    try:
        engine = create_engine(_read_only(url), connect_args=_arguments(backend, source.timeout), poolclass=NullPool)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SourceError(f"{source.name}: {url.drivername!r} needs a Python package that is not installed ({error}); install it beside Rapport") from None
    statements = SESSIONS.get(backend, ())
    event.listen(engine, "connect", lambda connection, _record: _run(connection, statements))
    return engine


SESSIONS = {
    "mysql": ("set session transaction read only", "set time_zone = '+00:00'"),
    "sqlite": ("pragma query_only = on",),
}


def _run(connection, statements) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def _arguments(backend: str, timeout: float) -> dict:
    connect = max(1, round(min(CONNECT, timeout)))
    options = f"-c default_transaction_read_only=on -c timezone=UTC -c statement_timeout={round(timeout * 1000)}"
    return {
        "postgresql": {"connect_timeout": connect, "options": options, "application_name": "rapport"},
        "mysql": {"connect_timeout": connect, "read_timeout": max(1, round(timeout))},
        "sqlite": {"timeout": timeout, "check_same_thread": False},
    }.get(backend, {})


def _read_only(url: URL) -> URL:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return url
    return url.set(database=f"file:{Path(url.database).as_posix()}", query={"mode": "ro", "uri": "true"})


def in_words(error: Exception, source: Source) -> SourceError:
    """A driver's error as a sentence without secrets."""
    said = secrets.mask(_said(error), source.url and source.url.get_secret_value())
    url = url_of(source)
    at = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    for pattern, _, meaning in MEANINGS:
        if re.search(pattern, said):
            words = meaning.format(at=at, host=url.host, database=_database(url), said=said, timeout=source.timeout)
            return SourceError(f"{source.name}: {words}" + ("" if "{said}" in meaning else f" ({said})"))
    return SourceError(f"{source.name}: {said}")


def _database(url: URL) -> str:
    return re.sub(r"^file:", "", url.database or "")


def _said(error: Exception) -> str:
    inner = getattr(error, "orig", None) or error
    text = " ".join(str(part) for part in inner.args) if inner.args else str(inner)
    return re.split(r"\nLINE \d|\n\s*\^|\n\[SQL", text)[0].replace("\n", " ").strip() or type(inner).__name__


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and any(again and re.search(pattern, _said(error)) for pattern, again, _ in MEANINGS)


def connected(engine: Engine, source: Source):
    """A connection, tried `retries` more times with growing pauses where that can help. Raises SourceError in words."""
    again = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(source.retries + 1), wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=5),
        retry=tenacity.retry_if_exception(_worth_retrying), reraise=True,
    )  # fmt: skip
    try:
        return again(engine.connect)
    except (SQLAlchemyError, OSError) as error:
        raise in_words(error, source) from None
