"""The funnel, win rates, lost reasons and lead conversion: worked cases, published figures, plain SQL on random deals."""

import datetime as dt
import random

import duckdb
import pytest

from metrics.funnel import METRICS as FUNNEL
from metrics.incidence import METRICS as INCIDENCE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.winning import METRICS as WINNING
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in (*FUNNEL, *WINNING, *INCIDENCE)}
JANUARY = Period(D("2026-01-01"), D("2026-02-01"), D("2026-12-01"))
STAGES = ("Lead", "Follow-up", "Quote", "Contract")


def line(*names, **more):
    return {"metrics": {"funnel": {"stages": list(names), **more}}}


def deal(name, stage="x", is_won=None, created="2026-01-05", closed=None, **more):
    closed = closed or ("2026-01-20" if is_won is not None else None)
    row = {"deal_id": str(name), "stage": stage, "is_won": is_won, "created_at": f"{created}T08:00:00", "currency": "CNY", "amount": 100}
    return {**row, "closed_at": closed and f"{closed}T08:00:00", **more}


def moves(name, path, start="2026-01-05"):
    day = D(start)
    return [{"deal_id": str(name), "stage": s, "entered_at": f"{day + dt.timedelta(days=k)}T09:00:00"} for k, s in enumerate(path.split())]


def measured(name, tables, period=JANUARY, *, by=(), where=(), grain=None, **options):
    return ask(CARDS[name], tables, Query(period, grain, tuple(by), tuple(where), options, tables.settings))


def by_stage(answer, column="numerator"):
    return dict(zip(answer.rows["stage"], answer.rows[column], strict=True))


# worked cases of DEFINITIONS, section 4


def test_100_50_1():
    """100 → 50 → 1: step 50 %, 2 %; overall 50 %, 1 % (a thread of Lightdash)."""
    rows = [deal(k, "A") for k in range(50)] + [deal(k, "B") for k in range(50, 99)] + [deal(99, "C")]
    funnel = measured("funnel", made({"deals": rows}, line("A", "B", "C"))).rows
    assert funnel["numerator"].tolist() == [100, 50, 1]
    assert funnel["value"].tolist() == pytest.approx([1, 0.5, 0.01])
    assert funnel["step"].tolist() == pytest.approx([1, 0.5, 1 / 50])
    assert funnel["n"].tolist() == [100, 100, 100]


@pytest.mark.parametrize(("mode", "reached"), [("passed", [1, 1, 1, 1]), ("strict", [1, 1, 0, 0]), ("any", [1, 1, 0, 1])])
def test_a_skipped_stage(mode, reached):
    """created → lead → customer: reached-or-beyond all four, strict the first two (Bitrix24, HubSpot)."""
    tables = made({"deals": [deal("d", "customer")], "deal_stages": moves("d", "created lead customer")}, line("created", "lead", "opportunity", "customer"))
    assert measured("funnel", tables, mode=mode).rows["numerator"].tolist() == reached


def test_back_and_forth():
    """d1 Q→N→Q→N→Won; d2 Q→Lost; d3 Q→N open: Q 3, N 2, Won 1; step 66.7 %, 50 %."""
    deals = [deal("d1", "Won", True), deal("d2", "Q", False), deal("d3", "N")]
    log = moves("d1", "Q N Q N Won") + moves("d2", "Q") + moves("d3", "Q N")
    answer = measured("funnel", made({"deals": deals, "deal_stages": log}, line("Q", "N", "Won")))
    assert by_stage(answer) == {"Q": 3, "N": 2, "Won": 1}
    assert answer.rows["step"].tolist() == pytest.approx([1, 2 / 3, 1 / 2])
    assert answer.ok and [check.detail for check in answer.checks if check.detail] == ["9 = 9"]


def test_ten_deals_four_won_two_lost_four_open():
    """66.7 % of closed; 40 % of all, 4 open."""
    rows = [deal(k, is_won=True) for k in range(4)] + [deal(k, is_won=False) for k in range(4, 6)] + [deal(k) for k in range(6, 10)]
    tables = made({"deals": rows})
    row = measured("win_rate", tables).rows.iloc[0]
    assert row["value"] == pytest.approx(4 / 6) and row["of_all"] == pytest.approx(0.4)
    assert (row["won"], row["lost"], row["open"], row["n"]) == (4, 2, 4, 6)
    assert row["won_amount"] == 400
    query = Query(JANUARY, options={"base": "created"}, settings=tables.settings)
    assert len(collect(CARDS["win_rate"].behind(tables, query))) == row["n"]


def test_wilson_limits_of_the_win_rate_are_newcombes():
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17, 857-872)."""
    tables = made({"deals": [deal(k, is_won=k < 81) for k in range(263)]})
    row = measured("win_rate", tables).rows.iloc[0]
    assert (row["low"], row["high"]) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


# ClickHouse, 00632_aggregation_window_funnel: nine events a second apart, five of them asked for from the fourth on; the window's end is included
@pytest.mark.parametrize(("window", "level"), [(2, 3), (3, 4), (4, 5)])
def test_a_window_includes_its_last_instant(window, level):
    names = [f"event {k}" for k in range(1003, 1008)]
    log = [{"deal_id": "u", "stage": n, "entered_at": f"2026-01-{5 + k:02}T08:00:00"} for k, n in enumerate(names)]
    tables = made({"deals": [deal("u", names[0])], "deal_stages": log}, line(*names))
    assert sum(measured("funnel", tables, mode="strict", within_days=window).rows["numerator"]) == level


def test_a_window_only_counts_deals_that_are_old_enough():
    tables = made({"deals": [deal("old", "B", created="2026-01-05"), deal("new", "A", created="2026-01-30")]}, line("A", "B"))
    running = Period(D("2026-01-01"), D("2026-03-01"), D("2026-02-05"))
    assert measured("funnel", tables, running, within_days=20).rows["n"].tolist() == [1, 1]
    assert measured("funnel", tables, running).rows["n"].tolist() == [2, 2]


@pytest.mark.parametrize("name", ["funnel", "funnel_to_cash"])
@pytest.mark.parametrize(("days", "complete"), [(31, [True, True]), (32, [True, False]), (59, [True, False]), (60, [False, False])])
def test_a_step_is_complete_once_its_last_deals_are_as_old_as_the_window(name, days, complete):
    """Loaded up to 1 April: the last of February's deals are 31 days old by then or more, the last of January's 59."""
    tables = made({"deals": [deal(day, "B", created=day) for day in ("2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28")]}, line("A", "B"))
    months = measured(name, tables, Period(D("2026-01-01"), D("2026-03-01"), D("2026-04-01")), grain="month", within_days=days).rows
    assert months.groupby("period")["complete"].all().tolist() == complete
    assert measured(name, tables, Period(D("2026-01-01"), D("2026-03-01"), D("2026-04-01")), within_days=days).rows["complete"].all() == complete[-1]


@pytest.mark.parametrize("name", ["funnel", "funnel_to_cash", "win_rate", "win_probability", "lead_conversion"])
@pytest.mark.parametrize(("days", "complete"), [(31, [True, True]), (32, [True, False]), (59, [True, False]), (60, [False, False]), (None, [False, False])])
def test_what_is_followed_to_today_is_complete_once_it_was_followed_for_long_enough(name, days, complete):
    """As above, for everything that deals and leads did since; 90 days where nothing is set. The number of a whole period is as complete as the period."""
    rows = {"deals": [deal(k, "B", k > 1, created=day, closed=day) for k, day in enumerate(("2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28"))]}
    rows["leads"] = [{"lead_id": str(k), "created_at": f"2026-0{k}-05T08:00:00", "status": "new"} for k in (1, 2)]
    tables = made(rows, line("A", "B", **({} if days is None else {"followed_days": days})))
    period = Period(D("2026-01-01"), D("2026-03-01"), D("2026-04-01"))
    assert measured(name, tables, period, grain="month").rows.groupby("period")["complete"].all().tolist() == complete
    assert measured(name, tables, period).rows["complete"].all()


# cash


def cash_case(paid: bool):
    payment = [{"customer_id": "c", "paid_on": "2026-02-20" if paid else "2026-01-06", "amount": 5, "currency": "CNY"}]
    deals = [deal("won", "Contract", True, customer_id="c"), deal("open", "Quote", customer_id="c")]
    return made({"customers": [{"customer_id": "c"}], "deals": deals, "payments": payment})


@pytest.mark.parametrize("paid", [True, False])
def test_the_last_stage_is_money_from_the_erp(paid):
    tables = cash_case(paid)
    assert by_stage(measured("funnel", tables))["Payment received"] == int(paid)
    row = measured("funnel_to_cash", tables).rows.iloc[0]
    assert (row["value"], row["stage"], row["n"]) == (0.5 * paid, "Payment received", 2)


def test_cash_is_no_data_where_no_payment_was_ever_loaded():
    answer = measured("funnel", made({"deals": [deal("d", "Quote")]}))
    states = by_stage(answer, "state")
    assert states["Payment received"] == "no_data" and states["Contract"] == "value"
    assert answer.ok


# what behind shows


def test_the_list_behind_a_bar_is_as_long_as_the_bar():
    tables = made({"deals": [deal("a", "Quote"), deal("b", "Lead"), deal("c", "Contract", True)]})
    bars = by_stage(measured("funnel", tables))
    for stage in STAGES:
        query = Query(JANUARY, where=(("stage", (stage,)),), options=dict(CARDS["funnel"].options), settings=tables.settings)
        assert len(collect(CARDS["funnel"].behind(tables, query))) == bars[stage]


def test_a_series_counts_each_deal_in_the_month_it_was_created():
    tables = made({"deals": [deal("a", created="2026-01-31"), deal("b", is_won=True, created="2026-02-01", closed="2026-04-01")]})
    year = Period(D("2026-01-01"), D("2026-04-01"), D("2026-12-01"))
    rows = measured("win_rate", tables, year, grain="month").rows
    assert rows["open"].fillna(0).tolist() == [1, 0, 0]
    assert rows["state"].tolist() == ["no_data", "value", "no_data"]  # nothing closed is no win rate of 0
    assert measured("win_rate", tables, Period(D("2026-04-01"), D("2026-05-01"), D("2026-12-01")), base="closed").rows["won"].tolist() == [1]


# lost reasons, leads


def test_lost_reasons_have_their_base_per_stage():
    rows = [deal(k, "Quote", False, lost_reason="price") for k in range(3)] + [deal(9, "Quote", False), deal(8, "Lead", False, lost_reason="price")]
    rows += [deal("won", "Quote", True), deal("open", "Quote")]
    found = measured("lost_reasons", made({"deals": rows})).rows
    shares = {(r.stage, r.lost_reason): (r.numerator, r.denominator) for r in found.itertuples()}
    assert {(s, None if r != r else r): v for (s, r), v in shares.items()} == {("Lead", "price"): (1, 1), ("Quote", "price"): (3, 4), ("Quote", None): (1, 4)}


def leads(n, converted, channel, first=0):
    rows = [{"lead_id": f"{channel}{k}", "source_channel": channel, "created_at": "2026-01-05T08:00:00", "status": "new"} for k in range(n)]
    return rows, [deal(f"{channel}{k}", is_won=True, lead_id=f"{channel}{k}") for k in range(converted)]


def test_olists_origins():
    """842 of 8,000 leads; paid 195/1,586 = 12.30 %, organic 271/2,296 = 11.80 %, social 75/1,350 = 5.56 %, e-mail 15/493 = 3.04 % (Olist, recomputed)."""
    counts = {"paid": (1586, 195), "organic": (2296, 271), "social": (1350, 75), "email": (493, 15)}
    parts = [leads(n, won, channel) for channel, (n, won) in counts.items()]
    tables = made({"leads": [row for part in parts for row in part[0]], "deals": [row for part in parts for row in part[1]]})
    rows = measured("lead_conversion", tables, by=["source_channel"], to="won").rows.set_index("source_channel")["value"]
    assert (rows * 100).round(2).to_dict() == {"paid": 12.30, "organic": 11.80, "social": 5.56, "email": 3.04}
    whole = measured("lead_conversion", tables).rows.iloc[0]
    assert (whole["numerator"], whole["n"]) == (195 + 271 + 75 + 15, 1586 + 2296 + 1350 + 493)


def test_a_lead_with_two_deals_is_one_lead_and_a_converted_status_counts():
    rows = [{"lead_id": name, "created_at": "2026-01-05T08:00:00", "status": status} for name, status in (("a", "new"), ("b", "Converted"), ("c", "new"))]
    tables = made({"leads": rows, "deals": [deal(1, lead_id="a"), deal(2, lead_id="a", is_won=False)]})
    row = measured("lead_conversion", tables).rows.iloc[0]
    assert (row["numerator"], row["n"], row["won"]) == (2, 3, 0)


# nothing there, nonsense asked


@pytest.mark.parametrize("name", list(CARDS))
@pytest.mark.parametrize("grain", [None, "month"])
@pytest.mark.parametrize("by", [(), ("region",)])
def test_no_deals_is_no_data(name, grain, by):
    answer = measured(name, made({}), grain=grain, by=by)
    assert answer.ok and set(answer.rows["state"]) <= {"no_data"}


@pytest.mark.parametrize(("name", "options", "message"), [
    ("funnel", {"mode": "loose"}, "'loose'; there are passed, strict, any"),
    ("win_rate", {"base": "signed"}, "'signed'; deals are taken as created or closed"),
    ("lead_conversion", {"to": "cash"}, "'cash' for a lead; there are deal, won"),
])  # fmt: skip
def test_unknown_options_say_what_there_is(name, options, message):
    with pytest.raises(QuestionError, match=message):
        measured(name, made({}), **options)


# the same numbers in plain SQL, on random deals


def random_deals(seed):
    rng = random.Random(seed)
    deals, log = [], []
    for k in range(rng.randrange(1, 40)):
        reached, created = rng.randrange(1, 5), D("2025-12-20") + dt.timedelta(days=rng.randrange(60))
        is_won = rng.choice([None, False, True] if reached == 4 else [None, False])
        closed = str(created + dt.timedelta(days=rng.randrange(30))) if is_won is not None else None
        deals.append(deal(k, STAGES[reached - 1], is_won, str(created), closed, amount=rng.randrange(1, 999), region=rng.choice(["N", "S", None])))
        path = [s for s in STAGES[:reached] if rng.random() < 0.8 or s == STAGES[reached - 1]]
        log += moves(k, " ".join(path), str(created))
    return deals, log


SQL = """
with reached as (
    select deal_id, max(list_position(['Lead', 'Follow-up', 'Quote', 'Contract'], stage)) as k from log group by 1
), based as (
    select d.*, greatest(coalesce(r.k, 1), if(is_won, 4, 1)) as k from deals d left join reached r using (deal_id)
    where created_at >= '2026-01-01' and created_at < '2026-02-01'
)
select s.k as position, count(*) filter (b.k >= s.k) as reached, count(*) as n, count(*) filter (is_won) as won,
    count(*) filter (not is_won) as lost, sum(amount) filter (b.k >= s.k) as amount
from based b, (select unnest([1, 2, 3, 4]) as k) s group by 1 order by 1
"""


@pytest.mark.parametrize("seed", range(8))
def test_the_same_funnel_in_plain_sql(seed):
    deals, log = random_deals(seed)
    random.Random(seed).shuffle(deals)  # the order of rows is irrelevant
    answer = measured("funnel", made({"deals": deals, "deal_stages": log}, line(*STAGES)))
    con = duckdb.connect()
    con.execute("create table deals (deal_id text, created_at timestamp, is_won boolean, amount double)")
    con.executemany("insert into deals values (?, ?, ?, ?)", [[d["deal_id"], d["created_at"], d["is_won"], d["amount"]] for d in deals])
    con.execute("create table log (deal_id text, stage text)")
    con.executemany("insert into log values (?, ?)", [[m["deal_id"], m["stage"]] for m in log])
    expected = con.execute(SQL).fetchall()
    found = answer.rows[["position", "numerator", "n", "won", "lost", "amount"]].astype(float)
    assert [tuple(row) for row in found.to_numpy()] == [tuple(float(v or 0) for v in row) for row in expected]
    assert answer.ok


@pytest.mark.parametrize("seed", range(3))
def test_segments_recombine_to_the_whole_and_steps_never_rise(seed):
    deals, log = random_deals(seed + 100)
    tables = made({"deals": deals, "deal_stages": log}, line(*STAGES))
    whole, parts = measured("funnel", tables).rows, measured("funnel", tables, by=["region"]).rows
    assert parts.groupby("position")["numerator"].sum().tolist() == whole["numerator"].tolist()
    assert all(a >= b for a, b in zip(whole["numerator"], whole["numerator"][1:], strict=False))
