"""What a mart is: a table made from tables, in Narwhals, so that it runs on DuckDB and on Spark alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import narwhals as nw

Tables = Mapping[str, nw.LazyFrame]


@dataclass(frozen=True)
class Mart:
    """A table rebuilt at sync, and only when something it depends on has changed.

    reads: the tables and marts its `build` looks at. key: the columns that identify a row.
    is_looked_up: read for one customer at a time rather than as a whole; its files are cut into small groups, of which one is read.
    build(tables, settings): pure; `settings` is the sources file's `{"calendar": {...}, "metrics": {...}}`.
    check(settings): raises ValueError with what is wrong with them; asked before a sync reads anything.
    """

    name: str
    reads: tuple[str, ...]
    key: tuple[str, ...]
    build: Callable[[Tables, Mapping], nw.LazyFrame]
    is_looked_up: bool = False
    check: Callable[[Mapping], object] | None = None
