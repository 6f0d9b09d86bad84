"""Where do deals die?"""

from functools import partial

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from ui import behind, data, numbers, page, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure
from ui.table import Column
from ui.words import plain, t

guard("funnel")

CARDS = (
    Card("win_rate"), Card("win_probability"), Card("funnel_to_cash"), Card("lead_conversion"), Card("sales_cycle"), Card("open_pipeline"),
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


@page.part("funnel.stages")
def stages(view):
    """How many deals, or leads, got how far; a stage opens them."""
    with page.section("funnel.stages", help="funnel.stages_help"):
        modes, units = {mode: t(f"funnel.modes.{mode}") for mode in MODES}, {unit: t(f"funnel.units.{unit}") for unit in UNITS}
        with st.container(horizontal=True):
            how = {"required": True, "label_visibility": "collapsed"}
            unit = st.segmented_control(t("funnel.unit"), UNITS, default="deal", format_func=units.get, key="funnel_unit", **how)
            mode = st.segmented_control(t("funnel.counted"), MODES, default="passed", format_func=modes.get, key="funnel_mode", **how)
        answer = data.answer(view, "funnel", mode=mode, unit=unit)
        page.failed_checks(answer)
        if answer.rows.empty:
            page.empty("funnel.none" if unit == "deal" else "funnel.no_leads")
            return
        last = answer.rows.iloc[-1]
        values = {"n": numbers.count(last["n"]), "reached": numbers.count(last["numerator"]), "share": share(last["value"])}
        values["stage"] = plain(spoken.stage(last["stage"]))
        said = t(f"funnel.stages_says.{unit}" if last["state"] == "value" else f"funnel.stages_unknown.{unit}", **values)
        page.sentence(said + " " + narrowest(answer))
        names = spoken.names(answer.rows["stage"], spoken.stage)
        spec = charts.stages(answer.rows, "stage", share, numbers.count, names=names, step=t("funnel.went_on"), unknown=t("states.no_data"))
        metric, alt = data.metric("funnel"), t(f"funnel.stages_alt.{unit}", **values)
        columns = {**STAGES, "numerator": Column("funnel.deals" if unit == "deal" else "funnel.leads", "count")}
        chosen = clickable(
            view, spec, alt, names, key="funnel_stages", prompt="funnel.choose_stage", rows=in_words(answer.rows), columns=columns, metrics=(metric,)
        )
        if chosen:
            listed(view, "funnel", DEALS if unit == "deal" else LEADS_THERE, "funnel_deals", {"stage": chosen}, mode=mode, unit=unit)


def narrowest(answer) -> str:
    step = answer.notes.get("narrowest")
    return t("funnel.narrowest", origin=plain(spoken.stage(step["from"])), target=plain(spoken.stage(step["to"])), share=share(step["step"])) if step else ""


@page.part("funnel.times")
def times(view):
    """Where deals wait, and whether longer than before."""
    with page.section("funnel.times", help="funnel.times_help"):
        answer = data.answer(view, "time_in_stage")
        rows = answer.rows[answer.rows["state"] == "value"]
        if rows.empty:
            page.empty("funnel.no_times")
            return
        alarms = rows[rows["alarm"].astype(bool)]
        for alarm in alarms.itertuples():
            st.warning(
                t("funnel.alarm_says", stage=plain(spoken.stage(alarm.stage)), now=days(alarm.value), before=days(alarm.before)),
                icon=":material/hourglass_top:",
            )
        if alarms.empty:
            page.sentence(t("funnel.no_alarm"))
        options = spoken.names(rows["stage"], spoken.stage)
        spec = charts.bars(rows, "stage", days, names=options, strong=tuple(alarms["stage"]))
        metric = data.metric("time_in_stage")
        chosen = clickable(
            view, spec, t("funnel.times_alt"), options, key="funnel_times", prompt="funnel.choose_stage", rows=in_words(rows), columns=TIMES, metrics=(metric,)
        )
        if chosen:
            listed(view, "time_in_stage", {"waited_days": Column("behind.waited", "days"), **DEALS}, "funnel_waiting", {"stage": chosen})


@page.part("funnel.winning")
def winning(view):
    """The three win rates, and the one without a bias as a curve over the age of a deal."""
    with page.section("funnel.winning", help="funnel.winning_help"):
        answer, plainly, ended = data.answer(view, "win_incidence"), data.answer(view, "win_rate"), data.answer(view, "win_probability")
        if answer.rows.empty:
            page.empty("funnel.none")
            return
        rate, end = plainly.rows.iloc[0], ended.rows.iloc[0]
        values = {"closed": share(rate["value"]), "all": share(rate["of_all"]), "open": numbers.count(rate["open"])}
        page.sentence(t("funnel.winning_says", **values, true=share(end["value"]), days=numbers.count(end["horizon_days"])))
        spec = charts.curve(answer.rows, "day", share, lambda day: t("funnel.at_day", n=numbers.count(day)), title=t("funnel.age"))
        alt = t("funnel.winning_alt", share=share(end["value"]), days=numbers.count(end["horizon_days"]))
        figure(view, spec, alt, key="funnel_winning", rows=answer.rows, columns=CURVE, metrics=(data.metric("win_incidence"),))


@page.part("funnel.stalled")
def stalled(view):
    """Open deals that do not move, those with good notes apart."""
    with page.section("funnel.stalled", help="funnel.stalled_help"):
        answer = data.answer(view, "stalled")
        found = answer.rows.iloc[0]
        if found["state"] != "value":
            page.empty("funnel.no_open")
            return
        values = {"n": numbers.count(found["n"]), "open": numbers.count(found["denominator"]), "days": numbers.count(answer.notes["days"])}
        page.sentence(
            t("funnel.stalled_says", **values, amount=money(found["amount"]), whole=money(found["open_amount"]), honest=numbers.count(found["honest"]))
        )
        idle = data.rows_behind(view, "stalled")
        only = st.toggle(t("funnel.only_honest"), key="funnel_honest")
        rows = idle.rows.sort_values("amount_reporting", ascending=False, na_position="last")
        rows, total = (rows[rows["is_honest"].astype(bool)], None) if only else (rows, idle.total)
        behind.leading(view, in_words(rows), STALLED, key="funnel_stalled", total=total, metrics=(data.metric("stalled"),))


@page.part("funnel.reasons")
def reasons(view):
    """Why deals were lost, by how far they had come."""
    with page.section("funnel.reasons", help="funnel.reasons_help"):
        answer = data.answer(view, "lost_reasons")
        rows = answer.rows[answer.rows["state"] == "value"]
        if rows.empty:
            page.empty("funnel.none_lost")
            return
        names = {None: t("funnel.no_reason"), **spoken.names(rows["stage"], spoken.stage)}
        most = rows.sort_values("numerator").iloc[-1]
        said = {"reason": plain(names[None] if pd.isna(most["lost_reason"]) else most["lost_reason"]), "stage": plain(spoken.stage(most["stage"]))}
        page.sentence(t("funnel.reasons_says", **said, n=numbers.count(most["numerator"]), base=numbers.count(most["n"]), share=share(most["value"])))
        spec = charts.heat(
            numbers.together(rows),
            "stage",
            "lost_reason",
            share,
            names=names,
            hover=lambda cell: t("funnel.of_base", n=numbers.count(cell["numerator"]), base=numbers.count(cell["n"])),
        )
        figure(view, spec, t("funnel.reasons_alt", **said), key="funnel_reasons", rows=in_words(rows), columns=REASONS, metrics=(data.metric("lost_reasons"),))
        stage, reason = st.columns(2)
        chosen = stage.selectbox(
            t("funnel.choose_stage"),
            list(dict.fromkeys(rows["stage"])),
            format_func=names.get,
            index=None,
            key="funnel_lost_stage",
            placeholder=t("chart.pick"),
        )
        why = {**dict.fromkeys(rows["lost_reason"].dropna()), **({None: None} if rows["lost_reason"].isna().any() else {})}
        labels = {value: names.get(value, value) for value in why}
        because = reason.selectbox(
            t("funnel.choose_reason"), [ANY, *labels], format_func=lambda value: t("funnel.any") if value == ANY else labels[value], key="funnel_lost_reason"
        )
        if chosen:
            listed(view, "lost_reasons", LOST, "funnel_lost", {"stage": chosen, **({} if because == ANY else {"lost_reason": because})})


ANY = "*"  # every reason: no reason of a source is called so
LOST = {**{name: column for name, column in DEALS.items() if name not in ("reached_stage", "outcome")}, "stage": Column("funnel.furthest")}


@page.part("funnel.sources")
def sources(view):
    """Which sources' leads become deals."""
    with page.section("funnel.sources", help="funnel.sources_help"):
        answer, whole = data.answer(view, "lead_conversion", by=("source_channel",)), data.answer(view, "lead_conversion").rows.iloc[0]
        rows = answer.rows[answer.rows["state"] == "value"].sort_values("value", ascending=False)
        if rows.empty:
            page.empty("funnel.no_leads")
            return
        names = spoken.names(rows["source_channel"])
        best, worst = rows.iloc[0], rows.iloc[-1]
        values = {
            "best": plain(names.get(best["source_channel"], names.get(None))),
            "worst": plain(names.get(worst["source_channel"], names.get(None))),
            "high": share(best["value"]),
            "low": share(worst["value"]),
        }
        page.sentence(t("funnel.sources_says", all=share(whole["value"]), n=numbers.count(whole["n"]), **values))
        spec = charts.forest(
            rows, "source_channel", share, names=names, reference=whole["value"], reference_label=t("funnel.all", value=share(whole["value"])), tick=".0%"
        )
        metric = data.metric("lead_conversion")
        chosen = clickable(
            view, spec, t("funnel.sources_alt"), names, key="funnel_sources", prompt="funnel.choose_source", rows=rows, columns=SOURCES, metrics=(metric,)
        )
        if chosen is not None:
            listed(view, "lead_conversion", LEADS, "funnel_leads", {"source_channel": chosen})


@page.part("funnel.forecast")
def forecast(view):
    """What the open deals will bring, and whether such promises have held."""
    with page.section("funnel.forecast", help="funnel.forecast_help"):
        answer, tested = data.answer(view, "forecast", base="open"), data.answer(view, "forecast_calibration")
        page.failed_checks(answer)
        found = answer.rows.iloc[0]
        if found["state"] != "value":
            page.empty("funnel.no_open")
            return
        values = {"expected": money(found["expected"]), "open": money(found["open"]), "won": money(found["won"]), "value": money(found["value"])}
        page.sentence(t("funnel.forecast_says", **values))
        if found["unscored"]:
            st.caption(t("funnel.unscored", amount=money(found["unscored"])))
        box = st.expander(t("funnel.forecast_deals"), key="funnel_forecast_box", on_change="rerun", type="compact", icon=":material/table_rows:")
        if box.open:
            with box:
                listed(view, "forecast", DEALS, "funnel_forecast_deals", {}, base="open")
        if tested.rows.empty:
            st.caption(t("funnel.untested"))
            return
        spec = charts.calibration(
            tested.rows, "stage", share, names=spoken.names(tested.rows["stage"], spoken.stage), promised=t("funnel.promised"), came=t("funnel.came")
        )
        figure(
            view,
            spec,
            t("funnel.forecast_alt"),
            key="funnel_forecast",
            rows=in_words(tested.rows),
            columns=PROMISES,
            metrics=(data.metric("forecast_calibration"),),
        )


row(view, CARDS)
stages(view)
left, right = st.columns(2)
with left:
    times(view)
with right:
    winning(view)
stalled(view)
left, right = st.columns(2)
with left:
    reasons(view)
with right:
    sources(view)
forecast(view)
