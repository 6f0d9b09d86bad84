"""What holds for every connector: the same small table, read from each kind of source, behaves the same."""

import datetime as dt
import json
import sqlite3
import threading
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from connectors import CONNECTORS, open_connector
from connectors.base import BATCH_ROWS, CURSOR, FAULT, ROW_NUMBER, Cancelled, SourceError, Window
from connectors.mapping import Mapper
from connectors.sources import Source, Table, read_as
from tests.connectors.test_sql import run

N = 120  # rows
LARGE = BATCH_ROWS + 7
NAMES = ("id", "code", "name", "moved_on", "amount")
COLUMNS = {
    "invoice_line_id": "id", "invoice_id": "code", "customer_id": "name", "issued_on": "moved_on", "amount": "amount", "currency": "'CNY'",
}  # fmt: skip
START = dt.date(2026, 1, 1)


def rows(n: int = N) -> list[tuple]:
    """(id, code with zeros in front, name, day, amount); every tenth has no name."""
    return [(i, f"{i:06}", None if i % 10 == 0 else f"客户 {i % 7}", START + dt.timedelta(days=i % 100), i / 4) for i in range(1, n + 1)]


def csv_file(folder, n):
    lines = ["id,code,name,moved_on,amount", *(",".join("" if v is None else str(v) for v in row) for row in rows(n))]
    (folder / "t.csv").write_text("\n".join(lines))
    return {"kind": "files", "path": str(folder)}, {"from": "t.csv"}


def csv_mended(folder, n):
    """A file in columns of spaces is read record by record."""
    lines = [" ".join("-" if v is None else str(v).replace(" ", "_") for v in row) for row in rows(n)]
    (folder / "t.txt").write_text("\n".join(lines))
    read = {"delimiter": " ", "names": list(NAMES), "header": False, "nulls": ["-"]}
    return {"kind": "files", "path": str(folder)}, {"from": "t.txt", "read": read, "query": "select * replace (replace(name, '_', ' ') as name) from source"}


def json_lines(folder, n):
    (folder / "t.jsonl").write_text("\n".join(json.dumps(dict(zip(NAMES, row, strict=True)), default=str) for row in rows(n)))
    return {"kind": "files", "path": str(folder)}, {"from": "t.jsonl"}


def parquet(folder, n):
    pq.write_table(pa.table([list(c) for c in zip(*rows(n), strict=True)], NAMES), folder / "t.parquet")
    return {"kind": "files", "path": str(folder)}, {"from": "t.parquet"}


def excel(folder, n):
    book = xlsxwriter.Workbook(folder / "t.xlsx", {"default_date_format": "yyyy-mm-dd", "constant_memory": True})
    sheet = book.add_worksheet()
    for i, row in enumerate([NAMES, *rows(n)]):
        sheet.write_row(i, 0, row)
    book.close()
    return {"kind": "files", "path": str(folder)}, {"from": "t.xlsx"}


def inline(folder, n):
    return {"kind": "files", "path": str(folder)}, {"rows": [dict(zip(NAMES, row, strict=True)) for row in rows(n)]}


def sqlite(folder, n):
    with closing(sqlite3.connect(folder / "t.db")) as connection:
        connection.execute("create table t (id integer, code text, name text, moved_on date, amount decimal(12,2))")
        connection.executemany("insert into t values (?, ?, ?, ?, ?)", ((*row[:3], str(row[3]), row[4]) for row in rows(n)))
        connection.commit()
    return {"kind": "sql", "url": f"sqlite:///{folder}/t.db"}, {"from": "t"}


def demo(folder):
    """A folder that holds a demo company already: two databases, a folder of surveys, and the note that it is finished."""
    (folder / "surveys").mkdir(exist_ok=True)
    for system in ("crm", "erp"):
        sqlite3.connect(folder / f"{system}.sqlite").close()
    (folder / "truth.json").write_text('{"seed": 7, "until": "2026-10", "scale": 1.0}')
    return {"kind": "demo", "path": str(folder)}


def demo_table(folder, n):
    _, table = sqlite(folder, n)
    source = demo(folder)
    (folder / "t.db").replace(folder / "erp.sqlite")
    return source, table


def demo_file(folder, n):
    source = demo(folder)
    _, table = csv_file(folder / "surveys", n)
    return source, table


def server(statement):
    def made(url, n):
        name = f"t{n}"
        run(url, f"create table if not exists {name} as " + statement.format(n=n))
        return {"kind": "sql", "url": url}, {"from": name}

    return made


postgres = server(
    "select i as id, lpad(i::text, 6, '0') as code, case when mod(i, 10) > 0 then '客户 ' || mod(i, 7) end as name, "
    "date '2026-01-01' + mod(i, 100) as moved_on, "
    "(i / 4.0)::numeric(12, 2) as amount from generate_series(1, {n}) i"
)
mariadb = server(
    "select cast(seq as signed) as id, lpad(seq, 6, '0') as code, case when seq mod 10 > 0 then concat('客户 ', seq mod 7) end as name, "
    "date '2026-01-01' + interval seq mod 100 day as moved_on, cast(seq / 4 as decimal(12, 2)) as amount from seq_1_to_{n}"
)

MAKERS = {
    "csv": csv_file, "spaces": csv_mended, "json": json_lines, "parquet": parquet, "excel": excel, "rows": inline,
    "demo": demo_table, "demo_alchemy": demo_table, "demo_file": demo_file, "sqlite": sqlite, "sqlite_alchemy": sqlite,
    "postgres": postgres, "postgres_alchemy": postgres, "mariadb": mariadb, "mariadb_alchemy": mariadb,
}  # fmt: skip
SERVERS = {"postgres": "postgres_url", "mariadb": "mariadb_url"}
every = pytest.mark.parametrize("kind", MAKERS)


@pytest.fixture
def made(tmp_path, request):
    """(kind, n) → a connector over n rows and its table; closed at the end."""
    opened = []

    def make(kind: str, n: int = N, **more):
        place = request.getfixturevalue(SERVERS[kind.split("_")[0]]) if kind.split("_")[0] in SERVERS else tmp_path
        source, table = MAKERS[kind](place, n)
        table = Table(name="invoices", entity="invoices", **{"columns": COLUMNS} | table | more)
        via = "sqlalchemy" if kind.endswith("_alchemy") else None
        opened.append(open_connector(Source(name="erp", via=via, tables={"invoices": table}, **source)))
        return opened[-1], table

    yield make
    for connector in opened:
        connector.close()


def all_rows(connector, table, **what) -> list[dict]:
    return [row for batch in connector.read(table, **what) for row in batch.to_pylist()]


@every
def test_the_same_table_gives_the_same_rows(made, kind):
    connector, table = made(kind)
    found = sorted((r["id"], r["code"], r["name"], r["moved_on"], float(r["amount"])) for r in all_rows(connector, table))
    assert found == rows()


@every
def test_and_the_same_rows_of_the_contract(made, kind):
    connector, table = made(kind)
    mapper = Mapper(connector.source, table, {"erp"}, "Asia/Shanghai")
    mapped = pa.concat_tables([mapper.map(batch) for batch in connector.read(table)]).sort_by("_row").drop(["_raw"])
    assert mapper.check(connector.schema(table)) == []
    expected = [("erp:1", "erp:000001", "erp:客户 1", dt.date(2026, 1, 2), "0.2500"), ("erp:2", "erp:000002", "erp:客户 2", dt.date(2026, 1, 3), "0.5000")]
    first = sorted(mapped.to_pylist(), key=lambda row: int(row["source_id"]))[:2]
    assert [(r["invoice_line_id"], r["invoice_id"], r["customer_id"], r["issued_on"], str(r["amount"])) for r in first] == expected
    assert [fault for row in mapped["_faults"].to_pylist() for fault in row] == []


@every
def test_schema_is_what_read_gives(made, kind):
    connector, table = made(kind, incremental="moved_on")
    schema = connector.schema(table)
    assert all(batch.schema.equals(schema, check_metadata=True) for batch in connector.read(table))
    assert {ROW_NUMBER, CURSOR, *NAMES} <= set(schema.names) <= {ROW_NUMBER, CURSOR, FAULT, *NAMES}


@every
def test_columns_are_pruned_in_any_case(made, kind):
    connector, table = made(kind, where="amount > 2 and name is not null")
    found = all_rows(connector, table, columns=["ID"])
    assert set(found[0]) - {FAULT} == {"id", ROW_NUMBER}
    assert sorted(r["id"] for r in found) == [i for i in range(9, N + 1) if i % 10]
    with pytest.raises(SourceError, match="there is no column 'nome'; did you mean name"):
        all_rows(connector, table, columns=["nome"])


@every
def test_a_window_is_respected(made, kind):
    connector, table = made(kind, incremental="moved_on")
    found = all_rows(connector, table, window=Window(dt.date(2026, 1, 10), dt.date(2026, 1, 12)))
    assert sorted(r["id"] for r in found) == [9, 10, 109, 110]
    assert len(all_rows(connector, table, window=Window())) == N
    instants = Window(dt.datetime(2026, 1, 10, tzinfo=dt.UTC), None)
    assert len(all_rows(connector, table, window=instants)) == N - 8 - 9  # of 1 to 9 January are 1–8 and 100–108


@every
def test_row_numbers_count_from_one(made, kind):
    connector, table = made(kind)
    assert [r[ROW_NUMBER] for r in all_rows(connector, table)] == list(range(1, N + 1))


@pytest.mark.slow
@every
def test_batches_are_bounded_and_a_read_can_be_cancelled(made, kind):
    connector, table = made(kind, LARGE)
    sizes = [batch.num_rows for batch in connector.read(table)]
    assert sum(sizes) == LARGE
    assert min(sizes) > 0 and max(sizes) <= BATCH_ROWS
    cancel = threading.Event()
    reading = connector.read(table, cancel=cancel)
    next(reading)
    cancel.set()
    with pytest.raises(Cancelled):
        list(reading)


@every
def test_check_reports_and_never_raises(made, kind):
    connector, table = made(kind)
    assert all(finding.level == "ok" for finding in connector.check())
    if table.from_:
        broken = table.model_copy(update={"from_": "nothing_of_the_kind", "query": None})
        again = open_connector(connector.source.model_copy(update={"tables": {"invoices": broken}}))
        assert [f.where for f in again.check() if f.level == "fault"] == ["erp.invoices"]
        again.close()


@every
def test_closing_twice_is_fine_and_two_reads_at_once_too(made, kind):
    connector, table = made(kind)
    first, second = connector.read(table), connector.read(table)
    assert next(first).num_rows == next(second).num_rows == N
    connector.close()
    connector.close()


@every
def test_a_query_gives_a_tables_own_rows(made, kind):
    connector, table = made(kind)
    if table.from_ is None:
        pytest.skip("rows in place need no query")
    name = "source" if read_as(connector.source.kind, table.from_) == "files" else table.from_
    queried = table.model_copy(update={"query": f"select id, amount from {name} where id <= 3 order by id", "from_": table.from_ if name == "source" else None})
    assert [(r["id"], float(r["amount"])) for r in all_rows(connector, queried)] == [(1, 0.25), (2, 0.5), (3, 0.75)]


def test_every_kind_of_connector_is_in_this_test():
    assert {"files", "sql", "demo"} == set(CONNECTORS)


def test_a_kind_that_is_not_there_yet_says_so():
    with pytest.raises(SourceError, match="kind 'hubspot' is not available in this version; available are files, sql, demo"):
        open_connector(Source(name="crm", kind="hubspot", tables={"deals": Table()}))
    assert open_connector(Source(name="crm", kind="hubspot", tables={"deals": Table(rows=[])})).check()[0].level == "warning"
