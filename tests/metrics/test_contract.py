"""What every metric of the catalogue must hold to, over one company in which something of everything happens.

Each exception stands in a table below, with its reason. A metric may refuse a question it cannot answer (QuestionError);
REFUSES says which and why, so that a refusal never comes as a surprise.
"""

import datetime as dt
import importlib
import json
import pkgutil
import random
from functools import cache

import numpy as np
import pandas as pd
import pytest

import metrics
import metrics.__main__ as cli
from access.scope import FULL, NOTHING
from locales import LANGUAGES, UnknownWord, word
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.result import K_ANONYMOUS, STANDARD
from tests.company import SETTINGS, company
from tests.made import made
from tests.told_apart import STEP
from warehouse.contract import KEYS

D = dt.date.fromisoformat
YEAR = Period(D("2025-07-01"), D("2026-07-01"), as_of=D("2026-06-21"))  # June 2026 still runs
PAST = Period(D("2024-07-01"), D("2025-07-01"), as_of=D("2025-07-01"))
STATES = {"value", "no_data", "suppressed"}
BEGINS = {  # entity → when a row comes into being
    "subscriptions": "starts_on", "invoices": "issued_on", "payments": "paid_on", "leads": "created_at", "deals": "created_at", "deal_stages": "entered_at",
    "interactions": "happened_at", "tickets": "opened_at", "invitations": "sent_at", "answers": "answered_at", "usage": "day", "feature_uses": "day",
}  # fmt: skip

# metric → reason why the question cannot be meant
REFUSES_BY: dict[str, str] = {
    "pareto": "one curve for one group",
    "low_scores": "searches all segments itself",
    "drivers": "looks inside one group",
    "against_rest": "compares one segment with the rest",
    "remeasured": "looks at one segment",
    "score_counts": "divides by score alone",
    "themes": "groups of their own",
    "follow_up_churn": "compares two groups",
    "customer_value": "a list of customers",
    "promotion_roi": "a list of promotions",
    "feature_drift": "looks inside one group",
    "drift_auc": "looks inside one group",
}
REFUSES_GRAIN: dict[str, str] = {
    "movements": "a list of customers",
    "survival": "a curve over the age of customers",
    "activity": "states at the period's end",
    "silence_cuts": "judged once",
    "arpu_bridge": "two periods",
    "why": "two periods",
    "pareto": "one curve for one period",
    "low_scores": "a search looks at one period",
    "drivers": "told from one period",
    "against_rest": "a comparison looks at one period",
    "remeasured": "before and after are two moments",
    "score_counts": "counted over one period",
    "themes": "told from one period",
    "customer_value": "a list of customers",
    "promotion_roi": "a list of promotions",
    "stalled": "a list on a date",
    "forecast_calibration": "judged once",
    "grades": "a state on a date",
    "grade_proposals": "the last quarter's",
    "rfm": "a state on a date",
    "customer_health": "a state on a date",
    "revenue_at_risk": "a state on a date",
    "at_risk": "a state on a date",
    "flags": "flags that stand on a date",
    "data_health": "records are judged as they are now",
    "high_value_faults": "records are judged as they are now",
    "identity_findings": "records are told apart as they are now",
    "follow_up_churn": "outcomes are followed for months",
    "feature_drift": "the two ends of the period",
    "drift_auc": "the two ends of the period",
    "feature_use": "judged over a whole period, beside the one before",
}
# metric → reason why its steps are not the steps of the period
OWN_STEPS: dict[str, str] = {
    "cohorts": "the grain is the step of cohorts and ages",
    "renewals": "the calendar lies ahead of the period",
}
# metric → reason why a share of it may exceed 1
BEYOND_ONE: dict[str, str] = {
    "nrr": "growth of the opening customers counts",
}
# metric → reason why a row about fewer than five answers is no breach
NAMED: dict[str, str] = {
    "detractor_follow_up": "counts the detractors of a score that is shown: a band is a part of it",
    **dict.fromkeys(
        ("flags", "at_risk", "revenue_at_risk", "customer_health"),
        "customers by name, of whom answers given under their names are one sign among others; anonymous ones are nobody's",
    ),
    "response_rate": "counts invitations and who came back, and tells nothing of what was answered",
    "customer_value": "a list of customers by name; of their answers only whether the newest is a promoter's, and never of an anonymous survey",
}
# metric → reason why rows that begin after the period may change its number
LOOKS_AHEAD: dict[str, str] = {
    "remeasured": "what comes after the period is compared with it",
    "funnel": "deals of the period are followed to the end of the data",
    "funnel_to_cash": "deals of the period are followed to the end of the data",
    "time_in_stage": "deals of the period are followed to the end of the data",
    "forecast_calibration": "deals of the period are followed to the end of the data",
    "grades": "customers are ranked among all quarters, later ones too",
    "grade_proposals": "customers are ranked among all quarters, later ones too",
    "segment_change_rate": "customers are ranked among all quarters, later ones too",
    "migration": "customers are ranked among all quarters, later ones too",
    "mix_drift": "customers are ranked among all quarters, later ones too",
    "churn_backtest": "the last quarters of the data are tested, whatever the period",
    "feature_drift": "customers are ranked among all quarters, later ones too",
    "drift_auc": "customers are ranked among all quarters, later ones too",
    "data_health": "records are judged as they are now",
    "high_value_faults": "records are judged as they are now, and customers are ranked among all quarters, later ones too",
}
# metric → reason why it has a number whatever the period
TIMELESS: dict[str, str] = {
    "grades": "a source's present grade has no history", "data_health": "records are judged as they are now",
    "identity_findings": "records are told apart as they are now",
}  # fmt: skip
# metric → reason why one segment's row is not the number of that segment alone
SEGMENT_NOT_ALONE: dict[str, str] = {}

every = pytest.mark.parametrize("name", sorted(CATALOGUE))


@cache
def opened(variant: str = "full"):
    """Tables of the company: full, empty, shuffled, past (nothing of what begins after PAST), few (a dozen customers), or as a reader without rights."""
    rows = company(customers=12) if variant == "few" else company()
    if variant == "empty":
        rows = {}
    if variant == "shuffled":
        rows = {name: random.Random(3).sample(list(some), len(some)) for name, some in rows.items()}
    if variant == "past":
        rows = {name: [row for row in some if _begun(row, BEGINS.get(name))] for name, some in rows.items()}
    return made(rows, SETTINGS, scope=NOTHING if variant == "nothing" else FULL, step={} if variant == "empty" else STEP)


def _begun(row, column) -> bool:
    value = row.get(column)
    if value is None:
        return True
    on = D(value) if isinstance(value, str) else (value + dt.timedelta(hours=8)).date() if isinstance(value, dt.datetime) else value
    return on < PAST.end


@cache
def asked(name, variant="full", *, by=(), where=(), grain=None, period=YEAR):
    return ask(CATALOGUE[name], opened(variant), Query(period, grain, by, where, settings=SETTINGS))


def figures(rows: pd.DataFrame) -> list[str]:
    return [c for c in rows.columns[list(rows.columns).index("value") :] if c not in ("state", "complete")]


def refused(name: str, table: dict[str, str], **question) -> bool:
    """Whether the metric refuses the question, as the table says it does; then it must say what to do."""
    if name not in table:
        return False
    with pytest.raises(QuestionError) as refusal:
        asked(name, **question)
    assert len(str(refusal.value)) > 20
    return True


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), check_dtype=False, rtol=1e-9, atol=1e-9)


# the catalogue


def test_every_module_with_metrics_is_in_the_catalogue():
    """A module that nobody lists would be tested by nobody."""
    modules = [importlib.import_module(f"metrics.{m.name}") for m in pkgutil.iter_modules(metrics.__path__) if m.name != "__main__"]
    named = [metric.name for module in modules for metric in getattr(module, "METRICS", ())]
    assert sorted(named) == sorted(CATALOGUE) and named


def test_exceptions_name_metrics_that_exist():
    tables = (REFUSES_BY, REFUSES_GRAIN, OWN_STEPS, BEYOND_ONE, NAMED, LOOKS_AHEAD, TIMELESS, SEGMENT_NOT_ALONE)
    assert {name for table in tables for name in table} <= set(CATALOGUE)


@every
def test_a_card_says_what_the_number_is(name):
    metric = CATALOGUE[name]
    assert metric.definition.endswith(".") and len(metric.definition) > 20
    assert metric.formula and metric.unit in ("points", "share", "money", "count", "days", "ratio", "score")
    assert metric.better in ("higher", "lower", None)


@every
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_is_in_the_glossary_of_every_language(name, language):
    """Its name; and its definition, which is written in English on the card itself."""
    missing = []
    for part in ("name",) if language == "en" else ("name", "definition"):
        try:
            assert word(f"metrics.{name}.{part}", language)
        except UnknownWord:
            missing.append(part)
    assert not missing, f"locales/metrics.toml lacks {', '.join(missing)} of {name}"


@every
def test_a_metric_reads_what_it_declares(name):
    """Given only those tables, and the accounts that any segment may need, it still answers."""
    full, metric = opened(), CATALOGUE[name]
    declared = {table: full[table] for table in {*metric.reads, "accounts"}}
    metric.measure(declared, Query(YEAR, None, (), (), dict(metric.options), SETTINGS))


# the shape


@every
def test_rows_are_keys_then_the_standard_columns(name):
    rows = asked(name).rows
    first = list(rows.columns).index("value")
    assert tuple(rows.columns[first : first + len(STANDARD)]) == STANDARD
    assert rows["value"].dtype == "float64" and str(rows["n"].dtype) == "Int64"
    assert all(pd.api.types.is_numeric_dtype(rows[c]) for c in ("numerator", "denominator", "low", "high", "se"))
    assert set(rows["state"]) <= STATES and rows["complete"].map(lambda c: c in (True, False)).all()
    assert not rows.duplicated(list(rows.columns[:first])).any() if first else len(rows) == 1


@every
def test_there_is_a_number_and_its_state_says_so(name):
    rows = asked(name).rows
    assert (rows["state"] == "value").any(), "nothing to see: every other test of this metric would pass by accident"
    assert ((rows["state"] == "value") == rows["value"].notna()).all()


@every
def test_a_number_lies_within_its_limits_and_its_unit(name):
    rows = asked(name).rows
    rows = rows[rows["state"] == "value"]
    limited = rows.dropna(subset=["low", "high"])
    assert (limited["low"] <= limited["value"] + 1e-9).all() and (limited["value"] <= limited["high"] + 1e-9).all()
    assert (rows["n"].dropna() >= 0).all() and (rows["se"].dropna() >= 0).all()
    if CATALOGUE[name].unit == "share" and name not in BEYOND_ONE:
        assert rows["value"].between(0, 1).all() and limited["low"].ge(0).all() and limited["high"].le(1).all()
    if CATALOGUE[name].unit == "points":
        assert rows["value"].between(-100, 100).all()
    assert np.isfinite(rows["value"]).all()


@every
def test_every_check_holds(name):
    for question in ({}, {"where": (("region", ("North",)),)}):
        assert [c for c in asked(name, **question).checks if not c.ok] == []


@every
def test_an_answer_can_be_written_as_json(name):
    body = json.loads(cli.as_json(CATALOGUE[name], asked(name), 1, YEAR), parse_constant=pytest.fail)
    assert len(body["rows"]) == len(asked(name).rows)


# nothing there


@every
@pytest.mark.parametrize(
    "question",
    [
        {"variant": "empty"},
        {"variant": "nothing"},  # a reader without rights
        {"where": (("region", ("Atlantis",)),)},
        {"period": Period(D("2019-01-01"), D("2020-01-01"), D("2026-06-21"))},  # long before anything happened
    ],
    ids=["empty tables", "no rights", "no match", "no time"],
)
def test_nothing_there_is_no_data_and_never_zero_or_an_error(name, question):
    if "period" in question and name in TIMELESS:
        return
    rows = asked(name, **question).rows
    is_count = CATALOGUE[name].unit in ("count", "money") and rows["value"].fillna(0).eq(0).all()  # "no open deals" is a number; "no NPS" is not
    assert is_count or set(rows["state"]) <= {"no_data"}, rows


@every
@pytest.mark.parametrize("grain", ["month", "quarter"])
def test_nothing_there_is_no_data_in_a_series_too(name, grain):
    if not refused(name, REFUSES_GRAIN, grain=grain):
        for question in ({"variant": "empty"}, {"where": (("region", ("Atlantis",)),)}):
            rows = asked(name, grain=grain, **question).rows
            assert not rows["value"].fillna(0).any()


# segments, filters, series


@every
@pytest.mark.parametrize("column", ["region", "segment"])  # the customers' own and one from `extra`
def test_a_segments_row_is_the_number_of_that_segment_alone(name, column):
    if refused(name, REFUSES_BY, by=(column,)):
        return
    rows = asked(name, by=(column,)).rows
    assert column in rows and (rows["state"] == "value").any()
    first = list(rows.columns).index("value")
    if name in SEGMENT_NOT_ALONE or first > 1:
        return
    for _, row in rows[rows["state"] == "value"].iloc[[0, -1]].iterrows():  # the last is the one without a value, where there is one
        alone = asked(name, where=((column, ("" if pd.isna(row[column]) else row[column],)),)).rows.iloc[0]
        if alone["state"] == "value":
            assert np.allclose([row["value"], row["n"]], [alone["value"], alone["n"]], equal_nan=True), (column, row[column])


@every
def test_a_filter_narrows(name):
    everyone, north = asked(name).rows, asked(name, where=(("region", ("North", "West")),)).rows
    if everyone["n"].notna().any():
        assert north["n"].fillna(0).sum() < everyone["n"].fillna(0).sum()


FOLLOWED = {"funnel", "funnel_to_cash", "win_rate", "win_probability", "lead_conversion"}  # to today: complete after 90 days


@every
def test_a_series_has_every_bucket_of_the_period(name):
    if refused(name, REFUSES_GRAIN, grain="month") or name in OWN_STEPS:
        return
    rows = asked(name, grain="month").rows
    assert rows.columns[0] == "period"
    assert sorted(set(rows["period"])) == [b.start for b in YEAR.buckets("month")]
    assert dict(zip(rows["period"], rows["complete"], strict=True))[D("2026-06-01")] == False  # noqa: E712 — numpy's
    last = D("2026-02-01") if name in FOLLOWED else D("2026-05-01")
    assert dict(zip(rows["period"], rows["complete"], strict=True))[last] == True  # noqa: E712
    assert (rows["state"] == "value").any()


@every
def test_a_series_by_segment_has_both_keys(name):
    if not {name} & {*REFUSES_GRAIN, *REFUSES_BY, *OWN_STEPS}:
        rows = asked(name, grain="quarter", by=("region",)).rows
        assert list(rows.columns[:2]) == ["period", "region"]
        assert len(rows) >= 4 and not rows.duplicated(list(rows.columns[: list(rows.columns).index("value")])).any()


# independence


@every
def test_the_order_of_rows_is_irrelevant(name):
    equal(asked(name).rows, asked(name, "shuffled").rows)
    if name not in REFUSES_BY:
        equal(asked(name, by=("grade",)).rows, asked(name, "shuffled", by=("grade",)).rows)


@every
def test_what_begins_after_the_period_changes_nothing(name):
    if name not in LOOKS_AHEAD:
        equal(asked(name, period=PAST).rows, asked(name, "past", period=PAST).rows)


# the rows behind


@every
@pytest.mark.parametrize("where", [(), (("region", ("North",)),), (("grade", ("core", "")),)], ids=["all", "north", "core"])
def test_the_rows_behind_a_number_are_as_many_as_it_says(name, where):
    metric = CATALOGUE[name]
    rows = asked(name, where=where).rows
    if metric.behind is None or len(rows) != 1:
        return
    behind = collect(metric.behind(opened(), Query(YEAR, None, (), where, dict(metric.options), SETTINGS)))
    assert len(behind) == (0 if pd.isna(rows.loc[0, "n"]) else rows.loc[0, "n"])


@every
def test_a_headline_can_be_opened(name):
    """One number on a card has a list behind it; a table of its own (cohorts, a matrix) need not."""
    if len(asked(name).rows) == 1 and asked(name).rows.columns[0] == "value":
        assert CATALOGUE[name].behind is not None


# small groups


@every
@pytest.mark.parametrize("question", [{}, {"by": ("region",)}, {"by": ("owner",)}, {"by": ("owner",), "grain": "quarter"}], ids=str)
def test_few_answers_are_never_shown(name, question):
    """Of a survey, fewer than five answers show nothing: no score, no count, no part of one."""
    if (
        name in NAMED
        or "scores" not in CATALOGUE[name].reads
        or (question.get("by") and name in REFUSES_BY)
        or (question.get("grain") and name in REFUSES_GRAIN)
    ):
        return
    rows = asked(name, "few", **question).rows
    shown = rows[rows["state"] == "value"]
    assert (shown["n"].fillna(K_ANONYMOUS) >= K_ANONYMOUS).all()
    hidden = rows[rows["state"] == "suppressed"]
    assert hidden[figures(rows)].isna().all().all()


def test_entities_of_the_company_have_unique_keys():
    """The company itself: a key twice would be refused by a sync."""
    for name, rows in company().items():
        keys = [tuple(row.get(k) for k in KEYS[name]) for row in rows]
        assert len(keys) == len(set(keys)), name
