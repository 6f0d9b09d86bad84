"""Survival and silence: published curves, customers who came before the records begin, and what a cut would have done."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from metrics import CATALOGUE, activity, renewals, survival
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.survival import kaplan_meier, log_rank
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for module in (survival, activity, renewals) for metric in module.METRICS}
MERCAPTOPURINE = ["6", "6", "6", "6+", "7", "9+", "10", "10+", "11+", "13", "16", "17+", "19+", "20+", "22", "23", "25+", "32+", "32+", "34+", "35+"]
PLACEBO = ["1", "1", "2", "2", "3", "4", "4", "5", "5", "8", "8", "8", "8", "11", "11", "12", "12", "15", "17", "22", "23"]


def asked(name, tables, start, end, as_of=None, **question):
    return ask(CARDS[name], tables, Query(Period(D(start), D(end), D(as_of or end)), settings=tables.settings, **question))


def trial(texts):
    return [float(t.rstrip("+")) for t in texts], [0 if t.endswith("+") else 1 for t in texts]


def test_the_six_mp_trial():
    """Freireich et al. 1963, Blood 21 699-716: the textbook table."""
    table = kaplan_meier(*trial(MERCAPTOPURINE)).set_index("time")
    published = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert {t: round(table.loc[t, "survival"], 4) for t in published} == published
    assert (table.loc[6, "at_risk"], table.loc[6, "events"], round(table.loc[6, "se"], 4)) == (21, 3, 0.0764)
    assert ((table["low"] <= table["survival"]) & (table["survival"] <= table["high"]) & (table["high"] <= 1)).all()


def test_log_rank_of_the_six_mp_trial():
    (treated, t_event), (control, c_event) = trial(MERCAPTOPURINE), trial(PLACEBO)
    chi2, p = log_rank(treated + control, t_event + c_event, ["6-MP"] * 21 + ["placebo"] * 21)
    assert (round(chi2, 3), round(p, 7)) == (16.793, 0.0000417)


def test_who_came_before_the_records_enters_late():
    """Two began at 0, one entered at tenure 5: at 3 one of 2 leaves, at 7 one of 2. S = 1/2, then 1/2 · 1/2."""
    table = kaplan_meier([3, 9, 7], [1, 0, 1], [0, 0, 5]).set_index("time")
    assert table.loc[3, ["at_risk", "survival"]].tolist() == [2, 1 / 2]
    assert table.loc[7, ["at_risk", "survival"]].tolist() == [2, 1 / 4]


def agreed(customer, starts, ends=None, **more):
    return {"customer_id": customer, "starts_on": starts, "ends_on": ends, "amount_per_month": 1, "status": "ended" if ends else "active", **more}


def test_the_curve_reads_agreements_month_by_month():
    """Four begin on 1 January 2024; one leaves after about 2.5 months, one after 8.5."""
    tables = made(
        {"subscriptions": [agreed("a", "2024-01-01", "2024-03-15"), agreed("b", "2024-01-01", "2024-09-15"), *(agreed(c, "2024-01-01") for c in "cd")]}
    )
    answer = asked("survival", tables, "2024-01-01", "2025-01-01", options={"observed_from": "2024-01-01"})
    curve = answer.rows.set_index("age")
    assert [curve.loc[k, "value"] for k in (0, 2, 3, 8, 9, 11)] == pytest.approx([1, 1, 3 / 4, 3 / 4, 2 / 4, 2 / 4])
    assert [curve.loc[k, "n"] for k in (0, 2, 3, 9)] == [4, 4, 3, 2] and curve["numerator"].sum() == 2
    assert curve["median"].iloc[0] == pytest.approx(258 / (365.25 / 12))  # 1 January to 15 September: 258 days


def test_a_period_looks_at_what_happened_in_it():
    """Who left before the period is not in it; who began before enters at their tenure."""
    tables = made({"subscriptions": [agreed("gone", "2022-01-01", "2023-05-01"), agreed("old", "2023-01-01", "2024-07-01"), agreed("new", "2024-02-01")]})
    rows = collect(CARDS["survival"].behind(tables, _query(tables, "2024-01-01", "2025-01-01"))).set_index("customer_id")
    assert sorted(rows.index) == ["new", "old"]
    assert rows.loc["old", "entry"] * 365.25 / 12 == pytest.approx(365) and rows.loc["old", "left"] == 1
    assert rows.loc["new", ["entry", "left"]].tolist() == [0, 0]


def _query(tables, start, end, name="survival"):
    return Query(Period(D(start), D(end), D(end)), options=dict(CARDS[name].options), settings=tables.settings)


def test_segments_are_compared():
    begun = [agreed(f"n{k}", "2024-01-01", f"2024-0{k + 2}-01", region="n") for k in range(6)] + [agreed(f"s{k}", "2024-01-01") for k in range(6)]
    people = [{"customer_id": f"{r}{k}", "name": "x", "region": r} for r in "ns" for k in range(6)]
    answer = asked("survival", made({"subscriptions": begun, "customers": people}), "2024-01-01", "2025-01-01", by=("region",))
    assert answer.notes["log_rank_p"] < 0.01 and set(answer.rows["region"]) == {"n", "s"}


def test_a_wrong_day_is_refused():
    with pytest.raises(QuestionError, match="observed_from 'spring' is not a day"):
        asked("survival", made({"subscriptions": [agreed("a", "2024-01-01")]}), "2024-01-01", "2025-01-01", options={"observed_from": "spring"})


# silence


def shop(**customers):
    return made({"invoices": [{"customer_id": c, "issued_on": day, "amount": 1} for c, days in customers.items() for day in days]})


SHOP = {
    "active": ["2026-06-20"],  # 11 days silent on 1 July
    "at_risk": ["2026-03-01"],  # 122 days
    "lapsed": ["2025-12-01"],  # 212 days
    "edge": ["2026-01-02"],  # exactly 180 days: not longer than the cut
    "back": ["2025-09-01", "2026-06-02"],  # bought in June after 274 days
}


def test_states_by_silence():
    answer = asked("activity", shop(**SHOP), "2026-06-01", "2026-07-01")
    assert dict(zip(answer.rows["status"], answer.rows["numerator"], strict=True)) == {"active": 1, "at_risk": 2, "lapsed": 1, "reactivated": 1}
    assert answer.rows["value"].sum() == 1 and set(answer.rows["n"]) == {5}


@pytest.mark.parametrize(("given", "lapsed"), [({"options": {"cut_days": 120}}, 3), ({}, 1)])
def test_the_cut_is_chosen(given, lapsed):
    rows = asked("activity", shop(**SHOP), "2026-06-01", "2026-07-01", **given).rows.set_index("status")
    assert rows.loc["lapsed", "numerator"] == lapsed


def test_the_settings_choose_the_cut_too():
    tables = shop(**SHOP)
    tables.settings = {**tables.settings, "metrics": {"activity": {"cut_days": 200}}}
    answer = asked("activity", tables, "2026-06-01", "2026-07-01")
    assert answer.notes["cut_days"] == 200


@pytest.mark.parametrize(("days", "lapsed"), [(200, 1), (120, 3)])
def test_one_cut_says_lost_everywhere(days, lapsed):
    """Silence, survival and RFM tiers count the same customers as lost, and tell how often that was wrong."""
    tables = shop(**SHOP)
    tables.settings = {**tables.settings, "metrics": {"activity": {"cut_days": days}}}
    silence = asked("activity", tables, "2026-06-01", "2026-07-01")
    stays = ask(CATALOGUE["survival"], tables, Query(Period(D("2020-01-01"), D("2026-07-01"), D("2026-07-01")), settings=tables.settings))
    tiers = ask(CATALOGUE["rfm"], tables, Query(Period(D("2026-06-01"), D("2026-07-01"), D("2026-07-01")), settings=tables.settings))
    assert silence.rows.set_index("status").loc["lapsed", "numerator"] == lapsed
    assert stays.rows["numerator"].sum() == lapsed
    assert tiers.rows.set_index("tier").loc["lost", "numerator"] == lapsed
    assert silence.notes["wrongly_flagged"] == stays.notes["wrongly_flagged"] == tiers.notes["wrongly_flagged"]


def test_without_anybody_who_came_back_nothing_is_known_of_wrong_flags():
    answer = asked("activity", shop(a=["2025-01-01"], b=["2025-01-02"]), "2026-06-01", "2026-07-01")
    assert answer.notes["wrongly_flagged"] is None


def test_what_a_cut_would_have_done():
    """Judged on 1 January 2026: 100 days of silence flag lost, returner; of the two returners one is flagged."""
    people = {"lost": ["2025-06-01"], "returner": ["2025-06-02", "2026-03-01"], "regular": ["2025-12-01", "2026-02-01"], "later": ["2026-02-01"]}
    answer = asked("silence_cuts", shop(**people), "2026-06-01", "2026-07-01", options={"judge_days": 181})
    row = answer.rows[answer.rows["cut_days"] == 90].iloc[0]
    assert (row["buyers"], row["n"], row["numerator"], row["value"]) == (3, 2, 1, 1 / 2)
    assert (row["flagged_share"], row["wrongly_flagged"]) == (2 / 3, 1 / 2)
    assert answer.notes["judged_on"] == "2026-01-01"
    assert answer.rows[answer.rows["cut_days"] == 365].iloc[0]["state"] == "no_data"  # nobody was silent for so long


CDNOW = Path(__file__).parents[3] / "shared/data/cdnow/CDNOW_sample.txt"


@pytest.mark.slow
@pytest.mark.skipif(not CDNOW.exists(), reason="needs ../shared/data/cdnow")
def test_cuts_on_cdnow():
    """First 39 weeks to decide, next 39 to judge: counted here line by line for the 1-in-10 sample (the whole base is much like it: 90 days flag 82 %)."""
    lines = [line.split() for line in CDNOW.read_text().splitlines() if line.strip()]
    days = [(customer, dt.date(int(day[:4]), int(day[4:6]), int(day[6:]))) for customer, _, day, *_ in lines]
    start = dt.date(1997, 1, 1)
    judged, end = start + dt.timedelta(weeks=39), start + dt.timedelta(weeks=78)
    last = {customer: max(day for c, day in days if c == customer and day < judged) for customer in {c for c, day in days if day < judged}}
    back = {customer for customer, day in days if judged <= day < end}
    tables = made({"invoices": [{"customer_id": c, "issued_on": day, "amount": 1} for c, day in days]})
    answer = asked("silence_cuts", tables, "1998-06-01", end.isoformat(), options={"judge_days": 39 * 7})
    for cut in (90, 180):
        flagged = {c for c, day in last.items() if (judged - day).days > cut}
        row = answer.rows.set_index("cut_days").loc[cut]
        assert (row["n"], row["buyers"], row["numerator"]) == (len(flagged), len(last), len(flagged - back))
        assert row["wrongly_flagged"] == pytest.approx(len(flagged & back) / len(back & set(last)))
    assert answer.rows.set_index("cut_days").loc[90, "flagged_share"] == pytest.approx(0.82, abs=0.02)  # published for the whole base


# renewals


def test_renewals_by_month():
    given = [
        agreed("a", "2025-01-01", renewal_on="2026-07-10"),
        {**agreed("b", "2025-01-01", "2026-07-20"), "status": "active"},  # a fixed term comes up where it ends
        {**agreed("c", "2025-01-01", "2026-07-20"), "status": "cancelled"},  # will not renew
        agreed("d", "2025-01-01", renewal_on="2026-09-01", currency="USD"),
        agreed("e", "2025-01-01", renewal_on="2026-06-30"),  # before the look ahead
        agreed("f", "2025-01-01", renewal_on="2026-08-05", currency="XAU"),
    ]
    tables = made({"subscriptions": given, "rates": [{"currency": "USD", "day": "2026-06-20", "rate": 7.0}]})
    answer = asked("renewals", tables, "2026-06-01", "2026-07-01", options={"months": 3})
    found = [(row["period"].month, row["value"], row["n"]) for _, row in answer.rows.iterrows()]
    assert found == [(7, 2, 2), (8, 0, 1), (9, 7, 1)] and answer.notes["unconverted"] == 1
    assert len(collect(CARDS["renewals"].behind(tables, _query(tables, "2026-06-01", "2026-07-01", "renewals")))) == 4
    with pytest.raises(QuestionError, match="months 0"):
        asked("renewals", tables, "2026-06-01", "2026-07-01", options={"months": 0})


@pytest.mark.parametrize("name", CARDS)
def test_nothing_there_is_no_data(name):
    answer = asked(name, made({}), "2026-01-01", "2026-07-01")
    assert answer.rows.empty or np.nansum(answer.rows["value"]) == 0
