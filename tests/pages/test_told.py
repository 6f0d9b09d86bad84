"""What a part tells is kept for all reruns: while it is made, nothing is drawn, no record is read, and nobody asks what day it is."""

import sys
from contextvars import ContextVar
from pathlib import Path

import pytest
import streamlit.delta_generator as drawing
from streamlit.runtime.state.safe_session_state import SafeSessionState

from records import database
from tests.pages.conftest import failures
from ui import data
from ui.navigation import ENTRIES

OF_THE_READER = {"_admitted", "_acting_as", "lang", "_view"}  # who asks, in which language, about what: parts of the key


@pytest.fixture
def made(monkeypatch):
    """The parts that were told anew. What may not be asked meanwhile fails, which the page then shows."""
    parts, making = [], ContextVar("making", default=None)
    once = data.once

    def watched(view, part, make):
        def told():
            parts.append(part)
            token = making.set(part)
            try:
                return make()
            finally:
                making.reset(token)

        return once(view, part, told)

    def refusing(module, name, what, is_fine=lambda *given: False):
        real = getattr(module, name)

        def asked(*given, **further):
            assert making.get() is None or is_fine(*given), f"{making.get()} {what}"
            return real(*given, **further)

        monkeypatch.setattr(module, name, asked)

    monkeypatch.setattr(data, "once", watched)
    refusing(drawing.DeltaGenerator, "_enqueue", "draws")
    refusing(drawing.DeltaGenerator, "_block", "draws")
    refusing(database, "connect", "reads records", lambda *given: Path(sys._getframe(2).f_code.co_filename).parent.name == "warehouse")  # a snapshot's own row
    refusing(SafeSessionState, "__getitem__", "reads the session", lambda state, key: key in OF_THE_READER)
    return parts


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_what_is_kept_is_made_of_answers_alone(run, made, name):
    app = run(name, period="all")
    assert failures(app) == []
    told = len(made)
    app.run()
    assert failures(app) == [] and len(made) == told  # nothing is told twice


def test_what_is_watched_is_used(run, made):
    run("nps", period="all", grain="quarter")
    assert len(made) > 5
