"""How a text file is laid out: what separates its cells, whether it has a header, what its columns are called."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from connectors.sources import Reading

SAMPLE = 1 << 18  # characters looked at
RECORDS = 500  # records looked at
DELIMITERS = ("\t", ";", "|", ",")
WHITESPACE = " "
RESERVED = ("row_number", "_cursor", "_fault")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", WHITESPACE: "spaces"}
VALUE = re.compile(r"[-+]?[\d.,]*\d[\d.,]*%?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}.*")


@dataclass(frozen=True)
class Layout:
    """What was found in a file, or said by `read`."""

    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...]
    skip: int

    def __str__(self) -> str:
        between = NAMES.get(self.delimiter, repr(self.delimiter))
        return f"separated by {between}, {'with a header' if self.header else 'without a header'}, {len(self.names)} columns"


def detected(path: Path, read: Reading) -> Layout:
    """The layout of a UTF-8 file; what `read` says comes first. An empty file has no names."""
    text = _sample(path, read.skip)
    quote = read.quote if read.quote is not None else '"'
    delimiter = read.delimiter or _delimiter(text, quote)
    found = records(text, delimiter, quote)
    if not found:
        return Layout(delimiter, quote, True, tuple(names_of(read.names or [])), read.skip)
    width = Counter(map(len, found)).most_common(1)[0][0]
    header = read.header if read.header is not None else has_header([row for row in found if len(row) == width])
    first = found[0] if header else []
    named = list(read.names or []) or first
    names = names_of([*named, *first[len(named) :], *[""] * (width - max(len(named), len(first)))])
    return Layout(delimiter, quote, header, tuple(names), read.skip)


def records(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """The first records of a sample that are not blank."""
    lines = text.splitlines(keepends=True)
    if delimiter == WHITESPACE:
        return [line.split() for line in lines if line.strip()][:RECORDS]
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE)
    found = []
    for row in reader:
        found += [row] if any(cell.strip() for cell in row) else []
        if len(found) == RECORDS:
            break
    return found


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: a word above numbers or days says yes, a number where there is no word no."""
    if not rows:
        return True
    first, rest = rows[0], rows[1:]
    below = [_mostly_values([row[i] for row in rest]) for i in range(len(first))]
    if any(values and cell.strip() and not _is_value(cell) for cell, values in zip(first, below, strict=True)):
        return True
    return not any(_is_value(cell) for cell in first)


def names_of(header: list[str]) -> list[str]:
    """Column names from header cells: trimmed, the nameless by position, the second of a name with _2."""
    names, used = [], set(RESERVED)
    for position, cell in enumerate(header, 1):
        wanted = " ".join(str(cell).replace("﻿", "").split()) or f"column{position}"
        name, n = wanted, 1
        while name.lower() in used:
            n += 1
            name = f"{wanted}_{n}"
        used.add(name.lower())
        names.append(name)
    return names


def _sample(path: Path, skip: int) -> str:
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        for _ in range(skip):
            file.readline()
        text = file.read(SAMPLE)
    whole = len(text) < SAMPLE
    return text if whole else text[: text.rfind("\n") + 1] or text


def _delimiter(text: str, quote: str) -> str:
    scored = []
    for delimiter in DELIMITERS:
        counts = Counter(len(row) for row in records(text, delimiter, quote))
        width, n = counts.most_common(1)[0] if counts else (1, 0)
        scored.append((n / max(1, counts.total()) if width > 1 else 0.0, width, delimiter))
    share, _, best = max(scored, key=lambda found: found[:2])
    return WHITESPACE if share < 0.9 and _is_in_columns(text) else best if share else ","


def _is_in_columns(text: str) -> bool:
    """Whether cells are separated by runs of spaces: the same number in every line, and more than one space somewhere."""
    lines = [line for line in text.splitlines() if line.strip()][:RECORDS]
    widths = {len(line.split()) for line in lines}
    return len(widths) == 1 and widths.pop() > 1 and any(re.search(r"\S {2,}\S|^ ", line) for line in lines)


def _is_value(cell: str) -> bool:
    return bool(VALUE.fullmatch(cell.strip()))


def _mostly_values(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(map(_is_value, filled)) > len(filled) / 2
