"""Settings made in the app: defaults, bounds, and two people at one of them."""

import pytest
from sqlalchemy import text

from records import settings
from records.database import RecordsError
from records.editing import Conflict
from tests.records.conftest import NOW


def put(engine, value, version=0, by="ann", name="session_hours"):
    return settings.put(engine, name, value, version, by, NOW)


def test_what_nobody_set_is_at_its_default(engine, bare):
    assert (settings.get(engine, "session_hours"), settings.get(engine, "access_log_days"), settings.stored(engine)) == (12, 730, {})
    assert settings.get(engine, "session_hours", 8) == 8


def test_where_nothing_was_ever_made_defaults_hold(bare):
    assert (settings.get(bare, "session_hours"), settings.stored(bare)) == (12, {})


def test_what_was_set_holds_with_who_set_it(engine):
    assert put(engine, 24).version == 1
    row = settings.stored(engine)["session_hours"]
    assert (settings.get(engine, "session_hours"), row.changed_by, row.changed_at, row.version) == (24, "ann", NOW, 1)
    assert put(engine, 8, row.version, "bob").version == 2
    assert (settings.get(engine, "session_hours", 5), settings.stored(engine)["session_hours"].changed_by) == (8, "bob")


@pytest.mark.parametrize("name", settings.KNOWN)
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_every_default_fits(engine, name):
    assert put(engine, settings.get(engine, name), name=name).value == settings.KNOWN[name].default


@pytest.mark.parametrize(
    ("name", "fitting", "wrong"),
    [("access_log_days", (30, 3650), (29, 3651, 30.5, "90", None, True)), ("session_hours", (1, 720), (0, 721, -1, 2.0, "12", [], False))],
)
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_bounds_hold_on_both_sides(engine, name, fitting, wrong):
    for value in wrong:
        with pytest.raises(RecordsError, match=f"the setting {name} must be a whole number of"):
            put(engine, value, name=name)
    assert settings.stored(engine) == {}
    for version, value in enumerate(fitting):
        assert put(engine, value, version, name=name).value == value


def test_a_setting_that_does_not_exist_is_refused(engine):
    for call in (lambda: settings.get(engine, "colour"), lambda: put(engine, 1, name="colour")):
        with pytest.raises(RecordsError, match=r"no setting 'colour'; there are access_log_days, session_hours, risk"):
            call()


def test_two_people_at_one_setting(engine):
    """Nobody had set it when both opened the page; later both have read version 1."""
    put(engine, 24, 0, "first")
    with pytest.raises(Conflict, match=r"session_hours was changed by first on 2026-08-02") as conflict:
        put(engine, 8, 0, "second")
    assert conflict.value.present.value == 24
    put(engine, 6, 1, "first")
    with pytest.raises(Conflict, match="first"):
        put(engine, 8, 1, "second")
    assert settings.get(engine, "session_hours") == 6


def test_a_value_written_by_other_means_is_not_believed(engine):
    put(engine, 24)
    with engine.begin() as connection:
        connection.execute(text("update settings set value = '100000'"))
    with pytest.raises(RecordsError, match="must be a whole number of hours from 1 to 720, not 100000"):
        settings.get(engine, "session_hours")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_policy_is_a_table_whose_content_the_records_do_not_judge(engine):
    for wrong in ([], "{}", 3, None):
        with pytest.raises(RecordsError, match="the setting risk must be a table of settings"):
            put(engine, wrong, name="risk")
    assert put(engine, {"bands": [{"renewal_days": 30}]}, name="risk").value == {"bands": [{"renewal_days": 30}]} == settings.get(engine, "risk")
