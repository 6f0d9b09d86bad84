"""Who is one customer, as a step of the sync: over two sources, replaying decisions, made anew only when it must be, and never in the way of a sync."""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from connectors.errors import Cancelled
from connectors.sources import Identity, Table
from records import database, identities
from tests.warehouse.scripted import NOON, declared, world_of
from warehouse import links, marts, store
from warehouse.sync import sync

ROOT = Path(__file__).parents[2]
FIELDS = ("id", "name", "kind", "tax_no", "email", "phone", "owner_id", "parent_id", "merged_into")
SCHEMA = pa.schema([(name, pa.string()) for name in FIELDS])
COLUMNS = {"customer_id": "id", **{name: name for name in FIELDS[1:]}}
TAX, OTHER_TAX = "91110000600037341L", "91350100M000100Y43"
PHONE = "13912345678"
CRM = [
    {"id": "1", "name": "上海华为技术有限公司", "tax_no": TAX, "owner_id": "ann"},
    {"id": "2", "name": "小米科技有限责任公司", "phone": PHONE, "owner_id": "ann"},
    {"id": "3", "name": "大地物流有限公司"},
]
ERP = [
    {"id": "7", "name": "華為（上海）技術有限公司", "tax_no": TAX},  # crm:1
    {"id": "8", "name": "小米科技", "merged_into": "crm:2"},  # by its source
    {"id": "9", "name": "华为技术有限公司上海分公司", "tax_no": TAX},  # a branch of crm:1
]


class Two:
    """A data directory filled from a CRM and an ERP."""

    def __init__(self, data: Path, crm=CRM, erp=ERP, **settings):
        self.data, self.hour, self.settings = data, 0, Identity(**settings)
        self.world = {name: {"customers": [{"kind": "company", **row} for row in rows]} for name, rows in (("crm", crm), ("erp", erp))}

    def sync(self):
        self.hour += 1
        tables = {name: {"customers": Table(columns=COLUMNS)} for name in self.world}
        schemas = {name: {"customers": SCHEMA} for name in self.world}
        sources = declared(tables).model_copy(update={"identity": self.settings})
        return sync(sources, self.data, full=True, now=NOON + dt.timedelta(hours=self.hour), connect=world_of(self.world, schemas))

    def decide(self, one, other, decision):
        identities.decide(database.opened(self.data), one, other, decision, by="ann", at=NOON + dt.timedelta(hours=self.hour))

    def table(self, name) -> list[tuple]:
        """Rows of a mart or table of the newest snapshot, sorted."""
        version = store.latest(self.data).marts[name]
        uris = store.uris(self.data, name, version)
        return sorted(duckdb.execute(f"from read_parquet({uris})").fetchall(), key=repr) if uris else []

    def accounts(self) -> dict[str, str]:
        return dict(self.table("identities"))

    def versions(self):
        return {name: version for name, version in store.latest(self.data).marts.items() if name in links.TABLES}


@pytest.fixture(autouse=True)
def few_marts(with_marts, monkeypatch):
    monkeypatch.setattr(marts, "MARTS", {"identities": with_marts["identities"]})


def test_records_of_two_sources_become_one_account(tmp_path):
    """By tax number, and by what the source says; the branch has the number too, and is nobody's but its own."""
    two = Two(tmp_path)
    assert two.sync().warnings == ()
    assert two.accounts() == {"erp:7": "crm:1", "erp:8": "crm:2"}
    assert [(row[0], row[1], row[2]) for row in two.table(links.CHILDREN)] == [("erp:9", "上海分公司", "crm:1")]


def test_the_record_with_an_owner_is_the_account(tmp_path):
    two = Two(tmp_path, crm=[{**CRM[0], "owner_id": None}], erp=[{**ERP[0], "owner_id": "bob"}])
    two.sync()
    assert two.accounts() == {"crm:1": "erp:7"}


@pytest.mark.parametrize(("settings", "sources", "is_on"), [({}, 2, True), ({}, 1, False), ({"enabled": True}, 1, True), ({"enabled": False}, 2, False)])
def test_where_one_source_has_customers_nobody_is_told_apart_unless_it_is_wanted(tmp_path, settings, sources, is_on):
    two = Two(tmp_path, crm=[CRM[0], {**CRM[0], "id": "4"}], erp=ERP[1:2] if sources == 2 else [], **settings)
    two.sync()
    assert set(two.versions()) == (set(links.TABLES) if is_on else set())
    assert two.accounts() == ({"erp:8": "crm:2"} if sources == 2 else {}) | ({"crm:4": "crm:1"} if is_on else {})


def test_the_same_records_again_are_not_looked_at_again(tmp_path, monkeypatch):
    two = Two(tmp_path)
    two.sync()
    monkeypatch.setattr(links, "_made", lambda *_: pytest.fail("made anew"))
    again = two.sync()
    assert (again.is_published, again.warnings) == (False, ())


def test_only_tables_with_other_rows_are_written(tmp_path):
    two = Two(tmp_path, crm=[*CRM, {"id": "4", "name": "大地物流"}])
    two.sync()
    before = two.versions()
    two.decide("crm:3", "crm:4", "later")
    assert two.sync().is_published
    assert {name for name, version in two.versions().items() if version != before[name]} == {links.QUEUE}


def test_a_decision_counts_from_the_next_sync_on_and_can_be_taken_back(tmp_path):
    """A customer is split after having been linked, and is one again when that is taken back. A pair that was decided is not asked again."""
    two = Two(tmp_path, crm=[*CRM, {"id": "4", "name": "大地物流"}])
    two.sync()
    assert [row[:2] for row in two.table(links.QUEUE)] == [("crm:3", "crm:4")]
    two.decide("crm:1", "erp:7", "apart")
    two.decide("crm:4", "crm:3", "same")
    two.sync()
    assert two.accounts() == {"erp:8": "crm:2", "crm:4": "crm:3"} and two.table(links.QUEUE) == []
    two.decide("erp:7", "crm:1", "open")
    two.sync()
    assert two.accounts() == {"erp:7": "crm:1", "erp:8": "crm:2", "crm:4": "crm:3"}


def test_what_a_source_says_stays_and_who_says_otherwise_is_told(tmp_path):
    two = Two(tmp_path)
    two.decide("erp:8", "crm:2", "apart")
    two.sync()
    assert two.accounts()["erp:8"] == "crm:2"
    assert sorted(row[1:] for row in two.table(links.FOUND) if row[1] == "decisions contradict") == [
        ("decisions contradict", "crm:2", "one customer by the source"), ("decisions contradict", "erp:8", "one customer by the source"),
    ]  # fmt: skip


def test_a_decision_about_a_record_that_is_gone_is_told(tmp_path):
    two = Two(tmp_path)
    two.decide("crm:3", "crm:gone", "same")
    two.sync()
    assert {row[2] for row in two.table(links.FOUND) if row[1] == "decision without record"} == {"crm:3", "crm:gone"}


def test_parents_in_a_circle_are_told(tmp_path):
    two = Two(tmp_path, crm=[{**CRM[1], "parent_id": "crm:3"}, {**CRM[2], "parent_id": "crm:2"}])
    two.sync()
    assert {row[2] for row in two.table(links.FOUND) if row[1] == "circular parents"} == {"crm:2", "crm:3"}


def test_fifty_thousand_records_of_nobody_in_particular_are_listed(tmp_path):
    """All pairs of 320 companies of one name: 51,040 questions."""
    n = 320
    two = Two(tmp_path, crm=[{"id": str(i), "name": "大地物流有限公司"} for i in range(n)])
    two.sync()
    assert len(two.table(links.QUEUE)) == n * (n - 1) / 2


def broken(*_, **__):
    raise RuntimeError("no such dictionary\nmore")


def test_where_records_cannot_be_told_apart_yesterdays_links_stay_and_the_sync_goes_on(tmp_path, monkeypatch):
    others = [{"id": name, "name": name} for name in ("Alpha", "Bravo", "Cargo", "Delta", "Eagle", "Foxtrot")]  # one of three gone would be refused
    two = Two(tmp_path, crm=[*CRM, *others])
    two.sync()
    two.world["crm"]["customers"].append({"kind": "company", "id": "4", "name": "新客户", "tax_no": OTHER_TAX})
    two.world["crm"]["customers"].pop(0)  # crm:1 is gone: its link may not make an account of nobody
    with monkeypatch.context() as patched:
        patched.setattr(links, "_made", broken)
        outcome = two.sync()
    assert outcome.is_published and outcome.exit_code == 0
    assert outcome.warnings == (
        "which customer records are one customer could not be worked out (no such dictionary): those of the last snapshot stay. The next sync tries again.",
    )  # fmt: skip
    assert two.accounts() == {"erp:8": "crm:2"}
    two.world["erp"]["customers"].append({"kind": "company", "id": "10", "name": "新客戶", "tax_no": OTHER_TAX})
    assert two.sync().warnings == () and two.accounts() == {"erp:8": "crm:2", "erp:10": "crm:4"}


def test_at_a_first_sync_records_stand_alone_then(tmp_path, monkeypatch):
    monkeypatch.setattr(links, "_made", broken)
    outcome = Two(tmp_path).sync()
    assert outcome.is_published and "counts as its own customer" in outcome.warnings[0]
    assert store.latest(tmp_path).marts.keys() == {"identities"}


@pytest.mark.parametrize("error", [store.StoreError("the disk is gone"), OSError(28, "No space left on device")])
def test_what_no_sync_can_live_with_ends_it(tmp_path, monkeypatch, error):
    two = Two(tmp_path)
    first = two.sync().snapshot
    two.world["crm"]["customers"].append({"kind": "company", "id": "4", "name": "x"})

    def failing(*_, **__):
        raise error

    monkeypatch.setattr(links, "_made", failing)
    with pytest.raises(store.StoreError):
        two.sync()
    assert store.latest(tmp_path).id == first


def test_ctrl_c_during_the_step_stops_the_sync_and_is_no_failure_to_live_with(tmp_path, monkeypatch):
    """DuckDB makes a RuntimeError of it, like any other by its type."""
    two = Two(tmp_path)
    first = two.sync().snapshot
    two.world["crm"]["customers"].append({"kind": "company", "id": "4", "name": "x"})

    def interrupted(*_, **__):
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(links, "_made", interrupted)
    with pytest.raises(Cancelled):
        two.sync()
    assert store.latest(tmp_path).id == first


KILLED = """
import sys
from pathlib import Path
from tests.warehouse.test_links import Two
from warehouse import marts
marts.MARTS = {"identities": marts.MARTS["identities"]}
two = Two(Path(sys.argv[1]))
two.world["crm"]["customers"].append({"kind": "company", "id": "4", "name": "x", "phone": "13700002222"})
two.sync()
"""


def test_killed_behind_the_step_it_is_as_if_nothing_had_happened(tmp_path):
    two = Two(tmp_path)
    first = two.sync()
    before = {name: two.table(name) for name in (*links.TABLES, "identities")}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env={**os.environ, "RAPPORT_FAIL_AT": "identity"}, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert store.latest(tmp_path).id == first.snapshot and {name: two.table(name) for name in before} == before
    two.hour = 9
    two.sync()
    assert {name: two.table(name) for name in before} == before
