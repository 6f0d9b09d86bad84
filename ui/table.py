"""Tables: search, sort, CSV and Excel. Text from sources is shown as it is, never as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ui import export, numbers
from ui.view import View
from ui.words import definition_of, name_of, t

SEARCH_FROM = 8  # shorter lists are read faster than searched
FORMATS = {"share": "percent", "money": "localized", "count": "localized", "points": "%.1f", "score": "%.2f", "days": "%.1f", "ratio": "%.2f"}
FORMATS |= {"hours": "%.1f", "seconds": "%.0f"}


@dataclass(frozen=True)
class Column:
    """How a column is headed and shown. label: glossary key. unit: of a metric, or hours, seconds, progress (a share drawn as
    a bar); None for text and days."""

    label: str
    unit: str | None = None
    help: str | None = None


Columns = Mapping[str, Column]


def table(
    view: View, rows: pd.DataFrame, columns: Columns, *, key: str, metrics: tuple = (), total: int | None = None, select: bool = False, name: str | None = None
) -> dict | None:
    """Show `rows` under `columns` (in that order), with search and downloads; an empty one says so.

    key: unique on the page, also the file's name. metrics: whose definitions go along into the files. total: how many
    rows there are when `rows` holds only the first of them.
    Returns the selected row as a dict when `select`, else None.
    """
    rows = rows[[name for name in columns if name in rows.columns]]
    if rows.empty:
        st.caption(t("table.empty"))
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        found = _searched(rows, key)
        count = t("table.rows", n=numbers.count(len(found) if len(found) < len(rows) else total or len(rows)))
        st.caption(count if not total or total <= len(rows) else t("table.first_rows", n=numbers.count(len(rows)), total=numbers.count(total)), width="content")
        _downloads(view, found, columns, key, metrics)
    return _drawn(view, found, columns, key, select)


def _searched(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    if len(rows) < SEARCH_FROM:
        return rows
    wanted = st.text_input(
        t("table.search"), key=f"{key}_search", placeholder=t("table.search"), label_visibility="collapsed", icon=":material/search:", width=220
    )
    if not wanted:
        return rows
    texts = rows.astype(str).apply(lambda column: column.str.contains(wanted, case=False, regex=False))
    return rows[texts.any(axis=1)]


def _downloads(view: View, rows: pd.DataFrame, columns: Columns, key: str, metrics: tuple) -> None:
    headings = {name: heading(column, view) for name, column in columns.items()}
    notes = [(name_of(metric), definition_of(metric)) for metric in metrics] + [(t("table.snapshot"), view.snapshot)]
    kinds = {"csv": (export.as_csv, "text/csv", "CSV"), "xlsx": (export.as_excel, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel")}
    for suffix, (write, mime, label) in kinds.items():
        st.download_button(
            label, data=lambda write=write: write(rows, headings, notes), file_name=f"{key}.{suffix}", mime=mime, key=f"{key}_{suffix}",
            on_click="ignore", type="tertiary", icon=":material/download:",
        )  # fmt: skip


def heading(column: Column, view: View) -> str:
    """A column's heading with its unit, in the reader's language."""
    unit = view.currency if column.unit == "money" else t(f"format.unit_{column.unit}") if column.unit in ("days", "hours", "seconds") else ""
    return f"{t(column.label)} ({unit})" if unit else t(column.label)


def _drawn(view: View, rows: pd.DataFrame, columns: Columns, key: str, select: bool) -> dict | None:
    cents = {name: 2 for name, column in columns.items() if column.unit == "money" and name in rows}
    shown = rows.reset_index(drop=True).round(cents)
    config = {name: _config(shown[name], column, view) for name, column in columns.items() if name in shown}
    event = st.dataframe(
        shown, hide_index=True, column_config=config, key=f"{key}_table", on_select="rerun" if select else "ignore", selection_mode="single-row",
        placeholder="", alt=", ".join(heading(columns[name], view) for name in shown.columns),
    )  # fmt: skip
    chosen = event["selection"]["rows"] if select else []
    return shown.iloc[chosen[0]].to_dict() if chosen and chosen[0] < len(shown) else None


def _config(values: pd.Series, column: Column, view: View):
    label, help = heading(column, view), t(column.help) if column.help else None
    if column.unit == "progress":
        return st.column_config.ProgressColumn(label, help=help, format="percent", min_value=0, max_value=1)
    if column.unit:
        return st.column_config.NumberColumn(label, help=help, format=FORMATS[column.unit])
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "date":
        return st.column_config.DateColumn(label, help=help, format="YYYY-MM-DD")
    if kind.startswith("datetime"):
        return st.column_config.DatetimeColumn(label, help=help, format="YYYY-MM-DD HH:mm", timezone=view.zone)
    if kind == "boolean":
        return st.column_config.CheckboxColumn(label, help=help)
    return st.column_config.TextColumn(label, help=help) if kind in ("string", "empty") else st.column_config.Column(label, help=help)
