"""A second opinion on deals, answers and grades: each figure again in plain SQL over the raw rows of random companies."""

import datetime as dt
import random
from functools import cache

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from metrics import cycle, drift, forecast, grading, incidence, nps, pipeline, responding, survey
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query
from tests.made import made

CARDS = {m.name: m for module in (cycle, drift, forecast, grading, incidence, nps, pipeline, responding, survey) for m in module.METRICS}
FIRST, NOW = dt.datetime(2024, 1, 1), dt.datetime(2026, 3, 1)
YEAR = Period(dt.date(2025, 1, 1), dt.date(2026, 1, 1), NOW.date())  # over for two months: what came after it must not count
SETTINGS = {"metrics": {"funnel": {"stages": ["Lead", "Quote", "Contract"]}, "forecast": {"probability": {"Contract": 0.9}}}}
SEEDS = pytest.mark.parametrize("seed", range(3))
BY = pytest.mark.parametrize("by", [(), ("region",)])


# the rows


@cache
def company(seed: int) -> dict[str, list[dict]]:
    rng = random.Random(seed)
    rows = {"customers": [_customer(rng, k) for k in range(60)]}
    rows["contacts"] = [{"contact_id": f"p:{k}:{n}", "customer_id": f"c:{k}", "name": "x"} for k in range(60) for n in range(2)]
    rows["invoices"] = [_invoice(rng, k) for k in range(500)]
    rows["interactions"] = [_interaction(rng) for _ in range(300)]
    sold = [_deal(rng, f"d:{k}") for k in range(200)]
    rows["deals"], rows["deal_stages"] = [row for row, _ in sold], [move for _, moves in sold for move in moves]
    rows["surveys"] = [{"survey_id": f"s:{k}", "name": f"Wave {k}", "kind": "relation", "wave": f"W{k}"} for k in range(2)]
    rows["questions"] = [
        {"question_id": "q:nps", "dimension": "nps", "text": "Recommend?", "scale_min": 0, "scale_max": 10, "blank_codes": "11"},
        {"question_id": "q:words", "dimension": "comment", "text": "Why?", "scale_min": None, "scale_max": None, "blank_codes": None},
    ]
    asked = [(s, k) for s in range(2) for k in range(60) if rng.random() < 0.85]
    rows["invitations"] = [_invitation(rng, *pair) for pair in asked]
    responses = [(s, k) for s, k in asked for _ in range(rng.choice([0, 1, 1, 2]))]
    rows["answers"] = [row for number, (s, k) in enumerate(responses) for row in _response(rng, s, k, number)]
    return rows


@cache
def settled(seed: int) -> dict[str, list[dict]]:
    """The same company with only those deals that were closed, on a known day: nothing is censored."""
    rows = company(seed)
    deals = [row for row in rows["deals"] if row["closed_at"]]
    kept = {row["deal_id"] for row in deals}
    return {**rows, "deals": deals, "deal_stages": [row for row in rows["deal_stages"] if row["deal_id"] in kept]}


@cache
def tables_of(rows, seed: int):
    return made(rows(seed), SETTINGS)


@cache
def raw(rows, seed: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    for name, entity in rows(seed).items():
        con.register("given", pa.Table.from_pylist(entity))
        con.execute(f"create table {name} as from given")
    con.execute("create macro place(stage) as case stage when 'Lead' then 1 when 'Quote' then 2 when 'Contract' then 3 end")
    con.execute("""
        create view sales as select d.*, region, created_at::date as created_on, closed_at::date as closed_on,
            greatest(place(d.stage), if(is_won, 3, 1), coalesce((select max(place(s.stage)) from deal_stages s where s.deal_id = d.deal_id), 1)) as reached
        from deals d left join customers using (customer_id)""")
    return con


def _instant(rng, first=FIRST, days=790) -> dt.datetime:
    return first + dt.timedelta(days=rng.randrange(days), hours=rng.randrange(24))


def _customer(rng, k: int) -> dict:
    grade = rng.choice(["core", "key", "ordinary", "potential", "重点客户", " Core ", "gold", None, None])
    return {"customer_id": f"c:{k}", "name": f"C {k}", "region": ("North", "South", None)[k % 3], "grade": grade}


def _invoice(rng, k: int) -> dict:
    amount = rng.choice([100, 120.5, 150, 200, -40])
    on = _instant(rng).date()
    return {"invoice_id": f"i:{k}", "customer_id": f"c:{rng.randrange(55)}", "issued_on": on, "amount": amount, "currency": "CNY", "kind": "sale"}


def _interaction(rng) -> dict:
    outcome = rng.choice([None, "agreed", " Good ", "no interest", "call later"])
    return {"customer_id": f"c:{rng.randrange(60)}", "happened_at": _instant(rng, dt.datetime(2025, 11, 1), 90), "outcome": outcome}


def _deal(rng, name: str) -> tuple[dict, list[dict]]:
    """A deal and its history; a few have none, a few closed ones no date, a few no customer or no amount."""
    created = _instant(rng)
    moves, is_won, closed = _journey(rng, created)
    row = {"deal_id": name, "customer_id": rng.choice([None, *(f"c:{k}" for k in range(18))]), "created_at": created, "stage": moves[-1][0]}
    row |= {"is_won": is_won, "closed_at": closed if rng.random() > 0.03 else None, "amount": rng.choice([None, *range(100, 1000, 100)]), "currency": "CNY"}
    if rng.random() < 0.08:
        return {**row, "stage": "Quote"}, []
    return row, [{"deal_id": name, "stage": stage, "entered_at": entered, "left_at": left if rng.random() < 0.7 else None} for stage, entered, left in moves]


def _journey(rng, now: dt.datetime):
    """To and fro until it is won, lost, forgotten, or the data end: (stage, entered, left) …, is_won, closed_at."""
    moves, stage = [], "Lead"
    while True:
        left = now + dt.timedelta(minutes=rng.randint(60, 54_000))
        fate = rng.random()
        if left >= NOW or fate < 0.08:
            return [*moves, (stage, now, None)], None, None
        moves.append((stage, now, left))
        if fate < 0.25:
            return moves, False, left
        if stage == "Quote" and fate > 0.6:
            return [*moves, ("Contract", left, None)], True, left
        stage, now = rng.choice({"Lead": ["Quote", "Quote", "Legal review"], "Quote": ["Lead", "Legal review"], "Legal review": ["Quote"]}[stage]), left


def _invitation(rng, s: int, k: int) -> dict:
    contact = f"p:{k}:0" if rng.random() < 0.8 else None
    sent = dt.datetime(2025, 3 + 6 * s, rng.randint(1, 28), 9)
    return {"survey_id": f"s:{s}", "customer_id": f"c:{k}", "contact_id": contact, "sent_at": sent, "delivered": rng.random() < 0.9}


def _response(rng, s: int, k: int, number: int) -> list[dict]:
    """A score and a comment, from the contact asked, a colleague, the customer as such, or nobody."""
    customer = f"c:{k}" if rng.random() < 0.9 else None
    contact = rng.choice([f"p:{k}:0", f"p:{k}:0", f"p:{k}:1", None]) if customer else None
    common = {"survey_id": f"s:{s}", "response_id": f"r:{number}", "customer_id": customer, "contact_id": contact}
    common |= {"answered_at": _instant(rng, dt.datetime(2025, 4 + 6 * s, 1), 60), "weight": rng.choice([None, 0.5, 2.0])}
    score, text = rng.choice([None, 11, 12, 7.5, *range(11), 6, 7, 8, 9, 10]), rng.choice([None, "", "  ", "slow", "fine"])
    said = {"q:nps": (score, None), "q:words": (None, text)}
    return [{"answer_id": f"a:{number}:{q}", **common, "question_id": q, "score": given and float(given), "text": words} for q, (given, words) in said.items()]


# the comparison


def measured(name, rows, seed, by=(), **options):
    tables = tables_of(rows, seed)
    found = ask(CARDS[name], tables, Query(YEAR, None, tuple(by), (), options, tables.settings))
    assert found.ok
    return found


def agree(found, keys, figures, con, sql, by=(), **values):
    """The figures per key, here and in SQL. {key} in the SQL is the group; its columns: group, further keys, figures."""
    filled = sql.format(key=by[0] if by else "null::text", **values)
    expected = {tuple(row[: 1 + len(keys)]): row[1 + len(keys) :] for row in con.execute(filled).fetchall()}
    columns = found.rows[[*by, *keys]].astype(object)
    named = columns.where(columns.notna(), None).itertuples(index=False)
    got = {((None,) if not by else ()) + tuple(key): row for key, row in zip(named, found.rows[list(figures)].to_dict("records"), strict=True)}
    assert expected and got.keys() == expected.keys()
    for key, row in got.items():
        told = [None if pd.isna(v) else float(v) for v in row.values()]
        assert told == [None if v is None else pytest.approx(float(v)) for v in expected[key]], key


def test_the_random_companies_hold_what_is_compared():
    for seed in range(3):
        count = raw(company, seed).execute("select count(*), count(*) filter (is_won), count(*) filter (is_won is null) from deals").fetchone()
        assert count[0] == 200 and min(count[1:]) >= 30
        assert {row["region"] for row in company(seed)["customers"]} == {"North", "South", None}


# deals


@SEEDS
@BY
def test_stalled(seed, by):
    # open at the year's end and no entry into any stage in the 30 days before; honest: a good outcome in those days
    sql = """
        with moves as (select deal_id, max(entered_at::date) as last_on from deal_stages where entered_at < '2026-01-01' group by 1),
        good as (select distinct customer_id from interactions
            where happened_at >= '2025-12-02' and happened_at < '2026-01-01' and lower(trim(outcome)) in ('agreed', 'good')),
        open as (select sales.*, date '2025-12-31' - coalesce(last_on, created_on) >= 30 as still, good.customer_id is not null as spoken
            from sales left join moves using (deal_id) left join good using (customer_id)
            where created_on < '2026-01-01' and (is_won is null or closed_on >= '2026-01-01'))
        select {key}, count(*) filter (still), count(*), count(*) filter (still and spoken), sum(if(still, amount, 0)), sum(coalesce(amount, 0))
        from open group by all"""
    agree(measured("stalled", company, seed, by), (), ("value", "denominator", "honest", "amount", "open_amount"), raw(company, seed), sql, by)


CHANCES = """
    with stages as (select unnest([1, 2, 3]) as position),
    chances as (select position, count(is_won) as n, count(*) filter (is_won) as won,
        case when count(is_won) >= 30 then count(*) filter (is_won) / count(is_won) when position = 3 then 0.9 end as chance
        from stages join sales on reached >= position group by position)"""


@SEEDS
@BY
def test_forecast(seed, by):
    # won amounts whole, lost ones nothing, open ones times won / closed of all deals that got as far (told where fewer than 30)
    sql = (
        CHANCES
        + """ select {key}, count(*), sum(if(is_won, amount, 0)) + sum(if(is_won is null, amount * coalesce(chance, 0), 0)),
            sum(if(is_won, amount, 0)), sum(if(is_won is null, amount * coalesce(chance, 0), 0)), sum(if(is_won is null, amount, 0)),
            sum(if(not is_won, amount, 0)), sqrt(sum(if(is_won is null, amount * amount * chance * (1 - chance), 0)))
        from sales join chances on reached = position where created_on >= '2025-01-01' and created_on < '2026-01-01' group by all"""
    )
    figures = ("n", "value", "won", "expected", "open", "lost_amount", "se")
    agree(measured("forecast", company, seed, by), (), figures, raw(company, seed), sql, by)


@SEEDS
def test_forecast_of_what_was_open(seed):
    # open at the year's end, in the furthest stage entered before it; and what was won in the year; chances as they were known by then
    sql = (
        CHANCES.replace("from stages join sales on", "from stages left join sales on closed_on < '2026-01-01' and")
        + """, stood as (select sales.*, greatest(1, (select max(place(s.stage)) from deal_stages s
                where s.deal_id = sales.deal_id and entered_at < '2026-01-01')) as place_then
            from sales where created_on < '2026-01-01' and (is_won is null or closed_on >= '2026-01-01')),
        parts as (select amount * chance as worth from stood join chances on place_then = position
            union all select amount from sales where is_won and closed_on >= '2025-01-01' and closed_on < '2026-01-01')
        select {key}, count(*), sum(worth) from parts group by all"""
    )
    agree(measured("forecast", company, seed, base="open"), (), ("n", "value"), raw(company, seed), sql)


@SEEDS
@BY
def test_forecast_calibration(seed, by):
    # each month of the year: the share won of what was closed before it (30 deals at least), beside what was won in it
    sql = """
        with closed as (select {key} as grp, position, is_won, date_trunc('month', closed_on) as month
            from sales join (select unnest([1, 2, 3]) as position) on reached >= position where is_won is not null and closed_on < '2026-01-01'),
        months as (select grp, position, month, count(*) as n, count(*) filter (is_won) as won from closed where month >= '2025-01-01' group by all),
        promised as (select m.grp, m.position, m.month, m.n, m.won, count(c.is_won) as past, count(*) filter (c.is_won) as past_won
            from months m left join closed c on c.grp is not distinct from m.grp and c.position = m.position and c.month < m.month group by all)
        select grp, position, sum(n), sum(won) / sum(n), sum(n * past_won / past) / sum(n) from promised where past >= 30 group by all"""
    agree(measured("forecast_calibration", company, seed, by), ("position",), ("n", "value", "predicted"), raw(company, seed), sql, by)


@SEEDS
@BY
def test_time_in_stage(seed, by):
    # whole hours in all stays in a stage first entered in the year; a stay ends when it is left, with the next move, or with the deal
    sql = """
        with stays as (select s.deal_id, place(s.stage) as position, s.entered_at,
            coalesce(s.left_at, lead(s.entered_at) over (partition by s.deal_id order by s.entered_at), closed_at) as over_at
            from deal_stages s join deals using (deal_id)),
        spent as (select deal_id, position, min(entered_at) as first_at, sum(epoch(over_at) - epoch(entered_at)) as seconds
            from stays where position < 3 group by all),
        hours as (select region, position, seconds, floor(seconds / 3600) as h from spent join sales using (deal_id)
            where first_at >= '2025-01-01' and first_at < '2026-01-01')
        select {key}, position, count(*), quantile_disc(h, 0.5) / 24, quantile_disc(h, 0.25) / 24, quantile_disc(h, 0.75) / 24, avg(seconds) / 86400
        from hours group by all"""
    agree(measured("time_in_stage", settled, seed, by), ("position",), ("n", "value", "q1", "q3", "mean"), raw(settled, seed), sql, by)


AGES = """with aged as (select {key} as grp, is_won, floor((epoch(closed_at) - epoch(created_at)) / 86400) as age from sales
    where created_on >= '2025-01-01' and created_on < '2026-01-01')"""


@SEEDS
@BY
def test_win_incidence(seed, by):
    # nothing is open: by each day, the deals won (or lost) so far of all
    sql = (
        AGES
        + """, days as (select distinct grp, age from aged)
        select d.grp, d.age, count(*), count(*) filter (a.is_won and a.age <= d.age) / count(*),
            count(*) filter (not a.is_won and a.age <= d.age) / count(*), count(*) filter (a.age >= d.age)
        from days d join aged a on a.grp is not distinct from d.grp group by all"""
    )
    agree(measured("win_incidence", settled, seed, by), ("day",), ("n", "value", "lost", "at_risk"), raw(settled, seed), sql, by)


@SEEDS
@BY
@pytest.mark.parametrize("horizon", [0, 40, 5000])
def test_win_probability(seed, by, horizon):
    # won within the horizon of all; horizon 0: the last day with 30 deals as old, else the last day there is
    sql = (
        AGES
        + """, ranked as (select *, count(*) over (partition by grp order by age desc) as as_old from aged),
        until as (select grp, if({horizon} > 0, {horizon}, coalesce(max(age) filter (as_old >= 30), max(age))) as day from ranked group by grp)
        select a.grp, count(*), day, count(*) filter (is_won and age <= day) / count(*), count(*) filter (is_won)
        from aged a join until u on a.grp is not distinct from u.grp group by all"""
    )
    found = measured("win_probability", settled, seed, by, horizon_days=horizon)
    agree(found, (), ("n", "horizon_days", "value", "numerator"), raw(settled, seed), sql, by, horizon=horizon)


# answers


BANDS = """
    with valid as (select *, coalesce(contact_id, customer_id, response_id) as who from answers
        where question_id = 'q:nps' and score between 0 and 10 and score = floor(score)),
    last as (select * from valid qualify row_number() over (partition by survey_id, who order by answered_at desc, answer_id desc) = 1),
    banded as (select *, case when score >= 9 then 'promoter' when score >= 7 then 'passive' else 'detractor' end as band from last)"""


@SEEDS
@pytest.mark.parametrize("by", [(), ("band",), ("region",)])
def test_verbatims(seed, by):
    # texts that are not blank, and responses; the band is that of the response's own valid score
    sql = (
        BANDS
        + """ select {key}, count(*) filter (trim(a.text) <> ''), count(distinct a.response_id)
        from answers a left join customers using (customer_id) left join banded b on b.response_id = a.response_id group by all"""
    )
    found = measured("verbatims", company, seed, by)
    assert set(found.rows["state"]) == {"value"}
    agree(found, (), ("value", "denominator"), raw(company, seed), sql, by)


REVENUE = """(select coalesce(sum(amount), 0) from invoices where invoices.customer_id = {row}.customer_id
    and date_trunc('month', issued_on) between date_trunc('month', {day}) - interval 11 month and date_trunc('month', {day}))"""


@SEEDS
@BY
def test_silent_accounts(seed, by):
    # of the customers asked (delivered, or evidently so), the fifth with most revenue in twelve months; silent: nobody answered
    sql = """
        with sent as (select i.*, {revenue} as revenue, exists (from answers a where a.survey_id = i.survey_id and a.customer_id = i.customer_id
                and (i.contact_id is null or a.contact_id is null or a.contact_id = i.contact_id)) as responded from invitations i),
        asked as (select customer_id, max(revenue) as revenue, bool_or(responded) as responded from sent where delivered or responded group by 1),
        ranked as (select *, row_number() over (order by revenue desc, customer_id) as place, count(*) over () as n from asked)
        select {key}, count(*) filter (not responded), count(*), sum(if(responded, 0, revenue))
        from ranked join customers using (customer_id) where place - 1 < n * 0.2 and revenue > 0 group by all"""
    figures = ("value", "denominator", "revenue")
    agree(measured("silent_accounts", company, seed, by), (), figures, raw(company, seed), sql, by, revenue=REVENUE.format(row="i", day="i.sent_at"))


@SEEDS
@BY
def test_nps_revenue(seed, by):
    # a customer's mean revenue in the twelve months up to its answers, divided among the bands of its answers by their weights
    sql = (
        BANDS
        + """, paid as (select customer_id, band, coalesce(weight, 1) as w, greatest({revenue}, 0) as revenue from banded b where customer_id is not null),
        customers_ as (select customer_id, avg(revenue) as revenue, sum(w) as w from paid group by 1),
        split as (select p.customer_id, band, count(*) as n, any_value(c.revenue) * sum(p.w) / any_value(c.w) as worth
            from paid p join customers_ c using (customer_id) where c.revenue > 0 group by all)
        select {key}, band, sum(worth), sum(n), sum(worth) / sum(sum(worth)) over (partition by {key})
        from split join customers using (customer_id) group by {key}, band"""
    )
    found = measured("nps_revenue", company, seed, by)
    assert set(found.rows["state"]) == {"value"}
    agree(found, ("band",), ("value", "answers", "share"), raw(company, seed), sql, by, revenue=REVENUE.format(row="b", day="b.answered_at"))


# grades, from the customers' quarters


def with_quarters(seed):
    con = raw(company, seed)
    con.register("quarters", tables_of(company, seed)["customer_quarters"].collect("pyarrow").to_native())
    return con


@SEEDS
@pytest.mark.parametrize("segment", ["held", "earned", "grade"])
@BY
def test_mix_drift(seed, segment, by):
    # PSI = Σ (p − q) · ln(p / q) over the groups at the two ends of the year, nobody counting as 0.0001; Jensen–Shannon in bits
    sql = """
        with ends as (select {key} as grp, {segment} as bin, count(*) filter (ends_on = '2025-01-01') as n, count(*) filter (ends_on = '2026-01-01') as m
            from quarters join (select customer_id, region, grade from customers) using (customer_id)
            where ends_on in ('2025-01-01', '2026-01-01') group by all),
        shares as (select *, n / sum(n) over (partition by grp) as p0, m / sum(m) over (partition by grp) as q0 from ends),
        bounded as (select *, greatest(p0, 0.0001) as p, greatest(q0, 0.0001) as q, (p0 + q0) / 2 as half from shares)
        select grp, sum(n) + sum(m), count(*), sum((p - q) * ln(p / q)),
            sqrt(sum(if(p0 > 0, p0 * log2(p0 / half), 0) + if(q0 > 0, q0 * log2(q0 / half), 0)) / 2)
        from bounded group by grp"""
    found = measured("mix_drift", company, seed, by, segment=segment)
    agree(found, (), ("n", "bins", "value", "distance"), with_quarters(seed), sql, by, segment=segment)


@SEEDS
@BY
def test_grade_proposals(seed, by):
    # at the last quarter's end: the grade earned against the CRM's, where that is none of ours against the one in force a quarter before
    sql = """
        with compared as (select region, earned_rank as earned, coalesce(case lower(trim(grade)) when 'core' then 1 when 'key' then 2
                when '重点客户' then 2 when 'ordinary' then 3 when 'potential' then 4 end, held_rank_before) as present
            from quarters join (select customer_id, region, grade from customers) using (customer_id) where ends_on = '2026-01-01')
        select {key}, count(*) filter (earned is distinct from present), count(*), count(*) filter (earned < present), count(*) filter (earned > present),
            count(*) filter (present is null) from compared group by all"""
    agree(measured("grade_proposals", company, seed, by), (), ("value", "denominator", "up", "down", "first"), with_quarters(seed), sql, by)
