"""What stands around every page: who is asking, language, snapshot, filters, navigation. asgi.py starts it."""

from __future__ import annotations

import logging

import streamlit as st

from access.guard import NotAdmitted, admit
from access.reader import Reader
from access.roles import may_open
from ui import data, entrance, filters, freshness, navigation, offered, page, printing, risk_policy, view
from ui.selection import period
from ui.words import KEY
from warehouse.errors import NoSnapshot, StoreError

log = logging.getLogger("rapport.app")
ICON = navigation.ROOT / "ui" / "icon.png"
LOGO = navigation.ROOT / "ui" / "logo.svg"


def main() -> None:
    """One run: settle the language, see who is asking, then open the newest snapshot, draw the filters and run the page."""
    filters.language()
    st.set_page_config(page_title="Rapport", page_icon=str(ICON), layout="wide", initial_sidebar_state="auto")
    st.logo(str(LOGO), size="large")
    st.html(f"{printing.STYLE}<script>document.documentElement.lang='{st.session_state[KEY]}'</script>", unsafe_allow_javascript=True)
    try:
        with admit() as reader:
            _opened(reader)
    except NotAdmitted as refused:
        st.navigation(navigation.pages(None), position="hidden")  # so that the link stays as it is until the reader has signed in
        entrance.closed(refused)


def _opened(reader: Reader) -> None:
    chosen = st.navigation(navigation.pages(reader), expanded=True)
    name = chosen.url_path or navigation.home(reader)
    entrance.noted(reader)
    view.keep(None)
    try:
        if may_open(reader, name):
            entrance.counted(reader, name)
            _look(name)
    except NoSnapshot:
        log.info("nothing has been published in %s yet", data.directory())
    except StoreError as error:
        log.exception("what was published in %s cannot be read", data.directory())
        view.keep(None, is_readable=False)
        st.error(str(error), icon=":material/database_off:")
    with st.sidebar:
        entrance.badge(reader)
        filters.language_switch()
    with page.safely(chosen.title):
        chosen.run()


def _look(name: str) -> None:
    """Fix snapshot and selection for this run; without facts there is nothing to filter."""
    snapshot = data.newest()
    freshness.remember(snapshot.sources)
    reach, choices = data.reach(snapshot.id), offered.choices(snapshot.id)
    if reach is None:
        return
    filters.ensure()
    filters.take(choices, name)
    calendar = data.calendar(snapshot.settings)
    selection = filters.sidebar(choices, reach, calendar)
    days = period(selection, reach.as_of, reach.first, calendar)
    view.keep(view.View(snapshot.id, selection, days, risk_policy.in_force(snapshot.settings), st.session_state[KEY]))


main()
