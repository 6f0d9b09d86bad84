"""What a sync leaves behind: new, changed, deleted and refused rows, snapshots, cursors, and what it says when it refuses."""

import datetime as dt
import re
import threading

import pyarrow as pa
import pytest

from connectors.base import Cancelled, SourceError
from connectors.sources import Table
from records import database, ledger, settings
from tests.warehouse.scripted import CUSTOMERS, MAPPING, NOON, Company, customer
from warehouse import marts, quarantine, store
from warehouse.errors import StoreError

NAMES = "source_id, name"


def company(tmp_path, n=10, **table):
    made = Company(tmp_path / "data", **table)
    made.rows.extend(customer(i, hour=i) for i in range(n))
    return made


def counts(outcome, origin="crm.customers"):
    (table,) = [t for t in outcome.tables if t.origin == origin]
    return {k: n for k, n in table.counts.items() if n}


def test_a_first_sync_publishes_what_the_source_has(tmp_path):
    c = company(tmp_path, 7)
    outcome = c.sync()
    assert (outcome.is_published, outcome.exit_code, counts(outcome)) == (True, 0, {"read": 7, "new": 7})
    assert c.stored(columns=NAMES) == [(str(i), f"customer {i}") for i in range(7)]


def test_every_row_carries_where_and_when_it_came_from(tmp_path):
    c = company(tmp_path, 1)
    outcome = c.sync(now=NOON)
    assert c.stored(columns="source, source_id, customer_id, load_id, extracted_at at time zone 'UTC', _origin") == [
        ("crm", "0", "crm:0", outcome.snapshot, NOON.replace(tzinfo=None), "crm.customers")
    ]


@pytest.mark.parametrize("table", [{}, {"incremental": "changed"}, {"incremental": "changed", "deletes": "sweep"}], ids=str)
def test_the_same_input_twice_publishes_nothing_new(tmp_path, table):
    c = company(tmp_path, **table)
    first, before = c.sync(), c.stored()
    for asked in ({}, {"full": True}):
        again = c.sync(**asked)
        assert (again.snapshot, again.is_published, again.exit_code) == (first.snapshot, False, 0)
    assert c.stored() == before


def test_unchanged_rows_keep_their_stamp_and_unchanged_tables_their_version(tmp_path):
    c = company(tmp_path, 3)
    first = c.sync()
    c.rows[1]["name"] = "renamed"
    second = c.sync()
    assert c.stored(columns="source_id, name, load_id") == [
        ("0", "customer 0", first.snapshot), ("1", "renamed", second.snapshot), ("2", "customer 2", first.snapshot)
    ]  # fmt: skip
    versions = [store.snapshot(c.data, o.snapshot).tables for o in (first, second)]
    assert [n for n in versions[0] if versions[0][n] != versions[1][n]] == ["customers"]
    assert counts(second) == {"read": 3, "changed": 1}


def test_an_old_snapshot_still_shows_what_it_showed(tmp_path):
    c = company(tmp_path, 3)
    first = c.sync()
    version = store.snapshot(c.data, first.snapshot).tables["customers"]
    files = store.uris(c.data, "customers", version)
    c.rows[1]["name"] = "renamed"
    c.sync()
    assert store.uris(c.data, "customers", version) == files
    assert store.snapshot(c.data, first.snapshot).tables["customers"] != store.latest(c.data).tables["customers"]


# --- deletes --------------------------------------------------------------------------------------------------------------


def vanish(c):
    del c.rows[2]


def flag(c):
    c.rows[2] |= {"gone": True, "changed": dt.datetime(2026, 2, 1)}


def bury(c):
    vanish(c)
    c.world["crm"]["deleted"] = [customer(2)]


TOMBSTONES = {"deletes": "tombstone", "tombstones": "deleted"}
DELETES = [  # how the source deletes, the table's settings, a --full sync?, is it gone afterwards?
    ("whole read, row vanished", vanish, {}, False, True),
    ("whole read, never", vanish, {"deletes": "never"}, False, False),
    ("window, default", vanish, {"incremental": "changed"}, False, False),
    ("window, default, full", vanish, {"incremental": "changed"}, True, True),
    ("window, sweep", vanish, {"incremental": "changed", "deletes": "sweep"}, False, True),
    ("window, never, full", vanish, {"incremental": "changed", "deletes": "never"}, True, False),
    ("window, flag", flag, {"incremental": "changed", "deletes": "flag"}, False, True),
    ("whole read, flag", flag, {"deletes": "flag"}, False, True),
    ("window, tombstone", bury, {"incremental": "changed", **TOMBSTONES}, False, True),
    ("whole read, tombstone", bury, TOMBSTONES, False, True),
]


@pytest.mark.parametrize("delete, table, full, is_gone", [d[1:] for d in DELETES], ids=[d[0] for d in DELETES])
def test_a_deleted_row_is_marked_and_not_removed(tmp_path, delete, table, full, is_gone):
    c = company(tmp_path, **table)
    c.sync()
    delete(c)
    outcome = c.sync(full=full)
    assert [row for row in c.stored(columns="source_id, is_deleted", only_living=False) if row[0] == "2"] == [("2", is_gone)]
    assert counts(outcome).get("deleted", 0) == is_gone


def test_a_row_that_comes_back_lives_again(tmp_path):
    c = company(tmp_path)
    c.sync()
    row = c.rows.pop(2)
    c.sync()
    c.rows.append(row)
    assert counts(c.sync()) == {"read": 10, "changed": 1}
    assert len(c.stored()) == 10


def test_a_sweep_of_one_table_leaves_the_rows_of_another_alone(tmp_path):
    two = {name: Table(entity="customers", columns=MAPPING) for name in ("shops", "partners")}
    c = Company(tmp_path / "data", tables=two)
    c.world["crm"] |= {"shops": [customer(i) for i in range(10)], "partners": [customer(i) for i in range(50, 60)]}
    c.sync()
    c.world["crm"]["shops"].pop()
    c.sync(only=["crm.shops"])
    assert len(c.stored(columns=NAMES)) == 19


def test_a_key_that_another_table_already_has_is_refused(tmp_path):
    two = {name: Table(entity="customers", columns=MAPPING) for name in ("shops", "partners")}
    c = Company(tmp_path / "data", tables=two)
    c.world["crm"] |= {"shops": [customer(1, "shop")], "partners": [customer(1, "partner"), customer(2)]}
    for _ in range(2):  # decided the same way when the row is already in the warehouse
        c.sync()
        assert c.stored(columns=NAMES) == [("1", "shop"), ("2", "customer 2")]
        (row,) = quarantine.rows(c.data, store.latest(c.data)).to_pylist()
        assert (row["table"], row["reasons"]) == ("partners", ["the same key already comes from crm.shops"])


# --- quarantine -----------------------------------------------------------------------------------------------------------


def refused(c, **asked):
    return quarantine.rows(c.data, store.latest(c.data), **asked).to_pylist()


def test_a_bad_row_is_kept_aside_with_every_reason_and_the_rest_goes_on(tmp_path):
    c = company(tmp_path, 5)
    c.rows.append(customer(77, "  ", kind="gift", region="亚洲"))
    outcome = c.sync(now=NOON)
    assert (counts(outcome), outcome.exit_code, len(c.stored())) == ({"read": 6, "new": 5, "rejected": 1}, 0, 5)
    (row,) = refused(c)
    assert (row["source"], row["table"], row["key"], row["row"]) == ("crm", "customers", "crm:77", 6)
    assert row["reasons"] == ["name is missing; every row needs one", "kind is gift; allowed are company, person"]
    assert '"region":"亚洲"' in row["raw"] and row["first_seen"] == NOON


@pytest.mark.parametrize("table", [{}, {"incremental": "changed"}, {"incremental": "changed", "deletes": "sweep"}], ids=str)
def test_a_row_that_becomes_good_leaves_the_quarantine(tmp_path, table):
    c = company(tmp_path, **table)
    c.rows.append(customer(77, kind="gift"))
    c.sync()
    c.rows[-1] |= {"kind": "person", "changed": dt.datetime(2026, 2, 1)}
    c.sync()
    assert (refused(c), len(c.stored())) == ([], 11)


def test_a_row_that_becomes_bad_does_not_stay_with_its_old_content(tmp_path):
    c = company(tmp_path, incremental="changed")
    c.sync()
    c.rows[4] |= {"kind": "gift", "changed": dt.datetime(2026, 2, 1)}
    c.sync()
    assert ("4", "customer 4") not in c.stored(columns=NAMES)
    assert [row["key"] for row in refused(c)] == ["crm:4"]


def test_refused_rows_are_tried_again_when_the_mapping_changes(tmp_path):
    c = company(tmp_path, incremental="changed")
    c.rows[0]["kind"] = "firm"
    c.sync()
    assert [row["key"] for row in refused(c)] == ["crm:0"]
    c.tables["customers"] = Table(columns={**MAPPING, "kind": "replace(kind, 'firm', 'company')"}, incremental="changed")
    outcome = c.sync()
    assert (outcome.tables[0].mode, refused(c), len(c.stored())) == ("full", [], 10)


def test_a_refusal_seen_again_keeps_the_day_it_was_first_seen(tmp_path):
    c = company(tmp_path)
    c.rows.append(customer(77, kind="gift"))
    c.sync(now=NOON)
    c.rows.append(customer(78, kind="gift"))
    later = NOON + dt.timedelta(days=1)
    c.sync(now=later)
    assert {row["key"]: (row["first_seen"], row["last_seen"]) for row in refused(c)} == {"crm:77": (NOON, later), "crm:78": (later, later)}


def test_refused_rows_are_counted_and_found_by_reason(tmp_path):
    c = company(tmp_path)
    c.rows.extend([customer(77, kind="gift"), customer(78, " ", kind="gift"), customer(79, " ")])
    c.sync()
    assert {(r["reason"], r["n"]) for r in quarantine.counts(c.data, store.latest(c.data)).to_pylist()} == {("kind: not allowed", 2), ("name: missing", 2)}
    assert {r["key"] for r in refused(c, reason="name: missing")} == {"crm:78", "crm:79"}
    assert len(refused(c, source="crm.customers", limit=2)) == 2 and refused(c, source="erp") == []
    assert quarantine.totals(c.data, store.latest(c.data)) == {("crm", "customers"): 3}


def test_duplicates_are_folded_or_refused(tmp_path):
    c = company(tmp_path, 2)
    c.rows.extend([customer(0, hour=0), customer(1, "another")])
    outcome = c.sync()
    assert (counts(outcome), len(c.stored())) == ({"read": 4, "new": 2, "rejected": 1, "folded": 1}, 2)
    assert refused(c)[0]["rules"] == ["key: duplicate"]


# --- windows --------------------------------------------------------------------------------------------------------------


def test_an_incremental_read_asks_for_what_changed_and_a_little_before(tmp_path):
    c = company(tmp_path, incremental="changed", overlap=dt.timedelta(hours=2))
    c.sync()
    c.rows[0] |= {"name": "renamed", "changed": dt.datetime(2026, 1, 1, 9, 30)}
    outcome = c.sync()
    assert counts(outcome) == {"read": 4, "changed": 1}  # cursor 09:00, so from 07:00: rows 7, 8, 9 and the renamed one


def test_a_late_commit_within_the_overlap_is_caught(tmp_path):
    c = company(tmp_path, incremental="changed")
    c.sync()
    c.rows.append(customer(99, hour=9 - 0.2))
    c.sync()
    assert len(c.stored()) == 11


def test_rows_newer_than_the_lag_wait(tmp_path):
    c = Company(tmp_path / "data", incremental="changed", lag=dt.timedelta(hours=1))
    c.rows.append(customer(1, changed=dt.datetime(2026, 8, 1)))
    c.sync(now=NOON)
    c.rows.append(customer(2, changed=dt.datetime(2026, 8, 2, 11, 30)))
    c.sync(now=NOON)
    assert len(c.stored()) == 1
    c.sync(now=NOON + dt.timedelta(minutes=31))
    assert len(c.stored()) == 2


def test_a_date_in_the_future_does_not_hide_later_changes(tmp_path):
    c = company(tmp_path, incremental="changed")
    c.rows[0]["changed"] = dt.datetime(2199, 1, 1)
    c.sync(now=NOON)
    c.rows[1] |= {"name": "renamed", "changed": NOON.replace(tzinfo=None)}
    c.sync(now=NOON + dt.timedelta(hours=1))
    assert ("1", "renamed") in c.stored(columns=NAMES)


def test_the_cursor_moves_only_with_a_published_snapshot(tmp_path):
    c = company(tmp_path, incremental="changed")
    c.sync()
    c.rows.append(customer(99, hour=500))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        c.sync(cancel=stop)
    assert len(c.stored()) == 10
    c.sync()
    assert len(c.stored()) == 11


# --- the guard ------------------------------------------------------------------------------------------------------------


def halve(c):
    del c.rows[5:]


def empty(c):
    c.rows.clear()


def flag_half(c):
    for row in c.rows[5:]:
        row |= {"gone": True, "changed": dt.datetime(2026, 2, 1)}


def blank_region(c):
    for row in c.rows:
        row |= {"region": None, "changed": dt.datetime(2026, 2, 1)}


def spoil_half(c):
    for row in c.rows[5:]:
        row |= {"kind": "gift", "changed": dt.datetime(2026, 2, 1)}


LOSSES = [
    ("half the rows", halve, {}, r"crm.customers has lost 5 of its 10 rows \(50%\).*--accept-loss crm.customers"),
    ("all rows", empty, {}, r"lost 10 of its 10 rows"),
    ("half, found by a sweep", halve, {"incremental": "changed", "deletes": "sweep"}, "lost 5 of its 10 rows"),
    ("half flagged", flag_half, {"incremental": "changed", "deletes": "flag"}, "lost 5 of its 10 rows"),
    ("half refused", spoil_half, {"incremental": "changed"}, "lost 5 of its 10 rows"),
    ("a column", blank_region, {}, r"crm.customers.region was filled in 100% of the rows and is filled in 0% now"),
    ("a column, in a window", blank_region, {"incremental": "changed"}, "region was filled in 100%"),
]


@pytest.mark.parametrize("lose, table, words", [x[1:] for x in LOSSES], ids=[x[0] for x in LOSSES])
def test_a_sudden_loss_is_not_published_unless_accepted(tmp_path, lose, table, words):
    c = company(tmp_path, **table)
    first, before = c.sync(), c.stored()
    lose(c)
    outcome = c.sync()
    assert (outcome.tables[0].status, outcome.exit_code, outcome.snapshot) == ("refused", 1, first.snapshot)
    assert re.search(words, outcome.tables[0].error)
    assert c.stored() == before
    accepted = c.sync(accept_loss=["crm.customers"])
    assert (accepted.is_published, accepted.exit_code) == (True, 0)
    assert c.stored() != before


def test_a_fifth_may_go(tmp_path):
    c = company(tmp_path)
    c.sync()
    del c.rows[8:]
    assert c.sync().exit_code == 0


def test_a_refused_table_keeps_its_rows_and_the_others_go_on(tmp_path):
    two = {"customers": Table(columns=MAPPING), "partners": Table(entity="customers", columns=MAPPING)}
    c = Company(tmp_path / "data", tables=two)
    c.rows.extend(customer(i) for i in range(10))
    c.world["crm"]["partners"] = [customer(i) for i in range(50, 60)]
    c.sync()
    halve(c)
    c.world["crm"]["partners"].append(customer(60))
    outcome = c.sync()
    assert {t.table: t.status for t in outcome.tables} == {"customers": "refused", "partners": "ok"}
    assert (outcome.is_published, outcome.exit_code, len(c.stored())) == (True, 1, 21)


# --- sources that fail ----------------------------------------------------------------------------------------------------


def test_a_source_that_cannot_be_read_keeps_its_rows_and_the_others_go_on(tmp_path):
    two = {"customers": Table(columns=MAPPING), "partners": Table(entity="customers", columns=MAPPING)}
    c = Company(tmp_path / "data", tables=two)
    c.rows.append(customer(1))
    c.world["crm"]["partners"] = [customer(2)]
    c.sync()
    c.world["crm"] |= {"customers": SourceError("the password is wrong"), "partners": [customer(2, "renamed")]}
    outcome = c.sync()
    assert [(t.table, t.status, t.error) for t in outcome.tables] == [("customers", "failed", "the password is wrong"), ("partners", "ok", None)]
    assert (outcome.exit_code, c.stored(columns=NAMES)) == (1, [("1", "customer 1"), ("2", "renamed")])
    runs = ledger.last_runs(database.connect(c.data))
    assert (runs["crm", "customers"].status, runs["crm", "customers"].error) == ("failed", "the password is wrong")


def test_the_first_sync_publishes_nothing_unless_all_is_well(tmp_path):
    c = company(tmp_path)
    c.world["crm"]["customers"] = SourceError("no route to host")
    outcome = c.sync()
    assert (outcome.snapshot, outcome.is_published, outcome.exit_code) == (None, False, 1)
    with pytest.raises(store.NoSnapshot):
        store.latest(c.data)
    c.world["crm"]["customers"] = [customer(1)]
    assert c.sync().is_published


def test_an_empty_source_is_published_and_said(tmp_path):
    c = company(tmp_path, 0)
    outcome = c.sync()
    assert (outcome.is_published, outcome.exit_code, c.stored()) == (True, 0, [])
    assert outcome.warnings == ("crm.customers has no rows; look at its `from`, `query` and `where` if that is not what you expect.",)


def test_a_column_renamed_in_the_source_stops_its_table_and_is_named(tmp_path):
    c = company(tmp_path)
    c.sync()
    before = c.stored()
    c.schemas["crm"]["customers"] = pa.schema([pa.field("title", f.type) if f.name == "name" else f for f in CUSTOMERS])
    c.world["crm"]["customers"] = [{"title" if k == "name" else k: v for k, v in row.items()} for row in c.rows]
    outcome = c.sync()
    assert (outcome.tables[0].status, outcome.exit_code) == ("failed", 1)
    assert "'name'" in outcome.tables[0].error and "title" in outcome.tables[0].error
    assert c.stored() == before


def test_a_table_no_longer_declared_keeps_its_rows_until_somebody_says_otherwise(tmp_path):
    two = {"customers": Table(columns=MAPPING), "partners": Table(entity="customers", columns=MAPPING)}
    c = Company(tmp_path / "data", tables=two)
    c.world["crm"] |= {"customers": [customer(1)], "partners": [customer(2)]}
    c.sync()
    del c.tables["partners"]
    outcome = c.sync()
    assert (len(c.stored()), outcome.exit_code) == (2, 0)
    assert "no longer names crm.partners; its 1 rows are kept" in outcome.warnings[0]
    c.sync(accept_loss=["crm.partners"])
    assert c.stored(columns=NAMES) == [("1", "customer 1")]
    assert c.sync().warnings == ()


@pytest.mark.parametrize("asked", [{"only": ["crm.orders"]}, {"only": ["erp"]}, {"accept_loss": ["crm.orders"]}], ids=str)
def test_a_name_that_does_not_exist_is_an_error(tmp_path, asked):
    with pytest.raises(SourceError, match=r"crm.orders|erp"):
        company(tmp_path).sync(**asked)


# --- what a snapshot knows ------------------------------------------------------------------------------------------------


def test_a_snapshot_knows_its_settings_its_sources_and_the_columns_kept_in_extra(tmp_path):
    c = Company(tmp_path / "data", tables={"customers": Table(columns={k: v for k, v in MAPPING.items() if k != "region"}, incremental="changed")})
    c.rows.append(customer(1, hour=1))
    c.sync(now=NOON)
    found = store.latest(c.data)
    assert found.settings["calendar"]["timezone"] == "UTC"
    assert found.extras == {"customers": ["region"]}
    assert found.sources["crm"]["rows"] == 1 and found.sources["crm"]["last_sync"] == NOON.isoformat()
    assert found.sources["crm"]["tables"]["customers"]["cursor"] == {"type": "time", "value": "2026-01-01T01:00:00"}


def test_a_sync_that_finds_nothing_new_still_makes_the_source_fresh(tmp_path):
    c = company(tmp_path)
    c.sync(now=NOON)
    c.sync(now=NOON + dt.timedelta(days=1))
    assert store.latest(c.data).sources["crm"]["last_sync"] == (NOON + dt.timedelta(days=1)).isoformat()


def test_other_settings_are_published_without_touching_a_table(tmp_path):
    from tests.warehouse.scripted import declared, world_of
    from warehouse.sync import sync

    c = company(tmp_path)
    c.sync()
    tables = store.latest(c.data).tables
    outcome = sync(declared({"crm": c.tables}, nps={"k": 5}), c.data, now=NOON, connect=world_of(c.world, c.schemas))
    assert outcome.is_published
    assert (store.latest(c.data).tables, store.latest(c.data).settings["metrics"]) == (tables, {"nps": {"k": 5}})


@pytest.mark.parametrize("place", ["the app", "the sources file"])
def test_a_policy_that_cannot_be_is_said_before_anything_is_read(tmp_path, place, with_marts, monkeypatch):
    from tests.warehouse.scripted import declared, world_of
    from warehouse.sync import sync

    c = company(tmp_path)
    monkeypatch.setattr(marts, "rebuild", lambda *asked: {})
    first, broken = c.sync().snapshot, {"levels": [{"name": "at_risk", "upto": 50}, {"name": "healthy", "above": 60}]}
    if place == "the app":
        settings.put(database.connect(c.data), settings.RISK, broken, 0, "ann", NOON)
    read = []
    asked = lambda source: read.append(source) or world_of(c.world, c.schemas)(source)  # noqa: E731
    metrics = {"risk": broken} if place == "the sources file" else {}
    with pytest.raises(StoreError) as said:
        sync(declared({"crm": c.tables}, **metrics), c.data, now=NOON, connect=asked)
    assert "none holds what lies above 50 and up to 60 points" in str(said.value)
    assert ("set in the app" in str(said.value)) == (place == "the app") and not read
    assert store.latest(c.data).id == first
    if place == "the app":
        settings.put(database.connect(c.data), settings.RISK, {}, 1, "ann", NOON)
    assert c.sync(now=NOON).snapshot == first


def test_marts_follow_the_policy_that_is_set_in_the_app_and_the_snapshot_says_which(tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(marts, "rebuild", lambda data, tables, settings, *more: built.append(settings) or {})
    c = company(tmp_path)
    c.sync()
    assert settings.AT_SYNC not in store.latest(c.data).settings and settings.RISK not in built[-1]["metrics"]
    chosen = {"coverage": 0.4}
    settings.put(database.connect(c.data), settings.RISK, chosen, 0, "ann", NOON)
    assert c.sync(now=NOON + dt.timedelta(days=1)).is_published
    found = store.latest(c.data).settings
    assert built[-1]["metrics"][settings.RISK] == chosen == found[settings.AT_SYNC]
    assert settings.RISK not in found["metrics"]  # who takes the policy back is judged by the sources file's again
    assert not c.sync(now=NOON + dt.timedelta(days=1)).is_published
