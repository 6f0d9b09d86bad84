"""How is Rapport set up, and who sees what?"""

import datetime as dt
from pathlib import Path

import pytest

import locales
from access import grants
from access.grants import Grant
from access.guard import CHOICE
from access.reader import SITTING_HERE, Reader
from access.scope import FULL
from records import database, journal, rules, settings
from tests.pages.conftest import failures, texts
from ui import rights

PARTS = ("roles", "targets", "calendar", "definitions", "limits", "risk", "log")


@pytest.fixture
def engine(warehouses):
    """The records of the small company, without rules."""
    engine = database.opened(warehouses["full"])
    for rule in rules.rules(engine):
        rules.remove(engine, rule.number, rule.version)
    grants.forget()
    yield engine
    for rule in rules.rules(engine):
        rules.remove(engine, rule.number, rule.version)
    grants.forget()


def part(app, name: str):
    app.button_group(key="settings_part").set_value(name).run()
    return app


@pytest.mark.parametrize("warehouse", ["full", "empty", "missing"])
def test_every_part_opens(run, warehouse):
    assert not failures(run("settings", warehouse, "zh-CN"))
    app = run("settings", warehouse)
    assert not failures(app)
    for name in PARTS[1:]:
        assert not failures(part(app, name)), name


def test_a_rule_is_added_changed_and_removed(run, engine):
    app = run("settings")
    app.text_input(key="rule_subject_new").set_value("Ann@Example.com").run()
    app.selectbox(key="rule_role_new").set_value("sales").run()
    app.selectbox(key="rule_reach_new").set_value("segment").run()
    app.multiselect(key="rule_values_new_region").set_value(["North"]).run()
    assert "This opens" in texts(app) and not failures(app)
    app.button(key="rule_save").click().run()
    assert not failures(app)
    (rule,) = rules.rules(engine)
    assert (rule.subject, rule.role, rule.column, rule.values, rule.changed_by) == ("ann@example.com", "sales", "region", ["North"], None)
    assert grants.grants(Path(engine.url.database).parent, "ann@example.com") == (Grant("sales", "segment", "region", ("North",)),)
    newest = journal.entries(engine, most=1)[0]
    assert (newest.action, newest.object, newest.detail["values"]) == ("rule_added", "Ann@Example.com", ["North"])


def test_a_rule_that_cannot_be_keeps_what_was_typed(run, engine):
    app = run("settings")
    app.text_input(key="rule_subject_new").set_value("no address").run()
    app.button(key="rule_save").click().run()
    assert "is no e-mail" in app.error[0].value.replace("\\", "")
    assert app.text_input(key="rule_subject_new").value == "no address"
    assert not rules.rules(engine)


def test_two_administrators_at_one_rule(engine, warehouses, monkeypatch):
    """The form is of an earlier version: who saves second is told, and the first one's change stands."""
    monkeypatch.setenv("RAPPORT_DATA", str(warehouses["full"]))
    made = rules.grant(
        engine, rules.Rule(subject_kind="user", subject="a@b.c", role="sales", reach="own", column=None, values=[]), "Ann", dt.datetime.now(dt.UTC)
    )

    given = {"subject_kind": "user", "subject": "a@b.c", "role": "auditor", "reach": "all", "column": None, "values": []}
    rules.change(engine, made.number, made.version, by="Bo", at=dt.datetime.now(dt.UTC), role="executive")
    with pytest.raises(rules.Conflict, match="changed by Bo"):
        rights._written(Reader(None, SITTING_HERE, FULL), made, given)
    assert rules.rules(engine)[0].role == "executive"


def test_limits_are_set_within_their_bounds(run, engine):
    app = part(run("settings"), "limits")
    app.number_input(key="knob_session_hours").set_value(8).run()
    app.button(key="knob_session_hours_save").click().run()
    assert not failures(app) and settings.get(engine, "session_hours") == 8
    app.number_input(key="knob_session_hours").set_value(0).run()
    app.button(key="knob_session_hours_save").click().run()
    assert "from 1 to 720" in app.error[0].value and settings.get(engine, "session_hours") == 8
    stored = settings.stored(engine)["session_hours"]
    settings.put(engine, "session_hours", 12, stored.version, "test", dt.datetime.now(dt.UTC))


@pytest.mark.parametrize(
    ("grant", "shown"),
    [
        (Grant("administrator", "all"), PARTS),
        (Grant("auditor", "all"), ("targets", "calendar", "definitions", "log")),
        (Grant("executive", "all"), ("targets", "calendar", "definitions")),
        (Grant("administrator", "segment", "region", ("North",)), ("targets", "calendar", "definitions")),
        (Grant("sales", "own"), ("targets", "calendar", "definitions")),
    ],
)
def test_each_role_has_its_parts(run, grant, shown):
    app = run("settings")
    app.session_state[CHOICE] = (None, grant)
    app.run()
    assert not failures(app)
    assert [option.content for option in app.button_group(key="settings_part").proto.options] == [
        locales.word(f"settings.parts.{name}", "en") for name in shown
    ]


def test_a_partner_has_no_settings(run):
    app = run("settings")
    app.session_state[CHOICE] = (None, Grant("partner", "all"))
    app.run()
    assert "not part of your role" in texts(app) and not app.title


def test_the_log_tells_what_was_taken(run, engine):
    app = part(run("settings"), "log")
    assert not failures(app)
    assert "Entries can only be added" in texts(app)
