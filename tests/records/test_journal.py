"""The access log: what goes in, what is refused, and that the database itself keeps what is in it."""

import datetime as dt
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import journal, settings
from records.database import RecordsError
from records.models import Entry
from tests.records.conftest import NOW


def entry(action="opened", at=NOW, **further):
    return Entry(action=action, at=at, **further)


def append(engine, *args, **further):
    journal.append(engine, entry(*args, **further))


def ago(days: float) -> dt.datetime:
    """By the clock of the database, which decides what is old."""
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=days)


def actions(engine, **filters):
    return [found.action for found in journal.entries(engine, **filters)]


def test_an_entry_is_kept_as_it_was_written(engine):
    append(engine, who="ann@x.org", role="sales", object="customer crm:1", detail={"filters": {"region": ["North"]}, "rows": 12, "is_all": None}, snapshot="s1")
    (found,) = journal.entries(engine)
    assert (found.at, found.who, found.role, found.action, found.object, found.snapshot) == (NOW, "ann@x.org", "sales", "opened", "customer crm:1", "s1")
    assert found.detail == {"filters": {"region": ["North"]}, "rows": 12, "is_all": None}


def test_entries_come_newest_first_and_can_be_narrowed(engine):
    for hour, action, who in ((1, "a", "ann"), (3, "c", "bob"), (2, "b", "ann")):
        append(engine, action, NOW + dt.timedelta(hours=hour), who=who)
    two, three = NOW + dt.timedelta(hours=2), NOW + dt.timedelta(hours=3)
    assert actions(engine) == ["c", "b", "a"]
    assert actions(engine, since=two) == ["c", "b"] and actions(engine, until=three) == ["b", "a"] and actions(engine, since=two, until=three) == ["b"]
    assert actions(engine, who="ann") == ["b", "a"] and actions(engine, action="a") == ["a"] and actions(engine, who="bob", action="a") == []
    assert actions(engine, most=1) == ["c"] and actions(engine, most=None) == ["c", "b", "a"]


def test_of_one_moment_the_one_written_last_comes_first(engine):
    for action in "abc":
        append(engine, action)
    assert actions(engine) == ["c", "b", "a"]


def test_where_nothing_was_ever_made_there_are_no_entries(bare):
    assert journal.entries(bare) == [] and journal.purge(bare, NOW) == 0


@pytest.mark.parametrize(
    "name",
    ["password", "Passwd", "pwd", "user_password", "passphrase", "token", "access_token", "idToken", "clientSecret", "SECRET", "api_key", "apiKey", "API-KEY",
     "x.api.key", "apikey", "Authorization", "Set-Cookie", "credentials", "privateKey", "jwt", "session_id", "sessionId", "otp", "pin", "密码", "登录口令"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_is_called_like_a_secret_is_refused(engine, name):
    for detail in ({name: "x"}, {"changed": [{"new": {name: "x"}}]}):
        with pytest.raises(RecordsError, match="looks like a secret by its name") as refused:
            append(engine, detail=detail)
        assert name in str(refused.value)
    assert journal.entries(engine) == []


@pytest.mark.parametrize("name", ["key", "keys", "region", "compass", "spins", "author", "opinion", "session_hours", "pass_rate", "tokyo"])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_is_no_secret_is_none(engine, name):
    append(engine, detail={name: 1})
    assert journal.entries(engine)[0].detail == {name: 1}


def test_the_password_of_a_url_is_masked_wherever_it_stands(engine):
    append(engine, object="postgresql://ann:geheim@db/x", detail={"old": ["see mysql://u:p%40ss@h"], "new": "http://a.b:80/x"})
    (found,) = journal.entries(engine)
    assert found.object == "postgresql://ann:***@db/x" and found.detail == {"old": ["see mysql://u:***@h"], "new": "http://a.b:80/x"}


@pytest.mark.parametrize("value", [dt.date(2026, 1, 1), float("nan"), float("inf"), {1, 2}, b"x", object()])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_only_plain_json_is_kept(engine, value):
    with pytest.raises(RecordsError, match=r"detail\.a\[0\] is .* not plain JSON"):
        append(engine, detail={"a": [value]})
    with pytest.raises(RecordsError, match="keys of detail must be text"):
        append(engine, detail={1: "x"})


def test_text_that_a_database_cannot_hold_is_written_all_the_same(engine):
    append(engine, object="a\0b\ud800", detail={"text": "a\0b\ud800"})
    assert [(found.object, found.detail) for found in journal.entries(engine)] == [("a\ufffdb?", {"text": "a\ufffdb?"})]


# what the database itself refuses


CHANGES = (
    "update access_log set who = 'nobody'",
    "update access_log set at = :old",
    "delete from access_log",
    "delete from access_log where number = 1",
)
CHANGES_OF = {
    "sqlite": ("insert or replace into access_log select * from access_log", "replace into access_log select * from access_log"),
    "postgresql": ("truncate access_log", "insert into access_log select * from access_log on conflict (number) do update set who = 'nobody'"),
}


def test_no_statement_changes_or_removes_an_entry(engine, kind):
    append(engine, at=ago(1))
    for statement in (*CHANGES, *CHANGES_OF[kind]):
        with pytest.raises(DatabaseError, match="the access log is append-only"), engine.begin() as connection:
            connection.execute(text(statement), {"old": "2000-01-01 00:00:00"} if ":old" in statement else {})
        assert len(journal.entries(engine)) == 1, statement


def test_an_old_entry_cannot_be_changed_either(engine):
    append(engine, at=ago(4000))
    with pytest.raises(DatabaseError, match="never changed"), engine.begin() as connection:
        connection.execute(text("update access_log set who = 'nobody'"))


def left_by_the_database(engine) -> list[str]:
    """Try to remove every entry, one by one; what the database let nobody remove."""
    for found in journal.entries(engine):
        try:
            with engine.begin() as connection:
                connection.execute(text("delete from access_log where number = :number"), {"number": found.number})
        except DatabaseError as error:
            assert "access_log_days" in str(error)
    return actions(engine)


def aged(engine, *days: int) -> None:
    for n in days:
        append(engine, str(n), ago(n))


def test_without_a_setting_two_years_are_kept(engine):
    aged(engine, 1, 729, 731)
    assert left_by_the_database(engine) == ["1", "729"]


def test_the_setting_decides_how_old_is_old(engine):
    settings.put(engine, "access_log_days", 90, 0, "x", NOW)
    aged(engine, 1, 89, 91)
    assert left_by_the_database(engine) == ["1", "89"]


@pytest.mark.parametrize(("value", "days"), [(1, 30), (0, 730), ("soon", 730), (None, 730), (10**12, 730), ("9999999999", 730)])
def test_a_setting_that_went_around_the_program_never_opens_the_log(engine, kind, value, days):
    """What the program would refuse is written by other means: too few days count as 30, what is no number as not set."""
    with engine.begin() as connection:
        statement = "insert into settings values ('access_log_days', :value, :at, 'x', 1)"
        connection.execute(text(statement), {"value": json.dumps(value), "at": NOW if kind == "postgresql" else "2026-01-01 00:00:00"})
    aged(engine, 1, 29, 31)
    assert left_by_the_database(engine) == ["1", "29", "31"][: 2 if days == 30 else 3]


def test_purging_removes_what_is_older_than_the_setting_and_says_how_much(engine):
    aged(engine, 1, 400, 729, 731, 800)
    assert journal.purge(engine, dt.datetime.now(dt.UTC)) == 2
    assert actions(engine) == ["1", "400", "729"]
    settings.put(engine, "access_log_days", 365, 0, "x", NOW)
    assert journal.purge(engine, dt.datetime.now(dt.UTC)) == 2
    assert (journal.purge(engine, dt.datetime.now(dt.UTC)), actions(engine)) == (0, ["1"])


def test_a_clock_that_runs_ahead_removes_nothing_young(engine):
    aged(engine, 100)
    with pytest.raises(DatabaseError, match="append-only"):
        journal.purge(engine, dt.datetime.now(dt.UTC) + dt.timedelta(days=3000))
    assert actions(engine) == ["100"]
