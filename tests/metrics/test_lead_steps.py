"""The funnel of leads: each counted once, as far as any deal of it got; what is won, lost and open; plain SQL on random leads."""

import random

import duckdb
import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from tests.made import made
from tests.metrics.test_funnel import JANUARY, STAGES, by_stage, deal, line, moves


def lead(name, created="2026-01-05", status="new", **more):
    return {"lead_id": str(name), "created_at": f"{created}T08:00:00", "status": status, "source_channel": "fair", **more}


def asked(tables, metric="funnel", by=(), where=(), **options):
    return ask(CATALOGUE[metric], tables, Query(JANUARY, None, tuple(by), tuple(where), {"unit": "lead", **options}, tables.settings))


def company(leads, deals=(), log=(), **entities):
    return made({"leads": leads, "deals": list(deals), "deal_stages": list(log), **entities}, line(*STAGES))


def outcomes(answer):
    row = answer.rows.iloc[0]
    return row["won"], row["lost"], row["open"], row["n"]


def test_a_lead_is_counted_once_as_far_as_its_furthest_deal_got():
    """a: a deal lost in the first stage and one that got to the quote; b: no deal; c: a deal created in March; d is of December."""
    deals = [deal(1, "Lead", False, lead_id="a"), deal(2, "Quote", lead_id="a", created="2026-02-01"), deal(3, "Contract", True, "2026-03-01", lead_id="c")]
    deals += [deal(4, "Contract", True, lead_id="d"), deal(5, "Contract", True)]  # not of a lead of January; of no lead
    answer = asked(company([lead("a"), lead("b"), lead("c"), lead("d", "2025-12-31")], deals))
    assert by_stage(answer) == {"Lead": 3, "Follow-up": 2, "Quote": 2, "Contract": 1}
    assert answer.rows["n"].tolist() == [3, 3, 3, 3]
    assert outcomes(answer) == (1, 0, 2, 3)
    assert answer.ok and answer.checks[0].name == "won + lost + open = all leads"
    assert by_stage(answer, "amount") == {"Lead": 300, "Follow-up": 200, "Quote": 200, "Contract": 100}  # of all deals that got there


@pytest.mark.parametrize(
    ("given", "status", "expected"),
    [
        ([None], "new", (0, 0, 1)),
        ([False], "new", (0, 1, 0)),
        ([False, None], "new", (0, 0, 1)),  # one may still be won
        ([False, None, True], "new", (1, 0, 0)),
        ([], "new", (0, 0, 1)),  # nobody has given it up
        ([], " Disqualified ", (0, 1, 0)),
        ([], "无效", (0, 1, 0)),
        ([None], "disqualified", (0, 0, 1)),  # its deal is open: the deal knows better
    ],
)
def test_what_became_of_a_lead(given, status, expected):
    deals = [deal(k, is_won=is_won, lead_id="a") for k, is_won in enumerate(given)] + [deal("other")]
    assert outcomes(asked(company([lead("a", status=status)], deals))) == (*expected, 1)


def test_the_words_for_a_dead_lead_can_be_set():
    tables = made({"leads": [lead("a", status="Parked"), lead("b", status="lost")], "deals": [deal("d")]}, line(*STAGES, dead=["parked"]))
    assert outcomes(asked(tables)) == (0, 1, 1, 2)


@pytest.mark.parametrize(("mode", "reached"), [("passed", [2, 1, 1, 1]), ("strict", [2, 1, 0, 0]), ("any", [2, 1, 0, 1])])
def test_every_way_of_counting_stages(mode, reached):
    """One lead's deal skipped the quote, the other lead has none: both are in the first stage."""
    tables = company([lead("a"), lead("b")], [deal("d", "Contract", lead_id="a")], moves("d", "Lead Follow-up Contract"))
    assert asked(tables, mode=mode).rows["numerator"].tolist() == reached


def test_days_count_from_the_lead_on():
    """The deal came on 15 January and was quoted two days later: twelve days after the lead."""
    deals, log = [deal("d", "Quote", created="2026-01-15", lead_id="a")], moves("d", "Lead Follow-up Quote", "2026-01-15")
    tables = company([lead("a")], deals, log)
    assert by_stage(asked(tables, within_days=13))["Quote"] == 1
    assert by_stage(asked(tables, within_days=11))["Quote"] == 0
    assert by_stage(asked(tables, within_days=11))["Lead"] == 1


def test_money_of_a_lead_comes_from_its_deals_customer():
    payment = [{"customer_id": "c", "paid_on": "2026-02-20", "amount": 5, "currency": "CNY"}]
    deals = [deal("won", "Contract", True, customer_id="c", lead_id="a")]
    tables = made({"customers": [{"customer_id": "c", "region": "North"}], "leads": [lead("a"), lead("b")], "deals": deals, "payments": payment})
    row = asked(tables, "funnel_to_cash").rows.iloc[0]
    assert (row["value"], row["stage"], row["n"]) == (0.5, "Payment received", 2)
    parts = asked(tables, "funnel_to_cash", by=["region"]).rows
    assert {None if r.region != r.region else r.region: r.value for r in parts.itertuples()} == {"North": 1, None: 0}


def test_cash_that_nothing_can_tell_about_is_no_data():
    answer = asked(made({"leads": [lead("a"), lead("b")], "deals": [deal("d", "Quote", lead_id="a")]}))
    assert by_stage(answer, "state")["Payment received"] == "no_data" and by_stage(answer)["Quote"] == 1


@pytest.mark.parametrize("entities", [{}, {"deals": [deal("d", "Quote", True)]}], ids=["nothing", "deals only"])
def test_without_leads_there_is_no_data(entities):
    tables = made(entities, line(*STAGES))
    assert asked(tables).rows.empty and asked(tables).ok
    assert asked(tables, "funnel_to_cash").rows["state"].tolist() == ["no_data"]


def test_the_list_behind_a_bar_is_as_long_as_the_bar():
    tables = company([lead("a"), lead("b"), lead("c")], [deal(1, "Quote", lead_id="a"), deal(2, "Quote", lead_id="a"), deal(3, "Contract", lead_id="c")])
    options = {**CATALOGUE["funnel"].options, "unit": "lead"}
    for stage, n in by_stage(asked(tables)).items():
        found = collect(CATALOGUE["funnel"].behind(tables, Query(JANUARY, where=(("stage", (stage,)),), options=options, settings=tables.settings)))
        assert len(found) == n and found["lead_id"].is_unique
    assert len(collect(CATALOGUE["funnel"].behind(tables, Query(JANUARY, options=options, settings=tables.settings)))) == 3


def test_an_unknown_unit_says_what_there_is():
    with pytest.raises(QuestionError, match="no unit 'customer' of a funnel; there are deal, lead"):
        asked(made({}), unit="customer")


SQL = """
with reached as (
    select deal_id, max(list_position(['Lead', 'Follow-up', 'Quote', 'Contract'], stage)) as k from log group by 1
), based as (
    select d.*, greatest(coalesce(r.k, 1), if(is_won, 4, 1)) as k from deals d left join reached r using (deal_id)
), each as (
    select l.lead_id, l.channel, coalesce(max(b.k), 1) as k, coalesce(bool_or(b.is_won), false) as won,
        not coalesce(bool_or(b.is_won), false) and count(b.deal_id) > 0 and bool_and(b.is_won is not null) as lost
    from leads l left join based b using (lead_id) where l.created >= '2026-01-01' and l.created < '2026-02-01' group by 1, 2
), money as (select b.*, l.channel from based b join leads l using (lead_id) where l.created >= '2026-01-01' and l.created < '2026-02-01')
select e.channel, s.k, count(*) filter (e.k >= s.k), count(*), count(*) filter (won), count(*) filter (lost), count(*) filter (not won and not lost),
    coalesce((select sum(amount) from money m where m.channel = e.channel and m.k >= s.k), 0)
from each e, (select unnest([1, 2, 3, 4]) as k) s group by 1, 2 order by 1, 2
"""


def random_leads(seed):
    """Leads of December to February, with none to three deals each."""
    rng = random.Random(seed)
    leads = [lead(k, rng.choice(["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"]), source_channel=rng.choice("xy")) for k in range(40)]
    deals, log = [], []
    for k in range(60):
        reached = rng.randrange(1, 5)
        is_won = rng.choice([None, False, True] if reached == 4 else [None, False])
        deals.append(deal(k, STAGES[reached - 1], is_won, "2026-02-02", "2026-03-01" if is_won is not None else None, lead_id=str(rng.randrange(40))))
        deals[-1]["amount"] = rng.randrange(1, 999)
        log += moves(k, " ".join(STAGES[:reached]), "2026-02-02")
    return leads, deals, log


@pytest.mark.parametrize("seed", range(6))
def test_the_same_funnel_of_leads_in_plain_sql(seed):
    leads, deals, log = random_leads(seed)
    answer = asked(company(random.Random(seed).sample(leads, 40), deals, log), by=["source_channel"])
    con = duckdb.connect()
    con.execute("create table leads (lead_id text, created date, channel text)")
    con.executemany("insert into leads values (?, ?, ?)", [[r["lead_id"], r["created_at"][:10], r["source_channel"]] for r in leads])
    con.execute("create table deals (deal_id text, lead_id text, is_won boolean, amount double)")
    con.executemany("insert into deals values (?, ?, ?, ?)", [[d["deal_id"], d["lead_id"], d["is_won"], d["amount"]] for d in deals])
    con.execute("create table log (deal_id text, stage text)")
    con.executemany("insert into log values (?, ?)", [[m["deal_id"], m["stage"]] for m in log])
    found = answer.rows[["source_channel", "position", "numerator", "n", "won", "lost", "open", "amount"]].fillna({"amount": 0})
    assert [tuple(row) for row in found.itertuples(index=False)] == con.execute(SQL).fetchall()
    assert answer.ok
