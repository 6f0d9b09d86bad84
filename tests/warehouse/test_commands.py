"""`sync` and `status` as an administrator meets them, over real files."""

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from records import database, ledger
from records.models import SnapshotRow
from tests.warehouse.scripted import NOON, Company, customer
from warehouse import commands, store
from warehouse.status import status

SOURCES = """
[sources.shop]
kind = "files"
path = "."
[sources.shop.tables.customers]
from = "customers.csv"
[sources.shop.tables.customers.columns]
customer_id = "no"
name = "title"
kind = "'company'"
[sources.shop.tables.owners]
from = "owners.csv"
columns = { owner_id = "no", name = "name" }
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "sources.toml").write_text(SOURCES)
    (tmp_path / "customers.csv").write_text("no,title\n1,Anke\n2,安科\n3,\n")
    (tmp_path / "owners.csv").write_text("no,name\nA,Wang\n")
    return tmp_path


def run(folder, **more):
    asked = {"sources": str(folder / "sources.toml"), "data": str(folder / "data"), "only": None, "full": False, "accept_loss": None}
    return commands.main_sync(Namespace(**asked | more))


def test_the_first_sync_the_second_and_a_change(shop, capsys):
    assert run(shop) == 0
    assert "published snapshot" in (said := capsys.readouterr().out) and "shop.customers" in said
    assert run(shop) == 0
    assert "nothing changed" in capsys.readouterr().out
    (shop / "owners.csv").write_text("no,name\nA,Wang\nB,Li\n")
    assert run(shop) == 0
    assert "published snapshot" in capsys.readouterr().out


def test_a_loss_is_refused_with_code_1_and_let_through_when_accepted(shop, capsys):
    run(shop)
    (shop / "customers.csv").write_text("no,title\n1,Anke\n")
    assert run(shop) == 1
    assert "--accept-loss shop.customers" in capsys.readouterr().out
    assert run(shop, accept_loss=["shop.customers"]) == 0


MISUSE = [
    ({"only": ["shop.orders"]}, "no such source or table"),
    ({"accept_loss": ["shop.orders"]}, "no such table"),
    ({"sources": "nowhere.toml"}, "nowhere.toml"),
]


@pytest.mark.parametrize("asked, words", MISUSE, ids=[str(m[0]) for m in MISUSE])
def test_misuse_ends_with_code_2(shop, capsys, asked, words):
    assert run(shop, **asked) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_gone_ends_with_code_1_and_the_rest_goes_on(shop, capsys):
    run(shop)
    capsys.readouterr()
    (shop / "customers.csv").write_text("number,title\n1,Anke\n")  # the column that makes the key was renamed
    (shop / "owners.csv").write_text("no,name\nA,Renamed\n")
    assert run(shop) == 1
    said = capsys.readouterr().out
    assert "'no'" in said and "number" in said and "published snapshot" in said


def test_a_damaged_table_ends_with_code_1_and_names_it(shop, capsys):
    run(shop)
    log = store.folder(shop / "data", "customers") / "_delta_log" / f"{0:020d}.json"
    log.write_text("{")
    assert run(shop) == 1
    assert "table 'customers'" in capsys.readouterr().err


def test_a_newer_snapshot_format_ends_with_code_1(shop, capsys):
    run(shop)
    row = SnapshotRow(id="z", created_at=NOON, format=99, tables={}, marts={}, quarantine=0, sources={}, settings={}, extras={}, digests={}, is_pinned=False)
    ledger.publish(database.connect(shop / "data"), row, {}, NOON)
    assert run(shop) == 1
    assert "format 99" in capsys.readouterr().err
    assert commands.main_status(Namespace(data=str(shop / "data"), json=True)) == 1


def test_stopping_ends_with_code_130(shop, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("warehouse.sync.sync", interrupted)
    assert run(shop) == 130
    assert "nothing was published" in capsys.readouterr().err


def test_ctrl_c_during_a_real_sync(shop):
    """From outside: the program stops within moments, publishes nothing, and says so."""
    (shop / "customers.csv").write_text("no,title\n" + "".join(f"{i},Customer {i}\n" for i in range(300_000)))
    command = [sys.executable, "-m", "connectors", "sync", "--sources", str(shop / "sources.toml"), "--data", str(shop / "data")]
    running = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list((shop / "data").glob("packages/*/shop.customers/raw.parquet")) and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, "nothing was published" in said) == (130, True)
    assert not (shop / "data" / "packages").exists()
    with pytest.raises(store.NoSnapshot):
        store.latest(shop / "data")


def test_status_as_json(shop, capsys):
    run(shop)
    capsys.readouterr()
    assert commands.main_status(Namespace(data=str(shop / "data"), json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    (shop_,) = found["sources"]
    assert found["snapshot"]["id"] == store.latest(shop / "data").id and found["syncing"] is None
    assert (shop_["source"], shop_["rows"], shop_["refused"], len(shop_["tables"])) == ("shop", 3, 1, 2)
    customers = shop_["tables"][0]
    assert (customers["rows"], customers["refused"], customers["last_try"]["read"], customers["last_try"]["status"]) == (2, 1, 3, "ok")


def test_status_in_words(shop, capsys):
    assert commands.main_status(Namespace(data=str(shop / "data"), json=False)) == 1
    assert "nothing has been published" in capsys.readouterr().out
    run(shop)
    (shop / "customers.csv").write_text("no,title\n1,Anke\n")
    run(shop)
    capsys.readouterr()
    assert commands.main_status(Namespace(data=str(shop / "data"), json=False)) == 0
    said = capsys.readouterr().out
    assert "snapshot" in said and "refused" in said and "has lost 1 of its 2 rows" in said


def test_status_tells_the_last_good_sync_from_the_last_try(tmp_path):
    c = Company(tmp_path)
    c.rows.extend(customer(i) for i in range(10))
    c.sync(now=NOON)
    del c.rows[3:]
    c.sync(now=NOON + dt.timedelta(hours=1))
    found = status(tmp_path, NOON + dt.timedelta(hours=3))["sources"][0]
    assert (found["last_sync"], found["lag_seconds"], found["rows"]) == (NOON.isoformat(), 3 * 3600, 10)
    assert found["tables"][0]["last_try"]["status"] == "refused"


@pytest.mark.parametrize("seconds, text", [(None, ""), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")])
def test_spans(seconds, text):
    assert commands._span(seconds) == text


def test_a_refused_row_without_key_is_listed_once_however_often_it_is_read(shop, capsys):
    text = SOURCES.replace('from = "owners.csv"', 'from = "owners.csv"\nincremental = "changed"')
    (shop / "sources.toml").write_text(text)
    (shop / "owners.csv").write_text("no,name,changed\nA,Wang,1\nB\n")
    for _ in range(3):
        assert run(shop) == 0
    assert [source["refused"] for source in status(shop / "data")["sources"]] == [2]  # customer 3 has no name, the line of B is cut
