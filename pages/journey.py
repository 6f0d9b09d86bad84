"""Are we there when it counts? What we promised within a time, whether it was kept, what waits now, and what customers did who were kept waiting."""

import streamlit as st

import charts
from access.guard import guard
from metrics.clocks import standing, waiting
from metrics.result import K_TESTABLE
from metrics.stage_scores import STAGES
from ui import behind, clocks, customers, data, navigation, numbers, page, scores
from ui.calling import today
from ui.figure import clickable, figure, ready
from ui.table import Column, listing, table
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
    return rows.assign(clock=rows["clock"].map({name: called(name) for name in rows["clock"].unique()}))


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


@data.told
def _first(view):
    """How much was kept, and which of the promises least, in sentences; and the clocks that were over at least once. None where none was."""
    answer = data.answer(view, "clocks")
    if not answer.notes["over"] > 0:
        return None
    rows, says = answer.rows, [clocks.said(view)]
    firm = rows[rows["n"] >= K_TESTABLE]
    if len(firm) > 1:
        least = firm.loc[firm["value"].idxmin()]
        says.append(t("journey.least", clock=called(least["clock"]), share=share(least["value"]), n=numbers.count(least["n"])))
    return says, list(rows.loc[rows["n"] > 0, "clock"])


@page.part("journey.waiting_title")
def open_now(view):
    """What is not done now: today's breaches first, then what is due soonest."""
    with page.section("journey.waiting_title", help="journey.waiting_help"):
        now = today(view)
        says, names = _waiting(now)
        if not names:
            st.caption(t("journey.none_waiting"))
            return
        page.sentence(says)
        how = {"format_func": names.get, "key": "journey_waiting", "label_visibility": "collapsed"}
        chosen = st.pills(t("journey.choose_clock"), list(names), **how)
        opened = table(now, _waiting_for(now, chosen), key="journey_waiting_rows", metrics=(METRIC,), select=True)
        if opened:
            navigation.link(view, "customer", t("journey.open_customer", customer=opened["customer"]), state={"id": opened["customer_id"]})


@data.told
def _waiting(now):
    """How much is late and how much is due soon, in a sentence, and the promises that wait."""
    rows = customers.about(now.snapshot, waiting, now.query())
    words = {name: numbers.count(n) for name, n in {**standing(rows, SOON), "hours": SOON}.items()}
    return t("journey.waiting_says", day=numbers.day(now.period.last_day), **words), {name: called(name) for name in rows["clock"].unique()}


@data.told
def _waiting_for(now, clock):
    """What waits for one promise, or for any."""
    rows = customers.about(now.snapshot, waiting, now.query())
    return listing(now, named(rows[rows["clock"] == clock] if clock else rows), WAITING)


@page.part("journey.kept_title")
def each(view):
    """Each promise with its share in time; one opens what it is made of."""
    with page.section("journey.kept_title", help="journey.kept_help"):
        rows, spec, names, asked = _kept(view)
        further = {"rows": rows, "columns": SHARES, "metrics": (METRIC,)}
        chosen = clickable(view, spec, t("journey.kept_alt"), names, key="journey_clocks", prompt="journey.choose", **further)
        st.caption(asked)
        if chosen is not None:
            st.markdown(f"**{names[chosen]}**")
            behind.rows(view, "clocks", EVENTS, key="journey_rows", where={"clock": chosen}, told=named)


@data.told
def _kept(view):
    """The promises with their shares in time, the figure, what they are called, and how long each may take."""
    answer = data.answer(view, "clocks")
    rows = answer.rows.sort_values("value", na_position="last")
    names = {name: called(name) for name in rows["clock"]}
    return named(rows), ready(charts.forest(rows, "clock", share, names=names, tick=TICK)), names, limits(answer)


@page.part("journey.course_title")
def over_time(view, known):
    """One promise step by step, and by team."""
    with page.section("journey.course_title", help="journey.course_help"):
        names = {name: called(name) for name in known}
        how = {"format_func": names.get, "key": "journey_clock", "required": True, "label_visibility": "collapsed"}
        chosen = st.pills(t("journey.choose_clock"), list(names), default=known[0], **how)
        left, right = st.columns(2)
        with left:
            rows, spec, alt = _course(view, chosen)
            columns = {"period": Column("service.step"), **ALONE, "complete": Column("service.complete")}
            figure(view, spec, alt, key="journey_series", rows=rows, columns=columns, metrics=(METRIC,))
        with right:
            by_team(view, chosen)


@data.told
def _course(view, clock):
    """A promise's series, its figure and what that says."""
    found = data.answer(view, "clocks", grain=view.grain, where={"clock": clock})
    spec = charts.line(found.rows, share, grain=view.grain, tick=TICK, step=lambda day: numbers.step(day, view.grain))
    return found.rows, ready(spec), page.course(called(clock), found, METRIC, view)


def by_team(view, chosen: str) -> None:
    """The share in time of each department that customers' owners belong to."""
    found = _teams(view, chosen)
    if found is None:
        st.caption(t("journey.no_teams"))
        return
    rows, spec = found
    columns = {"department": Column("why.columns.department"), **ALONE}
    figure(view, spec, t("journey.teams_alt"), key="journey_teams", rows=rows, columns=columns, metrics=(METRIC,))


@data.told
def _teams(view, clock):
    """The departments and their figure; None where no owner belongs to one."""
    rows = data.answer(view, "clocks", by=("department",), where={"clock": clock}).rows.sort_values("value", ascending=False, na_position="last")
    if not rows["department"].notna().any():
        return None
    names = {None: t("filters.blank"), **{value: value_of("department", value) for value in rows["department"].dropna()}}
    return rows, ready(charts.forest(rows, "department", share, names=names, tick=TICK))


@page.part("journey.stages_title")
def by_stage(view):
    """How customers score by where they stood when they answered; a stage opens its answers."""
    with page.section("journey.stages_title", help="journey.stages_help"):
        measures = {name: t(f"journey.measures.{name}") for name in ("nps", "mean")}
        how = {"default": "nps", "format_func": measures.get, "key": "journey_measure", "required": True, "label_visibility": "collapsed"}
        measure = st.segmented_control(t("journey.measure"), list(measures), **how)
        found, metric = _stages(view, measure), data.metric("stage_scores")
        if found is None:
            st.caption(t("journey.no_stages"))
            return
        rows, says, spec, names = found
        page.sentence(says)
        further = {"rows": rows, "columns": staged(unit_of(measure)), "metrics": (metric,)}
        chosen = clickable(view, spec, says, names, key=f"journey_stages_{measure}", prompt="journey.choose_stage", **further)
        if chosen is not None:
            answers = lambda found: in_stages(found).assign(dimension=[scores.name(view, name) for name in found["dimension"]])  # noqa: E731
            behind.rows(view, metric.name, ANSWERS, key="journey_answers", where={"journey_stage": chosen}, told=answers, measure=measure)


@data.told
def _stages(view, measure):
    """The stages' scores, the lowest in a sentence, the figure, and what stages are called; None where no stage has a score."""
    rows = data.answer(view, "stage_scores", measure=measure).rows
    if not (rows["state"] == "value").any():
        return None
    rows = rows.sort_values("journey_stage", key=lambda names: names.map(STAGES.index), ignore_index=True)
    told = in_stages(rows)
    names = dict(zip(rows["journey_stage"], told["journey_stage"], strict=True))
    shown = lambda value: numbers.shown(value, unit_of(measure))  # noqa: E731
    worst = rows.loc[rows["value"].idxmin()]
    says = t("journey.stages_says", stage=names[worst["journey_stage"]], value=shown(worst["value"]), n=numbers.count(worst["n"]))
    spec = charts.forest(rows, "journey_stage", shown, names=names, tick=".0f" if measure == "nps" else ".1f")
    return told, says, ready(spec), names


def unit_of(measure: str) -> str:
    return "points" if measure == "nps" else "score"


def in_stages(rows):
    """The rows with their stages in words."""
    return rows.assign(journey_stage=[t(f"journey.stages.{name}") for name in rows["journey_stage"]])


def staged(unit: str) -> dict[str, Column]:
    limits = {"low": Column("service.low", unit), "high": Column("service.high", unit)}
    return {"journey_stage": Column("journey.stage"), "value": Column("drill.score", unit), **limits, "n": Column("my_customers.answers", "count")}


@page.part("journey.outcome_title")
def outcome(view):
    """Whether those who were followed up in time stayed more often, told with caution."""
    with page.section("journey.outcome_title", help="journey.outcome_help"):
        now, metric = today(view), data.metric("follow_up_churn")
        found = _outcome(now)
        if found is None:
            st.caption(t("journey.no_outcome", days=numbers.count(data.answer(now, metric.name).notes["horizon_days"])))
            return
        rows, says, cautions, left_out = found
        for sentence in says:
            page.sentence(sentence)
        for caution in cautions:
            st.caption(caution)
        table(now, rows, key="journey_outcome", metrics=(metric,))
        st.caption(left_out)
        with st.expander(t("journey.who")):
            people, total = _people(now)
            table(now, people, key="journey_people", metrics=(metric,), total=total)


@data.told
def _outcome(now):
    """The two groups, what there is to say of them and with which caution, and who is in neither; None where one has nobody."""
    answer = data.answer(now, "follow_up_churn")
    rows, notes = answer.rows.set_index("group"), answer.notes
    if not (rows["n"] > 0).all():
        return None
    figures = {f"{group}_{what}": show(rows.loc[group, what]) for group in rows.index for what, show in (("n", numbers.count), ("value", share))}
    compared, cautions = adjusted(notes["adjusted"], rows["adjusted"])
    says = [t("journey.outcome_says", days=numbers.count(notes["horizon_days"]), **figures), compared]
    left_out = t("journey.left_out", pending=numbers.count(notes["pending"]), left=numbers.count(notes["left_before"]))
    return listing(now, answer.rows.assign(group=answer.rows["group"].map(group_named)), GROUPS), says, cautions, left_out


@data.told
def _people(now):
    """Who is in which of the two groups, and how many they are."""
    found = data.rows_behind(now, "follow_up_churn")
    return listing(now, found.rows.assign(group=found.rows["group"].map(group_named)), PEOPLE), found.total


def group_named(group: str) -> str:
    return t(f"journey.groups.{group}")


def adjusted(found: dict | None, risks) -> tuple[str, list[str]]:
    """The comparison after the groups were made alike, and with which caution to read it: how strong the unknown would have to be."""
    if found is None:
        return t("journey.not_compared"), []
    ratio, low, high, e, limit, before, after = (numbers.shown(n, "score") for n in (*found["ratio"], *found["e_value"], *found["differed"]))
    words = {"ratio": ratio, "low": low, "high": high, **{name: share(risks[name]) for name in risks.index}}
    cautions = [t("journey.e_value", e=e, limit=limit)] if found["is_clear"] else []
    if found["balance"]:
        columns = t("at_risk.and").join(t(f"why.columns.{c}") if has(f"why.columns.{c}") else c for c in found["balance"])
        cautions.append(t("journey.balance", columns=plain(columns), before=before, after=after))
    return t("journey.adjusted_clear" if found["is_clear"] else "journey.adjusted_unclear", **words), [*cautions, t("journey.caution")]


first = _first(view)
if first is not None:
    for sentence in first[0]:
        page.sentence(sentence)
open_now(view)
if first is not None:
    each(view)
    over_time(view, first[1])
else:
    page.empty("journey.none")
by_stage(view)
outcome(view)
