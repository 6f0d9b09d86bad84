"""A session that is looked into says what Streamlit's own dict of it says."""

import pytest
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from ui import glance

WIDGETS = """
import streamlit as st
st.session_state.setdefault("own", [1, 2])
st.session_state.setdefault("none", None)
st.selectbox("one", ["a", "b"], key="chosen")
st.selectbox("two", ["a", "b"], index=None, key="open")
st.selectbox("three", ["a", "b"])
st.text_input("four", "words", key="said")
st.toggle("five", key="is_on")
"""


@pytest.fixture
def looked_into():
    yield glance.install()
    SessionState.filtered_state = property(glance.everything)


@pytest.fixture
def session():
    """The state of a session after two runs, with values of its own, of widgets with and without a key, and one that is to come."""
    app = AppTest.from_string(WIDGETS).run()
    app.selectbox(key="chosen").select("b").run()
    state = app.session_state._state._state
    state["later"] = "soon"
    return state


def test_every_value_is_there_and_no_other(session):
    held = glance.everything(session)
    assert dict(glance.Glance(session)) == held
    assert set(held) == {"own", "none", "chosen", "open", "said", "is_on", "later"} and held["chosen"] == "b"
    assert len(glance.Glance(session)) == len(held) and repr(glance.Glance(session)) == repr(held)


@pytest.mark.parametrize("key", ["nothing", "$$ID-0-None", "$$STREAMLIT_INTERNAL_KEY"])
def test_what_is_not_there_is_not(session, key):
    assert key not in glance.Glance(session) and key not in glance.everything(session)


def test_what_streamlit_keeps_for_itself_stays_hidden(session):
    for key in session._keys():
        assert (key in glance.Glance(session)) == (key in glance.everything(session)), key


def test_lists_and_fields_show_what_they_showed(looked_into):
    app = AppTest.from_string(WIDGETS).run()
    assert (app.selectbox(key="chosen").value, app.selectbox(key="open").value, app.text_input(key="said").value) == ("a", None, "words")
    emptied = "import streamlit as st\nst.session_state['chosen'] = st.session_state['said'] = None\n"  # though the list begins with its first
    app = AppTest.from_string(emptied + WIDGETS).run()
    assert (app.selectbox(key="chosen").value, app.text_input(key="said").value) == (None, None)
    assert not app.exception
