"""Data health: the definitions' worked cases, every check on rows small enough to see through, and the same again in plain SQL on random records."""

import datetime as dt
import random
from functools import cache

import duckdb
import pandas as pd
import pytest

from access.scope import Scope
from metrics import health, health_policy, health_review
from metrics import record_rules as rules
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect, nw
from metrics.stats import wilson
from tests.made import READ_AT, made

D = dt.date.fromisoformat
PERIOD = Period(D("2026-01-01"), D("2027-01-01"), D("2026-11-01"))
CARD = health.METRICS[0]


def customer(number, **more):
    return {"customer_id": f"crm:{number}", "source": "crm", "name": f"Firm {number}", "kind": "company", **more}


@cache
def nothing():
    return made({})


def opened(settings=None, scope=None, **entities):
    tables = made(entities, {"metrics": {"health": settings or {}}}, **({"scope": scope} if scope else {}))
    if "deals" not in entities:  # marts of deals take longer than everything that is looked at here
        tables._stored.update({mart: nothing()._stored[mart] for mart in ("deal_facts", "customer_months")})
    return tables


def measured(tables, check=""):
    """All checks, or the one that is asked for."""
    return ask(CARD, tables, Query(PERIOD, settings=tables.settings, options={"check": check})).rows.set_index(["source", "entity", "check"])


def failing(tables, check=""):
    return collect(health.failing(tables, Query(PERIOD, options={"check": check}, settings=tables.settings)))


def judged(expression, *texts):
    """An expression over the column `text`, of each of these texts."""
    session = nothing().column("text", [text or "" for text in texts])
    found = collect(session.with_columns(n=expression))
    return dict(zip(found["text"], found["n"], strict=True))


# the definitions' worked cases, section 7


def test_keys_a_a_a_b_c_are_two_fifths_too_many_and_three_fifths_involved():
    rows = [customer(i, tax_no=f"TAX{key}") for i, key in enumerate("AAABC")]
    found = measured(opened(customers=rows), "duplicate").loc[("crm", "customers", "duplicate")]
    assert (found["value"], found["numerator"], found["n"], found["involved"] / found["n"]) == (2 / 5, 2, 5, 3 / 5)


@pytest.mark.parametrize(
    ("text", "is_bad"),
    [
        ("13800138000", False), ("1380013800", True), ("+86 13800138000", False),  # the definitions' own
        ("8613800138000", False), ("0086-138-0013-8000", False), ("１３８ ００１３ ８０００", False), ("23800138000", True), ("138x0013800", True),
    ],
)  # fmt: skip
def test_a_mobile_number_is_one_after_normalising(text, is_bad):
    assert judged(rules.is_bad_phone(nw.col("text")), text) == {text: is_bad}


@pytest.mark.parametrize(
    ("number", "is_bad"),
    [
        ("C20240501001", False), ("C20240231001", True), ("C2024051001", True),  # valid, no such day, wrong length
        ("C20240229001", False), ("C20230229001", True), ("C19000229001", True), ("C20000229001", False), ("C20240431001", True), ("C20241231999", False),
        ("C20241301001", True), ("C20240500001", True), ("20240501001", True),
    ],
)  # fmt: skip
def test_a_customer_number_holds_a_day_that_exists(number, is_bad):
    assert judged(rules.is_bad_number(nw.col("text")), number) == {number: is_bad}


def test_every_day_of_a_century_is_told_as_the_calendar_tells_it():
    numbers = [f"C{year}{month:02}{day:02}001" for year in (1900, 1999, 2000, 2023, 2024, 2100 - 1) for month in range(1, 13) for day in range(1, 32)]

    def exists(number):
        try:
            return bool(dt.date(int(number[1:5]), int(number[5:7]), int(number[7:9])))
        except ValueError:
            return False

    assert judged(~rules.is_bad_number(nw.col("text")), *numbers) == {number: exists(number) for number in numbers}


PLACEHOLDERS = ("N/A", "TBD", "无", "-", "", "  ", "　", "n/a ", "－")


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_missing(text):
    assert judged(rules.is_missing(nw.col("text")), text) == {text: True}


@pytest.mark.parametrize("text", ["无锡机械", "NA Trading", "X", "0", "a-b"])
def test_what_only_looks_like_one_is_there(text):
    assert judged(rules.is_missing(nw.col("text")), text) == {text: False}


@pytest.mark.parametrize(
    ("text", "is_bad"),
    [("a@b.cn", False), ("Ann.Lee+x@mail.example.com", False), ("张三@公司.中国", False), ("a@b", True), ("a b@c.cn", True),
     ("a@@b.cn", True), ("a.b.cn", True), ("a@b..cn", True)],
)  # fmt: skip
def test_an_address_looks_like_one(text, is_bad):
    assert judged(rules.is_bad_email(nw.col("text")), text) == {text: is_bad}


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("张三 11010519491231002X", True),
        ("110105194912310021", True),
        ("订单 20240501001", False),
        ("1101051949123100212", False),
        ("110105194913310021", False),
    ],
)
def test_an_identity_number_in_a_text_is_found(text, tells):
    assert judged(rules.tells_identity(nw.col("text")), text) == {text: tells}


# checks


def test_required_fields_depend_on_the_kind_of_customer():
    rows = [customer(1, industry="无", annual="5"), customer(2, industry="food", annual=None), customer(3, kind="person", industry=None)]
    found = measured(opened({"yearly_amount": "annual"}, customers=rows))
    assert found.loc[("crm", "customers", "missing_industry"), ["numerator", "n"]].tolist() == [1, 2]
    assert found.loc[("crm", "customers", "missing_yearly_amount"), ["numerator", "n"]].tolist() == [1, 2]
    assert found.loc[("crm", "customers", "missing_name"), "n"] == 3
    assert ("crm", "customers", "missing_tax_no") not in found.index
    narrower = measured(opened({"required": {"company": ["tax_no"]}}, customers=rows))
    assert narrower.loc[("crm", "customers", "missing_tax_no"), ["numerator", "n"]].tolist() == [2, 2]
    assert ("crm", "customers", "missing_yearly_amount") not in narrower.index


def test_two_names_of_one_and_one_name_of_two_are_two_counters():
    rows = [
        customer(1, name="Acme Ltd", tax_no="T1"), customer(2, name="ACME", tax_no="T1"),  # the same, written twice
        customer(3, name="Bolt", tax_no="T2"), customer(4, name="Nut", tax_no="T2"),  # one customer, two names
        customer(5, name="晨光集团有限公司", tax_no="T3"), customer(6, name="晨光有限公司", tax_no="T4"),  # two customers, one name
    ]  # fmt: skip
    tables = opened(customers=rows)
    assert list(failing(tables, "two_names")["record_id"]) == ["crm:3", "crm:4"]
    assert list(failing(tables, "one_name")["record_id"]) == ["crm:5", "crm:6"]
    assert list(failing(tables, "duplicate")["record_id"]) == ["crm:2", "crm:4"]


def test_a_merged_record_that_says_otherwise_is_a_contradiction():
    theirs = [{**customer(9 + i), "customer_id": f"erp:{i}", "source": "erp", "name": "Firm 1 Ltd", "merged_into": "crm:1"} for i in range(3)]
    theirs[1] |= {"phone": "13900000000"}
    theirs[2] |= {"phone": "+86 138-0013-8000"}
    tables = opened(customers=[customer(1, phone="13800138000"), *theirs])
    found = measured(tables, "differs")
    assert found.loc[("erp", "customers", "differs"), ["numerator", "n"]].tolist() == [1, 3]
    assert ("crm", "customers", "differs") not in found.index
    assert list(failing(tables, "differs")["record_id"]) == ["erp:1"]


def test_an_account_is_in_both_systems_or_an_orphan_of_one():
    both = {"customer_id": "erp:1", "source": "erp", "name": "Firm 1", "kind": "company", "merged_into": "crm:1"}
    alone = {"customer_id": "erp:2", "source": "erp", "name": "Solo", "kind": "company"}
    signed = {"signed_at": "2026-01-01T00:00:00"}
    rows = {"customers": [customer(1, **signed), customer(2, **signed), customer(3), both, alone]}
    settings = {"crm": ["crm"], "erp": ["erp"]}
    found = pd.concat([measured(tables, check) for tables in [opened(settings, **rows)] for check in ("no_erp", "no_crm")])
    assert found.loc[("crm", "customers", "no_erp"), ["numerator", "n"]].tolist() == [1, 2]  # 3 has signed nothing yet
    assert found.loc[("erp", "customers", "no_crm"), ["numerator", "n"]].tolist() == [1, 2]  # a merged record is one
    deals = [{"deal_id": "crm:d", "source": "crm", "customer_id": "crm:1"}]
    told = {"deals": deals, "invoices": [{"invoice_line_id": "erp:i", "source": "erp", "customer_id": "erp:1"}]}
    assert measured(opened(**rows, **told), "no_erp").loc[("crm", "customers", "no_erp"), "numerator"] == 1  # known by what the sources have
    assert ("crm", "customers", "no_erp") not in measured(opened({"crm": ["crm"], "erp": ["crm"]}, **rows), "no_erp").index  # one system


def test_rows_without_their_customer_are_orphans():
    calls = [{"interaction_id": f"crm:{i}", "source": "crm", "customer_id": c} for i, c in enumerate(("crm:1", "crm:gone", "crm:gone"))]
    people = [{"contact_id": "crm:p", "source": "crm", "name": "Ann", "customer_id": "crm:gone", "phone": "13800138000"}]
    tables = opened(customers=[customer(1)], interactions=calls, contacts=people)
    found = measured(tables, "no_customer")
    assert found.loc[("crm", "interactions", "no_customer"), ["numerator", "n", "verdict"]].tolist() == [2, 3, "fail"]
    assert found.loc[("crm", "contacts", "no_customer"), "value"] == 1
    assert sorted(failing(tables, "no_customer")["record_id"]) == ["crm:1", "crm:2", "crm:p"]


def test_a_won_deal_is_invoiced_but_for_the_tolerance():
    won = {"source": "crm", "is_won": True, "closed_at": "2026-02-05T00:00:00", "amount": 100, "currency": "CNY"}
    deals = [{"deal_id": f"crm:{i}", "customer_id": f"crm:{i}", **won} for i in range(4)]
    invoiced = [(90, "2026-02-10"), (89, "2026-02-10"), (100, "2026-01-31")]  # enough, too little, before the deal was won; and nothing at all
    lines = [{"invoice_line_id": f"erp:{i}", "customer_id": f"crm:{i}", "issued_on": on, "amount": amount} for i, (amount, on) in enumerate(invoiced)]
    rows = {"customers": [customer(i) for i in range(4)], "deals": deals, "invoices": lines}
    tables = opened(**rows)
    assert measured(tables, "under_invoiced").loc[("crm", "deals", "under_invoiced"), ["numerator", "n"]].tolist() == [3, 4]
    assert list(failing(tables, "under_invoiced")["customer_id"]) == ["crm:1", "crm:2", "crm:3"]
    tables.settings = {"metrics": {"health": {"grace_days": 300}}}
    assert measured(tables, "under_invoiced").empty  # all of them are too young to ask


def test_a_record_nobody_touched_for_a_year_is_stale():
    days = [365, 366]
    rows = [customer(i, updated_at=READ_AT - dt.timedelta(days=days[i])) for i in range(2)] + [customer(2)]
    assert measured(opened(customers=rows), "stale").loc[("crm", "customers", "stale"), ["numerator", "n"]].tolist() == [1, 2]


def test_customer_numbers_are_asked_only_of_sources_that_have_them():
    rows = [customer(n) for n in ("C20240501001", "C20240502001", "C20240231001", "C2024051001")]
    assert measured(opened({"numbered": ["crm"]}, customers=rows), "bad_number").loc[("crm", "customers", "bad_number"), "value"] == 2 / 4
    assert measured(opened(customers=rows), "bad_number").loc[("crm", "customers", "bad_number"), "value"] == 2 / 4  # three of four look so
    assert ("crm", "customers", "bad_number") not in measured(opened(customers=[customer(i) for i in range(3)]), "bad_number").index


# verdicts, owners, readers


@pytest.mark.parametrize(("value", "threshold", "said"), [(0, 0, "pass"), (0.05, 0.05, "pass"), (0.1, 0.05, "warn"), (0.11, 0.05, "fail"), (0.01, 0, "fail")])
def test_a_verdict(value, threshold, said):
    assert health.verdict(value, threshold) == said


def test_thresholds_and_owners_are_set_in_the_sources_file():
    settings = {"owners": {"crm": "Sales", "crm.customers": "Data desk"}, "thresholds": {"customers.missing_phone": 0.9}}
    calls = [{"interaction_id": "crm:1", "source": "crm", "customer_id": "crm:1"}]
    found = measured(opened(settings, customers=[customer(1, phone="-"), customer(2, phone="13800138000")], interactions=calls))
    assert found.loc[("crm", "customers", "missing_phone"), ["verdict", "owner", "threshold"]].tolist() == ["pass", "Data desk", 0.9]
    assert found.loc[("crm", "interactions", "no_customer"), "owner"] == "Sales"


def test_every_fault_of_the_settings_is_told_at_once():
    with pytest.raises(QuestionError, match=r"thresholds: 'nope'.*stale_days.*required\.company"):
        health_policy.policy({"metrics": {"health": {"thresholds": {"nope": 0.1}, "required": {"company": ["shoe"]}, "stale_days": 0}}})


def test_who_may_see_no_addresses_gets_the_same_numbers_and_masked_rows():
    rows = [customer(1, phone="1380013800012", email="ann(at)example.com")]
    full, veiled = (opened(customers=rows, scope=scope) for scope in (Scope(is_full=True), Scope(is_full=True, veils=("personal",))))
    assert measured(veiled, "bad_phone")["value"].equals(measured(full, "bad_phone")["value"])
    shown = failing(veiled, "bad_phone")
    assert len(shown) == 1 and "1380013800012" not in shown.to_csv() and "ann(at)" not in shown.to_csv()
    assert failing(full, "bad_phone")["phone"].tolist() == ["1380013800012"]


def test_a_snapshot_without_judged_records_says_so():
    tables = opened(customers=[customer(1)], interactions=[{"interaction_id": "crm:1", "source": "crm", "customer_id": "crm:1"}])
    older = {name: tables[name] for name in (*CARD.reads, "accounts") if name != health.MART}
    found = ask(CARD, older, Query(PERIOD, settings=tables.settings))
    assert found.notes == {"unjudged": True} and list(found.rows["entity"]) == ["interactions"]
    assert len(collect(health.failing(older, Query(PERIOD, options={"check": "duplicate"}, settings=tables.settings)))) == 0


def test_an_unknown_check_is_refused():
    with pytest.raises(QuestionError, match="there are missing_name"):
        measured(opened(), "nope")


# random records


@cache
def mixed(seed):
    rng = random.Random(seed)
    texts = {
        "name": ["Acme", "acme ltd", "Bolt", "N/A", "张 11010519491231002X", "Nut"], "tax_no": ["T1", "T2", "t-1", None],
        "phone": ["13800138000", "+86 13900139000", "12", "-", None],
        "email": ["a@b.cn", "A@b.cn", "a@b", "无", None], "industry": ["food", "TBD", None], "region": ["North", "South", None],
    }  # fmt: skip
    rows = [
        {
            "customer_id": f"crm:{i}",
            "source": "crm" if i % 3 else "erp",
            "kind": rng.choice(["company", "person"]),
            **{c: rng.choice(v) for c, v in texts.items()},
        }
        for i in range(40)
    ]
    calls = [{"interaction_id": f"crm:i{i}", "source": "crm", "customer_id": f"crm:{rng.randrange(60)}"} for i in range(50)]
    return opened(customers=rows, interactions=calls), rows, calls


SQL = """
with c as (select *, regexp_replace(upper(coalesce(tax_no, '')), '-', '') as tax, lower(trim(coalesce(email, ''))) as mail,
    regexp_replace(coalesce(phone, ''), '^\\+86 ', '') as tel, row_number() over (order by customer_id) as i from customers),
k as (select *, case when tax <> '' then 't' || tax
    when mail not in ('', '无') then 'm' || mail when tel not in ('', '-') then 'p' || tel else customer_id end as key from c)
select source, 'bad_email', count(*), sum((not regexp_matches(mail, '^[^@ ]+@[^@ ]+\\.[a-z]+$'))::int) from k where mail not in ('', '无') group by 1
union all select source, 'bad_phone', count(*), sum((length(tel) <> 11)::int) from k where tel not in ('', '-') group by 1
union all select source, 'missing_industry', count(*), sum((coalesce(industry, 'TBD') = 'TBD')::int) from k where kind = 'company' group by 1
union all select source, 'missing_name', count(*), sum((name = 'N/A')::int) from k group by 1
union all select source, 'open_identity', count(*), sum((name like '%1949%')::int) from k group by 1
union all select source, 'duplicate', sum(n), sum(n - 1) from (select source, key, count(*) as n from k group by all) group by 1
"""


@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_finds_the_same(seed):
    tables, rows, calls = mixed(seed)
    con = duckdb.connect()
    listed = [(r["customer_id"], r["source"], r["kind"], *(r[c] for c in ("name", "tax_no", "phone", "email", "industry"))) for r in rows]
    con.execute("create table customers (customer_id text, source text, kind text, name text, tax_no text, phone text, email text, industry text)")
    con.executemany("insert into customers values (?, ?, ?, ?, ?, ?, ?, ?)", listed)
    theirs = {(source, "customers", check): (n, failing) for source, check, n, failing in con.execute(SQL).fetchall()}
    known = {r["customer_id"] for r in rows}
    theirs[("crm", "interactions", "no_customer")] = (len(calls), sum(c["customer_id"] not in known for c in calls))
    ours = measured(tables)
    assert len(theirs) == 13 and theirs == {key: tuple(ours.loc[key, ["n", "numerator"]]) for key in theirs}


@pytest.mark.parametrize("seed", range(2))
def test_what_holds_of_any_records(seed):
    tables = mixed(seed)[0]
    found = measured(tables)
    assert found["value"].between(0, 1).all() and (found["numerator"] <= found["n"]).all()
    assert found["low"].tolist() == pytest.approx(list(wilson(found["numerator"], found["n"])[0]))
    assert found["involved"].dropna().ge(found["numerator"][found["involved"].notna()]).all()
    counted = failing(tables).groupby(["source", "entity", "check"]).size()
    assert counted.to_dict() == {key: int(n) for key, n in found["numerator"].items() if n}  # the list is as long as the number says
    parts = ask(CARD, tables, Query(PERIOD, by=("region",), settings=tables.settings)).rows
    assert parts.groupby(["source", "entity", "check"])["numerator"].sum().to_dict() == found["numerator"].to_dict()  # segments recombine
    for column, value in (("region", "North"), ("entity", "interactions"), ("source", "erp")):
        alone = ask(CARD, tables, Query(PERIOD, where=((column, (value,)),), settings=tables.settings)).rows
        rows = parts if column == "region" else found.reset_index()
        theirs = rows[(rows[column] == value) & (rows["n"] > 0)]
        key, figures = ["source", "entity", "check"], ["n", "numerator"]
        assert len(alone) and alone.set_index(key)[figures].sort_index().to_dict() == theirs.set_index(key)[figures].sort_index().to_dict()


def test_scores_weigh_by_what_was_checked():
    tables = opened(
        customers=[customer(i, phone="-" if i else "13800138000", email=None) for i in range(4)], settings={"required": {"company": ["name", "phone"]}}
    )
    scores = health.scores(measured(tables).reset_index()).set_index("dimension")["value"]
    assert scores["completeness"] == 1 - 3 / (4 + 4)  # three of four telephones, none of four names
    assert scores["validity"] == 1


def test_every_rule_has_a_dimension_of_the_six():
    assert {rule.dimension for rule in health_policy.RULES} == set(health_policy.DIMENSIONS)


# checks of the company's own

EARLY = {"entity": "usage", "dimension": "consistency", "fails": "n_early", "of": "n_lines", "label": "Use before the agreement begins"}
UNMARKED = {"entity": "customers", "dimension": "consistency", "fails": "left_unmarked", "label": "Left without being marked so", "threshold": 0.5}


def used(number, early, lines, **more):
    return {"source": "crm", "source_id": f"u{number}", "customer_id": f"crm:{number}", "feature": "f", "n_early": early, "n_lines": lines, **more}


def test_a_column_of_the_mapping_is_a_check():
    """3 of 4 lines lie too early; of two customers one is known to have left unmarked, of the third nothing is said [D]."""
    rows = [customer(1, left_unmarked=True), customer(2, left_unmarked=False), customer(3)]
    tables = opened({"own": {"early": EARLY, "unmarked": UNMARKED}}, customers=rows, usage=[used(1, 2, 2), used(2, 1, 2), used(3, None, None)])
    found = measured(tables)
    assert found.loc[("crm", "usage", "early"), ["numerator", "n", "dimension", "verdict"]].tolist() == [3, 4, "consistency", "fail"]
    assert found.loc[("crm", "customers", "unmarked"), ["numerator", "n", "verdict"]].tolist() == [1, 2, "pass"]
    assert list(failing(tables, "early")["record_id"]) == ["u1", "u2"] and list(failing(tables, "unmarked")["record_id"]) == ["crm:1"]
    assert list(measured(tables, "early").index) == [("crm", "usage", "early")]


def test_a_merged_record_counts_for_its_account():
    rows = [customer(1, region="North"), customer(2, region="South", merged_into="crm:1", left_unmarked=True)]
    tables = opened({"own": {"unmarked": UNMARKED}}, customers=rows)
    found = ask(CARD, tables, Query(PERIOD, by=("region",), settings=tables.settings, options={"check": "unmarked"})).rows
    assert found[["region", "numerator"]].values.tolist() == [["North", 1.0]]


@pytest.mark.parametrize(
    ("own", "rows", "said"),
    [
        ({"early": EARLY | {"fails": "nope"}}, [used(1, 1, 1)], "usage.nope, and no source gives that column"),
        ({"early": EARLY}, [used(1, 3, 2)], "counts more that fails than was asked"),
        ({"duplicate": EARLY}, [], "'duplicate' is the name of a check that there is already"),
        ({"Early": EARLY}, [], "own.Early"),
        ({"early": EARLY | {"entity": "rates"}}, [], "own.early.entity"),
    ],
)  # fmt: skip
def test_an_own_check_that_cannot_be_meant_is_refused(own, rows, said):
    with pytest.raises(QuestionError, match=said):
        measured(opened({"own": own}, customers=[customer(1)], usage=rows))


# high-value customers


def high_value(settings=None):
    """Six customers whose grades follow from what they bought in 2025: the grades are the engine's, the faults ours."""
    rows = [customer(i, phone="12" if i % 2 else "13800138000", email="a@b" if i == 1 else None, industry="food") for i in range(6)]
    lines = [
        {"invoice_line_id": f"erp:{i}-{m}", "customer_id": f"crm:{i}", "issued_on": f"2025-{m:02}-10", "amount": 10**i} for i in range(6) for m in range(1, 13)
    ]
    return opened(settings, customers=rows, invoices=lines)


LISTED = """
select count(*), count(*) filter (faults > 0), sum(faults) from (select q.customer_id,
    (select sum(coalesce(bad_email, 0) + coalesce(bad_phone, 0) + coalesce(missing_phone, 0) + coalesce(missing_owner_id, 0) + coalesce(missing_region, 0)
        + coalesce(missing_industry, 0) + coalesce(missing_name, 0) + coalesce(duplicate, 0) + coalesce(two_names, 0) + coalesce(stale, 0)
        + coalesce(no_crm, 0) + coalesce(no_erp, 0) + coalesce(open_identity, 0))
     from checks c where c.customer_id = q.customer_id and c.entity = 'customers') as faults
    from quarters q where q.held in ({grades}) and q.ends_on = (select max(ends_on) from quarters where ends_on <= '2026-11-01'))
"""


@pytest.mark.parametrize("grades", [None, ["core", "key"], ["nobody"]])
def test_high_value_customers_with_faults_as_plain_sql_finds_them(grades):
    tables = high_value({"review_grades": grades} if grades else None)
    card = health_review.METRICS[0]
    found = ask(card, tables, Query(PERIOD, settings=tables.settings)).rows.iloc[0]
    con = duckdb.connect()
    for name, table in (("checks", "record_checks"), ("quarters", "customer_quarters")):
        con.register(name, collect(tables[table]))
    n, faulty, faults = con.execute(LISTED.format(grades=", ".join(f"'{grade}'" for grade in grades or ["core"]))).fetchone()
    assert (found["n"], found["numerator"] or 0, found["faults"] if faults else None) == (n, faulty, faults)
    listed = collect(health_review.listed(tables, Query(PERIOD, settings=tables.settings)))
    assert len(listed) == n and (listed["n_faults"] > 0).sum() == faulty
    if n:
        assert faults and list(listed["n_faults"]) == sorted(listed["n_faults"], reverse=True)
        assert all(len(checks.split(",")) == count for checks, count in zip(listed["checks"], listed["n_faults"], strict=True) if count)


def test_a_grade_follows_the_policy():
    assert health_review.grades(Query(PERIOD, settings={"metrics": {"health": {"review_grades": ["key"]}}})) == ("key",)
    assert health_review.grades(Query(PERIOD, settings={"metrics": {}})) == ("core",)
