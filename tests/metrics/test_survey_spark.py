"""What the contract test on Spark does not ask of survey metrics: other weightings, keys and steps give the rows that DuckDB gives."""

import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query
from tests.metrics.responses import YEAR, answered, some
from tests.metrics.surveyed import drawn, synced

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1200), pytest.mark.usefixtures("java")]
QUESTIONS = [
    ("nps", {"weighting": "account"}, ("touchpoint",), "quarter"), ("nps", {"weighting": "revenue"}, ("touchpoint",), None),
    ("nps_revenue", {}, ("region",), None), ("satisfaction", {"scale": "1-5"}, ("dimension",), "month"), ("verbatims", {}, ("band",), None),
    ("response_rate", {}, (), "month"), ("silent_accounts", {}, (), "month"), ("nps", {}, ("wave",), None), ("response_rate", {}, ("wave",), None),
]  # fmt: skip


@pytest.fixture(scope="module")
def both():
    rows = some(1, 240)
    given = [{**row, "question_id": "q:food" if k % 3 == 0 else "q:nps", "text": "slow" if k % 5 == 0 else None} for k, row in enumerate(rows.pop("answers"))]
    sent = [{"survey_id": "s:1", "customer_id": f"k:{k}", "contact_id": f"c:k:{k}:1", "sent_at": "2026-01-20", "delivered": k != 3} for k in range(12)]
    return [answered(given, engine_name=engine, invitations=sent, **rows) for engine in ("duckdb", "local[1]")]


@pytest.mark.parametrize(("name", "options", "by", "grain"), QUESTIONS, ids=str)
def test_the_rows_are_the_same(both, name, options, by, grain):
    ours, theirs = (ask(CATALOGUE[name], tables, Query(YEAR, grain, by, options=options)).rows for tables in both)
    assert len(ours)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


@pytest.mark.parametrize("options", [{}, {"missing": "complete", "method": "weights", "survey_weights": False}], ids=str)
def test_drivers_are_the_same_to_the_last_resample(options):
    """More respondents than the company of the contract test has there: blocks, and so the limits, are the same on both engines."""
    scores = drawn(1, 120, {"service": 0.7, "price": 0.4, "food": 0.1})
    scores["food"] = [None if k % 4 == 0 else score for k, score in enumerate(scores["food"])]
    people = [{"customer_id": f"k:{k // 2}", "contact_id": f"c:{k}", "weight": 1.0 + k % 3} for k in range(120)]
    both = [synced(scores, people=people, engine_name=engine) for engine in ("duckdb", "local[1]")]
    ours, theirs = (ask(CATALOGUE["drivers"], tables, Query(YEAR, options=options)) for tables in both)
    assert ours.rows["value"].notna().all()
    pd.testing.assert_frame_equal(ours.rows, theirs.rows, check_dtype=False)
    assert ours.notes["r2_low"] == pytest.approx(theirs.notes["r2_low"])
