"""Who changed grade between two quarter ends: the rate, the matrix in customers and in money, and the shift of the mix."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.quarters import LOST, NEW, SEGMENTS, Pair, both_ends, last_day, pairs, segment_column
from metrics.query import Frame, Query, Tables, aggregate, named, segmented
from metrics.result import Answer, Check, answer
from metrics.stats import share_se, wilson


def segment_change_rate(tables: Tables, query: Query) -> Answer:
    """Of the customers known at both quarter ends, the share whose grade changed; those who came or went stand apart.

    customer_quarters: reads ends_on, held, held_rank, earned, graded_then. The two ends: `metrics.quarters.pairs`.
    Option segment: "held" (default) or "earned".
    Returns value, n = denominator = customers at both ends, numerator = changed; extra: up, down, entrants, leavers,
    rule_changed = customers at both ends whose old grade, computed again by the present rules, is another one than that of
    the rules in force then: the part of what one would have seen that the rules made, not the customers.
    Read it so: 0.12 with up 90 and down 40 means 130 of 1,080 changed, more of them for the better. Limits: Wilson 1927.
    """
    chosen = pairs(tables, query)
    if not chosen:
        return answer(_none(query, CHANGES), query, extra=CHANGES)
    rank = SEGMENTS[segment_column(query)]
    columns = {"rank": nw.col(rank), "earned": nw.col("earned"), "graded": nw.col("graded_then")}
    both, before, after = nw.col("was") + nw.col("is_now") == 2, nw.col("rank_then"), nw.col("rank_now")
    rows = aggregate(
        both_ends(tables, query, chosen, columns), ["bucket", *query.by],
        n=_count(both), up=_count(both & (after < before)), down=_count(both & (after > before)),
        entrants=_count(nw.col("was") == 0), leavers=_count(nw.col("is_now") == 0),
        rule_changed=_count(both & (nw.col("earned_then") != nw.col("graded_then"))),
    )  # fmt: skip
    rows["numerator"], rows["denominator"] = rows["up"] + rows["down"], rows["n"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    rows = rows if len(rows) else _none(query, CHANGES)
    return answer(rows, query, extra=CHANGES, notes=_notes(chosen))


CHANGES = ("up", "down", "entrants", "leavers", "rule_changed")


def _count(flag: nw.Expr) -> nw.Expr:
    return nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def _none(query: Query, extra: tuple[str, ...]) -> pd.DataFrame:
    """No pair of quarter ends: one row that says so, or none where groups would have to be named."""
    empty = pd.DataFrame(columns=["bucket", *query.by, "value", "n", *extra])
    return empty if query.by else pd.DataFrame([{"bucket": _first(query), "n": 0}]).reindex(columns=empty.columns)


def _first(query: Query) -> int:
    return query.period.bucket_number(query.period.start, query.grain) if query.grain else 0


def _notes(chosen: list[Pair]) -> dict:
    return {"then": last_day(chosen[0].then), "now": last_day(chosen[-1].now)} if chosen else {}


def stayers(tables: Tables, query: Query) -> Frame:
    """The customers behind a change rate: known at both ends, with rank_then, rank_now, amount_then, amount_now and is_changed."""
    query = Query(query.period, None, (), query.where, query.options, query.settings)
    chosen = pairs(tables, query) or [Pair(0, query.period.start, query.period.start)]
    name = segment_column(query)
    columns = {"grade": nw.col(name), "rank": nw.col(SEGMENTS[name]), "amount": nw.col("amount")}
    both = both_ends(tables, query, chosen, columns).filter(nw.col("was") + nw.col("is_now") == 2)
    return named(both.with_columns(is_changed=nw.col("rank_then") != nw.col("rank_now")).drop("bucket", "was", "is_now"), tables)


def migration(tables: Tables, query: Query) -> Answer:
    """From which grade to which: customers and money between two quarter ends, with those who came (NEW) and went (LOST).

    customer_quarters: reads ends_on, amount and the grade. Option segment: "held" (default) or "earned".
    Returns one row per (origin, target) that occurs: value = share of the origin's customers; numerator = customers;
    denominator = n = customers of the origin; low, high Wilson; extra: direction = up, down, same, new or lost;
    origin_rank, target_rank (1 is best; NEW and LOST have none); amount_then, amount_now: revenue of twelve months at each
    end, reporting currency (0 where it was no customer).
    Checks: the margins of the matrix equal what is counted at each end on its own, in customers and in money.
    Read it so: 0.15 from core to key, amount 2.1 m to 1.4 m: 15 of 100 core customers are key now, and buy for a third less.
    """
    chosen = pairs(tables, query)
    if not chosen:
        return answer(_none(query, MATRIX).drop(columns="bucket").assign(origin=None, target=None).iloc[:0], query, keys=_keys(query), extra=MATRIX)
    name = segment_column(query)
    columns = {"grade": nw.col(name), "rank": nw.col(SEGMENTS[name]), "amount": nw.col("amount")}
    both = both_ends(tables, query, chosen, columns).with_columns(
        origin=nw.when(nw.col("was") == 1).then(nw.col("grade_then")).otherwise(nw.lit(NEW)),
        target=nw.when(nw.col("is_now") == 1).then(nw.col("grade_now")).otherwise(nw.lit(LOST)),
    )
    keys = ["bucket", *query.by]
    cells = aggregate(
        both, [*keys, "origin", "target"], numerator=nw.len(), origin_rank=nw.col("rank_then").max(), target_rank=nw.col("rank_now").max(),
        amount_then=nw.col("amount_then").sum(), amount_now=nw.col("amount_now").sum(),
    )  # fmt: skip
    cells["denominator"] = cells.groupby([*keys, "origin"], dropna=False)["numerator"].transform("sum")
    cells["n"] = cells["denominator"]
    cells["low"], cells["high"] = wilson(cells["numerator"], cells["n"])
    cells["se"] = share_se(cells["numerator"], cells["n"])
    cells["direction"] = [_direction(*ranks) for ranks in zip(cells["origin_rank"], cells["target_rank"], strict=True)]
    checks = _margins(cells, tables, query, chosen, name)
    return answer(cells, query, keys=_keys(query), extra=MATRIX, checks=checks, notes=_notes(chosen))


MATRIX = ("direction", "origin_rank", "target_rank", "amount_then", "amount_now")


def _direction(origin: float, target: float) -> str:
    if pd.isna(origin):
        return "new"
    if pd.isna(target):
        return "lost"
    return "same" if origin == target else "up" if target < origin else "down"


def _keys(query: Query) -> tuple[str, ...]:
    return (*query.by, "origin", "target")


def _margins(cells: pd.DataFrame, tables: Tables, query: Query, chosen: list[Pair], name: str) -> list[Check]:
    """Rows and columns of the matrix against a plain count of each quarter end."""
    counted = aggregate(segmented(tables["customer_quarters"], tables, query), ["ends_on", name], n=nw.len(), amount=nw.col("amount").sum())
    checks = []
    for side, label in (("then", "origin"), ("now", "target")):
        days = pd.concat([counted[counted["ends_on"] == getattr(pair, side)] for pair in chosen])
        expected = days.groupby(name)[["n", "amount"]].sum()
        found = cells[~cells[label].isin((NEW, LOST))].groupby(label)[["numerator", f"amount_{side}"]].sum()
        same = found.index.equals(expected.index) and np.allclose(found.to_numpy(float), expected.to_numpy(float))
        checks.append(Check(f"{label}s of the matrix = customers and money {side}", bool(same), f"{found['numerator'].sum():.0f} = {expected['n'].sum():.0f}"))
    return checks


def movers(tables: Tables, query: Query) -> Frame:
    """The customers behind a cell: filters on `origin` and `target` in `where` choose it; without them, all customers of both ends."""
    cell = {"origin", "target"}
    plain = Query(query.period, None, (), tuple(pair for pair in query.where if pair[0] not in cell), query.options, query.settings)
    chosen = pairs(tables, plain) or [Pair(0, query.period.start, query.period.start)]
    name = segment_column(query)
    both = both_ends(tables, plain, chosen, {"grade": nw.col(name), "amount": nw.col("amount"), "score": nw.col("score")}).with_columns(
        origin=nw.when(nw.col("was") == 1).then(nw.col("grade_then")).otherwise(nw.lit(NEW)),
        target=nw.when(nw.col("is_now") == 1).then(nw.col("grade_now")).otherwise(nw.lit(LOST)),
    )
    for column, values in (pair for pair in query.where if pair[0] in cell):
        both = both.filter(nw.col(column).is_in(list(values)))
    return named(both.drop("bucket", "was", "is_now", "grade_then", "grade_now"), tables)


METRICS = (
    Metric(
        "segment_change_rate", segment_change_rate,
        definition="Of the customers known at both quarter ends, the share whose grade changed.",
        formula="customers whose grade at the end is not that at the start / customers known at both ends",
        unit="share", reads=("customer_quarters", "accounts"), behind=stayers, options={"segment": "held"}, source="Wilson 1927 (limits)",
    ),
    Metric(
        "migration", migration,
        definition="From which grade to which customers moved between two quarter ends, in customers and in money.",
        formula="customers from one grade to another / customers of the first; NEW and LOST for those without a grade at one end",
        unit="share", reads=("customer_quarters", "accounts"), behind=movers, options={"segment": "held"}, source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
