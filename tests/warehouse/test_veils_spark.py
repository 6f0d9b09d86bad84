"""Scopes and veils on Spark: Java reads the patterns there, and a reader sees the same."""

from functools import cache

import pytest

from access.scope import VEILS, Scope
from metrics.query import collect
from tests.made import made
from tests.metrics.test_spark import MASTER, alike
from tests.warehouse.test_veils import EXTRAS, MASKED, TEXTS
from warehouse.engine import Tables

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600), pytest.mark.usefixtures("java")]
NORTH = (("region", ("North",)),)
SCOPES = {
    "north": Scope(NORTH), "north, personal": Scope(NORTH, veils=("personal",)), "all, amounts": Scope(is_full=True, veils=("amounts",)),
    "all, everything veiled": Scope(is_full=True, veils=VEILS),
}  # fmt: skip
TABLES = ("customers", "accounts", "contacts", "owners", "interactions", "invoices", "campaigns", "owner_assignments", "answers")


@cache
def published(engine_name):
    numbers = range(max(len(MASKED), len(TEXTS)))
    customers = [{"customer_id": f"c:{k}", "region": ("North", "South")[k % 2], "owner_id": f"o:{k % 3}", **_own(k, "customers")} for k in numbers]
    rows = {
        "customers": [*customers, {**EXTRAS, "region": "North"}],
        "owners": [{"owner_id": f"o:{k}", "name": f"Owner {k}", **_own(k, "owners")} for k in numbers],
        "contacts": [{"contact_id": f"p:{k}", "customer_id": f"c:{k}", **_own(k, "contacts")} for k in numbers],
        "interactions": [
            {"interaction_id": f"i:{k}", "customer_id": f"c:{k}", "outcome": text, "next_action": f"¥{k},000"} for k, (text, _) in enumerate(TEXTS)
        ],
        "invoices": [{"invoice_line_id": f"l:{k}", "customer_id": f"c:{k}", "amount": k, "quantity": 2} for k in numbers],
        "campaigns": [{"campaign_id": "k", "cost": 500, "note": "90000"}],
        "owner_assignments": [{"object": "customer", "object_id": f"c:{k}", "owner_id": f"o:{k}"} for k in numbers],
        "surveys": [{"survey_id": "s"}, {"survey_id": "secret", "is_anonymous": True}],
        "answers": [{"answer_id": f"{s}:{k}", "survey_id": s, "customer_id": f"c:{k}", "text": "at 13800138000"} for s in ("s", "secret") for k in numbers],
    }  # fmt: skip
    return made(rows, engine_name=engine_name)


def _own(number: int, entity: str) -> dict:
    of, column, given, _ = MASKED[number % len(MASKED)]
    return {column: given} if of == entity and given is not None else {}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("reader", SCOPES)
def test_a_reader_sees_the_same_on_spark(reader, name):
    frames = []
    for engine_name in ("duckdb", MASTER):
        full = published(engine_name)
        frame = Tables(full._engine, full._stored, zone="UTC", scope=SCOPES[reader], key=full._key)[name]
        frames.append(collect(frame.select(sorted(frame.collect_schema().names()))))
    assert len(frames[0]) or (name == "contacts" and reader == "all, everything veiled")
    alike(*frames)
