"""Would customers recommend us, and who would not?"""

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from metrics.change import changed
from metrics.result import K_TESTABLE
from ui import data, loops, numbers, offered, page, scores, sentences
from ui.behind import leading
from ui.cards import Card, row
from ui.figure import clickable, figure
from ui.navigation import link
from ui.selection import SEGMENTS
from ui.table import Column
from ui.words import plain, t, value_of

guard("nps")

CARDS = (
    Card("nps"),
    Card("nps", label="nps.by_account", options={"weighting": "account"}),
    Card("nps", label="nps.by_revenue", options={"weighting": "revenue"}),
    Card("response_rate", trend=False),
)
BANDS = (("promoter", theme.GOOD), ("passive", theme.CONTEXT), ("detractor", theme.BAD))
FIGURES = {
    "value": Column("metrics.nps.name", "points"), "low": Column("nps.low", "points"), "high": Column("nps.high", "points"), "n": Column("nps.n", "count"),
    "promoters": Column("nps.promoters", "count"), "passives": Column("nps.passives", "count"), "detractors": Column("nps.detractors", "count"),
    "dismissed": Column("nps.dismissed", "count"),
}  # fmt: skip
ANSWERS = {
    "answered_on": Column("nps.answered_on"), "name": Column("nps.customer"), "region": Column("filters.region"), "grade": Column("filters.grade"),
    "owner": Column("filters.owner"), "score": Column("nps.score", "count"), "band": Column("nps.band"), "wave": Column("nps.wave"),
}  # fmt: skip
COMMENTS = {"answered_on": Column("nps.answered_on"), "name": Column("nps.customer"), "band": Column("nps.band"), "text": Column("nps.comment")}
RESPONSES = {
    "value": Column("metrics.response_rate.name", "share"), "customer_share": Column("nps.customer_share", "share"),
    "revenue_share": Column("nps.revenue_share", "share"), "n": Column("nps.delivered", "count"),
    "numerator": Column("nps.responses", "count"), "undelivered": Column("nps.undelivered", "count"), "customers": Column("nps.customers_asked", "count"),
    "revenue_asked": Column("nps.revenue_asked", "money"), "revenue_responded": Column("nps.revenue_responded", "money"),
}  # fmt: skip
SILENT = {
    "name": Column("nps.customer"), "region": Column("filters.region"), "grade": Column("filters.grade"), "owner": Column("filters.owner"),
    "revenue": Column("nps.revenue_year", "money"), "invitations": Column("nps.invitations", "count"), "last_asked_on": Column("nps.last_asked_on"),
    "last_answered_on": Column("nps.last_answered_on"),
}  # fmt: skip
REVENUE = {
    "band": Column("nps.band"),
    "value": Column("nps.revenue_year", "money"),
    "share": Column("nps.share", "share"),
    "answers": Column("nps.answers", "count"),
}
DIMENSIONS = {
    "dimension": Column("nps.dimension"), "mean": Column("nps.mean"), "scale": Column("nps.scale"), "top2": Column("nps.top2", "share"),
    "n": Column("nps.n", "count"), "verdict": Column("nps.verdict"), "dismissed": Column("nps.dismissed", "count"),
}  # fmt: skip
SCORES = {
    "answered_on": Column("nps.answered_on"), "name": Column("nps.customer"), "region": Column("filters.region"), "owner": Column("filters.owner"),
    "question": Column("nps.question"), "score": Column("nps.score", "count"), "wave": Column("nps.wave"),
}  # fmt: skip

view = page.begin("nps")
metric, responded, revenue = (data.metric(name) for name in ("nps", "response_rate", "nps_revenue"))


def points(value) -> str:
    return numbers.shown(value, metric.unit)


def share(value) -> str:
    return numbers.shown(value, "share")


def money(value) -> str:
    return numbers.shown(value, "money", view.currency)


def band_names() -> dict[str, str]:
    return {band: t(f"nps.bands.{band}") for band, _ in BANDS}


def grouped(rows, column):
    """Rows from the highest to the lowest, those without a value of `column` under ""."""
    named = rows[column].astype(object).where(rows[column].notna(), "").astype(str)
    return rows.assign(**{column: named}).sort_values("value", ascending=False, na_position="last", ignore_index=True)


def labels(rows, column) -> dict[str, str]:
    """Keys of a chart's marks → what they are called."""
    return {key: value_of(column, key) for key in rows[column]}


def named(rows, column):
    """Rows of a chart's table, its marks called as they are in the chart."""
    return rows.assign(**{column: rows[column].map(labels(rows, column))})


def worded(rows):
    """Rows with grades and bands in the reader's words."""
    words = {"grade": lambda value: value_of("grade", value), "band": lambda value: band_names().get(value)}
    return rows.assign(**{column: rows[column].map(word) for column, word in words.items() if column in rows})


@page.part("nps.trend")
def trend(view):
    answer = data.answer(view, "nps", grain=view.grain)
    with page.section("nps.trend", help="nps.trend_help"):
        page.failed_checks(answer)
        for sentence in sentences.told(view, {"nps": "nps"}):
            page.sentence(sentence.text)
        spec = charts.line(answer.rows, points, grain=view.grain, tick=".0f", step=lambda day: numbers.step(day, view.grain))
        columns = {"period": Column("nps.step"), **FIGURES}
        figure(view, spec, page.course(t("metrics.nps.name"), answer, metric, view), key="nps_trend", rows=answer.rows, columns=columns, metrics=(metric,))


@page.part("nps.three_ways")
def three_ways(view):
    """Per respondent, per customer and by revenue, each with its interval."""
    with page.section("nps.three_ways", help="nps.three_ways_help"):
        answers = {weighting: data.answer(view, "nps", weighting=weighting) for weighting in ("respondent", "account", "revenue")}
        rows = pd.concat([answer.rows.assign(weighting=weighting) for weighting, answer in answers.items()])
        names = {weighting: t(f"nps.weightings.{weighting}") for weighting in answers}
        spec = charts.forest(rows, "weighting", points, names=names, tick=".0f", height=230)
        columns = {"weighting": Column("nps.weighting"), **FIGURES, "n_eff": Column("nps.n_eff", "count", "nps.n_eff_help")}
        labelled = rows.assign(weighting=rows["weighting"].map(names))
        figure(view, spec, t("nps.three_ways"), key="nps_ways", rows=labelled, columns=columns, metrics=(metric,))
        left_out = answers["revenue"].notes["left_out"]
        if left_out:
            st.caption(t("nps.left_out", n=numbers.count(left_out)))


@page.part("nps.by_segment")
def by_segment(view):
    """Intervals and split of each group, of whichever column the reader chooses; a group opens its answers and comments."""
    with page.section("nps.by_segment", help="nps.by_segment_help"):
        columns = offered.survey_segments(view.snapshot)
        if not columns:
            st.caption(t("nps.no_segments"))
            return
        names = {column: sentences.column_name(column) for column in columns}
        column = st.pills(t("nps.divide"), columns, default=columns[0], format_func=names.get, key="nps_column", required=True, label_visibility="collapsed")
        whole, answer = data.answer(view, "nps"), data.answer(view, "nps", by=(column,))
        rows = grouped(answer.rows, column)
        known = rows[rows["state"] == "value"]
        if known.empty:
            st.caption(t("nps.no_groups"))
            return
        called = labels(rows, column)
        firm = known[known["n"] >= K_TESTABLE]
        if len(firm) > 1:
            best, worst = firm.iloc[0], firm.iloc[-1]
            values = {"best": plain(called[best[column]]), "worst": plain(called[worst[column]])}
            page.sentence(t("nps.by_segment_says", **values, high=points(best["value"]), low=points(worst["value"])))
        if len(firm) < len(known):
            st.caption(t("nps.small", k=numbers.count(K_TESTABLE)))
        if answer.notes["hidden"]:
            st.caption(t("nps.hidden", n=answer.notes["hidden"]))
        chosen = _side_by_side(view, rows, column, called, whole)
        if chosen is not None:
            opened(view, {column: chosen}, called[chosen], "nps_segment")


def _side_by_side(view, rows, column, called, whole):
    """The forest, which can be clicked, beside the split bars of the same groups in the same order."""
    left, right = st.columns(2)
    reference = whole.rows["value"].iloc[0]
    against = {"reference": reference, "reference_label": t("nps.all", value=points(reference))}
    weak = tuple(rows.loc[rows["n"] < K_TESTABLE, column])
    spec = charts.forest(rows, column, points, names=called, tick=".0f", weak=weak, **against)
    columns = {column: Column("nps.group"), **FIGURES}
    with right:
        parts = [(f"{band}_shown", t(f"nps.bands.{band}"), colour) for band, colour in BANDS]
        figure(view, charts.split(rows, column, parts, share, names=called), t("nps.split_alt"), key="nps_split")
    with left:
        shown = labels(rows[rows["state"] == "value"], column)  # what is hidden cannot be opened either
        return clickable(
            view, spec, t("nps.forest_alt"), shown, key="nps_segment", prompt="nps.choose_group", rows=named(rows, column), columns=columns, metrics=(metric,)
        )


def opened(view, where, label, key, name="nps"):
    """The answers and comments behind a mark of the metric `name`."""
    st.markdown(f"**{plain(label)}**")
    answers, comments = st.tabs([t("nps.answers_tab"), t("nps.comments_tab")], key=f"{key}_tabs")
    with answers:
        behind = data.rows_behind(view, name, where=where)
        rows = worded(behind.rows).sort_values("score", kind="stable")
        leading(view, rows, ANSWERS, key=f"{key}_rows", total=behind.total, metrics=(data.metric(name),))
    with comments:
        said = data.rows_behind(view, "verbatims", where=where)
        rows = worded(said.rows).sort_values("answered_on", ascending=False, kind="stable")
        leading(view, rows, COMMENTS, key=f"{key}_comments", total=said.total, metrics=(data.metric("verbatims"),))
    column, value = next(iter(where.items()))
    filter = {known: filter for filter, known in SEGMENTS.items()}.get(column)
    if filter:
        link(view, "nps", t("nps.narrow", group=plain(label)), **{filter: value})


@page.part("nps.waves")
def waves(view):
    """How each wave divided, and whether two of them differ beyond chance."""
    with page.section("nps.waves", help="nps.waves_help"):
        rows = data.answer(view, "nps", by=("wave",)).rows
        if rows.empty:
            st.caption(t("nps.no_waves"))
            return
        names = {wave: t("nps.wave_named", wave=wave, value=points(value)) for wave, value in zip(rows["wave"], rows["value"], strict=True)}
        parts = [(f"{band}_shown", t(f"nps.bands.{band}"), colour) for band, colour in BANDS]
        columns = {"wave": Column("nps.wave"), **FIGURES}
        spec = charts.split(rows, "wave", parts, share, names=names)
        if len(rows) > 1:
            _compared(rows)
        figure(view, spec, t("nps.waves_alt"), key="nps_waves", rows=rows, columns=columns, metrics=(metric,))


def _compared(rows):
    """Two waves in a sentence: from, to, and whether that is more than chance."""
    known = list(rows["wave"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        before = st.selectbox(t("nps.wave_before"), known, index=known.index(known[-2]), key="nps_wave_before", width=200)
        now = st.selectbox(t("nps.wave_now"), known, index=known.index(known[-1]), key="nps_wave_now", width=200)
    first, second = (rows[rows["wave"] == wave].iloc[0].to_dict() for wave in (before, now))
    change = changed(second, first)
    if change.delta is None:
        page.sentence(t(f"states.{change.verdict}") if change.verdict in ("no_data", "suppressed") else t("verdicts.new"))
        return
    values = {"before": plain(before), "now": plain(now), "from_": points(first["value"]), "to": points(second["value"])}
    page.sentence(t(f"nps.compared.{change.verdict}", **values, delta=numbers.difference(change.delta, metric.unit)))


@page.part("nps.revenue")
def revenue_by_band(view):
    """What each band pays; a bar opens its answers."""
    with page.section("nps.revenue", help="nps.revenue_help"):
        answer = data.answer(view, "nps_revenue")
        rows = answer.rows
        if not (rows["state"] == "value").any():
            st.caption(t(f"states.{rows['state'].iloc[0]}"))
            return
        at_stake = rows.set_index("band").loc["detractor"]
        page.sentence(t("nps.revenue_says", share=numbers.shown(at_stake["share"], "share"), money=money(at_stake["value"])))
        names = band_names()
        spec = charts.bars(rows, "band", money, names=names, strong=("detractor",))
        labelled = rows.assign(band=rows["band"].map(names))
        chosen = clickable(
            view, spec, t("nps.revenue_alt"), names, key="nps_revenue", prompt="nps.choose_band", rows=labelled, columns=REVENUE, metrics=(revenue,)
        )
        if chosen:
            opened(view, {"band": chosen}, names[chosen], "nps_band", "nps_revenue")


@page.part("nps.satisfaction")
def satisfaction(view):
    """Each dimension's mean on its own scale, and which are low; a bar opens its answers."""
    with page.section("nps.satisfaction", help="nps.satisfaction_help"):
        rows = grouped(data.answer(view, "satisfaction", by=("dimension",)).rows, "dimension")
        known = rows[rows["state"] == "value"]
        if known.empty:
            st.caption(t("nps.no_dimensions"))
            return
        called, told = labels(rows, "dimension"), [dimension_told(row) for row in rows.to_dict("records")]
        low = known[known["is_low"].astype(bool)]
        for row in low.to_dict("records"):
            page.sentence(t("nps.dimension_low", dimension=plain(called[row["dimension"]]), mean=dimension_told(row)["mean"]))
        if low.empty:
            page.sentence(t("nps.none_low"))
        shown = rows.assign(dimension=rows["dimension"].map(called), **{column: [words[column] for words in told] for column in told[0]})
        spec = charts.bars(rows, "dimension", mean_shown, names=called, strong=tuple(low["dimension"]))
        measured = data.metric("satisfaction")
        chosen = clickable(
            view, spec, t("nps.satisfaction_alt"), labels(known, "dimension"), key="nps_dimension", prompt="nps.choose_dimension", rows=shown,
            columns=DIMENSIONS, metrics=(measured,),
        )  # fmt: skip
        if chosen is not None:
            behind = data.rows_behind(view, "satisfaction", where={"dimension": chosen})
            leading(view, worded(behind.rows).sort_values("score", kind="stable"), SCORES, key="nps_dimension_rows", total=behind.total, metrics=(measured,))


def mean_shown(value) -> str:
    return numbers.shown(value, "points")  # one decimal


def dimension_told(row) -> dict[str, str]:
    """A dimension's mean, scale and verdict in words: one that is low by less than is shown says so."""
    if row["state"] != "value":
        return {"mean": numbers.NONE, "scale": "", "verdict": t(f"states.{row['state']}")}
    mean, limit = mean_shown(row["value"]), mean_shown(row["midpoint"])
    below = row["is_low"] and mean == limit
    words = t("nps.below", value=mean, limit=numbers.bare(row["midpoint"])) if below else mean
    scale = t("nps.scale_of", low=numbers.bare(row["scale_min"]), high=numbers.bare(row["scale_max"]))
    return {"mean": words, "scale": scale, "verdict": t("nps.low_one" if row["is_low"] else "nps.not_low")}


@page.part("nps.response")
def response(view):
    """Who answers: people beside revenue, by an attribute of the customer."""
    with page.section("nps.response", help="nps.response_help"):
        whole = data.answer(view, "response_rate")
        page.failed_checks(whole)
        total = whole.rows.iloc[0]
        if total["state"] != "value":
            st.caption(t("nps.nobody_asked"))
            return
        values = {
            "rate": share(total["value"]),
            "n": numbers.count(total["n"]),
            "customers": share(total["customer_share"]),
            "revenue": share(total["revenue_share"]),
        }
        page.sentence(t("nps.response_says", **values, undelivered=numbers.count(total["undelivered"])))
        scores.uninvited(whole.notes)
        columns = ("grade", "region", "industry", "size")
        names = {column: sentences.column_name(column) for column in columns}
        column = st.pills(
            t("nps.divide"), columns, default="grade", format_func=names.get, key="nps_response_column", required=True, label_visibility="collapsed"
        )
        rows = grouped(data.answer(view, "response_rate", by=(column,)).rows, column)
        called = labels(rows, column)
        if len(rows) > 1:
            least = rows[rows["state"] == "value"].iloc[-1]
            page.sentence(t("nps.response_least", group=plain(called[least[column]]), rate=share(least["value"])))
        sides = [("customer_share", t("nps.of_customers"), theme.ACCENT), ("revenue_share", t("nps.of_revenue"), theme.CAUTION)]
        spec = charts.pairs(rows, column, sides, share, names=called)
        table_columns = {column: Column("nps.group"), **RESPONSES}
        figure(view, spec, t("nps.response_alt"), key="nps_response", rows=named(rows, column), columns=table_columns, metrics=(responded,))


@page.part("nps.silent")
def silent(view):
    """The valuable customers who were asked and did not answer."""
    with page.section("nps.silent", help="nps.silent_help"):
        found = data.answer(view, "silent_accounts").rows.iloc[0]
        if found["state"] != "value":
            st.caption(t("nps.nobody_asked"))
            return
        values = {"n": numbers.count(found["n"]), "of": numbers.count(found["denominator"]), "money": money(found["revenue"])}
        page.sentence(t("nps.silent_says", **values))
        behind = data.rows_behind(view, "silent_accounts")
        rows = worded(behind.rows).sort_values("revenue", ascending=False)
        leading(view, rows, SILENT, key="nps_silent", total=behind.total, metrics=(data.metric("silent_accounts"),))


row(view, CARDS)
scores.not_counted(data.answer(view, "nps").notes)
state = data.answer(view, "nps").rows["state"].iloc[0]
if state == "no_data":
    page.empty("nps.none")
elif state == "suppressed":
    page.empty("nps.few")
else:
    left, right = st.columns([2, 1])
    with left:
        trend(view)
    with right:
        three_ways(view)
    by_segment(view)
    left, right = st.columns(2)
    with left:
        waves(view)
    with right:
        revenue_by_band(view)
    loops.section(view)
satisfaction(view)
response(view)
silent(view)
