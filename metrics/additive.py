"""Sums that several numbers are made of: asked of the engine once, and added up where a coarser question follows a finer one.

NRR, GRR and logo retention are different quotients of the same sums; a change is explained by the same sums along six columns.
Inside `remembering(memory)` equal questions cost one query; inside `across(columns)` a question by one of these columns, or by
none, is answered from one query by all of them. Only what adds up may be asked so: each unit belongs to one group of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pandas as pd

from metrics.query import Query, noted, watched
from metrics.shelf import Shelf

KEYS = ("bucket", "code")  # keys that sums may have besides the question's `by` columns
MOST = 200  # small frames remembered


class Memory:
    """What has been asked of one snapshot in one scope. Threads share it: who asks what another is asking waits for the answer.

    render: what to keep of each engine query for `watched`, e.g. its SQL text; None keeps the frame itself.
    """

    def __init__(self, render: Callable[[Any], Any] | None = None, most: int = MOST):
        self._render = render
        self._shelf: Shelf[tuple[pd.DataFrame, list]] = Shelf(most)

    def rows(self, question: Hashable, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The answer to `question`, computed the first time. Whoever watches queries sees those that gave it, each time."""
        rows, queries = self._shelf.get(question, lambda: self._watched(compute))
        noted(queries)
        return rows.copy()

    def _watched(self, compute: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, list]:
        with watched(self._render) as queries:
            return compute(), queries


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)
_across: ContextVar[tuple[str, ...]] = ContextVar("across", default=())


@contextmanager
def remembering(memory: Memory) -> Iterator[Memory]:
    """Inside, equal sums are asked of the engine once. One memory belongs to one snapshot and one scope."""
    token = _memory.set(memory)
    try:
        yield memory
    finally:
        _memory.reset(token)


@contextmanager
def across(columns: Iterable[str]) -> Iterator[None]:
    """Inside, sums by any of `columns` come from one query by all of them."""
    token, own = _across.set(tuple(columns)), None if _memory.get() else _memory.set(Memory())
    try:
        yield
    finally:
        _across.reset(token)
        if own:
            _memory.reset(own)


def additive(
    name: str, about: Hashable, query: Query, compute: Callable[[Query], pd.DataFrame], splits: Callable[[], Iterable[str]] | None = None
) -> pd.DataFrame:
    """`compute(query)`, or the same from what is remembered.

    compute: the question → rows with keys (`bucket` or `code`, the `by` columns) and sums. about: what the sums depend on besides
    `by` and `where`. splits: the columns that divide no unit between two groups, others are asked for by themselves; None: any.
    """
    memory = _memory.get()
    if memory is None:
        return compute(query)
    by = _finest(query.by, splits)
    rows = memory.rows((name, about, by, query.where), lambda: compute(replace(query, by=by)))
    return rows if by == query.by else added_up(rows, query.by)


def remembered(question: Hashable, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """`compute()`, or the same from what is remembered; question: everything it depends on beside the tables."""
    memory = _memory.get()
    return memory.rows(question, compute) if memory else compute()


def _finest(by: tuple[str, ...], splits: Callable[[], Iterable[str]] | None) -> tuple[str, ...]:
    """All columns that are asked for together with `by`, where those of `by` are among them."""
    wide = {*_across.get()}
    if not by or not {*by} <= wide:
        return by
    together = wide if splits is None else wide & {*splits()}
    return tuple(sorted(together)) if {*by} <= together else by


def added_up(rows: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Sums of finer groups as sums by the columns `by`; a sum of nothing but nulls stays null."""
    keys = [column for column in rows.columns if column in KEYS or column in by]
    figures = [column for column in rows.columns if pd.api.types.is_numeric_dtype(rows[column]) and column not in keys]
    return rows.groupby(keys, dropna=False, as_index=False)[figures].sum(min_count=1)
