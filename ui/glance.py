"""A session's state, looked into instead of copied.

Streamlit 1.67 makes a dict of everything a session holds for each list and each text field it draws, and asks it for one key. With the ninety keys of
a page that is a tenth of what its rerun costs. Internal to Streamlit, which is pinned; tests/ui/test_glance.py notices if it moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamlit.runtime.state.common import is_element_id
from streamlit.runtime.state.session_state import SessionState, _is_internal_key

everything = SessionState.filtered_state.fget  # what Streamlit makes


class Glance(Mapping):
    """The values of a session by their keys: the same as `everything`, each fetched when it is asked for."""

    def __init__(self, state: SessionState):
        self._state = state

    def __getitem__(self, key: str) -> Any:
        if is_element_id(key) or _is_internal_key(key):
            raise KeyError(key)
        return self._state[key]

    def __iter__(self) -> Iterator[str]:
        return iter(everything(self._state))

    def __len__(self) -> int:
        return len(everything(self._state))

    def __repr__(self) -> str:
        return repr(everything(self._state))


def install() -> None:
    """From now on sessions of this process are looked into."""
    SessionState.filtered_state = property(Glance)
