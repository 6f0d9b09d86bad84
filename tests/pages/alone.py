"""One part of a page, for AppTest, without the cost of the page around it: its place, such as "ui.zero_based.part", stands in the session."""

import importlib

import streamlit as st

from access.guard import admit
from ui import data, filters, risk_policy
from ui.selection import DEFAULT, period
from ui.view import View, keep
from ui.words import KEY

filters.language()
with admit():
    snapshot = data.newest()
    reach = data.reach(snapshot.id)
    days = period(DEFAULT, reach.as_of, reach.first, data.calendar(snapshot.settings))
    view = View(snapshot.id, DEFAULT, days, risk_policy.in_force(snapshot.settings), st.session_state[KEY])
    keep(view)
    module, name = st.session_state["_part"].rsplit(".", 1)
    getattr(importlib.import_module(module), name)(view)
