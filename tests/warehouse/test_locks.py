"""One sync at a time, and a dead one does not stand in the way."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warehouse.scripted import NOON, Company, customer
from warehouse import locks

HOLD = """
import datetime as dt, sys, time
from pathlib import Path
from warehouse import locks
with locks.held(Path(sys.argv[1]), dt.datetime.now(dt.UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another program that holds the lock."""
    program = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "held\n"
    yield program
    program.kill()
    program.wait()


def test_the_second_sync_says_who_holds_the_lock(tmp_path, other):
    c = Company(tmp_path)
    with pytest.raises(locks.Busy, match=rf"process {other.pid} on {socket.gethostname()} since 20\d\d-"):
        c.sync()
    assert locks.holder(tmp_path)["pid"] == other.pid


def test_the_lock_of_a_killed_program_is_free(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / locks.HOLDER).exists()  # it had no time to tidy up
    assert locks.holder(tmp_path) is None
    c = Company(tmp_path)
    c.rows.append(customer(1))
    assert c.sync().exit_code == 0


def test_two_syncs_in_one_program(tmp_path):
    with locks.held(tmp_path, NOON), pytest.raises(locks.Busy, match=f"process {os.getpid()}"), locks.held(tmp_path, NOON):
        pass
    with locks.held(tmp_path, NOON):
        assert locks.holder(tmp_path) == {"pid": os.getpid(), "host": socket.gethostname(), "since": "2026-08-02T12:00:00+00:00"}
    assert locks.holder(tmp_path) is None


def test_a_holder_on_another_host_cannot_be_judged_from_here(tmp_path):
    noted = {"pid": 1, "host": "elsewhere", "since": dt.datetime.now(dt.UTC).isoformat()}
    (tmp_path / locks.HOLDER).write_text(json.dumps(noted))
    assert locks.holder(tmp_path) == noted
