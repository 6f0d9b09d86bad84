"""The shape of an answer: keys, then value, n, numerator, denominator, low, high, and the state each value is in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from metrics.query import Query

K_ANONYMOUS = 5  # fewer answers than this are suppressed
TINY = 1e-9  # an effective number is a quotient: five equal customers are worth 4.999…
K_TESTABLE = 30  # fewer carry no test and no arrow
K_FIRM = 100  # fewer carry a mark
STANDARD = ("value", "n", "numerator", "denominator", "low", "high", "se", "state", "complete")


@dataclass(frozen=True)
class Check:
    """A reconciliation: two ways to the same number. A failed one is a visible error."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Answer:
    """What a metric returns. rows: keys, then STANDARD, then what the metric adds; `state` is value/no_data/suppressed."""

    rows: pd.DataFrame
    checks: tuple[Check, ...] = ()
    notes: dict = field(default_factory=dict)  # figures that belong beside the answer: {"dismissed": 2}

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def growing(found: Answer, where) -> Answer:
    """Rows whose number still grows are not complete, however far the data reach. where: a flag for each row, or one for all."""
    return replace(found, rows=found.rows.assign(complete=found.rows["complete"].astype(bool) & np.logical_not(where)))


def answer(frame: pd.DataFrame, query: Query, *, extra: tuple[str, ...] = (), keys: tuple[str, ...] | None = None, checks=(), notes=None, fill=True) -> Answer:
    """Finish a metric's small frame into an Answer.

    frame: the keys (`bucket` for a series, the `by` columns) and any of value, n, numerator, denominator, low, high, se.
    What is missing of STANDARD is filled: value = numerator / denominator, state from value, complete from the period.
    A series gets every bucket of the period: one that has no rows is `no_data`, never 0 (`fill=False` leaves gaps out).
    """
    frame = frame.copy()
    keys = tuple(query.by) if keys is None else keys
    if query.grain and "bucket" in frame:
        frame = _dated(frame, query, keys, fill)
        keys = ("period", *keys)
    for column in ("n", "numerator", "denominator", "low", "high", "se"):
        if column not in frame:
            frame[column] = pd.NA if column in ("n",) else float("nan")
    if "value" not in frame:
        denominator = pd.to_numeric(frame["denominator"]).astype("float64")
        frame["value"] = pd.to_numeric(frame["numerator"]).astype("float64") / denominator.where(denominator != 0)
    frame["value"] = pd.to_numeric(frame["value"]).astype("float64")
    frame["n"] = pd.to_numeric(frame["n"]).astype("Int64")
    stated = frame["value"].isna().map({True: "no_data", False: "value"})
    frame["state"] = frame["state"].fillna(stated) if "state" in frame else stated
    if "complete" not in frame:
        frame["complete"] = query.period.complete
    ordered = frame.sort_values(list(keys), na_position="last", ignore_index=True) if keys and len(frame) else frame.reset_index(drop=True)
    return Answer(ordered[[*keys, *STANDARD, *extra]], tuple(checks), notes or {})


def _dated(frame: pd.DataFrame, query: Query, keys: tuple[str, ...], fill: bool) -> pd.DataFrame:
    """Replace the number of each bucket by its first day, and add the buckets nothing fell into."""
    buckets = _buckets(query)
    if fill:
        groups = frame[list(keys)].drop_duplicates() if keys else pd.DataFrame(index=[0])
        every = groups.merge(pd.DataFrame({"bucket": list(buckets)}), how="cross")
        frame = every.merge(frame, on=["bucket", *keys], how="left")
    frame["period"] = [buckets[int(b)].start for b in frame["bucket"]]
    frame["complete"] = [buckets[int(b)].complete for b in frame["bucket"]]
    return frame


def _buckets(query: Query) -> dict:
    first = query.period.bucket_number(query.period.start, query.grain)
    return {first + k: bucket for k, bucket in enumerate(query.period.buckets(query.grain))}


def starts(query: Query) -> dict:
    """The first day of each bucket of the question's series, by its number."""
    return {number: bucket.start for number, bucket in _buckets(query).items()}


def suppress(rows: pd.DataFrame, siblings: list[str], base: str = "n", k: int = K_ANONYMOUS, also: pd.Series | None = None) -> pd.DataFrame:
    """Hide groups with fewer than `k` answers, and more where the hidden ones could be computed from the rest.

    rows: those of a finished Answer. siblings: the key columns within which rows add up to a known total (the series'
    period); [] for the whole frame. Total minus siblings gives away what is hidden together: as long as that is a single
    group, or fewer than `k` answers, the next smallest is hidden too. also: rows to hide for another reason.
    Hidden rows keep their keys, their state and `complete`, and nothing else.
    """
    return _masked(rows, _hidden(rows, [siblings], base, k, also))


def suppress_all(rows: pd.DataFrame, keys: list[str], base: str = "n", k: int = K_ANONYMOUS, also: pd.Series | None = None) -> pd.DataFrame:
    """`suppress` where totals are known along every key: each region's over the months and each month's over the regions.

    also: rows to hide for another reason; what would give them away is hidden as well.
    """
    families = [[other for other in keys if other != key] for key in keys] or [[]]
    return _masked(rows, _hidden(rows, families, base, k, also))


def _hidden(rows: pd.DataFrame, families: list[list[str]], base: str, k: int, also: pd.Series | None = None) -> pd.Series:
    return hidden_along(rows[base], [rows[siblings] for siblings in families], k, also)


def hidden_along(size: pd.Series, families: list[pd.DataFrame], k: int = K_ANONYMOUS, also: pd.Series | None = None) -> pd.Series:
    """Which groups to hide so that no family gives one away: repeated until nothing more has to go.

    size: what each group is worth. families: for each way of adding up, the columns within which groups have a known total.
    """
    size = pd.to_numeric(size).astype("float64").fillna(0)
    hidden, before = (size > 0) & (size < k - TINY), None
    hidden = hidden if also is None else hidden | (also & (size > 0))
    if not hidden.any():  # nothing that a family could give away
        return hidden
    numbered = [f.groupby(list(f.columns), dropna=False).ngroup() if len(f.columns) else pd.Series(0, size.index) for f in families]
    while before is None or hidden.sum() > before:
        before = hidden.sum()
        for family in numbered:
            many, worth = hidden.groupby(family).transform("sum"), size.where(hidden, 0).groupby(family).transform("sum")
            told = (many > 0) & ((many == 1) | (worth < k - TINY))
            for _, part in size[told].groupby(family[told]):
                hidden[part.index] = _complemented(part, hidden[part.index], k)
    return hidden


def _masked(rows: pd.DataFrame, hidden: pd.Series) -> pd.DataFrame:
    first = list(rows.columns).index("value") if "value" in rows else 0
    if tuple(rows.columns[first : first + len(STANDARD)]) != STANDARD:
        raise ValueError(f"suppress the rows of a finished answer (keys, {', '.join(STANDARD)}, …), not {', '.join(rows.columns)}")
    rows = rows.copy()
    if not hidden.any():
        return rows
    figures = [c for c in rows.columns[first:] if c not in ("state", "complete")]
    rows[figures] = rows[figures].mask(hidden)
    rows.loc[hidden, "state"] = "suppressed"
    return rows


def _complemented(size: pd.Series, hidden: pd.Series, k: int) -> pd.Series:
    hidden = hidden.copy()
    while hidden.any() and (hidden.sum() == 1 or size[hidden].sum() < k - TINY):
        shown = size[~hidden & (size > 0)]
        if shown.empty:
            break
        hidden[shown.idxmin()] = True
    return hidden
