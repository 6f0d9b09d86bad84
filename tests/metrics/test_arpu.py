"""What a customer pays and is worth; exact splits. Expected values are derived beside the case or cited."""

import itertools
import math
import random

import duckdb
import numpy as np
import pandas as pd
import pytest

from metrics import arpu, bridge, concentration, ltv, promotion, value
from metrics.concentration import customers_for, gini, herfindahl, top_share
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.splits import das_gupta, mix_and_rate, price_volume_mix
from tests.made import made
from tests.metrics.test_retention import YEAR, D, agreed

CARDS = {metric.name: metric for module in (arpu, bridge, ltv, concentration, value, promotion) for metric in module.METRICS}
MAY = Period(D("2025-05-01"), D("2025-06-01"), D("2026-01-01"))


def asked(name, tables, period=YEAR, **question):
    return ask(CARDS[name], tables, Query(period, settings=tables.settings, **question))


def headline(name, tables, period=YEAR, **question):
    return asked(name, tables, period, **question).rows.iloc[0]


def subscribed(*rows):
    return made({"subscriptions": list(rows)})


def sold(customer, day, amount, **more):
    return {"customer_id": customer, "issued_on": day, "amount": amount, **more}


# averages whose names are kept apart


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ({"a": [1], "b": [1], "c": [3], "d": [5], "e": [5]}, 3.0),  # ChartMogul
        ({"a": [100, 200], "b": [300]}, 300.0),  # ChartMogul: all agreements of an account are one
    ],
)
def test_arpa(amounts, expected):
    tables = subscribed(*(agreed(c, amount) for c, several in amounts.items() for amount in several))
    row = headline("arpa", tables)
    assert row["value"] == expected and row["denominator"] == row["n"] == len(amounts)
    assert row["numerator"] == headline("mrr", tables)["value"] == sum(sum(several) for several in amounts.values())
    assert row["low"] <= expected <= row["high"]


def test_mrr_of_a_yearly_plan_and_of_what_is_no_mrr():
    """2,000 a year is 166.67 a month [ChartMogul]; a trial, a one-off and an agreement that ended are nothing."""
    lines = [sold("a", "2025-01-01", 2000, kind="recurring", period_start="2025-01-01", period_end="2026-01-01"), sold("a", "2025-02-01", 500, kind="one_off")]
    tables = made({"invoices": lines, "subscriptions": [{**agreed("b", 50), "status": "trial"}, agreed("c", 70, ends="2025-12-01")]})
    assert headline("mrr", tables)["value"] == pytest.approx(166.67, abs=0.005)


def test_mrr_is_net_of_tax_and_discount():
    """A line of 100 with coupon 10 and tax 6 is 90 a month [ProfitWell]: amounts are net when they arrive, a separate coupon line takes off."""
    span = {"kind": "recurring", "period_start": "2025-12-01", "period_end": "2026-01-01"}
    coupon = {**span, "kind": "credit_note"}
    assert headline("mrr", made({"invoices": [sold("a", "2025-12-01", 100, **span), sold("a", "2025-12-01", -10, **coupon)]}))["value"] == 90


def test_value_is_converted_at_the_day_it_stands():
    rates = [{"currency": "USD", "day": "2025-12-30", "rate": 7.0}]
    tables = made({"subscriptions": [agreed("a", 10, currency="USD"), agreed("b", 10), agreed("c", 10, currency="XAU")], "rates": rates})
    answer = asked("mrr", tables)
    assert (answer.rows.loc[0, "value"], answer.rows.loc[0, "n"], answer.notes["unconverted"]) == (80, 2, 1)


def test_revenue_arppu_and_arpu_have_their_own_denominators():
    """b is billed nothing in May; a is a customer for all of May, b from 17 May on: 31 + 15 customer-days."""
    tables = made({
        "subscriptions": [agreed("a", 100), agreed("b", 100, starts="2025-05-17")],
        "invoices": [sold("a", "2025-05-02", 90), sold("a", "2025-05-20", -30, kind="credit_note"), sold("x", "2025-05-20", 40)],
    })  # fmt: skip
    assert (headline("revenue", tables, MAY)["value"], headline("revenue", tables, MAY)["n"]) == (100, 2)
    assert (headline("arppu", tables, MAY)["value"], headline("arppu", tables, MAY)["denominator"]) == (100 / 2, 2)
    answer = asked("arpu", tables, MAY)
    assert answer.rows.loc[0, "value"] == pytest.approx(60 / ((31 + 15) / (365.25 / 12))) and answer.rows.loc[0, "n"] == 2
    assert answer.notes == {"base": "contracts", "outside": 40.0, "unconverted": 0}  # x has no agreement


UNRATED = {"currency": "XAU"}


@pytest.mark.parametrize(("name", "n", "value"), [("arppu", 1, 100), ("arpu", 1, 100), ("revenue", 2, 100)])
def test_who_bought_only_for_amounts_without_a_rate_is_in_no_denominator(name, n, value):
    """a paid 100, b 50 in a currency without a rate: ARPPU is 100, not 50; both have an invoice."""
    tables = made({"invoices": [sold("a", "2025-05-02", 100), sold("b", "2025-05-02", 50, **UNRATED)]})
    answer = asked(name, tables, MAY)
    assert (answer.rows.loc[0, "value"], answer.rows.loc[0, "n"], answer.notes["unconverted"]) == (value, n, 1)
    assert len(collect(CARDS[name].behind(tables, Query(MAY, options=CARDS[name].options, settings=tables.settings)))) == n


MONEY = ("revenue", "arppu", "arpu", "mrr", "arpa", "concentration", "pareto", "arpu_bridge", "promotion_roi")


@pytest.mark.parametrize("name", MONEY)
def test_amounts_without_a_rate_are_left_out_and_counted(name):
    lines = [sold("a", f"{year}-05-0{day}", 100 * day, product_id="p", quantity=1, campaign_id="k") for year in (2024, 2025) for day in (1, 2)]
    campaign = {"campaign_id": "k", "name": "k", "starts_on": "2025-05-01", "ends_on": "2025-06-01", "cost": 10}
    there = {"invoices": lines, "subscriptions": [agreed("a", 10)], "campaigns": [campaign]}
    unrated = {"invoices": [*lines, sold("a", "2025-05-09", 7, campaign_id="k", **UNRATED)], "subscriptions": [agreed("a", 10), agreed("a", 5, **UNRATED)]}
    without, given = (asked(name, made({**there, **more})) for more in ({}, unrated))
    assert given.rows["value"].tolist() == pytest.approx(without.rows["value"].tolist(), nan_ok=True)
    assert (without.notes["unconverted"], given.notes["unconverted"]) == (0, 1)


def test_a_shops_arpu_counts_the_months_bought_in():
    tables = made({"invoices": [sold("a", "2025-04-01", 10), sold("a", "2025-04-20", 10), sold("a", "2025-05-01", 10), sold("b", "2025-05-03", 30)]})
    row = headline("arpu", tables)
    assert (row["value"], row["denominator"]) == ((10 + 10 + 10 + 30) / 3, 3)


def test_arpu_per_user():
    """a has 4 users in April and 6 in May."""
    usage = [
        {"customer_id": "a", "feature": "f", "day": day, "count": 1, "users": users} for day, users in (("2025-04-01", 3), ("2025-04-09", 4), ("2025-05-02", 6))
    ]
    tables = made({"usage": usage, "invoices": [sold("a", "2025-04-05", 100)]})
    assert headline("arpu", tables, options={"base": "users"})["value"] == 100 / (4 + 6)
    with pytest.raises(QuestionError, match="no base 'seats'"):
        headline("arpu", tables, options={"base": "seats"})


@pytest.mark.parametrize("seed", range(8))
def test_plain_sql_finds_the_same_averages(seed):
    rng = random.Random(seed)
    lines = [sold(f"c{rng.randint(1, 9)}", f"2025-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}", rng.randint(-20, 200)) for _ in range(50)]
    period = Period(D("2025-03-01"), D("2025-09-01"), D("2026-01-01"))
    connection = duckdb.connect()
    connection.execute("CREATE TABLE given (customer_id TEXT, issued_on DATE, amount DOUBLE)")
    connection.executemany("INSERT INTO given VALUES (?, ?, ?)", [(line["customer_id"], line["issued_on"], line["amount"]) for line in lines])
    where = "WHERE issued_on >= '2025-03-01' AND issued_on < '2025-09-01'"
    total, n = connection.execute(f"SELECT sum(amount), count(DISTINCT customer_id) FROM given {where}").fetchone()
    per = f"SELECT customer_id, sum(amount) AS x FROM given {where} GROUP BY 1 HAVING max(amount) > 0"
    paid, buyers, spread = connection.execute(f"SELECT sum(x), count(*), stddev_samp(x) / sqrt(count(*)) FROM ({per})").fetchone()
    tables = made({"invoices": lines})
    revenue, average = headline("revenue", tables, period), headline("arppu", tables, period)
    assert (revenue["value"], revenue["n"]) == (pytest.approx(total), n)
    assert (average["value"], average["n"], average["se"]) == (pytest.approx(paid / buyers), buyers, pytest.approx(spread))
    assert asked("revenue", tables, period, grain="month").rows["value"].sum() == pytest.approx(total)


# lifetime value


def test_ltv():
    """100 accounts of 100 each; 5 leave in each of the six months November to April and are replaced: 100 / 5 % = 2,000. Source: ChartMogul."""
    rows = [agreed(f"stay{k}", 100) for k in range(95)]
    turns = ["2024-01-01", "2024-11-15", "2024-12-15", "2025-01-15", "2025-02-15", "2025-03-15", "2025-04-15"]
    for start, end in itertools.pairwise([*turns, None]):
        rows += [agreed(f"from {start} {k}", 100, starts=start, ends=end) for k in range(5)]
    row = headline("ltv", subscribed(*rows), MAY)
    assert (row["numerator"], row["denominator"]) == (100, pytest.approx(0.05)) and row["value"] == pytest.approx(2000)
    assert row["low"] < 2000 < row["high"] and headline("ltv", subscribed(*rows), Period(MAY.start, MAY.end, D("2025-05-20")))["value"] == pytest.approx(2000)


def test_ltv_without_churn_is_undefined():
    answer = asked("ltv", subscribed(agreed("a", 100)), MAY)
    assert answer.rows.loc[0, "state"] == "no_data" and "nobody left" in answer.notes["reason"]


# concentration

TEN = [400, 200, 100, 80, 60, 50, 40, 30, 25, 15]


def test_concentration_of_ten_customers():
    tables = made({"invoices": [sold(f"c{k}", "2025-03-01", amount) for k, amount in enumerate(TEN)]})
    row = headline("concentration", tables)
    assert row["value"] == pytest.approx((400 + 200) / 1000) and row["n"] == 10
    assert row["hhi"] == pytest.approx(sum((amount / 10) ** 2 for amount in TEN)) == pytest.approx(2258.5)
    assert row["gini"] == pytest.approx(sum(abs(a - b) for a in TEN for b in TEN) / (2 * 10 * 1000)) == pytest.approx(0.517)
    assert row["customers_80"] == 5  # 400 + 200 + 100 + 80 = 780, + 60 = 840
    curve = asked("pareto", tables).rows.set_index("percent")
    assert [curve.loc[p, "value"] for p in (10, 20, 50, 100)] == pytest.approx([0.4, 0.6, 0.84, 1.0])


def test_gini_as_in_r():
    assert gini([541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]) == pytest.approx(0.4620911)  # R ineq, its example


@pytest.mark.parametrize(("amounts", "expected"), [([5, 5, 5, 5], (0.2, 2500, 0)), ([10, 0, 0, 0], (0.8, 10000, 3 / 4)), ([10, -5], (0.4, 10000, 1 / 2))])
def test_extremes_of_concentration(amounts, expected):
    assert (top_share(amounts), herfindahl(amounts), gini(amounts)) == pytest.approx(expected)


def test_nobody_has_no_concentration():
    assert all(math.isnan(measure([])) for measure in (top_share, herfindahl, gini, customers_for))


# exact splits


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((51.78746, 0.45919, 0.52638), (84.90502, 0.75756, 0.51065), (10.4340333, 10.5608476, -0.6670084)),  # DasGuptR: births, Austria and Chile
        ((10930, 0.717892), (16591, 0.825974), (4369.913, 1487.262)),  # Das Gupta 1993: earnings
        ((0.6, 0.5), (0.3, 0.45), (-0.1425, -0.0225)),  # DasGuptR README
        ((2.0,), (5.0,), (3.0,)),
    ],
)
def test_das_gupta(before, after, expected):
    assert das_gupta(before, after) == pytest.approx(expected, rel=1e-6)
    assert sum(das_gupta(before, after)) == pytest.approx(math.prod(after) - math.prod(before))


def test_factors_must_match():
    with pytest.raises(ValueError, match="2 factors before and 1 after"):
        das_gupta((1, 2), (1,))


def test_mix_and_rate_of_headship():
    """United States 1970 to 1985, 13 ages: structure 1.2269, rate 1.7403, total 2.9672. Das Gupta 1993."""
    s0 = np.array([12.9, 10.9, 9.5, 8.0, 7.8, 8.4, 8.6, 7.8, 7.0, 5.9, 4.7, 3.6, 4.9]) / 100
    s1 = np.array([10.1, 11.2, 11.6, 10.9, 9.4, 7.7, 6.3, 6.0, 6.3, 5.9, 5.1, 4.0, 5.5]) / 100
    r0 = np.array([1.9, 25.8, 45.7, 49.6, 51.2, 51.6, 51.8, 54.9, 58.7, 60.4, 62.8, 66.6, 66.8])
    r1 = np.array([2.2, 24.3, 45.8, 52.5, 56.1, 55.6, 56.0, 57.4, 57.2, 61.2, 63.9, 68.6, 72.2])
    mix, rate = mix_and_rate(s0, r0, s1, r1)
    assert (mix.sum(), rate.sum()) == (pytest.approx(1.2269, abs=5e-5), pytest.approx(1.7403, abs=5e-5))


BUDGET, ACTUAL = {"A": (400, 4), "B": (300, 1), "C": (300, 2)}, {"A": (700, 3), "B": (100, 2), "C": (300, 1)}


def test_price_volume_mix():
    """Budget A 400@4, B 300@1, C 300@2; actual 700@3, 100@2, 300@1: volume 250, mix 750 (A 390, B 345, C 15), price −900. Google Answers 716474."""
    columns = {"quantity_before": [q for q, _ in BUDGET.values()], "revenue_before": [q * p for q, p in BUDGET.values()]}
    columns |= {"quantity_after": [q for q, _ in ACTUAL.values()], "revenue_after": [q * p for q, p in ACTUAL.values()]}
    split = price_volume_mix(pd.DataFrame(columns))
    assert split[["volume", "mix", "price"]].sum().tolist() == pytest.approx([250, 750, -900])
    assert split["mix"].tolist() == pytest.approx([390, 345, 15])


def _two_years():
    sides = ((2024, BUDGET), (2025, ACTUAL))
    return [sold(f"c{item}", f"{year}-03-01", q * p, product_id=item, quantity=q) for year, side in sides for item, (q, p) in side.items()]


@pytest.mark.parametrize("day", ["2026-01-01", "2025-12-20"])
def test_the_bridge_from_the_months_and_from_the_lines(day):
    """Whole years come from the table of months, a running one from the lines; the numbers are the same."""
    period = Period(D("2025-01-01"), D("2026-01-01"), D(day))
    answer = asked("arpu_bridge", made({"invoices": _two_years()}), period, options={"of": "revenue"})
    whole = answer.rows[answer.rows["product_id"].isna()]
    assert dict(zip(whole["step"], whole["value"], strict=True)) == pytest.approx(
        {"before": 2500, "volume": 250, "mix": 750, "price": -900, "new": 0, "lost": 0, "other": 0, "after": 2600}
    )
    assert answer.ok


@pytest.mark.parametrize("seed", range(6))
def test_every_bridge_adds_up(seed):
    rng = random.Random(seed)
    lines = []
    for _ in range(60):
        day, product = f"{rng.choice([2024, 2025])}-0{rng.randint(1, 9)}-11", f"p{rng.randint(1, 5)}"
        lines.append(sold(f"c{rng.randint(1, 9)}", day, rng.randint(-9, 90), product_id=product, quantity=rng.choice([0, 1, 3, 7])))
    tables = made({"invoices": lines, "customers": [{"customer_id": f"c{k}", "name": "x", "region": rng.choice(["n", "s", None])} for k in range(1, 10)]})
    for by, of in itertools.product([(), ("category",), ("region",)], ["arpu", "revenue"]):
        answer = asked("arpu_bridge", tables, by=by, options={"of": of})
        assert answer.ok, (by, of, answer.checks)
        _ends_are(answer, tables, "arppu" if of == "arpu" else "revenue")
        item, parts = (by or ("product_id",))[0], answer.rows[~answer.rows["step"].isin(["before", "after"])]
        assert parts.loc[parts[item].isna(), "value"].sum() == pytest.approx(parts.loc[parts[item].notna(), "value"].sum())


def _ends_are(bridge, tables, name):
    """A bridge leads from the number on the card before to the number on the card now."""
    whole = bridge.rows[bridge.rows["step"].isin(["before", "after"])].set_index("step")
    for step, period in (("before", YEAR.previous()), ("after", YEAR)):
        card = headline(name, tables, period)
        assert whole.loc[step, "value"] == pytest.approx(card["value"])
        assert name == "revenue" or whole.loc[step, "n"] == card["n"]


def test_new_and_lost_products_stand_apart():
    lines = [sold("a", "2024-03-01", 10, product_id="old", quantity=1), sold("a", "2025-03-01", 25, product_id="new", quantity=5)]
    rows = asked("arpu_bridge", made({"invoices": lines})).rows
    whole = rows[rows["product_id"].isna()].set_index("step")["value"]
    assert (whole["new"], whole["lost"], whole["price"], whole["before"], whole["after"]) == (25, -10, 0, 10, 25)


def test_a_bridge_refuses_what_it_cannot_be():
    tables = made({"invoices": _two_years()})
    for question, said in (({"grain": "month"}, "leave out the grain"), ({"options": {"of": "margin"}}, "no of 'margin'"), ({"by": ("a", "b")}, "at most one")):
        with pytest.raises(QuestionError, match=said):
            asked("arpu_bridge", tables, **question)


# promotions


def test_promotion_roi():
    """Attributed 150,000, cost 50,000: ROI 200 %, net 100,000. Cost 0: no data."""
    campaigns = [{"campaign_id": c, "name": c, "starts_on": "2025-02-01", "cost": cost} for c, cost in (("k1", 50_000), ("free", 0))]
    lines = [
        sold("a", "2025-03-01", 100_000, campaign_id="k1"),
        sold("b", "2025-04-01", 50_000, campaign_id="k1"),
        sold("b", "2025-04-01", 7, campaign_id="free"),
    ]
    answer = asked("promotion_roi", made({"campaigns": campaigns, "invoices": lines}))
    rows = answer.rows.set_index("campaign_id")
    assert (rows.loc["k1", "value"], rows.loc["k1", "net"], rows.loc["k1", "n"]) == (2.0, 100_000, 2)
    assert (rows.loc["free", "state"], rows.loc["free", "net"]) == ("no_data", 7) and "name the campaign" in answer.notes["attribution"]


def test_promotion_by_leads():
    """Everything a lead's customer bought within 30 days of the lead."""
    given = {
        "campaigns": [{"campaign_id": "k1", "name": "k1", "starts_on": "2025-02-01", "cost": 10}],
        "leads": [{"lead_id": "l1", "customer_id": "a", "campaign_id": "k1", "created_at": "2025-03-01T08:00", "status": "won"}],
        "invoices": [
            *(sold("a", day, amount) for day, amount in (("2025-02-20", 1), ("2025-03-01", 10), ("2025-03-30", 20), ("2025-03-31", 40))),
            sold("b", "2025-03-02", 80),
        ],
    }  # fmt: skip
    row = asked("promotion_roi", made(given), options={"attribution": "leads", "days": 30}).rows.iloc[0]
    assert (row["revenue"], row["value"]) == (30, (30 - 10) / 10)
    given["campaigns"].append({**given["campaigns"][0], "campaign_id": "k2"})
    given["leads"].append({**given["leads"][0], "lead_id": "l2", "customer_id": "b", "campaign_id": "k2"})
    card, options = CARDS["promotion_roi"], {"attribution": "leads", "days": 30}
    for campaign, amounts in (("k1", [10, 20]), ("k2", [80])):
        lines = collect(card.behind(made(given), Query(YEAR, where=(("campaign_id", (campaign,)),), options=options)))
        assert sorted(lines["revenue"]) == amounts
    with pytest.raises(QuestionError, match="no attribution 'magic'; there are tagged: invoice lines"):
        asked("promotion_roi", made(given), options={"attribution": "magic"})


# the value model


def test_the_value_model_shows_every_part():
    """a buys 12 times in one of two categories (120 in all), referred b, and is a promoter; b buys once in the other (60)."""
    given = {
        "products": [{"product_id": f"p{k}", "name": "x", "category": category} for k, category in enumerate(["pumps", "parts"])],
        "invoices": [*(sold("a", f"2025-{month:02d}-05", 10, product_id="p0") for month in range(1, 13)), sold("b", "2025-06-01", 60, product_id="p1")],
        "leads": [{"lead_id": "l", "customer_id": "b", "referred_by": "a", "created_at": "2025-05-01T08:00", "status": "won"}],
        "surveys": [{"survey_id": "s", "name": "s", "kind": "nps", "wave": "w"}],
        "questions": [{"question_id": "q", "text": "?", "dimension": "nps", "scale_min": 0, "scale_max": 10}],
        "answers": [{"survey_id": "s", "question_id": "q", "customer_id": "a", "answered_at": "2025-07-01T08:00", "score": 9}],
    }  # fmt: skip
    a, b = (asked("customer_value", made(given)).rows.set_index("customer_id").loc[c] for c in "ab")
    assert (a["frequency"], a["penetration"], a["word_of_mouth"]) == (12 / 12, 1 / 2, pytest.approx(1 + 0.5 * 1 + 0.2 * 1))
    assert a["index"] == pytest.approx(1 * 0.5 * 1.7)
    assert (a["direct"], a["indirect"], a["potential"]) == (120, 60, 60 / 2)  # two buyers spend 60 on parts: 30 each
    assert a["value"] == pytest.approx(120 + 60 + 0.5 * 30)
    assert (b["direct"], b["indirect"], b["potential"], b["word_of_mouth"]) == (60, 0, 120 / 2, 1.0)


@pytest.mark.parametrize(
    ("score", "question", "word_of_mouth"),
    [
        (9, "q", 1.2),
        (12, "q", 1.0),  # refused: off the scale
        (9.5, "q", 1.0),  # refused: no whole number
        (11, "q", 1.0),  # a code for "no answer"
        (10, "easy", 1.0),  # 0 to 10, but not about recommending us
    ],
)
def test_a_promoter_is_who_gave_a_valid_answer_to_the_recommendation_question(score, question, word_of_mouth):
    on = {"text": "?", "scale_min": 0, "scale_max": 10}
    given = {
        "invoices": [sold("a", "2025-06-01", 60)],
        "questions": [{**on, "question_id": "q", "dimension": "nps", "blank_codes": "11"}, {**on, "question_id": "easy", "dimension": "effort"}],
        "surveys": [{"survey_id": "s", "name": "s", "kind": "nps", "wave": "w"}],
        "answers": [{"survey_id": "s", "question_id": question, "customer_id": "a", "answered_at": "2025-07-01T08:00", "score": score}],
    }
    assert asked("customer_value", made(given)).rows.loc[0, "word_of_mouth"] == pytest.approx(word_of_mouth)


def test_the_models_weights_come_from_the_settings():
    tables = made({"invoices": [sold("a", "2025-06-01", 60)]}, {"metrics": {"customer_value": {"direct": 2}}})
    tables.settings = {**tables.settings, "metrics": {"customer_value": {"direct": 2}}}
    answer = asked("customer_value", tables)
    assert answer.rows.loc[0, "value"] == 120 and answer.notes["direct"] == 2 and answer.notes["referrals"] is False


@pytest.mark.parametrize("name", CARDS)
def test_nothing_there_is_no_data(name):
    answer = asked(name, made({}))
    assert answer.ok and (answer.rows.empty or answer.rows["value"].isna().all())


@pytest.mark.parametrize("name", ["revenue", "mrr", "arpa", "arpu", "arppu", "concentration"])
def test_the_rows_behind_are_as_many_as_n(name):
    lines = [sold("a", "2025-03-01", 10), sold("b", "2025-04-01", 20), sold("b", "2025-04-02", -5, kind="credit_note"), sold("c", "2025-04-01", -5)]
    tables = made({"invoices": lines, "subscriptions": [agreed("a", 5), agreed("d", 5)]})
    query = Query(YEAR, options=dict(CARDS[name].options), settings=tables.settings)
    assert len(collect(CARDS[name].behind(tables, query))) == headline(name, tables)["n"]
