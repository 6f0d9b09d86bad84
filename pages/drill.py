"""Where exactly are we weak? Weak areas, every dimension by segment, and the way down from a dimension to a customer's own words."""

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from ui import behind, cells, data, descent, driving, numbers, offered, page, scores, themes, voices, weak
from ui.figure import figure, ready
from ui.level import ALL, NAMES, PERIOD, parse
from ui.table import Column, listing, table
from ui.words import plain, t, value_of

guard("drill")

WAVES = {
    "wave": Column("nps.wave"), "sent_from": Column("drill.sent"), "value": Column("metrics.response_rate.name", "progress"),
    "n": Column("nps.delivered", "count"), "numerator": Column("nps.responses", "count"), "undelivered": Column("nps.undelivered", "count"),
    "told": Column("drill.score"), "limits": Column("drill.limits"), "answers": Column("nps.n", "count"),
}  # fmt: skip
SILENT = {
    "name": Column("nps.customer"), "region": Column("filters.region"), "grade": Column("filters.grade"), "owner": Column("filters.owner"),
    "revenue": Column("nps.revenue_year", "money"), "invitations": Column("nps.invitations", "count"), "last_asked_on": Column("nps.last_asked_on"),
    "last_answered_on": Column("nps.last_answered_on"),
}  # fmt: skip
RESPONSES = {
    "value": Column("metrics.response_rate.name", "share"), "customer_share": Column("nps.customer_share", "share"),
    "revenue_share": Column("nps.revenue_share", "share"), "n": Column("nps.delivered", "count"), "numerator": Column("nps.responses", "count"),
}  # fmt: skip
MOST_PILLS = 10  # more to choose from is a list

view = page.begin("drill")


def asked() -> dict[str, list[str]]:
    """What this page keeps in the URL."""
    return {name: st.query_params.get_all(name) for name in NAMES if name in st.query_params}


def share(value) -> str:
    return numbers.shown(value, "share")


def changed(name: str) -> None:
    """A control was moved: the URL says so, and the page follows the URL."""
    value = st.session_state[f"drill_{name}"]
    kept = {key: values for key, values in asked().items() if key not in (name, "measure" if name == "about" else name)}
    unsaid = {"about": usual, "wave": PERIOD, "measure": None}[name]
    named = {name: [value]} if value not in (unsaid, None) else {}
    st.query_params.from_dict({**view.params(), **kept, **named})


def controls(level, dimensions, waves):
    """What is searched: a dimension, the waves, and how low is measured."""
    if not level.is_open:
        names = {dimension: plain(scores.name(view, dimension)) for dimension in dimensions}
        chosen = {"format_func": names.get, "key": "drill_about", "on_change": changed, "args": ("about",)}
        st.session_state["drill_about"] = level.dimension
        if len(names) > MOST_PILLS:
            st.selectbox(t("drill.about"), list(names), **{**chosen, "format_func": lambda dimension: scores.name(view, dimension)})
        else:
            st.pills(t("drill.about"), list(names), required=True, **chosen)
    with st.container(horizontal=True, vertical_alignment="top"):
        called = {PERIOD: t("drill.in_period"), ALL: t("drill.all_waves")}
        st.session_state["drill_wave"] = level.wave
        st.selectbox(
            t("drill.which_waves"), [PERIOD, ALL, *reversed(waves)], format_func=lambda wave: called.get(wave, wave), key="drill_wave", on_change=changed,
            args=("wave",), width=260,
        )  # fmt: skip
        if not level.is_open and level.dimension not in words_only:
            measures = ("nps", "low_share") if scores.is_nps(view, level.dimension) else ("mean", "low_share")
            st.session_state["drill_measure"] = level.measure if level.measure in measures else measures[0]
            st.segmented_control(
                t("drill.measure"), measures, format_func=lambda name: t(f"drill.measures.{name}"), key="drill_measure", on_change=changed, args=("measure",),
                required=True,
            )  # fmt: skip


@page.part("drill.weak")
def areas(view, level, usual):
    """The list of weak areas."""
    with page.section("drill.weak", help="drill.weak_help"):
        weak.section(view, level, usual)


@page.part("drill.map")
def heat(view, level, usual):
    """Every dimension by the groups of one column; a cell opens."""
    with page.section("drill.map", help="drill.map_help"):
        cells.section(view, level, usual)


@page.part("drill.drivers")
def drivers(view, level, usual):
    """Which dimensions weigh most, and how they score."""
    with page.section("drill.drivers", help="drill.drivers_help"):
        driving.section(view, level, usual)


@page.part("drill.waves")
def calendar(view, level, usual):
    """Each wave: when it was sent, who answered, and its score. All of them, whatever the period."""
    with page.section("drill.waves", help="drill.waves_help"):
        found = _calendar(view, level.closed())
        if found is None:
            st.caption(t("nps.no_waves"))
            return
        says, rows = found
        page.sentence(says)
        table(view, rows, key="drill_waves_list", metrics=(data.metric("response_rate"), scores.metric_of(view, level)))


@data.told
def _calendar(view, level):
    """How many waves there are, in a sentence, and the list of them, the latest first; None where there is none."""
    known, sent = scores.waves(view), data.answer(scores.everything(view), "response_rate", by=("wave", "sent_from")).rows
    told = descent.by_wave(view, level)
    if not known:
        return None
    records = told.to_dict("records")
    given = told.assign(told=[words_of(row) for row in records], limits=[scores.interval(row) for row in records], answers=told["n"])
    kept = [column for column in WAVES if column in sent]
    rows = pd.DataFrame({"wave": known}).merge(sent[kept], on="wave", how="left").merge(given[["wave", "told", "limits", "answers"]], on="wave", how="left")
    says = t("drill.waves_say", n=numbers.count(len(rows)), what=plain(scores.name(view, level.dimension)))
    return says, listing(view, rows.iloc[::-1], WAVES)


def words_of(row) -> str:
    return scores.said(row) if row["state"] == "value" else t(f"states.{row['state']}")


@page.part("drill.response")
def response(view, level):
    """Who answers in the waves looked at, people beside revenue, and who is silent though valuable."""
    wave = None if level.wave in (PERIOD, ALL) else level.wave
    looked = scores.looked(view, level)
    with page.section("drill.response", help="nps.response_help"):
        says = _responded(looked, wave)
        if says is None:
            st.caption(t("nps.nobody_asked"))
            return
        page.sentence(says)
        scores.uninvited(data.answer(looked, "response_rate", wave=wave).notes)
        divided(looked, wave)
    with page.section("nps.silent", help="nps.silent_help"):
        found = _silent(looked, wave)
        if found is None:
            st.caption(t("nps.nobody_asked"))
            return
        says, rows, total = found
        page.sentence(says)
        everything = lambda: behind.worded(data.rows_behind(looked, "silent_accounts", limit=None, wave=wave).rows)  # noqa: E731
        behind.leading(looked, rows, key="drill_silent", total=total, metrics=(data.metric("silent_accounts"),), whole=everything)


@data.told
def _responded(looked, wave):
    """Who answered, in a sentence; None where nobody was asked."""
    total = data.answer(looked, "response_rate", wave=wave).rows.iloc[0]
    if total["state"] != "value":
        return None
    said = {"rate": share(total["value"]), "n": numbers.count(total["n"]), "undelivered": numbers.count(total["undelivered"])}
    return t("nps.response_says", **said, customers=share(total["customer_share"]), revenue=share(total["revenue_share"]))


@data.told
def _silent(looked, wave):
    """How many are silent, in a sentence, their list, and its length; None where nobody was asked."""
    found = data.answer(looked, "silent_accounts", wave=wave).rows.iloc[0]
    if found["state"] != "value":
        return None
    money = numbers.shown(found["revenue"], "money", looked.currency)
    says = t("nps.silent_says", n=numbers.count(found["n"]), of=numbers.count(found["denominator"]), money=money)
    rows = data.rows_behind(looked, "silent_accounts", wave=wave)
    return says, listing(looked, behind.worded(rows.rows), SILENT), rows.total


def divided(looked, wave):
    """Answered invitations by an attribute of the customer: the silent groups first."""
    columns = ("grade", "region", "industry", "size")
    names = {column: plain(scores.column(column)) for column in columns}
    column = st.pills(t("nps.divide"), columns, default="grade", format_func=names.get, key="drill_silent_column", required=True, label_visibility="collapsed")
    rows, spec = _responded_by(looked, wave, column)
    columns = {column: Column("nps.group"), **RESPONSES}
    figure(looked, spec, t("nps.response_alt"), key="drill_response", rows=rows, columns=columns, metrics=(data.metric("response_rate"),))


@data.told
def _responded_by(looked, wave, column):
    """The groups of a column, and their figure."""
    rows = data.answer(looked, "response_rate", by=(column,), wave=wave).rows
    keys = rows[column].astype(object).where(rows[column].notna(), "").astype(str)
    rows = rows.assign(**{column: keys}).sort_values("value", na_position="last", ignore_index=True)
    called = {key: value_of(column, key) for key in rows[column]}
    sides = [("customer_share", t("nps.of_customers"), theme.ACCENT), ("revenue_share", t("nps.of_revenue"), theme.CAUTION)]
    return rows.assign(**{column: rows[column].map(called)}), ready(charts.pairs(rows, column, sides, share, names=called))


def search(level):
    """The page at its start: weak areas, the map, what drives the overall score, what is written, waves and who answers."""
    areas(view, level, usual)
    heat(view, level, usual)
    drivers(view, level, usual)
    themes.section(view, level, usual)
    calendar(view, level, usual)
    response(view, level)


def inside(level):
    """The page at an open level."""
    descent.breadcrumb(view, level, usual)
    if level.account:
        voices.account(view, level, usual)
    elif level.dimension in words_only:
        voices.words(view, level, usual)
        themes.section(view, level, usual)
    elif descent.headline(view, level):
        descent.course(view, level, usual)
        descent.questions(view, level, usual)
        descent.segments(view, level, usual)
        voices.people(view, level, usual)
        themes.section(view, level, usual)


dimensions, words_only, waves = scores.scored(view), scores.worded(view), scores.waves(view)
usual = next(iter(dimensions), None)
level, is_odd = parse(asked(), [*dimensions, *words_only], offered.survey_segments(view.snapshot), waves, usual)
if is_odd:
    st.warning(t("drill.odd"), icon=":material/link_off:")
if usual is None and not words_only:
    page.empty("drill.nothing")
else:
    controls(level, [*dimensions, *words_only], waves)
    if level.is_open:
        inside(level)
    elif level.dimension in words_only:
        voices.words(view, level, usual)
        themes.section(view, level, usual)
    else:
        search(level)
