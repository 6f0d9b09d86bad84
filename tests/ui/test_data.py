"""Answers for pages: one key for everything cached, one snapshot for a run, nothing computed twice, nobody without admission."""

import datetime as dt
from dataclasses import replace

import pytest

from access import guard
from access.reader import SITTING_HERE, Reader
from access.scope import FULL, NOTHING, Scope
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Calendar, Period
from metrics.query import Query, QuestionError
from tests.published import publish
from ui import data, offered
from ui.selection import Selection
from ui.view import View

P = Period(dt.date(2026, 1, 1), dt.date(2026, 4, 1), dt.date(2026, 4, 1))
REVENUE = {"customers": [{"customer_id": "made:1", "region": "North"}, {"customer_id": "made:2", "region": None}]}
LINES = [("made:1", "2026-01-05", 100), ("made:1", "2026-03-01", 50), ("made:2", "2026-02-01", 7)]


def invoices(extra=()):
    return [{"invoice_line_id": f"made:{k}", "customer_id": c, "issued_on": on, "amount": amount} for k, (c, on, amount) in enumerate([*LINES, *extra])]


@pytest.fixture
def session(monkeypatch):
    """What app.py leaves behind in a session whose reader was admitted."""
    state = {guard.SESSION: True}
    monkeypatch.setattr(guard.st, "session_state", state)
    return state


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPPORT_DATA", str(tmp_path / "data"))
    return publish(tmp_path / "data", {**REVENUE, "invoices": invoices()}, id=f"first-{tmp_path.name}")


@pytest.fixture
def look(directory, session):
    return View(data.newest().id, Selection("custom", P.start, P.last_day), P, data.newest().settings, "en")


def test_an_answer_is_the_metrics_own(look):
    assert data.answer(look, "revenue").rows["value"].tolist() == [157.0]
    assert data.answer(look, "revenue", where={"region": "North"}).rows["value"].tolist() == [150.0]
    assert data.answer(look, "revenue", where={"region": None}).rows["value"].tolist() == [7.0]
    assert data.answer(look, "revenue", grain="month").rows["value"].tolist() == [100.0, 7.0, 50.0]


def test_nothing_is_computed_twice(look, monkeypatch):
    asked = []
    monkeypatch.setattr(data, "ask", lambda *args: asked.append(1) or ask(*args))
    for _ in range(3):
        data.compare(look, "revenue")
    assert len(asked) == 2  # the period, and the one before
    data.answer(look, "revenue", grain="month")
    data.answer(look, "revenue", grain="month")
    assert len(asked) == 3


def test_what_is_made_of_an_answer_is_made_once_per_question(look):
    made = []
    count = lambda rows: made.append(1) or len(rows)  # noqa: E731
    assert [data.derived(look, "revenue", count, grain="month") for _ in range(3)] == [3, 3, 3] and len(made) == 1
    assert data.derived(look, "revenue", count, grain="quarter") == 1 and len(made) == 2
    assert data.compare(look, "revenue") is data.compare(look, "revenue")


@pytest.mark.parametrize(
    "other",
    [
        lambda look: replace(look, language="zh-CN"), lambda look: replace(look, selection=replace(look.selection, grain="quarter")),
        lambda look: look.over(Period(P.start, dt.date(2026, 3, 1), P.as_of)), lambda look: replace(look, settings={**look.settings, "metrics": {"nps": {}}}),
    ],
    ids=["language", "step", "days", "settings"],
)  # fmt: skip
def test_what_is_made_of_a_view_is_made_once_for_it(look, other):
    made = []
    for view in (look, look, other(look), other(look)):
        data.once(view, "list", lambda: made.append(1))
    assert len(made) == 2


def test_what_a_part_tells_is_told_anew_only_where_something_else_is_looked_at(look, monkeypatch):
    calls = []

    @data.told
    def sums(view, column, top=()):
        calls.append((column, top))
        return data.answer(view, "revenue", by=(column,)).rows["value"].tolist()

    assert sums(look, "region") == sums(look, "region") == [150.0, 7.0] and len(calls) == 1
    sums(look, "grade"), sums(look, "region", ("a",)), sums(replace(look, language="zh-CN"), "region")
    assert len(calls) == 4
    north = Reader(None, SITTING_HERE, Scope((("region", ("North",)),)))
    monkeypatch.setattr(data, "admitted_now", lambda: north)
    assert sums(look, "region") == [150.0] and len(calls) == 5


def test_parts_of_the_same_name_in_two_files_are_not_taken_for_each_other(look, tmp_path):
    source = "from ui import data\n\n@data.told\ndef part(view):\n    return {}\n"
    found = []
    for name in ("first", "second"):  # as Streamlit runs pages: each is __main__
        file, space = tmp_path / f"{name}.py", {"__name__": "__main__"}
        exec(compile(source.format(repr(name)), str(file), "exec"), space)
        found.append(space["part"](look))
    assert found == ["first", "second"]


def test_a_part_that_is_written_anew_tells_the_new(look):
    versions = [{}, {}]
    for text, space in zip(("'old'", "'new'"), versions, strict=True):
        exec(compile(f"from ui import data\n@data.told\ndef part(view):\n    return {text}\n", "page.py", "exec"), space)
    assert [space["part"](look) for space in versions] == ["old", "new"]


def test_what_is_made_for_one_reader_is_not_shown_to_another(look, monkeypatch):
    assert data.once(look, "whose", lambda: "all") == "all"
    north = Reader(None, SITTING_HERE, Scope((("region", ("North",)),)))
    monkeypatch.setattr(data, "admitted_now", lambda: north)
    assert data.once(look, "whose", lambda: "north") == "north"
    assert data.derived(look, "revenue", lambda rows: float(rows["value"].iloc[0])) == 150.0


def test_a_run_keeps_its_snapshot_while_a_sync_publishes(look, directory):
    publish(directory, {**REVENUE, "invoices": invoices([("made:2", "2026-02-02", 1000)])}, id=look.snapshot.replace("first", "second"))
    assert data.answer(look, "revenue").rows["value"].tolist() == [157.0]
    assert data.answer(look, "revenue", grain="quarter").rows["value"].tolist() == [157.0]  # asked for the first time after the sync
    later = View(data.newest().id, look.selection, P, look.settings, "en")
    assert data.answer(later, "revenue").rows["value"].tolist() == [1157.0]


def test_the_queries_that_ran_are_kept_with_the_answer(look):
    (sql, *_) = data.computed(look, "revenue", look.query()).sql
    assert sql.upper().startswith(("SELECT", "FROM"))


def test_the_rows_behind_a_number_are_as_many_as_its_n(look):
    asked = [m.name for m in CATALOGUE.values() if m.name in ("win_rate", "revenue", "arpu") and m.behind is not None]
    for name in asked:
        n = data.answer(look, name).rows["n"].iloc[0]
        assert data.rows_behind(look, name).total == (0 if n is None or n != n else n), name
    few = data.rows_behind(look, "revenue", limit=1)
    assert len(few.rows) == 1 and few.total == data.rows_behind(look, "revenue").total


def test_an_unknown_metric_is_refused_with_the_names_there_are(look):
    with pytest.raises(QuestionError, match=r"no metric 'profit'; there are .*revenue"):
        data.answer(look, "profit")


def test_nobody_gets_data_without_having_come_through_app_py(look, session):
    session.clear()
    for ask_for in (data.answer, data.compare, data.rows_behind):
        with pytest.raises(guard.NotAdmitted):
            ask_for(look, "revenue")
    for ask_for in (offered.choices, data.reach, data.tables):
        with pytest.raises(guard.NotAdmitted):
            ask_for(look.snapshot)


def test_choices_offer_what_there_is_and_blank_only_where_somebody_has_none(look):
    there = offered.choices(look.snapshot)
    assert dict(there["region"]) == {"North": "North", "-": ""}
    assert there["industry"] == {} or set(there["industry"]) == {"-"}


# the key


def key(scope=FULL, metric="revenue", snapshot="s", **changed):
    return data.digest(snapshot, scope, CATALOGUE[metric], Query(**{"period": P, "settings": {}, **changed}))


DIFFERENT = {
    "snapshot": key(snapshot="t"),
    "scope": key(scope=NOTHING),
    "rules": key(scope=Scope((("region", ("North",)),))),
    "metric": key(metric="mrr"),
    "period": key(period=Period(P.start, P.end, dt.date(2026, 3, 5))),
    "calendar": key(period=Period(P.start, P.end, P.as_of, Calendar(4))),
    "grain": key(grain="month"),
    "by": key(by=("region",)),
    "where": key(where=(("region", ("North",)),)),
    "where, joined otherwise": key(where=(("region", ("North", "")),)),
    "options": key(options={"top": 0.2}),
    "settings": key(settings={"calendar": {"currency": "EUR"}}),
}


def test_whatever_changes_the_answer_changes_the_key():
    keys = [key(), *DIFFERENT.values()]
    assert len(set(keys)) == len(keys)


def test_text_cannot_be_shifted_from_one_part_of_the_key_to_another():
    assert key(where=(("region", ("a", "b")),)) != key(where=(("region", ("a, b",)),)) != key(where=(("region", ('a", "b',)),))
    assert data.digest("doc1", FULL, None, part="str:x") != data.digest("doc1str:", FULL, None, part="x")


def test_the_same_question_has_the_same_key_in_any_order():
    one, other = ("region", ("N",)), ("grade", ("core",))
    assert key(where=(one, other)) == key(where=(other, one))
