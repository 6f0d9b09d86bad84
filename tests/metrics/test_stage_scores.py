"""Scores by journey stage: one answer on each side of every border, the sum of the stages, and the same in plain SQL."""

import random

import duckdb
import pytest

from metrics import nps
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from metrics.stage_scores import METRICS, STAGES
from tests.metrics.responses import YEAR, answered, grouped, one, some

(CARD,) = METRICS


def stages(tables, settings=None, **options):
    rows = ask(CARD, tables, Query(YEAR, settings={"metrics": {"journey": settings or {}}}, options=options)).rows
    return {row["journey_stage"]: row for row in rows.to_dict("records")}


def many(customer, day, score=10, n=5):
    return [{"customer_id": f"k:{customer}", "contact_id": f"c:{customer}:{k}", "answered_at": f"{day}T12:00:00", "score": score} for k in range(n)]


CUSTOMERS = [
    {"customer_id": "k:new", "signed_at": "2026-01-01T09:00:00"}, {"customer_id": "k:gone", "signed_at": "2020-01-01", "lost_on": "2026-05-01"},
    {"customer_id": "k:buyer"}, {"customer_id": "k:held"},
]  # fmt: skip
INVOICES = [{"customer_id": "k:buyer", "issued_on": "2025-06-01", "amount": 5}]
HELD = [{"customer_id": "k:held", "starts_on": "2025-07-01", "ends_on": "2026-07-01", "amount_per_month": 1, "status": "active"}]


@pytest.mark.parametrize(
    ("customer", "day", "stage"),
    [
        ("new", "2026-03-31", "onboarding"), ("new", "2026-04-01", "established"),  # 89 and 90 days after its signing
        ("gone", "2026-04-30", "established"), ("gone", "2026-05-01", "left"),
        ("buyer", "2026-01-01", "established"), ("held", "2026-04-01", "established"), ("held", "2026-04-02", "renewal"),  # 91 and 90 days before its end
        ("held", "2026-06-30", "renewal"), ("held", "2026-07-01", "established"),
    ],
)  # fmt: skip
def test_a_stage_ends_on_its_day(customer, day, stage):
    tables = answered(many(customer, day), customers=CUSTOMERS, invoices=INVOICES, subscriptions=HELD)
    assert {name: row["n"] for name, row in stages(tables).items()} == {stage: 5}


def test_before_it_joined_it_was_a_prospect():
    late = [{"customer_id": "k:late", "signed_at": "2026-09-01"}, {"customer_id": "k:never"}]
    tables = answered(many("late", "2026-08-31", 0) + many("never", "2026-08-31"), customers=late)
    assert (stages(tables)["prospect"]["n"], stages(tables)["prospect"]["value"]) == (10, 0)


def test_days_are_set_in_the_sources_file():
    tables = answered(many("new", "2026-03-31"), customers=CUSTOMERS)
    assert list(stages(tables, {"onboarding_days": 30})) == ["established"]


def test_a_mean_takes_its_own_scale_and_other_measures_are_refused():
    tables = answered(many("new", "2026-03-31", 4), question="q:food", customers=CUSTOMERS)
    assert stages(tables, measure="mean", dimension="food")["onboarding"]["value"] == 4
    with pytest.raises(QuestionError, match="there are nps, mean"):
        stages(tables, measure="low_share")


SQL = """
with dates as (select a.customer_id, a.lost_on, least(a.signed_on, (select min(starts_on) from subs s where s.customer_id = a.customer_id),
        (select min(purchased_on) from bought b where b.customer_id = a.customer_id)) as joined from accounts a),
given as (select s.*, case when lost_on <= answered_on then 'left' when joined is null or joined > answered_on then 'prospect'
        when answered_on - joined < 90 then 'onboarding'
        when exists (select 1 from subs x where x.customer_id = s.customer_id and x.starts_on <= answered_on
            and coalesce(renewal_on, ends_on) > answered_on and coalesce(renewal_on, ends_on) - answered_on <= 90) then 'renewal'
        else 'established' end as stage
    from scores s join dates d using (customer_id)
    where dimension = 'nps' and is_last and not is_blank and not is_refused and answered_on between '2026-01-01' and '2026-12-31')
select stage, count(*), sum(coalesce(weight, 1) * ((score >= 9)::int - (score <= 6)::int)) / sum(coalesce(weight, 1)) * 100 from given group by 1
"""


@pytest.mark.parametrize("seed", range(4))
def test_plain_sql_finds_the_same(seed):
    rng, given = random.Random(seed), some(seed, 400)
    for customer in given["customers"]:
        customer |= {"signed_at": rng.choice([None, "2024-01-01", "2026-01-20"]), "lost_on": rng.choice([None, None, "2026-02-15"])}
    given["subscriptions"] = [
        {"customer_id": f"k:{rng.randrange(12)}", "starts_on": rng.choice(["2024-05-01", "2026-02-01"]),
         "ends_on": rng.choice([None, "2026-03-15", "2026-12-31"]), "renewal_on": rng.choice([None, "2026-03-01"]), "amount_per_month": 1, "status": "active"}
        for _ in range(9)
    ]  # fmt: skip
    tables = answered(given.pop("answers"), **given)
    con = duckdb.connect()
    for name, table in (("scores", "scores"), ("accounts", "accounts"), ("subs", "subscriptions"), ("bought", "purchases")):
        con.register(name, collect(tables[table]).convert_dtypes(dtype_backend="pyarrow"))
    theirs = {stage: (n, value) for stage, n, value in con.execute(SQL).fetchall()}
    ours = stages(tables)
    shown = {stage: (row["n"], row["value"]) for stage, row in ours.items() if row["state"] == "value"}
    assert len(theirs) >= 4 and {stage for stage, row in ours.items() if row["state"] != "no_data"} == set(theirs) <= set(STAGES) and shown
    assert {stage: n for stage, (n, _) in shown.items()} == {stage: theirs[stage][0] for stage in shown}
    assert [value for _, value in shown.values()] == pytest.approx([theirs[stage][1] for stage in shown])


def test_the_stages_of_known_customers_add_up_to_the_score():
    tables = answered(many("new", "2026-02-01", 10) + many("gone", "2026-06-01", 0) + many("buyer", "2026-06-01", 8), customers=CUSTOMERS, invoices=INVOICES)
    rows, whole = grouped(CARD, tables, ["region"]), one(nps.METRICS[0], tables)
    assert len(rows) == 1 and sum(row["numerator"] for row in stages(tables).values()) == whole["numerator"]
    assert sum(row["n"] for row in stages(tables).values()) == whole["n"] == 15
