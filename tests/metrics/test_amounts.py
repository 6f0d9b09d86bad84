"""A reader who may see no amounts (or no people): every number is what it would be, or "no data". None is 0 instead, none gives an amount away."""

import math
import random
import re
from functools import cache

import pandas as pd
import pytest

from access.scope import Scope
from metrics import CATALOGUE
from metrics.amounts import BY_BASIS, PARTS, WHOLE, WITHHELD
from metrics.metric import ask
from metrics.query import Query, collect
from tests.company import SETTINGS, company
from tests.made import made
from tests.metrics.test_contract import REFUSES_BY, REFUSES_GRAIN, YEAR
from warehouse.engine import Tables

AMOUNTS = Scope(is_full=True, veils=("amounts",))
PEOPLE = Scope(is_full=True, veils=("personal", "contacts"))
FULL = Scope(is_full=True)
QUESTIONS = {"one number": {}, "segments": {"by": ("region",)}, "series": {"grain": "quarter"}}
# metric → why its figures are others, and not fewer, without amounts
AMONG_THE_REST = {
    "feature_drift": "features are ranked, and their p-values corrected, among those that are left",
    "drift_auc": "the classifier learns from the features that are left",
}
PRESENCE = {"logo_churn": "needs to know whether there is an amount at all, not which"}

every = pytest.mark.parametrize("name", sorted(CATALOGUE))
asking = pytest.mark.parametrize("question", QUESTIONS)


@cache
def opened(scope: Scope, seed: int = 0) -> Tables:
    """The company as a reader sees it. seed: another one differs in its amounts, and in nothing else: grades are those of the first."""
    full = published(seed)
    return Tables(full._engine, full._stored, zone=full._zone, scope=scope, key=full._key)


@cache
def published(seed: int) -> Tables:
    tables = made(company() if seed == 0 else with_other_amounts(seed), SETTINGS)
    if seed:
        tables._stored["customer_quarters"] = published(0)._stored["customer_quarters"]
    return tables


def with_other_amounts(seed: int) -> dict[str, list[dict]]:
    """The company with every amount multiplied by something between 0.5 and 2: nothing appears, vanishes or changes its sign."""
    rng, rows = random.Random(seed), company()
    for name, column in (("invoices", "amount"), ("payments", "amount"), ("subscriptions", "amount_per_month"), ("deals", "amount"), ("campaigns", "cost")):
        rows[name] = [{**row, column: row[column] and round(row[column] * rng.uniform(0.5, 2), 2)} for row in rows[name]]
    rows["invoices"] = [{**row, "quantity": row["quantity"] * rng.randint(1, 9)} for row in rows["invoices"]]
    return rows


@cache
def answered(name: str, scope: Scope, question: str, seed: int = 0):
    refused = {"segments": REFUSES_BY, "series": REFUSES_GRAIN}.get(question, {})
    if name in refused:
        pytest.skip(f"{name} has no {question}: {refused[name]}")
    return ask(CATALOGUE[name], opened(scope, seed), Query(YEAR, settings=SETTINGS, **QUESTIONS[question]))


def listed(name: str, scope: Scope, seed: int = 0) -> pd.DataFrame:
    return collect(CATALOGUE[name].behind(opened(scope, seed), Query(YEAR, options=dict(CATALOGUE[name].options), settings=SETTINGS)))


def by_key(rows: pd.DataFrame) -> dict[tuple, dict]:
    keys = list(rows.columns[: list(rows.columns).index("value")])
    return {tuple(None if pd.isna(row[k]) else row[k] for k in keys): row for row in rows.to_dict("records")}


def differ(one, other) -> bool:
    if pd.isna(one) or pd.isna(other):
        return not (pd.isna(one) and pd.isna(other))
    return not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) if isinstance(one, (int, float)) and isinstance(other, (int, float)) else one != other


def changed(veiled: pd.DataFrame, full: pd.DataFrame) -> list[str]:
    """Figures of the veiled answer that are neither those of the full one nor nothing."""
    known, wrong = by_key(full), []
    for key, row in by_key(veiled).items():
        if row["state"] != "value":
            wrong += [f"{key} value {row['value']}"] if not pd.isna(row["value"]) else []
        else:
            wrong += [f"{key} {c}: {v} instead of {known[key][c]}" for c, v in row.items() if not pd.isna(v) and differ(v, known[key][c])]
    return wrong


@every
@asking
def test_without_amounts_a_number_is_the_same_or_no_data(name, question):
    answer, full = answered(name, AMOUNTS, question), answered(name, FULL, question)
    if name not in AMONG_THE_REST:
        assert changed(answer.rows, full.rows) == []
    assert [check for check in answer.checks if not check.ok] == []
    assert list(answer.rows.columns) == list(full.rows.columns)


# tell the people of one customer apart by their contact; the one role without contacts has no page that shows them
BY_PERSON = {"drivers", "flags", "at_risk", "revenue_at_risk", "customer_health"}


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - BY_PERSON))
def test_without_people_every_number_is_the_same(name):
    one, full = (answered(name, scope, "one number").rows for scope in (PEOPLE, FULL))
    pd.testing.assert_frame_equal(one, full, check_dtype=False, rtol=1e-9, atol=1e-9)


@every
@asking
def test_what_needs_amounts_is_no_data_and_says_why(name, question):
    answer = answered(name, AMOUNTS, question)
    if name in WHOLE or name in BY_BASIS:  # the company has agreements
        assert set(answer.rows["state"]) <= {"no_data"} and answer.notes["reason"] == WITHHELD
        assert not answer.rows["value"].notna().any()
    for column in set(PARTS.get(name, ())) & set(answer.rows):
        assert not answer.rows[column].notna().any(), column


def written(notes) -> str:
    """Notes as text; the last digits of a sum depend on the order in which the engine's threads added it up."""
    return re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda found: f"{float(found[0]):.9g}", repr(notes))


@every
def test_amounts_decide_nothing_that_is_shown(name):
    """Two companies that differ in nothing but their amounts look alike: rows, notes and lists."""
    one, other = (answered(name, AMOUNTS, "one number", seed) for seed in (0, 1))
    pd.testing.assert_frame_equal(one.rows, other.rows)
    assert written(one.notes) == written(other.notes)
    if CATALOGUE[name].behind:
        assert sorted(listed(name, AMOUNTS).to_csv(index=False).splitlines()) == sorted(listed(name, AMOUNTS, 1).to_csv(index=False).splitlines())


@pytest.mark.parametrize("name", sorted(WHOLE - set(PRESENCE)))
def test_what_is_withheld_does_depend_on_amounts(name):
    """Else it would be withheld for nothing."""
    one, other = (answered(name, FULL, "one number", seed) for seed in (0, 1))
    assert (one.rows["state"] == "value").any()
    assert one.rows.to_csv() != other.rows.to_csv()


@pytest.mark.parametrize("name", sorted(PARTS))
def test_columns_that_are_withheld_do_depend_on_amounts(name):
    found = [[answered(name, FULL, "one number", seed).rows, *([listed(name, FULL, seed)] if CATALOGUE[name].behind else [])] for seed in (0, 1)]
    for column in PARTS[name]:
        sides = [sorted(repr(v) for rows in side if column in rows for v in rows[column]) for side in found]
        assert sides[0] != sides[1] or (name, column) in ASKED_OTHERWISE, column


ASKED_OTHERWISE = {("grade_proposals", column) for column in ("amount", "reason", "is_moved")}  # both companies have the same grades
ASKED_OTHERWISE |= {(name, column) for name in ("migration", "segment_change_rate") for column in PARTS[name]}


@every
def test_the_list_is_as_long_as_its_number_says(name):
    rows = answered(name, AMOUNTS, "one number").rows
    if CATALOGUE[name].behind and len(rows) == 1:
        assert len(listed(name, AMOUNTS)) == (0 if pd.isna(rows.loc[0, "n"]) else rows.loc[0, "n"])


@pytest.mark.parametrize("options", [{"weighting": "revenue"}, {"weighting": "account"}], ids=str)
def test_a_score_weighted_by_revenue_is_no_data_and_one_by_account_stays(options):
    one, full = (ask(CATALOGUE["nps"], opened(scope), Query(YEAR, options=options, settings=SETTINGS)).rows for scope in (AMOUNTS, FULL))
    assert full["state"].tolist() == ["value"]
    assert one["value"].isna().all() if options["weighting"] == "revenue" else one["value"].equals(full["value"])


@pytest.mark.parametrize("name", ["nrr", "arpa", "grr"])
def test_why_an_amount_changed_is_not_explained(name):
    answer, full = (ask(CATALOGUE["why"], opened(scope), Query(YEAR, options={"metric": name}, settings=SETTINGS)) for scope in (AMOUNTS, FULL))
    assert len(full.rows) and answer.rows.empty
    assert answer.notes["verdict"] == "no_data"


def test_only_stays_by_first_contact_are_known_without_amounts():
    """Whoever is active by agreements is so by their amounts; who bought is known by the days."""
    options = {"basis": "first_contact"}
    one, full = (ask(CATALOGUE["cohorts"], opened(scope), Query(YEAR, options=options, settings=SETTINGS)).rows for scope in (AMOUNTS, FULL))
    assert (full["state"] == "value").any()
    pd.testing.assert_frame_equal(one, full)
