"""What moved recurring value: the bridge from opening to closing, the ledger of movements by customer, the quick ratio."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, collect, named, segmented
from metrics.recurring import HELD, HOLDS, MOVES, classified, sums
from metrics.result import Answer, Check, answer
from metrics.retention import HORIZON, RECURRING, net_of
from metrics.windows import Window, each_window, number, part, windows

CENT = 0.005
STEPS = ("opening", "expansion", "contraction", "churn", "retained", "new", "reactivation", "exchange", "closing")  # in the order of a waterfall
SIGNS = {"contraction": -1, "churn": -1}
HEADCOUNT = {"opening": "converted", "retained": "kept", "closing": "paying"}


def nrr_bridge(tables: Tables, query: Query) -> Answer:
    """From the opening customers' recurring value to the closing value, step by step; adds up to the cent.

    opening + expansion − contraction − churn = retained (NRR is retained ÷ opening); + new + reactivation = closing at the opening
    day's exchange rates; + exchange = closing at today's. New and returned customers stand apart: they never count for NRR.

    Returns one row per segment (and step of a series) and bridge `step`: value signed, reporting currency a month; n customers;
    position int, the order of the steps; kind "total" or "change".
    Checks: both sums, and the closing value against the months' table where the end is a month's end.
    """
    frame = sums(tables, query)
    frame = frame.assign(retained=frame["staying"], closing_opening=frame["closing"], closing=frame["closing_now"])
    frame["exchange"] = frame["closing_now"] - frame["closing_opening"]
    parts = [_step(frame, position, step, query) for position, step in enumerate(STEPS)]
    keys = (*query.by, "position", "step")
    rows = pd.concat(parts, ignore_index=True)
    checks = [_adds_up(frame), *_against_months(tables, query, frame)]
    notes = {"horizon": query.options["horizon"], "unconverted": int(pd.to_numeric(frame["unconverted"]).sum())}
    if not query.grain:
        rows = rows.drop(columns="bucket")
    return answer(rows, query, keys=keys, extra=("kind",), checks=checks, notes=notes)


def _step(frame: pd.DataFrame, position: int, step: str, query: Query) -> pd.DataFrame:
    counts = frame[HEADCOUNT.get(step, f"n_{step}")] if step != "exchange" else frame["paying"]
    kept = frame[["bucket", *query.by]]
    kind = "total" if step in HEADCOUNT else "change"
    return kept.assign(position=position, step=step, kind=kind, value=pd.to_numeric(frame[step]) * SIGNS.get(step, 1), n=counts)


def _adds_up(frame: pd.DataFrame) -> Check:
    retained = net_of(frame) - frame["retained"]
    closing = frame["retained"] + frame["new"] + frame["reactivation"] - frame["closing_opening"]
    off = float(pd.concat([retained.abs(), closing.abs()]).max()) if len(frame) else 0.0
    return Check("opening + expansion − contraction − churn = retained; + new + reactivation = closing, to the cent", off < CENT, f"off by {off:.4f}")


def _against_months(tables: Tables, query: Query, frame: pd.DataFrame) -> list[Check]:
    """The closing value from the table of months, where the question's end is a month's end and no column is only an agreement's."""
    end = query.period.end
    if query.grain or query.by or end.day != 1 or not query.period.complete:
        return []
    months, last_m = tables["customer_months"], end.year * 12 + end.month - 2
    if not set(query.columns) <= {*months.columns, *tables["accounts"].columns}:
        return []
    of_month = part(nw.col("month_m") == last_m, nw.col("recurring_reporting"))
    since = months.filter(nw.col("month_m") >= last_m)  # months after it tell, too, that the table reaches it
    found = collect(segmented(since, tables, query).select(total=of_month.sum(), last_m=nw.col("month_m").max())).iloc[0]
    if pd.isna(found["last_m"]):
        return []  # the table does not reach that month
    closing, total = float(frame["closing"].sum()), float(found["total"])
    return [Check("closing value equals the table of months", abs(closing - total) < CENT + 1e-9 * abs(total), f"{closing:.2f} and {total:.2f}")]


def movements(tables: Tables, query: Query) -> Answer:
    """The ledger: every customer whose recurring value moved within the period, with how much, what it is called, and why.

    Options: horizon ("period" by default, or months); kind, to list one kind only.

    Returns one row per customer, the largest move first: customer_id, the `by` columns; value = closing − opening, signed,
    reporting currency a month at the opening day's rates; n 1; kind; reason (a code, see REASONS); opening, closing;
    agreements_before, agreements_after. Kind "joined_and_left" (inside the window: neither new nor churn) is listed with
    value 0, and `left_between` marks those who left and came back.
    """
    if query.grain:
        raise QuestionError("the ledger lists customers, it is not a series: leave out the grain, or ask nrr_bridge for the sums by step")
    frame = collect(named(_chosen(ledger(tables, query, windows(query)), query), tables))
    frame = frame.assign(value=frame["change"], n=1, reason=_reasons(frame), left_between=frame["left"] == 1)
    by_kind = frame.groupby("kind")["value"].agg(["size", "sum"])
    notes = {"horizon": query.options["horizon"], **{str(kind): int(row["size"]) for kind, row in by_kind.iterrows()}}
    checks = [] if query.options["kind"] else [_ledger_adds_up(frame, tables, query)]
    found = answer(frame, query, keys=tuple(dict.fromkeys((*query.by, "customer_id"))), extra=LEDGER, checks=checks, notes=notes)
    return replace(found, rows=found.rows.sort_values("value", key=abs, ascending=False, kind="stable", ignore_index=True))


def _chosen(rows: Frame, query: Query) -> Frame:
    kind = query.options["kind"]
    if kind and kind not in KINDS:
        raise QuestionError(f"no kind {kind!r} of movement; there are {', '.join(KINDS)}")
    return rows.filter(nw.col("kind") == kind) if kind else rows


KINDS = (*MOVES, "joined_and_left", "kept")
LEDGER = ("customer", "kind", "reason", "opening", "closing", "agreements_before", "agreements_after", "left_between")
REASONS = {
    "new": "first agreement began in the window",
    "reactivation": "had value before, none at the window's beginning",
    "churn": "the last agreement ended",
    "more_agreements": "more agreements than before",
    "higher_amount": "same number of agreements, worth more",
    "fewer_agreements": "some agreements ended, others run on",
    "lower_amount": "same number of agreements, worth less",
    "joined_and_left": "joined and left inside the window: neither new nor churn",
    "left_and_returned": "left and came back inside the window, with the same value",
}


def ledger(tables: Tables, query: Query, stretches: list[Window]) -> Frame:
    """`classified` customers that moved, and those whose coming and going cancels out within the window."""
    columns = ("code", "customer_id", *(c for c in query.by if c != "customer_id"))
    gone = _left(tables, query, stretches)
    moved = classified(tables, query, stretches).join(gone, on=["code", "customer_id"], how="full").with_columns(
        nw.coalesce("code", "code_right").alias("code"), nw.coalesce("customer_id", "customer_id_right").alias("customer_id"),
        *(nw.coalesce(c, f"{c}_right").alias(c) for c in columns[2:]),
    )  # fmt: skip
    absent = nw.col("kind").is_null()
    moved = moved.with_columns(nw.when(absent).then(nw.lit("joined_and_left")).otherwise(nw.col("kind")).alias("kind"), left=nw.col("left").fill_null(0))
    figures = {c: nw.col(c).fill_null(0) for c in ("opening", "closing", "change")}
    counts = {f"agreements_{c}": nw.col(c).fill_null(0) for c in ("before", "after")}
    moved = moved.with_columns(**figures, **counts).filter((nw.col("kind") != "kept") | (nw.col("left") == 1))
    return moved.select(*columns, "kind", "left", *figures, *counts)


def _left(tables: Tables, query: Query, stretches: list[Window]) -> Frame:
    """One row per window and customer with a stay that ended in it, who was there neither only before nor only after: left = 1."""
    known = {*tables["episodes"].columns, *tables["accounts"].columns}
    of_stays = Query(query.period, by=tuple(c for c in query.by if c in known), where=tuple(w for w in query.where if w[0] in known))
    stays = each_window(segmented(tables["episodes"], tables, of_stays), tables, stretches)
    ended = (nw.col("to_on_d") >= nw.col("start_d")) & (nw.col("to_on_d") < nw.col("end_d"))
    is_in = (nw.col("from_on_d") < nw.col("start_d")) & (nw.col("to_on_d").is_null() | (nw.col("to_on_d") >= nw.col("start_d")))
    is_there = (nw.col("from_on_d") < nw.col("end_d")) & (nw.col("to_on_d").is_null() | (nw.col("to_on_d") >= nw.col("end_d")))
    stays = stays.with_columns(ends=number(ended), opens=number(is_in), closes=number(is_there))
    columns = ("code", "customer_id", *(c for c in of_stays.by if c != "customer_id"))
    customers = stays.group_by(*columns).agg(nw.col("ends", "opens", "closes").max())
    came_back = (nw.col("ends") == 1) & (nw.col("opens") == nw.col("closes"))
    return customers.filter(came_back).with_columns(left=nw.lit(1)).select(*columns, "left")


def _reasons(frame: pd.DataFrame) -> np.ndarray:
    """A code for each row's classification: the kind itself, or what the number of agreements says about a change of value."""
    more, fewer = frame["agreements_after"] > frame["agreements_before"], frame["agreements_after"] < frame["agreements_before"]
    growth, loss, same = (frame["kind"] == kind for kind in ("expansion", "contraction", "kept"))
    named = [growth & more, growth, loss & fewer, loss, same]
    return np.select(named, ["more_agreements", "higher_amount", "fewer_agreements", "lower_amount", "left_and_returned"], frame["kind"].astype(str))


def _ledger_adds_up(frame: pd.DataFrame, tables: Tables, query: Query) -> Check:
    bridge = sums(tables, query)
    expected = float(sum(pd.to_numeric(bridge[move]).sum() * SIGNS.get(move, 1) for move in MOVES))
    found = float(frame["value"].sum())
    return Check("the ledger's sum equals the bridge's movements", abs(found - expected) < CENT + 1e-9 * abs(expected), f"{found:.2f} and {expected:.2f}")


def behind_bridge(tables: Tables, query: Query) -> Frame:
    """One row per customer with value at either end."""
    rows = classified(tables, query, windows(query)).filter(HELD | HOLDS)
    return named(rows.select("customer_id", "opening", "closing", "change", "kind", agreements_before="before", agreements_after="after"), tables)


def quick_ratio(tables: Tables, query: Query) -> Answer:
    """What came in for every unit that went: (new + expansion + reactivation) ÷ (contraction + churn).

    Returns value ≥ 0, numerator and denominator in reporting currency a month, n customers that moved; no losses: no_data, and
    the note "no losses". Read it so: 2.6 means 2.60 won for every 1.00 lost.
    """
    frame = sums(tables, query)
    won = frame["new"] + frame["expansion"] + frame["reactivation"]
    lost = frame["contraction"] + frame["churn"]
    frame = frame.assign(numerator=won, denominator=lost, n=sum(frame[f"n_{move}"] for move in MOVES))
    notes = {"horizon": query.options["horizon"]}
    if len(frame) and not (lost > 0).any():
        notes["reason"] = "no losses"
    return answer(frame, query, notes=notes)


def behind_moved(tables: Tables, query: Query) -> Frame:
    """One row per customer that moved."""
    return behind_bridge(tables, query).filter(nw.col("kind") != "kept")


def behind_ledger(tables: Tables, query: Query) -> Frame:
    return named(_chosen(ledger(tables, query, windows(query)), query), tables).drop("code", "left")


METRICS = (
    Metric(
        "nrr_bridge", nrr_bridge, "How the recurring value of a year ago became today's: expansion, contraction, churn; new and returned customers apart.",
        "opening + expansion − contraction − churn = retained; + new + reactivation + exchange = closing", "money",
        (*RECURRING, "customer_months"), behind_bridge, None, HORIZON,
    ),
    Metric(
        "movements", movements, "Every customer whose recurring value moved, with the amount, the kind of movement and its reason.",
        "closing − opening per customer, at the opening day's exchange rates", "money", RECURRING, behind_ledger, None, {"horizon": "period", "kind": ""},
    ),
    Metric(
        "quick_ratio", quick_ratio, "Recurring value won for every unit lost.", "(new + expansion + reactivation) ÷ (contraction + churn)", "ratio",
        RECURRING, behind_moved, "higher", {"horizon": "period"}, "Mamoon Hamid, SaaS quick ratio",
    ),
)  # fmt: skip
