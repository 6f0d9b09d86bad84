"""Of whom it can be asked on a day whether they leave within the next 90 days, and who then did, by the definitions of retention.

With an agreement that runs on that morning ("contract"): lost is who has none any more on the morning 90 days later; an agreement that
follows within that time is no loss.
Without any so far ("buyer"): lost is who has been silent for longer than the company's cut (metrics.activity) by then; of whom that
cannot be reached within 90 days it is not asked.

Mornings are day numbers: `at_d` is the first day that is not known yet. All of them are looked at in one query.
"""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw

from metrics.activity import cut_of
from metrics.query import Frame, Query, Tables
from metrics.windows import exploded, number

HORIZON = 90  # days
POPULATIONS = ("contract", "buyer")
KEYS = ("customer_id", "at_d")


def asked_of(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """One row per morning and customer that is asked about: customer_id, at_d, population, silence (days since the last purchase; null: none).

    among: customer_id of whom to look at. Only what happened before the morning is looked at. Whom the source calls lost by then is
    not asked about.
    """
    here = exploded(tables["accounts"].join(among, on="customer_id", how="semi").select("customer_id", "lost_on_d"), tables, list(days), "at_d")
    here = here.filter(nw.col("lost_on_d").is_null() | (nw.col("lost_on_d") >= nw.col("at_d"))).select(*KEYS)
    last = past(bought(tables), tables, days, among).group_by(*KEYS).agg(last_d=nw.col("day_d").max())
    begun = past(tables["episodes"].with_columns(day_d="from_on_d"), tables, days, among)
    agreed = begun.group_by(*KEYS).agg(runs=number(nw.col("to_on_d").is_null() | (nw.col("to_on_d") > nw.col("at_d"))).max())
    rows = here.join(last, on=KEYS, how="left").join(agreed, on=KEYS, how="left").with_columns(silence=nw.col("at_d") - nw.col("last_d"))
    cut = cut_of(query)
    is_buyer = nw.col("runs").is_null() & (nw.col("silence") <= cut) & (nw.col("silence") + HORIZON > cut)
    named = nw.when(nw.col("runs") == 1).then(nw.lit("contract")).when(is_buyer).then(nw.lit("buyer"))
    return rows.with_columns(population=named).filter(~nw.col("population").is_null()).select(*KEYS, "population", "silence")


def outcomes(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """What became of them: customer_id, at_d, is_lost (0 or 1), lost_after (days from the morning to the loss; null where they stayed).

    Needs the facts of the last morning, of the 90 days after it and of the day then: an agreement that begins on it goes on.
    """
    day, end = nw.col("day_d"), nw.col("at_d") + HORIZON
    ahead = exploded(bought(tables).join(among, on="customer_id", how="semi"), tables, list(days), "at_d").filter(day >= nw.col("at_d"), day < end)
    again = ahead.group_by(*KEYS).agg(again=nw.len())
    to = nw.col("to_on_d")
    stays = exploded(tables["episodes"].join(among, on="customer_id", how="semi"), tables, list(days), "at_d").filter(nw.col("from_on_d") <= end)
    then = stays.group_by(*KEYS).agg(
        runs_then=number(to.is_null() | (to > end)).max(), over_d=nw.when((to > nw.col("at_d")) & (to <= end)).then(to).max()
    )  # fmt: skip
    rows = asked_of(tables, query, days, among).join(then, on=KEYS, how="left").join(again, on=KEYS, how="left")
    is_contract = nw.col("population") == "contract"
    is_lost = nw.when(is_contract).then(1 - nw.col("runs_then").fill_null(0)).otherwise(number(nw.col("again").is_null()))
    after = nw.when(is_contract).then(nw.col("over_d") - nw.col("at_d")).otherwise(cut_of(query) + 1 - nw.col("silence"))
    return rows.with_columns(is_lost=is_lost).with_columns(lost_after=nw.when(nw.col("is_lost") == 1).then(after)).select(*KEYS, "is_lost", "lost_after")


def bought(tables: Tables) -> Frame:
    """Days of purchase: customer_id, day_d."""
    return tables["purchases"].filter(nw.col("orders") > 0).select("customer_id", day_d="purchased_on_d")


def past(rows: Frame, tables: Tables, days: Sequence[int], among: Frame, reach: int | None = None) -> Frame:
    """Rows once per morning that they lie before, by their `day_d`; reach: at most so many days before."""
    theirs = rows.join(among, on="customer_id", how="semi").filter(nw.col("day_d") < max(days))
    found = exploded(theirs, tables, list(days), "at_d").filter(nw.col("day_d") < nw.col("at_d"))
    return found if reach is None else found.filter(nw.col("day_d") >= nw.col("at_d") - reach)
