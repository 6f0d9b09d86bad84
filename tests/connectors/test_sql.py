"""Databases, on real servers: both ways of reading give the same rows, and neither can write."""

import datetime as dt
import sqlite3
import threading
import time
from decimal import Decimal

import pyarrow as pa
import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from connectors import open_connector
from connectors.base import SourceError, Window
from connectors.database import DRIVERS
from connectors.sources import Source, Table, Unpivot
from connectors.sql import SqlConnector

UTC = dt.UTC
WAYS = ("scanner", "sqlalchemy")

TABLES = {
    "postgresql": """
        create table kinds (id int primary key, small smallint, big bigint, price numeric(12,2), open_ numeric, real_ real, double_ double precision,
            flag boolean, day date, naive timestamp, instant timestamptz, json_ jsonb, bytes_ bytea, uid uuid, list_ int[],
            name varchar(50), fixed char(5), clock time);
        insert into kinds values (1, 2, 9007199254740993, 1234567.89, 0.1234567891, 1.5, 0.1, true, '2026-02-28',
            '2026-02-28 23:59:59.123456', '2026-03-01 08:00:00+08', '{"a": "中文😀"}', '\\x00ff', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '{1,2}',
            '张伟 😀 100%% "q" ''x''', 'ab', '10:30');
        insert into kinds (id, price, day, naive, instant) values (2, 'NaN', 'infinity', '-infinity', 'infinity');
        insert into kinds (id) values (3)""",
    "mysql": """
        create table kinds (id int primary key, small tinyint(1), big bigint unsigned, price decimal(12,2), real_ float, double_ double,
            flag bit(8), day date, naive datetime(6), instant timestamp null, json_ json, bytes_ varbinary(10), pick enum('a','b'), year_ year,
            name varchar(50) character set utf8mb4, story longtext character set utf8mb4, clock time, blob_ blob);
        set sql_mode = '';
        set time_zone = '+08:00';
        insert into kinds values (1, 3, 18446744073709551615, 1234567.89, 1.5, 0.1, b'101', '2026-02-28', '2026-02-28 23:59:59.123456', '2026-03-01 08:00:00',
            '{"a": "中文😀"}', x'00ff', 'b', 2026, '张伟 😀 100%% "q" ''x''', '欧阳', '-30:00:00', x'00ff');
        insert into kinds (id, day, naive, instant) values (2, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00');
        insert into kinds (id) values (3)""",
    "sqlite": """
        create table kinds (id integer primary key, small tinyint, big bigint, price decimal(12,2), real_ real, mixed, flag boolean,
            day date, naive datetime, bad_day date, name varchar(50), code text, bytes_ blob);
        insert into kinds values (1, 2, 9007199254740993, 1234567.89, 0.1, 'abc', 1, '2026-02-28', '2026-02-28T23:59:59', '2026-02-31',
            '张伟 😀 100% "q" ''x''', '00123', x'00ff');
        insert into kinds (id, mixed, naive, bad_day, code) values (2, 7, '2026-01-01 10:00:00.5', '2026-01-01', 5);
        insert into kinds (id) values (3)""",
}
NAME = "张伟 😀 100% \"q\" 'x'"
ROWS = {  # the first row, as both ways give it
    "postgresql": {
        "id": 1, "small": 2, "big": 9007199254740993, "price": Decimal("1234567.89"), "open_": Decimal("0.1234567891"), "real_": 1.5, "double_": 0.1,
        "flag": True, "day": dt.date(2026, 2, 28), "naive": dt.datetime(2026, 2, 28, 23, 59, 59, 123456), "instant": dt.datetime(2026, 3, 1, tzinfo=UTC),
        "json_": '{"a": "中文😀"}', "bytes_": b"\x00\xff", "uid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "list_": "{1,2}",
        "name": NAME, "fixed": "ab", "clock": "10:30:00",
    },
    "mysql": {
        "id": 1, "small": 3, "big": Decimal(18446744073709551615), "price": Decimal("1234567.89"), "real_": 1.5, "double_": 0.1,
        "flag": 5, "day": dt.date(2026, 2, 28), "naive": dt.datetime(2026, 2, 28, 23, 59, 59, 123456), "instant": dt.datetime(2026, 3, 1, tzinfo=UTC),
        "json_": '{"a": "中文😀"}', "bytes_": b"\x00\xff", "pick": "b", "year_": 2026,
        "name": NAME, "story": "欧阳", "clock": "-30:00:00", "blob_": b"\x00\xff",
    },
    "sqlite": {
        "id": 1, "small": 2, "big": 9007199254740993, "price": 1234567.89, "real_": 0.1, "mixed": "abc", "flag": 1, "day": dt.date(2026, 2, 28),
        "naive": dt.datetime(2026, 2, 28, 23, 59, 59), "bad_day": "2026-02-31", "name": NAME, "code": "00123", "bytes_": b"\x00\xff",
    },
}  # fmt: skip


def run(url: str, script: str) -> None:
    parts = make_url(url)
    engine = create_engine(parts.set(drivername=DRIVERS.get(parts.drivername, parts.drivername)))
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def databases(request, tmp_path_factory):
    """Name → URL of the three databases, with the table `kinds`, and `moves` of 60,000 rows."""
    path = tmp_path_factory.mktemp("sqlite") / "erp.db"
    urls = {"sqlite": f"sqlite:///{path}"}
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLES["sqlite"])
        connection.execute("create table moves (id integer primary key, moved_at datetime, amount decimal(10,2), q1 text, q2 text)")
        start = dt.datetime(2026, 1, 1)
        connection.executemany("insert into moves values (?, ?, ?, 'a', null)", ((i, str(start + dt.timedelta(seconds=i)), i / 4) for i in range(1, 60_001)))
    urls["postgresql"] = request.getfixturevalue("postgres_url")
    run(urls["postgresql"], TABLES["postgresql"])
    run(
        urls["postgresql"],
        "create table moves as select i as id, timestamp '2026-01-01' + i * interval '1 second' as moved_at, "
        "(i / 4.0)::numeric(10,2) as amount, 'a' as q1, null::text as q2 from generate_series(1, 60000) i",
    )
    urls["mysql"] = request.getfixturevalue("mariadb_url")
    run(urls["mysql"], TABLES["mysql"])
    run(
        urls["mysql"],
        "create table moves as select cast(seq as signed) as id, timestamp '2026-01-01 00:00:00' + interval seq second as moved_at, "
        "cast(seq / 4.0 as decimal(10,2)) as amount, 'a' as q1, cast(null as char(5)) as q2 from seq_1_to_60000",
    )
    return urls


pytestmark = pytest.mark.server
KINDS = table = Table(name="invoices", entity="invoices", **{"from": "kinds"})
MOVES = Table(name="invoices", entity="invoices", incremental="moved_at", **{"from": "moves"})
both = pytest.mark.parametrize("way", WAYS)
every = pytest.mark.parametrize("backend", TABLES)


def connector(url: str, way: str | None = None, t: Table = KINDS, **more) -> SqlConnector:
    return SqlConnector(Source(name="erp", kind="sql", url=url, via=way, tables={t.name: t}, **more))


def read(url, way, t=KINDS, **options) -> list[dict]:
    c = connector(url, way, t)
    try:
        return [row for batch in c.read(t, **options) for row in batch.to_pylist()]
    finally:
        c.close()


@every
@both
def test_every_type_arrives(databases, backend, way):
    first, odd, nulls = read(databases[backend], way)
    assert first == ROWS[backend] | {"row_number": 1}
    assert all(value is None for name, value in nulls.items() if name not in ("id", "row_number"))
    assert all(odd[name] is None for name in ("day", "instant", "price") if name in odd and backend != "sqlite")


@every
def test_both_ways_give_the_same_rows_and_types(databases, backend):
    for t in (KINDS, MOVES, Table(name="invoices", query="select id, max(id) over () as most, 'x' as word from kinds where id < 3 -- all", columns={})):
        tables = [pa.Table.from_batches(connector(databases[backend], way, t).read(t)) for way in WAYS]
        schemas = [connector(databases[backend], way, t).schema(t) for way in WAYS]
        assert tables[0].sort_by("id").drop(["row_number"]).equals(tables[1].sort_by("id").drop(["row_number"]))
        assert schemas[0].equals(schemas[1], check_metadata=True)
        assert all(schemas[0].equals(found.schema, check_metadata=True) for found in tables)


@every
@both
def test_a_window_is_half_open_ordered_and_keeps_rows_without_a_cursor(databases, backend, way):
    window = Window(dt.datetime(2026, 1, 1, 0, 1), dt.datetime(2026, 1, 1, 0, 2))
    rows = read(databases[backend], way, MOVES, window=window, columns=["ID"])
    assert [row["id"] for row in rows] == list(range(60, 120))
    assert list(rows[0]) == ["id", "_cursor", "row_number"]
    unset = MOVES.model_copy(update={"incremental": "case when id > 3 then moved_at end"})
    assert {row["id"] for row in read(databases[backend], way, unset, window=window)} == {1, 2, 3, *range(60, 120)}


@every
@both
def test_a_window_with_a_zone_is_put_into_the_sources_own(databases, backend, way):
    start = dt.datetime(2025, 12, 31, 16, 1, tzinfo=UTC)  # 00:01 in Shanghai
    c = SqlConnector(Source(name="erp", kind="sql", url=databases[backend], via=way), zone="Asia/Shanghai")
    rows = [row["id"] for batch in c.read(MOVES, window=Window(start, start + dt.timedelta(seconds=3))) for row in batch.to_pylist()]
    assert rows == [60, 61, 62]


INSTANTS = ("2026-01-01", "2026-01-01T10:00:00", "2026-01-01 10:00:00.5", "2026-01-02")  # as one column of SQLite may spell them
BOUNDS = [  # start, end, which of INSTANTS
    (dt.datetime(2026, 1, 1), None, [1, 2, 3, 4]),
    (dt.datetime(2026, 1, 1, 10), dt.datetime(2026, 1, 2), [2, 3]),
    (dt.datetime(2026, 1, 1, 10, 0, 0, 500000), None, [3, 4]),
    (None, dt.datetime(2026, 1, 1, 10, 0, 0, 500000), [1, 2]),
    (dt.datetime(2026, 1, 1, 10, 0, 0, 1), None, [3, 4]),
    (dt.date(2026, 1, 1), dt.date(2026, 1, 2), [1, 2, 3]),
]


@pytest.mark.parametrize(("start", "end", "expected"), BOUNDS)
def test_a_window_over_the_texts_of_sqlite(tmp_path, start, end, expected):
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("create table t (id integer, at_ datetime)")
        connection.executemany("insert into t values (?, ?)", enumerate(INSTANTS, 1))
    t = Table(name="invoices", incremental="at_", **{"from": "t"})
    assert [row["id"] for row in read(f"sqlite:///{tmp_path}/t.db", None, t, window=Window(start, end))] == expected


@every
@both
def test_a_cursor_of_numbers(databases, backend, way):
    t = MOVES.model_copy(update={"incremental": "coalesce(id, 0)"})
    rows = read(databases[backend], way, t, window=Window(59_999, dt.datetime(2030, 1, 1)))  # an instant bounds no number
    assert [(row["id"], row["_cursor"]) for row in rows] == [(59_999, 59_999), (60_000, 60_000)]


@every
@both
def test_our_own_where_unpivot_and_pruning(databases, backend, way):
    t = Table(name="answers", **{"from": "moves"}, where="amount < 1 and value is not null", unpivot=Unpivot(columns=["q1", "q2"]))
    assert read(databases[backend], way, t, columns=["id", "value"]) == [{"id": i, "value": "a", "row_number": i, "_fault": None} for i in (1, 2, 3)]


@every
@both
def test_batches_are_bounded_and_numbered(databases, backend, way):
    t = Table(name="invoices", **{"from": "moves"})
    batches = list(connector(databases[backend], way, t).read(t))
    assert max(batch.num_rows for batch in batches) <= 50_000
    assert [n for batch in batches for n in batch["row_number"].to_pylist()] == list(range(1, 60_001))


@every
@both
def test_a_read_can_be_left_and_cancelled(databases, backend, way):
    from connectors.base import Cancelled

    t = Table(name="invoices", **{"from": "moves"})
    reading = connector(databases[backend], way, t).read(t)
    next(reading)
    reading.close()
    cancel = threading.Event()
    reading = connector(databases[backend], way, t).read(t, cancel=cancel)
    next(reading)
    cancel.set()
    with pytest.raises(Cancelled):
        list(reading)


WRITES = ("insert into kinds (id) values (99)", "delete from kinds", "update kinds set id = 98 where id = 1", "create table evil (a int)", "drop table kinds")


@every
def test_no_connection_of_ours_can_write(databases, backend):
    c = connector(databases[backend])
    for statement in WRITES:
        with pytest.raises(Exception, match=r"(?i)read.?only|readonly"), c._connected() as connection:
            connection.exec_driver_sql(statement)
        engine = c._attached()
        with pytest.raises(Exception, match=r"(?i)read.?only|select|syntax|no fields|return"):
            engine.execute(f"select * from {c._dialect.scanner.removesuffix('_scanner')}_query('src', '{statement}')").fetchall()
        with pytest.raises(Exception, match=r"(?i)read.?only|does not exist"):
            engine.execute("delete from src.kinds")
    assert [row["id"] for row in read(databases[backend], None)] == [1, 2, 3]


@pytest.mark.parametrize(
    "query",
    ["delete from kinds", "select 1; drop table kinds", "with x as (delete from kinds returning *) select * from x", "select * into evil from kinds", ""],
)
def test_a_query_that_is_no_select_is_refused_before_it_is_sent(databases, query):
    with pytest.raises(SourceError, match=r"erp\.invoices: the query"):
        read(databases["sqlite"], None, Table(name="invoices", query=query or " "))


def faults(url, t=KINDS, **more) -> str:
    return " / ".join(f.text for f in connector(url, None, t, retries=0, timeout=5, **more).check() if f.level == "fault")


@every
def test_a_table_that_is_not_there_names_the_nearest(databases, backend):
    assert "there is no table or view 'kind'; did you mean kinds?" in faults(databases[backend], Table(name="invoices", **{"from": "kind"}))


@every
def test_a_table_name_in_another_case_is_found(databases, backend):
    assert len(read(databases[backend], None, Table(name="invoices", **{"from": "KINDS"}))) == 3


@pytest.mark.parametrize(("backend", "schema"), [("postgresql", "public"), ("mysql", "rapport"), ("sqlite", "main")])
def test_a_table_with_its_schema(databases, backend, schema):
    assert len(read(databases[backend], None, Table(name="invoices", **{"from": f"{schema}.kinds"}))) == 3
    assert "there is no schema 'nowhere'" in faults(databases[backend], Table(name="invoices", **{"from": "nowhere.kinds"}))


ABSENT = [
    ({"query": "select nothing from kinds"}, "nothing"),
    ({"from": "kinds", "incremental": "nothing"}, "nothing"),
    ({"from": "kinds", "where": "nam = 'x'"}, "did you mean name"),
]


@every
@pytest.mark.parametrize(("more", "words"), ABSENT)
def test_a_column_that_is_not_there(databases, backend, more, words):
    t = Table(name="invoices", **more)
    with pytest.raises(SourceError, match=rf"erp\.invoices.*{words}"):
        read(databases[backend], None, t)


BAD = [  # backend, change of the URL, words
    ("postgresql", {"password": "wrong-geheim"}, "user or password are wrong"),
    ("mysql", {"password": "wrong-geheim"}, "user or password are wrong"),
    ("postgresql", {"database": "erpp"}, "has no database 'erpp'"),
    ("mysql", {"database": "erpp"}, "has no database 'erpp'"),
    ("postgresql", {"port": 1}, "nothing listens at 127.0.0.1:1"),
    ("mysql", {"port": 1}, "nothing listens at 127.0.0.1:1"),
    ("postgresql", {"host": "erp.invalid"}, "the host 'erp.invalid' is not known"),
    ("mysql", {"host": "erp.invalid"}, "the host 'erp.invalid' is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("backend", "change", "words"), BAD)
def test_a_connection_that_fails_says_why_and_tells_no_secret(databases, backend, change, words):
    url = make_url(databases[backend]).set(**change)
    said = faults(url.render_as_string(hide_password=False))
    assert words in said
    assert url.password not in said
    c = connector(url.render_as_string(hide_password=False), retries=0)
    with pytest.raises(SourceError) as caught:
        c._attached().execute("select * from src.kinds")
    assert url.password not in str(caught.value)
    assert url.password not in repr(c.source)


def test_a_missing_database_file_and_a_file_that_is_none(tmp_path):
    assert f"there is no database file '{tmp_path}/no.db'" in faults(f"sqlite:///{tmp_path}/no.db")
    (tmp_path / "text.db").write_text("not a database" * 100)
    assert "is not an SQLite database" in faults(f"sqlite:///{tmp_path}/text.db")


def test_a_driver_that_is_not_installed():
    with pytest.raises(SourceError, match="needs a Python package that is not installed"):
        connector("mssql+pyodbc://reader@erp/db")


@every
def test_check_says_what_was_reached_and_that_a_table_is_empty(databases, backend):
    run(databases[backend], "create table if not exists nobody (id int, name varchar(5))")
    t = Table(name="customers", **{"from": "nobody"})
    findings = connector(databases[backend], None, t).check()
    assert [f.level for f in findings] == ["ok", "warning", "ok"]
    assert f"reached {make_url(databases[backend]).get_backend_name()}" in findings[0].text
    assert "the source is empty" in findings[1].text
    assert read(databases[backend], "scanner", t) == read(databases[backend], "sqlalchemy", t) == []


SLEEPS = {"postgresql": "select pg_sleep(30) as x, 1 as y", "mysql": "select sleep(30) as x"}


@pytest.mark.parametrize("backend", SLEEPS)
@both
def test_a_source_that_gives_nothing_is_given_up(databases, backend, way):
    t = Table(name="invoices", query=SLEEPS[backend])
    c = connector(databases[backend], way, t, timeout=1, retries=0)
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"erp\.invoices: .*(no row came for 1 seconds|longer than timeout = 1|timed out|does not answer)"):
        list(c.read(t))
    assert time.monotonic() - began < 15
    if backend == "postgresql":  # and the statement does not go on in the database
        with c._connected() as connection:
            running = "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid()"
            assert connection.exec_driver_sql(running.replace("%", "%%")).scalar() == 0


def test_connecting_is_tried_again(databases, monkeypatch):
    from sqlalchemy.exc import OperationalError

    c = connector(databases["sqlite"], retries=2)
    calls, real = [], c._engine.connect

    def shaky():
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError("", None, Exception("Connection refused"))
        return real()

    monkeypatch.setattr(c._engine, "connect", shaky)
    assert len(list(c.read(KINDS))) == 1
    assert len(calls) == 3  # two failures, then the types; the rows come through the scanner


def test_every_other_database_is_read_by_the_types_of_its_values(databases, monkeypatch):
    from connectors import dialects, sql

    monkeypatch.setattr(sql, "dialect", lambda backend: dialects.Dialect())
    first = read(databases["sqlite"], None, Table(name="invoices", query="select id, price, name, code, flag from kinds"))[0]
    assert first == {"id": 1, "price": 1234567.89, "name": NAME, "code": "00123", "flag": 1, "row_number": 1}


def test_through_the_common_door(databases):
    t = KINDS
    c = open_connector(Source(name="erp", kind="sql", url=databases["sqlite"], tables={"invoices": t}))
    assert sum(batch.num_rows for batch in c.read(t)) == 3
    c.close()
    c.close()
