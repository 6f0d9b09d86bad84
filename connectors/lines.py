"""On which line of a TOML file a key stands, so that a fault can point at it."""

from __future__ import annotations

import re

HEADER = re.compile(r"^\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?$")
KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def index(text: str) -> dict[tuple[str, ...], int]:
    """Line number, from 1, of each table header and key, by its full path. Keys of inline tables have the line of the whole."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    inside = None  # the quotation marks of a text over several lines
    for number, line in enumerate(text.splitlines(), 1):
        if inside is None and (header := HEADER.match(line)):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif inside is None and (key := KEY.match(line)):
            found.setdefault(table + _parts(key[1]), number)
        inside = _still_inside(line, inside)
    return found


def of(path: tuple, lines: dict[tuple[str, ...], int]) -> int | None:
    """The line of a path, or of the nearest thing around it."""
    path = tuple(str(part) for part in path)
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in PART.findall(dotted))


def _still_inside(line: str, inside: str | None) -> str | None:
    for marks in re.findall(r'"""|' + r"'''", line):
        inside = marks if inside is None else None if inside == marks else inside
    return inside
