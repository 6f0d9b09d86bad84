"""The list behind a card: as long as the card says, of the card's own question, in words."""

import ast
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import locales
from access import guard
from metrics import CATALOGUE
from metrics.period import Period
from metrics.query import Query
from tests.company import SETTINGS, company
from tests.published import publish
from ui import behind, data, table
from ui.selection import Selection
from ui.view import View

RUNNING = Period(dt.date(2026, 1, 1), dt.date(2027, 1, 1), as_of=dt.date(2026, 6, 21))
PAGES = sorted((Path(data.__file__).parents[1] / "pages").glob("*.py"))


def cards() -> list[tuple[str, dict]]:
    """Every card of every page: its metric and options."""
    calls = [node for path in PAGES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    found = [call for call in calls if ast.unparse(call.func) == "Card"]
    options = [{k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg == "options"}.get("options", {}) for call in found]
    named = {(ast.literal_eval(call.args[0]), tuple(given.items())) for call, given in zip(found, options, strict=True)}
    return [(name, dict(given)) for name, given in sorted(named)]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("behind") / "data", company(), SETTINGS, id="behind-1")


@pytest.fixture
def look(published, monkeypatch):
    monkeypatch.setattr(guard.st, "session_state", {})
    monkeypatch.setenv("RAPPORT_DATA", str(published))
    with guard.admit():
        pass
    return View(data.newest().id, Selection("custom", RUNNING.start, RUNNING.last_day), RUNNING, data.newest().settings, "en")


def test_a_card_asks_about_what_has_happened(look):
    assert data.standing(look, where={"region": "North"}, horizon="3") == Query(
        RUNNING.to_date(), None, (), (("region", ("North",)),), {"horizon": "3"}, look.settings
    )


@pytest.mark.parametrize(("name", "options"), cards())
def test_the_list_is_as_long_as_the_card_says_also_while_the_period_runs(look, name, options):
    if CATALOGUE[name].behind is None:
        pytest.skip("names no rows")
    query = data.standing(look, **options)
    now = data.compare(look, name, **options).now
    found = data.listed(look, name, query)
    assert found.total == (0 if pd.isna(now["n"]) else now["n"]), f"{name} {options}"
    told = behind.worded(found.rows)
    assert len(told) == len(found.rows) and len({*behind.COLUMNS} & {*told}) >= 1
    assert {"customer", "name"} & {*told}, "whose row it is"


def test_all_rows_can_be_had_where_the_screen_shows_the_first(look):
    query = data.standing(look)
    few, all_ = data.listed(look, "revenue", query, 2), data.listed(look, "revenue", query, None)
    assert len(few.rows) == 2 < few.total == all_.total == len(all_.rows)


def test_the_files_hold_all_rows_that_match_not_only_those_on_screen(look, monkeypatch):
    written, captions = {}, []
    monkeypatch.setattr(table.st, "download_button", lambda label, data, **further: written.setdefault(label, data))
    monkeypatch.setattr(table.st, "caption", lambda text, **further: captions.append(text))
    monkeypatch.setattr(table.st, "dataframe", lambda *a, **k: {})
    whole = pd.DataFrame({"name": [f"n{k}" for k in range(12)]})
    columns = {"name": table.Column("nps.customer")}
    table.table(look, whole.head(3), columns, key="few", total=12, whole=lambda: whole)
    with ThreadPoolExecutor(1) as elsewhere:
        lines = elsewhere.submit(written["CSV"]).result().decode("utf-8-sig").splitlines()
    assert captions == ["First 3 of 12 rows"] and lines[1:13] == list(whole["name"])


def test_codes_are_in_words_and_rows_stay_in_their_order(look):
    rows = pd.DataFrame({"customer": ["b", "a"], "kind": ["new", "churn"], "closing": [5.0, 0.0], "opening": [0.0, 3.0], "got": [1, 0]})
    told = behind.worded(rows)
    assert told["customer"].tolist() == ["b", "a"] and told["kind"].tolist() == ["New", "Churn"] and told["got"].tolist() == [True, False]


def test_every_heading_is_in_the_glossary():
    assert [column.label for column in (*behind.COLUMNS.values(), *behind.TICKETS.values()) if not locales.has(column.label)] == []


def test_tickets_are_told_in_columns_of_their_own():
    """A ticket's kind is no movement of revenue, and has its own words."""
    rows = pd.DataFrame({"ticket_id": ["a"], "kind": ["complaint"], "priority": ["blocker"], "channel": ["email"], "state": ["reopened"], "opening": [1.0]})
    assert behind.columns_of(rows) == behind.TICKETS and behind.columns_of(rows[["kind", "opening"]])["kind"].label == "retention.kind"
    told = behind.worded(rows).iloc[0]
    assert told[["kind", "priority", "channel", "state"]].tolist() == ["Complaint", "blocker", "E-mail", "Solved again"]
