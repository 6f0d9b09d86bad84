"""The same sync over real databases: windows, sweeps and tombstones through the ordinary connectors."""

import datetime as dt
import re

import pytest
from sqlalchemy import create_engine, text

from connectors.sources import Calendar, Source, Sources, Table
from tests.warehouse.scripted import NOON, stored
from warehouse import store
from warehouse.sync import sync

MAPPING = {"customer_id": "no", "name": "title", "kind": "'company'", "updated_at": "changed"}
WAYS = {"sweep": {"deletes": "sweep"}, "tombstone": {"deletes": "tombstone", "tombstones": "select no from buried"}}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server), pytest.param("mariadb", marks=pytest.mark.server)])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path}/crm.db" if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_url")


def execute(url, *statements):
    engine = create_engine(re.sub("^(mysql|mariadb)://", "mysql+pymysql://", url))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("via", ["scanner", "sqlalchemy"])
@pytest.mark.parametrize("way", WAYS)
def test_inserts_updates_and_deletes_arrive(tmp_path, url, via, way):
    execute(
        url, "drop table if exists customer", "drop table if exists buried", "create table buried (no integer)",
        "create table customer (no integer primary key, title varchar(50), changed timestamp null)",
        *(f"insert into customer values ({i}, '客户 {i}', '2026-07-01 10:{i:02d}:00')" for i in range(10)),
    )  # fmt: skip
    table = Table(name="customers", from_="customer", columns=MAPPING, incremental="changed", **WAYS[way])
    sources = Sources(calendar=Calendar(timezone="UTC"), sources={"crm": Source(name="crm", kind="sql", url=url, via=via, tables={"customers": table})})

    def synced(hour):
        outcome = sync(sources, tmp_path / "data", now=NOON + dt.timedelta(hours=hour))
        (found,) = outcome.tables
        assert (found.status, found.error) == ("ok", None)
        return found, dict(stored(tmp_path / "data", store.latest(tmp_path / "data"), columns="source_id, name"))

    assert synced(0)[1] == {str(i): f"客户 {i}" for i in range(10)}
    assert synced(1)[0].counts["read"] == 10  # a window from 09:54, which is all of them
    execute(
        url, "insert into customer values (77, 'late', '2026-07-01 10:00:30')", "insert into buried values (5)", "delete from customer where no = 5",
        "update customer set title = 'renamed', changed = '2026-07-02 08:00:00' where no = 3",
    )  # fmt: skip
    found, rows = synced(2)
    assert (found.mode, found.counts["new"], found.counts["changed"], found.counts["deleted"]) == ("window", 1, 1, 1)
    assert rows == {str(i): f"客户 {i}" for i in range(10) if i != 5} | {"3": "renamed", "77": "late"}
    execute(url, "update customer set title = 'again', changed = '2026-07-02 09:00:00' where no = 4")
    found, rows = synced(3)
    assert (found.counts["read"], found.counts["changed"], rows["4"]) == (2, 1, "again")
