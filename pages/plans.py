"""What are we doing about it? Improvement plans for weak areas: mine and the overdue first, each with what it was opened on and how it went."""

import pandas as pd
import streamlit as st

from access.guard import guard
from metrics.query import QuestionError
from records import plans as kept
from records.models import Plan
from ui import data, loops, numbers, offered, page, plan_form, plan_sheet, plans, scores
from ui.level import NAMES, parse
from ui.navigation import link
from ui.recognised import why
from ui.table import Column, table
from ui.view import NO_SNAPSHOT
from ui.words import plain, t

guard("plans")

COLUMNS = {
    "number": Column("plans.number"), "area": Column("plans.area"), "asked": Column("nps.dimension"), "standing": Column("plans.status"),
    "due": Column("plans.due"), "opened": Column("plans.at_opening"), "expected": Column("plans.expected"), "verdict": Column("plans.effect"),
    "told": Column("plans.told", "progress"), "owner": Column("plans.owner"),
}  # fmt: skip
SHOWN = ("going", "overdue", *kept.STATUSES, "all")

view = page.opened("plans")


def chosen(name: str, found: list) -> list:
    """The plans that a choice of the filter shows."""
    if name == "overdue":
        return [plan for plan in found if kept.is_overdue(plan, plans.today(view))]
    return [plan for plan in found if name in ("all", plan.status) or (name == "going" and plan.status in kept.GOING)]


def told(plan) -> dict:
    """A plan as a row of the list."""
    listed = plans.informed(view, plan)
    status = t(f"plans.statuses.{plan.status}")
    return {
        "area": plans.area(view, plan.segment), "asked": scores.name(view, plan.dimension), "opened": plans.shown(plan, plan.score),
        "expected": plans.shown(plan, plan.expected), "verdict": verdict(plan), "owner": plan.owner, "due": plan.due_on,
        "standing": t("plans.late", status=status) if kept.is_overdue(plan, plans.today(view)) else status,
        "told": plans.share(listed), "number": plan.number,
    }  # fmt: skip


def verdict(plan) -> str:
    """How it went so far; what it rests on and is no longer there says so in its place."""
    if lost := plans.gone(view, plan):
        return lost
    try:
        return t(f"plans.verdicts.{plans.measured(view, plan).notes['verdict']}")
    except QuestionError as error:
        return why(error)


@page.part("plans.list")
def listed(view):
    """All plans the reader may know of, by status; a row opens its plan, and so does the list of names."""
    everything = plans.in_order(view, plans.known())
    if not everything:
        page.empty("plans.none")
        link(view, "drill", t("plans.to_drill"))
        return
    going, late = chosen("going", everything), chosen("overdue", everything)
    mine = [plan for plan in going if plans.is_mine(plan)]
    page.sentence(t("plans.says", n=numbers.count(len(going)), late=numbers.count(len(late)), mine=numbers.count(len(mine))))
    names = {name: t(f"plans.statuses.{name}") if name in kept.STATUSES else t(f"plans.shown.{name}") for name in SHOWN}
    wanted = st.segmented_control(t("plans.status"), list(names), default="going", format_func=names.get, key="plans_status", required=True)
    found = chosen(wanted, everything)
    if not found:
        st.caption(t("plans.none_so"))
        return
    with page.awaited(160):
        rows = pd.DataFrame([told(plan) for plan in found])
    picked = table(view, rows, COLUMNS, key="plans_list", metrics=(data.metric("remeasured"),), select=True)
    called = {plan.number: f"{row['number']} · {row['area']} · {row['asked']}" for plan, row in zip(found, rows.to_dict("records"), strict=True)}
    named = st.selectbox(t("plans.choose"), list(called), format_func=called.get, index=None, key="plans_pick", placeholder=t("plans.pick"))
    if number := named or (picked and picked["number"]):
        plan_form.go(view, int(number))


@page.part("plans.opening")
def opening(view, level):
    """The form for a plan about a level of the drill-down."""
    with page.awaited(240):
        found = plans.opening(view, level)
    if found is None:
        page.empty("plans.no_score")
        return
    if not plans.may_edit(found.frozen["segment"]):
        page.empty("plans.not_yours")
        return
    with page.section("plans.opening", help="plans.opening_help"):
        frozen = found.frozen
        area, what = plans.area(view, frozen["segment"]), scores.name(view, frozen["dimension"])
        plan = Plan(**frozen)
        limits = [plans.shown(plan, frozen[end]) for end in ("low", "high")]
        said = {"area": plain(area), "what": plain(what), "value": plans.shown(plan, frozen["score"]), "low": limits[0], "high": limits[1]}
        page.sentence(t("plans.opens_on", **said, n=numbers.count(frozen["n"])))
        plan_form.new(view, found)


def sheet(number):
    """One plan, opened by its number in the URL."""
    plan = plans.one(number)
    if plan is None:
        page.empty("plans.none_such")
        return
    plan_sheet.head(view, plan)
    plan_sheet.work(plan)
    plan_sheet.effect(view, number)
    plan_sheet.customers(view, number)
    plan_sheet.comments(view, number)
    if plans.may_edit(plan.segment):
        editing(view, number)


@page.part("plans.change")
def editing(view, number):
    """The form for what may be changed of a plan."""
    with st.expander(t("plans.change"), icon=":material/edit:", key="plans_change", on_change="rerun") as box:
        plan = plans.one(number)
        if box.open and plan is not None:
            plan_form.change(view, plan)


def asked() -> dict[str, list[str]]:
    """What the drill-down sent along."""
    return {name: st.query_params.get_all(name) for name in NAMES if name in st.query_params}


if view.snapshot == NO_SNAPSHOT:
    page.nothing_published()
elif "new" in st.query_params:
    dimensions = scores.scored(view)
    level, is_odd = parse(asked(), dimensions, offered.survey_segments(view.snapshot), scores.waves(view), next(iter(dimensions), None))
    link(view, "plans", t("plans.back"), icon=":material/arrow_back:")
    if is_odd or level.dimension is None:
        page.empty("plans.odd")
    else:
        opening(view, level)
elif "plan" in st.query_params:
    link(view, "plans", t("plans.back"), icon=":material/arrow_back:")
    sheet(st.query_params["plan"])
else:
    loops.section(view)
    listed(view)
