"""The way to a cluster stays open: every mart and every metric on PySpark finds the rows that DuckDB finds."""

import math
import os
from functools import cache

import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from tests.company import SETTINGS, company
from tests.made import made
from tests.metrics.test_contract import OWN_STEPS, REFUSES_BY, REFUSES_GRAIN, YEAR
from tests.told_apart import STEP
from warehouse.contract import ENTITIES
from warehouse.marts import MARTS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1200), pytest.mark.usefixtures("java")]
MASTER = "local[2]"
CUSTOMERS = 40  # fewer than in the contract test: Spark takes its time for each query, whatever its size
TOLERANCE = 1e-9
QUESTIONS = {"series by segment": {"grain": "quarter", "by": ("region",), "where": (("grade", ("core", "key", "")),)}}
if os.environ.get("RAPPORT_SPARK_ALL"):  # Spark takes seconds for each question: `make test-spark` asks both, `make test` the one that takes the longer way
    QUESTIONS["one number"] = {}
REFUSED = {"grain": {*REFUSES_GRAIN, *OWN_STEPS}, "by": {*REFUSES_BY}}  # a part of the question that a metric does not take is left out


@cache
def opened(engine_name):
    return made(company(customers=CUSTOMERS), SETTINGS, engine_name=engine_name, step=STEP)


def compared(frame: pd.DataFrame) -> list[tuple]:
    """Rows as comparable values, in an order that does not depend on the engine."""
    return sorted((tuple(map(_plain, row)) for row in frame.itertuples(index=False)), key=_order)


def _order(row: tuple) -> tuple:
    """Texts, days and whole numbers first; floats last and rounded, since they may differ in the last digit."""
    exact = [repr(v) for v in row if not isinstance(v, float)]
    return (exact, [round(v, 6) for v in row if isinstance(v, float)])


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return float(value) if isinstance(value, (int, float)) or hasattr(value, "as_tuple") else str(value)


def alike(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert list(one.columns) == list(other.columns)
    assert len(one) == len(other)
    for left, right in zip(compared(one), compared(other), strict=True):
        for column, a, b in zip(one.columns, left, right, strict=True):
            same = math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) if isinstance(a, float) and isinstance(b, float) else a == b
            assert same, f"{column}: DuckDB {a!r}, Spark {b!r} in {dict(zip(one.columns, left, strict=True))}"


@pytest.mark.parametrize("name", [*ENTITIES, *MARTS])
def test_a_table_has_the_same_rows(name):
    duck, spark = opened("duckdb")[name], opened(MASTER)[name]
    columns = sorted(duck.collect_schema().names())
    assert columns == sorted(spark.collect_schema().names())
    alike(collect(duck.select(columns)), collect(spark.select(columns)))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_metric_has_the_same_rows(name, question):
    asked = {part: value for part, value in QUESTIONS[question].items() if name not in REFUSED.get(part, ())}
    query = Query(YEAR, settings=SETTINGS, **asked)
    try:
        ours = ask(CATALOGUE[name], opened("duckdb"), query)
    except QuestionError as refusal:
        pytest.fail(f"{name} refuses a question that the contract test asks: {refusal}")
    theirs = ask(CATALOGUE[name], opened(MASTER), query)
    alike(ours.rows, theirs.rows)
    assert [check.ok for check in ours.checks] == [check.ok for check in theirs.checks]


OTHERWISE = [  # questions that go another way through the tables than the defaults
    ("funnel", {"unit": "lead", "mode": "passed"}, ("source_channel",)), ("funnel", {"unit": "lead", "mode": "strict"}, ("source_channel",)),
    ("cohorts", {"clock": "rolling", "basis": "purchases"}, ()), ("first_month_retention", {"basis": "purchases"}, ()),
    ("retention", {"basis": "purchases"}, ("region",)), ("survival", {"basis": "purchases"}, ()), ("arpu", {"base": "buyers"}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "by"), OTHERWISE, ids=str)
def test_other_options_have_the_same_rows(name, options, by):
    query = Query(YEAR, None, by, options=options, settings=SETTINGS)
    ours, theirs = (ask(CATALOGUE[name], opened(engine), query) for engine in ("duckdb", MASTER))
    assert len(ours.rows)
    alike(ours.rows, theirs.rows)


@pytest.mark.parametrize("name", [name for name, metric in sorted(CATALOGUE.items()) if metric.behind])
def test_the_rows_behind_are_as_many(name):
    metric, query = CATALOGUE[name], Query(YEAR, None, (), (), dict(CATALOGUE[name].options), SETTINGS)
    counts = [len(collect(metric.behind(opened(engine), query))) for engine in ("duckdb", MASTER)]
    assert counts[0] == counts[1]


def test_an_empty_company_is_empty_there_too():
    """Tables without files have no schema of their own on Spark."""
    tables = made({}, SETTINGS, engine_name=MASTER)
    rows = ask(CATALOGUE["revenue"], tables, Query(YEAR, settings=SETTINGS)).rows
    assert rows["state"].tolist() == ["no_data"]
