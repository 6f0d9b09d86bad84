"""Whose customers the page "My customers" is about: the reader's own, one colleague's, or a team's together. Never people side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from access.guard import admitted_now
from access.reach import owned
from metrics import people
from ui import customers, data, offered
from ui.filters import label
from ui.view import View
from ui.words import plain, t

PARAM = "whose"  # in the URL, beside the filters
ME, EVERYBODY = "me", "all"


@dataclass(frozen=True)
class Whose:
    """kind: me, one, team or all. called: a person's or team's name. owners: their ids; None for everybody in the reader's reach."""

    kind: str
    called: str
    owners: tuple[str, ...] | None

    @property
    def said(self) -> str:
        """Whose customers, in the middle of a sentence, in Markdown."""
        return t(f"my_customers.whose.{self.kind}", name=plain(self.called))


def chosen(view: View) -> Whose | None:
    """Whose customers are looked at: those of the sidebar's owners, else who is chosen here. None for a reader of own customers who has none."""
    named = view.selection.values("owner")
    if named:
        owners = offered.choices(view.snapshot).get("owner", {})
        return Whose("one" if len(named) == 1 else "team", t("at_risk.and").join(label("owner", owners, value) for value in named), named)
    known = choices(view)
    if len(known) < 2:
        return next(iter(known.values()), None)
    asked = st.query_params.get(PARAM)
    first = asked if asked in known else next(iter(known))
    place, names = list(known).index(first), {key: _offered(whose) for key, whose in known.items()}
    key = st.selectbox(t("my_customers.choose"), list(known), place, format_func=names.get, key="my_customers_whose", help=t("my_customers.choose_help"))
    if key != asked:
        st.query_params[PARAM] = key
    return known[key]


def choices(view: View) -> dict[str, Whose]:
    """Who may be chosen, by what stands in the URL: the reader first; for who sees more than their own, everybody, each team and each person."""
    reader = admitted_now()
    mine = tuple(sorted(owned(data.directory(), reader.name)))
    found = {ME: Whose("me", "", mine)} if mine else {}
    if reader.grant.reach == "own":
        return found
    known = customers.about(view.snapshot, people.owners)
    found[EVERYBODY] = Whose("all", "", None)
    teams = {}
    for owner in known:
        if owner["department"]:
            teams.setdefault(owner["department"], []).append(owner["owner_id"])
    found |= {f"team:{name}": Whose("team", name, tuple(teams[name])) for name in sorted(teams)}
    return found | {owner["owner_id"]: Whose("one", owner["name"] or owner["owner_id"], (owner["owner_id"],)) for owner in known}


def _offered(whose: Whose) -> str:
    """An entry of the choice, as it is and not as Markdown."""
    return t(f"my_customers.offered.{whose.kind}", name=whose.called)


def narrowed(view: View, whose: Whose) -> View:
    """The page's view of their customers alone, as if the sidebar's filter named them; links carry it along."""
    if whose.owners is None:
        return view
    return replace(view, selection=replace(view.selection, where=_with_owners(view.selection.where, whose.owners)))


def _with_owners(where: tuple, owners: Sequence[str]) -> tuple:
    return (*((name, values) for name, values in where if name != "owner"), ("owner", tuple(owners)))
