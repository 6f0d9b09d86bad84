"""Time in stage, sales cycle and the incidence of winning: worked cases, SAS's figures, and a simulation whose truth is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from metrics import cycle, incidence
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, collect
from metrics.stays import spread
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in (*cycle.METRICS, *incidence.METRICS)}
AS_OF = D("2026-12-01")
YEAR = Period(D("2026-01-01"), D("2027-01-01"), AS_OF)
LINE = {"metrics": {"funnel": {"stages": ["Lead", "Quote", "Contract"]}}}


def measured(name, tables, period=YEAR, *, by=(), grain=None, **options):
    return ask(CARDS[name], tables, Query(period, grain, tuple(by), (), options, tables.settings))


def at(day, hour=0):
    return dt.datetime.combine(D(day), dt.time(hour), dt.UTC)


def stays(lengths, start="2026-03-01"):
    """Deals that were in the quote stage for so many days and then got a contract; None: they still wait."""
    deals, log = [], []
    for k, days in enumerate(lengths):
        deals.append({"deal_id": f"{start}-{k}", "stage": "Quote", "created_at": at(start)})
        log.append({"deal_id": f"{start}-{k}", "stage": "Quote", "entered_at": at(start, 1)})
        if days is not None:
            log.append({"deal_id": f"{start}-{k}", "stage": "Contract", "entered_at": at(start, 1) + dt.timedelta(days=days)})
    return deals, log


def quote(tables, **more):
    rows = measured("time_in_stage", tables, **more).rows
    return rows[rows["stage"] == "Quote"].iloc[0]


def test_one_two_and_thirty_days():
    """Time in stage 1, 2, 30 days: median 2, mean 11."""
    deals, log = stays([1, 2, 30])
    row = quote(made({"deals": deals, "deal_stages": log}, LINE))
    assert (row["value"], row["mean"], row["n"], row["open"]) == (2, 11, 3, 0)


def test_deals_that_still_wait_count_for_as_long_as_they_have_waited():
    """Of 1, 2, and two that still wait, half have left after 2 days: S(1) = 3/4, S(2) = 2/4."""
    deals, log = stays([1, 2, None, None])
    row = quote(made({"deals": deals, "deal_stages": log}, LINE))
    assert (row["value"], row["n"], row["open"], row["numerator"]) == (2, 4, 2, 2)
    assert pd.isna(row["q3"])  # three quarters have not left yet: not known, not "long"


# Freireich et al. 1963, Blood 21: weeks in remission under 6-MP, "+" still in remission
SIX_MP = ["6", "6", "6", "6+", "7", "9+", "10", "10+", "11+", "13", "16", "17+", "19+", "20+", "22", "23", "25+", "32+", "32+", "34+", "35+"]


def test_the_median_of_freireichs_patients():
    """S(22) = .5378 and S(23) = .4482 are published: the median is 23, the lower quartile 13 (S(13) = .6902 < .75 <= S(10) = .7529)."""
    rows = pd.DataFrame({"hours": [24 * int(t.strip("+")) for t in SIX_MP], "over": ["+" not in t for t in SIX_MP], "n": 1})
    found = spread(rows)
    assert (found["value"], found["q1"]) == (23, 13)
    assert np.isnan(found["q3"])


def test_an_approval_that_takes_three_times_as_long_sounds_the_alarm():
    rng = np.random.default_rng(1)
    before, now = stays(rng.exponential(10, 60).round(1), "2025-06-01"), stays(rng.exponential(30, 60).round(1))
    tables = made({"deals": before[0] + now[0], "deal_stages": before[1] + now[1]}, LINE)
    row = quote(tables)
    assert row["alarm"] and row["p"] < 0.001 and row["n"] == 60
    assert row["value"] > 2 * row["before"]
    calm = made({"deals": before[0] + now[0][:20], "deal_stages": before[1] + now[1][:40]}, LINE)
    assert not quote(calm)["alarm"]  # 20 deals are too few to be alarmed by


def test_the_list_behind_a_median_is_its_n():
    deals, log = stays([1, 2, None])
    tables = made({"deals": deals, "deal_stages": log}, LINE)
    query = Query(YEAR, where=(("stage", ("Quote",)),), settings=tables.settings)
    found = collect(CARDS["time_in_stage"].behind(tables, query))
    assert len(found) == quote(tables)["n"] == 3
    assert sorted(found["waited_days"])[:2] == [1, 2] and max(found["waited_days"]) > 2  # the third still waits


def closing(name, days, is_won, created="2026-02-01"):
    closed = None if is_won is None else at(created) + dt.timedelta(days=days)
    return {"deal_id": str(name), "stage": "Lead", "is_won": is_won, "created_at": at(created), "closed_at": closed}


def test_the_cycle_of_won_and_lost_deals():
    deals = [closing("a", 10, True), closing("b", 20, True), closing("c", 60, False), closing("d", 0, None)]
    deals.append({**closing("undated", 0, True), "closed_at": None})
    row = measured("sales_cycle", made({"deals": deals})).rows.iloc[0]
    assert (row["mean_won"], row["mean_lost"], row["open"], row["n"], row["undated"]) == (15, 60, 1, 4, 1)
    assert row["value"] == 20  # S(10) = 3/4, S(20) = 2/4


def test_a_deal_closed_before_it_was_created_took_no_time():
    assert measured("sales_cycle", made({"deals": [closing("a", -5, True)]})).rows["value"][0] == 0


# incidence


def test_incidence_equals_sas():
    """t 1…6, event 0 1 1 2 2 0: cause 2 0 0 0 .2 .4 .4 with variance 0 0 0 .032 .048 .048, cause 1 0 .2 .4 .4 .4 .4 (SAS, in lifelines' tests)."""
    outcome = ["open", "lost", "lost", "won", "won", "open"]
    curve = incidence.incidence(pd.DataFrame({"day": range(1, 7), "outcome": outcome, "n": 1}))
    assert curve["value"].tolist() == pytest.approx([0, 0, 0, 0.2, 0.4, 0.4])
    assert (curve["se"] ** 2).fillna(0).tolist() == pytest.approx([0, 0, 0, 0.032, 0.048, 0.048])
    assert curve["lost"].tolist() == pytest.approx([0, 0.2, 0.4, 0.4, 0.4, 0.4])
    assert curve["at_risk"].tolist() == [6, 5, 4, 3, 2, 1]


def test_limits_on_the_log_log_scale():
    """F = .2, se = sqrt(.032): .2 ** exp(±1.96 · se / (.2 · ln .2)) = .0084 … .5818, by hand."""
    curve = incidence.incidence(pd.DataFrame({"day": range(1, 7), "outcome": ["open", "lost", "lost", "won", "won", "open"], "n": 1}))
    width = 1.96 * 0.032**0.5 / (0.2 * -np.log(0.2))
    row = curve.iloc[3]
    assert (row["low"], row["high"]) == (pytest.approx(0.2 ** np.exp(width)), pytest.approx(0.2 ** np.exp(-width)))


def simulated(n=4000, seed=3):
    """A true win rate of 30 %; wins come faster than losses; deals are created over a year and looked at when it ends."""
    rng = np.random.default_rng(seed)
    won = rng.random(n) < 0.3
    length = np.where(won, rng.gamma(2, 20, n), rng.gamma(2, 60, n)).astype(int)
    age = rng.integers(0, 365, n)
    rows = []
    for k in range(n):
        created = AS_OF - dt.timedelta(days=int(age[k]) + 1)
        rows.append(closing(k, int(length[k]), bool(won[k]) if length[k] < age[k] else None, str(created)))
    return made({"deals": rows})


def test_open_deals_neither_ignored_nor_given_up():
    """The two usual rates miss a true 30 % on both sides; Aalen–Johansen does not."""
    tables = simulated()
    period = Period(AS_OF - dt.timedelta(days=366), AS_OF, AS_OF)
    facts = collect(tables["deal_facts"])["outcome"].value_counts()
    row = measured("win_probability", tables, period, horizon_days=330).rows.iloc[0]
    assert facts["won"] / (facts["won"] + facts["lost"]) > 0.33 and facts["won"] / facts.sum() < 0.285
    assert row["low"] < 0.3 < row["high"] and row["high"] - row["low"] < 0.06
    assert row["open_share"] == pytest.approx(facts["open"] / facts.sum())


def test_the_curve_rises_and_ends_at_the_plain_share_once_everything_is_closed():
    tables = made({"deals": [closing(k, k + 1, k % 4 == 0) for k in range(40)]})
    curve = measured("win_incidence", tables).rows
    assert (curve["value"].diff().dropna() >= -1e-12).all()
    assert curve["value"].iloc[-1] == pytest.approx(10 / 40)
    assert curve["n"].unique().tolist() == [40]


@pytest.mark.parametrize("name", list(CARDS))
@pytest.mark.parametrize("grain", [None, "quarter"])
@pytest.mark.parametrize("by", [(), ("region",)])
def test_no_deals_and_open_deals_only(name, grain, by):
    assert set(measured(name, made({}), grain=grain, by=by).rows["state"]) <= {"no_data"}
    still = measured(name, made({"deals": [closing("a", 0, None), closing("b", 0, None)]}), grain=grain, by=by).rows
    assert (still.loc[still["state"] == "value", "value"] == 0).all()  # nothing won yet is a probability of 0, and no median at all
