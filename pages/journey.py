"""Are we there when it counts? What we promised within a time, whether it was kept, what waits now, and what customers did who were kept waiting."""

import streamlit as st

import charts
from access.guard import guard
from metrics.clocks import standing, waiting
from metrics.result import K_TESTABLE
from metrics.stage_scores import STAGES
from ui import behind, clocks, customers, data, navigation, numbers, page, scores
from ui.calling import today
from ui.figure import clickable, figure
from ui.table import Column, table
from ui.words import has, plain, t, value_of

guard("journey")

SOON = 48  # hours ahead
TICK = ".0%"
SHARES = {
    "clock": Column("journey.clock"), "value": Column("journey.in_time", "share"),
    "low": Column("service.low", "share"), "high": Column("service.high", "share"),
    "n": Column("journey.over", "count"), "waiting": Column("journey.waiting", "count"), "pending": Column("journey.pending", "count"),
}  # fmt: skip
ALONE = {name: column for name, column in SHARES.items() if name != "clock"}
EVENTS = {
    "clock": Column("journey.clock"), "customer": Column("retention.customer"), "from_on": Column("journey.from_on"), "hours": Column("journey.hours", "hours"),
    "limit_hours": Column("journey.limit", "hours"), "in_time": Column("service.in_time"), "row_id": Column("journey.row"), "owner": Column("filters.owner"),
    "region": Column("filters.region"),
}  # fmt: skip
WAITING = {
    "left_hours": Column("journey.left", "hours", "journey.left_help"), "due_at": Column("journey.due_at"), "clock": Column("journey.clock"),
    "customer": Column("retention.customer"), "from_on": Column("journey.from_on"), "owner": Column("filters.owner"), "row_id": Column("journey.row"),
}  # fmt: skip
GROUPS = {
    "group": Column("journey.group"), "n": Column("journey.customers", "count"), "numerator": Column("journey.lost", "count"),
    "value": Column("journey.raw", "share"), "low": Column("service.low", "share"), "high": Column("service.high", "share"),
    "adjusted": Column("journey.adjusted", "share"),
}  # fmt: skip
ANSWERS = {
    "customer": Column("retention.customer"), "journey_stage": Column("journey.stage"), "score": Column("drill.score", "score"),
    "answered_on": Column("journey.answered_on"), "dimension": Column("my_customers.dimension"), "text": Column("journey.text"),
}  # fmt: skip
PEOPLE = {
    "customer": Column("retention.customer"), "group": Column("journey.group"), "signed_on": Column("journey.signed_on"),
    "is_lost": Column("journey.is_lost"), "lost_days": Column("journey.lost_days", "days"),
}  # fmt: skip

view = page.begin("journey")
METRIC = data.metric("clocks")


def called(name: str) -> str:
    return t(f"journey.clocks.{name}")


def named(rows):
    return rows.assign(clock=rows["clock"].map(called))


def share(value) -> str:
    return numbers.shown(value, "share")


def limits(answer) -> str:
    """How long each of them may take."""
    business = answer.notes["business"]
    said = [
        t("journey.working_hours" if name in business else "journey.calendar_hours", clock=called(name), n=numbers.bare(hours))
        for name, hours in answer.notes["limits"].items()
        if hours and name in set(answer.rows["clock"])
    ]
    return t("journey.limits", limits=t("at_risk.and").join(said)) if said else ""


def answer_first(rows) -> None:
    """How much was kept, and which of the promises least."""
    page.sentence(clocks.said(view))
    firm = rows[rows["n"] >= K_TESTABLE]
    if len(firm) > 1:
        least = firm.loc[firm["value"].idxmin()]
        page.sentence(t("journey.least", clock=called(least["clock"]), share=share(least["value"]), n=numbers.count(least["n"])))


@page.part("journey.waiting_title")
def open_now(view):
    """What is not done now: today's breaches first, then what is due soonest."""
    with page.section("journey.waiting_title", help="journey.waiting_help"):
        now = today(view)
        rows = customers.about(now.snapshot, waiting, now.query())
        if rows.empty:
            st.caption(t("journey.none_waiting"))
            return
        words = {name: numbers.count(n) for name, n in {**standing(rows, SOON), "hours": SOON}.items()}
        page.sentence(t("journey.waiting_says", day=numbers.day(now.period.last_day), **words))
        names = {name: called(name) for name in rows["clock"].unique()}
        how = {"format_func": names.get, "key": "journey_waiting", "label_visibility": "collapsed"}
        chosen = st.pills(t("journey.choose_clock"), list(names), **how)
        shown = rows[rows["clock"] == chosen] if chosen else rows
        opened = table(now, named(shown), WAITING, key="journey_waiting_rows", metrics=(METRIC,), select=True)
        if opened:
            navigation.link(view, "customer", t("journey.open_customer", customer=opened["customer"]), state={"id": opened["customer_id"]})


@page.part("journey.kept_title")
def each(view, answer):
    """Each promise with its share in time; one opens what it is made of."""
    with page.section("journey.kept_title", help="journey.kept_help"):
        rows = answer.rows.sort_values("value", na_position="last")
        names = {name: called(name) for name in rows["clock"]}
        spec = charts.forest(rows, "clock", share, names=names, tick=TICK)
        how = {"rows": named(rows), "columns": SHARES, "metrics": (METRIC,)}
        chosen = clickable(view, spec, t("journey.kept_alt"), names, key="journey_clocks", prompt="journey.choose", **how)
        st.caption(limits(answer))
        if chosen is not None:
            st.markdown(f"**{names[chosen]}**")
            behind.rows(view, "clocks", EVENTS, key="journey_rows", where={"clock": chosen}, told=named)


@page.part("journey.course_title")
def over_time(view, known):
    """One promise step by step, and by team."""
    with page.section("journey.course_title", help="journey.course_help"):
        names = {name: called(name) for name in known}
        how = {"format_func": names.get, "key": "journey_clock", "required": True, "label_visibility": "collapsed"}
        chosen = st.pills(t("journey.choose_clock"), list(names), default=known[0], **how)
        left, right = st.columns(2)
        columns = {
            "period": Column("service.step"),
            **{name: column for name, column in SHARES.items() if name != "clock"},
            "complete": Column("service.complete"),
        }
        with left:
            found = data.answer(view, "clocks", grain=view.grain, where={"clock": chosen})
            spec = charts.line(found.rows, share, grain=view.grain, tick=TICK, step=lambda day: numbers.step(day, view.grain))
            figure(view, spec, page.course(names[chosen], found, METRIC, view), key="journey_series", rows=found.rows, columns=columns, metrics=(METRIC,))
        with right:
            by_team(view, chosen)


def by_team(view, chosen: str) -> None:
    """The share in time of each department that customers' owners belong to."""
    found = data.answer(view, "clocks", by=("department",), where={"clock": chosen})
    rows = found.rows.sort_values("value", ascending=False, na_position="last")
    if not rows["department"].notna().any():
        st.caption(t("journey.no_teams"))
        return
    names = {None: t("filters.blank"), **{value: value_of("department", value) for value in rows["department"].dropna()}}
    spec = charts.forest(rows, "department", share, names=names, tick=TICK)
    columns = {"department": Column("why.columns.department"), **ALONE}
    figure(view, spec, t("journey.teams_alt"), key="journey_teams", rows=rows, columns=columns, metrics=(METRIC,))


@page.part("journey.stages_title")
def by_stage(view):
    """How customers score by where they stood when they answered; a stage opens its answers."""
    with page.section("journey.stages_title", help="journey.stages_help"):
        measures = {name: t(f"journey.measures.{name}") for name in ("nps", "mean")}
        how = {"default": "nps", "format_func": measures.get, "key": "journey_measure", "required": True, "label_visibility": "collapsed"}
        measure = st.segmented_control(t("journey.measure"), list(measures), **how)
        metric = data.metric("stage_scores")
        rows = data.answer(view, metric.name, measure=measure).rows
        if not (rows["state"] == "value").any():
            st.caption(t("journey.no_stages"))
            return
        rows = rows.sort_values("journey_stage", key=lambda names: names.map(STAGES.index), ignore_index=True)
        names = {name: t(f"journey.stages.{name}") for name in rows["journey_stage"]}
        unit = "points" if measure == "nps" else "score"
        shown = lambda value: numbers.shown(value, unit)  # noqa: E731
        worst = rows.loc[rows["value"].idxmin()]
        said = t("journey.stages_says", stage=names[worst["journey_stage"]], value=shown(worst["value"]), n=numbers.count(worst["n"]))
        page.sentence(said)
        spec = charts.forest(rows, "journey_stage", shown, names=names, tick=".0f" if measure == "nps" else ".1f")
        told = lambda found: found.assign(journey_stage=found["journey_stage"].map(names))  # noqa: E731
        how = {"rows": told(rows), "columns": staged(unit), "metrics": (metric,)}
        chosen = clickable(view, spec, said, names, key=f"journey_stages_{measure}", prompt="journey.choose_stage", **how)
        if chosen is not None:
            answers = lambda found: told(found.assign(dimension=[scores.name(view, name) for name in found["dimension"]]))  # noqa: E731
            behind.rows(view, metric.name, ANSWERS, key="journey_answers", where={"journey_stage": chosen}, told=answers, measure=measure)


def staged(unit: str) -> dict[str, Column]:
    limits = {"low": Column("service.low", unit), "high": Column("service.high", unit)}
    return {"journey_stage": Column("journey.stage"), "value": Column("drill.score", unit), **limits, "n": Column("my_customers.answers", "count")}


@page.part("journey.outcome_title")
def outcome(view):
    """Whether those who were followed up in time stayed more often, told with caution."""
    with page.section("journey.outcome_title", help="journey.outcome_help"):
        now = today(view)
        answer, metric = data.answer(now, "follow_up_churn"), data.metric("follow_up_churn")
        rows, notes = answer.rows.set_index("group"), answer.notes
        if not (rows["n"] > 0).all():
            st.caption(t("journey.no_outcome", days=numbers.count(notes["horizon_days"])))
            return
        figures = {f"{group}_{what}": show(rows.loc[group, what]) for group in rows.index for what, show in (("n", numbers.count), ("value", share))}
        page.sentence(t("journey.outcome_says", days=numbers.count(notes["horizon_days"]), **figures))
        adjusted(notes["adjusted"], rows["adjusted"])
        shown = answer.rows.assign(group=[t(f"journey.groups.{group}") for group in answer.rows["group"]])
        table(now, shown, GROUPS, key="journey_outcome", metrics=(metric,))
        st.caption(t("journey.left_out", pending=numbers.count(notes["pending"]), left=numbers.count(notes["left_before"])))
        with st.expander(t("journey.who")):
            listed = data.rows_behind(now, "follow_up_churn")
            people = listed.rows.assign(group=[t(f"journey.groups.{group}") for group in listed.rows["group"]])
            table(now, people, PEOPLE, key="journey_people", metrics=(metric,), total=listed.total)


def adjusted(found: dict | None, risks) -> None:
    """The comparison after the groups were made alike, and how strong the unknown would have to be."""
    if found is None:
        page.sentence(t("journey.not_compared"))
        return
    ratio, low, high, e, limit, before, after = (numbers.shown(n, "ratio") for n in (*found["ratio"], *found["e_value"], *found["differed"]))
    words = {"ratio": ratio, "low": low, "high": high, **{name: share(risks[name]) for name in risks.index}}
    page.sentence(t("journey.adjusted_clear" if found["is_clear"] else "journey.adjusted_unclear", **words))
    if found["is_clear"]:
        st.caption(t("journey.e_value", e=e, limit=limit))
    if found["balance"]:
        columns = t("at_risk.and").join(t(f"why.columns.{c}") if has(f"why.columns.{c}") else c for c in found["balance"])
        st.caption(t("journey.balance", columns=plain(columns), before=before, after=after))
    st.caption(t("journey.caution"))


answer = data.answer(view, "clocks")
is_known = answer.notes["over"] > 0
if is_known:
    answer_first(answer.rows)
open_now(view)
if is_known:
    each(view, answer)
    over_time(view, list(answer.rows.loc[answer.rows["n"] > 0, "clock"]))
else:
    page.empty("journey.none")
by_stage(view)
outcome(view)
