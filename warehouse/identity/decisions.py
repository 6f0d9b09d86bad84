"""What people decided about pairs of records: replayed before anything else, the newest word on a pair counts."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

DECISIONS = ("same", "apart", "later")


class DecisionError(ValueError):
    """A decision that is none of DECISIONS."""


@dataclass(frozen=True)
class Decided:
    """Pairs of records' numbers. later: asked again, at the end of the queue; unknown: pairs of record ids of which one is not there any more."""

    same: list[tuple[int, int]]
    apart: list[tuple[int, int]]
    later: list[tuple[int, int]]
    unknown: list[tuple[str, str]]


def decided(con: duckdb.DuckDBPyConnection, decisions: str | None, known: str) -> Decided:
    """The decisions in force. decisions: a relation of record_a, record_b, decision, decided_at; of two at one instant "apart" counts.

    Raises DecisionError for a decision that is none.
    """
    if decisions is None:
        return Decided([], [], [], [])
    rows = con.execute(f"""with last as (
            select least(record_a, record_b) as one, greatest(record_a, record_b) as other,
                arg_max(decision, (decided_at, decision = 'apart', decision)) as decision
            from {decisions} where record_a <> record_b group by all)
        select one, other, decision, a.uid, b.uid from last
            left join {known} a on a.record_id = one left join {known} b on b.record_id = other order by one, other""").fetchall()
    if wrong := {row[2] for row in rows} - set(DECISIONS):
        raise DecisionError(f"no decision {', '.join(map(repr, sorted(map(str, wrong))))}; there are {', '.join(DECISIONS)}")
    pairs = {name: [(a, b) for _, _, said, a, b in rows if said == name and a is not None and b is not None] for name in DECISIONS}
    return Decided(**pairs, unknown=[(one, other) for one, other, _, a, b in rows if a is None or b is None])
