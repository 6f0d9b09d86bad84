"""Who served a customer when, and what customers brought while somebody served them. A reader's own result, never a ranking of people.

A day belongs to whoever was responsible at its end. Where assignments overlap, the one that began later counts; where none covers the day,
nobody does. Only a customer without any assignment on record counts for its present owner, whatever the day.
Assignments of a record that was merged into another customer are those of the customer that it became; where both have some, they overlap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.arpu import by_buyer, invoiced
from metrics.metric import Metric
from metrics.period import EPOCH, day_number
from metrics.query import Frame, Query, Tables, collect, named, segmented
from metrics.result import Answer
from metrics.windows import number

EVER = -1_000_000  # day number before any: from when on a customer is known to have had nobody, or its present owner
NO_ONE, NO_DAY = nw.lit(None).cast(nw.String), nw.lit(None).cast(nw.Int64)


def owner_revenue(tables: Tables, query: Query) -> Answer:
    """What was invoiced, each invoice line credited to who was responsible for the customer on the day of the invoice; see revenue.

    Reads purchases, owner_assignments, owners, accounts. Here `owner_id`, `owner` and `department` are those of that day, in groups and
    filters, null for nobody; `holding` says how the owner holds the customer in the period (see credited). Over all owners and nobody the sum
    is the revenue of the same customers. Of customers whom a reader may not see any more nothing is credited, as everywhere.
    Meant for one's own customers, or those of a team together: comparing people is not what it is for.
    """
    return invoiced(credited(tables, query), tables, query)


def behind_owned(tables: Tables, query: Query) -> Frame:
    """One row per customer with an invoice or credit note: orders, revenue while served so."""
    return by_buyer(credited(tables, query), tables, query)


def credited(tables: Tables, query: Query) -> Frame:
    """The purchases, as many as there are, with owner_id, owner and department of their day, and `holding`.

    holding: handed_over (within the period the customer went to somebody else, or to nobody), else taken_over (within the period it came from
    somebody else), else all_along; null where nobody was responsible.
    """
    day, owners = nw.col("purchased_on_d"), tables["owners"].select("owner_id", "department", owner="name")
    rows = tables["purchases"].join(tenures(tables), on="customer_id", how="left")
    rows = rows.filter(nw.col("from_d").is_null() | ((day >= nw.col("from_d")) & (nw.col("to_d").is_null() | (day < nw.col("to_d")))))
    return rows.join(owners, on="owner_id", how="left").with_columns(holding=_holding(query))


def _holding(query: Query) -> nw.Expr:
    start_d, end_d = day_number(query.period.start), day_number(min(query.period.end, query.period.as_of))
    left, came = nw.col("to_d") < nw.lit(end_d), (nw.col("from_d") >= nw.lit(start_d)) & ~nw.col("before_id").is_null()
    held = nw.when(left.fill_null(False)).then(nw.lit("handed_over")).when(came).then(nw.lit("taken_over")).otherwise(nw.lit("all_along"))
    return nw.when(~nw.col("owner_id").is_null()).then(held)


def tenures(tables: Tables) -> Frame:
    """Who was responsible for each customer when: stretches of days that neither overlap nor leave a day out.

    One row per customer and stretch: customer_id; owner_id (null: nobody); from_d, to_d day numbers, [from, to), from EVER on, null: still;
    before_id, after_id: the owners of the stretches beside it.
    """
    held = tables["owner_assignments"].filter(nw.col("object") == "customer")
    held = held.select("owner_id", "from_at_s", customer_id="object_id", begins_d="from_on_d", ends_d="to_on_d")
    owned = _bounds(held).join(_latest(held), on=["customer_id", "at_d"], how="left")
    owned = owned.with_columns(before_id=nw.col("owner_id").shift(1).over("customer_id", order_by="at_d"))
    is_other = nw.coalesce("owner_id", nw.lit("")) != nw.coalesce("before_id", nw.lit(""))
    owned = owned.filter(is_other | (nw.col("at_d") == EVER))
    to_d, after = (nw.col(name).shift(-1).over("customer_id", order_by="at_d") for name in ("at_d", "owner_id"))
    owned = owned.with_columns(to_d=to_d, after_id=after).select("customer_id", "owner_id", "before_id", "after_id", "to_d", from_d="at_d")
    untold = tables["accounts"].join(held.select("customer_id").unique(), on="customer_id", how="anti").select("customer_id", "owner_id")
    untold = untold.with_columns(before_id=NO_ONE, after_id=NO_ONE, to_d=NO_DAY, from_d=nw.lit(EVER).cast(nw.Int64))
    return nw.concat([owned, untold.select(*owned.columns)])


def _bounds(held: Frame) -> Frame:
    """The days on which somebody may have come or gone: customer_id, at_d."""
    ever, came = held.select("customer_id", at_d=nw.lit(EVER).cast(nw.Int64)), held.select("customer_id", at_d="begins_d")
    gone = held.filter(~nw.col("ends_d").is_null()).select("customer_id", at_d="ends_d")
    return nw.concat([ever, came, gone]).unique()


def _latest(held: Frame) -> Frame:
    """Who is responsible from each of these days on: of the assignments that hold then the one that began last."""
    at = nw.col("at_d")
    rows = _bounds(held).join(held, on="customer_id", how="inner").filter(nw.col("begins_d") <= at, nw.col("ends_d").is_null() | (nw.col("ends_d") > at))
    place = nw.col("_one").cum_sum(reverse=True).over("customer_id", "at_d", order_by=["from_at_s", "owner_id"])
    return rows.with_columns(_one=nw.lit(1)).with_columns(_place=place).filter(nw.col("_place") == 1).select("customer_id", "at_d", "owner_id")


def served(tables: Tables, now: Query, before: Query) -> pd.DataFrame:
    """The customers of the question's owners: who is theirs at the period's end, and who brought something while they were.

    now, before: the same question about two periods, with its owners in `where`. Returns one row per customer, the most revenue first:
    customer_id, customer; revenue, revenue_before: float, credited to these owners; is_held: theirs at the end; since: day from which on they
    have been, null where no source says.
    """
    sums = [_credit(tables, now, "revenue"), _credit(tables, before, "revenue_before")]
    last_d = day_number(min(now.period.end, now.period.as_of)) - 1
    owners = tables["owners"].select("owner_id", "department", owner="name")
    held = tenures(tables).filter(nw.col("from_d") <= last_d, nw.col("to_d").is_null() | (nw.col("to_d") > last_d))
    held = held.join(tables["accounts"].select("customer_id"), on="customer_id", how="semi").join(owners, on="owner_id", how="left")
    held = segmented(held, tables, now).select("customer_id", since_d="from_d").with_columns(is_held=nw.lit(1))
    rows = nw.concat([frame.select("customer_id") for frame in (*sums, held)]).unique()
    for frame in (*sums, held):
        rows = rows.join(frame, on="customer_id", how="left")
    found = collect(named(rows, tables)).sort_values(["revenue", "customer_id"], ascending=[False, True], na_position="last", ignore_index=True)
    return found.assign(is_held=found["is_held"].notna(), since=[_day(d) for d in found["since_d"]]).drop(columns="since_d")


def _credit(tables: Tables, query: Query, name: str) -> Frame:
    return behind_owned(tables, query).select("customer_id", nw.col("revenue").alias(name))


def _day(d) -> dt.date | None:
    return None if pd.isna(d) or d <= EVER else EPOCH + dt.timedelta(days=int(d))


def changes(tables: Tables, query: Query, owners: Sequence[str]) -> pd.DataFrame:
    """Customers that these owners took over or handed over within the period, the latest first; not between themselves.

    Returns kind (taken_over, handed_over), customer_id, customer, changed_on, other: the name of who had the customer before, or has it then;
    null: nobody. A customer whom nobody had before was not taken over.
    """
    others = replace(query, where=tuple(pair for pair in query.where if pair[0] != "owner_id"))
    start_d, end_d = day_number(query.period.start), day_number(min(query.period.end, query.period.as_of))
    now, before = (nw.col(name).is_in(list(owners)).fill_null(False) for name in ("owner_id", "before_id"))
    rows = tenures(tables).filter(nw.col("from_d") >= start_d, nw.col("from_d") < end_d, ~nw.col("before_id").is_null())
    rows = segmented(rows.filter(now | before, ~(now & before)).with_columns(taken=number(now)), tables, others)
    rows = rows.with_columns(other_id=nw.when(nw.col("taken") == 1).then(nw.col("before_id")).otherwise(nw.col("owner_id")))
    rows = rows.join(tables["owners"].select(other_id="owner_id", other="name"), on="other_id", how="left")
    found = collect(named(rows.select("customer_id", "from_d", "taken", "other"), tables).sort("from_d", "customer_id", descending=[True, False]))
    kind = found["taken"].map({1: "taken_over", 0: "handed_over"})
    return found.assign(kind=kind, changed_on=[_day(d) for d in found["from_d"]])[["kind", "customer_id", "customer", "changed_on", "other"]]


METRICS = (
    Metric(
        "owner_revenue", owner_revenue,
        "What was invoiced, credited to who was responsible for the customer on the day of the invoice; for one's own customers, never to rank people.",
        "Σ amount × rate of the invoice's day, by the owner of that day", "money",
        ("purchases", "owner_assignments", "owners", "accounts"), behind_owned, "higher",
    ),
)  # fmt: skip
