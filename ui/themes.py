"""What customers write about at a level: themes of their comments, what was said of each, and a search through all of them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from metrics.quotes import quotes
from ui import behind, data, numbers, page, scores, voices
from ui.figure import clickable, ready
from ui.level import Level
from ui.table import Column, table
from ui.view import View
from ui.words import has, plain, t, value_of

COLUMNS = {
    "called": Column("themes.theme"), "n": Column("themes.comments", "count"), "share": Column("themes.share", "share"), "told": Column("themes.mean"),
    "limits": Column("drill.limits"), "rest": Column("themes.rest"), "tells": Column("themes.tells"), "before": Column("themes.before", "count"),
    "changed": Column("themes.change"), "verdict": Column("themes.verdict"), "kind": Column("themes.kind"), "words": Column("themes.words"),
}  # fmt: skip
COMMENTS = {**voices.COMMENTS, "score": Column("nps.score", "count")}
LONGEST = 280  # characters of a quote; the list under it has all of them
SEARCHED = 100  # characters that can be searched for


@page.part("themes.title")
def section(view: View, level: Level, usual: str | None) -> None:
    """Themes in one sentence, as bars, and as a list; a bar opens what was said of it."""
    looked, where, options = asked(view, level)
    with page.section("themes.title", help="themes.help"):
        found = _found(view, level)
        if found.state != "value":
            st.caption(t("themes.none" if found.state == "no_data" else "themes.few"))
            return
        if found.chart is None:
            st.caption(t("themes.nothing"))
        else:
            _told(looked, level, found, where, options)
        _search(looked, level, where)


@dataclass(frozen=True)
class Found:
    """The themes of a level: one in a sentence, all as bars and as a table, what each is called, and notes. chart: None where there is no theme."""

    state: str
    says: str = ""
    chart: Checked | None = None
    rows: pd.DataFrame | None = None
    names: dict[str, str] | None = None
    notes: tuple[str, ...] = ()


@data.told
def _found(view: View, level: Level) -> Found:
    """What was written at a level, by theme."""
    looked, where, options = asked(view, level)
    found = data.answer(looked, "themes", where=where, **options)
    state = found.rows["state"].iloc[0] if len(found.rows) == 1 and found.rows["theme"].isna().all() else "value"
    rows = found.rows[found.rows["state"] == "value"]
    if state != "value" or rows.empty:
        return Found(state)
    names = {name: value_of("theme", name) for name in rows["theme"]}
    low = tuple(rows.loc[rows["tells"] == "low", "theme"])
    spec = charts.bars(rows, "theme", numbers.count, names=names, strong=low)
    return Found(state, _sentence(rows, found.notes), ready(spec), _worded(rows), names, tuple(_notes(found.notes)))


def asked(view: View, level: Level) -> tuple[View, dict, dict]:
    """The days, filters and options under which a level's comments are asked for."""
    if level.dimension in scores.scored(view):
        return scores.looked(view, level), level.where, {"dimension": level.dimension, "question": level.question}
    return scores.looked(view, level), {"dimension": level.dimension, **level.where}, {}


def _told(looked: View, level: Level, found: Found, where: dict, options: dict) -> None:
    page.sentence(found.says)
    chosen = clickable(
        looked, found.chart, t("themes.alt"), found.names, key=f"drill_themes_{len(level.segment)}", prompt="themes.choose", rows=found.rows,
        columns=COLUMNS, metrics=(data.metric("themes"),),
    )  # fmt: skip
    for note in found.notes:
        st.caption(note)
    if chosen:
        row = found.rows[found.rows["theme"] == chosen].iloc[0].to_dict()
        _opened(looked, level, row, where, options)


def _sentence(rows: pd.DataFrame, notes: dict) -> str:
    """The theme that takes most off the score; without one, the most frequent."""
    low = rows[rows["tells"] == "low"]
    is_low = len(low) > 0
    row = (low.loc[((low["rest_mean"] - low["mean"]) * low["n"]).idxmax()] if is_low else rows.iloc[0]).to_dict()
    said = {"theme": plain(value_of("theme", row["theme"])), "n": numbers.count(row["n"]), "of": numbers.count(notes["comments"])}
    if not is_low:
        return t("themes.frequent", **said)
    text = t("themes.lowest", **said, mean=mean(row, "mean"), rest=mean(row, "rest_mean"), scale=scores.scale(row))
    since = f"themes.since.{row['verdict']}"
    if not has(since):
        return text
    shares = {name: numbers.shown(row[name], "share") for name in ("share", "share_before")}
    return t("format.sentences", first=text, then=t(since, before=numbers.count(row["before"]), **shares))


def mean(row: dict, which: str) -> str:
    """A mean on its scale, in its own unit."""
    return numbers.shown(row[which], scores.unit(row))


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as their table has them: codes in words, means on their scale."""
    records = rows.to_dict("records")
    return rows.assign(
        called=[value_of("theme", row["theme"]) for row in records], told=[mean(row, "mean") for row in records],
        limits=[scores.interval({**row, "low": row["mean_low"], "high": row["mean_high"]}) for row in records],
        rest=[mean(row, "rest_mean") for row in records], changed=[numbers.difference(row["change"], "share") for row in records],
        tells=[t(f"themes.tell.{row['tells']}") if isinstance(row["tells"], str) else None for row in records],
        verdict=[t(f"themes.verdicts.{row['verdict']}") for row in records], kind=[t(f"themes.kinds.{row['kind']}") for row in records],
    )  # fmt: skip


def _notes(notes: dict) -> list[str]:
    """What belongs beside the counts, where there is something to say."""
    looked_at = numbers.count(notes["comments"])
    said = [t(f"themes.{name}", n=notes[name]) for name in ("without", "other_scales") if notes[name]]
    return said + ([t("themes.left_out", n=looked_at, more=numbers.count(notes["left_out"]))] if notes["left_out"] else [])


def _opened(looked: View, level: Level, row: dict, where: dict, options: dict) -> None:
    """A theme's quotes, and all its comments."""
    about = {"where": where, "theme": row["theme"], **options}
    found = data.rows_behind(looked, "themes", **about)
    page.sentence(t("themes.quoted", theme=plain(value_of("theme", row["theme"])), n=numbers.count(found.total)))
    for quote in quotes(found.rows, row["words"].split(" · ")).to_dict("records"):
        _quote(quote)
    st.caption(t("themes.quotes_help"))
    everything = lambda: _listed(data.rows_behind(looked, "themes", limit=None, **about).rows)  # noqa: E731
    rows = _listed(found.rows)
    table(looked, rows, _kept(rows), key="drill_theme", total=found.total, metrics=(data.metric("themes"),), whole=everything)


def _quote(quote: dict) -> None:
    """One comment as it was written, and by whom as far as that may be known."""
    text = quote["text"].strip()
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"“{plain(text if len(text) <= LONGEST else text[:LONGEST] + '…')}”")
        score = [t("themes.scored", score=numbers.bare(quote["score"]))] if numbers.is_number(quote["score"]) else []
        who = [plain(quote[name]) for name in ("wave", "name") if isinstance(quote.get(name), str)]
        st.caption(" · ".join([*score, numbers.day(quote["answered_on"]), *who]))


def _listed(rows: pd.DataFrame) -> pd.DataFrame:
    return behind.worded(rows)


def _kept(rows: pd.DataFrame) -> dict[str, Column]:
    """Columns with something in them; a mean of several scores has decimals."""
    is_whole = "score" not in rows or rows["score"].dropna().mod(1).eq(0).all()
    columns = COMMENTS if is_whole else {**COMMENTS, "score": Column("nps.score", "score")}
    return {name: shown for name, shown in columns.items() if name == "text" or (name in rows and rows[name].notna().any())}


def _search(looked: View, level: Level, where: dict) -> None:
    """All comments of the level that hold a text."""
    said = st.text_input(t("themes.search"), key="drill_said", max_chars=SEARCHED, icon=":material/search:", placeholder=t("table.search")).strip()
    if not said:
        return
    found = data.rows_behind(looked, "verbatims", where=where, said=said)
    page.sentence(t("themes.found", n=numbers.count(found.total), said=plain(said)))
    rows = _listed(found.rows)
    everything = lambda: _listed(data.rows_behind(looked, "verbatims", where=where, said=said, limit=None).rows)  # noqa: E731
    table(looked, rows, _kept(rows), key="drill_found", total=found.total, metrics=(data.metric("verbatims"),), whole=everything)
