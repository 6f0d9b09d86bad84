"""Would customers recommend us, and who would not?"""

from typing import NamedTuple

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from charts.checked import Checked
from metrics.change import changed
from metrics.result import K_TESTABLE
from ui import data, loops, numbers, offered, page, scores, sentences
from ui.behind import leading
from ui.cards import Card, row
from ui.figure import clickable, figure, ready
from ui.navigation import link
from ui.selection import SEGMENTS
from ui.table import Column, listing
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


@data.told
def _course(view):
    """The score's series, the sentences on its last step, its figure and what that says."""
    answer = data.answer(view, "nps", grain=view.grain)
    said = [sentence.text for sentence in sentences.told(view, (("nps", "nps"),))]
    spec = charts.line(answer.rows, points, grain=view.grain, tick=".0f", step=lambda day: numbers.step(day, view.grain))
    return answer, said, ready(spec), page.course(t("metrics.nps.name"), answer, metric, view)


@page.part("nps.trend")
def trend(view):
    answer, said, spec, alt = _course(view)
    with page.section("nps.trend", help="nps.trend_help"):
        page.failed_checks(answer)
        if said:
            page.sentence(*said)
        figure(view, spec, alt, key="nps_trend", rows=answer.rows, columns={"period": Column("nps.step"), **FIGURES}, metrics=(metric,))


@data.told
def _weighted(view):
    """The score in each of the three ways, its figure, and how many answers the way by revenue leaves out."""
    answers = {weighting: data.answer(view, "nps", weighting=weighting) for weighting in ("respondent", "account", "revenue")}
    rows = pd.concat([answer.rows.assign(weighting=weighting) for weighting, answer in answers.items()])
    names = {weighting: t(f"nps.weightings.{weighting}") for weighting in answers}
    spec = charts.forest(rows, "weighting", points, names=names, tick=".0f", height=230)
    return rows.assign(weighting=rows["weighting"].map(names)), ready(spec), answers["revenue"].notes["left_out"]


@page.part("nps.three_ways")
def three_ways(view):
    """Per respondent, per customer and by revenue, each with its interval."""
    with page.section("nps.three_ways", help="nps.three_ways_help"):
        rows, spec, left_out = _weighted(view)
        columns = {"weighting": Column("nps.weighting"), **FIGURES, "n_eff": Column("nps.n_eff", "count", "nps.n_eff_help")}
        figure(view, spec, t("nps.three_ways"), key="nps_ways", rows=rows, columns=columns, metrics=(metric,))
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
        groups = _groups(view, column)
        if groups is None:
            st.caption(t("nps.no_groups"))
            return
        if groups.says:
            page.sentence(groups.says)
        if groups.notes:
            st.caption("  \n".join(groups.notes))
        left, right = st.columns(2)
        with right:
            figure(view, groups.split, t("nps.split_alt"), key="nps_split")
        with left:
            chosen = clickable(
                view, groups.forest, t("nps.forest_alt"), groups.opens, key="nps_segment", prompt="nps.choose_group", rows=groups.rows,
                columns={column: Column("nps.group"), **FIGURES}, metrics=(metric,),
            )  # fmt: skip
        if chosen is not None:
            opened(view, {column: chosen}, groups.opens[chosen], "nps_segment")


class Groups(NamedTuple):
    """The groups of a column: what there is to say, a forest and split bars of them in the same order, and which can be opened."""

    rows: pd.DataFrame
    says: str | None
    notes: list[str]
    forest: Checked
    split: Checked
    opens: dict[str, str]


@data.told
def _groups(view, column):
    """None where no group has a value."""
    whole, answer = data.answer(view, "nps"), data.answer(view, "nps", by=(column,))
    rows = grouped(answer.rows, column)
    known = rows[rows["state"] == "value"]
    if known.empty:
        return None
    called, says, notes = labels(rows, column), None, []
    firm = known[known["n"] >= K_TESTABLE]
    if len(firm) > 1:
        best, worst = firm.iloc[0], firm.iloc[-1]
        values = {"best": plain(called[best[column]]), "worst": plain(called[worst[column]])}
        says = t("nps.by_segment_says", **values, high=points(best["value"]), low=points(worst["value"]))
    if len(firm) < len(known):
        notes.append(t("nps.small", k=numbers.count(K_TESTABLE)))
    if answer.notes["hidden"]:
        notes.append(t("nps.hidden", n=answer.notes["hidden"]))
    reference = whole.rows["value"].iloc[0]
    against = {"reference": reference, "reference_label": t("nps.all", value=points(reference))}
    weak = tuple(rows.loc[rows["n"] < K_TESTABLE, column])
    forest = charts.forest(rows, column, points, names=called, tick=".0f", weak=weak, **against)
    split = charts.split(rows, column, _parts(), share, names=called)
    opens = labels(known, column)  # what is hidden cannot be opened either
    return Groups(named(rows, column), says, notes, ready(forest), ready(split), opens)


def _parts():
    return [(f"{band}_shown", t(f"nps.bands.{band}"), colour) for band, colour in BANDS]


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
        leading(view, worded(said.rows), COMMENTS, key=f"{key}_comments", total=said.total, metrics=(data.metric("verbatims"),))
    column, value = next(iter(where.items()))
    filter = {known: filter for filter, known in SEGMENTS.items()}.get(column)
    if filter:
        link(view, "nps", t("nps.narrow", group=plain(label)), **{filter: value})


@page.part("nps.waves")
def waves(view):
    """How each wave divided, and whether two of them differ beyond chance."""
    with page.section("nps.waves", help="nps.waves_help"):
        rows, known, spec = _divided_waves(view)
        if not known:
            st.caption(t("nps.no_waves"))
            return
        if len(known) > 1:
            _compared(known)
        figure(view, spec, t("nps.waves_alt"), key="nps_waves", rows=rows, columns={"wave": Column("nps.wave"), **FIGURES}, metrics=(metric,))


@data.told
def _divided_waves(view):
    """The waves' rows, the same by name, and their figure."""
    rows = data.answer(view, "nps", by=("wave",)).rows
    known = {row["wave"]: row for row in rows.to_dict("records")}
    names = {wave: t("nps.wave_named", wave=wave, value=points(row["value"])) for wave, row in known.items()}
    return rows, known, ready(charts.split(rows, "wave", _parts(), share, names=names))


def _compared(known):
    """Two waves in a sentence: from, to, and whether that is more than chance."""
    waves = list(known)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        before = st.selectbox(t("nps.wave_before"), waves, index=waves.index(waves[-2]), key="nps_wave_before", width=200)
        now = st.selectbox(t("nps.wave_now"), waves, index=waves.index(waves[-1]), key="nps_wave_now", width=200)
    first, second = known[before], known[now]
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
        rows, says, spec = _paid(view)
        if spec is None:
            st.caption(says)
            return
        page.sentence(says)
        names = band_names()
        chosen = clickable(view, spec, t("nps.revenue_alt"), names, key="nps_revenue", prompt="nps.choose_band", rows=rows, columns=REVENUE, metrics=(revenue,))
        if chosen:
            opened(view, {"band": chosen}, names[chosen], "nps_band", "nps_revenue")


@data.told
def _paid(view):
    """Each band's revenue, what there is to say, and its figure: None where no value may be shown."""
    rows = data.answer(view, "nps_revenue").rows
    if not (rows["state"] == "value").any():
        return rows, t(f"states.{rows['state'].iloc[0]}"), None
    at_stake, names = rows.set_index("band").loc["detractor"], band_names()
    says = t("nps.revenue_says", share=share(at_stake["share"]), money=money(at_stake["value"]))
    spec = charts.bars(rows, "band", money, names=names, strong=("detractor",))
    return rows.assign(band=rows["band"].map(names)), says, ready(spec)


@page.part("nps.satisfaction")
def satisfaction(view):
    """Each dimension's mean on its own scale, and which are low; a bar opens its answers."""
    with page.section("nps.satisfaction", help="nps.satisfaction_help"):
        found = _dimensions(view)
        if found is None:
            st.caption(t("nps.no_dimensions"))
            return
        rows, says, spec, opens = found
        page.sentence(*says)
        measured = data.metric("satisfaction")
        chosen = clickable(
            view, spec, t("nps.satisfaction_alt"), opens, key="nps_dimension", prompt="nps.choose_dimension", rows=rows, columns=DIMENSIONS, metrics=(measured,)
        )
        if chosen is not None:
            behind = data.rows_behind(view, "satisfaction", where={"dimension": chosen})
            leading(view, worded(behind.rows).sort_values("score", kind="stable"), SCORES, key="nps_dimension_rows", total=behind.total, metrics=(measured,))


@data.told
def _dimensions(view):
    """The dimensions in words, what there is to say, their figure, and which can be opened; None where none has a value."""
    rows = grouped(data.answer(view, "satisfaction", by=("dimension",)).rows, "dimension")
    known = rows[rows["state"] == "value"]
    if known.empty:
        return None
    called, words = labels(rows, "dimension"), [dimension_told(row) for row in rows.to_dict("records")]
    low = known[known["is_low"].astype(bool)]
    means = {name: word["mean"] for name, word in zip(rows["dimension"], words, strict=True)}
    says = [t("nps.dimension_low", dimension=plain(called[name]), mean=means[name]) for name in low["dimension"]] or [t("nps.none_low")]
    shown = rows.assign(dimension=rows["dimension"].map(called), **{column: [word[column] for word in words] for column in words[0]})
    spec = charts.bars(rows, "dimension", mean_shown, names=called, strong=tuple(low["dimension"]))
    return shown, says, ready(spec), labels(known, "dimension")


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
        says = _responded(view)
        if says is None:
            st.caption(t("nps.nobody_asked"))
            return
        page.sentence(says)
        scores.uninvited(whole.notes)
        columns = ("grade", "region", "industry", "size")
        names = {column: sentences.column_name(column) for column in columns}
        column = st.pills(
            t("nps.divide"), columns, default="grade", format_func=names.get, key="nps_response_column", required=True, label_visibility="collapsed"
        )
        rows, least, spec = _responded_by(view, column)
        if least:
            page.sentence(least)
        table_columns = {column: Column("nps.group"), **RESPONSES}
        figure(view, spec, t("nps.response_alt"), key="nps_response", rows=rows, columns=table_columns, metrics=(responded,))


@data.told
def _responded(view):
    """Who answered, in a sentence; None where nobody was asked."""
    total = data.answer(view, "response_rate").rows.iloc[0]
    if total["state"] != "value":
        return None
    values = {"rate": total["value"], "customers": total["customer_share"], "revenue": total["revenue_share"]}
    counts = {"n": total["n"], "undelivered": total["undelivered"]}
    told = {name: share(value) for name, value in values.items()} | {name: numbers.count(value) for name, value in counts.items()}
    return t("nps.response_says", **told)


@data.told
def _responded_by(view, column):
    """The groups of a column, which of them answers least, and their figure."""
    rows = grouped(data.answer(view, "response_rate", by=(column,)).rows, column)
    called, says = labels(rows, column), None
    if len(rows) > 1:
        least = rows[rows["state"] == "value"].iloc[-1]
        says = t("nps.response_least", group=plain(called[least[column]]), rate=share(least["value"]))
    sides = [("customer_share", t("nps.of_customers"), theme.ACCENT), ("revenue_share", t("nps.of_revenue"), theme.CAUTION)]
    return named(rows, column), says, ready(charts.pairs(rows, column, sides, share, names=called))


@page.part("nps.silent")
def silent(view):
    """The valuable customers who were asked and did not answer."""
    with page.section("nps.silent", help="nps.silent_help"):
        found = _silent(view)
        if found is None:
            st.caption(t("nps.nobody_asked"))
            return
        says, rows, total = found
        page.sentence(says)
        leading(view, rows, key="nps_silent", total=total, metrics=(data.metric("silent_accounts"),))


@data.told
def _silent(view):
    """How many they are, in a sentence, and their list; None where nobody was asked."""
    found = data.answer(view, "silent_accounts").rows.iloc[0]
    if found["state"] != "value":
        return None
    values = {"n": numbers.count(found["n"]), "of": numbers.count(found["denominator"]), "money": money(found["revenue"])}
    behind = data.rows_behind(view, "silent_accounts")
    return t("nps.silent_says", **values), listing(view, worded(behind.rows), SILENT), behind.total


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
    with page.beside():
        waves(view)
        revenue_by_band(view)
    loops.section(view)
satisfaction(view)
response(view)
silent(view)
