"""A file leaves the server: who took it is noted first, and who may no longer have it does not get it."""

import datetime as dt

import pandas as pd
import pytest

from access import guard
from access.grants import Grant
from metrics.period import Period
from records import database, journal
from tests.company import SETTINGS, company
from tests.published import publish
from ui import data, table
from ui.selection import Selection
from ui.view import View

YEAR = Period(dt.date(2025, 1, 1), dt.date(2026, 1, 1), as_of=dt.date(2026, 6, 21))
ROWS = pd.DataFrame({"name": ["Ann", "Bo"]})


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("taking") / "data", company(), SETTINGS, id="taking-1")


@pytest.fixture
def view(published, monkeypatch):
    monkeypatch.setattr(guard.st, "session_state", {})
    monkeypatch.setenv("RAPPORT_DATA", str(published))
    with guard.admit():
        pass
    chosen = Selection("custom", YEAR.start, YEAR.last_day, where=(("region", ("North",)),))
    return View(data.newest().id, chosen, YEAR, {}, "en")


def test_what_is_taken_is_noted_with_its_rows_and_filters(view, published):
    assert len(table._taken(view, lambda: ROWS, "people.csv")) == 2
    entry = journal.entries(database.opened(published), most=1)[0]
    assert (entry.action, entry.object, entry.role, entry.snapshot) == ("exported", "people.csv", "administrator", "taking-1")
    assert entry.detail["rows"] == 2 and entry.detail["filters"]["region"] == ["North"]


def test_who_lost_the_right_since_the_page_was_drawn_gets_nothing(view, published):
    guard.st.session_state[guard.CHOICE] = (None, Grant("sales", "own"))
    before, asked = len(journal.entries(database.opened(published))), []
    with pytest.raises(guard.NotAdmitted, match="drawn for another role"):
        table._taken(view, lambda: asked.append(1) or ROWS, "people.csv")
    assert not asked and len(journal.entries(database.opened(published))) == before


def test_what_cannot_be_noted_is_not_given(view, monkeypatch):
    def broken(*_args, **_detail):
        raise OSError("disk full")

    monkeypatch.setattr(table.journal, "note", broken)
    with pytest.raises(OSError, match="disk full"):
        table._taken(view, lambda: ROWS, "people.csv")
