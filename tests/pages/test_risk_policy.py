"""The policy about customers at risk as it is set in the app: kept, in force at once, and refused with its faults."""

import datetime as dt

import pytest
from sqlalchemy import text

from access import guard
from access.grants import Grant
from records import database, settings
from tests.commands import show
from tests.pages.conftest import failures, texts
from ui import risk_policy

NOW = dt.datetime(2026, 8, 2, tzinfo=dt.UTC)


@pytest.fixture
def engine(warehouses):
    """The records of the small company; without a policy afterwards."""
    engine = database.opened(warehouses["full"])
    yield engine
    with engine.begin() as connection:
        connection.execute(text("delete from settings where name = 'risk'"))
    risk_policy._kept.forget()


def form(run):
    app = run("settings")
    app.button_group(key="settings_part").set_value("risk").run()
    assert failures(app) == []
    return app


def kept(app, written):
    app.text_area(key="risk_policy").set_value(written)
    return app.button(key="risk_policy_save").click().run()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "This is not JSON: line 1"),
        ("[1]", "metrics.risk.settings: Extra inputs"),
        ('{"bands": [{"until_days": 90}, {"after_days": 100}]}', "none holds what lies above 90 and up to 100 days"),
        ('{"weights": {"mood": 1}}', "'mood' is no factor"),
    ],
)
def test_what_cannot_be_is_not_kept(run, engine, written, said):
    app = kept(form(run), written)
    assert said in "".join(failures(app)).replace("\\", "").replace("\u2060", "") and "risk" not in settings.stored(engine)


def test_a_policy_is_kept_and_in_force_at_once(run, engine):
    def counted():
        app = run("at_risk")
        assert failures(app) == []
        return next(line for line in texts(app).splitlines() if "customers are at risk" in line)

    before = counted()
    app = kept(form(run), '{"weights": {"owner": 0, "silence": 0}}')
    assert failures(app) == [] and settings.get(engine, "risk") == {"weights": {"owner": 0, "silence": 0}}
    assert counted() != before


def test_the_command_line_asks_by_the_same_policy(engine, warehouses):
    at_risk = lambda: show(warehouses["full"], "at_risk")["rows"][0]["numerator"]  # noqa: E731
    before = at_risk()
    settings.put(engine, "risk", {"weights": {"owner": 0, "silence": 0}}, 0, "ann", NOW)
    assert at_risk() < before


def test_only_who_may_edit_settings_finds_it(run, engine, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "all"))
    assert "At-risk policy" not in run("settings").button_group(key="settings_part").options


def test_what_is_set_in_the_app_goes_before_the_sources_file(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPPORT_DATA", str(tmp_path))
    known = {"calendar": {}, "metrics": {"risk": {"coverage": 0.7}, "nps": {}}}
    assert risk_policy.in_force(known) == known
    settings.put(database.opened(tmp_path), "risk", {"coverage": 0.5}, 0, "ann", NOW)
    risk_policy._kept.forget()
    assert risk_policy.in_force(known) == {"calendar": {}, "metrics": {"risk": {"coverage": 0.5}, "nps": {}}}
    assert known["metrics"]["risk"] == {"coverage": 0.7}
