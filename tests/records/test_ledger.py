"""The records database: migrations, snapshots in order of publication, runs that never ended."""

import datetime as dt

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from records import database, ledger
from records.models import Base, SnapshotRow, SyncRun
from tests.warehouse.scripted import Company, customer
from warehouse import store

NOON = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)


@pytest.fixture
def engine(tmp_path):
    engine = database.connect(tmp_path)
    database.migrate(engine)
    return engine


def made(id, at=NOON):
    return SnapshotRow(id=id, created_at=at, format=1, tables={"owners": 3}, marts={}, quarantine=0, sources={}, settings={}, extras={}, digests={})


def run(table, status="running"):
    return SyncRun(run_id="r1", source="crm", table=table, entity="owners", mode="full", status=status, started_at=NOON)


def test_the_migrations_make_what_the_models_say(engine):
    found = {t: {c["name"] for c in inspect(engine).get_columns(t)} for t in Base.metadata.tables}
    assert found == {name: {c.name for c in table.columns} for name, table in Base.metadata.tables.items()}


def test_migrating_twice_changes_nothing_and_keeps_rows(engine):
    ledger.publish(engine, made("a"), {}, NOON)
    database.migrate(engine)
    assert ledger.newest(engine).id == "a"


def test_a_database_moved_on_by_a_newer_program_is_refused(engine):
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(database.RecordsError, match=r"'9999'.*newer version"):
        database.migrate(engine)


def test_the_newest_snapshot_is_the_one_published_last_whatever_its_clock_says(engine):
    ledger.publish(engine, made("a", NOON), {}, NOON)
    ledger.publish(engine, made("b", NOON - dt.timedelta(days=1)), {}, NOON)
    assert ledger.newest(engine).id == "b"
    assert ledger.newest(engine).created_at == NOON - dt.timedelta(days=1)
    assert [s.id for s in ledger.snapshots(engine)] == ["a", "b"]


def test_pinned_and_forgotten_snapshots(engine):
    for id in "ab":
        ledger.publish(engine, made(id), {}, NOON)
    ledger.pin(engine, "a")
    ledger.forget(engine, ["b"])
    assert [(s.id, s.is_pinned) for s in ledger.snapshots(engine)] == [("a", True)]


def test_runs_that_never_ended_are_marked_killed(engine):
    ledger.start(engine, run("owners"))
    number = ledger.start(engine, run("deals"))
    ledger.publish(engine, None, {number: {"status": "ok", "n_read": 7}}, NOON)
    assert ledger.abandon(engine, NOON) == 1
    assert {key: r.status for key, r in ledger.last_runs(engine).items()} == {("crm", "owners"): "killed", ("crm", "deals"): "ok"}
    assert list(ledger.last_runs(engine, status="ok")) == [("crm", "deals")]


def test_a_naive_instant_is_refused(engine):
    with pytest.raises(Exception, match="has no zone"):
        ledger.publish(engine, made("a", dt.datetime(2026, 1, 1)), {}, NOON)


def test_looking_at_an_empty_place_creates_nothing(tmp_path):
    assert not database.exists(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_url_comes_from_the_argument_then_the_environment_then_the_data_directory(tmp_path, monkeypatch):
    assert database.location(tmp_path) == f"sqlite:///{tmp_path.resolve()}/records.sqlite"
    monkeypatch.setenv("RAPPORT_RECORDS", "postgresql+psycopg://u@h/d")
    assert database.location(tmp_path) == "postgresql+psycopg://u@h/d"
    assert database.location(tmp_path, "sqlite:///x") == "sqlite:///x"


@pytest.mark.server
def test_the_records_may_live_in_postgresql(postgres_url, tmp_path, monkeypatch):
    """A database of its own for one data directory."""
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("create database records_test"))
    url = make_url(postgres_url).set(database="records_test").render_as_string(hide_password=False)
    monkeypatch.setenv("RAPPORT_RECORDS", url)
    company = Company(tmp_path)
    company.rows.append(customer(1))
    first = company.sync(now=NOON)
    assert (company.sync().is_published, company.stored(columns="source_id")) == (False, [("1",)])
    assert (store.latest(tmp_path).id, store.latest(tmp_path).created_at) == (first.snapshot, NOON)
    assert not (tmp_path / database.FILE).exists()
