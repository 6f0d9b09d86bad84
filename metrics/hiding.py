"""Small groups stay hidden however one asks: as a group, by filtering to it, and in the list behind a number.

A filter is a slice of a table. What the table by the filter's columns would hide is hidden in the slice, and a slice that adds up
some of the hidden groups, but not all of them, gives away the rest: total less shown less slice. So it is hidden, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain, combinations

import narwhals as nw
import pandas as pd

from metrics.query import Frame, Query, aggregate
from metrics.result import K_ANONYMOUS, hidden_along, starts, suppress_all

SOMEBODY = ("customer_id", "contact_id", "response_id", "answer_id")  # a filter on these names somebody, not a group among others
MOST_GROUPS = 40  # a column with more of them divides nothing: ticket numbers
MOST_CELLS = 50_000  # combinations of the values of columns that are asked about together
KEPT = (  # of an anonymous answer: what is known of everybody who answered that day
    "score", "text", "band", "wave", "answered_on", "answered_on_d", "answered_on_m", "question_id", "question", "dimension", "scale_min", "scale_max",
    "survey_id", "survey", "survey_kind", "sent_from", "is_anonymous", "is_blank", "is_refused", "is_last", "is_comment",
)  # fmt: skip
NOT_SEGMENTS = {
    "source", "score", "text", "weight", "question", "dimension", "scale_min", "scale_max", "survey", "survey_kind", "wave", "sent_from", "is_anonymous",
    "is_blank", "is_refused", "is_last", "is_comment", "band", "revenue_year", "tags",
}  # fmt: skip
NO_SEGMENT_ENDS = ("_id", "_at", "_on", "_d", "_m", "_s")

Sums = Callable[[Query], pd.DataFrame]
Size = Callable[[pd.DataFrame], pd.Series]


def keys_of(rows: pd.DataFrame) -> list[str]:
    """The key columns of a finished answer's rows: what stands before `value`."""
    return list(rows.columns[: rows.columns.get_loc("value")])


def wider(query: Query) -> Query | None:
    """The same question by its filters' columns instead of filtered by them; None where no filter names a group."""
    columns = [column for column, _ in query.where if column not in SOMEBODY]
    left = tuple((column, values) for column, values in query.where if column in SOMEBODY)
    return replace(query, by=tuple(dict.fromkeys((*query.by, *columns))), where=left) if columns else None


def suppressed(rows: pd.DataFrame, query: Query, base: str, sums: Sums, size: Size) -> pd.DataFrame:
    """The rows of a finished answer without what is too small, gives something small away, or is a slice that would.

    base: the column of `rows` that says how many answers a row is worth. sums(question) → rows with its keys (`bucket`, the `by`
    columns) and what `size` needs to say the same of them. They are asked once, and only where a filter names a group.
    """
    keys, asked = keys_of(rows), wider(query)
    if asked is None or rows.empty:
        return suppress_all(rows, keys, base)
    cells = sums(asked)
    cells = cells.assign(period=cells["bucket"].map(starts(query))) if query.grain else cells
    given_away = pd.Series(False, rows.index)
    for along, table in _tables(cells, keys, query):
        found = _slices(table, [column for column in along if column in keys], along, query, size)
        if not found:
            continue
        given_away |= pd.Series([own in found for own in _tuples(rows, [column for column in along if column in keys])], rows.index, dtype=bool)
    return suppress_all(rows, keys, base, also=given_away)


def _tables(cells: pd.DataFrame, keys: list[str], query: Query) -> Iterable[tuple[list[str], pd.DataFrame]]:
    """The tables a slice is part of: by the filters' columns, each alone and together, and those with the question's own keys."""
    filters = dict.fromkeys(column for column, _ in query.where if column not in SOMEBODY)
    for column in filters:
        if column == "tags" and column not in keys:  # tags overlap: what has one of them, and what has none
            cells = cells.assign(tags=accepted(cells, column, query))
    figures = [c for c in cells.columns if pd.api.types.is_float_dtype(cells[c]) and c not in (*filters, *keys)]
    some = chain.from_iterable(combinations(filters, many) for many in range(1, len(filters) + 1))
    for along in dict.fromkeys((*some, tuple(dict.fromkeys((*keys, *filters))))):
        yield list(along), cells.groupby(list(along), dropna=False, as_index=False)[figures].sum()


def _slices(table: pd.DataFrame, kept: list[str], along: list[str], query: Query, size: Size) -> set[tuple]:
    """The keys `kept` of slices that hold some of a family's hidden groups and not all of them."""
    hidden = hidden_along(size(table), [table[[c for c in along if c != key]] for key in along])
    if not hidden.any():
        return set()
    chosen, partly = pd.Series(True, table.index), pd.Series(False, table.index)
    for column in along:
        if column not in dict(query.where):
            continue
        own = table[column] if column == "tags" and column not in kept else accepted(table, column, query)
        chosen &= own
        lines = table.groupby([c for c in along if c != column], dropna=False).ngroup() if len(along) > 1 else pd.Series(0, table.index)
        partly |= hidden if column in kept else (hidden & own).groupby(lines).transform("any") & (hidden & ~own).groupby(lines).transform("any")
    return set(_tuples(table[hidden & chosen & partly], kept))


def accepted(rows: pd.DataFrame, column: str, query: Query) -> pd.Series:
    """Which rows the question's filters on a column accept: as `metrics.query` says it to the engine."""
    found = [_tags(value) if column == "tags" else _spelled(value) for value in rows[column]]
    wanted = [{*values} for name, values in query.where if name == column]
    if column == "dimension":  # an option may write it in another case
        found, wanted = ([{text.lower() for text in texts} for texts in some] for some in (found, wanted))
    return pd.Series([all(own & values for values in wanted) for own in found], rows.index, dtype=bool)


def _tags(text) -> set[str]:
    return {tag.strip() for tag in text.split(",")} if isinstance(text, str) else {""}


def _spelled(value) -> set[str]:
    """How an engine may write a value as text."""
    if value is None or value != value:
        return {""}
    whole = {str(int(value))} if isinstance(value, float) and value.is_integer() else set()
    return {str(value), *whole} | ({str(value).lower()} if isinstance(value, bool) else set())


def _tuples(rows: pd.DataFrame, columns: list[str]) -> list[tuple]:
    """The values of columns, row by row; whatever stands for "none" is None."""
    blank = [rows[c].astype(object).where(rows[c].notna(), None) for c in columns]
    return list(zip(*blank, strict=True)) if columns else [()] * len(rows)


# lists


def behind(rows: Frame, whole: pd.DataFrame) -> Frame:
    """The list behind a number: none of it where the number, `whole`, is hidden."""
    return rows.head(0) if (whole["state"] == "suppressed").any() else rows


def unnamed(rows: Frame) -> Frame:
    """`rows` where an anonymous answer keeps its score, text, wave and day, and nothing that could tell whose it is."""
    names = rows.columns
    return rows.with_columns(**{name: nw.when(~nw.col("is_anonymous")).then(nw.col(name)) for name in names if name not in KEPT})


def dividing(names: Iterable[str]) -> list[str]:
    """Of the columns of answers, those that may divide them into groups."""
    return [name for name in names if name not in NOT_SEGMENTS and not name.endswith(NO_SEGMENT_ENDS)]


def veiled(rows: Frame, once: nw.Expr, *more: str) -> Frame:
    """`rows` where the value of a segment column is null wherever its group is hidden: the list says no more than the table.

    once: 1 in the rows that count, 0 in others. more: further columns that the metric is asked by. How large the groups are is asked at
    once, of a few columns per question; to carry every row past every group takes the engine eight times as long.
    """
    names, counted = rows.columns, rows.with_columns(_once=once)
    blanked = {}
    for c, sizes in _sizes(counted, [*dividing(names), *more]).items():
        small = _small(sizes)
        if small.empty:
            continue
        hides = nw.col(c).is_in([value for value in small if not pd.isna(value)]).fill_null(False)
        hides = hides | nw.col(c).is_null() if small.isna().any() else hides
        blanked |= {name: nw.when(~hides).then(nw.col(name)) for name in (c, f"{c}_id") if name in names and name not in SOMEBODY}
    return rows.with_columns(**blanked) if blanked else rows


def _sizes(rows: Frame, columns: list[str]) -> dict[str, pd.DataFrame]:
    """Of each column that divides rows into few groups: its values and how many rows with each of them count (`_once`)."""
    counting = {f"{c}_counting": nw.when(nw.col("_once") > 0).then(nw.col(c)).n_unique() for c in columns}  # rows that do not count are one more: null
    values = aggregate(rows, [], **counting, **{c: nw.col(c).n_unique() for c in columns}).iloc[0]
    found = {}
    for together in _packed({c: int(values[c]) + 1 for c in columns if values[f"{c}_counting"] <= MOST_GROUPS + 1}):
        cells = aggregate(rows, together, _once=nw.col("_once").sum())
        found |= {c: cells.groupby(c, dropna=False, as_index=False)["_once"].sum() for c in together}
    return found


def _packed(values: dict[str, int]) -> list[list[str]]:
    """The columns in as few lots as can be: those of a lot have few enough combinations of their values to be asked together."""
    lots: list[list[str]] = []
    cells = MOST_CELLS + 1
    for c, n in sorted(values.items(), key=lambda pair: pair[1]):
        cells *= n
        if cells > MOST_CELLS:
            lots.append([])
            cells = n
        lots[-1].append(c)
    return lots


def _small(sizes: pd.DataFrame) -> pd.Series:
    """The values of a column whose groups are hidden: the small ones, and the next smallest where those alone could be computed."""
    n = sizes["_once"]
    few = n[(n > 0) & (n < K_ANONYMOUS)]
    if (n > 0).sum() > MOST_GROUPS:
        return sizes.loc[[], sizes.columns[0]]
    gives_away = len(few) > 0 and (len(few) == 1 or few.sum() < K_ANONYMOUS)
    least = n[n >= K_ANONYMOUS].min()
    return sizes.loc[(n < K_ANONYMOUS) | (gives_away & (n == least)), sizes.columns[0]]
