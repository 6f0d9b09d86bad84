"""Open deals on a date, deals that do not move, and the forecast with its back-test."""

import datetime as dt
import random
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from metrics import forecast, pipeline
from metrics.change import compare
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in (*pipeline.METRICS, *forecast.METRICS)}
MARCH = Period(D("2026-03-01"), D("2026-04-01"), D("2026-12-01"))
LINE = {"funnel": {"stages": ["Lead", "Quote", "Contract"]}}


def measured(name, tables, period=MARCH, *, by=(), where=(), grain=None, **options):
    return ask(CARDS[name], tables, Query(period, grain, tuple(by), tuple(where), options, tables.settings))


def deal(name, stage="Quote", is_won=None, created="2026-03-05", closed=None, amount=100, **more):
    row = {"deal_id": str(name), "stage": stage, "is_won": is_won, "created_at": f"{created}T08:00:00", "currency": "CNY", "amount": amount}
    return {**row, "closed_at": closed and f"{closed}T08:00:00", **more}


# the stock


def test_open_on_a_date_whenever_created():
    deals = [
        deal("old", created="2025-01-01"),
        deal("closed later", is_won=True, created="2026-01-01", closed="2026-04-01"),
        deal("closed on the last day", is_won=False, created="2026-01-01", closed="2026-03-31"),
        deal("created later", created="2026-04-01"),
        deal("closed, nobody knows when", is_won=False, created="2026-01-01"),
        deal("no amount", amount=None),
        deal("no rate", currency="CHF"),
    ]
    tables = made({"deals": deals})
    row = measured("open_pipeline", tables).rows.iloc[0]
    assert (row["value"], row["n"], row["priced"], row["unconverted"]) == (200, 4, 2, 1)
    found = collect(CARDS["open_pipeline"].behind(tables, Query(MARCH, settings=tables.settings)))
    assert set(found["deal_id"]) == {"old", "closed later", "no amount", "no rate"}


def test_while_the_period_runs_the_stock_is_todays():
    running = Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-10"))
    tables = made({"deals": [deal("a", created="2026-03-09"), deal("b", created="2026-03-10")]})
    assert measured("open_pipeline", tables, running).rows["n"][0] == 1
    series = measured("open_pipeline", tables, running, grain="week").rows
    assert series["n"].fillna(-1).tolist() == [0, 0, 1, -1, -1, -1]  # what has not begun is no data


def random_deals(seed):
    rng = random.Random(seed)
    rows = []
    for k in range(30):
        created = D("2025-12-01") + dt.timedelta(days=rng.randrange(150))
        closed = created + dt.timedelta(days=rng.randrange(60))
        is_won = rng.choice([None, True, False])
        rows.append(deal(k, is_won=is_won, created=str(created), closed=None if is_won is None else str(closed), amount=rng.randrange(1, 500)))
        rows[-1]["region"] = rng.choice(["N", "S"])
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_the_same_stock_in_plain_sql(seed):
    rows = random_deals(seed)
    period = Period(D("2026-01-01"), D("2026-05-01"), D("2026-12-01"))
    found = measured("open_pipeline", made({"deals": rows}), period, grain="month").rows
    con = duckdb.connect()
    con.execute("create table deals (created date, closed date, amount double)")
    con.executemany("insert into deals values (?, ?, ?)", [[r["created_at"], r["closed_at"], r["amount"]] for r in rows])
    sql = """select coalesce(sum(amount), 0), count(amount) from (select unnest([1, 2, 3, 4]) as m) left join deals
        on created < make_date(2026, m + 1, 1) and (closed is null or closed >= make_date(2026, m + 1, 1)) group by m order by m"""
    assert [tuple(map(float, row)) for row in found[["value", "n"]].to_numpy()] == con.execute(sql).fetchall()
    parts = measured("open_pipeline", made({"deals": rows}), period, grain="month", by=["region"]).rows
    assert parts.groupby("period")["value"].sum().tolist() == found["value"].tolist()


# deals that do not move


def standing(name, moved, customer="c", created="2026-01-02"):
    return deal(name, created=created, customer_id=customer), {"deal_id": name, "stage": "Quote", "entered_at": f"{moved}T10:00:00"}


def stalled_case(settings=None):
    cases = [standing("still", "2026-02-10"), standing("limit", "2026-03-01"), standing("moving", "2026-03-02"), standing("silent", "2026-02-10", "s")]
    notes = [
        {"customer_id": "c", "outcome": " Agreed ", "happened_at": "2026-03-20T09:00:00"},
        {"customer_id": "s", "outcome": "agreed", "happened_at": "2026-02-20T09:00:00"},  # long ago
        {"customer_id": "s", "outcome": "no interest", "happened_at": "2026-03-20T09:00:00"},
    ]
    return made(
        {
            "customers": [{"customer_id": "c"}, {"customer_id": "s"}],
            "deals": [row for row, _ in cases] + [deal("won", is_won=True, created="2026-01-01", closed="2026-02-01")],
            "deal_stages": [move for _, move in cases],
            "interactions": notes,
        },
        {"metrics": {**LINE, **(settings or {})}},
    )


def test_no_move_for_thirty_days_and_good_notes_all_the_same():
    """On 31 March, a deal that moved on 1 March has stood for 30 days: stalled; since 2 March, 29: not."""
    tables = stalled_case()
    row = measured("stalled", tables).rows.iloc[0]
    assert (row["value"], row["denominator"], row["honest"], row["amount"], row["open_amount"]) == (3, 4, 2, 300, 400)
    query = Query(MARCH, options={"days": 0}, settings=tables.settings)
    rows = collect(CARDS["stalled"].behind(tables, query)).set_index("deal_id")
    assert len(rows) == row["n"]
    assert rows["idle_days"].to_dict() == {"still": 49, "limit": 30, "silent": 49}
    assert rows["is_honest"].to_dict() == {"still": True, "limit": True, "silent": False}
    assert measured("stalled", tables, honest=True).rows["value"][0] == 2
    assert {*collect(CARDS["stalled"].behind(tables, replace(query, options={"days": 0, "honest": True})))["deal_id"]} == {"still", "limit"}


def test_days_and_words_can_be_set():
    tables = stalled_case({"stalled": {"days": 45, "positive": ["no interest"]}})
    row = measured("stalled", tables).rows.iloc[0]
    assert (row["value"], row["honest"]) == (2, 1)
    assert measured("stalled", tables, days=1).rows["value"][0] == 4


def test_a_move_into_a_stage_nobody_configured_is_a_move():
    row, move = standing("d", "2026-03-20")
    tables = made({"deals": [row], "deal_stages": [{**move, "stage": "Legal review"}]}, {"metrics": LINE})
    assert measured("stalled", tables).rows["value"][0] == 0


# forecast


def test_won_counts_whole_open_by_its_chance_lost_nothing():
    """Won 100 at 100 %, open 200 at 50 %, lost 300: 200."""
    deals = [deal("w", "Contract", True, closed="2026-03-20"), deal("o", "Quote", amount=200), deal("l", "Quote", False, closed="2026-03-20", amount=300)]
    tables = made({"deals": deals}, {"metrics": {**LINE, "forecast": {"probability": {"Quote": 0.5}}}})
    row = measured("forecast", tables).rows.iloc[0]
    assert row["value"] == 100 * 1 + 200 * 0.5 + 300 * 0
    assert (row["won"], row["expected"], row["open"], row["lost_amount"], row["n"]) == (100, 100, 200, 300, 3)


def told(**chances):
    return {"metrics": {"funnel": {"stages": ["Lead", "Quote", "Review", "Contract"]}, "forecast": {"probability": chances}}}


def test_the_spread_of_a_forecast():
    """Open 200 at 50 % and 100 at 90 %: √(200² · 0.5 · 0.5 + 100² · 0.9 · 0.1) = √(10,000 + 900); what is won or lost adds nothing."""
    deals = [deal("a", "Quote", amount=200), deal("b", "Review"), deal("w", "Contract", True, closed="2026-03-20", amount=1000)]
    deals += [deal("l", "Quote", False, closed="2026-03-20", amount=900), deal("unscored", "Lead", amount=5000)]
    row = measured("forecast", made({"deals": deals}, told(Quote=0.5, Review=0.9))).rows.iloc[0]
    assert row["se"] == pytest.approx((10_000 + 900) ** 0.5)
    assert (row["value"], row["low"]) == (1000 + 100 + 90, pytest.approx(1000))  # 1,190 − 1.96 · 104.4 would be less than what is won
    assert row["high"] == pytest.approx(1300)  # and 1,190 + 1.96 · 104.4 more than every scored deal


def test_luck_spreads_as_the_formula_says():
    """A hundred deals of 1 to 100, each won with 30 %, drawn 20,000 times: 95 % of the sums lie within the limits."""
    row = measured("forecast", made({"deals": [deal(k, amount=k) for k in range(1, 101)]}, told(Quote=0.3))).rows.iloc[0]
    amounts = np.arange(1, 101)
    sums = (np.random.default_rng(4).random((20_000, 100)) < 0.3) @ amounts
    assert row["value"] == pytest.approx(sums.mean(), rel=0.01) and row["se"] == pytest.approx(sums.std(), rel=0.02)
    assert np.mean((sums >= row["low"]) & (sums <= row["high"])) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_spread_in_plain_sql(seed):
    rows = [{**row, "stage": "Review" if k % 3 else "Quote"} for k, row in enumerate(random_deals(seed))]
    period = Period(D("2025-12-01"), D("2026-06-01"), D("2026-12-01"))
    found = measured("forecast", made({"deals": rows}, told(Quote=0.2, Review=0.6)), period, by=["region"]).rows
    con = duckdb.connect()
    con.execute("create table deals (region text, stage text, is_won boolean, amount double)")
    con.executemany("insert into deals values (?, ?, ?, ?)", [[r["region"], r["stage"], r["is_won"], r["amount"]] for r in rows])
    sql = """with open as (select region, amount, if(stage = 'Quote', 0.2, 0.6) as p from deals where is_won is null)
        select region, sqrt(sum(amount * amount * p * (1 - p))) from open group by region order by region"""
    assert len(found) == 2
    for row, (region, se) in zip(found.itertuples(), con.execute(sql).fetchall(), strict=True):
        assert (row.region, row.se) == (region, pytest.approx(se))


def test_what_is_settled_does_not_vary():
    deals = [deal("w", "Contract", True, closed="2026-03-20", amount=70), deal("l", "Quote", False, closed="2026-03-20")]
    row = measured("forecast", made({"deals": deals}, told())).rows.iloc[0]
    assert (row["value"], row["se"], row["low"], row["high"]) == (70, 0, 70, 70)


def test_a_stock_is_counted_and_a_difference_is_one():
    """Thirty open deals at the end of March, thirty-one at the end of April: that is a change, and no question of chance."""
    rows = [deal(k, created="2026-01-05") for k in range(30)] + [deal("new", created="2026-04-10")]
    tables = made({"deals": rows}, {"metrics": LINE})
    april = Query(Period(D("2026-04-01"), D("2026-05-01"), D("2026-12-01")), settings=tables.settings)
    change = compare(CARDS["open_pipeline"], tables, april)
    assert (change.delta, change.p, change.verdict) == (100, 0, "changed")
    february = Query(Period(D("2026-02-01"), D("2026-03-01"), D("2026-12-01")), settings=tables.settings)
    assert compare(CARDS["open_pipeline"], tables, february).verdict == "no_clear_change"
    assert measured("open_pipeline", tables, grain="month").rows["se"].tolist() == [0]
    assert (measured("stalled", tables).rows["se"][0], measured("stalled", made({})).rows["se"].isna()[0]) == (0, True)


def test_few_are_counted_as_well_as_many():
    """Two stalled deals at the end of February, three at the end of March."""
    rows = [deal("a", created="2026-01-02"), deal("b", created="2026-01-03"), deal("c", created="2026-02-20")]
    tables = made({"deals": rows}, {"metrics": LINE})
    change = compare(CARDS["stalled"], tables, Query(MARCH, settings=tables.settings))
    assert (change.before["value"], change.delta, change.verdict) == (2, 1, "changed")


def history(won, lost, month="2025-11"):
    """Deals that reached the quote, and were closed in that month."""
    rows = [deal(f"{month}w{k}", "Quote", True, created=f"{month}-01", closed=f"{month}-15") for k in range(won)]
    return rows + [deal(f"{month}l{k}", "Quote", False, created=f"{month}-01", closed=f"{month}-15") for k in range(lost)]


def test_own_history_speaks_once_there_is_enough_of_it():
    told = {"metrics": {**LINE, "forecast": {"probability": {"Quote": 0.9}}}}
    few = made({"deals": [deal("o"), *history(6, 23)]}, told)
    enough = made({"deals": [deal("o"), *history(6, 24)]}, told)
    assert measured("forecast", few).rows["value"][0] == pytest.approx(90)
    assert measured("forecast", enough).rows["value"][0] == pytest.approx(100 * 6 / 30)


def test_a_deal_without_a_probability_is_counted_not_guessed():
    row = measured("forecast", made({"deals": [deal("o", amount=70)]}, {"metrics": LINE})).rows.iloc[0]
    assert (row["value"], row["unscored"]) == (0, 70)


def test_the_forecast_of_all_open_deals_takes_in_older_ones_and_what_was_won_in_the_period():
    deals = [deal("old", created="2025-06-01"), deal("w", "Contract", True, created="2025-12-01", closed="2026-03-10"), *history(15, 15)]
    tables = made({"deals": deals}, {"metrics": LINE})
    row = measured("forecast", tables, base="open").rows.iloc[0]
    assert row["value"] == pytest.approx(100 + 100 * 16 / 31)  # the deal won in March has been quoted, too
    with pytest.raises(QuestionError, match="without a grain"):
        measured("forecast", tables, base="open", grain="month")


def move(name, stage, entered):
    return {"deal_id": name, "stage": stage, "entered_at": f"{entered}T08:00:00", "left_at": None}


def test_what_happens_after_a_past_period_changes_nothing():
    """At the end of March: a in Lead, b in Quote, 100 each: 0.1 and 0.5. In April one is quoted, one won; nobody stands in Quote any more."""
    told = {"metrics": {**LINE, "forecast": {"probability": {"Lead": 0.1, "Quote": 0.5, "Contract": 0.9}}}}
    names = ("a", "b")
    before = [move("a", "Lead", "2026-03-05"), move("b", "Lead", "2026-03-05"), move("b", "Quote", "2026-03-31")]
    after = [move("a", "Contract", "2026-04-01"), move("b", "Contract", "2026-04-02")]
    then = made({"deals": [deal("a", "Lead"), deal("b", "Quote")], "deal_stages": before}, told)
    now = made({"deals": [deal("a", "Contract"), deal("b", "Contract", True, closed="2026-04-05")], "deal_stages": before + after}, told)
    assert [measured("forecast", tables, base="open").rows["value"][0] for tables in (then, now)] == [pytest.approx(100 * 0.1 + 100 * 0.5)] * 2
    assert measured("forecast", now, base="open").rows["unscored"][0] == 0
    listed = collect(CARDS["forecast"].behind(now, Query(MARCH, options={"base": "open"}, settings=now.settings))).set_index("deal_id")
    assert [(listed.loc[n, "reached"], listed.loc[n, "outcome"]) for n in names] == [(1, "open"), (2, "open")]


def test_a_past_forecast_has_not_learned_from_what_was_closed_later():
    """30 quotes closed by March, 15 of them won; 30 more in April, all lost. At the end of March 31 are open, each worth a half."""
    april = [deal(f"x{k}", "Quote", False, created="2026-01-05", closed="2026-04-15") for k in range(30)]
    entries = [move("o", "Quote", "2026-03-02")]
    tables = made({"deals": [deal("o", "Quote", created="2026-03-01"), *history(15, 15), *april], "deal_stages": entries}, {"metrics": LINE})
    then = measured("forecast", tables, base="open")
    assert then.notes["base"]["Quote"] == 30 and then.rows["value"][0] == pytest.approx(31 * 100 * 0.5)
    assert measured("forecast", tables).notes["base"]["Quote"] == 60


def test_a_stage_without_a_date_counts_for_todays_stock():
    """Nothing says since when the deal has been quoted: today it is, at the end of March it may not have been."""
    tables = made({"deals": [deal("a", "Quote", created="2026-03-05")]}, {"metrics": {**LINE, "forecast": {"probability": {"Lead": 0.1, "Quote": 0.5}}}})
    today = Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-20"))
    assert measured("forecast", tables, today, base="open").rows["value"][0] == pytest.approx(50)
    assert measured("forecast", tables, base="open").rows["value"][0] == pytest.approx(10)


def test_the_last_twelve_months_end_with_the_data_while_the_year_runs():
    """Data to 10 January 2026: February 2025 is the twelfth month back; up to December 2026 only what has come counts."""
    deals = [*history(15, 15, "2024-01"), *history(3, 1, "2025-01"), *history(8, 12, "2025-02")]
    year = Period(D("2026-01-01"), D("2027-01-01"), D("2026-01-10"))
    rows = measured("forecast_calibration", made({"deals": deals}, {"metrics": LINE}), year).rows.set_index("stage")
    assert (rows.loc["Quote", "n"], rows.loc["Quote", "value"]) == (20, 8 / 20)
    assert rows.loc["Quote", "predicted"] == pytest.approx(18 / 34)


def test_calibration_promises_before_it_looks():
    """30 deals before the year of the test: 50 %; in it, 8 of 20 are won where 50 % had been promised; Wilson 8/20."""
    deals = [*history(15, 15, "2025-01"), *history(8, 12, "2025-09")]
    rows = measured("forecast_calibration", made({"deals": deals}, {"metrics": LINE})).rows
    quote = rows[rows["stage"] == "Quote"].iloc[0]
    assert (quote["predicted"], quote["value"], quote["n"]) == (0.5, 0.4, 20)
    assert quote["low"] < 0.4 < quote["high"]
    assert quote["error"] == pytest.approx(-0.1)


@pytest.mark.parametrize("name", list(CARDS))
@pytest.mark.parametrize("by", [(), ("region",)])
def test_no_deals_is_no_data(name, by):
    answer = measured(name, made({}), by=by)
    assert answer.ok and set(answer.rows["state"]) <= {"no_data"}
