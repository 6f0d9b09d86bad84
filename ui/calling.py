"""The list of whom to call: as of the last day that is loaded, whatever period is looked at, under the page's filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from metrics.briefs import briefs
from metrics.period import Period
from ui import customers, data
from ui.view import View

ON_SCREEN = 500  # customers; the files hold all
AT_ONCE = 5000  # customers that one question names


def today(view: View) -> View:
    """The view of everything that is loaded: whom to call is known for today."""
    reach = data.reach(view.snapshot)
    return view.over(Period(reach.first, reach.as_of, reach.as_of, view.period.calendar))


def listed(now: View, mine: set[str], kinds: Sequence[str] = (), alone: bool = False, limit: int | None = ON_SCREEN) -> data.Behind:
    """The customers at risk with what one should know before calling, the reader's own first; the most revenue first.

    mine: the reader's ids as an owner. kinds: only those with one of these flags. alone: only the reader's own. limit: None for all.
    """
    found = data.listed(now, "at_risk", _narrowed(now, sorted(mine) if alone else (), kinds), limit)
    rows = found.rows
    if mine and not alone and limit is not None:  # the reader's own may lie beyond those shown
        own = data.listed(now, "at_risk", _narrowed(now, sorted(mine), kinds), limit).rows
        rows = pd.concat([own, rows[~rows["customer_id"].isin(own["customer_id"])]], ignore_index=True).head(limit)
    ids = list(rows["customer_id"])
    known = [customers.about(now.snapshot, briefs, now.query(), ids[k : k + AT_ONCE]) for k in range(0, len(ids), AT_ONCE)]
    whole = pd.concat(known, ignore_index=True) if known else pd.DataFrame({"customer_id": []})
    return replace(found, rows=_plainly(rows.merge(whole, on="customer_id", how="left")))


def _narrowed(now: View, owners: Sequence[str], kinds: Sequence[str]):
    """The question of the list, narrowed to owners and flags."""
    query = now.query()
    more = [("owner_id", tuple(owners))] if owners else []
    more += [("kind", tuple(kinds))] if kinds else []
    return replace(query, where=(*query.where, *more))


def _plainly(rows: pd.DataFrame) -> pd.DataFrame:
    """Days that are missing as None, as everywhere."""
    days = [name for name in ("since", "contact_on", "renewal_on", "signed_on") if name in rows]
    return rows.assign(**{name: rows[name].astype(object).where(rows[name].notna(), None) for name in days})
