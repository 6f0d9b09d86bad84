"""Parts of a page: beside each other the first time they are drawn, in their turn from then on, and grey only while they are waited for."""

import datetime as dt
from contextlib import nullcontext

import pytest

from metrics.period import Period
from ui import page
from ui.selection import Selection
from ui.view import View

P = Period(dt.date(2026, 1, 1), dt.date(2026, 4, 1), dt.date(2026, 4, 1))


@pytest.fixture
def drawn(monkeypatch):
    """What a parallel part does: "beside" or "in turn", and whether it was waited for. drawn(view, …) draws it once more."""
    said = []
    monkeypatch.setattr(page, "_drawn", set())
    monkeypatch.setattr(page, "is_stale", lambda: False)
    monkeypatch.setattr(page.st, "fragment", lambda draw, parallel=False: lambda *args: said.append("beside" if parallel else "in turn") or draw(*args))
    monkeypatch.setattr(page.st, "skeleton", lambda height: said.append("grey") or nullcontext())
    monkeypatch.setattr(page.st, "empty", lambda: None)
    monkeypatch.setattr(page.st, "session_state", {page.SESSION: "one"})

    @page.fragment(parallel=True)
    def part(view, fails=False):
        with page.awaited(100):
            if fails:
                raise LookupError("no numbers")

    def again(*args):
        said.clear()
        part(*args)
        return list(said)

    return again


def look(**changed) -> View:
    return View(**{"snapshot": "s1", "selection": Selection(), "period": P, "settings": {}, "language": "en", **changed})


def test_a_part_is_waited_for_once(drawn):
    assert drawn(look()) == ["beside", "grey"]
    assert drawn(look()) == ["in turn"]


def test_its_place_is_kept_for_who_has_waited(drawn, monkeypatch):
    kept = []
    monkeypatch.setattr(page.st, "empty", lambda: kept.append("place"))
    drawn(look()), drawn(look())
    assert kept == ["place"]
    monkeypatch.setattr(page.st, "session_state", {page.SESSION: "one"})  # who comes later has seen nothing grey
    drawn(look())
    assert kept == ["place"]


def test_what_is_known_to_be_there_keeps_no_place(monkeypatch):
    monkeypatch.setattr(page.st, "session_state", {page.AWAITED: True})
    monkeypatch.setattr(page.st, "empty", lambda: pytest.fail("a place was kept"))
    with page.awaited(100, is_known=True):
        pass


@pytest.mark.parametrize(
    "changed", [{"snapshot": "s2"}, {"language": "zh-CN"}, {"selection": Selection(grain="quarter")}, {"period": P.previous()}],
    ids=["snapshot", "language", "step", "days"],
)  # fmt: skip
def test_another_view_is_waited_for_anew(drawn, changed):
    drawn(look())
    assert drawn(look(**changed)) == ["beside", "grey"]


def test_so_is_a_reader_with_other_rights(drawn, monkeypatch):
    drawn(look())
    monkeypatch.setitem(page.st.session_state, page.SESSION, "another")
    assert drawn(look()) == ["beside", "grey"]


def test_what_failed_has_not_been_drawn(drawn):
    for _ in range(2):
        with pytest.raises(LookupError):
            drawn(look(), True)
    assert drawn(look(), False) == ["beside", "grey"]


def test_a_reader_who_lost_the_right_gets_the_page_anew(drawn, monkeypatch):
    class Anew(Exception):
        pass

    def rerun():
        raise Anew

    drawn(look())
    monkeypatch.setattr(page, "is_stale", lambda: True)
    monkeypatch.setattr(page.st, "rerun", rerun)
    with pytest.raises(Anew):
        drawn(look())
