"""What is wrong with who is who? Customers under two names, namesakes, keys that many share, decisions that cannot hold, and pairs that wait."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, refuse_grain, segmented
from metrics.result import Answer, answer

MART = "identity_findings"  # snapshots older than it have none; where records are not told apart it has no rows
KINDS = (
    "pair waiting", "two names", "one name", "shared key", "tax numbers differ", "more than 8 records", "circular parents", "decisions contradict",
    "decision without record",
)  # fmt: skip
BEHIND = ("finding", "finding_id", "record_id", "source", "customer_id", "record", "detail")


def identity_findings(tables: Tables, query: Query) -> Answer:
    """How many findings there are about who is one customer, by kind and source. The state of the last sync, whatever the period.

    Reads the mart identity_findings: one row per finding and record that it is about. Option: finding, only one of KINDS.

    Returns one row per (finding, source), and by segment:
        value   float  findings with at least one record of the source; one that is about two sources counts in both
        n       int    records of the source that they are about: a record counts once for each of its findings
    A source without findings has no row. notes["untold"]: true where the snapshot has no such mart.
    Read it so: "two names" of the CRM 24 with n 51: 24 customers stand there under more than one name, in 51 records.
    """
    refuse_grain(query, "records are told apart as they are now: leave out the grain")
    by = [column for column in query.by if column not in ("finding", "source")]
    keys = ["finding", "source"]
    rows = _found(tables, query)
    if rows is None:
        counted = pd.DataFrame(columns=[*by, *keys, "value", "n"])
    else:
        counted = aggregate(rows, [*by, *keys], value=nw.col("finding_id").n_unique(), n=nw.len())
    return answer(counted, query, keys=tuple(dict.fromkeys((*query.by, *keys))), notes={"untold": rows is None})


def _found(tables: Tables, query: Query) -> Frame | None:
    """One row per finding and record, under the filters; None where the mart is not there."""
    wanted = query.options.get("finding") or None
    if wanted is not None and wanted not in KINDS:
        raise QuestionError(f"no finding {wanted!r}; there are {', '.join(KINDS)}")
    if MART not in tables:
        return None
    rows = tables[MART].rename({"account_id": "customer_id"})
    return segmented(rows if wanted is None else rows.filter(nw.col("finding") == wanted), tables, query)


def found(tables: Tables, query: Query) -> Frame:
    """The records that findings are about, each once for every finding, with the record's name. A record that is gone has none. Option: finding."""
    rows = _found(tables, replace(query, by=()))
    names = tables["customers"].select(record_id="customer_id", record="name")
    if rows is None:
        nothing = {name: nw.lit(None).cast(nw.String) for name in BEHIND}
        return names.head(0).select(**nothing)
    return rows.join(names, on="record_id", how="left").select(*BEHIND).sort("finding", "finding_id", "record_id")


METRICS = (
    Metric(
        "identity_findings", identity_findings,
        definition="Findings about who is one customer: pairs to decide, one customer under two names, two under one, shared keys, contradictions.",
        formula="distinct findings of a kind with a record of the source",
        unit="count", reads=(MART, "customers"), behind=found, better="lower", options={"finding": ""},
    ),
)  # fmt: skip
