"""Who said what at an open level: answers, comments, one customer's own, and questions that are answered in words."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import charts
from ui import behind, data, numbers, page, scores
from ui.figure import figure
from ui.level import Level
from ui.table import Column, table
from ui.view import View
from ui.words import plain, t, value_of

MOST_TEXTS = 12  # different answers in words; a question with more of them is free text
ANSWERS = {
    "answered_on": Column("nps.answered_on"), "name": Column("nps.customer"), "score": Column("nps.score", "count"), "wave": Column("nps.wave"),
    "region": Column("filters.region"), "grade": Column("filters.grade"), "owner": Column("filters.owner"),
}  # fmt: skip
COMMENTS = {
    "answered_on": Column("nps.answered_on"), "name": Column("nps.customer"), "band": Column("nps.band"), "text": Column("nps.comment"),
    "wave": Column("nps.wave"),
}  # fmt: skip
OWN = {
    "answered_on": Column("nps.answered_on"), "question": Column("nps.question"), "score": Column("nps.score", "count"), "scale": Column("nps.scale"),
    "wave": Column("nps.wave"), "owner": Column("filters.owner"),
}  # fmt: skip


@page.part("drill.people")
def people(view: View, level: Level, usual: str | None) -> None:
    """Who answered, the lowest first, and what they wrote. A row opens its customer."""
    with page.section("drill.people", help="drill.people_help"):
        answers, comments = st.tabs([t("nps.answers_tab"), t("nps.comments_tab")], key="drill_people")
        with answers:
            _answers(view, level, usual)
        with comments:
            _comments(view, level)


def _answers(view: View, level: Level, usual: str | None) -> None:
    name, options = scores.asked(view, level)
    looked = scores.looked(view, level)
    found = data.rows_behind(looked, name, where=level.where, **options)
    rows = behind.worded(found.rows).sort_values("score", kind="stable")
    columns = {column: shown for column, shown in ANSWERS.items() if column not in rows or column == "answered_on" or rows[column].notna().any()}
    if rows["is_anonymous"].any():
        st.caption(t("drill.anonymous"))
    everything = lambda: behind.worded(data.rows_behind(looked, name, where=level.where, limit=None, **options).rows)  # noqa: E731
    table(view, rows, columns, key="drill_answers", total=found.total, metrics=(data.metric(name),), whole=everything)
    known = rows.dropna(subset=["customer_id", "name"]).drop_duplicates("customer_id")
    if known.empty:
        return
    names = dict(zip(known["customer_id"], known["name"], strict=True))
    chosen = st.selectbox(t("drill.choose_account"), list(names), format_func=names.get, index=None, key="drill_account", placeholder=t("drill.pick_account"))
    if chosen:
        scores.go(view, level.into(account=chosen), usual)


def _comments(view: View, level: Level) -> None:
    looked = scores.looked(view, level)
    found = data.rows_behind(looked, "verbatims", where=level.where)
    rows = behind.worded(found.rows)
    columns = {column: shown for column, shown in COMMENTS.items() if column not in rows or column == "text" or rows[column].notna().any()}
    table(view, rows, columns, key="drill_comments", total=found.total, metrics=(data.metric("verbatims"),))


# an account


def account_name(view: View, level: Level) -> str:
    """A customer's name, where the reader may see it."""
    rows = account_rows(view, level)
    names = rows["name"].dropna() if "name" in rows else []
    return str(names.iloc[0]) if len(names) else t("drill.somebody")


def account_rows(view: View, level: Level) -> pd.DataFrame:
    """Everything that one customer answered, as far as the lists of the level's segment name it."""
    looked, where, first = scores.looked(view, level), level.where, scores.scored(view)[0]
    scales = data.answer(looked, "satisfaction", by=("dimension",)).rows[["scale_min", "scale_max"]].dropna().drop_duplicates()
    lists = [scores.asked(view, Level(first))] + [("satisfaction", {"scale": f"{low:g}-{high:g}"}) for low, high in scales.itertuples(index=False)]
    parts = [data.rows_of(looked, name, level.account, where=where, **options).astype(object) for name, options in lists]
    found = pd.concat([part for part in parts if len(part)] or parts)
    return found.drop_duplicates("answer_id") if len(found) else found


@page.part("drill.account")
def account(view: View, level: Level, usual: str | None) -> None:
    """One customer: every answer on its own scale, and every comment."""
    rows = account_rows(view, level)
    if rows.empty:
        page.empty("drill.no_account")
        return
    one = rows.iloc[0]
    facts = {column: value_of(column, one[column]) for column in ("region", "industry", "grade", "owner") if isinstance(one.get(column), str)}
    st.caption(" · ".join(f"{t(f'filters.{column}')}: {plain(value)}" for column, value in facts.items()))
    with page.section("drill.account_answers", help="drill.account_help"):
        told = rows.assign(scale=[scores.scale(row) for row in rows.to_dict("records")]).sort_values(["answered_on", "question"], ascending=[False, True])
        table(view, behind.worded(told), OWN, key="drill_own", metrics=(scores.metric_of(view, level),))
    with page.section("drill.account_comments"):
        said = data.rows_of(scores.looked(view, level), "verbatims", level.account, where=level.where)
        columns = {column: shown for column, shown in COMMENTS.items() if column != "name"}
        table(view, behind.worded(said), columns, key="drill_said", metrics=(data.metric("verbatims"),))


# answers in words


@page.part("drill.words")
def words(view: View, level: Level, usual: str | None) -> None:
    """A question answered in words: how often each answer was chosen, or what was written."""
    looked, about = scores.looked(view, level), {"dimension": level.dimension, **level.where}
    whole = data.answer(looked, "verbatims", where=about).rows.iloc[0]
    if whole["state"] != "value":
        page.empty("drill.none" if whole["state"] == "no_data" else "drill.few")
        return
    rows = data.answer(looked, "verbatims", by=("text",), where=about).rows.dropna(subset=["text"])
    with page.section("drill.words", help="drill.words_help"):
        page.sentence(t("drill.words_say", n=numbers.count(whole["n"]), base=numbers.count(whole["denominator"])))
        if len(rows) <= MOST_TEXTS:
            rows = rows.sort_values("value", ascending=False, na_position="last")
            columns = {"text": Column("drill.choice"), "n": Column("nps.n", "count")}
            figure(view, charts.bars(rows, "text", numbers.count), t("drill.words_alt"), key="drill_words", rows=rows, columns=columns)
        found = data.rows_behind(looked, "verbatims", where=about)
        table(view, behind.worded(found.rows), COMMENTS, key="drill_texts", total=found.total, metrics=(data.metric("verbatims"),))
