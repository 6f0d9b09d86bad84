"""Do they stay?"""

from functools import partial

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from metrics.period import Period
from ui import behind, data, numbers, page, spoken
from ui.cards import Card, row
from ui.figure import clickable, figure
from ui.table import Column, table
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
        t(label), options, default=default or options[0], format_func=lambda option: t(f"retention.{words}.{option}"), key=key, required=True
    )


def drilled(view, spec: dict, alt: str, options: dict, part: str, prompt: str, rows: pd.DataFrame, columns: dict, metric) -> str | None:
    """A figure whose marks open the customers behind them; returns the mark chosen."""
    return clickable(view, spec, alt, options, key=f"retention_{part}", prompt=f"retention.{prompt}", rows=rows, columns=columns, metrics=(metric,))


def worded(rows: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """`rows` with codes in words: column → group of the glossary."""
    return rows.assign(**{name: [t(f"retention.{group}.{code}") for code in rows[name]] for name, group in columns.items() if name in rows})


def answer_first(view, kind: str) -> None:
    """The page's question answered in one or two sentences."""
    stayed = data.answer(view, "retention")
    page.failed_checks(stayed)
    first = stayed.rows.iloc[0]
    if first["state"] != "value":
        page.sentence(t(f"retention.unknown_{kind}"))
        return
    said = t(f"retention.says_{kind}", n=numbers.count(first["n"]), kept=numbers.count(first["numerator"]), share=share(first["value"]))
    if kind == "recurring":
        net, gross = (data.answer(view, name).rows.iloc[0] for name in ("nrr", "grr"))
        said += " " + t("retention.says_money", net=share(net["value"]), gross=share(gross["value"])) if net["state"] == "value" else ""
    page.sentence(said)


@page.part("retention.over_time")
def over_time(view, names: tuple[str, ...]):
    """A rate by step: the trailing year at the end of each."""
    with page.section("retention.over_time", help="retention.over_time_help"):
        called = {name: name_of(data.metric(name)) for name in names}
        chosen = st.pills(
            t("overview.choose"), names, default=names[0], format_func=called.get, key="retention_metric", required=True, label_visibility="collapsed"
        )
        metric, answer = data.metric(chosen), data.answer(view, chosen, grain=view.grain)
        if not answer.rows["value"].notna().any():
            page.empty("retention.no_series")
            return
        spec = charts.line(answer.rows, share, grain=view.grain, tick=".0%", step=lambda day: numbers.step(day, view.grain))
        alt = page.course(called[chosen], answer, metric, view)
        figure(view, spec, alt, key="retention_series", rows=answer.rows, columns=SERIES, metrics=(metric,))


@page.part("retention.bridge")
def bridge(view):
    """From then to now: what grew, shrank and left, new and returned customers apart."""
    with page.section("retention.bridge", help="retention.bridge_help"):
        horizon = choice("retention.horizon", HORIZONS, "retention_horizon", "horizons")
        answer, metric = data.answer(view, "nrr_bridge", horizon=horizon), data.metric("nrr_bridge")
        page.failed_checks(answer)
        steps = answer.rows.set_index("step")
        if not steps.loc["opening", "value"]:
            page.empty("retention.no_opening")
            return
        figures = {step: money(steps.loc[step, "value"]) for step in ("opening", "retained", "closing")}
        page.sentence(t("retention.bridge_says", **figures, lost=numbers.count(steps.loc["churn", "n"])))
        words = {step: t(f"retention.steps.{step}") for step in answer.rows["step"]}
        options = {step: words[step] for step in MOVES}
        spec, alt = charts.bridge(answer.rows, "step", money, names=words), t("retention.bridge_alt", **figures)
        chosen = drilled(view, spec, alt, options, "bridge", "choose_step", worded(answer.rows, step="steps"), BRIDGE, metric)
        if chosen:
            listed_movements(view, "retention_bridge_rows", horizon=horizon, kind=chosen)


def listed_movements(view, key: str, **options) -> None:
    answer, metric = data.answer(view, "movements", **options), data.metric("movements")
    page.failed_checks(answer)
    told = lambda rows: worded(rows, kind="kinds", reason="reasons")  # noqa: E731
    behind.leading(view, told(answer.rows.head(data.MOST_ROWS)), LEDGER, key=key, metrics=(metric,), total=len(answer.rows), whole=lambda: told(answer.rows))


@page.part("retention.movements")
def movements(view):
    """Every customer whose recurring value moved in the period, and why."""
    with page.section("retention.movements", help="retention.movements_help"):
        kinds = ("", *MOVES, "joined_and_left", "kept")
        kind = st.pills(
            t("retention.kind"), kinds, default="", format_func=lambda name: t(f"retention.kinds.{name or 'all'}"), key="retention_kind", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        listed_movements(view, "retention_movements", kind=kind)


@page.part("retention.cohorts")
def cohorts(view):
    """The triangle of cohorts: who began together, and who of them is still active."""
    with page.section("retention.cohorts", help="retention.cohorts_help"):
        left, right = st.columns(2)
        with left:
            kind = choice("retention.basis", BASES, "retention_basis", "bases")
            clock = choice("retention.clock", CLOCKS, "retention_clock", "clocks")
        with right:
            mode = choice("retention.mode", MODES, "retention_mode", "modes")
            average = choice("retention.average", ("pooled", "simple"), "retention_average", "averages")
        options = {"basis": kind, "mode": mode, "clock": clock, "average": average}
        grain = view.grain if view.grain in ("month", "quarter", "year", "week") else "month"
        answer, metric = data.answer(view, "cohorts", grain=grain, **options), data.metric("cohorts")
        if answer.rows.empty:
            page.empty("retention.no_cohorts")
            return
        rows = answer.rows.sort_values("cohort", na_position="first", kind="stable")  # the average on top
        named = {day: f"{numbers.step(day, grain)} · {numbers.count(size)}" for day, size in zip(rows["cohort"], rows["size"], strict=True) if pd.notna(day)}
        named[None] = t(f"retention.averages.{average}")
        first = answer.rows[answer.rows["cohort"].isna() & (answer.rows["age"] == 1)]
        if len(first):
            page.sentence(
                t("retention.cohorts_says", share=share(first["value"].iloc[0]), n=numbers.count(first["n"].iloc[0]), step=t(f"retention.ages.{grain}"))
            )
        if mode == "on_or_after":
            st.caption(t("retention.provisional"))
        spec = charts.cohorts(rows, named, hover=hovered)
        starts = {day.isoformat(): named[day] for day in dict.fromkeys(rows["cohort"].dropna())}
        shown, alt = worded(rows, cell="cells"), t("retention.cohorts_alt")
        figure(view, spec, alt, key="retention_cohorts", rows=shown, columns=TRIANGLE, metrics=(metric,))
        st.caption(t("retention.cells_legend", step=t(f"retention.ages.{grain}")))
        chosen = st.selectbox(t("retention.choose_cohort"), list(starts), format_func=starts.get, index=None, key="retention_cohort", placeholder="…")
        if chosen:
            behind.rows(view, "cohorts", BEGUN, key="retention_cohort_rows", grain=grain, **options, cohort=chosen)


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
        reach = data.reach(view.snapshot)
        whole = view.over(Period(reach.first, reach.as_of, reach.as_of, view.period.calendar))
        answer, metric = data.answer(whole, "survival", by=columns, most=MOST_CURVES), data.metric("survival")
        if answer.rows.empty:
            page.empty("retention.no_survival")
            return
        page.sentence(survival_says(answer, columns))
        if "wrongly_flagged" in answer.notes:
            st.caption(spoken.lost_after(answer.notes["cut_days"], answer.notes["wrongly_flagged"]))
        called = partial(value_of, by)
        names = spoken.names(answer.rows[by], called) if columns else {}
        words = {"axis": t("retention.months_since"), "at_risk": t("retention.at_risk")}
        spec = charts.survival(answer.rows, share, by=by if columns else None, names=names, **words)
        table_columns = {**{column: Column(f"retention.segments.{column}") for column in columns}, **CURVE}
        shown = spoken.in_words(answer.rows, called, *columns, missing=True)
        figure(view, spec, t("retention.survival_alt"), key="retention_survival", rows=shown, columns=table_columns, metrics=(metric,))


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
        answer, metric = data.answer(view, "activity"), data.metric("activity")
        if answer.rows.empty:
            page.empty("retention.no_buyers")
            return
        states = numbers.together(answer.rows).set_index("status")
        lapsed = {"n": numbers.count(states.loc["lapsed", "numerator"]), "share": share(states.loc["lapsed", "value"]), "days": answer.notes["cut_days"]}
        page.sentence(t("retention.silence_says", **lapsed) + " " + spoken.wrongly_flagged(answer.notes["wrongly_flagged"]))
        words = {status: t(f"retention.states.{status}") for status in STATES}
        rows = states.loc[list(STATES)].reset_index()
        spec = charts.bars(rows, "status", share, names=words, strong=("lapsed", "at_risk"))
        alt, shown = t("retention.silence_alt"), worded(answer.rows, status="states")
        chosen = drilled(view, spec, alt, words, "silence", "choose_state", shown, ACTIVITY, metric)
        if chosen:
            behind.rows(view, "activity", SILENT, key="retention_silent_rows", where={"status": chosen}, told=partial(worded, status="states"))
        cuts = data.answer(view, "silence_cuts")
        st.markdown(f"**{t('retention.cuts')}**", help=t("retention.cuts_help"))
        table(view, cuts.rows, CUTS, key="retention_cuts", metrics=(data.metric("silence_cuts"),))


@page.part("retention.renewals", parallel=True)
def renewals(view):
    """What comes up for renewal in the year ahead."""
    with page.section("retention.renewals", help="retention.renewals_help"):
        answer, metric = data.answer(view, "renewals", grain="month"), data.metric("renewals")
        if not answer.rows["n"].fillna(0).any():
            page.empty("retention.no_renewals")
            return
        next_month = answer.rows[answer.rows["n"] > 0].iloc[0]
        words = {"month": numbers.month(next_month["period"]), "n": numbers.count(next_month["n"]), "value": money(next_month["value"])}
        page.sentence(t("retention.renewals_says", **words))
        months = {day.isoformat(): numbers.month(day) for day in answer.rows["period"]}
        rows = answer.rows.assign(month=list(months))
        spec, alt = charts.bars(rows, "month", money, names=months), t("retention.renewals_alt", **words)
        chosen = drilled(view, spec, alt, months, "renewals", "choose_month", rows, RENEWALS, metric)
        if chosen:
            told = partial(worded, status="agreement_states")
            behind.rows(view, "renewals", AGREEMENTS, key="retention_renewal_rows", told=told, grain="month", step=chosen)


kind = data.answer(view, "retention").notes["basis"]
answer_first(view, kind)
row(view, CARDS[kind], per_row=3)
over_time(view, ("retention", "nrr", "grr", "logo_churn", "first_month_retention") if kind == "recurring" else ("retention", "first_month_retention"))
if kind == "recurring":
    bridge(view)
    movements(view)
cohorts(view)
survival(view)
silence(view)
if kind == "recurring":
    renewals(view)
