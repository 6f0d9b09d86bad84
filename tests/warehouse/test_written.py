"""Frames that are written down hold what Narwhals' own frames over DuckDB's relations hold, step by step."""

import datetime as dt

import duckdb
import narwhals as nw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse.written import Written

ROWS = """
    CREATE TABLE "left rows" AS SELECT * FROM (VALUES
        ('a', 1, 0.5::double, date '2025-01-31', true, 12.34::decimal(18, 2), 'x,y'), ('a', 2, NULL, date '2025-02-28', false, 0.1::decimal(18, 2), 'y'),
        ('b', NULL, 2.25::double, NULL, NULL, NULL, NULL), ('it''s', 4, -1.0::double, date '2024-12-31', true, 7::decimal(18, 2), ''),
        (NULL, 5, 3.5::double, date '2025-01-01', false, 1::decimal(18, 2), 'z')
    ) t("key", n, "share", "on", flag, amount, "select");
    CREATE TABLE right_rows AS SELECT * FROM (VALUES
        ('a', 10, 'one'), ('a', 20, 'two'), ('b', 30, NULL), (NULL, 40, 'four'), ('c', 50, 'five')
    ) t("key", n, "order")
"""  # fmt: skip


@pytest.fixture(scope="module")
def cursor():
    connection = duckdb.connect()
    connection.execute(ROWS)
    return connection


def frames(cursor, table):
    """A table twice: as a relation, and written."""
    relation = cursor.sql(f'FROM "{table}"')
    return nw.from_native(relation), nw.from_native(Written(cursor, relation.columns, source=f'"{table}"'))


def rows(frame):
    """What it holds, in no order, and with which types."""
    table = frame.collect("pyarrow").to_native()
    return table.schema, sorted(map(repr, table.to_pylist()))


key, n, share, on = (nw.col(name) for name in ("key", "n", "share", "on"))
STEPS = {
    "fractions": lambda f, g: f.with_columns(
        half=nw.lit(0.5), scaled=n * 0.1, compared=share >= 0.25, filled=share.fill_null(0.5), of_amount=nw.col("amount") * 0.1
    ),
    "a constant of each kind": lambda f, g: f.with_columns(
        day=nw.lit(dt.date(2025, 1, 2)), text=nw.lit("it's"), whole=nw.lit(2**40), nothing=nw.lit(None, nw.String), yes=nw.lit(True),
        moment=nw.lit(dt.datetime(2025, 1, 2, 3, 4, 5)),
    ),
    "filter twice": lambda f, g: f.filter(n > 1).filter(on.is_null() | (on < dt.date(2025, 2, 1))),
    "a filter over a window": lambda f, g: f.filter(n == n.max().over("key")),
    "among": lambda f, g: f.filter(key.is_in(["a", "it's"]), ~n.is_in([1, 7])),
    "groups": lambda f, g: f.group_by("key", "on").agg(nw.len(), n.sum(), share.mean().alias("order"), first=n.min()),
    "groups without nulls": lambda f, g: f.group_by("key", drop_null_keys=True).agg(n.n_unique()),
    "groups by an expression": lambda f, g: f.group_by((n > 1).alias("select")).agg(nw.len()),
    "the whole": lambda f, g: f.select(nw.len(), n.sum(), share.max().alias("most"), nw.col("flag").any()),
    "a part beside the whole": lambda f, g: f.with_columns(part=n / n.sum(), of=nw.len().over("key")),
    "running": lambda f, g: f.with_columns(so_far=n.cum_sum().over(order_by="share"), before=n.shift(1).over("key", order_by="n")),
    **{f"{how} join": lambda f, g, how=how: f.join(g, on="key", how=how) for how in ("inner", "left", "semi", "anti", "full")},
    "join on other names": lambda f, g: f.join(g.rename({"key": "theirs"}), left_on=["key", "n"], right_on=["theirs", "n"], how="left"),
    "with itself": lambda f, g: f.join(f.group_by("key").agg(most=n.max()), on="key", how="left", suffix="_right"),
    "with each": lambda f, g: f.select("key").join(g.select("order"), how="cross"),
    "one under the other": lambda f, g: nw.concat([f.select("key", "n"), g.select("key", "n"), f.select("key", "n")]),
    "of other kinds under each other": lambda f, g: nw.concat([f.select("key", "share"), g.select("key", nw.col("order"))], how="diagonal"),
    "each once": lambda f, g: f.select("key").unique(),
    "the last of each": lambda f, g: f.unique("key", keep="last", order_by="n").select("key", "n"),
    "numbered": lambda f, g: f.with_row_index("place", order_by="n"),
    "exploded": lambda f, g: f.with_columns(word=nw.col("select").str.split(",")).explode("word"),
    "exploded numbers": lambda f, g: f.with_columns(code=nw.lit("3,5").str.split(",")).explode("code").with_columns(nw.col("code").cast(nw.Int64)),
    "first rows": lambda f, g: f.sort("n", descending=True, nulls_last=True).head(2),
    "first of several": lambda f, g: f.sort("key", "n", descending=[False, True]).head(3),
    "other names": lambda f, g: f.rename({"key": "group", "select": "where"}).drop("flag").drop_nulls(["n"]),
    "texts": lambda f, g: f.with_columns(long=key.str.len_chars(), both=nw.concat_str([key, nw.col("select")], separator="-"), up=key.str.to_uppercase()),
    "cases": lambda f, g: f.with_columns(kind=nw.when(n > 2).then(nw.lit("many")).when(n > 0).then(nw.lit("few")).otherwise(nw.lit("none"))),
    "days": lambda f, g: f.with_columns(month=on.dt.month(), start=on.dt.truncate("1mo")),
    "kinds": lambda f, g: f.with_columns(n.cast(nw.Float64), nw.col("flag").cast(nw.Int64), nw.col("amount").cast(nw.Float64)),
    "across": lambda f, g: f.with_columns(total=nw.sum_horizontal("n", "share"), least=nw.min_horizontal("n", "share"), either=nw.coalesce("n", nw.lit(0))),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_gives_the_rows_and_types_of_a_relation(cursor, name):
    related, written = (STEPS[name](f, g) for f, g in zip(frames(cursor, "left rows"), frames(cursor, "right_rows"), strict=True))
    assert rows(written) == rows(related)
    assert written.collect_schema() == related.collect_schema()


ORDERED = {
    "then selected": lambda f: f.sort("n", nulls_last=True).select("key", "n"),
    "then more columns": lambda f: f.sort("key", "n", descending=[True, False]).with_columns(twice=n * 2),
    "then fewer rows": lambda f: f.sort("share", descending=True, nulls_last=True).head(3).drop("flag"),
    "then filtered": lambda f: f.sort("share").filter(n > 1).rename({"key": "group"}),
}


@pytest.mark.parametrize("name", ORDERED)
def test_what_was_sorted_stays_so(cursor, name):
    related, written = (ORDERED[name](f).collect("pyarrow").to_native() for f in frames(cursor, "left rows"))
    assert written.to_pylist() == related.to_pylist() and written.num_rows > 2


SHAPED = {  # steps that leave the columns key and n, so that any may follow any
    "more": lambda f, g: f.filter(n > 1.5),
    "half": lambda f, g: f.with_columns(n=(n * 0.5)),
    "summed": lambda f, g: f.group_by("key").agg(n.sum()).with_columns(n=n.cast(nw.Float64)),
    "joined": lambda f, g: f.join(g, on="key", how="left", suffix="_right").select("key", n=n.fill_null(0) + nw.col("n_right").fill_null(0.25)),
    "known": lambda f, g: f.join(g, on="key", how="semi"),
    "unknown": lambda f, g: f.join(g, on="key", how="anti"),
    "twice": lambda f, g: nw.concat([f, f.with_columns(n=n + 1.0)]),
    "once": lambda f, g: f.unique(),
    "ranked": lambda f, g: f.with_columns(n=n.rank("min").over("key").cast(nw.Float64)),
    "narrow": lambda f, g: f.filter(n <= n.max().over("key")).select("key", "n"),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(SHAPED)), min_size=2, max_size=7))
def test_any_steps_after_one_another_give_the_rows_of_relations(cursor, steps):
    found = []
    for f, g in zip(frames(cursor, "left rows"), frames(cursor, "right_rows"), strict=True):
        f, g = (frame.select("key", n=n.cast(nw.Float64)) for frame in (f, g))
        for step in steps:
            f = SHAPED[step](f, g)
        found.append(rows(f))
    assert found[0] == found[1]


def test_nothing_is_asked_of_the_engine_before_the_rows_are(cursor):
    class Deaf:
        def __getattr__(self, name):
            raise AssertionError(f"asked for {name}")

    f, g = (nw.from_native(Written(Deaf(), ["key", "n"], source=name)) for name in ("f", "g"))
    for step in ("more", "half", "joined", "known", "twice", "once", "narrow"):
        f = SHAPED[step](f, g)
    assert f.columns == ["key", "n"]


hostile = st.text() | st.sampled_from(
    ["'", "''", "\\'", "'; DROP TABLE right_rows; --", '"', "$$", "/*", "--", "\x00", "a\x00b'", "é'", "\u2019", "\\x27", "%", "\r\n"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(hostile, min_size=1, max_size=4), st.floats(), st.integers(-(2**63), 2**63 - 1))
@example(["a"], 0.00021341302153760918, 0)  # its digits as a decimal, made a float: 0.0002134130215376092
def test_a_value_is_a_value_whatever_it_says(cursor, texts, fraction, whole):
    """Values of filters come from the address bar: the engine itself writes them, and reads back what it wrote."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE given AS SELECT unnest(?::varchar[]) AS text", [[*texts, "other"]])
    relation = cursor.sql("FROM given")
    text = nw.col("text")
    for frame in (nw.from_native(relation), nw.from_native(Written(cursor, ["text"], source="given"))):
        for chosen in (text.is_in(texts), text == texts[0], text.str.contains(texts[0], literal=True)):
            found = (
                frame.filter(chosen)
                .with_columns(same=nw.lit(texts[0]), too=nw.lit(texts[0], nw.String), whole=nw.lit(whole))
                .collect("pyarrow")
                .to_native()
                .to_pylist()
            )
            assert (
                {row["text"] for row in found} & {*texts} and {(row["same"], row["too"]) for row in found} == {(texts[0],) * 2} and found[0]["whole"] == whole
            )
        assert {row["text"] for row in frame.filter(text.is_in(texts)).collect("pyarrow").to_native().to_pylist()} == {*texts}
    frame = nw.from_native(Written(cursor, ["text"], source="given")).select(x=nw.lit(fraction))
    assert repr(frame.collect("pyarrow").to_native()["x"][0].as_py()) == repr(fraction)
    assert cursor.execute("SELECT count(*) FROM right_rows").fetchone() == (5,)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
@example([0.00021341302153760918])  # its digits as a decimal, made a float: 0.0002134130215376092
def test_a_fraction_is_found_again_by_its_value(cursor, fractions):
    cursor.execute("CREATE OR REPLACE TEMP TABLE measured AS SELECT unnest(?::double[]) AS x", [fractions])
    frame, x = nw.from_native(Written(cursor, ["x"], source="measured")), nw.col("x")
    assert len(rows(frame.filter(x.is_in(fractions)))[1]) == len(fractions)
    for fraction in fractions:
        assert len(rows(frame.filter(x == fraction))[1]) == len(rows(frame.filter(x <= fraction, x >= fraction))[1]) == fractions.count(fraction)


def test_text_shown_to_a_reader_runs_as_it_stands(cursor):
    _, written = frames(cursor, "left rows")
    frame = written.filter(share > 0.25).group_by("key").agg(n.sum()).sort("key")
    assert cursor.execute(frame.to_native().sql_query()).fetchall() == [tuple(row.values()) for row in frame.collect("pyarrow").to_native().to_pylist()]


def test_what_a_relation_can_do_it_can(cursor):
    _, written = frames(cursor, "right_rows")
    assert written.filter(n > 40).to_native().fetchall() == [("c", 50, "five")]


def test_an_error_is_the_engines_and_names_what_is_wrong(cursor):
    _, written = frames(cursor, "right_rows")
    with pytest.raises(duckdb.BinderException, match="missing"):
        written.filter(nw.col("missing") > 1).collect("pyarrow")
