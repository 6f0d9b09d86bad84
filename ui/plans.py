"""Improvement plans as the present reader may know them: which there are, what each was opened on, and how its area scores now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from access.coverage import covers
from access.guard import admitted_now
from access.kept import Kept
from access.roles import may
from access.scope import Scope
from metrics import people
from metrics.period import Period
from metrics.query import Query
from metrics.result import Answer
from records import database, plans
from records.models import Plan, PlanCustomer
from ui import customers, data, numbers, offered, scores
from ui.filters import label
from ui.level import ALL, PERIOD, Level
from ui.view import View
from ui.words import t
from warehouse.marts.scores import ATTRIBUTES

Pairs = tuple[tuple[str, str], ...]
LOW, MIDDLE = 6, 0.5  # who is unhappy: a score of at most 6 on 0 to 10 (NPS), else one below the middle of the scale


def known() -> list[Plan]:
    """All plans that the present reader may be told of, the next due first. A plan of customers who are not all theirs does not exist for them."""
    scope = admitted_now().scope
    found = _kept.read(data.directory(), plans.plans)
    return [plan for plan in found if may_know(scope, plan.segment)]


def one(number: str | None) -> Plan | None:
    """The plan of this number as it is now, None where the reader has none such, whether or not there is one."""
    return next((plan for plan in known() if str(plan.number) == number), None)


def forget() -> None:
    """Look the plans up anew; called where they were changed."""
    _kept.forget()
    _told.forget()


_kept, _told = Kept(), Kept()


def may_know(scope: Scope, segment: Iterable[Iterable[str]]) -> bool:
    """Whether a reader may be told a plan: its score is a total over its whole segment."""
    return covers(scope, [tuple(pair) for pair in segment])


def may_edit(segment: Iterable[Iterable[str]]) -> bool:
    """Whether the reader may, at this very moment, open or edit a plan of these customers."""
    reader = admitted_now()
    return may(reader, "edit_plans") and may_know(reader.scope, segment)


def today(view: View) -> dt.date:
    """The day it is where the company does business."""
    return dt.datetime.now(ZoneInfo(view.zone)).date()


def is_mine(plan: Plan) -> bool:
    """Whether the reader is the one who is to see to it."""
    name = admitted_now().name
    return bool(name) and plan.owner.casefold() == name.casefold()


def in_order(view: View, found: Iterable[Plan]) -> list[Plan]:
    """Those that still run first; of them mine first, the overdue first, the next due first."""
    day = today(view)
    return sorted(found, key=lambda plan: (plan.status not in plans.GOING, not is_mine(plan), not plans.is_overdue(plan, day), plan.due_on, plan.number))


# what a plan is opened on


@dataclass(frozen=True)
class Opening:
    """The score a plan would be opened on, and the customers who might be told; unhappy are those who scored low."""

    frozen: dict
    customers: dict[str, str]
    unhappy: tuple[str, ...]


def segment_of(view: View, level: Level) -> Pairs:
    """The conditions of a level, the page's filters and the reader's own reach: the very answers that are looked at, for whoever looks later."""
    filters = [(column, value) for column, values in (*view.selection.columns, *admitted_now().scope.rules) for value in values]
    own = [(column, value or "") for column, value in level.segment]
    narrowed = {column for column, _ in own}
    return tuple(dict.fromkeys([*own, *((column, value) for column, value in filters if column not in narrowed)]))


def opening(view: View, level: Level) -> Opening | None:
    """What a plan for this level would be opened on; None where there is no score to show."""
    shown = scores.rows(view, level).iloc[0].to_dict()
    if shown["state"] != "value":
        return None
    is_nps, segment = scores.is_nps(view, level.dimension), segment_of(view, level)
    period = scores.looked(view, level).period.to_date()
    frozen = {
        "dimension": level.dimension, "question": None if is_nps else level.question, "measure": "nps" if is_nps else "mean",
        "segment": [list(pair) for pair in segment], "wave": None if level.wave in (PERIOD, ALL) else level.wave,
        "starts_on": period.start, "ends_on": period.end, "scale_min": 0.0 if is_nps else float(shown["scale_min"]),
        "scale_max": 10.0 if is_nps else float(shown["scale_max"]), "snapshot": view.snapshot,
    }  # fmt: skip
    row = data.computed(view, "against_rest", Query(period, None, (), (), _options(Plan(**frozen)), view.settings)).answer.rows.iloc[0]
    if row["state"] != "value":
        return None
    limits = {name: float(row[name]) if numbers.is_number(row[name]) else None for name in ("low", "high")}
    return Opening({**frozen, "score": float(row["value"]), "n": int(row["n"]), **limits}, *_answered(view, Plan(**frozen)))


def _answered(view: View, plan: Plan) -> tuple[dict[str, str], tuple[str, ...]]:
    """The customers behind a plan's answers, by name, the lowest score first; and which of them scored low. None of an anonymous survey."""
    name, query = _listed(view, plan)
    limit = LOW if plan.measure == "nps" else plan.scale_min + (plan.scale_max - plan.scale_min) * MIDDLE
    return data.once(view, ("answered", name, query, limit), lambda: _all_who_answered(view, name, query, limit))


def _all_who_answered(view: View, name: str, query: Query, limit: float) -> tuple[dict[str, str], tuple[str, ...]]:
    rows = data.listed(view, name, query, limit=None).rows
    rows = rows.dropna(subset=["customer_id", "name"]).sort_values("score", kind="stable") if "customer_id" in rows else rows.head(0)
    found = dict(zip(rows["customer_id"], rows["name"], strict=True)) if len(rows) else {}
    low = rows[rows["score"].le(limit) if name == "nps" else rows["score"].lt(limit)] if len(rows) else rows
    return found, tuple(dict.fromkeys(low["customer_id"])) if len(low) else ()


def _listed(view: View, plan: Plan) -> tuple[str, Query]:
    values: dict[str, tuple[str, ...]] = {}
    for column, value in plan.segment:
        values[column] = (*values.get(column, ()), value)
    about = {} if plan.measure == "nps" else {"dimension": plan.dimension, "question": plan.question, "scale": _scale(plan)}
    return "nps" if plan.measure == "nps" else "satisfaction", Query(
        _days(view, plan), None, (), tuple(values.items()), {**about, "wave": plan.wave}, view.settings
    )


def _scale(plan: Plan) -> str | None:
    return None if plan.measure == "nps" else f"{plan.scale_min:g}-{plan.scale_max:g}"


def _days(view: View, plan: Plan) -> Period:
    """The days a plan was opened on, as far as the present snapshot reaches."""
    reach = data.reach(view.snapshot)
    return Period(plan.starts_on, plan.ends_on, max(reach.as_of, plan.ends_on) if reach else plan.ends_on, view.period.calendar)


def _options(plan: Plan) -> dict:
    """The plan's question as `against_rest` and `remeasured` take it."""
    asked = {"measure": plan.measure, "dimension": plan.dimension, "question": plan.question, "wave": plan.wave, "scale": _scale(plan)}
    return {**asked, "segment": urlencode([tuple(pair) for pair in plan.segment]) or None}


# how it went


def gone(view: View, plan: Plan) -> str | None:
    """What a plan rests on and is no longer there, in words: a column, or its wave. None where it can be measured."""
    there = {*offered.survey_segments(view.snapshot), *ATTRIBUTES}
    if lost := [scores.column(column) for column, _ in plan.segment if column not in there]:
        return t("plans.gone.column", columns=", ".join(dict.fromkeys(lost)))
    if plan.wave and plan.wave not in scores.waves(view):
        return t("plans.gone.wave", wave=plan.wave)
    return None


def measured(view: View, plan: Plan, after: str | None = None) -> Answer:
    """Before and after of exactly the plan's segment, beside everybody else whom the reader may see. after: a later wave than the next one."""
    period = _days(view, plan)
    if plan.wave:  # the whole wave, also what came of it after the plan was opened
        period = scores.everything(view).period
    return data.computed(view, "remeasured", Query(period, None, (), (), {**_options(plan), "after": after}, view.settings)).answer


def unit(plan: Plan) -> str:
    """The unit of a plan's score."""
    return "points" if plan.measure == "nps" else "share" if (plan.scale_min, plan.scale_max) == scores.YES_NO else "score"


def shown(plan: Plan, value) -> str:
    """A score of the plan in its unit."""
    return numbers.shown(value, unit(plan))


def area(view: View, segment: Iterable[Iterable[str]]) -> str:
    """A plan's segment in words, as plain text; values of one column stand together."""
    owners = offered.choices(view.snapshot).get("owner", {})
    found: dict[str, list[str]] = {}
    for column, value in segment:
        said = label("owner", owners, value) if column == "owner_id" and value in owners else scores.condition(column, value)
        found.setdefault(column, []).append(f"{t('filters.owner')} {said}" if column == "owner_id" and value in owners else said)
    return " · ".join(", ".join(values) for values in found.values()) or t("plans.everybody")


def level_of(plan: Plan) -> Level:
    """The level of the drill-down that a plan is about; a column with several values is left out, as a level has one."""
    columns = [column for column, _ in plan.segment]
    segment = tuple((column, value or None) for column, value in plan.segment if columns.count(column) == 1)
    return Level(plan.dimension, plan.question, segment, wave=plan.wave or PERIOD, is_open=True)


# customers to be told


def informed(view: View, plan: Plan) -> list[tuple[PlanCustomer, str]]:
    """The customers of a plan's list whom the reader may see, with their names; those who were told already come last."""
    rows = _of(plan)
    named = customers.about(view.snapshot, people.names, *sorted(row.customer_id for row in rows)) if rows else {}
    return sorted(
        ((row, named[row.customer_id]) for row in rows if row.customer_id in named), key=lambda pair: (pair[0].told_at is not None, pair[1].casefold())
    )


def share(listed: list[tuple[PlanCustomer, str]]) -> float | None:
    """How many of a plan's customers were told, 0 to 1; None where nobody is to be."""
    return sum(row.told_at is not None for row, _ in listed) / len(listed) if listed else None


def candidates(view: View, plan: Plan) -> dict[str, str]:
    """Customers behind a plan's answers who are not on its list: id → name."""
    listed = {row.customer_id for row in _of(plan)}
    return {customer: name for customer, name in _answered(view, plan)[0].items() if customer not in listed}


def _of(plan: Plan) -> list[PlanCustomer]:
    place = data.directory()
    return _told.get(place, None, partial(plans.customers, database.connect(place))).get(plan.number, [])


def colleagues(view: View) -> tuple[str, ...]:
    """Who may be named as the owner of a plan: those who serve customers, and the reader."""
    name = admitted_now().name
    return tuple(dict.fromkeys([*([name] if name else []), *customers.about(view.snapshot, people.colleagues)]))
