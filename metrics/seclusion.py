"""What of a search may be shown: no segment that a table by its columns would hide, with the same filters or without any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import hiding
from metrics.cube import Conditions
from metrics.effects import Effects
from metrics.query import Frame, Query, aggregate
from metrics.result import K_ANONYMOUS, answer

Answers = Callable[[Query], Frame]  # the answers that a question is about, with its columns and under its filters


def hidden_cells(n: np.ndarray, k: int = K_ANONYMOUS) -> np.ndarray:
    """Which cells of a table of counts are hidden, one axis per attribute: `result.hidden_along`, for large tables.

    Cells of fewer than `k` answers; and along each axis, as long as what is hidden in a line is a single cell or fewer than `k`
    answers, the next smallest of the line.
    """
    if n.ndim == 1:
        return hidden_cells(n[None], k)[0]
    hidden, before = (n > 0) & (n < k), -1
    while hidden.sum() > before:
        before = hidden.sum()
        for axis in range(n.ndim):
            _complement(np.moveaxis(n, axis, -1), np.moveaxis(hidden, axis, -1), k)
    return hidden


def _complement(n: np.ndarray, hidden: np.ndarray, k: int) -> None:
    """Hide more along the last axis, in place, until no line gives a hidden cell away or nothing is left to hide in it."""
    while True:
        many, worth = hidden.sum(-1), np.where(hidden, n, 0).sum(-1)
        shown = np.where(hidden | (n <= 0), np.inf, n)
        told = (many > 0) & ((many == 1) | (worth < k)) & np.isfinite(shown.min(-1))
        if not told.any():
            return
        lines = np.nonzero(told)
        hidden[(*lines, shown.argmin(-1)[lines])] = True


def is_hidden(effects: Effects, conditions: Conditions) -> bool:
    """Whether a table of all answers by an area's columns would hide it."""
    combination = tuple(sorted(conditions))
    return bool(hidden_cells(effects.cube.table(effects.n, combination))[tuple(conditions[a] for a in combination)])


def is_hidden_by_filters(answers: Answers, query: Query, segment: dict) -> bool:
    """Whether a table by a segment's columns would hide it under the question's filters; {} is the whole.

    Read it so: three answers of the West are about product X; the products of the West are hidden two by two, and so are they here.
    """
    if hiding.wider(query) is None:
        return False

    def sums(question: Query) -> pd.DataFrame:
        rows = aggregate(answers(question), list(question.by), n=nw.len())
        return rows.assign(n=pd.to_numeric(rows["n"]).astype("float64"))

    asked = replace(query, by=tuple(segment))
    rows = answer(sums(asked).assign(value=1.0), asked).rows
    shown = hiding.suppressed(rows, asked, "n", sums, lambda cells: cells["n"])
    is_it = pd.Series(True, shown.index)
    for column, value in segment.items():
        is_it &= shown[column].isna() if value is None else shown[column] == value
    return not (shown["state"][is_it] == "value").any()
