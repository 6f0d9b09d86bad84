"""The demo company as a source: made where it is missing, then read like any company's systems.

A table's `from` is a table of its CRM or ERP (`crm_account`, `ar_invoice`) or a survey file (`waves.csv`, `wave_*.csv`); a `query`
is SQL over one of the two databases. Everything else is that of `sql` and `files`, which do the reading.

Making it takes about half a minute and half a gigabyte; the same seed and last month make the same company. What is
there is never made again: a folder that holds another company than the one asked for is refused.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
from filelock import FileLock
from pydantic import SecretStr

from connectors.base import Connector, Finding, SourceError, Window
from connectors.files import FilesConnector
from connectors.sources import Source, Table, read_as
from connectors.sql import SqlConnector

SYSTEMS = ("crm", "erp")  # databases; the first is asked where a table is in neither, and says what there is
SURVEYS = "surveys"
MADE = "truth.json"  # written last: a folder without it is not finished
SEED, SCALE = 7, 1.0  # as `python -m connectors.demo` has them


class DemoConnector:
    """The tables and files of one demo company."""

    def __init__(self, source: Source, zone: str = "UTC"):
        self.name, self.source, self._zone = source.name, source, zone
        self._folder = Path(source.path or "")
        self._parts: dict[str, Connector] = {}
        self._tables: dict[str, set[str]] = {}
        self._opening = threading.Lock()

    def check(self) -> list[Finding]:
        """Which company is there (it is made where none is), and each of its tables and files."""
        try:
            there = Finding("ok", self.name, self._made())
            parts = dict.fromkeys(self._part(table) for table in self.source.tables.values() if table.rows is None)
        except SourceError as error:
            return [Finding("fault", self.name, str(error))]
        return [there, *(finding for part in parts for finding in part.check())]

    def schema(self, table: Table) -> pa.Schema:
        """Columns and types of the rows that `read` gives."""
        return self._part(table).schema(table)

    def read(
        self, table: Table, *, window: Window | None = None, columns: list[str] | None = None, cancel: threading.Event | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The table's rows in batches; see `base.Connector.read`."""
        return self._part(table).read(table, window=window, columns=columns, cancel=cancel)

    def close(self) -> None:
        """Close what was opened."""
        for part in self._parts.values():
            part.close()

    def _made(self) -> str:
        """What the company is, in words; made first where it is missing. Raises SourceError where another one is there."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".making.lock"):
                if not (self._folder / MADE).exists():
                    self._make()
            there = json.loads((self._folder / MADE).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.name}: the demo company cannot be made or read in {self._folder}: {error}") from None
        asked = {"seed": self.source.seed, "until": self.source.until, "scale": self.source.scale}
        other = {name: value for name, value in asked.items() if value is not None and there.get(name) != value}
        if other:
            told, has = (", ".join(f"{name} {facts.get(name)}" for name in other) for facts in (other, there))
            raise SourceError(f"{self.name}: {self._folder} holds the demo company with {has}, not {told}: name another folder, or delete this one")
        return f"the demo company, seed {there.get('seed')}, up to {there.get('until')}, in {self._folder}"

    def _make(self) -> None:
        from connectors.demo.write import write  # numpy and pandas are needed for making it only

        seed, scale = (given if given is not None else usual for given, usual in ((self.source.seed, SEED), (self.source.scale, SCALE)))
        write(self._folder, seed, self.source.until, scale)

    def _part(self, table: Table) -> Connector:
        """The connector of the database or the files that a table is read from."""
        with self._opening:
            if not self._tables:
                self._made()
                self._tables = {system: _named(self._folder / f"{system}.sqlite") for system in SYSTEMS}
            system = self._system(table)
            if system not in self._parts:
                self._parts[system] = self._opened(system)
            return self._parts[system]

    def _system(self, table: Table) -> str:
        """The system that a table is in. Raises SourceError for a query over both databases."""
        if read_as(self.source.kind, table.from_) == "files":
            return SURVEYS
        words = set(re.findall(r"\w+", (table.query or table.from_ or "").lower()))
        found = [system for system in SYSTEMS if words & self._tables[system]]
        if len(found) > 1:
            raise SourceError(f"{self.name}.{table.name}: the query names tables of the CRM and of the ERP, which are two databases: write two tables")
        return (found or SYSTEMS)[0]

    def _opened(self, system: str) -> Connector:
        mine = {name: t for name, t in self.source.tables.items() if t.rows is None and self._system(t) == system}
        source = self.source.model_copy(update={"tables": mine})
        if system == SURVEYS:
            return FilesConnector(source.model_copy(update={"kind": "files", "path": str(self._folder / SURVEYS)}), self._zone)
        url = SecretStr(f"sqlite:///{self._folder / system}.sqlite")
        return SqlConnector(source.model_copy(update={"kind": "sql", "path": None, "url": url}), self._zone)


def _named(path: Path) -> set[str]:
    """The names of a database's tables, in lower case; none where the file is no database (its connector will say so)."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            return {name.lower() for (name,) in database.execute("select name from sqlite_master where type in ('table', 'view')")}
    except sqlite3.Error:
        return set()
