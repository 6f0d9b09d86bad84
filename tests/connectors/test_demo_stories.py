"""Every planted story is really in the data: asked of the company's own tables in plain SQL, with significance.

Sizes and places come from truth.json; nothing here knows how the company was made.
"""

import csv
import datetime as dt
import json
import sqlite3

import pytest
from scipy import stats

from connectors.demo import write

UNTIL = "2026-10"
CNY = "case ccy when 'USD' then 7.10 when 'EUR' then 7.75 when 'GBP' then 9.05 when 'JPY' then 0.0478 else 1 end"  # about, for sums
DIMENSIONS = ("Q2_service_quality", "Q3_product_function", "Q4_response_speed", "Q5_delivery", "Q6_overall")


class Company:
    """The written company as one SQLite connection: the schemas crm and erp, and the tables answered and sent from the CSV files."""

    def __init__(self, folder):
        self.truth = json.loads((folder / "truth.json").read_text("utf-8"))
        self.stories = self.truth["stories"]
        self.database = sqlite3.connect(":memory:")
        for system in ("crm", "erp"):
            self.database.execute(f"attach '{folder / system}.sqlite' as {system}")
        for table, files in (("answered", "wave_*.csv"), ("sent", "sent_*.csv")):
            self._read(table, sorted((folder / "surveys").glob(files)))

    def _read(self, table, paths):
        for number, path in enumerate(paths):
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
            if number == 0:
                self.database.execute(f"create table {table} ({', '.join(header)})")
            self.database.executemany(f"insert into {table} values ({', '.join('?' * len(header))})", rows)

    def all(self, sql, **values):
        return self.database.execute(sql, values).fetchall()

    def one(self, sql, **values):
        (row,) = self.all(sql, **values)
        return row[0] if len(row) == 1 else row

    def scores(self, question, where="true", **values):
        """Valid answers of a question: 99 and blank are none."""
        sql = f"select {question} + 0 from answered join crm.crm_account on acct_no = AcctNo where {question} not in ('', '99') and {where}"
        return [score for (score,) in self.all(sql, **values)]


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    write(out, until=UNTIL)
    return Company(out)


def nps(scores):
    return 100 * (sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores)) / len(scores)


def rates_differ(a, n, b, m):
    """p-value of a of n against b of m."""
    return stats.chi2_contingency([[a, n - a], [b, m - b]]).pvalue


def mean(values):
    return sum(values) / len(values)


# --- a healthy company -------------------------------------------------------------------------------------------------


def test_nps_is_that_of_a_healthy_company(company):
    assert 28 <= nps(company.scores("Q1_recommend")) <= 42


def test_recurring_value_grows_a_little(company):
    fee = f"select cust_no, sum(month_fee * {CNY}) as fee from erp.so_contract where begin_date < :day and end_date >= :day group by 1"
    sql = f"""select sum(coalesce(b.fee, 0)) / sum(a.fee), avg(b.fee is not null)
        from ({fee}) a left join ({fee.replace(":day", ":later")}) b using (cust_no)"""
    begin = dt.date.fromisoformat(company.truth["begins_on"])
    for year in range(begin.year, begin.year + 3):
        day, later = (str(begin.replace(year=y)) for y in (year, year + 1))
        net, logos = company.one(sql, day=day, later=later)
        assert 1.00 <= net <= 1.10, day
        assert 0.87 <= logos <= 0.93, day


def test_a_third_of_closed_deals_is_won(company):
    assert 0.28 <= company.one("select avg(outcome = 'W') from crm.crm_opportunity where outcome <> 'O'") <= 0.36


def test_a_third_of_questionnaires_comes_back(company):
    (delivered,) = company.all("select count(*) from sent where Status = 'delivered'")[0]
    assert 0.30 <= company.one("select count(*) from answered") / delivered <= 0.40


# --- survey stories ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", DIMENSIONS)
def test_one_touchpoint_is_low(company, question):
    there = company.scores(question, "touchpoint = :touchpoint", **company.stories["low_touchpoint"]["where"])
    elsewhere = company.scores(question, "touchpoint <> :touchpoint", **company.stories["low_touchpoint"]["where"])
    assert mean(there) < 3.0 < 3.8 < mean(elsewhere)
    assert stats.ttest_ind(there, elsewhere, equal_var=False).pvalue < 1e-20


@pytest.mark.parametrize("question", DIMENSIONS)
def test_one_pair_is_low_and_neither_of_its_parts(company, question):
    where = company.stories["low_pair"]["where"]
    both = company.scores(question, "region = :region and product_line = :product_line", **where)
    region = company.scores(question, "region = :region", **where)
    line = company.scores(question, "product_line = :product_line", **where)
    assert mean(both) < 3.0 < 3.2 < min(mean(region), mean(line))
    assert len(both) >= 100


def test_one_industry_drops_in_the_last_wave_and_takes_the_whole_along(company):
    industry = company.stories["nps_drop"]["where"]["industry"]
    waves = [wave for (wave,) in company.all("select distinct Wave from answered order by 1")]
    (now, before), last = (nps(company.scores("Q1_recommend", "Wave = :w", w=w)) for w in (waves[-1], waves[-2])), waves[-2:]
    here = [company.scores("Q1_recommend", "industry = :i and Wave = :w", i=industry, w=w) for w in last]
    others = [company.scores("Q1_recommend", "industry <> :i and Wave = :w", i=industry, w=w) for w in last]
    assert now < before - 8
    assert nps(here[1]) < nps(here[0]) - 60
    assert stats.ttest_ind(*here).pvalue < 1e-6 < 0.05 < stats.ttest_ind(*others).pvalue


def test_core_customers_keep_silent(company):
    sql = """select grade_code = 'A' as core, count(*), sum(exists (select 1 from answered a where a.Wave = s.Wave and a.ContactNo = s.ContactNo))
        from sent s join crm.crm_account on acct_no = s.AcctNo where Status = 'delivered' group by 1 order by 1"""
    (_, n, a), (_, m, b) = company.all(sql)
    assert b / m < 0.5 * a / n
    assert rates_differ(a, n, b, m) < 1e-10


# --- customers ---------------------------------------------------------------------------------------------------------


def months_apart(company, value, table, day):
    """Per core or other customer who stayed: (before, since) the drift began, both by month; the year before against what came after."""
    since = company.stories["core_drift"]["since"]
    months = {True: 12, False: round((dt.date.fromisoformat(company.truth["ends_on"]) - dt.date.fromisoformat(since)).days / 30.4)}
    begin = str(dt.date.fromisoformat(since).replace(year=int(since[:4]) - 1))
    sql = f"""select grade_code = 'A', acct_no, sum(case when {day} < :since then {value} else 0 end) / {months[True]}.0, sum(case when {day} >= :since
        then {value} else 0 end) / {months[False]}.0 from {table} where {day} >= :begin and signed_time < :begin and lost_date is null group by 1, 2"""
    rows = company.all(sql, since=since, begin=begin)
    return {core: ([r[2] for r in rows if r[0] == core], [r[3] for r in rows if r[0] == core]) for core in (1, 0)}


ORDERS = """(select distinct crm_no as acct_no, bill_no, bill_date
    from erp.ar_invoice join erp.ar_invoice_line using (bill_no) join erp.bd_customer using (cust_no)
    where fee_type = 'PRT' and bill_type = 'IN' and promo_code is null) join crm.crm_account using (acct_no)"""
ACTIVITIES = "crm.crm_activity join crm.crm_account using (acct_no)"
PORTAL = "crm.portal_usage join crm.crm_account using (acct_no)"


@pytest.mark.parametrize(
    ("value", "table", "day", "size"),
    [
        ("1", ORDERS, "bill_date", lambda size: size["order_rate"]),
        ("(channel = 'visit')", ACTIVITIES, "act_time", lambda size: size["visit_share"]),
        ("events", PORTAL, "stat_date", lambda size: size["usage"]),
    ],
    ids=["orders", "visits", "portal"],
)
def test_core_customers_drift_and_others_do_not(company, value, table, day, size):
    planted = size(company.stories["core_drift"]["size"])
    found = months_apart(company, value, table, day)
    ratio = {core: mean(since) / mean(before) for core, (before, since) in found.items()}
    assert stats.wilcoxon(*found[1]).pvalue < 0.001
    assert ratio[1] == pytest.approx(planted, rel=0.25)
    assert ratio[0] == pytest.approx(1, abs=0.15)


def follow_ups(company):
    """(staff_band, followed within 72 h, left within a year after the 72 h) for customers signed in the span and still there then."""
    sql = """select staff_band,
            exists (select 1 from crm.crm_activity a where a.acct_no = c.acct_no and julianday(act_time) - julianday(signed_time) between 0 and 3),
            lost_date is not null and julianday(lost_date) <= julianday(signed_time) + 365
        from crm.crm_account c where signed_time between :begins and date(:ends, '-1 year')
            and (lost_date is null or julianday(lost_date) > julianday(signed_time) + 3)"""
    return company.all(sql, begins=company.truth["begins_on"], ends=company.truth["ends_on"])


def test_customers_without_a_follow_up_leave_more_and_size_explains_a_part(company):
    table = follow_ups(company)
    left = {followed: [gone for _, f, gone in table if f == followed] for followed in (0, 1)}
    raw = mean(left[0]) / mean(left[1])
    assert rates_differ(sum(left[0]), len(left[0]), sum(left[1]), len(left[1])) < 0.01
    adjusted = mantel_haenszel(table)
    assert 1.2 < adjusted < raw


def mantel_haenszel(table):
    """Risk ratio of customers without against with a follow-up, pooled over sizes (Greenland & Robins 1985)."""
    above = below = 0
    for band in {row[0] for row in table}:
        n = {f: [gone for b, followed, gone in table if b == band and followed == f] for f in (0, 1)}
        total = len(n[0]) + len(n[1])
        above += sum(n[0]) * len(n[1]) / total
        below += sum(n[1]) * len(n[0]) / total
    return above / below


def test_the_price_of_one_line_rises(company):
    story = company.stories["price_rise"]
    sql = """select item_group, count(*), avg(b.month_fee * 1.0 / a.month_fee) from erp.so_contract a join erp.so_contract b using (contract_no)
        join erp.bd_material m on m.item_code = a.item_code
        where b.ver_no = a.ver_no + 1 and b.begin_date = :since and abs(b.month_fee * 1.0 / a.month_fee - :factor) < 0.02 group by 1"""
    found = {line: (n, ratio) for line, n, ratio in company.all(sql, since=story["since"], factor=story["size"]["factor"])}
    n, ratio = found.pop(story["where"]["product_line"])
    running = """select count(distinct contract_no) from erp.so_contract join erp.bd_material using (item_code)
        where item_group = :l and begin_date < :d and end_date >= :d"""
    assert n > 0.85 * company.one(running, l=story["where"]["product_line"], d=story["since"])  # the others move at their anniversary as well
    assert ratio == pytest.approx(story["size"]["factor"], abs=0.01)
    assert sum(n for n, _ in found.values()) < 0.02 * n


def test_one_region_loses_customers(company):
    story = company.stories["region_churn"]
    sql = """select count(*), sum(lost_date >= :since) from crm.crm_account
        where (region = :region) = :here and signed_time < :since and (lost_date is null or lost_date >= :since)"""
    values = {"since": story["since"], "region": story["where"]["region"]}
    (n, a), (m, b) = (company.one(sql, here=here, **values) for here in (1, 0))
    assert a / n > 2.5 * b / m
    assert rates_differ(a, n, b, m) < 1e-6


# --- sales and money ---------------------------------------------------------------------------------------------------


def test_quotes_wait_for_their_contract(company):
    story = company.stories["stalled_quote"]
    sql = """select julianday(leave_time) - julianday(enter_time) from crm.crm_opp_stage_log join crm.crm_opportunity using (opp_no)
        where crm_opp_stage_log.stage_code = '30' and outcome = 'W' and enter_time >= :a and enter_time < :b"""
    before = [days for (days,) in company.all(sql, a=company.truth["begins_on"], b=story["since"])]
    since = [days for (days,) in company.all(sql, a=story["since"], b="2026-08-01")]  # those quoted later had no time to be won
    assert sorted(since)[len(since) // 2] > 2 * sorted(before)[len(before) // 2]
    assert stats.mannwhitneyu(before, since).pvalue < 1e-10
    other = sql.replace("'30'", "'20'")
    follow_up = [[days for (days,) in company.all(other, a=a, b=b)] for a, b in ((company.truth["begins_on"], story["since"]), (story["since"], "2026-08-01"))]
    assert mean(follow_up[1]) < 1.3 * mean(follow_up[0])


@pytest.mark.parametrize("story", ["promotion_paid", "promotion_lost"])
def test_promotions_earn_what_was_planted(company, story):
    name, planted = company.stories[story]["where"]["campaign"], company.stories[story]["size"]["revenue_per_cost"]
    sql = f"""select sum(amt * {CNY.replace("ccy", "l.ccy")}) / max(actual_cost) from erp.ar_invoice join erp.ar_invoice_line l using (bill_no)
        join crm.crm_campaign on camp_no = promo_code where camp_name = :name"""
    earned = company.one(sql, name=name)
    assert earned == pytest.approx(planted, rel=0.1)  # orders are whole: the one that would go beyond is not placed
    assert (earned > 1) == (story == "promotion_paid")


# --- who is who, and what is dirty -------------------------------------------------------------------------------------


def test_records_of_one_customer_are_linked_by_tax_number_or_telephone_only(company):
    sql = """select count(*), sum(crm_no is null), sum(e.tax_reg_no = c.tax_no or e.tel = c.main_tel), sum(e.cust_name <> c.acct_name)
        from erp.bd_customer e join crm.crm_account c on c.acct_no = :crm and e.cust_no = :erp"""
    found = [company.one(sql, **pair) for pair in company.truth["identity"]["same_customer_two_records"]]
    assert len(found) == 60 + 40
    assert [sum(column) for column in zip(*found, strict=True)][:3] == [100, 100, 100]
    assert sum(row[3] for row in found) >= 55  # written otherwise; a shortened name may come out the same


def test_accounts_entered_twice_share_their_tax_number(company):
    sql = "select a.tax_no = b.tax_no and a.acct_name <> b.acct_name from crm.crm_account a, crm.crm_account b where a.acct_no = :crm and b.acct_no = :crm_copy"
    assert [company.one(sql, **pair) for pair in company.truth["identity"]["same_customer_twice_in_crm"]] == [1] * 30


def test_namesakes_share_a_name_and_nothing_else(company):
    sql = """select a.acct_name = b.acct_name and a.tax_no <> b.tax_no and a.main_email <> b.main_email and a.main_tel <> b.main_tel
        from crm.crm_account a, crm.crm_account b where a.acct_no = :crm and b.acct_no = :other_crm"""
    assert [company.one(sql, **pair) for pair in company.truth["identity"]["two_customers_one_name"]] == [1] * 15


def test_dirty_rows_are_as_many_as_the_truth_says(company):
    assert company.truth["dirty"] == {
        "currency": company.one("select count(*) from erp.ar_invoice_line where ccy = 'RMB '"),
        "impossible_day": company.one("select count(*) from erp.ar_invoice where date(bill_date, '+0 days') is not bill_date"),
        "doubled": company.one("select count(*) - count(distinct bill_no || '-' || line_no) from erp.ar_invoice_line"),
    }
