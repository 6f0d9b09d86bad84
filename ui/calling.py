"""The list of whom to call: as of the last day that is loaded, whatever period is looked at, under the page's filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from metrics.briefs import briefs
from metrics.period import Period
from metrics.risk import is_flagged
from ui import customers, data, numbers
from ui.view import View
from ui.words import t

ON_SCREEN = 500  # customers; the files hold all
AT_ONCE = 5000  # customers that one question names


def today(view: View) -> View:
    """The view of everything that is loaded: whom to call, and what is open, is known for today, whichever period is looked at."""
    reach = data.reach(view.snapshot)
    return view.over(Period(reach.first, reach.as_of, reach.as_of, view.period.calendar))


@data.told
def said(now: View) -> str | None:
    """How many are at risk and what they brought; None where there is nobody, or nothing is known."""
    found = data.answer(now, "revenue_at_risk").rows.iloc[0]
    if found["state"] != "value" or not found["n"]:
        return None
    figures = {"n": numbers.count(found["n"]), "revenue": numbers.shown(found["value"], "money", now.currency), "share": numbers.shown(found["share"], "share")}
    return t("at_risk.says", day=numbers.day(now.period.last_day), **figures)


def nobody(now: View) -> str:
    """The glossary's key of why `said` says nothing."""
    return "at_risk.nobody" if data.answer(now, "revenue_at_risk").rows["state"].iloc[0] == "value" else "at_risk.nothing"


def listed(
    now: View, mine: set[str], kinds: Sequence[str] = (), alone: bool = False, limit: int | None = ON_SCREEN, *, among: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> data.Behind:  # fmt: skip
    """The customers at risk with what one should know before calling, the reader's own first; the most revenue first.

    mine: the reader's ids as an owner. kinds: only those with one of these flags. alone: only the reader's own. limit: None for all.
    among: only these customers. without: these are left out.
    """
    if among is not None and not among:
        return data.Behind(pd.DataFrame({"customer_id": []}), 0)
    asked = _narrowed(now, sorted(mine) if alone else (), kinds, among)
    further = None if limit is None else limit + len(without)
    found = data.listed(now, "at_risk", asked, further)
    rows, total = found.rows, found.total
    if mine and not alone and limit is not None:  # the reader's own may lie beyond those shown
        own = data.listed(now, "at_risk", _narrowed(now, sorted(mine), kinds, among), further).rows
        rows = pd.concat([own, rows[~rows["customer_id"].isin(own["customer_id"])]], ignore_index=True)
    if without:
        rows = rows[~rows["customer_id"].isin(without)]
        total -= data.listed(now, "at_risk", _narrowed(now, sorted(mine) if alone else (), kinds, without), len(without) + 1).total
    return data.Behind(_briefed(now, rows if limit is None else rows.head(limit)), total)


def row_of(now: View, customer: str) -> dict | None:
    """What the list says of one customer; None where it is not at risk."""
    if not customers.about(now.snapshot, is_flagged, now.query(), customer):
        return None
    rows = listed(now, set(), limit=2, among=[customer]).rows  # fewer than the limit: nobody has to count them
    return None if rows.empty else rows.iloc[0].to_dict()


def _briefed(now: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what one should know before calling."""
    if rows.empty:
        return rows
    ids = list(rows["customer_id"])
    known = [customers.about(now.snapshot, briefs, now.query(), ids[k : k + AT_ONCE]) for k in range(0, len(ids), AT_ONCE)]
    whole = pd.concat(known, ignore_index=True)
    return _plainly(rows.merge(whole, on="customer_id", how="left", suffixes=("", "_scored")))  # on_… and row_… stay those of the flags


def _narrowed(now: View, owners: Sequence[str], kinds: Sequence[str], among: Sequence[str] | None = None):
    """The question of the list, narrowed to owners, flags and customers."""
    query = now.query()
    more = [("owner_id", tuple(owners))] if owners else []
    more += [("kind", tuple(kinds))] if kinds else []
    more += [("customer_id", tuple(among))] if among is not None else []
    return replace(query, where=(*query.where, *more))


def _plainly(rows: pd.DataFrame) -> pd.DataFrame:
    """Days that are missing as None, as everywhere."""
    days = [name for name in ("since", "contact_on", "renewal_on", "signed_on") if name in rows]
    return rows.assign(**{name: rows[name].astype(object).where(rows[name].notna(), None) for name in days})
