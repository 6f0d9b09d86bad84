"""Signals of how a customer is looked after: the follow-up after the signing, complaints that wait, an owner who left."""

from __future__ import annotations

import narwhals as nw

from metrics.outreach import outreach
from metrics.query import Frame, Tables
from metrics.signals import Eve, Signal, first_of, later, limit, present, shaped
from metrics.tickets import DAY, HOUR, SOLUTION, is_unsolved


def follow_up(tables: Tables, at: Eve) -> Frame:
    """The first time that we spoke with a customer after the signing; a flag where that was later than promised, or has not been.

    Reads accounts.signed_at, interactions (going out, or without a direction), coverage. Calendar hours; exactly at the limit is in
    time. Who is still within it is pending: no row. Signings before the first interaction on record tell nothing.
    figure: hours from the signing to the follow-up, null: none yet. The flag stands for `follow_up_days` after the signing, also where a
    late follow-up came: those customers leave more often.
    """
    known = tables["coverage"].filter(nw.col("table") == "interactions").select(known_d="first_on_d")
    signed = present(tables, at).filter(nw.col("signed_on_d") > at.end_d - at.longest("follow_up_days") - 1)
    signed = signed.join(known, how="cross").filter(nw.col("signed_on_d") >= nw.col("known_d"))
    signed = signed.with_columns(hours=limit(at, "follow_up_hours"), shown=limit(at, "follow_up_days"))
    signed = signed.filter(at.end_d - nw.col("signed_on_d") <= nw.col("shown"))
    spoken = outreach(tables).filter(nw.col("happened_at_s") < at.now_s)
    spoken = spoken.select("customer_id", "happened_at_s").join(signed.select("customer_id", "signed_at_s"), on="customer_id", how="inner")
    firsts = spoken.filter(nw.col("happened_at_s") >= nw.col("signed_at_s")).group_by("customer_id").agg(first_s=nw.col("happened_at_s").min())
    waited = (nw.col("first_s") - nw.col("signed_at_s")) / HOUR
    rows = signed.join(firsts, on="customer_id", how="left").with_columns(waited=waited, passed=(at.now_s - nw.col("signed_at_s")) / HOUR)
    is_kept = (nw.col("waited") <= nw.col("hours")).fill_null(False)
    rows = rows.with_columns(is_kept=is_kept).filter(nw.col("is_kept") | (nw.col("passed") > nw.col("hours")))
    x = nw.when(nw.col("is_kept")).then(nw.lit(100.0)).otherwise(nw.lit(0.0))
    begun = later("signed_on", (nw.col("hours") / 24).ceil())
    return shaped(
        rows, "follow_up", "customers", x=x, is_raised=~nw.col("is_kept"), raised_on=begun, row_id="customer_id", figure="waited", usual="hours"
    )  # fmt: skip


def complaint(tables: Tables, at: Eve) -> Frame:
    """Open complaints; a flag where one is open for longer than tickets may take ([metrics.tickets] within_days, as on the service page).

    figure: days that the oldest is open; usual: the days promised; times: how many are past due. x: 50 where none is past due yet.
    """
    days = SOLUTION.length(at.query)
    waiting = tables["tickets"].filter(nw.col("kind") == "complaint", nw.col("opened_on_d") < at.end_d, is_unsolved(nw.lit(at.end_d)))
    waiting = waiting.with_columns(is_due=SOLUTION.is_due(at.query)).with_columns(late=nw.when(nw.col("is_due")).then(nw.lit(1)).otherwise(nw.lit(0)))
    waiting = waiting.with_columns(due=nw.col("late").sum().over("customer_id"))
    oldest = first_of(waiting, "opened_at_s", "ticket_id")
    is_late = nw.col("due") > 0
    x = nw.when(is_late).then(nw.lit(0.0)).otherwise(nw.lit(50.0))
    age = (at.now_s - nw.col("opened_at_s")) / DAY
    return shaped(
        oldest, "complaint", "tickets", x=x, is_raised=is_late, raised_on=later("opened_on", days), row_id="ticket_id", times="due", figure=age,
        usual=float(days),
    )  # fmt: skip


def uncomplaining(tables: Tables, at: Eve) -> Frame:
    """Everybody, once tickets are on record: who has no open complaint is well served."""
    known = tables["coverage"].filter(nw.col("table") == "tickets", nw.col("first_on_d") < at.end_d).select(known_d="first_on_d")
    return present(tables, at).join(known, how="cross").select("customer_id")


def owner(tables: Tables, at: Eve) -> Frame:
    """Whether the owner is still with us; a flag where not. Sources keep no history of it, so it has no day, and holds for every day asked about."""
    people = tables["owners"].select("owner_id", "is_active", owner="name")
    rows = present(tables, at).join(people, on="owner_id", how="inner")
    x = nw.when(nw.col("is_active")).then(nw.lit(100.0)).otherwise(nw.lit(0.0))
    return shaped(rows, "owner", "owners", x=x, is_raised=~nw.col("is_active"), row_id="owner_id", what="owner")


SIGNALS = (
    Signal("follow_up", follow_up, ("interactions",)), Signal("complaint", complaint, ("tickets",), uncomplaining), Signal("owner", owner, ()),
)  # fmt: skip
