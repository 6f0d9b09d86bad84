"""Tables: search, sort, CSV and Excel. Text from sources is shown as it is, never as Markdown or HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from access import journal
from access.guard import NotAdmitted, admitted_now, is_stale
from access.roles import may
from ui import export, numbers
from ui.view import View
from ui.words import definition_of, name_of, t

SEARCH_FROM = 8  # shorter lists are read faster than searched
SHARES = ("share", "progress")
DECIMALS = {"money": 2, "count": 0, "points": 1, "score": 2, "days": 1, "ratio": 2, "hours": 1, "seconds": 0}


@dataclass(frozen=True)
class Column:
    """How a column is headed and shown. label: glossary key. unit: of a metric, or hours, seconds, progress (a share drawn as
    a bar); None for text and days."""

    label: str
    unit: str | None = None
    help: str | None = None


Columns = Mapping[str, Column]
Whole = Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Listing:
    """Rows under their headings, as the browser gets them.

    given: the rows with all their columns; rows: what is shown of them, and searched; table, config: the same in Arrow and Streamlit's words.
    """

    given: pd.DataFrame
    rows: pd.DataFrame
    columns: Columns
    table: pa.Table | pd.DataFrame
    config: Mapping[str, dict]

    def names(self, by: str, found: pd.DataFrame) -> str:
        """What tells the rows that were found apart, as one text."""
        if found is not self.rows:
            return repr(self.given.loc[found.index, by].tolist())
        if by not in self._names:
            self._names[by] = repr(self.given[by].tolist())
        return self._names[by]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {}


def listing(view: View, rows: pd.DataFrame, columns: Columns) -> Listing:
    """Rows as `table` shows them, made ready: what `data.told` keeps of a table."""
    given, columns = _with_state(rows.reset_index(drop=True), columns)
    rows = _under(columns, given)
    shown = _written(rows, columns)
    return Listing(given, rows, columns, _as_arrow(shown), {name: Fixed(_config(shown[name], columns[name], view)) for name in shown})


def table(
    view: View, rows: pd.DataFrame | Listing, columns: Columns | None = None, *, key: str, metrics: tuple = (), total: int | None = None,
    whole: Whole | None = None, select: bool = False,
) -> dict | None:  # fmt: skip
    """Show `rows` under `columns` (in that order), with search and downloads; an empty one says so. A Listing brings its columns along.

    key: unique on the page, also the file's name. metrics: whose definitions go along into the files. total: how many
    rows there are when `rows` holds only the first of them; whole: gives all of them, for the files.
    Returns the selected row as a dict when `select`, with the columns that are not shown; else None.
    """
    chosen = _laid_out(view, rows, columns, key=key, metrics=metrics, total=total, whole=whole, mode="single-row" if select else None)
    return chosen[0] if chosen else None


def choosing(view: View, rows: pd.DataFrame | Listing, columns: Columns | None = None, *, key: str, by: str, turn: int = 0, **further) -> list[dict]:
    """A table like `table` in which several rows can be selected; those that are, in their order.

    by: the column that tells rows apart. The browser remembers a selection by position: where other rows are shown than before, or with
    another turn, nothing is selected. further: metrics, total and whole of `table`.
    """
    mark = lambda listed, found: hashlib.sha256(f"{turn} {listed.names(by, found)}".encode()).hexdigest()[:12]  # noqa: E731
    return _laid_out(view, rows, columns, key=key, mode="multi-row", mark=mark, **further)


def _laid_out(
    view: View, rows: pd.DataFrame | Listing, columns: Columns | None, *, key: str, mode: str | None, metrics: tuple = (), total: int | None = None,
    whole: Whole | None = None, mark: Callable[[Listing, pd.DataFrame], str] | None = None,
) -> list[dict]:  # fmt: skip
    """Search, downloads and the table itself. mark: of the rows shown; with another one it is another table to the browser."""
    listed = rows if isinstance(rows, Listing) else listing(view, rows, columns or {})
    rows, columns = listed.rows, listed.columns
    if rows.empty:
        st.caption(t("table.empty"))
        return []
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = _wanted(rows, key)
        found = _matching(rows, wanted)
        count = t("table.rows", n=numbers.count(len(found) if len(found) < len(rows) else total or len(rows)))
        st.caption(count if not total or total <= len(rows) else t("table.first_rows", n=numbers.count(len(rows)), total=numbers.count(total)), width="content")
        is_cut = whole is not None and total is not None and total > len(rows)
        _downloads(view, (lambda: _matching(_under(columns, whole()), wanted)) if is_cut else (lambda: found), columns, key, metrics)
    place = f"{key}_table_{mark(listed, found)}" if mark else f"{key}_table"
    shown = listed.table if found is rows else _as_arrow(_written(found, columns))
    return [listed.given.loc[found.index[chosen]].to_dict() for chosen in _drawn(view, shown, listed, place, mode) if chosen < len(found)]


STATES = {"value", "no_data", "suppressed"}


def _with_state(rows: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, Columns]:
    """Rows of an answer say why a value is missing: there was nothing, or too little to show."""
    if "state" in columns or "state" not in rows or not set(rows["state"]) <= STATES or rows["state"].eq("value").all():
        return rows, columns
    words = {state: "" if state == "value" else t(f"states.{state}") for state in STATES}
    return rows.assign(state=rows["state"].map(words)), {**columns, "state": Column("chart.state")}


def _under(columns: Columns, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[[name for name in columns if name in rows.columns]]


def _wanted(rows: pd.DataFrame, key: str) -> str:
    """What is searched for; short lists have no search."""
    if len(rows) < SEARCH_FROM:
        return ""
    label = t("table.search")
    return st.text_input(label, key=f"{key}_search", placeholder=label, label_visibility="collapsed", icon=":material/search:", width=220)


def _matching(rows: pd.DataFrame, wanted: str) -> pd.DataFrame:
    if not wanted:
        return rows
    texts = rows.astype(str).apply(lambda column: column.str.contains(wanted, case=False, regex=False))
    return rows[texts.any(axis=1)]


def _downloads(view: View, rows: Whole, columns: Columns, key: str, metrics: tuple) -> None:
    """CSV and Excel, written when they are asked for. rows: gives what goes into them."""
    if not may(admitted_now(), "export"):
        return
    headings = {name: heading(column, view) for name, column in columns.items()}
    notes = [(name_of(metric), definition_of(metric)) for metric in metrics] + [(t("table.snapshot"), view.snapshot)]
    kinds = {"csv": (export.as_csv, "text/csv", "CSV"), "xlsx": (export.as_excel, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel")}
    for suffix, (write, mime, label) in kinds.items():
        file = f"{key}.{suffix}"
        st.download_button(
            label, data=_here(lambda write=write, file=file: write(_taken(view, rows, file), headings, notes)), file_name=file, mime=mime,
            key=f"{key}_{suffix}", on_click="ignore", type="tertiary", icon=":material/download:",
        )  # fmt: skip


def _taken(view: View, rows: Whole, file: str) -> pd.DataFrame:
    """The rows that leave the server in a file, noted in the access log; refused to who lost the right since the page was drawn."""
    reader = admitted_now()
    if is_stale():
        raise NotAdmitted("the page was drawn for another role; open it again")
    taken = rows()
    journal.note(reader.name, reader.grant.role, "exported", file, snapshot=view.snapshot, rows=len(taken), filters=view.params())
    return taken


def _here(write: Callable[[], bytes]) -> Callable[[], bytes]:
    """`write` for later, on whatever thread the server writes files: with the reader and the language of this session."""
    session = get_script_run_ctx(suppress_warning=True)

    def later() -> bytes:
        with ThreadPoolExecutor(1, initializer=add_script_run_ctx, initargs=(None, session)) as own:
            return own.submit(write).result()

    return later if session else write


def heading(column: Column, view: View) -> str:
    """A column's heading with its unit, in the reader's language."""
    unit = view.currency if column.unit == "money" else t(f"format.unit_{column.unit}") if column.unit in ("days", "hours", "seconds") else ""
    return f"{t(column.label)} ({unit})" if unit else t(column.label)


def number_format(unit: str) -> str:
    """How the browser writes a column's numbers: with the company's marks where it can, else with the reader's own.

    Streamlit's tables know the decimal point, with or without commas between thousands.
    """
    marks = numbers.marks()
    if unit in SHARES:
        return "%.1f%%" if _in_per_cent() else "percent"
    if marks.decimal != "." or marks.by_lakh or marks.group not in (",", ""):
        return "localized"
    decimals = DECIMALS[unit]
    return f"%{marks.group}.{decimals}f" if decimals else f"%{marks.group}d"


def _written(rows: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Money in cents and shares in per cent, as `number_format` writes them."""
    units = {name: column.unit for name, column in columns.items() if name in rows}
    cents = {name: rows[name].round(2) for name, unit in units.items() if unit == "money" and pd.api.types.is_float_dtype(rows[name])}
    shares = {name: _per_cent(pd.to_numeric(rows[name]).astype("float64")) for name, unit in units.items() if unit in SHARES and _in_per_cent()}
    return rows.assign(**cents, **shares)


def _per_cent(shares: pd.Series) -> pd.Series:
    """In per cent with one decimal, half up as `numbers.shown` rounds; noise of binary fractions is no reason to round down."""
    tenths = (shares.abs() * 1000).round(6)
    return np.floor(tenths + 0.5) / 10 * np.sign(shares)


def _in_per_cent() -> bool:
    """Whether shares are written here, all with one decimal; with other marks the browser writes them, as many decimals as there are."""
    return numbers.marks().decimal == "."


def _as_arrow(rows: pd.DataFrame) -> pa.Table | pd.DataFrame:
    """What Streamlit would make of the rows at every run, if it can be made as it is: a column of several kinds it puts into texts itself."""
    try:
        return pa.Table.from_pandas(rows, preserve_index=False)
    except pa.ArrowException:
        return rows.reset_index(drop=True)


def _drawn(view: View, shown: pa.Table | pd.DataFrame, listed: Listing, key: str, mode: str | None) -> list[int]:
    """Draws the rows; returns the places of those that are selected. mode: how many may be, None for none."""
    event = st.dataframe(
        shown, hide_index=True, column_config=listed.config, key=key, on_select="rerun" if mode else "ignore", selection_mode=mode or "single-row",
        placeholder="", alt=", ".join(heading(listed.columns[name], view) for name in listed.config),
    )  # fmt: skip
    return list(event["selection"]["rows"]) if mode else []


class Fixed(dict):
    """How a column is drawn. Streamlit copies it deeply at every run and sets a few of the copy's own values: what is inside stays as it is."""

    def __deepcopy__(self, _memo) -> dict:
        return dict(self)


def _config(values: pd.Series, column: Column, view: View):
    label, help = heading(column, view), t(column.help) if column.help else None
    if column.unit == "progress":
        return st.column_config.ProgressColumn(label, help=help, format=number_format(column.unit), min_value=0, max_value=100 if _in_per_cent() else 1)
    if column.unit:
        return st.column_config.NumberColumn(label, help=help, format=number_format(column.unit))
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "date":
        return st.column_config.DateColumn(label, help=help, format="YYYY-MM-DD")
    if kind.startswith("datetime"):
        return st.column_config.DatetimeColumn(label, help=help, format="YYYY-MM-DD HH:mm", timezone=view.zone)
    if kind == "boolean":
        return st.column_config.CheckboxColumn(label, help=help)
    return st.column_config.TextColumn(label, help=help) if kind in ("string", "empty") else st.column_config.Column(label, help=help)
