"""Which snapshots are kept, and that their files are."""

import datetime as dt

import pytest

from records import database, journal, ledger
from records.models import Entry, SnapshotRow
from tests.warehouse.scripted import Company, customer, stored
from warehouse import quarantine, retention, store

NOW = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)


def at(day, **more):
    return SnapshotRow(id=day, created_at=dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC), is_pinned=False, **more)


KEPT = [
    (["2026-07-03T13:00", "2026-07-10", "2026-08-01"], {"2026-07-03T13:00", "2026-07-10", "2026-08-01"}),  # 30 days
    (["2026-05-10", "2026-05-20", "2026-08-02"], {"2026-05-20", "2026-08-02"}),  # the last of May
    (["2025-03-30", "2025-04-30", "2025-05-31", "2025-06-30", "2026-08-02"], {"2025-03-30", "2025-06-30", "2026-08-02"}),  # quarters for ever
    (["2019-02-01", "2019-03-31", "2026-08-02"], {"2019-03-31", "2026-08-02"}),
    (["2024-01-01"], {"2024-01-01"}),  # the newest always
]


@pytest.mark.parametrize("days, kept", KEPT, ids=range(len(KEPT)))
def test_what_is_kept(days, kept):
    assert retention.kept([at(day) for day in days], NOW) == kept


def test_a_pinned_snapshot_is_kept():
    pinned = at("2025-04-30")
    pinned.is_pinned = True
    assert "2025-04-30" in retention.kept([pinned, at("2025-05-31"), at("2026-08-02")], NOW)


def test_an_expired_snapshot_goes_with_its_files_and_the_others_stay_readable(tmp_path):
    c = Company(tmp_path / "data")
    c.rows.extend([customer(i) for i in range(10)] + [customer(50, kind="gift")])
    days = [dt.datetime(2026, 4, 10, tzinfo=dt.UTC), dt.datetime(2026, 4, 20, tzinfo=dt.UTC), NOW]
    snapshots = []
    for n, day in enumerate(days):  # every sync rewrites the one file of customers
        c.rows[0]["name"], c.rows[-1]["name"] = f"name {n}", f"bad {n}"
        before = snapshots and stored(c.data, store.snapshot(c.data, snapshots[-1]))
        snapshots.append(c.sync(now=day).snapshot)
        if before:
            assert stored(c.data, store.snapshot(c.data, snapshots[-2])) == before if n == 1 else True
    with pytest.raises(store.NoSnapshot):
        store.snapshot(c.data, snapshots[0])  # 10 April: neither of the last 30 days nor the last of its month
    kept = [store.snapshot(c.data, id) for id in snapshots[1:]]
    assert [("crm:0", f"name {n}") in stored(c.data, s, columns="customer_id, name") for n, s in enumerate(kept, 1)] == [True, True]
    assert [quarantine.rows(c.data, s).to_pylist()[0]["raw"].count(f"bad {n}") for n, s in enumerate(kept, 1)] == [1, 1]
    assert len(list(store.folder(c.data, "customers").glob("*.parquet"))) == 2


def test_vacuum_removes_what_no_snapshot_names(tmp_path):
    c = Company(tmp_path / "data")
    c.rows.append(customer(1))
    c.sync()
    stray = store.folder(c.data, "customers") / "part-of-a-killed-sync.parquet"
    stray.write_bytes(b"half a file")
    before = c.stored()
    assert retention.vacuum(c.data, ledger.snapshots(database.connect(c.data))) == [stray]
    assert (stray.exists(), c.stored()) == (False, before)
    assert c.sync().is_published is False


def test_a_sync_lets_go_of_log_entries_past_their_time(tmp_path):
    c = Company(tmp_path / "data")
    c.rows.append(customer(1))
    now = dt.datetime.now(dt.UTC)
    c.sync(now=now)
    records = database.connect(c.data)
    for days in (1, 729, 740):
        journal.append(records, Entry(action=str(days), at=now - dt.timedelta(days=days)))
    c.rows.append(customer(2))
    c.sync(now=now + dt.timedelta(minutes=1))
    assert [entry.action for entry in journal.entries(records)] == ["1", "729"]
