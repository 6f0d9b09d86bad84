"""After any history of a source, incremental syncs hold what one full sync of its present state holds.

A history is a random sequence of inserts, updates, late commits, deletes and restores, with a sync now and then. Living rows,
quarantine and the counts kept for the guard must equal, row for row, those of a fresh data directory synced once; and a full
sync of the same directory must find nothing to change.
"""

import datetime as dt
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sources import Table
from tests.warehouse.scripted import MAPPING, Company, customer, stored
from warehouse import quarantine, store

OVERLAP = dt.timedelta(hours=1)
START = dt.datetime(2026, 1, 1)
WAYS = {  # how the source deletes → the table's settings
    "sweep": {"deletes": "sweep"},
    "flag": {"deletes": "flag"},
    "tombstone": {"deletes": "tombstone", "tombstones": "deleted"},
}

names = st.sampled_from(["Ann", "Bo", "丁", "  "])  # a blank name is refused
kinds = st.sampled_from(["company", "company", "person", "gift"])  # so is the last kind
ids = st.integers(0, 3)
late = st.integers(0, 59)  # minutes between a change and its becoming visible; less than the overlap
write = st.tuples(st.just("write"), ids, names, kinds, late)
steps = st.one_of(write, write, write, st.tuples(st.just("delete"), ids), st.tuples(st.just("sync")), st.tuples(st.just("wait"), st.integers(1, 300)))


class History:
    """A source that lives: every step happens at a minute of its own."""

    def __init__(self, folder: Path, way: str, incremental: bool = True):
        settings = {**WAYS[way], **({"incremental": "changed", "overlap": OVERLAP} if incremental else {})}
        self.way, self.minute = way, 0
        self.company = Company(folder / "stepwise", tables={"customers": Table(columns=MAPPING, **settings)})
        self.company.world["crm"]["deleted"] = []

    @property
    def now(self) -> dt.datetime:
        return START + dt.timedelta(minutes=self.minute)

    def write(self, id, name, kind, late):
        """Insert or update; the change is stamped up to an hour before it can be seen, as in a long transaction."""
        self._put(customer(id, kind=kind) | {"name": name, "changed": self.now - dt.timedelta(minutes=late)})

    def delete(self, id):
        known = [row for row in self.company.rows if row["id"] == id]
        if known and self.way == "flag":
            self._put(known[0] | {"gone": True, "changed": self.now})
        elif known:
            self.company.rows.remove(known[0])
            self.company.world["crm"]["deleted"].append(known[0])

    def _put(self, row):
        """The row as it is now; a database may hand rows out in any order, so an updated one goes to the end."""
        world = self.company.world["crm"]
        world["customers"] = [r for r in world["customers"] if r["id"] != row["id"]] + [row]
        world["deleted"] = [r for r in world["deleted"] if r["id"] != row["id"]]

    def wait(self, minutes):
        self.minute += minutes

    def sync(self, **asked):
        self.company.sync(now=self.now.replace(tzinfo=dt.UTC), accept_loss=["crm.customers"], **asked)

    def play(self, steps):
        for name, *details in steps:
            self.minute += 1
            getattr(self, name)(*details)


def held(data):
    """What a reader finds: living rows, refused rows and why, and what is kept for the guard."""
    snapshot = store.latest(data)
    columns = "customer_id, source_id, name, kind, region, updated_at at time zone 'UTC' as updated_at, extra, _origin"
    living = stored(data, snapshot, columns=columns)
    refused = sorted((row["key"], row["raw"], tuple(row["reasons"])) for row in quarantine.rows(data, snapshot).to_pylist())
    kept = snapshot.sources["crm"]["tables"]["customers"]
    return {"living": living, "refused": refused, "rows": kept["rows"], "filled": {k: n for k, n in kept["filled"].items() if n}}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(history=st.lists(steps, min_size=8, max_size=24))
def test_incremental_syncs_hold_what_a_full_one_holds(way, history):
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    try:
        h = History(folder, way)
        h.play([*history, ("sync",)])
        c = h.company
        c.sync(folder / "fresh", now=h.now.replace(tzinfo=dt.UTC))
        assert held(c.data) == held(folder / "fresh")
        before = c.stored(only_living=False)
        h.sync(full=True)
        assert c.stored(only_living=False) == before
    finally:
        shutil.rmtree(folder)


def test_a_change_later_than_the_overlap_is_missed_until_a_full_sync(tmp_path):
    """The property above rests on the overlap: with a later commit it must fail, or it proves nothing."""
    h = History(tmp_path, "flag")
    h.play([("write", 1, "Ann", "company", 0), ("wait", 500), ("write", 2, "Bo", "company", 0), ("sync",), ("write", 3, "Eve", "company", 300), ("sync",)])
    assert [row[0] for row in h.company.stored(columns="source_id")] == ["1", "2"]
    h.sync(full=True)
    assert [row[0] for row in h.company.stored(columns="source_id")] == ["1", "2", "3"]
