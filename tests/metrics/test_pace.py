"""Where a target stands: worked cases, and what must hold for every target."""

import datetime as dt
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.pace import Course, expected, faults, goal, pace

FIRST, DUE = dt.date(2026, 1, 1), dt.date(2026, 4, 11)  # 100 days


def course(baseline=0.1, target=0.2, is_relative=True, lower_is_better=False, starts_on=FIRST, due_on=DUE):
    return Course(baseline, target, is_relative, lower_is_better, starts_on, due_on)


def day(n: int) -> dt.date:
    return FIRST + dt.timedelta(days=n)


@pytest.mark.parametrize(
    ("baseline", "target", "is_relative", "becomes"),
    [
        (0.10, 0.20, True, 0.12),  # DEFINITIONS 8: lead conversion 10 %, "+20 % relative" is 12 %
        (0.10, 0.20, False, 0.30),  # and "+20 points" is 30 %
        (48.0, -0.50, True, 24.0),  # complaint response time of 48 hours, −50 %
        (30.0, 5.0, False, 35.0),  # NPS 30, +5 points
        (-20.0, 0.20, True, -16.0),  # NPS −20, +20 % of its size: better, not −24
        (-20.0, -0.20, True, -24.0),
        (0.0, 5.0, False, 5.0),
        (0.9, 0.0, False, 0.9),  # hold what there is
    ],
)
def test_the_goal(baseline, target, is_relative, becomes):
    assert goal(course(baseline, target, is_relative)) == pytest.approx(becomes, rel=1e-12)


# from 0.10 to 0.12 in 100 days: 0.0002 a day
@pytest.mark.parametrize(("n", "line"), [(-30, 0.10), (0, 0.10), (1, 0.1002), (25, 0.105), (50, 0.11), (100, 0.12), (365, 0.12)])
def test_the_line_is_straight_and_ends_at_both_ends(n, line):
    assert expected(course(), day(n)) == pytest.approx(line, rel=1e-12)


# the line stands at 0.11 on day 50
WORKED = [
    (course(), day(-1), 0.50, None, None, "not_started"),  # whatever the figure was before
    (course(), day(0), 0.10, None, None, "on_pace"),
    (course(), day(50), 0.11, 0.10, 0.12, "on_pace"),
    (course(), day(50), 0.115, 0.10, 0.13, "on_pace"),  # ahead
    (course(), day(50), 0.105, 0.100, 0.109, "behind"),  # the interval ends short of 0.11
    (course(), day(50), 0.105, 0.100, 0.110, "on_pace"),  # it reaches 0.11: no clear difference
    (course(), day(50), 0.105, None, None, "behind"),  # exact figures need no interval
    (course(), day(50), 0.12, 0.05, 0.20, "reached"),  # before its day
    (course(), day(99), 0.1199, 0.11, 0.13, "on_pace"),
    (course(), day(100), 0.1199, 0.11, 0.13, "missed"),  # on its day the figure itself counts
    (course(), day(100), 0.12, 0.11, 0.13, "reached"),
    (course(), day(400), 0.05, 0.04, 0.06, "missed"),
    (course(), day(50), None, None, None, "no_value"),
    (course(), day(200), math.nan, None, None, "no_value"),
    # 48 hours, to be 24 in 100 days: 36 on day 50; less is better
    (course(48.0, -0.5, lower_is_better=True), day(50), 40.0, 37.0, 43.0, "behind"),
    (course(48.0, -0.5, lower_is_better=True), day(50), 40.0, 36.0, 44.0, "on_pace"),
    (course(48.0, -0.5, lower_is_better=True), day(50), 30.0, 28.0, 32.0, "on_pace"),
    (course(48.0, -0.5, lower_is_better=True), day(50), 24.0, 22.0, 26.0, "reached"),
    (course(48.0, -0.5, lower_is_better=True), day(100), 24.1, 22.0, 26.0, "missed"),
    (course(0.9, 0.0, False), day(50), 0.9, None, None, "reached"),  # a level to hold
    (course(0.9, 0.0, False), day(50), 0.85, 0.80, 0.89, "behind"),
]


@pytest.mark.parametrize(("declared", "on", "value", "low", "high", "verdict"), WORKED)
def test_the_verdict(declared, on, value, low, high, verdict):
    assert pace(declared, on, value, low, high).verdict == verdict


@pytest.mark.parametrize(("value", "done"), [(0.10, 0.0), (0.11, 0.5), (0.12, 1.0), (0.14, 2.0), (0.09, -0.5)])
def test_how_much_of_the_way_is_made(value, done):
    assert pace(course(), day(50), value).done == pytest.approx(done)


def test_where_there_is_no_way_none_is_made():
    assert pace(course(0.9, 0.0, False), day(50), 0.9).done is None
    assert pace(course(), day(50), None).done is None and pace(course(), day(-1), 0.1).done is None


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (course(), []), (course(0.0, 0.2), ["of_nothing"]), (course(0.0, 0.2, False), []), (course(due_on=FIRST), ["no_days"]),
        (course(0.1, -0.2), ["wrong_way"]),
        (course(0.1, 0.2, lower_is_better=True), ["wrong_way"]), (course(0.1, -0.2, lower_is_better=True), []), (course(-20.0, 0.2), []),
        (course(0.9, 0.0, False), []), (course(math.nan), ["no_number"]), (course(0.0, -1.0, due_on=FIRST), ["no_days", "of_nothing"]),
        (course(0.1, -1.0, False, due_on=FIRST), ["no_days", "wrong_way"]),
    ],
)  # fmt: skip
def test_what_cannot_be_a_target(declared, found):
    assert faults(declared) == found


# what holds for every target

figures = st.floats(-1000, 1000, allow_subnormal=False)
days = st.integers(-50, 200)


@st.composite
def courses(draw):
    lower = draw(st.booleans())
    size, is_relative = draw(st.floats(0, 5, allow_subnormal=False)), draw(st.booleans())
    return course(draw(figures), -size if lower else size, is_relative, lower)


@st.composite
def intervals(draw):
    low, value, high = sorted(draw(st.tuples(figures, figures, figures)))
    return value, low, high


@given(courses(), days, intervals())
def test_in_the_mirror_everything_is_the_same(declared, n, measured):
    """Better up is as good as better down: baseline, target and figures with the other sign, and the interval's ends swapped."""
    value, low, high = measured
    mirrored = replace(declared, baseline=-declared.baseline, target=-declared.target, lower_is_better=not declared.lower_is_better)
    here, there = pace(declared, day(n), value, low, high), pace(mirrored, day(n), -value, -high, -low)
    assert (there.verdict, there.goal, there.expected) == (here.verdict, -here.goal, -here.expected)
    assert there.done == here.done or there.done == pytest.approx(here.done)


@given(courses(), days, intervals())
def test_a_share_of_the_baseline_is_as_many_points(declared, n, measured):
    assume(declared.is_relative)
    points = replace(declared, is_relative=False, target=declared.target * abs(declared.baseline))
    assert pace(points, day(n), *measured) == pace(declared, day(n), *measured)


@given(courses(), days, intervals(), st.floats(0, 100))
def test_a_better_figure_never_stands_worse(declared, n, measured, more):
    rank = ["missed", "behind", "on_pace", "reached"]
    assume(n >= 0)
    more = -more if declared.lower_is_better else more
    value, low, high = measured
    before, after = pace(declared, day(n), value, low, high), pace(declared, day(n), value + more, low + more, high + more)
    assert rank.index(after.verdict) >= rank.index(before.verdict)


@given(courses(), days, intervals())
def test_a_wider_interval_is_never_more_certain_of_being_behind(declared, n, measured):
    value, low, high = measured
    if pace(declared, day(n), value, low, high).verdict != "behind":
        assert pace(declared, day(n), value, low - 1, high + 1).verdict != "behind"


@given(courses(), days)
def test_the_line_lies_between_baseline_and_goal_and_never_turns(declared, n):
    here, next_day, ends = expected(declared, day(n)), expected(declared, day(n + 1)), sorted((declared.baseline, goal(declared)))
    assert ends[0] - 1e-9 <= here <= ends[1] + 1e-9
    assert (next_day <= here + 1e-9) if declared.lower_is_better else (next_day >= here - 1e-9)


@given(courses(), st.integers(0, 99))
def test_on_the_line_one_is_on_pace_or_there(declared, n):
    assert pace(declared, day(n), expected(declared, day(n))).verdict in ("on_pace", "reached")


@given(courses(), days, figures)
def test_verdicts_belong_to_their_days(declared, n, value):
    verdict = pace(declared, day(n), value).verdict
    assert (verdict == "not_started") == (n < 0)
    assert verdict in {"not_started"} if n < 0 else verdict in ({"reached", "missed"} if n >= 100 else {"reached", "on_pace", "behind"})
