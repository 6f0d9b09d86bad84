"""Answers that are good until the records change."""

import datetime as dt

import pytest

from access import kept
from access.kept import Kept
from records import database, journal
from records.models import Entry


@pytest.fixture
def counted():
    counted, looks = Kept(), []

    def get(data, key="k"):
        return counted.get(data, key, lambda: looks.append(key) or len(looks))

    get.forget = counted.forget
    return get


def write(data) -> None:
    journal.append(database.opened(data), Entry(at=dt.datetime.now(dt.UTC), who=None, role=None, action="looked", object=None, detail={}, snapshot=None))


def test_an_answer_holds_until_something_is_written(tmp_path, counted):
    write(tmp_path)
    assert [counted(tmp_path), counted(tmp_path)] == [1, 1]
    write(tmp_path)
    assert [counted(tmp_path), counted(tmp_path)] == [2, 2]


def test_a_database_that_comes_into_being_is_a_change(tmp_path, counted):
    assert [counted(tmp_path), counted(tmp_path)] == [1, 1]
    write(tmp_path)
    assert counted(tmp_path) == 2


def test_it_never_holds_for_long(tmp_path, counted, monkeypatch):
    write(tmp_path)
    counted(tmp_path)
    monkeypatch.setattr(kept, "LONGEST", -1.0)
    assert counted(tmp_path) == 2


def test_keys_and_directories_are_apart(tmp_path, counted):
    assert [counted(tmp_path, "a"), counted(tmp_path, "b"), counted(tmp_path / "other", "a"), counted(tmp_path, "a")] == [1, 2, 3, 1]
    counted.forget()
    assert counted(tmp_path, "a") == 4


def test_where_nobody_tells_of_changes_it_holds_for_a_moment(tmp_path, counted, monkeypatch):
    monkeypatch.setattr(kept.database, "mark", lambda *of: None)
    assert [counted(tmp_path), counted(tmp_path)] == [1, 1]
    monkeypatch.setattr(kept, "SECONDS", -1.0)
    assert counted(tmp_path) == 2


def test_more_than_may_be_held_are_given_up(tmp_path):
    held, looks = Kept(most=2), []
    for key in ("a", "b", "c", "c", "a"):
        held.get(tmp_path, key, lambda key=key: looks.append(key))
    assert looks == ["a", "b", "c", "a"]
