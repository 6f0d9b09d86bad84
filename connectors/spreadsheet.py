"""A sheet of an Excel or OpenDocument file as a Parquet file of text, in bounded batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from connectors.errors import SourceError, listed, nearest
from connectors.layout import Layout, has_header, names_of
from connectors.sources import Reading
from connectors.texts import write_texts


def converted(path: Path, sheet: str | None, read: Reading, copy: Path) -> tuple[Layout, str]:
    """Write the sheet to `copy`; its layout and name. Raises SourceError naming the sheets there are."""
    name, rows = _rows(path, sheet or read.sheet)
    rows = islice(rows, read.skip, None)
    head = list(islice(rows, 100))
    header = read.header if read.header is not None else has_header(head)
    first = head[0] if header and head else []
    width = max(map(len, head), default=0)
    named = [*(read.names or []), *first[len(read.names or []) :]]
    layout = Layout("", "", header, tuple(names_of([*named, *[""] * (width - len(named))])), read.skip)
    write_texts((row for row in chain(head[1:] if header else head, rows) if any(row)), layout.names, copy)
    return layout, name


def _rows(path: Path, sheet: str | None) -> tuple[str, Iterator[list[str]]]:
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            raise SourceError(f"{path.name} has no sheet {sheet!r}{nearest(sheet, names)}; it has {listed(names)}")
        if not names:
            raise SourceError(f"{path.name} has no sheet")
        found = book.get_sheet_by_name(sheet or names[0])
    except (CalamineError, OSError) as error:
        raise SourceError(f"{path.name} cannot be opened as a spreadsheet: {error}") from None
    return found.name, ([text(cell) for cell in row] for row in found.iter_rows())


def text(cell) -> str:
    """A cell as text: whole numbers without decimals, days and instants as ISO."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    return str(cell).strip()
