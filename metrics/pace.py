"""Where a target stands: what it asks for, what a straight line expects by now, and whether the figure keeps up."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reached", "on_pace", "behind", "missed", "not_started", "no_value"]
SLACK = 1e-9  # of the goal: 0.1 and a fifth of it are 0.12000000000000001


@dataclass(frozen=True)
class Course:
    """What was declared: from a baseline to a goal, between two days.

    baseline, target: in the metric's own unit, shares between 0 and 1. is_relative: target is a share of the baseline's size
    (0.2 is +20 %), otherwise what is added to it (0.2 is +20 points of a share). A fall is written with a minus.
    starts_on: where the line begins; due_on: the day on which the goal is to stand.
    """

    baseline: float
    target: float
    is_relative: bool
    lower_is_better: bool
    starts_on: dt.date
    due_on: dt.date


@dataclass(frozen=True)
class Pace:
    """Where a target stands on a day.

    goal: what the figure is to become. expected: on the straight line from baseline to goal, on that day.
    done: the share of the way that has been made, below 0 where it went the other way; None without a figure or a way to go.
    verdict: "reached" (at the goal or beyond), "missed" (due, and not there), "behind" (short of the line by more than chance),
    "on_pace" (on the line, ahead of it, or no clear difference from it), "not_started", "no_value".
    """

    goal: float
    expected: float
    done: float | None
    verdict: Verdict


def goal(course: Course) -> float:
    """What the figure is to become: 10 % and "+20 % relative" is 12 %, "+20 points" is 30 %.

    A share of a baseline below 0 is one of its size: an NPS of −20 and +20 % is −16, not −24.
    """
    return course.baseline + course.target * (abs(course.baseline) if course.is_relative else 1)


def expected(course: Course, on: dt.date) -> float:
    """The straight line from the baseline (on and before the first day) to the goal (on and after the last), on one day."""
    passed = (on - course.starts_on).days / (course.due_on - course.starts_on).days
    return course.baseline + min(max(passed, 0.0), 1.0) * (goal(course) - course.baseline)


def faults(course: Course) -> list[str]:
    """Why this cannot be a target: "no_number", "no_days" (due before it starts), "of_nothing" (a share of 0), "wrong_way"."""
    if not all(map(math.isfinite, (course.baseline, course.target))):
        return ["no_number"]
    wrong = goal(course) > course.baseline if course.lower_is_better else goal(course) < course.baseline
    found = {"no_days": course.due_on <= course.starts_on, "of_nothing": course.is_relative and course.baseline == 0, "wrong_way": wrong}
    return [name for name, is_so in found.items() if is_so]


def pace(course: Course, on: dt.date, value: float | None, low: float | None = None, high: float | None = None) -> Pace:
    """Where a target stands on a day, by the figure measured up to it and its interval (None: the figure is exact).

    Reached and missed are decided by the figure itself: that is what was promised. Before the day it is due, "behind" is only
    said where the whole interval lies short of the line; a figure that chance alone may have put there is on pace.
    """
    aim, line = goal(course), expected(course, on)
    if on < course.starts_on:
        return Pace(aim, line, None, "not_started")
    if not _is_number(value):
        return Pace(aim, line, None, "no_value")
    way = aim - course.baseline
    done = (value - course.baseline) / way if abs(way) > SLACK * max(1.0, abs(aim)) else None
    return Pace(aim, line, done, _verdict(course, on, value, low, high))


def _verdict(course: Course, on: dt.date, value: float, low: float | None, high: float | None) -> Verdict:
    if _is_there(course, value, goal(course)):
        return "reached"
    if on >= course.due_on:
        return "missed"
    best = low if course.lower_is_better else high
    return "on_pace" if _is_there(course, best if _is_number(best) else value, expected(course, on)) else "behind"


def _is_there(course: Course, value: float, mark: float) -> bool:
    """Whether a value is as good as a mark, or better; what rounding does to either is no difference."""
    ahead = mark - value if course.lower_is_better else value - mark
    return ahead >= -SLACK * max(abs(mark), abs(value))


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
