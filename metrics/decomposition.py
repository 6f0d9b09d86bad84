"""Why did it change? The change of a ratio between a period and its comparison, split exactly by segments into mix and rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from metrics.additive import across
from metrics.change import changed, headline, questions
from metrics.kitagawa import SIDES, explained, is_simpson, judged, parts
from metrics.metric import Metric, ask
from metrics.query import Query, QuestionError, Tables, refuse_grain
from metrics.result import Answer, Check, answer
from metrics.retention import RECURRING
from metrics.stats import Z95

CANDIDATES = ("region", "industry", "size", "grade", "channel", "department")  # [metrics.why] columns says otherwise
MOST_SEGMENTS = 50  # a column with more is no segment but a name
EXACT = 1e-9  # relative: what the parts may miss of the change
ENOUGH = 0.2  # explained: a column that locates less of the change does not explain it
KEYS = ("column", "segment", "kind")
EXTRA = (
    "mix", "rate", "rate_low", "rate_high", "share_before", "share_now", "rate_before", "rate_now", "verdict", "stands_out", "excess",
    "promoter_part", "detractor_part",
)  # fmt: skip


def why(tables: Tables, query: Query) -> Answer:
    """The change of a metric against its comparison period, in parts: what the mix of segments did, and what happened inside each.

    Options: metric (any of the catalogue whose value is numerator ÷ denominator: nps, arpa, nrr, win_rate, …), against
    ("previous" or "year"). Columns of `by` are taken one at a time, never crossed; without any, those of CANDIDATES. Where small
    segments are hidden they are one segment, kind "rest".

    Returns one row per (column, segment, kind), the column that locates most of the change first; a column asked for in `by` also
    stands before them under its own name:
        value, low, high, se   the segment's part of the change, in the metric's own unit: mix + rate
        n                      what the segment's ratio stands on now
        mix, rate              its two parts; rate_low, rate_high: 95 % limits of the second
        share_before, share_now      share of the denominator; rate_before, rate_now: the segment's own value
        kind                   kept, new, vanished or rest (the hidden segments together; segment is null)
        verdict                of its own value: changed, no_clear_change, too_few, new, vanished, rest
        excess                 its mix, and its rate beyond what it would be had all segments moved alike
        stands_out             bool, the excess is beyond chance (95 %, Bonferroni over all segments looked at)
        promoter_part, detractor_part   NPS only: value = promoter_part − detractor_part
    notes: now, before, delta, p, verdict (of the whole: with no_clear_change there is nothing to explain), columns (column →
    how much of the change it locates), simpson (columns where every segment went the other way than the whole), unit.
    checks: the parts of each column add up to the change.

    Raises QuestionError for a metric that is no ratio. Source: Kitagawa 1955; Das Gupta 1993.
    """
    refuse_grain(query, "the change between two periods has no steps; ask for another period")
    metric = _ratio(query.options["metric"])
    now, before = questions(replace(query, options={}), query.options["against"])
    whole = {"now": headline(ask(metric, tables, now)), "before": headline(ask(metric, tables, before))}
    change = changed(whole["now"], whole["before"])
    notes = {"metric": metric.name, "unit": metric.unit, "now": whole["now"]["value"], "before": whole["before"]["value"], "p": change.p}
    notes |= {"delta": change.delta, "verdict": change.verdict, "columns": {}, "simpson": []}
    if change.delta is None:
        return _finished(pd.DataFrame(columns=[*KEYS, "value", "n", *EXTRA]), query, [], notes)
    factor = _factor(metric, whole["now"])
    columns = _columns(tables, query)
    with across(columns):
        split = {column: _split(metric, tables, {"now": now, "before": before}, whole, column, factor) for column in columns}
    split = _judged({column: rows for column, rows in split.items() if rows is not None})
    scores = {column: explained(rows) for column, rows in split.items()}
    order = sorted(scores, key=lambda column: -scores[column])
    notes |= {"columns": {c: scores[c] for c in order}, "simpson": [c for c in order if is_simpson(split[c])]}
    checks = [_adds_up(column, split[column], change.delta) for column in order]
    frame = pd.concat([split[c].assign(column=c) for c in order]) if order else pd.DataFrame(columns=[*KEYS, "value", "n", *EXTRA])
    return _finished(frame, query, checks, notes)


def explain(tables: Tables, query: Query, metric: str, columns: tuple[str, ...] = (), against: str = "previous", most: int = 2) -> list[dict]:
    """What there is to say about a change, at most `most` segments: facts for a page to put into words.

    Each fact has metric, unit, now, before, delta, p, change (verdict of the whole) and `verdict`:
        "no_change"   nothing to explain (or "new", "too_few", "no_data", "suppressed": nothing to compare)
        "everywhere"  it changed, and no column locates the change
        "mix", "rate" this segment of this column did it, by its size or by its own value; "new", "vanished": by coming or going
    and for a segment: column, segment, kind, part (of the change), mix, rate, value_now, value_before, share_now, share_before,
    simpson (every segment went the other way than the whole).
    """
    found = ask(_why(), tables, replace(query, by=tuple(columns), grain=None, options={"metric": metric, "against": against}))
    about = {key: found.notes[key] for key in ("metric", "unit", "now", "before", "delta", "p")} | {"change": found.notes["verdict"]}
    if found.notes["verdict"] != "changed":
        return [about | {"verdict": "no_change" if found.notes["verdict"] == "no_clear_change" else found.notes["verdict"]}]
    best = next(iter(found.notes["columns"]), None)
    rows = found.rows[(found.rows["column"] == best) & found.rows["stands_out"].eq(True)] if best else found.rows.head(0)
    rows = rows[(np.sign(rows["value"]) == np.sign(found.notes["delta"])) & (np.sign(rows["excess"]) == np.sign(found.notes["delta"]))]
    if rows.empty or found.notes["columns"][best] < ENOUGH:
        return [about | {"verdict": "everywhere"}]
    largest = rows.reindex(rows["value"].abs().sort_values(ascending=False).index).head(most)
    return [about | _fact(row, best in found.notes["simpson"]) for row in largest.to_dict("records")]


def _fact(row: dict, simpson: bool) -> dict:
    did = row["kind"] if row["kind"] in ("new", "vanished") else "mix" if abs(row["mix"]) > abs(row["rate"]) else "rate"
    kept = {key: row[key] for key in ("column", "segment", "kind", "mix", "rate", "share_now", "share_before")}
    return {**kept, "part": row["value"], "value_now": row["rate_now"], "value_before": row["rate_before"], "simpson": simpson, "verdict": did}


def _ratio(name: str) -> Metric:
    from metrics import CATALOGUE  # the catalogue lists this module too

    if name not in CATALOGUE or name == "why":
        raise QuestionError(f"no metric {name!r} to explain; there are {', '.join(n for n in CATALOGUE if n != 'why')}")
    return CATALOGUE[name]


def _why() -> Metric:
    return METRICS[0]


def _factor(metric: Metric, row: dict) -> float:
    """The metric's value per numerator ÷ denominator: 100 for points, else 1."""
    factor = 100.0 if metric.unit == "points" else 1.0
    ratio = factor * float(row["numerator"]) / float(row["denominator"]) if row["denominator"] else np.nan
    if not np.isclose(ratio, row["value"], rtol=EXACT, atol=EXACT):
        raise QuestionError(f"{metric.name} is not numerator ÷ denominator, so its change cannot be split into mix and rate; try nps, arpa, nrr or win_rate")
    return factor


def _columns(tables: Tables, query: Query) -> tuple[str, ...]:
    if query.by:
        return query.by
    known = set(tables["accounts"].columns)
    fixed = {column for column, values in query.where if len(values) == 1}
    return tuple(c for c in query.setting("why", "columns", CANDIDATES) if c in known and c not in fixed)


def _split(metric: Metric, tables: Tables, asked: dict[str, Query], whole: dict[str, dict], column: str, factor: float) -> pd.DataFrame | None:
    """Parts of one column's segments, in the metric's unit; None where it has no two segments, or far too many."""
    found = {side: ask(metric, tables, replace(asked[side], by=(column,))).rows.rename(columns={column: "segment"}) for side in SIDES}
    if max(len(rows) for rows in found.values()) > MOST_SEGMENTS:
        return None
    segments = _paired(found, whole)
    if len(segments) < 2:
        return None
    rows = parts(_scaled(segments, factor))
    rows["rate_low"], rows["rate_high"] = (rows["rate"] + sign * Z95 * rows["se_rate"] for sign in (-1, 1))
    rows["low"], rows["high"] = (rows["value"] + sign * Z95 * rows["se"] for sign in (-1, 1))
    for band in ("promoter", "detractor"):
        rows[f"{band}_part"] = _band_part(segments, f"{band}_share", factor) if f"{band}_share_now" in segments else np.nan
    return rows.assign(n=rows["n_now"])


def _judged(split: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What can be claimed of each segment, given how many are looked at in all columns together."""
    among = sum(map(len, split.values()))
    split = {column: judged(rows, among) for column, rows in split.items()}
    for rows in split.values():
        rows.loc[rows["is_rest"], ["kind", "verdict"]] = "rest"
        rows.loc[rows["is_rest"], "stands_out"] = False
    return split


def _paired(found: dict[str, pd.DataFrame], whole: dict[str, dict]) -> pd.DataFrame:
    """One row per segment with both periods' figures. Segments hidden in either period are one together: what is left of the whole."""
    hidden = {s for rows in found.values() for s in rows.loc[rows["state"] == "suppressed", "segment"].map(_key)}
    figures = ["numerator", "denominator", "n", "se", *(c for c in ("promoter_share", "detractor_share") if c in found["now"])]
    shown = {side: rows[(rows["state"] == "value") & ~rows["segment"].map(_key).isin(hidden)] for side, rows in found.items()}
    sides = [shown[side].assign(key=shown[side]["segment"].map(_key)).set_index("key")[["segment", *figures]].add_suffix(f"_{side}") for side in SIDES]
    merged = sides[0].join(sides[1], how="outer")
    merged["segment"], merged["is_rest"] = merged["segment_now"].combine_first(merged["segment_before"]), False
    merged = merged.drop(columns=["segment_now", "segment_before"])
    return pd.concat([merged, _rest(shown, whole, figures)], ignore_index=True) if hidden else merged.reset_index(drop=True)


def _key(segment) -> str:
    return "" if segment is None or segment is pd.NA or segment != segment else f"={segment}"


def _rest(shown: dict[str, pd.DataFrame], whole: dict[str, dict], figures: list[str]) -> pd.DataFrame:
    """What the shown segments leave of the whole, as one more segment. Its spread is not known."""
    rest: dict = {"segment": None, "is_rest": True}
    for side in SIDES:
        left = {c: float(whole[side][c]) - shown[side][c].astype("float64").sum() for c in ("numerator", "denominator", "n")}
        rest |= {f"{c}_{side}": value for c, value in left.items()} | {f"se_{side}": np.nan}
        for share in figures[4:]:
            counted = (shown[side][share] * shown[side]["denominator"]).astype("float64").sum()
            rest[f"{share}_{side}"] = (whole[side][share] * whole[side]["denominator"] - counted) / left["denominator"] if left["denominator"] else np.nan
    return pd.DataFrame([rest])


def _scaled(segments: pd.DataFrame, factor: float) -> pd.DataFrame:
    return segments.assign(**{f"numerator_{side}": segments[f"numerator_{side}"] * factor for side in SIDES})


def _band_part(segments: pd.DataFrame, share: str, factor: float) -> pd.Series:
    """Each segment's part in the change of the promoters' (or detractors') share."""
    counted = {f"numerator_{side}": segments[f"{share}_{side}"] * segments[f"denominator_{side}"] * factor for side in SIDES}
    return parts(segments.assign(**counted))["value"]


def _adds_up(column: str, rows: pd.DataFrame, delta: float) -> Check:
    missed = float(rows["value"].sum() - delta)
    scale = max(abs(delta), float(rows["value"].abs().sum()))
    return Check(f"the parts by {column} add up to the change", abs(missed) <= EXACT * max(scale, 1.0), f"missing {missed:g}")


def _finished(frame: pd.DataFrame, query: Query, checks: list[Check], notes: dict) -> Answer:
    rows = answer(frame.reset_index(drop=True), replace(query, by=()), extra=(*KEYS, *EXTRA)).rows
    named = {column: rows["segment"].where(rows["column"] == column) for column in query.by}
    rows = rows.assign(**named)
    return Answer(rows[[*named, *KEYS, *(c for c in rows.columns if c not in (*named, *KEYS))]], tuple(checks), notes)


READS = ("scores", "asked", "deal_facts", "purchases", *RECURRING)  # whatever the ratio explained reads
METRICS = (
    Metric(
        "why", why, "Why a ratio changed: the part of each segment, through its size (mix) and through its own value (rate); the parts add up to the change.",
        "Δ = Σ (s₁−s₀)(r̄−R̄) + Σ (r₁−r₀)s̄", "ratio", READS, None, None, {"metric": "nps", "against": "previous"},
        "Kitagawa 1955, JASA 50, 1168-1194; Das Gupta 1993",
    ),
)  # fmt: skip
