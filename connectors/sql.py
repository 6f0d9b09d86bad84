"""Databases: PostgreSQL, MySQL and MariaDB, SQLite through DuckDB's scanners, every other SQLAlchemy URL through SQLAlchemy.

`from` names a table ("schema.table"), `query` is a SELECT in the database's own SQL, `incremental` an expression in it.
The database gets one read-only SELECT per table: typed columns, the window of the cursor, ordered by it. `where` and
`unpivot` are ours and are applied to its rows. `via = "sqlalchemy"` reads the first three through SQLAlchemy as well, with
the same result, slower.

Deletions by flag, tombstone query or sweep. Limits: types of other dialects come from the driver or the first 1,000 rows.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from connectors import casts, database, secrets
from connectors.arrow import normalised, regular
from connectors.asking import Asked, asked
from connectors.base import BATCH_ROWS, ROW_NUMBER, Finding, SourceError, Window
from connectors.dialects import Dialect, Field, MySQL, Postgres, extension, quoted
from connectors.expressions import LOCKED, literal, locked
from connectors.mapping import MOSTLY
from connectors.pipeline import Pipeline
from connectors.rowwise import row_batches
from connectors.sources import Source, Table
from connectors.sqlite import SQLite
from connectors.streaming import streamed

MEMORY = "1GB"  # of the engine that reads one table
DUCKDB = {pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN", pa.date32(): "DATE", pa.binary(): "BLOB",
          pa.timestamp("us"): "TIMESTAMP", pa.timestamp("us", "UTC"): "TIMESTAMPTZ", pa.string(): "VARCHAR"}  # fmt: skip


Batches = Iterator[pa.RecordBatch]


DIALECTS: dict[str, type[Dialect]] = {"postgresql": Postgres, "mysql": MySQL, "mariadb": MySQL, "sqlite": SQLite}


def dialect(backend: str) -> Dialect:
    """The dialect of a database by SQLAlchemy's name for it."""
    return DIALECTS.get(backend, Dialect)()


class SqlConnector:
    """The tables of one database."""

    def __init__(self, source: Source, zone: str = "UTC"):
        self.name, self.source = source.name, source
        self.zone = source.timezone or zone
        self._url = database.url_of(source)
        self._engine = database.opened(source)
        self._dialect: Dialect = dialect(self._url.get_backend_name())
        self._known: dict[str, tuple[tuple, Asked]] = {}
        self._scans = self._dialect.scanner is not None and source.via != "sqlalchemy"

    # --- the shape of a connector ---------------------------------------------------------------------------------------

    def check(self) -> list[Finding]:
        """Whether the database answers, and each table with it."""
        try:
            with self._connected() as connection:
                findings = [Finding("ok", self.name, self._reached(connection))]
        except SourceError as error:
            return [Finding("fault", self.name, str(error))]
        if not self._dialect.scanner:
            said = f"{self._url.get_backend_name()}: this connection cannot be kept from writing; give it a role that can only read"
            findings.append(Finding("warning", self.name, said))
        return findings + [f for table in self.source.tables.values() if table.rows is None for f in self._check(table)]

    def schema(self, table: Table) -> pa.Schema:
        """Columns and types of the rows that `read` gives."""
        fields = self._asked(table).fields
        engine = locked(casts.MACROS)
        try:
            return self._out(engine, table, fields, _arrow(fields).empty_table(), None).schema
        finally:
            engine.close()

    def read(
        self, table: Table, *, window: Window | None = None, columns: list[str] | None = None, cancel: threading.Event | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The table's rows in batches; see `base.Connector.read`."""
        where = f"{self.name}.{table.name}"
        found = self._asked(table)
        try:
            fields = found.needed(columns)
        except SourceError as error:
            raise SourceError(f"{where}: {error}") from None
        tag = f"rapport {uuid.uuid4().hex}"
        sql = f"{found.select(fields, window, self.zone, scanned=self._scans)} /* {tag} */"
        engine = self._attached() if self._scans else locked(casts.MACROS)
        opened = self._scanned if self._scans else self._fetched
        batches = regular(opened(engine, table, fields, sql, columns), cancel)
        return streamed(batches, timeout=self.source.timeout, interrupt=lambda: self._interrupt(engine, tag), cancel=cancel, where=where)

    def close(self) -> None:
        """Close what is still open."""
        self._engine.dispose()

    # --- what is asked ------------------------------------------------------------------------------------------------

    def _asked(self, table: Table) -> Asked:
        """The table as the database knows it; looked at again when the database file has changed, or for a server each time."""
        state = self._dialect.state(self._url), table
        if state[0] is None or self._known.get(table.name, (None, None))[0] != state:
            with self._connected(f"{self.name}.{table.name}") as connection:
                self._known[table.name] = state, asked(connection, self._dialect, table)
        return self._known[table.name][1]

    # --- both ways of reading -----------------------------------------------------------------------------------------

    def _scanned(self, engine: duckdb.DuckDBPyConnection, table: Table, fields: tuple[Field, ...], sql: str, columns: list[str] | None) -> Batches:
        """Through DuckDB's scanner."""
        call = f"{self._dialect.scanner.removesuffix('_scanner')}_query('src', {literal(sql)})"
        try:
            given = {row[0]: row[1] for row in engine.execute(f"describe select * from {call}").fetchall()}
            casted = ", ".join(f"{_cast(field, given, bool(self._dialect.scanned))} as {_own(field.name)}" for field in fields)
            yield from self._out(engine, table, fields, f"select {casted} from {call}", columns)
        except duckdb.Error as error:
            raise self._in_words(error, table) from None
        finally:
            engine.close()

    def _fetched(self, engine: duckdb.DuckDBPyConnection, table: Table, fields: tuple[Field, ...], sql: str, columns: list[str] | None) -> Batches:
        """Through SQLAlchemy with a cursor on the server."""
        connection = database.connected(self._engine, self.source)
        failures: list[SourceError] = []  # the engine in between knows only that reading failed
        try:
            result = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS, no_parameters=True).exec_driver_sql(sql)
            rows = row_batches(result, _arrow(fields), f"{self.name}.{table.name}", lambda error: self._in_words(error, table), failures)
            yield from self._out(engine, table, fields, rows, columns)
        except SQLAlchemyError as error:
            raise self._in_words(error, table) from None
        except SourceError as error:
            raise (failures or [error])[0] from None
        finally:
            engine.close()
            connection.close()

    def _interrupt(self, engine: duckdb.DuckDBPyConnection, tag: str) -> None:
        """End a read that is under way, here and at the database."""
        with suppress(duckdb.Error):  # closed already
            engine.interrupt()
        if not self._dialect.running:
            return
        with suppress(SourceError), self._connected() as connection:
            run = connection.execution_options(no_parameters=True).exec_driver_sql
            for (found,) in run(self._dialect.running.format(tag=tag)).fetchall():
                run(self._dialect.end.format(found=found))

    def _out(self, engine: duckdb.DuckDBPyConnection, table: Table, fields: tuple[Field, ...], rows, columns: list[str] | None) -> pa.RecordBatchReader:
        """Our own steps over the database's rows (SQL, or Arrow to be registered): numbered, unpivoted, filtered, pruned."""
        where = f"{self.name}.{table.name}"
        if not isinstance(rows, str):
            engine.register("given", rows)
            rows = "select * from given"
        engine.execute(f"create or replace temp view source as select *, row_number() over () as {ROW_NUMBER} from ({rows})")
        mostly = {field.name: field.mostly for field in fields if field.mostly}
        ours = table.model_copy(update={"query": None, "incremental": None})
        pipeline = Pipeline(engine, ours, where, mostly, False, self.zone)
        metadata = {name.lower(): {MOSTLY: kind} for name, kind in mostly.items()}
        mask = self._masked
        return normalised(engine.execute(pipeline.sql(None, columns)).to_arrow_reader(BATCH_ROWS), metadata, where, mask)

    def _attached(self) -> duckdb.DuckDBPyConnection:
        """An engine with the database attached read-only, and nothing else in reach."""
        string, settings = self._dialect.attach(self._url, self.source.timeout)
        kind = self._dialect.scanner.removesuffix("_scanner")
        config = {key: value for key, value in LOCKED.items() if key != "enable_external_access"}
        engine = duckdb.connect(config=config)
        try:
            for statement in ("set TimeZone = 'UTC'", f"set memory_limit = '{MEMORY}'", *casts.MACROS):
                engine.execute(statement)
            engine.execute(f"load {literal(str(extension(self._dialect.scanner)))}")
            for name, value in settings.items():
                engine.execute(f"set {name} = {literal(value)}")
            engine.execute(f"attach {literal(string)} as src (type {kind}, read_only)")
            engine.execute("set enable_external_access = false; set lock_configuration = true")
        except duckdb.Error as error:
            engine.close()
            raise database.in_words(error, self.source) from None
        return engine

    # --- contact and words --------------------------------------------------------------------------------------------

    @contextmanager
    def _connected(self, where: str | None = None) -> Iterator[Connection]:
        """A read-only connection; every error inside becomes words, with the table's name in front."""
        connection = database.connected(self._engine, self.source)
        try:
            yield connection
        except SourceError as error:
            raise SourceError(f"{where}: {error}" if where else str(error)) from None
        except Exception as error:
            if not _of_a_driver(error, self._engine):
                raise
            words = str(database.in_words(error, self.source)).removeprefix(f"{self.name}: ")
            raise SourceError(f"{where or self.name}: {words}") from None
        finally:
            connection.close()

    def _in_words(self, error: Exception, table: Table) -> SourceError:
        words = str(database.in_words(error, self.source)).removeprefix(f"{self.name}: ")
        return SourceError(f"{self.name}.{table.name}: {words}")

    def _masked(self, said: str) -> str:
        return secrets.mask(said, self.source.url.get_secret_value())

    def _reached(self, connection: Connection) -> str:
        version = ".".join(str(part) for part in self._engine.dialect.server_version_info or ())
        at = f"{self._url.host}:{self._url.port}/" if self._url.host and self._url.port else f"{self._url.host}/" if self._url.host else ""
        role = f" as {self._url.username}" if self._url.username else ""
        way = "DuckDB's scanner" if self._scans else "SQLAlchemy"
        return f"reached {self._url.get_backend_name()} {version} at {at}{self._url.database}{role}, read-only, through {way}"

    def _check(self, table: Table) -> Iterator[Finding]:
        where = f"{self.name}.{table.name}"
        try:
            found = self._asked(table)
            with self._connected(where) as connection:
                row = connection.execution_options(no_parameters=True, stream_results=True).exec_driver_sql(f"select 1 from {found.rows}").first()
        except SourceError as error:
            yield Finding("fault", where, str(error))
            return
        if row is None:
            yield Finding("warning", where, "the source is empty: no row was found")
        yield Finding("ok", where, f"{len(found.fields) - bool(table.incremental)} columns")


def _own(name: str) -> str:
    return quoted(name, '"')


def _cast(field: Field, given: dict[str, str], from_text: bool) -> str:
    """A column of the scanner's answer in the field's type."""
    name = _own(field.name)
    if field.type == pa.binary():
        return f"unhex({name})" if from_text else name
    if field.type == pa.string() and given.get(field.name) == "BLOB":
        return f"decode({name})"
    kind = DUCKDB.get(field.type) or f"DECIMAL({field.type.precision}, {field.type.scale})"
    return f"cast({name} as {kind})"


def _arrow(fields: tuple[Field, ...]) -> pa.Schema:
    return pa.schema([pa.field(field.name, field.type) for field in fields])


def _of_a_driver(error: Exception, engine) -> bool:
    return isinstance(error, (SQLAlchemyError, OSError, getattr(engine.dialect.loaded_dbapi, "Error", OSError)))
