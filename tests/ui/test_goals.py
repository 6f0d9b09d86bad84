"""Targets in the app: over which days they are measured, which card they belong to, who may know them, and their words."""

import datetime as dt
from types import SimpleNamespace

import pytest

from access.scope import FULL, NOTHING, Scope
from metrics.pace import goal
from metrics.period import Calendar, Period
from records.models import Target
from ui import data, goal_form, numbers, offered, standing, words
from ui.selection import Selection
from ui.view import View

D = dt.date
AS_OF = D(2026, 6, 21)  # the first day that is not loaded
NORTH = Scope((("region", ("North",)),))
NO_AMOUNTS = ("amounts",)


def target(number=1, **further) -> Target:
    given = {
        "metric": "win_rate", "options": {}, "period": "last12", "segment": [], "baseline": 0.1, "baseline_on": D(2025, 12, 31), "target": 0.2,
        "is_relative": True, "lower_is_better": False, "starts_on": D(2026, 1, 1), "due_on": D(2026, 12, 31), "owner": "Ann", "note": "", "is_closed": False,
    }  # fmt: skip
    return Target(number=number, **{**given, **further})


def view(period="last12", **where) -> View:
    selection = Selection(period=period, where=tuple((name, values) for name, values in where.items()))
    return View("s1", selection, standing.selection.period(selection, AS_OF, D(2024, 1, 1), Calendar()), {}, "en")


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    for module in (numbers, words):
        monkeypatch.setattr(module, "language", lambda: "en")
    monkeypatch.setattr(data, "reach", lambda snapshot: data.Reach(D(2024, 1, 1), AS_OF))
    monkeypatch.setattr(offered, "choices", lambda snapshot: {"region": {"North": "North"}, "owner": {"crm:1": "Bob"}})


@pytest.fixture
def kept(monkeypatch):
    """kept([target, …], scope) → what standing.known finds in the records, for a reader of this scope."""

    def keep(found, scope=FULL):
        monkeypatch.setattr(standing, "_kept", SimpleNamespace(read=lambda data, look: found))
        monkeypatch.setattr(standing, "admitted_now", lambda: SimpleNamespace(scope=scope))

    return keep


# which days


@pytest.mark.parametrize(
    ("period", "due", "days"),
    [
        ("last12", D(2027, 1, 31), (D(2025, 6, 1), D(2026, 5, 31))),  # not due yet: the last whole months
        ("last12", D(2026, 3, 15), (D(2025, 4, 1), D(2026, 3, 31))),  # due in the middle of a month: with that month
        ("last12", D(2026, 3, 31), (D(2025, 4, 1), D(2026, 3, 31))),
        ("last3", D(2025, 12, 31), (D(2025, 10, 1), D(2025, 12, 31))),
        ("last_month", D(2026, 2, 1), (D(2026, 2, 1), D(2026, 2, 28))),
        ("last90", D(2026, 3, 31), (D(2026, 1, 1), D(2026, 3, 31))),  # 31 + 28 + 31 days
        ("last90", D(2027, 1, 1), (D(2026, 3, 23), D(2026, 6, 20))),  # 9 + 30 + 31 + 20 days
        ("last_month", D(2026, 6, 10), (D(2026, 5, 1), D(2026, 5, 31))),  # due, and its month still runs: judged when it is over
    ],
)
def test_the_days_measured_end_with_those_that_hold_the_day_it_is_due(period, due, days):
    found = standing.days_of(view(), period, due)
    assert (found.start, found.last_day) == days and found.complete


def test_without_facts_there_are_no_days(monkeypatch):
    monkeypatch.setattr(data, "reach", lambda snapshot: None)
    assert standing.days_of(view(), "last12") is None and standing.standing(view(), target()) is None


@pytest.mark.parametrize("period", standing.PERIODS)
def test_the_days_are_as_long_whenever_one_looks(monkeypatch, period):
    """Or the figure would move with the calendar: the month to date has 1 day, then 30."""
    found = set()
    for day in range(400):
        monkeypatch.setattr(data, "reach", lambda snapshot, day=day: data.Reach(D(2020, 1, 1), AS_OF + dt.timedelta(days=day)))
        days = standing.days_of(view(), period)
        found.add(days.days if period == "last90" else days.whole_months)
    assert len(found) == 1


# where it stands


@pytest.fixture
def measured(monkeypatch):
    """measured(value, low, high) → every question is answered so; the list of questions asked."""
    asked = []

    def answer(value, low=None, high=None, state="value"):
        row = {"value": value, "low": low, "high": high, "state": state}
        monkeypatch.setattr(standing, "figure", lambda view, metric, options, period, segment: asked.append((metric, options, period, segment)) or row)
        return asked

    return answer


# on 31 May 2026, 150 of 364 days of the line from 0.10 to 0.12: 0.1082
def test_a_target_is_asked_for_its_own_customers_options_and_days_whatever_the_page_shows(measured):
    asked = measured(0.11, 0.10, 0.12)
    one = target(segment=[["region", "North"]], options={"base": "closed"})
    found = standing.standing(view("last_month", region=("South",)), one)
    assert asked == [("win_rate", {"base": "closed"}, Period(D(2025, 6, 1), D(2026, 6, 1), AS_OF), [["region", "North"]])]
    assert found.pace.expected == pytest.approx(0.1 + 0.02 * 150 / 364) and found.pace.verdict == "on_pace"


@pytest.mark.parametrize(
    ("value", "low", "high", "state", "verdict"),
    [
        (0.105, 0.10, 0.108, "value", "behind"), (0.105, 0.10, 0.11, "value", "on_pace"), (0.12, 0.10, 0.14, "value", "reached"),
        (0.5, 0.4, 0.6, "suppressed", "no_value"), (float("nan"), float("nan"), float("nan"), "no_data", "no_value"),
        (0.105, float("nan"), float("nan"), "value", "behind"),
    ],
)  # fmt: skip
def test_the_verdict_is_that_of_the_figure_and_its_interval(measured, value, low, high, state, verdict):
    measured(value, low, high, state)
    assert standing.standing(view(), target()).pace.verdict == verdict


def test_a_figure_that_this_program_does_not_have_stands_nowhere(measured):
    measured(1.0)
    assert standing.standing(view(), target(metric="gone")) is None and standing.standing(view(), target(period="decade")) is None


# which card


def test_a_card_shows_the_target_for_exactly_the_customers_of_the_page(kept):
    company, north, both = target(1), target(2, segment=[["region", "North"]]), target(3, segment=[["region", "North"], ["region", "South"]])
    kept([company, north, both])

    def found(**where):
        shown = standing.of_card(view(**where), "win_rate", {}, {})
        return shown and shown.number

    assert (found(), found(region=("North",)), found(region=("South", "North")), found(region=("South",))) == (1, 2, 3, None)
    assert found(region=("North",), grade=("core",)) is None


def test_customers_without_a_value_are_a_segment_too(kept):
    kept([target(1, segment=[["region", ""]])])
    assert standing.of_card(view(region=("-",)), "win_rate", {}, {}).number == 1 and standing.of_card(view(), "win_rate", {}, {}) is None


def test_a_card_with_options_shows_the_target_with_the_same_ones(kept):
    kept([target(1, metric="funnel_to_cash", options={"within_days": 90}), target(2)])
    assert standing.of_card(view(), "funnel_to_cash", {"within_days": 90}, {}).number == 1
    assert standing.of_card(view(), "funnel_to_cash", {}, {}) is None and standing.of_card(view(), "win_rate", {"base": "closed"}, {}) is None
    assert standing.of_card(view(), "win_rate", {}, {"region": "North"}) is None  # the card narrows further than the page


def test_closed_targets_are_on_no_card_and_the_next_due_comes_first(kept):
    kept([target(1, is_closed=True), target(2), target(3)])
    assert standing.of_card(view(), "win_rate", {}, {}).number == 2


def test_the_pace_stands_on_a_card_only_where_its_figure_is_the_targets(kept, measured):
    asked = measured(0.105, 0.10, 0.108)
    kept([target()])
    line, papers = standing.line(view(), target())
    assert words.aloud(line) == "Target 12.0% by 31 Dec 2026 · :red[behind]"
    assert "Baseline 10.0% (31 Dec 2025), +20.0%" in words.aloud(papers) and "it would be 10.8% on 31 May 2026" in words.aloud(papers)
    asked.clear()
    line, papers = standing.line(view("last3"), target())
    assert words.aloud(line) == "Target 12.0% by 31 Dec 2026, measured over: Last 12 months" and "would be" not in papers
    assert asked == []  # nor is it computed


# who may know


@pytest.mark.parametrize(
    ("scope", "metric", "segment", "may"),
    [
        (FULL, "arpu", [], True), (FULL, "gone", [], True), (NORTH, "arpu", [], False), (NORTH, "arpu", [["region", "North"]], True),
        (NORTH, "arpu", [["region", "South"]], False), (NOTHING, "win_rate", [], False),
        (Scope(is_full=True, veils=NO_AMOUNTS), "win_rate", [], True), (Scope(is_full=True, veils=NO_AMOUNTS), "tickets_solved", [], True),
        (Scope(is_full=True, veils=NO_AMOUNTS), "arpu", [], False), (Scope(is_full=True, veils=NO_AMOUNTS), "nrr", [], False),  # a share, made of amounts
        (Scope(is_full=True, veils=NO_AMOUNTS), "gone", [], False), (Scope(is_full=True, veils=("personal",)), "arpu", [], True),
        (Scope(NORTH.rules, veils=NO_AMOUNTS), "win_rate", [["region", "North"]], True), (Scope(NORTH.rules, veils=NO_AMOUNTS), "win_rate", [], False),
    ],
)  # fmt: skip
def test_who_may_know_a_target(kept, scope, metric, segment, may):
    kept([target(metric=metric, segment=segment)], scope)
    assert (len(standing.known()) == 1) == may


def test_a_card_tells_a_reader_no_foreign_total(kept):
    kept([target(1), target(2, segment=[["region", "North"]])], NORTH)
    assert standing.of_card(view(), "win_rate", {}, {}) is None  # the reader's whole is not the company
    assert standing.of_card(view(region=("North",)), "win_rate", {}, {}).number == 2


# words


@pytest.mark.parametrize(
    ("metric", "value", "is_relative", "said"),
    [
        ("win_rate", 0.2, True, "+20.0%"), ("win_rate", 0.2, False, "+20.0 pp"), ("win_rate", -0.05, False, "−5.0 pp"), ("nps", 5.0, False, "+5.0"),
        ("nps", 0.1, True, "+10.0%"), ("sales_cycle", -0.5, True, "−50.0%"), ("sales_cycle", -3.0, False, "−3.0 days"), ("revenue", 1000.0, False, "+CN¥1,000"),
    ],
)  # fmt: skip
def test_a_change_says_whether_it_is_relative_or_points(metric, value, is_relative, said):
    assert standing.change_of(view(), metric, value, is_relative) == said


def test_customers_in_words():
    assert standing.described(view(), []) == "Whole company"
    said = standing.described(view(), [["region", "North"], ["region", ""], ["owner_id", "crm:1"], ["owner_id", "crm:9"]])
    assert said == "Region: North, (none given) · Owner: Bob, crm:9"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("due_on", "2026-12-31", "31 Dec 2026"), ("due_on", D(2026, 12, 31), "31 Dec 2026"), ("baseline", 0.1, "10.0%"), ("period", "last3", "Last 3 months"),
        ("period", "decade", "decade"), ("is_closed", True, "closed"), ("is_closed", False, "open"), ("owner", "Ann", "Ann"), ("target", 0.2, "+20.0%"),
        ("segment", [["region", "North"]], "Region: North"), ("metric", "funnel_to_cash", "Paid within 90 days"), ("metric", "gone", "gone"), ("old", None, ""),
        ("options", {"a": 1}, "a = 1"),
    ],
)  # fmt: skip
def test_every_column_has_its_words(name, value, said):
    assert standing.worded(view(), "win_rate", name, value) == said


def test_every_figure_that_is_offered_is_one_that_can_be_aimed_at():
    assert [name for name in goal_form.OFFERED if data.metric(name).better is None] == []
    for name, options in standing.OPTIONS.items():
        assert name in goal_form.OFFERED and set(options) <= set(data.metric(name).options)


def test_the_goal_of_a_record_is_the_goal_of_its_course():
    assert goal(standing.course(target())) == pytest.approx(0.12)
