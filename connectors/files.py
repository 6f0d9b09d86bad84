"""Files: CSV and its relatives, Excel, Parquet, JSON lines; one table from one file, a glob or a sheet.

Encoding, delimiter, header and types are detected and shown by `check`; `read = {…}` overrides them. Rows keep their
number in the file (`row_number`), several files follow each other sorted by name. The engine that reads them may open
these files and nothing else.

Loads everything or a window of the `incremental` expression; deletions by sweep. Limits: a JSON array and an Excel sheet
are opened as a whole by their libraries (JSON lines, CSV and Parquet are streamed).
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors import casts
from connectors.arrow import normalised, regular
from connectors.base import BATCH_ROWS, FAULT, ROW_NUMBER, Finding, SourceError, Window
from connectors.errors import count
from connectors.expressions import LOCKED, literal, quoted
from connectors.inference import Typed, types
from connectors.locate import located
from connectors.mapping import MOSTLY
from connectors.pipeline import Pipeline, first_line
from connectors.sources import Source, Table
from connectors.tabular import Prepared, prepared

MEMORY = "1GB"  # of the engine for one table; more goes to a temporary folder


@dataclass
class Opened:
    """A table whose files have been looked at."""

    engine: duckdb.DuckDBPyConnection
    pipeline: Pipeline
    files: list[tuple[Path, Prepared]]
    typed: dict[str, Typed]
    rows: int  # in the files, before query, unpivot and where


class FilesConnector:
    """The files of one source."""

    def __init__(self, source: Source, zone: str = "UTC"):
        self.name, self.source = source.name, source
        self.zone = source.timezone or zone
        self._folder = tempfile.TemporaryDirectory(prefix="rapport-")
        self._opened: dict[str, tuple[tuple, Opened]] = {}
        self._opening = threading.Lock()

    def check(self) -> list[Finding]:
        """What was found in each table's files, or why they cannot be read."""
        return [finding for table in self.source.tables.values() if table.rows is None for finding in self._check(table)]

    def schema(self, table: Table) -> pa.Schema:
        """Columns and types of the rows that `read` gives."""
        opened = self._open(table)
        return self._reader(opened, opened.pipeline.sql() + " limit 0", table, None).schema

    def read(
        self, table: Table, *, window: Window | None = None, columns: list[str] | None = None, cancel: threading.Event | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of the files in batches; see `base.Connector.read`."""
        opened = self._open(table)
        return regular(self._reader(opened, opened.pipeline.sql(window, columns), table, cancel), cancel)

    def close(self) -> None:
        """Close the engines and remove temporary copies."""
        for _, opened in self._opened.values():
            opened.engine.close()
        self._opened = {}
        self._folder.cleanup()

    def _check(self, table: Table) -> Iterator[Finding]:
        where = f"{self.name}.{table.name}"
        try:
            opened = self._open(table)
            bad = self._bad_lines(opened)
        except SourceError as error:
            yield Finding("fault", where, str(error))
            return
        for path, file in opened.files:
            yield Finding("ok", where, f"{path.name}: {file.found}")
        if not opened.rows:
            yield Finding("warning", where, "the source is empty: no row was found")
        if bad:
            yield Finding("warning", where, f"{count(len(bad), 'line')} cannot be read and will be put into the quarantine: {bad[0]}")

    def _bad_lines(self, opened: Opened) -> list[str]:
        if not any(file.has_faults for _, file in opened.files):
            return []
        return [row[0] for row in opened.engine.cursor().execute(f"select {FAULT} from source where {FAULT} is not null limit 1000").fetchall()]

    def _reader(self, opened: Opened, sql: str, table: Table, cancel: threading.Event | None) -> pa.RecordBatchReader:
        mostly = {name.lower(): {MOSTLY: t.mostly} for name, t in opened.typed.items() if t.mostly}
        cursor = opened.engine.cursor()
        try:
            return normalised(cursor.execute(sql).to_arrow_reader(BATCH_ROWS), mostly, f"{self.name}.{table.name}")
        except duckdb.Error as error:
            raise SourceError(f"{self.name}.{table.name}: {first_line(error)}") from None

    def _open(self, table: Table) -> Opened:
        """The table's files looked at; again only when one of them has changed."""
        with self._opening:
            try:
                files, sheet = located(self.source.path or "", table.from_)
            except SourceError as error:
                raise SourceError(f"{self.name}.{table.name}: {error}") from None
            state = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files), table
            known = self._opened.get(table.name)
            if known is None or known[0] != state:
                self._opened[table.name] = known = state, self._look(table, files, sheet)
            return known[1]

    def _look(self, table: Table, paths: list[Path], sheet: str | None) -> Opened:
        where = f"{self.name}.{table.name}"
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        engine = _engine([*paths, folder], folder)
        try:
            files = [(path, prepared(path, sheet, table.read, folder, engine)) for path in paths]
            scan, names, has_faults = _together([file for _, file in files])
            texts = [name for name in names if not all(file.typed for _, file in files)]
            typed, rows = types(engine, scan, texts)
            engine.execute(f"create view source as {_typed(scan, names, typed, has_faults)}")
            mostly = {name: t.mostly for name, t in typed.items() if t.mostly}
            return Opened(engine, Pipeline(engine, table, where, mostly, has_faults, self.zone), files, typed, rows)
        except duckdb.Error as error:
            raise SourceError(f"{where}: {first_line(error)}") from None
        except SourceError as error:
            raise error if str(error).startswith(where) else SourceError(f"{where}: {error}") from None


def _engine(paths: list[Path], folder: Path) -> duckdb.DuckDBPyConnection:
    """An engine that may open these files and the folder, and nothing else."""
    config = {key: value for key, value in LOCKED.items() if key != "enable_external_access"}
    engine = duckdb.connect(config=config)
    files = ", ".join(literal(str(path)) for path in paths if path != folder)
    for statement in (
        "set global TimeZone = 'UTC'", f"set memory_limit = '{MEMORY}'", f"set temp_directory = {literal(str(folder / 'spill'))}",
        f"set allowed_paths = [{files}]", f"set allowed_directories = [{literal(str(folder))}]", *casts.MACROS,
        "set enable_external_access = false", "set lock_configuration = true",
    ):  # fmt: skip
        engine.execute(statement)
    return engine


def _together(files: list[Prepared]) -> tuple[str, list[str], bool]:
    """The scans of several files as one, columns matched by name in any case; the columns; whether bad lines are among them."""
    names: dict[str, str] = {}
    for file in files:
        for name in file.names:
            names.setdefault(name.lower(), name)
    mixed = len({file.typed for file in files}) > 1
    has_faults = any(file.has_faults for file in files)
    scans = [_renamed(file, names, mixed) for file in files if file.names] or ["select null where false"]
    return " union all by name ".join(scans), list(names.values()), has_faults


def _renamed(file: Prepared, names: dict[str, str], mixed: bool) -> str:
    columns = [f"{f'cast({quoted(n)} as varchar)' if mixed else quoted(n)} as {quoted(names[n.lower()])}" for n in file.names]
    columns += [quoted(FAULT)] if file.has_faults else []
    return f"(select {', '.join(columns)} from ({file.scan}))"


def _typed(scan: str, names: list[str], typed: dict[str, Typed], has_faults: bool) -> str:
    columns = [f"cast({quoted(n)} as {typed[n].type}) as {quoted(n)}" if n in typed and typed[n].type != "VARCHAR" else quoted(n) for n in names]
    columns += [quoted(FAULT)] if has_faults else []
    return f"select {', '.join([*columns, f'row_number() over () as {ROW_NUMBER}'])} from ({scan})"
