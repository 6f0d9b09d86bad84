"""How long a metric takes, beside SQL and pandas that give the same number."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import duckdb

import warehouse
from benchmarks import measure, rivals
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, watched
from warehouse import engine
from warehouse.duck import Origin

GOAL_SQL, GOAL_PANDAS = 1.3, 5.0
EXPLAIN = 2.0  # times from which on a row needs a reason
TOLERANCE = 1e-6  # relative: the sums are taken in another order
ROUNDS = 5


def against_sql(data: Path, period: Period) -> measure.Section:
    """Every metric's headline; beside it the SELECT by hand, checked to give the same value and n."""
    tables = warehouse.open(data)
    rows = sorted((_beside_sql(data, tables, name, period) for name in CATALOGUE), key=lambda row: -(row[4] or 0))
    notes = (
        "engine ms: the metric's own queries run as SQL text, without what Python spends on building them and on the interval; times = engine ms ÷ SQL ms",
        "what is worked out once for a snapshot (flags, health scores, promises) is in neither: whoever asks first waits for it",
        "the rest of metric ms (building and checking the expressions, statistics on the small frame) is the same at any number of rows",
        *(f"{name}, {times:.1f} times: {rivals.DEARER.get(name, 'not explained')}" for name, _, _, _, times, _ in rows if times and times > EXPLAIN),
        *(f"{name}: {why}" for name, why in rivals.BY_HAND.items() if name in CATALOGUE),
    )
    columns = ("metric", "metric ms", "engine ms", "SQL ms", "times", "same")
    return measure.Section("Each metric against SQL by hand", f"at most {GOAL_SQL} times; anything over {EXPLAIN:.0f} is explained", columns, rows, notes)


def _beside_sql(data: Path, tables, name: str, period: Period) -> tuple:
    query = Query(period, settings=tables.settings)

    def measured():
        return ask(CATALOGUE[name], tables, query)

    with watched() as frames:
        first = measured().rows
    texts = [warehouse.sql(frame) for frame in frames if not isinstance(frame, Origin)]  # what is kept is not computed for each question
    whole = 1000 * measure.seconds(measured, ROUNDS)
    sql = rivals.statements().get(name)
    run = partial(_run_all, tables, texts)
    if sql is None:
        return name, whole, 1000 * measure.seconds(run, ROUNDS), None, None, "–"
    sql, db = rivals.filled(sql, files(data, tables), period, tables.settings["calendar"]["timezone"]), fresh()
    ours, theirs = measure.alternating(run, lambda: db.execute(sql).fetchall(), ROUNDS)
    return name, whole, 1000 * ours, 1000 * theirs, ours / theirs, same(first.iloc[0], db.execute(sql).fetchone())


def _run_all(tables, texts: list[str]) -> None:
    for text in texts:
        tables._session.cursor.execute(text).fetchall()


def files(data: Path, tables) -> dict[str, tuple[str, ...]]:
    """The Parquet files of every table and mart of the snapshot."""
    versions = {**tables.snapshot.tables, **tables.snapshot.marts}
    return {name: engine.described(data, name, version).uris for name, version in versions.items()}


def fresh() -> duckdb.DuckDBPyConnection:
    """An engine with the product's settings and nothing else."""
    db = duckdb.connect()
    db.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET parquet_metadata_cache = true")
    return db


def same(row, found: tuple) -> str:
    """ "yes" if value and n agree; a rival that answers something else proves nothing."""
    value, n = found[0], found[1]
    equal = value is None or math.isclose(row["value"], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    counted = value is None or int(row["n"]) == int(n)
    return "yes" if equal and counted else f"NO: {row['value']} of {row['n']}, SQL {value} of {n}"


def against_pandas(data: Path, folder: Path, period: Period) -> measure.Section:
    """The usual questions: through the marts, and in pandas from the exported invoice lines."""
    tables = warehouse.open(data)
    rows = []
    for title, (name, question, code) in rivals.IN_PANDAS.items():
        query = Query(period, settings=tables.settings, **question)
        ours = measure.seconds(lambda name=name, query=query: ask(CATALOGUE[name], tables, query), ROUNDS)
        theirs = measure.seconds(lambda code=code: code(folder, period), 1)
        agreed = agree(ask(CATALOGUE[name], tables, query).rows, code(folder, period))
        rows.append((title, 1000 * ours, 1000 * theirs, theirs / ours, agreed))
    goal = f"at least {GOAL_PANDAS:.0f} times faster than pandas on the invoice lines"
    return measure.Section(
        "Against pandas", goal, ("question", "product ms", "pandas ms", "times faster", "same"), rows, ("pandas reads the columns it needs from Parquet",)
    )


def agree(rows, values: list[float]) -> str:
    """Whether the observed values are the same, in the order both sort them."""
    rows = rows[rows["cohort"].notna() & rows["cell"].eq("observed")] if "cell" in rows else rows
    ours = [value for value in rows["value"] if value == value and value != 0]
    theirs = [value for value in values if value == value and value != 0]
    equal = len(ours) == len(theirs) and all(math.isclose(a, b, rel_tol=TOLERANCE) for a, b in zip(ours, theirs, strict=False))
    return "yes" if equal else f"NO: {len(ours)} values {ours[:2]}, pandas {len(theirs)} {theirs[:2]}"
