"""Killed at any moment, a sync leaves the last snapshot in force, and the next one completes as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from records import database, ledger
from tests.warehouse import crash
from tests.warehouse.scripted import stored
from warehouse import quarantine, store

ROOT = Path(__file__).parents[2]


def start(data, round, fail_at="", hold_at="") -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.warehouse.crash", str(data), str(round), *filter(None, [hold_at])]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "RAPPORT_FAIL_AT": fail_at}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def seen(data):
    """All that a reader can see, but for when and by which sync it was written."""
    snapshot = store.latest(data)
    columns = {"customers": "customer_id, name, kind, is_deleted", "owners": "owner_id, name"}
    rows = {name: stored(data, snapshot, name, listed, only_living=False) for name, listed in columns.items()}
    marts = {name: sum(f.rows for f in store.files(data, name, version)) for name, version in snapshot.marts.items()}
    refused = sorted((r["key"], r["reasons"][0]) for r in quarantine.rows(data, snapshot).to_pylist())
    return rows, marts, refused, {k: t["cursor"] for k, t in snapshot.sources["crm"]["tables"].items()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data directory after round 0, and what a reader of rounds 0 and 1 sees of clean syncs."""
    folder = tmp_path_factory.mktemp("crash")
    crash.run(folder / "zero", 0)
    shutil.copytree(folder / "zero", folder / "one")
    crash.run(folder / "one", 1)
    return folder / "zero", seen(folder / "zero"), seen(folder / "one")


def test_the_rounds_differ(prepared):
    _, zero, one = prepared
    assert all(a != b for a, b in zip(zero, one, strict=True))


@pytest.mark.parametrize("point", crash.POINTS)
def test_killed_between_two_steps(tmp_path, prepared, point):
    zero, before, after = prepared
    data = shutil.copytree(zero, tmp_path / "data")
    killed = start(data, 1, fail_at=point)
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert seen(data) == (after if point == "published" else before)
    outcome = crash.run(data, 1)
    assert (outcome.exit_code, outcome.is_published) == (0, point != "published")
    assert seen(data) == after
    assert not (data / "packages").exists()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(tmp_path, prepared, seed):
    zero, before, after = prepared
    data = shutil.copytree(zero, tmp_path / "data")
    running = start(data, 1)
    while not (data / "sync.holder.json").exists() and running.poll() is None:
        time.sleep(0.005)
    time.sleep(random.Random(seed).uniform(0, 0.8))  # a sync of this size takes about a second
    running.kill()
    running.communicate()
    assert seen(data) in (before, after)
    assert crash.run(data, 1).exit_code == 0
    assert seen(data) == after


def test_what_a_killed_sync_has_merged_is_undone(tmp_path, prepared):
    """The source takes its changes back after the crash: there is nothing new, so nothing of the killed sync may show."""
    zero, before, _ = prepared
    data = shutil.copytree(zero, tmp_path / "data")
    start(data, 1, fail_at="quarantined").communicate(timeout=120)
    assert crash.run(data, 0).is_published is False
    assert seen(data) == before


@pytest.mark.parametrize("point", ["merged:customers", "before publishing"])
def test_a_first_sync_that_was_killed_leaves_nothing_behind(tmp_path, prepared, point):
    data = tmp_path / "data"
    start(data, 0, fail_at=point).communicate(timeout=120)
    with pytest.raises(store.NoSnapshot):
        store.latest(data)
    crash.run(data, 0)
    assert seen(data) == prepared[1]


def test_a_killed_sync_is_remembered_as_killed(tmp_path, prepared):
    data = shutil.copytree(prepared[0], tmp_path / "data")
    start(data, 1, fail_at="read").communicate(timeout=120)
    crash.run(data, 0)
    with database.connect(data).connect() as connection:
        found = connection.exec_driver_sql("select status, count(*) from sync_runs group by 1").fetchall()
    assert dict(found) == {"killed": 2, "ok": 4}
    assert {run.status for run in ledger.last_runs(database.connect(data)).values()} == {"ok"}


@pytest.mark.parametrize("point", ["prepared", "read:crm.customers", "merged:customers", "mart:accounts", "before publishing"])
def test_ctrl_c_stops_cleanly_and_publishes_nothing(tmp_path, prepared, point):
    data = shutil.copytree(prepared[0], tmp_path / "data")
    running = start(data, 1, hold_at=point)
    assert running.stdout.readline() == "waiting\n"
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 1 and "the sync was stopped; nothing was published" in told
    assert seen(data) == prepared[1]
    assert not (data / "packages").exists() and not (data / "sync.holder.json").exists()
    statuses = {run.status for run in ledger.last_runs(database.connect(data)).values()}
    assert statuses <= {"ok", "stopped"} and ("stopped" in statuses or point == "prepared")  # nothing had begun


def test_a_reader_sees_one_snapshot_while_syncs_go_on(tmp_path):
    """Each round renames the owner and one customer: a reader that sees the two in different rounds has seen a mixture."""
    data, stop, rounds, mixtures = tmp_path / "data", threading.Event(), set(), []
    crash.run(data, 0)

    def read():
        while not stop.is_set():
            rows, *_ = seen(data)
            versions = {int(name.split()[-1]) for id, name, _, _ in rows["customers"] if id == "crm:3"}
            owner = int(rows["owners"][0][1].split()[-1])
            rounds.add(owner)
            if versions != {owner}:
                mixtures.append((versions, owner))

    reader = threading.Thread(target=read)
    reader.start()
    for round in range(1, 3):
        crash.run(data, round)
    stop.set()
    reader.join()
    assert mixtures == [] and len(rounds) > 1
