"""The back-test on the at-risk page: with a model that proved itself, and honest where rules alone carry the list."""

import datetime as dt

import pytest

from access import guard
from access.grants import Grant
from locales import has
from metrics.churn_features import KINDS, NUMBERS
from metrics.churn_model import RANKERS
from metrics.churn_population import POPULATIONS
from records import database, settings
from tests.metrics import leavers
from tests.pages.conftest import failures, texts
from tests.published import publish

WHY = ("short", "few_lost", "few_stayed", "one_class", "nothing_telling", "untested", "beaten", "proved", "unseen")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A company whose customers complain before they leave."""
    return publish(tmp_path_factory.mktemp("left"), leavers.company())


@pytest.fixture
def there(warehouses, left, monkeypatch):
    monkeypatch.setitem(warehouses, "left", left)


@pytest.mark.usefixtures("there")
def test_a_model_that_proved_itself_stands_in_the_list_with_its_reasons(run):
    app = run("at_risk", "left")
    assert failures(app) == []
    written = texts(app)
    assert "tested on past quarters" in written and "not by a forecast" not in written
    assert "Learned from" in written and "the model" in written and "times the average" in written
    rows = next(part.value for part in app.dataframe if "likely" in part.value.columns)
    asked, left_already = rows[rows["likely"].notna()], rows[rows["likely"].isna()]  # whose agreement has ended is not asked about
    assert len(asked) > 5 and asked["likely"].between(0, 100).all() and set(left_already["likely_why"]) <= {""}
    assert asked["likely_why"].str.contains("odds ×").all() and asked["likely_place"].str.contains(" of ").all()
    assert rows["revenue"].is_monotonic_decreasing  # what sorts the list stays what is at stake
    table = next(part.value for part in app.dataframe if "lift" in part.value.columns)
    assert list(table["called"]) == ["the model", "days since the last purchase", "the rules' score"]


@pytest.mark.usefixtures("there")
def test_it_is_told_in_chinese_too(run):
    app = run("at_risk", "left", "zh-CN")
    assert failures(app) == [] and "前一成" in texts(app) and "模型说明" in str([box.label for box in app.expander])


@pytest.mark.usefixtures("there")
def test_a_policy_that_was_changed_since_the_sync_is_said_to_be_newer(run, left):
    words = "The at-risk policy was changed since the last sync"
    assert words not in texts(run("at_risk", "left"))
    engine = database.connect(left)
    put = settings.put(engine, settings.RISK, {"coverage": 0.45}, 0, "ann", dt.datetime.now(dt.UTC))
    try:
        assert words in texts(run("at_risk", "left"))
    finally:
        settings.put(engine, settings.RISK, {}, put.version, "ann", dt.datetime.now(dt.UTC))


@pytest.mark.usefixtures("there")
def test_a_restricted_reader_is_told_of_the_own_customers_and_sees_no_card_of_all(run, monkeypatch):
    whole = next(part.value for part in run("at_risk", "left").dataframe if "lift" in part.value.columns)
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "segment", "region", ("North",)))
    app = run("at_risk", "left")
    assert failures(app) == [] and "Learned from" not in texts(app)
    own = next(part.value for part in app.dataframe if "lift" in part.value.columns)
    assert 0 < own["customers"].iloc[0] < whole["customers"].iloc[0]


def test_without_enough_of_a_past_the_rules_carry_the_list_and_it_says_so(run):
    app = run("at_risk")
    assert failures(app) == [] and "There is no model" in texts(app) and "not by a forecast" in texts(app)
    assert not any("likely" in part.value.columns for part in app.dataframe)


def test_everything_has_its_words():
    assert all(has(f"churn.features.{name}") for name in (*NUMBERS, *KINDS)) and all(has(f"churn.why.{name}") for name in WHY)
    assert all(has(f"churn.rankers.{name}") and has(f"churn.short.{name}") and has(f"churn.carried.{name}") for name in RANKERS)
    assert all(has(f"churn.populations.{name}") for name in POPULATIONS)
