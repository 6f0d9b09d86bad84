"""Files of one table: planned as one where they have the same columns, put together by name where they have not."""

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse import duck
from warehouse.duck import DuckEngine, Stored

FIRST = pa.table({"id": ["1", "2"], "amount": [1.0, 2.0]})
SAME = pa.table({"id": ["3"], "amount": [3.0]})
LATER = pa.table({"amount": [4.0], "id": ["4"], "region": ["North"]})  # another order, and a column that came later
WIDER = pa.table({"id": ["5"], "amount": [5]})  # a whole number


def stored(tmp_path, *tables) -> Stored:
    files = [str(tmp_path / f"{k}.parquet") for k in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        pq.write_table(table, file)
    return Stored("invoices", tables[0].schema, tuple(files))


@pytest.mark.parametrize(
    ("tables", "by_name"),
    [((FIRST,), False), ((FIRST, SAME), False), ((FIRST, LATER), True), ((FIRST, WIDER), True), ((FIRST, SAME, LATER), True)],
    ids=["one file", "the same columns", "a later column", "another type", "the last differs"],
)
def test_files_are_put_together_by_name_only_where_they_differ(tmp_path, tables, by_name):
    found = stored(tmp_path, *tables)
    assert f"union_by_name = {str(by_name).lower()}" in duck._parquet(found)
    engine = DuckEngine()
    engine.register(found, "invoices", lambda relation: f"SELECT id, amount FROM {relation}")
    rows = engine.session().frame("invoices").sort("id").collect("pyarrow").to_native().to_pylist()
    expected = [row for table in tables for row in table.select(["id", "amount"]).to_pylist()]
    assert rows == sorted(expected, key=lambda row: row["id"])


def test_a_file_that_cannot_be_looked_at_is_the_engines_to_report(tmp_path):
    found = stored(tmp_path, FIRST, SAME)
    (tmp_path / "1.parquet").unlink()
    assert "union_by_name = true" in duck._parquet(found)


@pytest.mark.parametrize("texts", [[], ["a"], ["it's", "", "\x00", "a\x00b", "客户"]])
def test_a_column_of_texts_holds_them_as_they_are(texts):
    found = DuckEngine().session().column("customer_id", texts)
    assert found.collect("pyarrow").to_native().to_pylist() == [{"customer_id": text} for text in texts]
    assert found.collect_schema()["customer_id"] == nw.String
