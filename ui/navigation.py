"""The pages there are, in the order and sections of the sidebar, and links between them that carry the filters."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from access.guard import admitted_now
from access.reader import Reader
from access.roles import may_open
from ui.view import View
from ui.words import t

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Entry:
    """A page: its name (file in pages/, word in the URL, and file in locales/), its section and its icon."""

    name: str
    section: str
    icon: str

    @property
    def path(self) -> Path:
        return ROOT / "pages" / f"{self.name}.py"


ENTRIES = (
    Entry("overview", "company", "space_dashboard"),
    Entry("nps", "customers", "thumbs_up_down"),
    Entry("drill", "customers", "travel_explore"),
    Entry("plans", "customers", "checklist"),
    Entry("retention", "customers", "autorenew"),
    Entry("segments", "customers", "donut_small"),
    Entry("arpu", "money", "payments"),
    Entry("funnel", "money", "filter_alt"),
    Entry("service", "customers", "support_agent"),
    Entry("journey", "customers", "timer"),
    Entry("at_risk", "customers", "phone_in_talk"),
    Entry("my_customers", "customers", "badge"),
    Entry("customer", "customers", "contact_page"),
    Entry("audit", "trust", "fact_check"),
    Entry("health", "trust", "rule"),
    Entry("sources", "trust", "database"),
    Entry("settings", "trust", "settings"),
)
HOME, CUSTOMER = ENTRIES[0].name, "customer"


def home(reader: Reader | None) -> str:
    """The page at "/": the first that the reader's role has."""
    return next((entry.name for entry in ENTRIES if reader is None or may_open(reader, entry.name)), HOME)


def pages(reader: Reader | None) -> dict[str, list]:
    """Section → pages, titled in the reader's language, for st.navigation. Pages of other roles are there but not listed: a link
    to one answers that it is not yours, where a page unknown to Streamlit would only be "not found"."""
    listed: dict[str, list] = {}
    for entry in ENTRIES:
        listed.setdefault(t(f"navigation.{entry.section}"), []).append(_page(entry, reader))
    return listed


def _page(entry: Entry, reader: Reader | None):
    is_open = reader is not None and may_open(reader, entry.name)
    return copy.copy(_made(entry, t(f"{entry.name}.short"), entry.name == home(reader), is_open))  # st.navigation writes into what it is given


@cache
def _made(entry: Entry, title: str, is_home: bool, is_open: bool):
    """A page for st.navigation, which looks for its file: once is enough."""
    icon = f":material/{entry.icon}:"
    if is_home:  # the landing page is always "/", whatever its path says
        return st.Page(entry.path, title=title, icon=icon, default=True)
    return st.Page(entry.path, title=title, icon=icon, url_path=entry.name, visibility="visible" if is_open else "hidden")


@cache
def _linked(name: str, home: str):
    """A page as links name it, for who lands on `home`: making one costs more than the link."""
    return st.Page(entry(name).path, default=True) if name == home else st.Page(entry(name).path, url_path=name)


def entry(name: str) -> Entry:
    """The page of this name. Raises LookupError naming those there are."""
    for known in ENTRIES:
        if known.name == name:
            return known
    raise LookupError(f"no page {name!r}; there are {', '.join(known.name for known in ENTRIES)}")


def link(
    view: View, name: str, label: str, icon: str | None = ":material/arrow_forward:", help: str | None = None,
    state: Mapping[str, str | list[str]] | None = None, **segments: str | None,
) -> None:  # fmt: skip
    """A link to another page under the same filters, narrowed to `segments` (names of the URL: region, industry, …); none to a page
    that the reader's role does not have. state: what that page itself keeps in the URL."""
    known, reader = entry(name), admitted_now()
    if not may_open(reader, name):
        return
    params = {**view.params(**segments), **(state or {})}
    target = _linked(known.name, home(reader))
    st.page_link(target, label=label, icon=icon, icon_position="right", help=help, query_params=params, width="content")


def customer_link(view: View, customer_id: str, label: str, help: str | None = None) -> bool:
    """A link to one customer's page under the same filters; none for a reader whose role does not have that page. Whether there is one."""
    known, reader = entry(CUSTOMER), admitted_now()
    if is_theirs := may_open(reader, CUSTOMER):
        params = {**view.params(), "id": customer_id}
        st.page_link(_linked(CUSTOMER, home(reader)), label=label, icon=f":material/{known.icon}:", help=help, query_params=params, width="content")
    return is_theirs
