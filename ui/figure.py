"""A chart with what belongs to it: its words for screen readers, its data as a table, images, and a way to drill by keyboard."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from charts import theme
from ui.table import Columns, table
from ui.view import View
from ui.words import t


def figure(view: View, spec: dict, alt: str, *, key: str, rows: pd.DataFrame | None = None, columns: Columns | None = None, metrics: tuple = ()) -> None:
    """Draw a figure (a dict of charts/). PNG or SVG from its toolbar; its data and files under it.

    alt: the finding in one sentence, in the reader's language. rows, columns: the data as `table` takes them.
    """
    config = {**theme.CONFIG, "toImageButtonOptions": {"format": _image_format(key), "scale": 2, "filename": key}}
    st.plotly_chart(worded(spec), key=f"{key}_chart", config=config, alt=alt)
    if rows is not None and columns is not None:
        _data(view, rows, columns, key, metrics)


def clickable(view: View, spec: dict, alt: str, options: dict, *, key: str, prompt: str, **data) -> str | None:
    """A figure whose marks can be chosen, and the same choice as a list for the keyboard. Returns the key chosen.

    spec: its marks carry their key as customdata[0] (bars, split, forest and bridge do). options: key → label; the key None, of
    rows that have no value there, comes back as "". prompt: glossary key of the list's label.
    """
    options = {"" if option is None else option: label for option, label in options.items()}
    config = {**theme.CONFIG, "toImageButtonOptions": {"format": _image_format(key), "scale": 2, "filename": key}}
    st.plotly_chart(worded(spec), key=f"{key}_chart", config=config, alt=alt, on_select=lambda: _clicked(key, options), selection_mode="points")
    chosen = st.selectbox(t(prompt), list(options), format_func=lambda value: str(options[value]), index=None, key=f"{key}_pick", placeholder=t("chart.pick"))
    if data.get("rows") is not None:
        _data(view, data["rows"], data["columns"], key, data.get("metrics", ()))
    return chosen


def worded(part):
    """A figure with the reader's word for what is hidden."""
    if isinstance(part, dict):
        return {name: worded(value) for name, value in part.items()}
    if isinstance(part, list):
        return [worded(value) for value in part]
    return part.replace(theme.SUPPRESSED, t("states.suppressed")) if isinstance(part, str) else part


def _clicked(key: str, options: dict) -> None:
    """A click on a mark moves the list beside the chart to it, so that both always say the same."""
    points = st.session_state[f"{key}_chart"]["selection"]["points"]
    chosen = points[0].get("customdata") if points else None
    chosen = chosen[0] if isinstance(chosen, (list, tuple)) else chosen
    if points and (chosen or "") in options:
        st.session_state[f"{key}_pick"] = chosen or ""


def _image_format(key: str) -> str:
    return st.session_state.get(f"{key}_format") or "png"


def _data(view: View, rows: pd.DataFrame, columns: Columns, key: str, metrics: tuple) -> None:
    box = st.expander(t("chart.data"), key=f"{key}_data", on_change="rerun", type="compact", icon=":material/table_rows:")
    if box.open:
        with box:
            table(view, rows, columns, key=key, metrics=metrics)
            st.segmented_control(t("chart.image"), ["png", "svg"], default="png", format_func=str.upper, key=f"{key}_format", required=True)
