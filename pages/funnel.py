"""Where do deals die?"""

from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts.checked import Checked
from ui import behind, data, numbers, page, spoken
from ui.cards import PAID, Card, row
from ui.figure import clickable, figure, ready
from ui.table import Column, listing
from ui.words import plain, t

guard("funnel")

CARDS = (
    Card("win_rate"), Card("win_probability"), PAID, Card("lead_conversion"), Card("sales_cycle"), Card("open_pipeline"),
    Card("forecast", trend=False), Card("stalled", trend=False),
)  # fmt: skip
MODES = ("passed", "strict", "any")
UNITS = ("deal", "lead")
DEALS = {
    "deal_id": Column("funnel.deal"), "customer": Column("funnel.customer"), "owner": Column("funnel.owner"), "reached_stage": Column("funnel.furthest"),
    "outcome": Column("funnel.outcome"), "amount_reporting": Column("funnel.amount", "money"), "created_on": Column("funnel.created_on"),
    "closed_on": Column("funnel.closed_on"), "lost_reason": Column("funnel.reason"), "source_channel": Column("funnel.source"),
}  # fmt: skip
STAGES = {
    "stage": Column("funnel.stage"), "numerator": Column("funnel.deals", "count"), "value": Column("funnel.of_all", "share"),
    "low": Column("funnel.low", "share"), "high": Column("funnel.high", "share"), "step": Column("funnel.of_step", "share"),
    "step_low": Column("funnel.low", "share"), "step_high": Column("funnel.high", "share"), "amount": Column("funnel.amount", "money"),
    "unconverted": Column("funnel.unconverted", "count"),
}  # fmt: skip
TIMES = {
    "stage": Column("funnel.stage"), "value": Column("funnel.median", "days"), "low": Column("funnel.low", "days"), "high": Column("funnel.high", "days"),
    "q1": Column("funnel.q1", "days"), "q3": Column("funnel.q3", "days"), "mean": Column("funnel.mean", "days", "funnel.mean_help"),
    "before": Column("funnel.before", "days"), "p": Column("funnel.p", "ratio"), "n": Column("funnel.deals", "count"),
    "open": Column("funnel.still_there", "count"), "alarm": Column("funnel.alarm"),
}  # fmt: skip
CURVE = {
    "day": Column("funnel.day", "count"), "value": Column("metrics.win_probability.name", "share"), "low": Column("funnel.low", "share"),
    "high": Column("funnel.high", "share"), "lost": Column("funnel.lost_by", "share"), "at_risk": Column("funnel.at_risk", "count"),
}  # fmt: skip
STALLED = {
    "customer": Column("funnel.customer"), "deal_id": Column("funnel.deal"), "owner": Column("funnel.owner"), "reached_stage": Column("funnel.stage"),
    "idle_days": Column("funnel.idle", "count"), "amount_reporting": Column("funnel.amount", "money"), "is_honest": Column("funnel.honest"),
    "good_notes": Column("funnel.good_notes", "count"), "last_good_on": Column("funnel.last_good_on"), "created_on": Column("funnel.created_on"),
}  # fmt: skip
REASONS = {
    "stage": Column("funnel.stage"), "lost_reason": Column("funnel.reason"), "numerator": Column("funnel.deals", "count"),
    "value": Column("funnel.of_lost", "share"), "low": Column("funnel.low", "share"), "high": Column("funnel.high", "share"),
    "amount": Column("funnel.amount", "money"),
}  # fmt: skip
SOURCES = {
    "source_channel": Column("funnel.source"), "n": Column("funnel.leads", "count"), "deals": Column("funnel.became_deal", "count"),
    "won": Column("funnel.became_won", "count"), "value": Column("metrics.lead_conversion.name", "share"), "low": Column("funnel.low", "share"),
    "high": Column("funnel.high", "share"),
}  # fmt: skip
LEADS = {
    "lead_id": Column("funnel.lead"), "customer": Column("funnel.customer"), "source_channel": Column("funnel.source"), "status": Column("funnel.status"),
    "created_on": Column("funnel.created_on"), "became_deal": Column("funnel.became_deal"), "became_won": Column("funnel.became_won"),
}  # fmt: skip
LEADS_THERE = {
    "lead_id": Column("funnel.lead"), "customer": Column("funnel.customer"), "source_channel": Column("funnel.source"), "status": Column("funnel.status"),
    "outcome": Column("funnel.outcome"), "amount_reporting": Column("funnel.amount", "money"), "created_on": Column("funnel.created_on"),
}  # fmt: skip
PROMISES = {
    "stage": Column("funnel.stage"), "predicted": Column("funnel.promised", "share"), "value": Column("funnel.came", "share"),
    "low": Column("funnel.low", "share"), "high": Column("funnel.high", "share"), "n": Column("funnel.closed_deals", "count"),
}  # fmt: skip

view = page.begin("funnel")
share, days, money = (partial(numbers.shown, unit=unit, currency=view.currency) for unit in ("share", "days", "money"))


def in_words(rows):
    return spoken.in_words(rows, spoken.stage, "stage", "reached_stage")


def listed(view, metric: str, columns: dict, key: str, where: dict, **options) -> None:
    """The rows behind a number, under a heading that says which."""
    behind.rows(view, metric, columns, key=key, where=where, **options)


class Stages(NamedTuple):
    """How many got how far: a sentence, the figure, what it says, which stages can be opened, and their rows in words."""

    says: str
    spec: Checked
    alt: str
    opens: dict[str, str]
    rows: pd.DataFrame


@data.told
def _stages(view, mode: str, unit: str) -> Stages | None:
    """None where there is none of the unit."""
    answer = data.answer(view, "funnel", mode=mode, unit=unit)
    if answer.rows.empty:
        return None
    last = answer.rows.iloc[-1]
    values = {"n": numbers.count(last["n"]), "reached": numbers.count(last["numerator"]), "share": share(last["value"])}
    values["stage"] = plain(spoken.stage(last["stage"]))
    said = t(f"funnel.stages_says.{unit}" if last["state"] == "value" else f"funnel.stages_unknown.{unit}", **values)
    names = spoken.names(answer.rows["stage"], spoken.stage)
    spec = charts.stages(answer.rows, "stage", share, numbers.count, names=names, step=t("funnel.went_on"), unknown=t("states.no_data"))
    return Stages(said + " " + narrowest(answer), ready(spec), t(f"funnel.stages_alt.{unit}", **values), names, in_words(answer.rows))


@page.part("funnel.stages")
def stages(view):
    """How many deals, or leads, got how far; a stage opens them."""
    with page.section("funnel.stages", help="funnel.stages_help"):
        modes, units = {mode: t(f"funnel.modes.{mode}") for mode in MODES}, {unit: t(f"funnel.units.{unit}") for unit in UNITS}
        with st.container(horizontal=True):
            how = {"required": True, "label_visibility": "collapsed", "wrap": True}
            unit = st.segmented_control(t("funnel.unit"), UNITS, default="deal", format_func=units.get, key="funnel_unit", **how)
            mode = st.segmented_control(t("funnel.counted"), MODES, default="passed", format_func=modes.get, key="funnel_mode", **how)
        page.failed_checks(data.answer(view, "funnel", mode=mode, unit=unit))
        found = _stages(view, mode, unit)
        if found is None:
            page.empty("funnel.none" if unit == "deal" else "funnel.no_leads")
            return
        page.sentence(found.says)
        columns = {**STAGES, "numerator": Column("funnel.deals" if unit == "deal" else "funnel.leads", "count")}
        shown = {"rows": found.rows, "columns": columns, "metrics": (data.metric("funnel"),)}
        chosen = clickable(view, found.spec, found.alt, found.opens, key="funnel_stages", prompt="funnel.choose_stage", **shown)
        if chosen:
            listed(view, "funnel", DEALS if unit == "deal" else LEADS_THERE, "funnel_deals", {"stage": chosen}, mode=mode, unit=unit)


def narrowest(answer) -> str:
    step = answer.notes.get("narrowest")
    return t("funnel.narrowest", origin=plain(spoken.stage(step["from"])), target=plain(spoken.stage(step["to"])), share=share(step["step"])) if step else ""


@data.told
def _times(view):
    """Alarms in words, the figure, which stages can be opened, and their rows in words; None where no stage has a time."""
    rows = data.answer(view, "time_in_stage").rows
    rows = rows[rows["state"] == "value"]
    if rows.empty:
        return None
    alarms, options = rows[rows["alarm"].astype(bool)], spoken.names(rows["stage"], spoken.stage)
    said = [t("funnel.alarm_says", stage=plain(spoken.stage(alarm.stage)), now=days(alarm.value), before=days(alarm.before)) for alarm in alarms.itertuples()]
    return said, ready(charts.bars(rows, "stage", days, names=options, strong=tuple(alarms["stage"]))), options, in_words(rows)


@page.part("funnel.times")
def times(view):
    """Where deals wait, and whether longer than before."""
    with page.section("funnel.times", help="funnel.times_help"):
        found = _times(view)
        if found is None:
            page.empty("funnel.no_times")
            return
        alarms, spec, options, rows = found
        for alarm in alarms:
            st.warning(alarm, icon=":material/hourglass_top:")
        if not alarms:
            page.sentence(t("funnel.no_alarm"))
        shown = {"rows": rows, "columns": TIMES, "metrics": (data.metric("time_in_stage"),)}
        chosen = clickable(view, spec, t("funnel.times_alt"), options, key="funnel_times", prompt="funnel.choose_stage", **shown)
        if chosen:
            listed(view, "time_in_stage", {"waited_days": Column("behind.waited", "days"), **DEALS}, "funnel_waiting", {"stage": chosen})


@data.told
def _winning(view):
    """The three rates in a sentence, the curve, what it says, and its rows; None where there are no deals."""
    rows, plainly, ended = (data.answer(view, name).rows for name in ("win_incidence", "win_rate", "win_probability"))
    if rows.empty:
        return None
    rate, end = plainly.iloc[0], ended.iloc[0]
    values = {"closed": share(rate["value"]), "all": share(rate["of_all"]), "open": numbers.count(rate["open"])}
    true, horizon = share(end["value"]), numbers.count(end["horizon_days"])
    spec = charts.curve(rows, "day", share, lambda day: t("funnel.at_day", n=numbers.count(day)), title=t("funnel.age"))
    return t("funnel.winning_says", **values, true=true, days=horizon), ready(spec), t("funnel.winning_alt", share=true, days=horizon), rows


@page.part("funnel.winning")
def winning(view):
    """The three win rates, and the one without a bias as a curve over the age of a deal."""
    with page.section("funnel.winning", help="funnel.winning_help"):
        found = _winning(view)
        if found is None:
            page.empty("funnel.none")
            return
        says, spec, alt, rows = found
        page.sentence(says)
        figure(view, spec, alt, key="funnel_winning", rows=rows, columns=CURVE, metrics=(data.metric("win_incidence"),))


@data.told
def _stalled(view) -> str | None:
    """How many deals do not move, in a sentence; None where none is open."""
    answer = data.answer(view, "stalled")
    found = answer.rows.iloc[0]
    if found["state"] != "value":
        return None
    values = {"n": numbers.count(found["n"]), "open": numbers.count(found["denominator"]), "days": numbers.count(answer.notes["days"])}
    amounts = {"amount": money(found["amount"]), "whole": money(found["open_amount"])}
    return t("funnel.stalled_says", **values, **amounts, honest=numbers.count(found["honest"]))


@data.told
def _idle(view, is_honest: bool):
    """The deals that do not move, or those of them with good notes, and how many there are."""
    idle = data.rows_behind(view, "stalled", honest=is_honest)
    return listing(view, in_words(idle.rows), STALLED), idle.total


@page.part("funnel.stalled")
def stalled(view):
    """Open deals that do not move, those with good notes apart."""
    with page.section("funnel.stalled", help="funnel.stalled_help"):
        says = _stalled(view)
        if says is None:
            page.empty("funnel.no_open")
            return
        page.sentence(says)
        rows, total = _idle(view, st.toggle(t("funnel.only_honest"), key="funnel_honest"))
        behind.leading(view, rows, key="funnel_stalled", total=total, metrics=(data.metric("stalled"),))


class Reasons(NamedTuple):
    """Why deals were lost: a sentence, the figure, what it says, its rows in words, and the stages and reasons to choose from."""

    says: str
    spec: Checked
    alt: str
    rows: pd.DataFrame
    stages: dict[str, str]
    reasons: dict[str | None, str]


@data.told
def _reasons(view) -> Reasons | None:
    """None where no deal was lost."""
    rows = data.answer(view, "lost_reasons").rows
    rows = rows[rows["state"] == "value"]
    if rows.empty:
        return None
    names = {None: t("funnel.no_reason"), **spoken.names(rows["stage"], spoken.stage)}
    most = rows.sort_values("numerator").iloc[-1]
    said = {"reason": plain(names[None] if pd.isna(most["lost_reason"]) else most["lost_reason"]), "stage": plain(spoken.stage(most["stage"]))}
    says = t("funnel.reasons_says", **said, n=numbers.count(most["numerator"]), base=numbers.count(most["n"]), share=share(most["value"]))
    of_base = lambda cell: t("funnel.of_base", n=numbers.count(cell["numerator"]), base=numbers.count(cell["n"]))  # noqa: E731
    spec = charts.heat(numbers.together(rows), "stage", "lost_reason", share, names=names, hover=of_base)
    stages = {stage: names.get(stage) for stage in rows["stage"]}
    why = {**dict.fromkeys(rows["lost_reason"].dropna()), **({None: None} if rows["lost_reason"].isna().any() else {})}
    return Reasons(says, ready(spec), t("funnel.reasons_alt", **said), in_words(rows), stages, {value: names.get(value, value) for value in why})


@page.part("funnel.reasons")
def reasons(view):
    """Why deals were lost, by how far they had come."""
    with page.section("funnel.reasons", help="funnel.reasons_help"):
        found = _reasons(view)
        if found is None:
            page.empty("funnel.none_lost")
            return
        page.sentence(found.says)
        figure(view, found.spec, found.alt, key="funnel_reasons", rows=found.rows, columns=REASONS, metrics=(data.metric("lost_reasons"),))
        stage, reason = st.columns(2)
        chosen = stage.selectbox(
            t("funnel.choose_stage"), list(found.stages), format_func=found.stages.get, index=None, key="funnel_lost_stage", placeholder=t("chart.pick")
        )
        labels = {ANY: t("funnel.any"), **found.reasons}
        because = reason.selectbox(t("funnel.choose_reason"), list(labels), format_func=labels.get, key="funnel_lost_reason")
        if chosen:
            listed(view, "lost_reasons", LOST, "funnel_lost", {"stage": chosen, **({} if because == ANY else {"lost_reason": because})})


ANY = "*"  # every reason: no reason of a source is called so
LOST = {**{name: column for name, column in DEALS.items() if name not in ("reached_stage", "outcome")}, "stage": Column("funnel.furthest")}


@data.told
def _sources(view):
    """The best and the worst source in a sentence, the figure, which sources can be opened, and their rows; None where there are no leads."""
    rows, whole = data.answer(view, "lead_conversion", by=("source_channel",)).rows, data.answer(view, "lead_conversion").rows.iloc[0]
    rows = rows[rows["state"] == "value"].sort_values("value", ascending=False)
    if rows.empty:
        return None
    names, everybody = spoken.names(rows["source_channel"]), share(whole["value"])
    best, worst = rows.iloc[0], rows.iloc[-1]
    ends = {end: plain(names.get(row["source_channel"], names.get(None))) for end, row in {"best": best, "worst": worst}.items()}
    says = t("funnel.sources_says", all=everybody, n=numbers.count(whole["n"]), **ends, high=share(best["value"]), low=share(worst["value"]))
    line = {"reference": whole["value"], "reference_label": t("funnel.all", value=everybody)}
    return says, ready(charts.forest(rows, "source_channel", share, names=names, **line, tick=".0%")), names, rows


@page.part("funnel.sources")
def sources(view):
    """Which sources' leads become deals."""
    with page.section("funnel.sources", help="funnel.sources_help"):
        found = _sources(view)
        if found is None:
            page.empty("funnel.no_leads")
            return
        says, spec, names, rows = found
        page.sentence(says)
        shown = {"rows": rows, "columns": SOURCES, "metrics": (data.metric("lead_conversion"),)}
        chosen = clickable(view, spec, t("funnel.sources_alt"), names, key="funnel_sources", prompt="funnel.choose_source", **shown)
        if chosen is not None:
            listed(view, "lead_conversion", LEADS, "funnel_leads", {"source_channel": chosen})


@data.told
def _expected(view):
    """What the open deals will bring, in a sentence, and a note on those that cannot be told; None where none is open."""
    found = data.answer(view, "forecast", base="open").rows.iloc[0]
    if found["state"] != "value":
        return None
    amounts = {name: money(found[name]) for name in ("expected", "open", "won", "value")}
    return t("funnel.forecast_says", **amounts), t("funnel.unscored", amount=money(found["unscored"])) if found["unscored"] else None


@data.told
def _held(view):
    """Whether such promises have held, as a figure and its rows in words; None where that has not been tried."""
    rows = data.answer(view, "forecast_calibration").rows
    if rows.empty:
        return None
    words = {"names": spoken.names(rows["stage"], spoken.stage), "promised": t("funnel.promised"), "came": t("funnel.came")}
    return ready(charts.calibration(rows, "stage", share, **words)), in_words(rows)


@page.part("funnel.forecast")
def forecast(view):
    """What the open deals will bring, and whether such promises have held."""
    with page.section("funnel.forecast", help="funnel.forecast_help"):
        answer, held = data.answer(view, "forecast", base="open"), _held(view)
        page.failed_checks(answer)
        expected = _expected(view)
        if expected is None:
            page.empty("funnel.no_open")
            return
        says, unscored = expected
        page.sentence(says)
        if unscored:
            st.caption(unscored)
        box = st.expander(t("funnel.forecast_deals"), key="funnel_forecast_box", on_change="rerun", type="compact", icon=":material/table_rows:")
        if box.open:
            with box:
                listed(view, "forecast", DEALS, "funnel_forecast_deals", {}, base="open")
        if held is None:
            st.caption(t("funnel.untested"))
            return
        spec, rows = held
        metrics = (data.metric("forecast_calibration"),)
        figure(view, spec, t("funnel.forecast_alt"), key="funnel_forecast", rows=rows, columns=PROMISES, metrics=metrics)


row(view, CARDS)
stages(view)
with page.beside():
    times(view)
    winning(view)
stalled(view)
with page.beside():
    reasons(view)
    sources(view)
forecast(view)
