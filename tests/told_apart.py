"""What a sync's step that tells records apart would leave behind for `tests.company`: for tests that build the marts without a sync."""

from __future__ import annotations

import pyarrow as pa

TEXT, NUMBER, FLAG = pa.string(), pa.float64(), pa.bool_()
SCHEMAS = {
    "identity_links": {"record_id": TEXT, "linked_id": TEXT, "rule": TEXT, "probability": NUMBER, "via": TEXT, "evidence": TEXT},
    "identity_queue": {
        "record_a": TEXT, "record_b": TEXT, "reason": TEXT, "probability": NUMBER, "weights": TEXT, "evidence": TEXT, "is_postponed": FLAG, "alike": NUMBER,
    },
    "identity_found": {"finding_id": TEXT, "finding": TEXT, "record_id": TEXT, "detail": TEXT},
}  # fmt: skip


def finding(finding_id: str, kind: str, *records: str) -> list[dict]:
    return [{"finding_id": finding_id, "finding": kind, "record_id": record, "detail": None} for record in records]


def pair(one: str, other: str, reason: str, **known) -> dict:
    return {"record_a": one, "record_b": other, "reason": reason, "is_postponed": False, **known}


STEP = {  # of the company's customers crm:c0 …; nobody is linked: the company's accounts are what its sources say
    "identity_queue": [
        pair("crm:c8", "crm:c9", "likely", probability=0.8, weights='{"name":9.5,"phone":-2.0}', evidence='{"name":"same brand","phone":"different"}'),
        pair("crm:c2", "erp:x0", "names alike", alike=0.9, weights='{"name":0.9}', evidence='{"name":"nearly the same"}'),
    ],
    "identity_found": [
        *finding("f1", "two names", "crm:c0", "crm:c1", "erp:x0"), *finding("f2", "two names", "crm:c2", "crm:c3"),
        *finding("f3", "shared key", *(f"crm:c{i}" for i in range(8))), *finding("f4", "decision without record", "crm:c4", "crm:gone-for-ever"),
    ],
}  # fmt: skip


def tables(step: dict[str, list[dict]]) -> dict[str, pa.Table]:
    """The step's tables of these rows; columns that a row does not name are null."""
    return {
        name: pa.table({column: pa.array([row.get(column) for row in rows], kind) for column, kind in SCHEMAS[name].items()}) for name, rows in step.items()
    }
