"""Tickets and use of two public data sets: what others published, and plain pandas over the raw files [D]."""

from pathlib import Path

import pandas as pd
import pytest

from connectors.sources import load
from tests.commands import rows, status, value
from tests.examples.conftest import EXAMPLES


def raw(name: str, file: str, **how) -> pd.DataFrame:
    """A file of an example as its authors left it; skips where it is not there."""
    (source,) = load(EXAMPLES / f"{name}.toml", reach=False).sources.values()
    path = Path(source.path) / file
    if not path.exists():
        pytest.skip(f"the data set is not there: {path}")
    return pd.read_csv(path, **how)


def loaded(data) -> dict[str, int]:
    return {table["entity"]: table["rows"] for source in status(data)["sources"] for table in source["tables"]}


# --- Italian help desk: 21,348 events of 4,580 tickets [P] -------------------------------------------------------------


@pytest.fixture(scope="module")
def desk():
    """One row per ticket: opened, taken, resolved, how often it was resolved, seriousness."""
    events = raw("helpdesk_italian", "finale.csv", parse_dates=["Complete Timestamp"])
    assert len(events) == 21_348
    done = events.assign(at=events["Complete Timestamp"]).sort_values("at", kind="stable").groupby("Case ID")
    taken, resolved = (events[events["Activity"] == name].groupby("Case ID")["Complete Timestamp"] for name in ("Take in charge ticket", "Resolve ticket"))
    return pd.DataFrame({"opened": done["at"].min(), "taken": taken.min(), "resolved": resolved.max(), "times": resolved.size()})


def test_each_ticket_is_one(synced, desk):
    assert loaded(synced("helpdesk_italian"))["tickets"] == len(desk) == 4580


def old_enough(desk, waits: str):
    """The tickets whose time was over on the first day without a new ticket, in Rome."""
    return desk[desk["opened"] <= desk["opened"].max().normalize() + pd.Timedelta(days=1) - pd.Timedelta(waits)]


@pytest.mark.parametrize("hours", [1, 24])
def test_desk_takes_in_charge(synced, desk, hours):
    """The share by the raw events; a ticket that nobody took in charge was answered when it was resolved."""
    asked = old_enough(desk, f"{hours}h")
    waited = asked["taken"].fillna(asked["resolved"]) - asked["opened"]
    (row,) = rows(synced("helpdesk_italian"), "tickets_answered", "--option", f"within_hours={hours}")
    assert (row["n"], row["n"] + row["young"]) == (len(asked), 4580)
    assert row["numerator"] == (waited <= pd.Timedelta(hours=hours)).sum()


def test_desk_resolves_for_good(synced, desk):
    (row,) = rows(synced("helpdesk_italian"), "tickets_solved", "--option", "within_days=30")
    asked = old_enough(desk, "30D")
    in_time = (asked["resolved"] - asked["opened"] <= pd.Timedelta(days=30)) & (asked["times"] == 1)
    assert (row["n"], row["numerator"], row["reopened"]) == (len(asked), in_time.sum(), (asked["times"] > 1).sum())


# --- RavenStack: a fictional software company -------------------------------------------------------------------------


def test_ravenstack_rows(synced):
    """500 accounts, 5,000 subscriptions, 2,000 tickets [P]; 25,000 lines of use fall on fewer accounts, features and days [D]."""
    use = raw("ravenstack", "ravenstack_feature_usage.csv").merge(raw("ravenstack", "ravenstack_subscriptions.csv")[["subscription_id", "account_id"]])
    found = loaded(synced("ravenstack"))
    assert (found["customers"], found["subscriptions"], found["tickets"]) == (500, 5000, 2000)
    assert len(use) == 25_000 and found["usage"] == len(use[["account_id", "feature_name", "usage_date"]].drop_duplicates())


def test_ravenstack_recurring_revenue(synced):
    """On 31 December 2024: every subscription that has begun and not ended, trials without an amount [D]; by plan adds up to it."""
    sold = raw("ravenstack", "ravenstack_subscriptions.csv")
    assert sold["mrr_amount"].sum() == 11_338_747  # [P], of all subscriptions there ever were
    runs = sold[sold["end_date"].isna() & ~sold["is_trial"]]
    period = ("--from", "2024-01-01", "--to", "2025-01-01")
    assert value(synced("ravenstack"), "mrr", *period) == pytest.approx(runs["mrr_amount"].sum())


def test_ravenstack_first_answers(synced):
    """A mean of 88.5 minutes [P]; the share within an hour by the raw file."""
    minutes = raw("ravenstack", "ravenstack_support_tickets.csv")["first_response_time_minutes"]
    assert minutes.mean() == pytest.approx(88.5, abs=0.05)
    (row,) = rows(synced("ravenstack"), "tickets_answered", "--option", "within_hours=1")
    assert (row["numerator"], row["n"] + row["young"]) == ((minutes <= 60).sum(), 2000)


def test_ravenstack_satisfaction_after_a_ticket(synced):
    """Of the answers of an account in a quarter the last one; two of one moment are told apart by their number."""
    given = raw("ravenstack", "ravenstack_support_tickets.csv", parse_dates=["closed_at"]).dropna(subset=["satisfaction_score"])
    given = given.assign(quarter=given["closed_at"].dt.to_period("Q")).sort_values(["closed_at", "ticket_id"])
    scores = given.groupby(["account_id", "quarter"])["satisfaction_score"].last()
    (row,) = rows(synced("ravenstack"), "satisfaction")
    assert (row["n"], row["value"]) == (len(scores), pytest.approx(scores.mean()))
    assert len(scores) < len(given) == 1175


def test_ravenstack_faults_are_all_found_and_counted(synced):
    """76.6 % of the use before its start, 277 accounts with an event and no mark [P]; the reverse and the numbers that occur twice by the raw files [D]."""
    accounts, events = raw("ravenstack", "ravenstack_accounts.csv"), raw("ravenstack", "ravenstack_churn_events.csv")
    use, sold = raw("ravenstack", "ravenstack_feature_usage.csv"), raw("ravenstack", "ravenstack_subscriptions.csv")
    early = use.merge(sold[["subscription_id", "start_date"]]).eval("usage_date < start_date").sum()
    has_left = accounts["account_id"].isin(events["account_id"])
    expected = {
        "use_before_start": (early, 25_000), "use_repeated": (use["usage_id"].duplicated().sum(), 25_000),
        "left_unmarked": ((has_left & ~accounts["churn_flag"]).sum(), 500), "marked_without_leaving": ((~has_left & accounts["churn_flag"]).sum(), 500),
    }  # fmt: skip
    found = {row["check"]: (row["numerator"], row["n"]) for row in rows(synced("ravenstack"), "data_health")}
    assert {check: found[check] for check in expected} == expected
    assert (round(early / 25_000, 3), expected["left_unmarked"][0], expected["use_repeated"][0]) == (0.766, 277, 21)


def test_ravenstack_use_of_features(synced):
    """40 features [P]; of the accounts that used anything in the last quarter of 2024 the share that used each, and the quarter before, by the raw file."""
    use = raw("ravenstack", "ravenstack_feature_usage.csv").merge(raw("ravenstack", "ravenstack_subscriptions.csv")[["subscription_id", "account_id"]])
    use = use[use["usage_count"] > 0]
    now, before = (use[use["usage_date"].between(first, last)] for first, last in (("2024-10-01", "2024-12-31"), ("2024-07-01", "2024-09-30")))
    share = {name: days.groupby("feature_name")["account_id"].nunique() / days["account_id"].nunique() for name, days in (("now", now), ("before", before))}
    found = rows(synced("ravenstack"), "feature_use", "--from", "2024-10-01", "--to", "2025-01-01")
    assert len(found) == use["feature_name"].nunique() == 40
    assert {row["feature"]: row["value"] for row in found} == pytest.approx(share["now"].to_dict())
    assert {row["feature"]: row["before"] for row in found} == pytest.approx(share["before"].to_dict())
    assert {row["n"] for row in found} == {now["account_id"].nunique()}
    assert [row["feature"] for row in found if row["is_under_used"]] == sorted(share["now"].index[share["now"] < 0.3])
