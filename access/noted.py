"""What one run of a page has looked up once: noted with Streamlit's context of that run, which belongs to one session.

A page has hundreds of words and numbers and asks for its reader, its view and its language at each of them; a look into the
session costs more than the answer.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from streamlit.runtime.scriptrunner import get_script_run_ctx

Value = TypeVar("Value")


class Noted(Generic[Value]):
    """One value per run, under a name of its own; outside a run nothing is noted."""

    def __init__(self, name: str) -> None:
        self._name = f"_rapport_{name}"

    def get(self) -> Value | None:
        """What was noted in this run; None when nothing was, or nothing any more."""
        return getattr(get_script_run_ctx(suppress_warning=True), self._name, None)

    def put(self, value: Value | None) -> None:
        """Note it for the rest of this run; None forgets it."""
        run = get_script_run_ctx(suppress_warning=True)
        if run is not None:
            setattr(run, self._name, value)
