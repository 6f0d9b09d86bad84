"""A chart with what belongs to it: its words for screen readers, its data as a table, images, and a way to drill by keyboard."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from charts import theme
from charts.checked import Checked
from ui import method, numbers
from ui.table import Columns, table
from ui.view import View
from ui.words import aloud, t

PLACEHOLDER = re.compile(f"{theme.OPEN}(\\w+){theme.CLOSE}")
NOT_OURS = re.compile(r"<(?!(?:/?b|br|/?extra)>)")  # charts write no other tags; links above all are nobody's to write


def figure(
    view: View, spec: dict | Checked, alt: str, *, key: str, rows: pd.DataFrame | None = None, columns: Columns | None = None, metrics: tuple = ()
) -> None:
    """Draw a figure (a dict of charts/, or a ready one). PNG or SVG from its toolbar; its data and files under it.

    alt: the finding in one sentence, in the reader's language. rows, columns: the data as `table` takes them.
    """
    config = {**theme.CONFIG, "toImageButtonOptions": {"format": _image_format(key), "scale": 2, "filename": key}}
    st.plotly_chart(ready(spec), key=f"{key}_chart", config=config, alt=aloud(alt))
    if rows is not None and columns is not None:
        _data(view, rows, columns, key, metrics)


def clickable(view: View, spec: dict | Checked, alt: str, options: dict, *, key: str, prompt: str, **data) -> str | None:
    """A figure whose marks can be chosen, and the same choice as a list for the keyboard. Returns the key chosen.

    spec: its marks carry their key as customdata[0] (bars, split, forest and bridge do). options: key → label; the key None, of
    rows that have no value there, comes back as "". prompt: glossary key of the list's label.
    """
    options = {"" if option is None else option: label for option, label in options.items()}
    config = {**theme.CONFIG, "toImageButtonOptions": {"format": _image_format(key), "scale": 2, "filename": key}}
    picked = {"on_select": lambda: _clicked(key, options), "selection_mode": "points"}
    st.plotly_chart(ready(spec), key=f"{key}_chart", config=config, alt=aloud(alt), **picked)
    chosen = st.selectbox(t(prompt), list(options), format_func=lambda value: str(options[value]), index=None, key=f"{key}_pick", placeholder=t("chart.pick"))
    if data.get("rows") is not None:
        _data(view, data["rows"], data["columns"], key, data.get("metrics", ()))
    return chosen


def ready(spec: dict | Checked) -> Checked:
    """A figure that needs nothing more to be drawn: what `data.told` keeps of one."""
    return spec if isinstance(spec, Checked) else Checked(finished(spec))


def finished(spec: dict) -> dict:
    """A figure as the browser gets it: the reader's words and numbers in their places, the company's marks on its axes."""
    marks = numbers.marks()
    done = worded(spec)
    return {**done, "layout": {**done["layout"], "separators": marks.decimal + marks.group}}


def worded(part, name: str = ""):
    """A part of a figure in the reader's words. Whatever a builder forgot to escape is taken for text here, not for a tag.

    name: what the part is called; the keys that a click gives back (`customdata`) stay what they are.
    """
    if isinstance(part, dict):
        return {name: worded(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [worded(value, name) for value in part]
    if not isinstance(part, str):
        return part
    text = PLACEHOLDER.sub(_put_in, part)
    return text if name == "customdata" else NOT_OURS.sub("&lt;", text)


def _put_in(found: re.Match) -> str:
    return t("states.suppressed") if found[0] == theme.SUPPRESSED else numbers.count(int(found[1]))


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
            for metric in metrics:
                method.defined(metric)
