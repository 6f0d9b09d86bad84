"""`python -m connectors check`: everything that can be said about the sources without writing anything."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from connectors import open_connector
from connectors.base import FAULT, ROW_NUMBER, Connector, Finding, SourceError
from connectors.errors import SourcesError, count, listed, nearest
from connectors.mapping import OURS, Mapper
from connectors.sources import Source, Sources, Table, load, read_as
from warehouse import contract

ROWS = 5  # mapped rows shown of a table
LOOKED_AT = 1_000  # rows of a table that are mapped to find faults
WIDTH = 24  # characters of a value shown
UNSHOWN = {"source", "source_id", "extra", "_row", "_faults", "_raw"}
MARKS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "fault": ("fault  ", "red")}
FINE, FAULTY, MISUSE = 0, 1, 2


def main_check(args: Namespace) -> int:
    """Check and print. args: sources, only. Returns 0 without a fault, 1 with one, 2 if there is no such file or source."""
    console = Console(width=None if Console().is_terminal else 200)
    try:
        sources = load(args.sources, files=False)
    except SourcesError as error:
        _print(console, str(error))
        return MISUSE if all(fault.line is None and not fault.where for fault in error.faults) else FAULTY
    if unknown := [name for name in args.only or [] if name.split(".")[0] not in sources.sources]:
        _print(console, f"there is no source {unknown[0]!r}{nearest(unknown[0], sources.sources)}; there is {listed(sources.sources)}")
        return MISUSE
    faults = sum(_check_source(console, sources, source, args.only or []) for source in sources.sources.values())
    _print(console, "\nno fault found" if not faults else f"\n{count(faults, 'fault')} found")
    return FAULTY if faults else FINE


def _check_source(console: Console, sources: Sources, source: Source, only: list[str]) -> int:
    """Print one source; the number of its faults."""
    tables = {t.name: t for t in source.tables.values() if not only or source.name in only or f"{source.name}.{t.name}" in only}
    if not tables:
        return 0
    console.print(Text(f"\n{source.name} ({source.kind})", style="bold"))
    faults, connector = 0, None
    try:
        connector = open_connector(source.model_copy(update={"tables": tables}), sources.calendar.timezone)
        found = connector.check()
        faults += _show(console, found)
        unreachable = {f.where for f in found if f.level == "fault"}
        for table in tables.values() if source.name not in unreachable else ():
            if f"{source.name}.{table.name}" not in unreachable:
                faults += _show_table(console, sources, source, table, connector)
    except SourceError as error:
        faults += _show(console, [Finding("fault", source.name, str(error))])
    finally:
        if connector is not None:
            connector.close()
    return faults


def _show(console: Console, findings: list[Finding]) -> int:
    for finding in findings:
        mark, style = MARKS[finding.level]
        text = finding.text.removeprefix(f"{finding.where}: ").removeprefix(finding.where)
        console.print(Text.assemble((f"  {mark} ", style), (f"{finding.where}: ", "bold"), text), soft_wrap=True)
    return sum(finding.level == "fault" for finding in findings)


def _show_table(console: Console, sources: Sources, source: Source, table: Table, connector: Connector) -> int:
    where = f"{source.name}.{table.name}"
    try:
        mapper = Mapper(source, table, set(sources.sources), sources.calendar.timezone)
        findings, mapped = looked_at(where, table, mapper, connector)
    except SourceError as error:
        return _show(console, [Finding("fault", where, line) for line in str(error).splitlines()])
    faults = _show(console, findings)
    if mapped is not None and mapped.num_rows:
        _print(console, f"  {where} → {mapper.entity}, first {count(min(ROWS, mapped.num_rows), 'row')}:")
        console.print(_grid(mapped.slice(0, ROWS)))
    return faults


def looked_at(where: str, table: Table, mapper: Mapper, connector: Connector) -> tuple[list[Finding], pa.Table | None]:
    """What the mapping makes of a table's first rows, and those rows."""
    schema = connector.schema(table)
    if wrong := mapper.check(schema):
        return [Finding("fault", f"{where}.{column}", text) for column, text in wrong], None
    with closing(connector.read(table)) as batches:
        first = next(batches, None)
    if first is None:
        return [], None
    mapped = mapper.map(_legible(first.slice(0, LOOKED_AT)))
    return [*_unreadable(where, mapper, mapped), *_unstable(where, table, mapper, connector), *_segments(where, mapper, schema)], mapped


def _legible(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows the reader could make out; the connector's own check names the others."""
    return batch.filter(batch.column(FAULT).is_null()) if FAULT in batch.schema.names else batch


def _segments(where: str, mapper: Mapper, schema: pa.Schema) -> Iterator[Finding]:
    used = {name.lower() for name in mapper.columns()} | {name.lower() for name in OURS}
    if unused := [name for name in schema.names if name.lower() not in used]:
        yield Finding("ok", where, f"no expression reads {listed(unused, 12)}; they go along as extra and can be used as segments")


def _unreadable(where: str, mapper: Mapper, mapped: pa.Table) -> Iterator[Finding]:
    """One line per column with values that cannot be read or are missing: a fault if no row is left, else a warning."""
    n = mapped.num_rows
    examples: dict[str, str] = {}
    counts: Counter = Counter()
    for fault in (fault for row in mapped["_faults"].to_pylist() for fault in row):
        column = fault.split(":")[0]
        counts[column] += 1
        examples.setdefault(column, fault)
    for column, bad in counts.items():
        what = f"{bad:,} of the first {n:,} rows cannot be read and would be put into the quarantine: {examples[column].removeprefix(column + ': ')}"
        yield Finding("fault" if bad == n else "warning", f"{where}.{column}", what)
    for column in contract.columns(mapper.entity).values():
        if column.required and column.default is None and column.name not in {*counts, *contract.MANAGED}:
            missing = mapped[column.name].null_count
            if missing:
                yield Finding(
                    "fault" if missing == n else "warning", f"{where}.{column.name}", f"{missing:,} of the first {n:,} rows have no value; every row needs one"
                )


def _unstable(where: str, table: Table, mapper: Mapper, connector: Connector) -> Iterator[Finding]:
    is_numbered = ROW_NUMBER in [name.lower() for name in mapper.key_columns()]
    if is_numbered and read_as(connector.source.kind, table.from_) == "sql" and table.rows is None:
        yield Finding("warning", where, "row_number is part of the key, but a database gives its rows in any order: build the key from columns")
    if is_numbered and table.query and "order by" not in table.query.lower():
        yield Finding("warning", where, "row_number is part of the key, but the query has no order by: its rows may come in another order next time")


def _grid(mapped: pa.Table) -> Grid:
    """The rows as a table; columns without any value are left out, and is_deleted where nothing is."""
    names = [name for name in mapped.column_names if name not in UNSHOWN and any(mapped[name].to_pylist())]
    grid = Grid(*names, show_edge=False)
    for row in mapped.select(names).to_pylist():
        grid.add_row(*(Text(_shown(row[name])) for name in names))
    return grid


def _shown(value) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _print(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
