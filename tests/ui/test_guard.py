"""The gate of a page."""

from types import SimpleNamespace

import pytest

from access import guard, noted
from access.grants import Grant
from access.identity import Refusal
from access.roles import ACTIONS, OVER_ALL, may


class Stopped(Exception):
    pass


def begin_session(monkeypatch):
    """A session of its own with its run, on this thread."""
    run = SimpleNamespace()
    monkeypatch.setattr(guard.st, "session_state", {})
    monkeypatch.setattr(noted, "get_script_run_ctx", lambda suppress_warning: run)


@pytest.fixture
def screen(monkeypatch):
    said = []
    begin_session(monkeypatch)
    monkeypatch.setattr(guard.st, "error", said.append)

    def stop():
        raise Stopped

    monkeypatch.setattr(guard.st, "stop", stop)
    return said


def test_outside_of_app_py_a_page_ends_at_its_first_line(screen):
    with pytest.raises(Stopped):
        guard.guard("nps")
    assert "without the application around it" in screen[0]


def test_inside_it_knows_the_reader_and_afterwards_it_is_shut_again(screen):
    with guard.admit():
        assert guard.guard("nps").name is None and guard.guard("nps").scope.is_full
    with pytest.raises(Stopped):
        guard.guard("nps")


def test_a_page_that_fails_leaves_the_gate_shut(screen):
    with pytest.raises(ZeroDivisionError), guard.admit():
        raise ZeroDivisionError
    with pytest.raises(Stopped):
        guard.guard("nps")


def test_fragments_are_asked_anew_who_is_looking(screen, monkeypatch):
    with guard.admit():
        pass
    assert guard.admitted_now().scope.is_full and not guard.is_stale()
    guard.st.session_state[guard.CHOICE] = (None, Grant("partner", "all"))  # another role in the meantime
    assert guard.is_stale() and guard.admitted_now().role.name == "partner"
    monkeypatch.setattr(guard.identity, "is_configured", lambda: True)
    monkeypatch.setattr(guard.identity, "person", lambda hours: Refusal.EXPIRED)
    assert guard.is_stale()
    with pytest.raises(guard.NotAdmitted) as refused:
        guard.admitted_now()
    assert refused.value.refusal is Refusal.EXPIRED


def test_within_a_run_the_reader_is_believed_for_a_moment_and_no_longer(screen, monkeypatch):
    now, asked = [100.0], []
    monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
    found = guard.reader_now()
    monkeypatch.setattr(guard, "reader_now", lambda: asked.append(now[0]) or found)
    with guard.admit():
        assert guard.admitted_now() is found and asked == [100.0]
        now[0] += guard.MOMENT / 2
        assert not guard.is_stale() and asked == [100.0]
        now[0] += guard.MOMENT
        guard.admitted_now()
        assert asked == [100.0, now[0]]

    def revoked():
        raise guard.NotAdmitted("revoked")

    monkeypatch.setattr(guard, "reader_now", revoked)
    assert guard.is_stale()  # where a part of a page runs alone, whatever was found a moment ago
    now[0] += 2 * guard.MOMENT
    with pytest.raises(guard.NotAdmitted, match="revoked"):
        guard.admitted_now()


def test_what_was_found_in_one_session_is_nobodys_in_another(screen, monkeypatch):
    with guard.admit():
        pass
    guard.admitted_now()
    begin_session(monkeypatch)  # the next one, at the same moment and on the same thread
    with pytest.raises(guard.NotAdmitted, match="no page of this session was opened"):
        guard.admitted_now()


def test_who_is_not_admitted_leaves_the_session_shut(screen, monkeypatch):
    with guard.admit():
        pass
    monkeypatch.setattr(guard.identity, "is_configured", lambda: True)
    monkeypatch.setattr(guard.identity, "person", lambda hours: Refusal.ABSENT)
    with pytest.raises(guard.NotAdmitted), guard.admit():
        pass
    monkeypatch.setattr(guard.identity, "is_configured", lambda: False)
    with pytest.raises(guard.NotAdmitted, match="no page of this session was opened"):
        guard.admitted_now()


@pytest.mark.parametrize(
    ("grant", "page", "is_open"),
    [
        (Grant("partner", "all"), "service", True), (Grant("partner", "all"), "overview", False), (Grant("partner", "all"), "nps", False),
        (Grant("sales", "own"), "overview", True), (Grant("sales", "own"), "sources", False), (Grant("auditor", "all"), "sources", True),
        (Grant("auditor", "segment", "region", ("North",)), "sources", False), (Grant("administrator", "department"), "sources", False),
    ],
)  # fmt: skip
def test_a_page_of_another_role_ends_at_its_first_line(screen, grant, page, is_open):
    guard.st.session_state[guard.CHOICE] = (None, grant)
    with guard.admit():
        if is_open:
            assert guard.guard(page).grant == grant
        else:
            with pytest.raises(Stopped):
                guard.guard(page)
            assert "not part of your role" in screen[0]


def test_what_touches_everybodys_rows_needs_the_reach_of_all(screen):
    guard.st.session_state[guard.CHOICE] = (None, Grant("administrator", "segment", "region", ("North",)))
    with guard.admit() as reader:
        assert may(reader, "export") and may(reader, "edit_targets")
        assert not any(may(reader, action) for action in OVER_ALL)
    guard.st.session_state[guard.CHOICE] = (None, Grant("partner", "all"))
    with guard.admit() as reader:
        assert not any(may(reader, action) for action in ACTIONS)
    with pytest.raises(LookupError, match="no action 'fly'"):
        may(reader, "fly")
