"""Who said what at an open level: answers, comments, one customer's own, and questions that are answered in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from ui import behind, data, numbers, page, scores
from ui.figure import figure, ready
from ui.level import Level
from ui.table import Column, Listing, listing, table
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
    looked, found = scores.looked(view, level), _answered(view, level)
    if found.is_anonymous:
        st.caption(t("drill.anonymous"))
    everything = lambda: behind.worded(data.rows_behind(looked, name, where=level.where, limit=None, **options).rows)  # noqa: E731
    table(view, found.rows, key="drill_answers", total=found.total, metrics=(data.metric(name),), whole=everything)
    if not found.names:
        return
    chosen = st.selectbox(
        t("drill.choose_account"), list(found.names), format_func=found.names.get, index=None, key="drill_account", placeholder=t("drill.pick_account")
    )
    if chosen:
        scores.go(view, level.into(account=chosen), usual)


@dataclass(frozen=True)
class Answered:
    """The answers of a level as a list, how many there are, whether some of them are anonymous, and which customers it names."""

    rows: Listing
    total: int
    is_anonymous: bool
    names: dict[str, str]


@data.told
def _answered(view: View, level: Level) -> Answered:
    """The lowest first."""
    name, options = scores.asked(view, level)
    found = data.rows_behind(scores.looked(view, level), name, where=level.where, **options)
    rows = behind.worded(found.rows).sort_values("score", kind="stable")
    columns = {column: shown for column, shown in ANSWERS.items() if column not in rows or column == "answered_on" or rows[column].notna().any()}
    known = rows.dropna(subset=["customer_id", "name"]).drop_duplicates("customer_id")
    names = dict(zip(known["customer_id"], known["name"], strict=True))
    return Answered(listing(view, rows, columns), found.total, bool(rows["is_anonymous"].any()), names)


def _comments(view: View, level: Level) -> None:
    rows, total = _commented(view, level)
    table(view, rows, key="drill_comments", total=total, metrics=(data.metric("verbatims"),))


@data.told
def _commented(view: View, level: Level) -> tuple[Listing, int]:
    """The comments of a level, and how many there are."""
    found = data.rows_behind(scores.looked(view, level), "verbatims", where=level.where)
    rows = behind.worded(found.rows)
    columns = {column: shown for column, shown in COMMENTS.items() if column not in rows or column == "text" or rows[column].notna().any()}
    return listing(view, rows, columns), found.total


# an account


@data.told
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
    found = _account(view, level)
    if found is None:
        page.empty("drill.no_account")
        return
    says, answers = found
    st.caption(says)
    with page.section("drill.account_answers", help="drill.account_help"):
        table(view, answers, key="drill_own", metrics=(scores.metric_of(view, level),))
    with page.section("drill.account_comments"):
        table(view, _account_comments(view, level), key="drill_said", metrics=(data.metric("verbatims"),))


@data.told
def _account(view: View, level: Level) -> tuple[str, Listing] | None:
    """What is known of a customer in one line, and everything it answered; None where it answered nothing."""
    rows = account_rows(view, level)
    if rows.empty:
        return None
    one = rows.iloc[0]
    facts = {column: value_of(column, one[column]) for column in ("region", "industry", "grade", "owner") if isinstance(one.get(column), str)}
    says = " · ".join(f"{t(f'filters.{column}')}: {plain(value)}" for column, value in facts.items())
    told = rows.assign(scale=[scores.scale(row) for row in rows.to_dict("records")]).sort_values(["answered_on", "question"], ascending=[False, True])
    return says, listing(view, behind.worded(told), OWN)


@data.told
def _account_comments(view: View, level: Level) -> Listing:
    said = data.rows_of(scores.looked(view, level), "verbatims", level.account, where=level.where)
    return listing(view, behind.worded(said), {column: shown for column, shown in COMMENTS.items() if column != "name"})


# answers in words


@page.part("drill.words")
def words(view: View, level: Level, usual: str | None) -> None:
    """A question answered in words: how often each answer was chosen, or what was written."""
    whole = data.answer(scores.looked(view, level), "verbatims", where=_about(level)).rows.iloc[0]
    if whole["state"] != "value":
        page.empty("drill.none" if whole["state"] == "no_data" else "drill.few")
        return
    chosen = _chosen(view, level)
    with page.section("drill.words", help="drill.words_help"):
        page.sentence(t("drill.words_say", n=numbers.count(whole["n"]), base=numbers.count(whole["denominator"])))
        if chosen is not None:
            rows, spec = chosen
            columns = {"text": Column("drill.choice"), "n": Column("nps.n", "count")}
            figure(view, spec, t("drill.words_alt"), key="drill_words", rows=rows, columns=columns)
        texts, total = _texts(view, level)
        table(view, texts, key="drill_texts", total=total, metrics=(data.metric("verbatims"),))


def _about(level: Level) -> dict:
    return {"dimension": level.dimension, **level.where}


@data.told
def _chosen(view: View, level: Level) -> tuple[pd.DataFrame, Checked] | None:
    """How often each answer was chosen, and its figure; None for free text."""
    rows = data.answer(scores.looked(view, level), "verbatims", by=("text",), where=_about(level)).rows.dropna(subset=["text"])
    if len(rows) > MOST_TEXTS:
        return None
    rows = rows.sort_values("value", ascending=False, na_position="last")
    return rows, ready(charts.bars(rows, "text", numbers.count))


@data.told
def _texts(view: View, level: Level) -> tuple[Listing, int]:
    """What was written, and how much there is of it."""
    found = data.rows_behind(scores.looked(view, level), "verbatims", where=_about(level))
    return listing(view, behind.worded(found.rows), COMMENTS), found.total
