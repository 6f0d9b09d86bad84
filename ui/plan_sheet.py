"""One plan on screen: what it was opened on, how the area scores since, what is done, who was told, and what was said."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st

import charts
from metrics.result import K_TESTABLE, Answer
from records import database
from records import plans as kept
from records.database import RecordsError
from records.models import Plan, PlanCustomer
from ui import data, numbers, page, plan_form, plans, scores
from ui.figure import figure
from ui.level import as_params
from ui.navigation import link
from ui.recognised import why
from ui.table import Column
from ui.view import View
from ui.words import plain, t

TONES = {"improved": "green", "worse": "red"}
TICKS = {"points": ".0f", "share": ".0%", "score": ".1f"}
MEASURED = ("improved", "worse", "no_clear_change", "too_few")  # verdicts with two scores
MOST = 100  # customers with a box of their own


def head(view: View, plan: Plan) -> None:
    """What was found, as it was when the plan was opened, and what is hoped for."""
    what = plain(scores.name(view, plan.dimension))
    st.subheader(f"{plain(plans.area(view, plan.segment))} · {what}", anchor=False)
    limits = t("format.from_to", first=plans.shown(plan, plan.low), last=plans.shown(plan, plan.high)) if plan.low is not None else numbers.NONE
    grid = page.boxes(3)
    with grid.cell():
        st.metric(t("plans.at_opening"), plans.shown(plan, plan.score), help=t("plans.at_opening_help"))
        st.caption(t("drill.interval", limits=limits, n=numbers.count(plan.n)))
        st.caption(t("plans.opened_in", wave=plain(plan.wave)) if plan.wave else _days(plan))
    with grid.cell():
        st.metric(t("plans.expected"), plans.shown(plan, plan.expected))
        st.caption(t("plans.owned", owner=plain(plan.owner)))
    with grid.cell():
        st.metric(t("plans.due"), plain(numbers.day(plan.due_on)))
        st.caption(_standing(view, plan))
    at = plain(numbers.instant(plan.created_at, view.zone))
    st.caption(t("plans.opened_by", by=plain(plan.created_by or t("register.here")), at=at, snapshot=plain(plan.snapshot)))
    link(view, "drill", t("plans.see_area"), state=as_params(plans.level_of(plan), None))


def _days(plan: Plan) -> str:
    return t("format.from_to", first=numbers.day(plan.starts_on), last=numbers.day(plan.ends_on - dt.timedelta(days=1)))


def _standing(view: View, plan: Plan) -> str:
    status = t(f"plans.statuses.{plan.status}")
    return t("plans.late", status=status) if kept.is_overdue(plan, plans.today(view)) else status


@page.part("plans.effect")
def effect(view: View, number: str) -> None:
    """Before and after of exactly this area beside everybody else, and the verdict."""
    plan = plans.one(number)
    with page.section("plans.effect", help="plans.effect_help"):
        if plan is None:
            page.empty("plans.none_such")
            return
        if lost := plans.gone(view, plan):
            st.warning(plain(lost), icon=":material/link_off:")
            return
        answer = plans.measured(view, plan)
        later = answer.notes["later"]
        if len(later) > 1:
            wanted = st.selectbox(t("plans.measured_in"), later, key=f"plan_after_{plan.number}", width=260)
            answer = plans.measured(view, plan, wanted)
        _told(view, plan, answer)


def _told(view: View, plan: Plan, answer: Answer) -> None:
    """The verdict in words, and the four scores it rests on against what was expected."""
    verdict, rows = answer.notes["verdict"], {(row["part"], row["moment"]): row for row in answer.rows.to_dict("records")}
    word, said = t(f"plans.verdicts.{verdict}"), _sentence(plan, verdict, rows)
    st.markdown(f"**:{TONES[verdict]}[{word}]**" if verdict in TONES else f"**{word}**")
    page.sentence(said)
    if verdict not in MEASURED:
        return
    points = pd.DataFrame([{**row, "point": f"{part}_{moment}"} for (part, moment), row in rows.items() if moment != "change"])
    names, unit = {point: t(f"plans.points.{point}") for point in points["point"]}, plans.unit(plan)
    hoped = {"reference": plan.expected, "reference_label": t("plans.expected_line", value=plans.shown(plan, plan.expected))}
    spec = charts.forest(points, "point", lambda value: plans.shown(plan, value), names=names, tick=TICKS[unit], **hoped)
    columns = {
        "point": Column("plans.point"), "value": Column("drill.score", unit), "low": Column("nps.low", unit), "high": Column("nps.high", unit),
        "n": Column("nps.n", "count"),
    }  # fmt: skip
    listed = pd.DataFrame(rows.values()).assign(point=[t(f"plans.points.{part}_{moment}") for part, moment in rows])
    figure(view, spec, said, key="plan_effect", rows=listed, columns=columns, metrics=(data.metric("remeasured"),))
    st.caption(t("plans.caution"))


def _sentence(plan: Plan, verdict: str, rows: dict) -> str:
    """What the verdict rests on."""
    if verdict not in MEASURED:
        return t(f"plans.because.{verdict}")
    inside, unit = [rows["inside", moment]["value"] for moment in ("before", "after")], plans.unit(plan)
    effect = rows.get(("difference", "change"), rows["inside", "change"])
    values = {
        "before": plans.shown(plan, inside[0]), "after": plans.shown(plan, inside[1]), "size": numbers.difference(effect["value"], unit),
        "low": numbers.difference(effect["low"], unit), "high": numbers.difference(effect["high"], unit),
    }  # fmt: skip
    if verdict == "too_few":
        return t("plans.because.too_few", before=values["before"], after=values["after"], k=numbers.count(K_TESTABLE))
    if ("difference", "change") not in rows:
        return t("plans.because.alone", **values)
    others = {name: plans.shown(plan, rows["rest", name]["value"]) for name in ("before", "after")}
    return t("plans.because.beside", **values, rest_before=others["before"], rest_after=others["after"])


# what is done


def work(plan: Plan) -> None:
    """The problem, the chain of whys and the measures, as they were typed."""
    if plan.problem:
        for line in plan.problem.splitlines():
            st.markdown(plain(line))
    left, right = st.columns(2)
    with left, page.section("plans.chain"):
        for place, text in enumerate(plan.whys):
            st.markdown(t("plans.because_of", n=place + 1, text=plain(text)))
        if not plan.whys:
            st.caption(t("plans.no_whys"))
    with right, page.section("plans.measures_taken"):
        for place, text in enumerate(plan.measures):
            st.markdown(t("plans.because_of", n=place + 1, text=plain(text)))


# customers to be told


@page.part("plans.customers")
def customers(view: View, number: str) -> None:
    """Who is to be told what is done, who was, when and by whom; a tick says that somebody was told now."""
    plan = plans.one(number)
    with page.section("plans.customers", help="plans.customers_help"):
        if plan is None:
            page.empty("plans.none_such")
            return
        found, may_edit = plans.informed(view, plan), plans.may_edit(plan.segment)
        told = [row for row, _ in found if row.told_at]
        if found:
            page.sentence(t("plans.informed", told=numbers.count(len(told)), n=numbers.count(len(found))))
            st.progress(plans.share(found))
        else:
            st.caption(t("plans.nobody_listed"))
        half = (min(len(found), MOST) + 1) // 2
        for column, part in zip(st.columns(2), (found[:half], found[half:MOST]), strict=True):
            with column:
                for row, name in part:
                    _box(view, plan, row, name, may_edit)
        if len(found) > MOST:
            st.caption(t("plans.more_customers", n=numbers.count(len(found) - MOST)))
        if may_edit:
            _further(view, plan)


def _box(view: View, plan: Plan, row: PlanCustomer, name: str, may_edit: bool) -> None:
    """One customer with the box that says whether they were told."""
    words, key = plain(name), f"plan_told_{plan.number}_{row.customer_id}"
    if row.told_at:
        words = t("plans.told_on", name=words, at=plain(_at(view, row.told_at)), by=plain(row.told_by or t("register.here")))
    st.session_state[key] = row.told_at is not None
    st.checkbox(words, key=key, disabled=not may_edit, on_change=_tick, args=(plan, row.customer_id, key))


def _at(view: View, at: dt.datetime | None) -> str:
    return numbers.instant(at, view.zone)


def _tick(plan: Plan, customer: str, key: str) -> None:
    """A box was ticked, or its tick was taken back. Who lost the right meanwhile finds the box as it was."""
    if not plans.may_edit(plan.segment):
        return
    reader, is_told = plan_form.editor(plan), bool(st.session_state[key])
    changed = kept.tell(database.opened(data.directory()), plan.number, [customer], by=reader.name, at=dt.datetime.now(dt.UTC), is_told=is_told)
    if changed:
        plan_form.noted(reader, "plan_customer_told" if is_told else "plan_customer_untold", plan.number, customer=customer)
    plans.forget()


def _further(view: View, plan: Plan) -> None:
    """Customers behind the plan's answers who may be put on its list."""
    offered = {} if plans.gone(view, plan) else plans.candidates(view, plan)
    if not offered:
        return
    with st.expander(t("plans.further"), icon=":material/person_add:"):
        chosen = st.multiselect(t("plans.inform"), list(offered), format_func=offered.get, key=f"plan_further_{plan.number}", placeholder=t("plans.nobody_yet"))
        if st.button(t("plans.put_on"), key="plan_put_on", disabled=not chosen):
            reader = plan_form.editor(plan)
            new = kept.name(database.opened(data.directory()), plan.number, chosen)
            plan_form.noted(reader, "plan_customers_named", plan.number, customers=new)
            plans.forget()
            st.rerun()


# what was said


@page.part("plans.comments")
def comments(view: View, number: str) -> None:
    """What was said about the plan, the oldest first, and a place to say more. Comments are never changed."""
    plan = plans.one(number)
    with page.section("plans.comments", help="plans.comments_help"):
        if plan is None:
            page.empty("plans.none_such")
            return
        said = kept.comments(database.connect(data.directory()), plan.number)
        for comment in said:
            st.caption(t("plans.said", who=plain(comment.who or t("register.here")), at=plain(_at(view, comment.at))))
            for line in comment.text.splitlines():
                st.markdown(plain(line))
        if not said:
            st.caption(t("plans.nothing_said"))
        if plans.may_edit(plan.segment):
            _say(plan, len(said))


def _say(plan: Plan, place: int) -> None:
    text = st.text_area(t("plans.comment"), key=f"plan_comment_{plan.number}_{place}", height=80)
    if st.button(t("plans.say"), key="plan_say", disabled=not text.strip()):
        reader = plan_form.editor(plan)
        try:
            kept.comment(database.opened(data.directory()), plan.number, text, by=reader.name, at=dt.datetime.now(dt.UTC))
        except RecordsError as error:
            st.error(plain(why(error)), icon=":material/report:")
            return
        plan_form.noted(reader, "plan_commented", plan.number)
        st.rerun()
