"""Use of features: shares of those who used the system, what is known but unused, what is too young to say, and the same in plain SQL."""

import datetime as dt
import random
from functools import cache

import duckdb
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from metrics import CATALOGUE
from metrics.feature_use import systems
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
QUARTER = Period(D("2026-01-01"), D("2026-04-01"), D("2026-06-01"))
USE = CATALOGUE["feature_use"]


def used(user, feature, *days, count=2, system="crm"):
    return [{"owner_id": user, "feature": feature, "day": day, "count": count, "source": system} for day in days]


def asked(rows, period=QUARTER, settings=None, **options):
    tables = made({"feature_uses": rows})
    return ask(USE, tables, Query(period, None, (), (), {"of": "colleagues", **options}, settings or {})).rows.set_index("feature")


@cache
def crm():
    """Ten people search in both quarters; of them three write quotes now and five did before; one plans; scripts are there and unused; one is new."""
    rows = [row for k in range(10) for row in used(f"u{k}", "search", "2025-12-01", "2026-02-01")]
    rows += [row for k in range(5) for row in used(f"u{k}", "quotes", "2025-11-01", *(("2026-03-30",) if k < 3 else ()), count=k + 1)]
    rows += used("u9", "planning", "2025-10-05", "2026-01-01", "2026-04-01") + used("u0", "scripts", "2025-06-01", count=0)
    return asked(rows + used("u1", "summaries", "2026-01-01"))


def test_a_share_is_of_those_who_used_the_system():
    """Of ten: quotes 3, before 5 of 10; 0.3 is not below 0.3. The last use is of 30 March, two days before the quarter's end."""
    quotes = crm().loc["quotes"]
    assert quotes[["numerator", "denominator", "n", "value", "before"]].tolist() == [3, 10, 10, 0.3, 0.5]
    assert (quotes["uses"], quotes["uses_per_user"], quotes["last_on"], quotes["days_since"]) == (1 + 2 + 3, 2.0, D("2026-03-30"), 2)
    assert quotes["change"] == pytest.approx(-0.2) and not quotes["is_under_used"]
    assert quotes[["low", "high"]].tolist() == pytest.approx(proportion_confint(3, 10, method="wilson"))


def test_what_few_use_is_told_and_what_is_new_is_not_judged():
    rows = crm()
    assert rows.index[rows["is_under_used"]].tolist() == ["planning", "scripts"]
    assert rows.loc["planning", ["numerator", "uses", "last_on"]].tolist() == [1, 2, D("2026-01-01")]  # the day of 1 April comes after the quarter
    assert rows.loc["summaries", ["value", "is_young", "is_under_used"]].tolist() == [0.1, True, False]


def test_a_feature_that_is_known_and_was_never_used_counts_with_nobody():
    scripts = crm().loc["scripts"]
    assert scripts[["value", "numerator", "uses", "before"]].tolist() == [0, 0, 0, 0]
    assert pd.isna(scripts["last_on"]) and pd.isna(scripts["days_since"]) and pd.isna(scripts["uses_per_user"])


def test_each_system_has_users_of_its_own():
    rows = used("u1", "search", "2025-12-01", "2026-01-01") + used("u2", "orders", "2025-12-01", "2026-01-01", system="erp")
    assert asked(rows)["n"].tolist() == [1, 1] and asked(rows)["system"].tolist() == ["crm", "erp"]


def test_a_system_that_nobody_used_says_nothing():
    rows = asked(used("u1", "search", "2025-06-01"))
    assert rows["state"].tolist() == ["no_data"] and not rows["is_under_used"].any()


def test_a_running_quarter_is_compared_with_as_many_days():
    """To 31 January: use of 1 February is not known yet, and of the quarter before only its first 31 days count."""
    running = Period(D("2026-01-01"), D("2026-04-01"), D("2026-02-01"))
    rows = asked(used("u1", "search", "2025-11-15", "2026-01-31") + used("u2", "search", "2025-10-31"), running)
    assert rows.loc["search", ["numerator", "days_since"]].tolist() == [1, 1]
    assert rows.loc["search", "before"] == 1.0  # u2 alone used the system in October, and used this


@pytest.mark.parametrize(("least", "under"), [(0.05, ["scripts"]), (0.31, ["planning", "quotes", "scripts"])])
def test_the_threshold_is_a_setting(least, under):
    rows = [row for k in range(10) for row in used(f"u{k}", "search", "2025-12-01", "2026-02-01")]
    rows += [row for k in range(3) for row in used(f"u{k}", "quotes", "2025-11-01", "2026-03-30")]
    rows += used("u9", "planning", "2025-10-05", "2026-01-01") + used("u0", "scripts", "2025-06-01", count=0)
    found = asked(rows, settings={"metrics": {"features": {"threshold": least}}})
    assert found.index[found["is_under_used"]].tolist() == under


@pytest.mark.parametrize("least", [0, 1, 30, "a third", True])
def test_a_threshold_that_is_no_share_is_refused(least):
    with pytest.raises(QuestionError, match="expected a share between 0 and 1"):
        asked(used("u1", "search", "2026-01-01"), settings={"metrics": {"features": {"threshold": least}}})


def test_questions_that_cannot_be_meant():
    with pytest.raises(QuestionError, match="there are customers, colleagues"):
        asked([], of="robots")
    with pytest.raises(QuestionError, match="'region'"):  # colleagues have no region
        ask(USE, made({"feature_uses": used("u1", "a", "2026-01-01")}), Query(QUARTER, None, ("region",), (), {"of": "colleagues"}))


def test_who_used_it_is_told_by_number_and_whose_use_is_on_record():
    tables = made({"feature_uses": used("u1", "search", "2026-01-01", "2026-02-01") + used("u2", "search", "2025-12-01")})
    rows = collect(USE.behind(tables, Query(QUARTER, options={"of": "colleagues"})))
    assert rows.to_dict("records") == [{"system": "crm", "feature": "search", "uses": 4.0, "last_on": D("2026-02-01"), "owner_id": "u1"}]
    assert systems(tables) == {"colleagues": ["crm"]}


SQL = """
with rows as (select u.*, c.region from usage u left join customers c using (customer_id) where day < date '2026-04-01'),
active as (select region, count(distinct customer_id) filter (day >= date '2026-01-01' and "count" > 0) as n,
                  count(distinct customer_id) filter (day >= date '2025-10-01' and day < date '2026-01-01' and "count" > 0) as n_before
           from rows group by region)
select region, feature, count(distinct customer_id) filter (day >= date '2026-01-01' and "count" > 0) as users, any_value(n) as n,
       count(distinct customer_id) filter (day >= date '2025-10-01' and day < date '2026-01-01' and "count" > 0) / nullif(any_value(n_before), 0) as before,
       coalesce(sum("count") filter (day >= date '2026-01-01'), 0) as uses, max(day) filter ("count" > 0) as last_on, min(day) >= date '2026-01-01' as young
from rows join active using (region) group by region, feature order by region, feature"""


@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_says_the_same_of_customers_by_region(seed):
    rng = random.Random(seed)
    customers = [{"customer_id": f"c{k}", "name": f"C {k}", "region": rng.choice(("north", "south"))} for k in range(30)]
    usage = {
        (f"c{rng.randrange(30)}", rng.choice("abcdef"), D("2025-08-01") + dt.timedelta(days=rng.randrange(270))): rng.choice((0, 1, 2, 7)) for _ in range(250)
    }
    rows = [{"customer_id": c, "feature": f, "day": day, "count": n} for (c, f, day), n in usage.items()]
    ours = ask(USE, made({"customers": customers, "usage": rows}), Query(QUARTER, None, ("region",))).rows
    con = duckdb.connect()
    con.register("usage", pd.DataFrame(rows)), con.register("customers", pd.DataFrame(customers))
    theirs = con.execute(SQL).df()
    ours = ours.sort_values(["region", "feature"], ignore_index=True)
    assert len(theirs) == 12 and ours[["region", "feature"]].equals(theirs[["region", "feature"]])
    assert ours["numerator"].tolist() == theirs["users"].tolist() and ours["n"].tolist() == theirs["n"].tolist()
    assert ours["before"].fillna(-1).tolist() == pytest.approx(theirs["before"].fillna(-1).tolist())
    assert ours["uses"].tolist() == theirs["uses"].tolist() and ours["is_young"].tolist() == theirs["young"].tolist()
    assert pd.to_datetime(ours["last_on"]).tolist() == theirs["last_on"].tolist()
