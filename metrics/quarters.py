"""Two quarter ends side by side: which ones a question means, and each customer's grade at both."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import narwhals as nw

from metrics.query import Frame, Query, QuestionError, Tables, aggregate, segmented

NEW, LOST = "NEW", "LOST"  # where there is no grade at one of the two ends
SEGMENTS = {"held": "held_rank", "earned": "earned_rank"}


def last_day(end: dt.date) -> str:
    """The last day of the quarter that ends with `end`, for notes."""
    return (end - dt.timedelta(days=1)).isoformat()


class Pair(NamedTuple):
    """Two quarter ends (first days after the quarters) and the step of the series they belong to."""

    bucket: int
    then: dt.date
    now: dt.date


def quarter_ends(tables: Tables) -> list[dt.date]:
    """The quarter ends for which customers are known, oldest first; each is the first day after its quarter."""
    return sorted(aggregate(tables["customer_quarters"], ["ends_on"], n=nw.len())["ends_on"])


def pairs(tables: Tables, query: Query) -> list[Pair]:
    """The quarter ends that a question compares.

    now: the last one by the end of the period (or of the data, while it runs). then: the last one by the period's start, at
    least one quarter before; the oldest known where the data does not reach so far back. In a series each step stands for
    itself; a step in which no quarter ends has no pair. Empty where fewer than two quarter ends are known.
    """
    ends = quarter_ends(tables)
    if query.grain is None:
        return [pair for pair in [_pair(0, ends, query.period.start, min(query.period.end, query.period.as_of))] if pair]
    first = query.period.bucket_number(query.period.start, query.grain)
    steps = enumerate(query.period.buckets(query.grain), first)
    found = [_pair(k, [e for e in ends if e <= b.end], b.start, min(b.end, query.period.as_of)) for k, b in steps if any(b.start < e <= b.end for e in ends)]
    return [pair for pair in found if pair]


def _pair(bucket: int, ends: list[dt.date], start: dt.date, stop: dt.date) -> Pair | None:
    known = [end for end in ends if end <= stop]
    if len(known) < 2:
        return None
    earlier = [end for end in known[:-1] if end <= start]
    return Pair(bucket, earlier[-1] if earlier else known[0], known[-1])


def latest(tables: Tables, query: Query) -> dt.date | None:
    """The last quarter end by the end of the period; None where none is known."""
    known = [end for end in quarter_ends(tables) if end <= min(query.period.end, query.period.as_of)]
    return known[-1] if known else None


def segment_column(query: Query) -> str:
    """The grade a question is about: "held" (in force, with hysteresis) or "earned" (by the score alone)."""
    if query.options["segment"] not in SEGMENTS:
        raise QuestionError(f"no segment {query.options['segment']!r} whose past is known; there are {', '.join(SEGMENTS)}")
    return query.options["segment"]


def both_ends(tables: Tables, query: Query, chosen: list[Pair], columns: dict[str, nw.Expr]) -> Frame:
    """One row per pair (`bucket`) and customer known at either end: each of `columns` as {name}_then and {name}_now, null where it was no customer.

    was, is_now: whether it was a customer at each end.
    """
    quarters = segmented(tables["customer_quarters"], tables, query)
    keys = list(dict.fromkeys(("customer_id", *query.by)))
    sides = [_side(quarters, keys, chosen, side, columns) for side in ("then", "now")]
    both = nw.concat(sides)
    wide = {f"{name}_{side}": nw.when(nw.col("side") == side).then(nw.col(name)).max() for name in columns for side in ("then", "now")}
    there = {name: (nw.when(nw.col("side") == side).then(nw.lit(1)).otherwise(nw.lit(0))).max() for name, side in (("was", "then"), ("is_now", "now"))}
    return both.group_by("bucket", *keys).agg(**wide, **there)


def _side(quarters: Frame, keys: list[str], chosen: list[Pair], side: str, columns: dict[str, nw.Expr]) -> Frame:
    bucket = nw.lit(None).cast(nw.Int64)
    for pair in chosen:
        bucket = nw.when(nw.col("ends_on") == nw.lit(getattr(pair, side))).then(nw.lit(pair.bucket)).otherwise(bucket)
    rows = quarters.filter(nw.col("ends_on").is_in([getattr(pair, side) for pair in chosen]))
    return rows.select(*keys, bucket=bucket.cast(nw.Int64), side=nw.lit(side), **columns)
