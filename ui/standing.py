"""Targets as the present reader may know them, and where each stands: its own figure beside its own line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from access.coverage import covers
from access.guard import admitted_now
from access.kept import Kept
from access.scope import Scope
from metrics import CATALOGUE, amounts
from metrics.change import headline
from metrics.pace import Course, Pace, goal, pace
from metrics.period import Period, add_months
from metrics.query import Query
from records import targets
from records.models import Target
from ui import data, numbers, offered, selection
from ui.filters import label
from ui.selection import BLANK, SEGMENTS, Selection
from ui.view import View
from ui.words import name_of, plain, t

# Days a target's figure can be measured over: of equal length whenever one looks, so that the figure is comparable with its baseline.
PERIODS = ("last12", "last3", "last90", "last_month")
OPTIONS: dict[str, dict[str, Any]] = {"funnel_to_cash": {"within_days": 90}}  # equally old deals only: young ones cannot have paid
NAMES = {"funnel_to_cash": "overview.paid"}  # glossary key of a metric under these options
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """A target beside its figure. now: the row of the answer over `period`, the target's own days; pace: what to make of it."""

    target: Target
    period: Period
    now: Mapping[str, Any]
    pace: Pace


def course(target: Target) -> Course:
    """A target as metrics.pace reads it."""
    return Course(target.baseline, target.target, target.is_relative, target.lower_is_better, target.starts_on, target.due_on)


def known() -> list[Target]:
    """All targets that the present reader may be told of, the next due first; looked up when the records have changed."""
    found = _kept.read(data.directory(), targets.targets)
    scope = admitted_now().scope
    return [target for target in found if may_know(scope, target.metric, target.segment)]


def forget() -> None:
    """Look the targets up anew; called where they were changed."""
    _kept.forget()


_kept = Kept()


def may_know(scope: Scope, metric: str, segment: Iterable[Iterable[str]]) -> bool:
    """Whether a reader may be told a target: baseline and goal are totals over its whole segment, and amounts where its metric is one."""
    is_amount = metric in amounts.WHOLE or metric in amounts.BY_BASIS or metric not in CATALOGUE or CATALOGUE[metric].unit == "money"
    return covers(scope, [tuple(pair) for pair in segment]) and not (is_amount and amounts.VEIL in scope.veils)


def days_of(view: View, name: str, due_on: dt.date | None = None) -> Period | None:
    """The days a target is measured over, by the view's snapshot: the last such ones, but none after those that hold the day it is due.

    None while there are no facts at all.
    """
    reach = data.reach(view.snapshot)
    if reach is None:
        return None
    as_of = reach.as_of if due_on is None else min(reach.as_of, _closing(name, due_on))
    return selection.period(Selection(period=name), as_of, reach.first, data.calendar(view.settings))


def _closing(name: str, due_on: dt.date) -> dt.date:
    """The first day on which the days measured over include the day a target is due."""
    return due_on + DAY if name == "last90" else add_months(due_on.replace(day=1), 1)


def figure(view: View, metric: str, options: Mapping, period: Period, segment: Iterable[Iterable[str]]) -> dict:
    """The row of a metric over these days and this segment, whatever the page's filters are."""
    columns: dict[str, tuple[str, ...]] = {}
    for column, value in segment:
        columns[column] = (*columns.get(column, ()), value)
    return headline(data.computed(view, metric, Query(period, None, (), tuple(columns.items()), options, view.settings)).answer)


def standing(view: View, target: Target) -> Standing | None:
    """Where a target stands. None where nothing can be measured: no facts yet, or a metric or period that this program does not have.

    Once it is due, the figure is that of the days up to then: what became of it later is another matter.
    """
    period = days_of(view, target.period, target.due_on) if target.metric in CATALOGUE and target.period in selection.PRESETS else None
    if period is None:
        return None
    now = figure(view, target.metric, target.options, period, target.segment)
    value, low, high = (now.get(name) if now["state"] == "value" else None for name in ("value", "low", "high"))
    return Standing(target, period, now, pace(course(target), period.last_day, *(_figure(x) for x in (value, low, high))))


def _figure(value) -> float | None:
    return float(value) if numbers.is_number(value) else None


def of_card(view: View, metric: str, options: Mapping, where: Mapping) -> Target | None:
    """The open target that a card is about: of its metric, for exactly the customers that the page looks at. The next due, if several."""
    asked = {(column, value) for column, values in view.selection.columns for value in values}
    fitting = (
        target
        for target in known()
        if not (target.is_closed or where) and target.metric == metric and target.options == dict(options) and {tuple(p) for p in target.segment} == asked
    )
    return next(fitting, None)


def is_of_these_days(view: View, target: Target) -> bool:
    """Whether the page shows the days that the target is measured over: only then its figure and the target's are one."""
    return target.period in selection.PRESETS and days_of(view, target.period) == view.period


# words


def called(metric: str, options: Mapping) -> str:
    """What a target is about."""
    if metric not in CATALOGUE:
        return metric
    own = options == OPTIONS.get(metric, {})
    further = "" if own else " · " + ", ".join(f"{name} = {value}" for name, value in options.items())
    return (t(NAMES[metric]) if own and metric in NAMES else name_of(CATALOGUE[metric])) + further


def described(view: View, segment: Iterable[Iterable[str]]) -> str:
    """A segment in words: "Region: North, South · Grade: Core"; text of sources as it is, not made safe for Markdown."""
    choices, named = offered.choices(view.snapshot), {column: name for name, column in SEGMENTS.items()}
    found: dict[str, list[str]] = {}
    for column, value in segment:
        name = named.get(column)
        shown = label(name, choices.get(name, {}), value or BLANK) if name else value
        found.setdefault(t(f"filters.{name}") if name else column, []).append(shown)
    return " · ".join(f"{column}: {', '.join(values)}" for column, values in found.items()) or t("targets.company")


def shown(view: View, metric: str, value) -> str:
    """A figure of a target with its unit."""
    return numbers.shown(value, CATALOGUE[metric].unit if metric in CATALOGUE else "score", view.currency)


def change_of(view: View, metric: str, value: float, is_relative: bool) -> str:
    """What a target asks for, as it was declared: "+20.0%", "+20.0 pp"."""
    if is_relative or metric not in CATALOGUE:
        return ("" if value < 0 else "+") + numbers.shown(value, "share")
    return numbers.difference(value, CATALOGUE[metric].unit, view.currency)


def worded(view: View, metric: str, name: str, value, is_relative: bool = True) -> str:
    """The value of a target's column in words, from the record or from its history (where days are texts).

    is_relative: how the column `target` is meant.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return t(f"targets.flags.{name}_{'yes' if value else 'no'}")
    words = {
        "metric": lambda: called(value, OPTIONS.get(value, {})), "segment": lambda: described(view, sorted(value)),
        "baseline": lambda: shown(view, metric, value),
        "period": lambda: t(f"filters.periods.{value}") if value in PERIODS else value, "target": lambda: change_of(view, metric, value, is_relative),
        "options": lambda: ", ".join(f"{key} = {inner}" for key, inner in value.items()),
    }  # fmt: skip
    if name in words:
        return words[name]()
    day = value if isinstance(value, dt.date) else None
    if name.endswith("_on") and day is None:
        day = dt.date.fromisoformat(value)
    return numbers.day(day) if day else str(value)


TONES = {"reached": "green", "missed": "red", "behind": "red"}


def line(view: View, target: Target) -> tuple[str, str]:
    """Under a card's number: what is aimed at and where it stands, in Markdown; and its papers, for the hover."""
    said = {"goal": plain(shown(view, target.metric, goal(course(target)))), "due": plain(numbers.day(target.due_on))}
    if not is_of_these_days(view, target):
        return t("targets.line_elsewhere", **said, days=t(f"filters.periods.{target.period}")), papers(view, target, None)
    found = standing(view, target)
    if found is None:
        return t("targets.line", **said), papers(view, target, None)
    verdict = t(f"targets.verdicts.{found.pace.verdict}")
    toned = f":{TONES[found.pace.verdict]}[{verdict}]" if found.pace.verdict in TONES else verdict
    return f"{t('targets.line', **said)} · {toned}", papers(view, target, found)


def papers(view: View, target: Target, found: Standing | None) -> str:
    """Where a target comes from and how its pace is judged, in Markdown."""
    figures = {
        "baseline": shown(view, target.metric, target.baseline),
        "day": numbers.day(target.baseline_on),
        "change": change_of(view, target.metric, target.target, target.is_relative),
    }
    lines = [plain(t("targets.papers.declared", **figures)), plain(t("targets.papers.who", owner=target.owner))]
    if found is not None and found.pace.verdict not in ("not_started", "no_value"):
        expected = shown(view, target.metric, found.pace.expected)
        lines.append(plain(t("targets.papers.line", expected=expected, day=numbers.day(found.period.last_day))))
        lines.append(t(f"targets.papers.{found.pace.verdict}"))
    return "\n\n".join([*lines, plain(target.note)] if target.note else lines)
