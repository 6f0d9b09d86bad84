"""Are we there when it counts: every warehouse and language, what waits now, each promise with its rows, and the comparison with its caution."""

import pytest

from locales import has, word
from metrics.clocks import CLOCKS
from tests.commands import rows
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts


def table(app, column: str):
    return next(part.value for part in app.dataframe if column in part.value.columns)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("journey", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Are we there when it counts?", "zh-CN": "关键时刻，我们到位了吗？"}[language]


def test_what_waits_is_that_of_today_whatever_the_period_and_can_be_narrowed(run):
    app = run("journey", period="last_year")
    whole = table(app, "left_hours")
    assert failures(app) == [] and "kept in time" in texts(app) and "are overdue for longer" in texts(app)
    assert list(whole["left_hours"]) == list(table(run("journey"), "left_hours")["left_hours"])
    place = [0 if -24 <= left <= 0 else 1 if left > 0 else 2 for left in whole["left_hours"]]
    assert place == sorted(place) and {1, 2} <= set(place)
    narrowed = table(app.pills(key="journey_waiting").set_value("promise").run(), "left_hours")
    assert 0 < len(narrowed) < len(whole) and set(narrowed["clock"]) == {"promised next action"}


def test_a_promise_opens_as_many_rows_as_its_time_is_over(run, warehouses):
    app = run("journey", period="all")
    app = app.selectbox(key="journey_clocks_pick").select_index(0).run()
    found = table(app, "limit_hours")
    (name,) = {clock for clock in CLOCKS if word(f"journey.clocks.{clock}", "en") == found["clock"].iloc[0]}
    assert failures(app) == [] and len(found) == next(row["n"] for row in rows(warehouses["full"], "clocks") if row["clock"] == name)


def test_the_comparison_is_told_with_its_caution(run):
    app = run("journey")
    written = texts(app)
    assert "were not followed up in time were lost" in written and "reduce" not in written.lower()
    assert list(table(app, "adjusted")["group"]) == ["in time", "not in time"]


def test_every_clock_has_its_words():
    assert all(has(f"journey.clocks.{name}") for name in CLOCKS)
