"""A text file with broken lines, read record by record: the good ones as they are, each bad one with its line and reason.

The engine reads clean files much faster; this is for the others, and for files in columns of spaces. No line is dropped:
a bad one becomes a row whose cells are empty and whose `_fault` says what is wrong, so that row numbers stay what they
will be when the file is mended.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import orjson

from connectors.errors import SourceError
from connectors.layout import WHITESPACE, Layout
from connectors.texts import write_texts

LINES = 1_000  # of one record; a quotation mark still open after so many is taken for one that was never closed
MOST_BAD = 10_000  # bad lines of one file, after which it is taken for something else than it was said to be
SHOWN = 120  # characters of a bad line

csv.field_size_limit(1 << 24)


def mended(path: Path, layout: Layout, copy: Path) -> Path:
    """Write the file's records to the Parquet file `copy` as text with a last column `_fault`; give back `copy`.

    Raises SourceError if the file has more than MOST_BAD bad lines.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in range(layout.skip):
            file.readline()
        rows = _records(_Lines(file, layout.skip), layout)
        if layout.header:
            next(rows, None)
        return write_texts(_complete(rows, len(layout.names), path), (*layout.names, "_fault"), copy)


def mended_json(path: Path, copy: Path) -> Path:
    """Write JSON lines to `copy`, a bad line as `{"_fault": reason}`; give back `copy`."""
    with path.open("rb") as file, copy.open("wb") as out:
        for number, line in enumerate(file, 1):
            if line.strip():
                out.write(_json_line(line, number) + b"\n")
    return copy


def _json_line(line: bytes, number: int) -> bytes:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return orjson.dumps({"_fault": f"line {number} is not JSON ({error}): {line[:SHOWN].decode('utf-8', 'replace')}"})
    if not isinstance(found, dict):
        return orjson.dumps({"_fault": f"line {number} is not a JSON object: {line[:SHOWN].decode('utf-8', 'replace')}"})
    return line.strip()


def _complete(rows: Iterator[tuple[int, list[str], str]], width: int, path: Path) -> Iterator[list[str]]:
    bad = 0
    for line, cells, fault in rows:
        if not fault and len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]
        if not fault and len(cells) != width:
            fault = f"line {line} has {len(cells)} cells where {width} were expected: {_shown(cells)}"
        bad += bool(fault)
        if bad > MOST_BAD:
            raise SourceError(f"{path.name}: more than {MOST_BAD:,} lines cannot be read, the first reasons are like: {fault}")
        yield [""] * width + [fault] if fault else [*cells, ""]


def _shown(cells: list[str]) -> str:
    return " | ".join(cells)[:SHOWN]


class _Lines:
    """Lines of a file, of which those of a record that failed can be given back."""

    def __init__(self, file, skipped: int):
        self._file, self._again, self.taken, self.number = file, deque(), [], skipped

    def __iter__(self):
        return self

    def __next__(self) -> str:
        if len(self.taken) >= LINES:
            raise csv.Error("a quotation mark is opened and not closed")
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        return line

    def begin(self) -> int:
        """Start a record; the number of its first line."""
        self.number += len(self.taken)
        self.taken = []
        return self.number + 1

    def give_back(self) -> str:
        """After a failure: keep the first line of the record as bad, read the others again."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.taken = [first]
        return first


def _records(lines: _Lines, layout: Layout) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, fault) of each record that is not blank."""
    reader = _reader(lines, layout)
    while True:
        number = lines.begin()
        try:
            cells, fault = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, fault = [], f"line {number} cannot be read ({error}): {lines.give_back().strip()[:SHOWN]}"
        if fault or any(cell.strip() for cell in cells):
            yield number, cells, fault


def _reader(lines: _Lines, layout: Layout):
    if layout.delimiter == WHITESPACE:
        return (line.split() for line in lines)
    quoting = csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quote or None, quoting=quoting, strict=True)
