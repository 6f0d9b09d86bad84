"""Files as companies have them: any delimiter and encoding, broken lines, late surprises; nothing lost, nothing guessed."""

import datetime as dt
import gzip
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from connectors import open_connector
from connectors.base import SourceError, Window
from connectors.mapping import Mapper
from connectors.sources import Reading, Source, Table, Unpivot

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def table(wanted="t.csv", **more) -> Table:
    more = {"name": "invoices", "entity": "invoices"} | more
    return Table(**{"from": wanted}, **more)


def opened(folder, t: Table):
    return open_connector(Source(name="shop", kind="files", path=str(folder), tables={t.name: t}))


def read(folder, t: Table | None = None, **options) -> list[dict]:
    t = t or table()
    connector = opened(folder, t)
    rows = [row for batch in connector.read(t, **options) for row in batch.to_pylist()]
    connector.close()
    return rows


def write(folder, text, encoding="utf-8", name="t.csv") -> None:
    (folder / name).write_bytes(text.encode(encoding))


def said(folder, t: Table | None = None) -> str:
    return " / ".join(f"{f.level}: {f.text}" for f in opened(folder, t or table()).check())


TEXTS = [  # encoding as written, a text, what check calls it
    ("utf-8", "客户;金额\n张伟;12,50\n", "UTF-8,"),
    ("utf-8-sig", "客户;金额\n张伟;12,50\n", "UTF-8 with a mark (BOM)"),
    ("gb18030", "客户;金额\n张伟;12,50\n欧阳娜娜（北京）有限公司;3\n", "GB18030"),
    ("latin-1", "Kunde;Ort\nMüller & Söhne;Köln\nCafé Noël;Zürich\n", "Latin-1"),
    ("utf-16", "客户;金额\n张伟;12,50\n", "UTF-16"),
    ("utf-16-le", "name;place\nMüller;Köln\n" * 20, "UTF-16"),
]


@pytest.mark.parametrize(("encoding", "text", "name"), TEXTS)
def test_the_encoding_is_found_and_shown(tmp_path, encoding, text, name):
    write(tmp_path, text, encoding)
    header, first = (line.split(";") for line in text.splitlines()[:2])
    row = read(tmp_path)[0]
    assert [row[column] for column in header] == first
    assert f"ok: t.csv: {name}" in said(tmp_path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_shown(tmp_path, delimiter):
    write(tmp_path, delimiter.join(["id", "note", "n"]) + "\r\n" + delimiter.join(["1", f'"a{delimiter}b ""q""\nc"', "2.5"]) + "\r\n")
    assert read(tmp_path) == [{"id": 1, "note": f'a{delimiter}b "q"\nc', "n": Decimal("2.5"), "row_number": 1}]
    name = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[delimiter]
    assert f"separated by {name}, with a header, 3 columns" in said(tmp_path)


def test_columns_of_spaces_without_a_header(tmp_path):
    write(tmp_path, " 00004 0001 19970101  2   29.33\n 00004 0001 19970118  2   29.73\n", name="t.txt")
    t = table("t.txt", read=Reading(names=["customer", "sampled", "day", "n", "amount"]))
    first = read(tmp_path, t)[0]
    assert (first["customer"], first["day"], first["amount"]) == ("00004", 19970101, Decimal("29.33"))
    assert "separated by spaces, without a header, 5 columns" in said(tmp_path, t)


OVERRIDES = [  # read = {…}, text, rows without row_number
    ({"delimiter": ";"}, "a;b,c\n1;2,3\n", [{"a": 1, "b,c": "2,3"}]),
    ({"header": False}, "a,b\n1,2\n", [{"column1": "a", "column2": "b"}, {"column1": "1", "column2": "2"}]),
    ({"header": True}, "2019,2020\n1,2\n", [{"2019": 1, "2020": 2}]),
    ({"names": ["x", "y"], "header": True}, "a,b\n1,2\n", [{"x": 1, "y": 2}]),
    ({"skip": 2}, "Report\nof today\na,b\n1,2\n", [{"a": 1, "b": 2}]),
    ({"nulls": ["NA", "-"]}, "a,b\n1,NA\n-,2.5\n", [{"a": 1, "b": None}, {"a": None, "b": Decimal("2.5")}]),
    ({"quote": ""}, 'a,b\n1,5" pipe\n', [{"a": 1, "b": '5" pipe'}]),
    ({"encoding": "gb18030"}, "a,b\n1,x\n", [{"a": 1, "b": "x"}]),
]


@pytest.mark.parametrize(("options", "text", "expected"), OVERRIDES)
def test_read_overrides_what_is_found(tmp_path, options, text, expected):
    write(tmp_path, text)
    rows = read(tmp_path, table(read=Reading(**options)))
    assert [{k: v for k, v in row.items() if k not in ("row_number", "_fault")} for row in rows] == expected


TYPES = [  # the cells of a column, what they become
    (["1", "-20"], [1, -20]),
    (["00123", "4567"], ["00123", "4567"]),
    (["1.50", "22"], [Decimal("1.50"), Decimal("22.00")]),
    (["17850.0", ""], [Decimal("17850.0"), None]),
    (["1,234.50", "99.00"], ["1,234.50", "99.00"]),
    (["+4912", "4912"], ["+4912", "4912"]),
    (["1e-3", "2.5"], [0.001, 2.5]),
    (["True", "false"], [True, False]),
    (["2026-01-31", "2025/12/01"], [dt.date(2026, 1, 31), dt.date(2025, 12, 1)]),
    (["2026-01-31", "2026-02-31"], ["2026-01-31", "2026-02-31"]),
    (["2026-01-31 10:00:00", "2026-02-01"], [dt.datetime(2026, 1, 31, 10), dt.datetime(2026, 2, 1)]),
    (["2026-01-31T10:00:00Z", "2026-01-31 10:00:00+08:00"], [dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC), dt.datetime(2026, 1, 31, 2, tzinfo=dt.UTC)]),
    (["31.12.2026", "1.1.2026"], ["31.12.2026", "1.1.2026"]),
    (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
    (["", ""], [None, None]),
    (["  a ", "b"], ["a", "b"]),
    (["n/a", "7"], ["n/a", "7"]),
]


@pytest.mark.parametrize(("cells", "expected"), TYPES)
def test_types_lose_nothing(tmp_path, cells, expected):
    write(tmp_path, "k,v\n" + "".join(f'x,"{cell}"\n' for cell in cells))
    assert [row["v"] for row in read(tmp_path)] == expected


LATE = [("7", "007"), ("7", "+7"), ("7", "1_000"), ("1.5", "01.5"), ("2026-01-01", "2026-02-31"), ("true", "yes"), ("7", "12345678901234567890")]


@pytest.mark.parametrize(("usual", "late"), LATE)
def test_a_late_value_is_kept_as_it_is_written(tmp_path, usual, late):
    write(tmp_path, "k,v\n" + f"x,{usual}\n" * 2_000 + f"x,{late}\n")
    values = [row["v"] for row in read(tmp_path)]
    assert (values[0], values[-1]) == (usual, late)


def test_a_late_value_that_does_not_fit_makes_the_column_text_and_calculation_still_works(tmp_path):
    n = 30_000  # further down than any sample
    write(tmp_path, "q,price\n" + "2,1.50\n" * n + '2,"1,200.00"\n2,free\n')
    t = table(columns={"amount": "q * price"})
    connector = opened(tmp_path, t)
    mapped = pa.concat_tables([Mapper(connector.source, t, set(), "UTC").map(batch) for batch in connector.read(t)])
    assert mapped["amount"].to_pylist() == [Decimal("3.0000")] * n + [Decimal("2400.0000"), None]
    assert mapped["_faults"].to_pylist()[-1] == ["amount: q * price cannot be computed from q '2', price 'free'"]


def test_rows_keep_their_number_before_where(tmp_path):
    write(tmp_path, "a\n1\n2\n3\n4\n")
    assert [(r["a"], r["row_number"]) for r in read(tmp_path, table(where="a % 2 = 0"))] == [(2, 2), (4, 4)]


def test_row_numbers_follow_the_file_however_many_rows(tmp_path):
    n = 200_000
    write(tmp_path, "a\n" + "\n".join(map(str, range(1, n + 1))))
    assert all(row["a"] == row["row_number"] for row in read(tmp_path))


def test_several_files_are_one_table_sorted_by_name_and_joined_by_column(tmp_path):
    write(tmp_path, "b,A\nx,3\n", name="2026-02.csv")
    write(tmp_path, "a,b\n1,x\n2,y\n", name="2026-01.csv")
    rows = read(tmp_path, table("2026-*.csv"))
    assert [(row["a"], row["b"], row["row_number"]) for row in rows] == [(1, "x", 1), (2, "y", 2), (3, "x", 3)]


def test_a_wide_survey_becomes_one_row_per_answer(tmp_path):
    write(tmp_path, "id,region,Q1,Q2\n1,北京,5,\n2,Paris,x,4\n")
    t = table(unpivot=Unpivot(columns=["q1", "Q2"]), where="region = 'Paris' or question = 'Q1'")
    found = [(r["id"], r["region"], r["question"], r["value"], r["row_number"]) for r in read(tmp_path, t)]
    assert found == [(1, "北京", "Q1", "5", 1), (2, "Paris", "Q1", "x", 2), (2, "Paris", "Q2", "4", 2)]


def test_a_query_over_the_file(tmp_path):
    write(tmp_path, "order,amount\nA,1.5\nB,2\nA,3\n")
    t = table(query='with sums as (select "order", sum(amount) as total from source group by 1) select * from sums order by 1')
    assert read(tmp_path, t) == [{"order": "A", "total": Decimal("4.5"), "row_number": 1}, {"order": "B", "total": Decimal("2.0"), "row_number": 2}]


@pytest.mark.parametrize(
    "query",
    ["select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", "select 1; select 2", "copy source to '/tmp/x'", "select * from duckdb_secrets()",
     "select * from source where now() > a", "select * from other", "select (select content from read_text('/etc/hostname'))", "drop table source"],
)  # fmt: skip
def test_a_query_reaches_nothing_but_its_files(tmp_path, query):
    write(tmp_path, "a\n1\n")
    with pytest.raises(SourceError, match=r"shop\.invoices\.query: the query"):
        read(tmp_path, table(query=query))


def test_the_engine_opens_no_other_file(tmp_path):
    write(tmp_path, "a\n1\n")
    write(tmp_path, "a\n1\n", name="other.csv")
    t = table()
    connector = opened(tmp_path, t)
    list(connector.read(t))
    engine = connector._connector._opened["invoices"][1].engine
    with pytest.raises(Exception, match="Permission Error"):
        engine.execute(f"select * from read_csv('{tmp_path}/other.csv')")
    with pytest.raises(Exception, match="locked"):
        engine.execute("set enable_external_access = true")


def test_a_window_of_the_cursor(tmp_path):
    write(tmp_path, "id,moved\n1,2026-01-01 00:00:00\n2,2026-01-02 00:00:00\n3,2026-01-03 00:00:00\n4,\n")
    t = table(incremental="moved")
    window = Window(dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 3))
    rows = read(tmp_path, t, window=window)
    assert [(row["id"], row["_cursor"]) for row in rows] == [(2, dt.datetime(2026, 1, 2)), (4, None)]


BROKEN = [  # lines of the file, good rows, (row number, words) of each bad one
    (["a,b,c", "1,2,3", "4,5", "6,7,8"], 2, [(2, "line 3 has 2 cells where 3 were expected: 4 | 5")]),
    (["a,b,c", "1,2,3", "4,5,6,7", "6,7,8,"], 2, [(2, "line 3 has 4 cells where 3 were expected")]),
    (["a,b,c", "1,2,3", '4,"5,6', "7,8,9"], 2, [(2, "line 3 cannot be read")]),
    (["a,b,c", '1,"two', 'lines",3', '4,"x"y,6', "7,8,9", "1,2"], 2, [(2, "line 4 cannot be read"), (4, "line 6 has 2 cells")]),
    (["a,b,c", "1,2,3", "", "4,5,6", "7"], 2, [(3, "line 5 has 1 cells")]),
]


@pytest.mark.parametrize(("lines", "good", "bad"), BROKEN)
def test_a_file_broken_in_the_middle_keeps_its_good_rows_and_names_each_bad_line(tmp_path, lines, good, bad):
    write(tmp_path, "\n".join(lines))
    rows = read(tmp_path, table(where="a is not null"))
    assert sum(row["_fault"] is None for row in rows) == good
    faulty = [row for row in rows if row["_fault"]]
    assert [row["row_number"] for row in faulty] == [number for number, _ in bad]
    assert all(words in row["_fault"] for row, (_, words) in zip(faulty, bad, strict=True))
    assert f"{len(bad)} line" in said(tmp_path)


def test_bad_lines_survive_query_and_unpivot(tmp_path):
    write(tmp_path, "a,b\n1,2\n3\n5,6\n")
    assert [r["_fault"] is None for r in read(tmp_path, table(query="select a, b from source order by a"))] == [True, True, False]
    assert [r["_fault"] is None for r in read(tmp_path, table(unpivot=Unpivot(columns=["b"])))] == [True, True, False]


def test_a_where_that_fails_for_a_row_sends_it_on_with_the_reason(tmp_path):
    write(tmp_path, "a\n1\n2\nx\n")
    assert [(r["a"], r["_fault"]) for r in read(tmp_path, table(where="cast(a as integer) > 1"))] == [
        ("2", None), ("x", "where cast(a as integer) > 1 cannot be computed for this row")]  # fmt: skip


def test_a_file_that_is_broken_all_over_is_refused(tmp_path):
    write(tmp_path, "a,b\n1,2\n" + "3\n" * 20_000 + "4,5\n" * 30_000)
    with pytest.raises(SourceError, match=r"more than 10,000 lines cannot be read"):
        read(tmp_path)


def test_a_few_bytes_that_are_not_utf8_are_named_by_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(("名称\n" + "客户名称客户名称\n" * 50).encode() + b"\xff\xfe\n" + "客户\n".encode())
    with pytest.raises(SourceError, match="line 52 holds bytes that are not UTF-8"):
        read(tmp_path)


EMPTY = [("", "empty file"), ("a,b\n", "2 columns"), ("\n\n", "0 columns")]


@pytest.mark.parametrize(("text", "words"), EMPTY)
def test_an_empty_source_has_no_rows_and_says_so(tmp_path, text, words):
    write(tmp_path, text)
    assert read(tmp_path) == []
    assert words in said(tmp_path)
    assert "warning: the source is empty" in said(tmp_path)


def test_a_missing_file_names_what_is_there(tmp_path):
    write(tmp_path, "a\n1\n", name="orders.csv")
    with pytest.raises(SourceError, match=r"shop\.invoices: there is no file 'order\.csv' in .*; did you mean orders\.csv\?"):
        read(tmp_path, table("order.csv"))
    assert said(tmp_path, table("order.csv")).startswith("fault: ")


ABSENT = [
    (table(where="B > 1"), r"shop\.invoices\.where: there is no column 'B'; there is aa"),
    (table(incremental="aaa"), r"incremental: there is no column 'aaa'; did you mean aa\?"),
    (table(unpivot=Unpivot(columns=["Q1"])), r"unpivot: there is no column 'Q1'"),
    (table(query="select b from source"), r'shop\.invoices: .*"b" not found'),
]


@pytest.mark.parametrize(("t", "words"), ABSENT)
def test_a_column_that_is_not_there(tmp_path, t, words):
    write(tmp_path, "aa\n1\n")
    with pytest.raises(SourceError, match=words):
        read(tmp_path, t)


def test_headers_are_trimmed_and_unique(tmp_path):
    write(tmp_path, "id, Name,,NAME,row_number\n1,a,b,c,9\n")
    assert list(read(tmp_path)[0]) == ["id", "Name", "column3", "NAME_2", "row_number_2", "row_number"]


def test_a_file_that_changed_is_looked_at_again(tmp_path):
    write(tmp_path, "a\n1\n")
    t = table()
    connector = opened(tmp_path, t)
    assert [b.to_pylist()[0]["a"] for b in connector.read(t)] == [1]
    write(tmp_path, "a\nx\n")
    assert [b.to_pylist()[0]["a"] for b in connector.read(t)] == ["x"]


def excel(path: Path) -> None:
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    book.add_worksheet("Notes").write(0, 0, "nothing here")
    sheet = book.add_worksheet("2026")
    for i, row in enumerate([["id", "金额", "on", "ok"], ["00123", 2.5, dt.date(2026, 1, 31), True], ["00124", 1200, dt.date(2026, 2, 1), False]]):
        sheet.write_row(i, 0, row)
    book.close()


SHEETS = [("book.xlsx#2026", {}), ("book.xlsx", {"sheet": "2026"})]


@pytest.mark.parametrize(("wanted", "options"), SHEETS)
def test_a_sheet_of_a_workbook(tmp_path, wanted, options):
    excel(tmp_path / "book.xlsx")
    rows = read(tmp_path, table(wanted, read=Reading(**options)))
    assert rows == [
        {"id": "00123", "金额": Decimal("2.5"), "on": dt.date(2026, 1, 31), "ok": True, "row_number": 1},
        {"id": "00124", "金额": Decimal("1200.0"), "on": dt.date(2026, 2, 1), "ok": False, "row_number": 2},
    ]


def test_a_workbook_as_the_path_and_a_sheet_that_is_not_there(tmp_path):
    excel(tmp_path / "book.xlsx")
    assert len(read(tmp_path / "book.xlsx", table("2026"))) == 2
    with pytest.raises(SourceError, match=r"has no sheet '2025'; did you mean 2026\?; it has Notes, 2026"):
        read(tmp_path / "book.xlsx", table("2025"))
    (tmp_path / "no.xlsx").write_bytes(b"PK not really")
    with pytest.raises(SourceError, match="cannot be opened as a spreadsheet"):
        read(tmp_path, table("no.xlsx"))


def test_parquet(tmp_path):
    data = {"id": [1], "at": pa.array([0], pa.timestamp("ns")), "tags": [["a", "b"]], "big": pa.array([2**63], pa.uint64()), "n": pa.array([1], pa.int8())}
    pq.write_table(pa.table(data), tmp_path / "t.parquet")
    assert read(tmp_path, table("t.parquet")) == [{"id": 1, "at": dt.datetime(1970, 1, 1), "tags": '["a","b"]', "big": Decimal(2**63), "n": 1, "row_number": 1}]
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="cannot be opened as Parquet"):
        read(tmp_path, table("no.parquet"))


JSONS = [
    ("t.jsonl", '{"id": "007", "n": 1.5, "more": {"a": [1]}}\n{"id": "8", "late": true}\n'),
    ("t.json", '[{"id": "007", "n": 1.5, "more": {"a": [1]}},\n {"id": "8", "late": true}]'),
]


@pytest.mark.parametrize(("name", "text"), JSONS)
def test_json(tmp_path, name, text):
    write(tmp_path, text, name=name)
    first, second = read(tmp_path, table(name))
    assert first == {"id": "007", "n": Decimal("1.5"), "more": '{"a":[1]}', "late": None, "row_number": 1}
    assert second == {"id": "8", "n": None, "more": None, "late": True, "row_number": 2}


def test_a_bad_line_of_json_lines_is_named(tmp_path):
    write(tmp_path, '{"a": 1}\n{"a": \n[2]\n{"a": 3}\n', name="t.jsonl")
    rows = sorted(read(tmp_path, table("t.jsonl")), key=lambda row: row["row_number"])
    assert [(r["a"], (r["_fault"] or "")[:17]) for r in rows] == [(1, ""), (None, "line 2 is not JSO"), (None, "line 3 is not a J"), (3, "")]


def test_a_compressed_file_is_not_taken_for_text(tmp_path):
    buffer = io.BytesIO()
    gzip.GzipFile(fileobj=buffer, mode="wb").write(b"a,b\n1,2\n" * 100)
    (tmp_path / "t.csv").write_bytes(buffer.getvalue())
    with pytest.raises(SourceError, match="is not a text file"):
        read(tmp_path)


REAL = [  # file, rows [counted with Python's csv module], columns
    ("online_retail/online_retail_all.csv", 541_909, 8),
    ("cdnow/CDNOW_sample.txt", 6_919, 5),
    ("olist_sample_4000/olist_order_reviews_dataset.csv", 3_986, 7),
    ("maven_crm/sales_pipeline.csv", 8_800, 8),
    ("helpdesk_italian/finale.csv", 21_348, 16),
]


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not there")
@pytest.mark.parametrize(("name", "rows", "columns"), REAL)
def test_real_files_are_read_whole(name, rows, columns):
    t = table(name)
    connector = opened(SHARED, t)
    assert sum(batch.num_rows for batch in connector.read(t, columns=[])) == rows
    assert len([f for f in connector.schema(t).names if f not in ("row_number", "_fault")]) == columns
