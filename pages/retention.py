"""Do they stay?"""

from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts.checked import Checked
from metrics.cohorts import has_days
from metrics.period import Period
from ui import behind, data, numbers, page, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure, ready
from ui.table import Column, listing, table
from ui.words import name_of, t, value_of

guard("retention")

CARDS = {
    "recurring": (
        Card("retention"), Card("nrr"), Card("grr"), Card("first_month_retention"),
        Card("logo_churn", trend=False), Card("quick_ratio", trend=False),
    ),
    "purchases": (Card("retention"), Card("first_month_retention")),
}  # fmt: skip
HORIZONS = ("12", "3", "1", "period")
SEGMENTS = ("region", "industry", "grade", "size", "channel")
MOST_CURVES = 5
MODES, CLOCKS, BASES = ("on", "on_or_after", "on_or_before"), ("calendar", "rolling"), ("auto", "purchases", "recurring", "first_contact")
MOVES = ("expansion", "contraction", "churn", "new", "reactivation")
STATES = ("active", "reactivated", "at_risk", "lapsed")
SERIES = {
    "period": Column("retention.step"), "value": Column("retention.value", "share"), "low": Column("retention.low", "share"),
    "high": Column("retention.high", "share"), "n": Column("retention.customers", "count"), "complete": Column("retention.complete"),
}  # fmt: skip
BRIDGE = {"step": Column("retention.bridge_step"), "value": Column("retention.a_month", "money"), "n": Column("retention.customers", "count")}
LEDGER = {
    "customer": Column("retention.customer"), "kind": Column("retention.kind"), "reason": Column("retention.reason"),
    "value": Column("retention.change", "money"), "opening": Column("retention.opening", "money"), "closing": Column("retention.closing", "money"),
    "agreements_before": Column("retention.agreements_before", "count"), "agreements_after": Column("retention.agreements_after", "count"),
    "left_between": Column("retention.left_between"),
}  # fmt: skip
TRIANGLE = {
    "cohort": Column("retention.cohort"), "age": Column("retention.age", "count"), "value": Column("retention.value", "share"),
    "low": Column("retention.low", "share"), "high": Column("retention.high", "share"), "numerator": Column("retention.active", "count"),
    "n": Column("retention.reached", "count"), "size": Column("retention.size", "count"), "cell": Column("retention.cell_state"),
    "so_far": Column("retention.so_far", "count"),
}  # fmt: skip
BEGUN = {"customer": Column("retention.customer"), "begun_on": Column("retention.begun_on"), "last_active_on": Column("retention.last_active_on")}
CURVE = {
    "age": Column("retention.months", "count"), "value": Column("retention.still_there", "share"), "low": Column("retention.low", "share"),
    "high": Column("retention.high", "share"), "n": Column("retention.at_risk", "count"), "numerator": Column("retention.leavers", "count"),
}  # fmt: skip
CUTS = {
    "cut_days": Column("retention.cut", "count"), "flagged_share": Column("retention.flagged", "share"), "value": Column("retention.really_lost", "share"),
    "low": Column("retention.low", "share"), "high": Column("retention.high", "share"),
    "wrongly_flagged": Column("retention.wrongly", "share"), "n": Column("retention.flagged_n", "count"), "buyers": Column("retention.buyers", "count"),
}  # fmt: skip
SILENT = {
    "customer": Column("retention.customer"), "status": Column("retention.status"), "silence": Column("retention.silence_days", "count"),
    "revenue": Column("retention.revenue_year", "money"),
}  # fmt: skip
ACTIVITY = {
    "status": Column("retention.status"), "value": Column("retention.value", "share"), "numerator": Column("retention.customers", "count"),
    "revenue": Column("retention.revenue_year", "money"),
}  # fmt: skip
RENEWALS = {
    "period": Column("retention.step"), "value": Column("retention.a_month", "money"), "n": Column("retention.agreements", "count"),
    "customers": Column("retention.customers", "count"),
}  # fmt: skip
AGREEMENTS = {
    "customer": Column("retention.customer"), "product": Column("retention.product"), "due_on": Column("retention.due_on"),
    "amount": Column("retention.a_month", "money"), "status": Column("retention.agreement_status"),
}  # fmt: skip

view = page.begin("retention")


def share(value) -> str:
    return numbers.shown(value, "share")


def money(value) -> str:
    return numbers.shown(value, "money", view.currency)


def choice(label: str, options, key: str, words: str, default=None):
    """One of a few, each called by the glossary's word `retention.<words>.<option>`."""
    return st.segmented_control(
        t(label), options, default=default or options[0], format_func=lambda option: t(f"retention.{words}.{option}"), key=key, required=True, wrap=True
    )


def drilled(view, spec: Checked, alt: str, options: dict, part: str, prompt: str, rows: pd.DataFrame, columns: dict, metric) -> str | None:
    """A figure whose marks open the customers behind them; returns the mark chosen."""
    return clickable(view, spec, alt, options, key=f"retention_{part}", prompt=f"retention.{prompt}", rows=rows, columns=columns, metrics=(metric,))


def worded(rows: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """`rows` with codes in words: column → group of the glossary."""
    return rows.assign(**{name: [t(f"retention.{group}.{code}") for code in rows[name]] for name, group in columns.items() if name in rows})


def answer_first(view, kind: str) -> None:
    """The page's question answered in one or two sentences."""
    page.failed_checks(data.answer(view, "retention"))
    page.sentence(_stayed(view, kind))


@data.told
def _stayed(view, kind):
    """How many stayed, and what that is in money where there are contracts."""
    first = data.answer(view, "retention").rows.iloc[0]
    if first["state"] != "value":
        return t(f"retention.unknown_{kind}")
    said = t(f"retention.says_{kind}", n=numbers.count(first["n"]), kept=numbers.count(first["numerator"]), share=share(first["value"]))
    if kind == "recurring":
        net, gross = (data.answer(view, name).rows.iloc[0] for name in ("nrr", "grr"))
        said += " " + t("retention.says_money", net=share(net["value"]), gross=share(gross["value"])) if net["state"] == "value" else ""
    return said


@page.part("retention.over_time")
def over_time(view, names: tuple[str, ...]):
    """A rate by step: the trailing year at the end of each."""
    with page.section("retention.over_time", help="retention.over_time_help"):
        called = {name: name_of(data.metric(name)) for name in names}
        chosen = st.pills(
            t("overview.choose"), names, default=names[0], format_func=called.get, key="retention_metric", required=True, label_visibility="collapsed"
        )
        found = _series(view, chosen)
        if found is None:
            page.empty("retention.no_series")
            return
        rows, spec, alt = found
        figure(view, spec, alt, key="retention_series", rows=rows, columns=SERIES, metrics=(data.metric(chosen),))


@data.told
def _series(view, name):
    """A rate's series, its figure and what that says; None where it has no value."""
    metric, answer = data.metric(name), data.answer(view, name, grain=view.grain)
    if not answer.rows["value"].notna().any():
        return None
    spec = charts.line(answer.rows, share, grain=view.grain, tick=".0%", step=lambda day: numbers.step(day, view.grain))
    return answer.rows, ready(spec), page.course(name_of(metric), answer, metric, view)


@page.part("retention.bridge")
def bridge(view):
    """From then to now: what grew, shrank and left, new and returned customers apart."""
    with page.section("retention.bridge", help="retention.bridge_help"):
        horizon = choice("retention.horizon", HORIZONS, "retention_horizon", "horizons")
        page.failed_checks(data.answer(view, "nrr_bridge", horizon=horizon))
        steps = _steps(view, horizon)
        if steps is None:
            page.empty("retention.no_opening")
            return
        page.sentence(steps.says)
        options = {step: t(f"retention.steps.{step}") for step in MOVES}
        chosen = drilled(view, steps.chart, steps.alt, options, "bridge", "choose_step", steps.rows, BRIDGE, data.metric("nrr_bridge"))
        if chosen:
            listed_movements(view, "retention_bridge_rows", horizon, chosen)


class Told(NamedTuple):
    """What there is to say, a figure, what that says, and its rows in words."""

    says: str
    chart: Checked
    alt: str
    rows: pd.DataFrame


@data.told
def _steps(view, horizon):
    """From then to now; None where there was nothing then."""
    rows = data.answer(view, "nrr_bridge", horizon=horizon).rows
    steps = rows.set_index("step")
    if not steps.loc["opening", "value"]:
        return None
    figures = {step: money(steps.loc[step, "value"]) for step in ("opening", "retained", "closing")}
    says = t("retention.bridge_says", **figures, lost=numbers.count(steps.loc["churn", "n"]))
    spec = charts.bridge(rows, "step", money, names={step: t(f"retention.steps.{step}") for step in rows["step"]})
    return Told(says, ready(spec), t("retention.bridge_alt", **figures), worded(rows, step="steps"))


def listed_movements(view, key: str, horizon: str, kind: str) -> None:
    answer = data.answer(view, "movements", horizon=horizon, kind=kind)
    page.failed_checks(answer)
    whole = lambda: in_kinds(answer.rows)  # noqa: E731
    rows, metric = _movements(view, horizon, kind), data.metric("movements")
    behind.leading(view, rows, key=key, metrics=(metric,), total=len(answer.rows), whole=whole)


def in_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    return worded(rows, kind="kinds", reason="reasons")


@data.told
def _movements(view, horizon, kind):
    """The movements of a kind as a list."""
    return listing(view, in_kinds(data.answer(view, "movements", horizon=horizon, kind=kind).rows.head(data.MOST_ROWS)), LEDGER)


@page.part("retention.movements")
def movements(view):
    """Every customer whose recurring value moved in the period, and why."""
    with page.section("retention.movements", help="retention.movements_help"):
        kinds = ("", *MOVES, "joined_and_left", "kept")
        kind = st.pills(
            t("retention.kind"), kinds, default="", format_func=lambda name: t(f"retention.kinds.{name or 'all'}"), key="retention_kind", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        listed_movements(view, "retention_movements", "period", kind)


@page.part("retention.cohorts")
def cohorts(view, kind):
    """The triangle of cohorts: who began together, and who of them is still active. kind: what "automatic" means here."""
    with page.section("retention.cohorts", help="retention.cohorts_help"):
        with st.container(horizontal=True):
            basis = choice("retention.basis", BASES, "retention_basis", "bases")
            by_day = has_days(kind if basis == "auto" else basis)
            mode = choice("retention.mode", MODES, "retention_mode", "modes")
            clock = choice("retention.clock", CLOCKS, "retention_clock", "clocks") if by_day else "calendar"
            average = choice("retention.average", ("pooled", "simple"), "retention_average", "averages")
        options = {"basis": basis, "mode": mode, "clock": clock, "average": average}
        grain = view.grain if view.grain in ("month", "quarter", "year") or (by_day and view.grain == "week") else "month"
        found = _triangle(view, grain, tuple(options.items()))
        if found is None:
            page.empty("retention.no_cohorts")
            return
        says, spec, rows, starts = found
        if says:
            page.sentence(says)
        if mode == "on_or_after":
            st.caption(t("retention.provisional"))
        figure(view, spec, t("retention.cohorts_alt"), key="retention_cohorts", rows=rows, columns=TRIANGLE, metrics=(data.metric("cohorts"),))
        st.caption(t("retention.cells_legend", step=t(f"retention.ages.{grain}")))
        chosen = st.selectbox(
            t("retention.choose_cohort"), list(starts), format_func=starts.get, index=None, key="retention_cohort", placeholder=t("chart.choose")
        )
        if chosen:
            behind.rows(view, "cohorts", BEGUN, key="retention_cohort_rows", grain=grain, **options, cohort=chosen)


@data.told
def _triangle(view, grain, options):
    """What there is to say, the figure, its rows in words, and what each cohort is called by its first day; None where there is no cohort."""
    answer = data.answer(view, "cohorts", grain=grain, **dict(options))
    if answer.rows.empty:
        return None
    rows, says = answer.rows.sort_values("cohort", na_position="first", kind="stable"), None  # the average on top
    named = {day: f"{numbers.step(day, grain)} · {numbers.count(size)}" for day, size in zip(rows["cohort"], rows["size"], strict=True) if pd.notna(day)}
    starts = {day.isoformat(): called for day, called in named.items()}
    named[None] = t(f"retention.averages.{dict(options)['average']}")
    first = answer.rows[answer.rows["cohort"].isna() & (answer.rows["age"] == 1)]
    if len(first):
        says = t("retention.cohorts_says", share=share(first["value"].iloc[0]), n=numbers.count(first["n"].iloc[0]), step=t(f"retention.ages.{grain}"))
    return says, ready(charts.cohorts(rows, named, hover=hovered)), worded(rows, cell="cells"), starts


def hovered(cell: dict) -> str:
    """A cell in words."""
    if cell["cell"] == "in_progress" and pd.isna(cell["value"]):
        return t("retention.cell_running", so_far=numbers.count(cell["so_far"]), size=numbers.count(cell["size"]))
    interval = {"low": share(cell["low"]), "high": share(cell["high"])}
    return t("retention.cell", share=share(cell["value"]), active=numbers.count(cell["numerator"]), n=numbers.count(cell["n"]), **interval)


@page.part("retention.survival", parallel=True)
def survival(view):
    """How long customers stay, over everything on record."""
    with page.section("retention.survival", help="retention.survival_help"):
        by = choice("retention.split_by", ("nothing", *SEGMENTS), "retention_split", "segments")
        columns = () if by == "nothing" else (by,)
        found = _curves(view, columns)
        if found is None:
            page.empty("retention.no_survival")
            return
        says, note, spec, rows = found
        page.sentence(says)
        if note:
            st.caption(note)
        table_columns = {**{column: Column(f"retention.segments.{column}") for column in columns}, **CURVE}
        figure(view, spec, t("retention.survival_alt"), key="retention_survival", rows=rows, columns=table_columns, metrics=(data.metric("survival"),))


@data.told
def _curves(view, columns):
    """What there is to say of how long customers stay, when they are taken for lost, the figure and its rows; None where there is nobody."""
    reach = data.reach(view.snapshot)
    whole = view.over(Period(reach.first, reach.as_of, reach.as_of, view.period.calendar))
    answer, by = data.answer(whole, "survival", by=columns, most=MOST_CURVES), next(iter(columns), None)
    if answer.rows.empty:
        return None
    note = spoken.lost_after(answer.notes["cut_days"], answer.notes["wrongly_flagged"]) if "wrongly_flagged" in answer.notes else None
    called = partial(value_of, by)
    names = spoken.names(answer.rows[by], called) if columns else {}
    words = {"axis": t("retention.months_since"), "at_risk": t("retention.at_risk")}
    spec = charts.survival(answer.rows, share, by=by, names=names, **words)
    return survival_says(answer, columns), note, ready(spec), spoken.in_words(answer.rows, called, *columns, missing=True)


def survival_says(answer, columns: tuple) -> str:
    if columns:
        p = answer.notes.get("log_rank_p")
        key = "unknown" if p is None else "differ" if p < 0.05 else "alike"
        return t(f"retention.survival_{key}")
    year, median = answer.rows[answer.rows["age"] == 12], answer.rows["median"].iloc[0]
    first = t("retention.survival_year", share=share(year["value"].iloc[0])) if len(year) else ""
    last = t("retention.survival_median", months=numbers.count(median)) if pd.notna(median) else t("retention.survival_no_median")
    return f"{first} {last}".strip()


@page.part("retention.silence", parallel=True)
def silence(view):
    """Buyers by how long they have been silent, and what each cut was worth in the past."""
    with page.section("retention.silence", help="retention.silence_help"):
        told = _buyers(view)
        if told is None:
            page.empty("retention.no_buyers")
            return
        page.sentence(told.says)
        words = {status: t(f"retention.states.{status}") for status in STATES}
        chosen = drilled(view, told.chart, told.alt, words, "silence", "choose_state", told.rows, ACTIVITY, data.metric("activity"))
        if chosen:
            behind.rows(view, "activity", SILENT, key="retention_silent_rows", where={"status": chosen}, told=partial(worded, status="states"))
        cuts = _cuts(view)
        st.markdown(f"**{t('retention.cuts')}**", help=t("retention.cuts_help"))
        table(view, cuts, key="retention_cuts", metrics=(data.metric("silence_cuts"),))


@data.told
def _buyers(view):
    """How many buyers are silent, and for how long; None where nobody buys."""
    answer = data.answer(view, "activity")
    if answer.rows.empty:
        return None
    states = numbers.together(answer.rows).set_index("status")
    lapsed = {"n": numbers.count(states.loc["lapsed", "numerator"]), "share": share(states.loc["lapsed", "value"]), "days": answer.notes["cut_days"]}
    says = t("retention.silence_says", **lapsed) + " " + spoken.wrongly_flagged(answer.notes["wrongly_flagged"])
    words = {status: t(f"retention.states.{status}") for status in STATES}
    spec = charts.bars(states.loc[list(STATES)].reset_index(), "status", share, names=words, strong=("lapsed", "at_risk"))
    return Told(says, ready(spec), t("retention.silence_alt"), worded(answer.rows, status="states"))


@data.told
def _cuts(view):
    return listing(view, data.answer(view, "silence_cuts").rows, CUTS)


@page.part("retention.renewals", parallel=True)
def renewals(view):
    """What comes up for renewal in the year ahead."""
    with page.section("retention.renewals", help="retention.renewals_help"):
        found = _renewals(view)
        if found is None:
            page.empty("retention.no_renewals")
            return
        told, months = found
        page.sentence(told.says)
        chosen = drilled(view, told.chart, told.alt, months, "renewals", "choose_month", told.rows, RENEWALS, data.metric("renewals"))
        if chosen:
            in_states = partial(worded, status="agreement_states")
            behind.rows(view, "renewals", AGREEMENTS, key="retention_renewal_rows", told=in_states, grain="month", step=chosen)


@data.told
def _renewals(view):
    """The months ahead, and what each is called by its first day; None where nothing comes up."""
    rows = data.answer(view, "renewals", grain="month").rows
    if not rows["n"].fillna(0).any():
        return None
    first = rows[rows["n"] > 0].iloc[0]
    words = {"month": numbers.month(first["period"]), "n": numbers.count(first["n"]), "value": money(first["value"])}
    months = {day.isoformat(): numbers.month(day) for day in rows["period"]}
    rows = rows.assign(month=list(months))
    spec = charts.bars(rows, "month", money, names=months)
    return Told(t("retention.renewals_says", **words), ready(spec), t("retention.renewals_alt", **words), rows), months


kind = data.answer(view, "retention").notes["basis"]
answer_first(view, kind)
row(view, CARDS[kind], per_row=3)
over_time(view, ("retention", "nrr", "grr", "logo_churn", "first_month_retention") if kind == "recurring" else ("retention", "first_month_retention"))
if kind == "recurring":
    bridge(view)
    movements(view)
cohorts(view, kind)
survival(view)
silence(view)
if kind == "recurring":
    renewals(view)
