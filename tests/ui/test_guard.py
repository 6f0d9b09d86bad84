"""The gate of a page."""

import pytest

from access import guard


class Stopped(Exception):
    pass


@pytest.fixture
def screen(monkeypatch):
    said = []
    monkeypatch.setattr(guard.st, "session_state", {})
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
    assert guard.admitted_now().scope.is_full
    monkeypatch.setattr(guard.identity, "scope_of", lambda reader: guard.Scope())
    assert not guard.admitted_now().scope.is_full  # revoked in the meantime
