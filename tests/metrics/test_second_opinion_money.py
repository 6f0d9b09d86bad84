"""Metrics of money and of buyers against plain SQL over the raw rows, on random companies: a second opinion.

The SQL follows the definitions from the rows as they were loaded; it reads no mart and calls no metric.
"""

import datetime as dt
import random
from functools import cache

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query
from tests.made import made

D = dt.date.fromisoformat
SEEDS = range(3)
NOW = D("2026-01-01")  # the first day not loaded
QUARTER = Period(D("2025-10-01"), NOW, NOW)
YEAR = Period(D("2025-01-01"), NOW, NOW)
ODD = Period(D("2025-03-11"), D("2025-11-20"), NOW)  # neither end is a month's
PERIODS = [pytest.param(p, id=f"{p.start}-{p.end}") for p in (QUARTER, YEAR, ODD)]
BY = [pytest.param((), id="all"), pytest.param(("region",), id="by region")]


# a random company: USD with a rate a week and a hole, EUR only from the middle of the last year on, JPY never


def _company(rng):
    count = rng.randint(40, 60)
    rows = {
        "customers": [{"customer_id": f"c{i}", "name": f"C {i}", "region": rng.choice(("north", "south", None)), "merged_into": None} for i in range(count)],
        "products": [{"product_id": f"p{i}", "name": f"P {i}", "category": ("machines", "parts", "care", None)[i % 4]} for i in range(7)],
        "rates": _rates(rng),
        "subscriptions": _subscriptions(rng, count),
        "invoices": _invoices(rng, count),
        "campaigns": _campaigns(rng),
    }
    rows["customers"] += [{"customer_id": f"twin{i}", "name": f"Twin {i}", "region": "west", "merged_into": f"c{i}"} for i in range(3)]
    return rows


def _rates(rng):
    usd = [D("2024-01-01") + dt.timedelta(days=7 * k) for k in range(104) if not 60 <= k < 72]  # twelve weeks without
    eur = [D("2025-06-15") + dt.timedelta(days=7 * k) for k in range(28)]
    return [{"currency": c, "day": day, "rate": round(rng.uniform(6, 8), 4)} for c, days in (("USD", usd), ("EUR", eur)) for day in days]


def _currency(rng, customer):
    return ("CNY", "CNY", "CNY", "USD", "EUR", "JPY")[customer % 6] if rng.random() < 0.95 else rng.choice(("CNY", "USD"))


def _id(rng, customer):
    return f"twin{customer}" if customer < 3 and rng.random() < 0.5 else f"c{customer}"  # the same account under two records


def _day(rng, first, last=NOW):
    return first + dt.timedelta(days=rng.randrange((last - first).days))


def _subscriptions(rng, count):
    rows = []
    for _ in range(2 * count):
        customer, starts = rng.randrange(int(count * 0.8)), _day(rng, D("2024-02-01"))
        status = rng.choice(("active", "active", "ended", "ended", "ended", "cancelled", "past_due", "trial"))
        ends = starts + dt.timedelta(days=rng.choice((20, 31, 90, 181, 365)))
        ended_on = min(ends, NOW) if status in ("ended", "cancelled") else ends if status == "past_due" or rng.random() < 0.3 else None
        rows.append({
            "subscription_id": f"s{len(rows)}", "customer_id": _id(rng, customer), "product_id": f"p{rng.randrange(7)}", "starts_on": starts,
            "ends_on": None if rng.random() < 0.1 else ended_on, "renewal_on": ends if rng.random() < 0.5 else None,
            "amount_per_month": rng.randint(1, 90) * 10.25, "currency": _currency(rng, customer), "status": status, "is_deleted": rng.random() < 0.03,
        })  # fmt: skip
    return rows


def _invoices(rng, count):
    rows = []
    for k in range(260):
        customer, on = rng.randrange(int(count * rng.choice((0.3, 1)))), _day(rng, D("2024-06-01"))
        for line in range(rng.randint(1, 2)):
            is_credit = rng.random() < 0.12
            rows.append({
                "invoice_line_id": f"l{k}-{line}", "invoice_id": f"i{k}", "customer_id": _id(rng, customer), "issued_on": on,
                "product_id": rng.choice((None, *(f"p{i}" for i in range(7)))), "amount": (-1 if is_credit else 1) * round(rng.uniform(5, 900), 2),
                "currency": _currency(rng, customer), "quantity": None if rng.random() < 0.1 else -1.0 if is_credit else float(rng.randint(1, 6)),
                "kind": "credit_note" if is_credit else rng.choice(("sale", "one_off")), "campaign_id": rng.choice((None, None, "k0", "k1", "k2", "k4")),
                "is_deleted": rng.random() < 0.03,
            })  # fmt: skip
    return rows


def _campaigns(rng):
    """One cost nothing, one has a cost without a rate, one began before the year, one sold nothing."""
    costs = [(round(rng.uniform(100, 9000), 2), "CNY"), (round(rng.uniform(10, 900), 2), "USD"), (0.0, "CNY"), (500.0, "CNY"), (500.0, "JPY"), (7.0, "CNY")]
    starts = [*(D(f"2025-{month:02}-05") for month in (2, 6, 7, 8, 9)), D("2024-12-31")]
    return [
        {"campaign_id": f"k{i}", "name": f"K {i}", "starts_on": on, "cost": cost, "currency": currency}
        for i, (on, (cost, currency)) in enumerate(zip(starts, costs, strict=True))
    ]


# the raw rows as SQL tables, and what a few words of the definitions mean

WORDS = [
    # a record merged into another is the other's
    "CREATE VIEW whose AS SELECT customer_id AS record, coalesce(merged_into, customer_id) AS customer_id FROM raw_customers",
    "CREATE VIEW people AS SELECT customer_id, region FROM raw_customers WHERE merged_into IS NULL",
    # the newest rate up to a day, at most 31 days old; one for the reporting currency
    """CREATE MACRO rate_on(cur, d) AS CASE WHEN cur = 'CNY' THEN 1.0::DOUBLE ELSE
       (SELECT max_by(r.rate, r.day)::DOUBLE FROM raw_rates r WHERE r.currency = cur AND r.day <= d AND r.day > d - 31) END""",
    """CREATE TABLE lines AS SELECT w.customer_id, invoice_id, issued_on AS d, product_id, kind, currency, amount::DOUBLE AS amount,
       coalesce(quantity, 0)::DOUBLE AS quantity, campaign_id, amount * rate_on(currency, issued_on) AS cny
       FROM raw_invoices i JOIN whose w ON i.customer_id = w.record WHERE NOT is_deleted""",
    # an order is an invoice with something sold on it; credit notes are none
    "CREATE VIEW orders AS SELECT DISTINCT customer_id, d, invoice_id FROM lines WHERE amount > 0 AND kind <> 'credit_note'",
    # no trials; what is past due runs 15 days longer; what ended without a day ended at its renewal, else never ran
    """CREATE TABLE spans AS SELECT * FROM (SELECT w.customer_id, currency, amount_per_month::DOUBLE AS amount, starts_on AS a, CASE status
       WHEN 'past_due' THEN coalesce(ends_on, renewal_on) + 15 WHEN 'active' THEN ends_on ELSE coalesce(ends_on, renewal_on, starts_on) END AS z
       FROM raw_subscriptions s JOIN whose w ON s.customer_id = w.record WHERE status <> 'trial' AND NOT is_deleted) WHERE z IS NULL OR z > a""",
    # an agreement has value on the days [a, z)
    "CREATE MACRO runs(a, z, d) AS a <= d AND (z IS NULL OR z > d)",
    # value on the last day before s and before e, both at the rates of the day before s; `now` at those of the day before e
    """CREATE MACRO ends_of(s, e) AS TABLE SELECT customer_id, any_value(region) AS region,
       coalesce(sum(amount * rate_on(currency, s - 1)) FILTER (runs(a, z, s - 1)), 0) AS opening,
       coalesce(sum(amount * rate_on(currency, s - 1)) FILTER (runs(a, z, e - 1)), 0) AS closing,
       coalesce(sum(amount * rate_on(currency, e - 1)) FILTER (runs(a, z, e - 1)), 0) AS now,
       count(*) FILTER (runs(a, z, s - 1)) AS n_before, count(*) FILTER (runs(a, z, e - 1)) AS n_after, min(a) < s AS was_here
       FROM spans LEFT JOIN people USING (customer_id) GROUP BY customer_id""",
    # churn: nothing at the end; new and returned: nothing at the beginning; else by the change, where half a cent is none
    """CREATE MACRO moved(s, e) AS TABLE SELECT *, closing - opening AS change, CASE WHEN n_before > 0 AND n_after = 0 THEN 'churn'
       WHEN n_before = 0 AND was_here THEN 'reactivation' WHEN n_before = 0 THEN 'new' WHEN closing - opening > 0.005 THEN 'expansion'
       WHEN closing - opening < -0.005 THEN 'contraction' ELSE 'kept' END AS kind FROM ends_of(s, e) WHERE n_before + n_after > 0""",
    # revenue of a customer in [s, e): what has a rate, net of credit notes
    """CREATE MACRO revenue_of(s, e) AS TABLE SELECT customer_id, any_value(region) AS region, sum(cny) AS revenue
       FROM lines LEFT JOIN people USING (customer_id) WHERE d >= s AND d < e GROUP BY customer_id""",
]


@cache
def company(seed):
    """The company's tables as the metrics read them, and its raw rows on a connection of their own. Both are only read."""
    rows = _company(random.Random(seed))
    connection = duckdb.connect()
    for name, some in rows.items():
        connection.register(f"raw_{name}_", pa.Table.from_pylist(some))
        connection.execute(f"CREATE TABLE raw_{name} AS SELECT * FROM raw_{name}_")
    for word in WORDS:
        connection.execute(word)
    return made(rows), connection


def in_sql(seed, sql, period=YEAR, **names):
    """Rows of `sql`, in which {s}, {e} are the period's days."""
    return company(seed)[1].execute(sql.format(s=f"DATE '{period.start}'", e=f"DATE '{period.end}'", **names)).df()


def asked(name, seed, period=YEAR, by=(), **options):
    tables = company(seed)[0]
    result = ask(CATALOGUE[name], tables, Query(period, by=by, options=options, settings=tables.settings))
    assert result.ok, result.checks
    return result


def same(found: pd.DataFrame, expected: pd.DataFrame, keys, empty=False):
    """Both tables hold the same rows by `keys`: exact where whole numbers or words, to a billionth where money."""
    assert empty or len(expected)
    left, right = ({_key(row, keys): row for row in frame.to_dict("records")} for frame in (found, expected))
    assert len(left) == len(found) and left.keys() == right.keys()
    for key, row in right.items():
        for column in set(expected) - set(keys):
            given, wanted = (None if pd.isna(x) else x for x in (left[key][column], row[column]))
            is_exact = wanted is None or isinstance(wanted, str)
            assert given == (wanted if is_exact else pytest.approx(float(wanted), rel=1e-9, abs=1e-6)), (key, column)


def _key(row, keys):
    return tuple(None if pd.isna(row[k]) else row[k] for k in keys)


# recurring value: what moved it


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("period", PERIODS)
def test_ledger(seed, period):
    """A stay ends on a day without value after one with it; who was there at neither end or at both, and had one end, came and went."""
    expected = in_sql(
        seed,
        """WITH days AS (SELECT unnest(generate_series({s} - 1, {e} - 1, INTERVAL 1 DAY))::DATE AS d),
        there AS (SELECT c.customer_id, d, bool_or(runs(a, z, d)) AS is_there FROM days, spans c GROUP BY ALL),
        steps AS (SELECT *, lag(is_there) OVER (PARTITION BY customer_id ORDER BY d) AS was_there FROM there),
        gone AS (SELECT customer_id, min_by(is_there, d) = max_by(is_there, d) AS is_back FROM steps GROUP BY 1 HAVING bool_or(was_there AND NOT is_there))
        SELECT customer_id, region, coalesce(kind, 'joined_and_left') AS kind, coalesce(opening, 0) AS opening, coalesce(closing, 0) AS closing,
            coalesce(change, 0) AS value, coalesce(n_before, 0) AS agreements_before, coalesce(n_after, 0) AS agreements_after,
            (coalesce(is_back, FALSE))::INT AS left_between
        FROM (SELECT * EXCLUDE region FROM moved({s}, {e})) FULL JOIN (FROM gone WHERE is_back) USING (customer_id) LEFT JOIN people USING (customer_id)
        WHERE kind IS DISTINCT FROM 'kept' OR is_back""",
        period,
    )
    found = asked("movements", seed, period, by=("region",)).rows.astype({"left_between": int})
    same(found, expected, ("customer_id",))


def test_the_companies_hold_every_case():
    """What the comparisons are about does occur: every kind of movement, and value with, without, and only lately with a rate."""
    kinds = {kind for seed in SEEDS for p in (QUARTER, YEAR, ODD) for kind in asked("movements", seed, p).rows["kind"]}
    assert kinds >= {"new", "churn", "expansion", "contraction", "reactivation", "joined_and_left", "kept"}
    for seed in SEEDS:
        rated = in_sql(seed, "SELECT currency, count(cny) AS rated, count(*) AS n FROM lines GROUP BY 1")
        rated = {row.currency: (row.rated, row.n) for row in rated.itertuples()}
        assert rated["JPY"][0] == 0 and 0 < rated["EUR"][0] < rated["EUR"][1] and 0 < rated["USD"][0] < rated["USD"][1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(("horizon", "start"), [("period", ODD.start), ("12", D("2024-11-20"))])
def test_bridge(seed, by, horizon, start):
    """Steps are sums of the customers' changes; the exchange step is what the closing value gained by today's rates."""
    moves = ("expansion", "contraction", "churn", "new", "reactivation")
    expected = in_sql(
        seed,
        """WITH m AS (FROM moved({s}, {e})), sums AS (SELECT {keys} sum(opening) AS opening, sum(closing) FILTER (n_before > 0) AS retained,
            sum(now) AS closing, sum(now - closing) AS exchange, {moves} FROM m GROUP BY ALL)
        UNPIVOT sums ON opening, retained, closing, exchange, expansion, contraction, churn, new, reactivation INTO NAME step VALUE value""",
        Period(start, ODD.end, NOW),
        keys="region," if by else "",
        moves=", ".join(f"coalesce(sum(change) FILTER (kind = '{k}'), 0) AS {k}" for k in moves),
    )
    same(asked("nrr_bridge", seed, ODD, by, horizon=horizon).rows, expected, (*by, "step"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("period", PERIODS)
def test_quick_ratio(seed, by, period):
    """(new + expansion + reactivation) ÷ (contraction + churn); no losses: no value."""
    expected = in_sql(
        seed,
        """SELECT {keys} coalesce(sum(change) FILTER (kind IN ('new', 'expansion', 'reactivation')), 0) AS numerator,
            coalesce(-sum(change) FILTER (kind IN ('contraction', 'churn')), 0) AS denominator, count(*) FILTER (kind <> 'kept') AS n,
            numerator / nullif(denominator, 0) AS value FROM moved({s}, {e}) GROUP BY ALL""",
        period,
        keys="region," if by else "",
    )
    same(asked("quick_ratio", seed, period, by).rows, expected, by)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
def test_ltv(seed, by):
    """Value of a paying account on the last day ÷ mean of the six months June to November of (there at the beginning, gone at the end) ÷ there."""
    months = [Period(D(f"2025-{m:02}-01"), D(f"2025-{m + 1:02}-01"), NOW) for m in range(6, 12)]
    churn = " UNION ALL ".join(
        f"SELECT {m.start.month} AS month, region, n_before, n_after FROM ends_of(DATE '{m.start}', DATE '{m.end}') WHERE n_before > 0" for m in months
    )
    expected = in_sql(
        seed,
        """WITH monthly AS (SELECT {keys} month, count(*) FILTER (n_after = 0) / count(*) AS rate FROM ({churn}) GROUP BY ALL),
        lost AS (SELECT {keys} avg(rate) AS denominator FROM monthly GROUP BY ALL HAVING count(*) = 6),
        paid AS (SELECT {keys} avg(now) AS numerator, count(*) AS n FROM ends_of({s}, {e}) WHERE now > 0 GROUP BY ALL)
        SELECT paid.*, denominator, numerator / nullif(denominator, 0) AS value FROM paid LEFT JOIN lost ON {on}""",
        keys="region," if by else "",
        churn=churn,
        on="paid.region IS NOT DISTINCT FROM lost.region" if by else "TRUE",
    )
    same(asked("ltv", seed, by=by).rows, expected, by)


# customers who began


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
def test_first_month_of_agreements(seed, by):
    """First agreement in the year, the month after it over by the end of December; retained: value on that month's last day."""
    expected = in_sql(
        seed,
        """WITH firsts AS (SELECT customer_id, date_trunc('month', min(a))::DATE AS m FROM spans GROUP BY 1 HAVING min(a) >= {s} AND min(a) < {e}),
        judged AS (SELECT customer_id, (m + INTERVAL 2 MONTH)::DATE - 1 AS d FROM firsts WHERE m + INTERVAL 2 MONTH <= DATE '2026-01-01')
        SELECT {keys} count(*) AS denominator, count(*) FILTER (EXISTS (FROM spans x WHERE x.customer_id = j.customer_id AND runs(x.a, x.z, j.d))) AS numerator,
            numerator / denominator AS value FROM judged j LEFT JOIN people USING (customer_id) GROUP BY ALL""",
        keys="region," if by else "",
    )
    same(asked("first_month_retention", seed, by=by).rows, expected, by)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
def test_first_month_of_buyers(seed, by):
    """First order in the year, the month after it over by the end of December; retained: another order in that calendar month."""
    expected = in_sql(
        seed,
        """WITH firsts AS (SELECT customer_id, date_trunc('month', min(d)) AS m FROM orders GROUP BY 1 HAVING min(d) >= {s} AND min(d) < {e}),
        judged AS (SELECT customer_id, m + INTERVAL 1 MONTH AS m FROM firsts WHERE m + INTERVAL 2 MONTH <= DATE '2026-01-01')
        SELECT {keys} count(*) AS denominator,
            count(*) FILTER (EXISTS (FROM orders o WHERE o.customer_id = j.customer_id AND date_trunc('month', o.d) = j.m)) AS numerator,
            numerator / denominator AS value FROM judged j LEFT JOIN people USING (customer_id) GROUP BY ALL""",
        keys="region," if by else "",
    )
    same(asked("first_month_retention", seed, by=by, basis="purchases").rows, expected, by)


# revenue: who brings it, what moved it, what comes


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("period", PERIODS)
def test_pareto(seed, period):
    """The first p · n ÷ 100 customers by size, the last of them in part; credit above sales counts as 0, no priced revenue as no customer."""
    expected = in_sql(
        seed,
        """WITH c AS (SELECT greatest(revenue, 0) AS x, row_number() OVER (ORDER BY revenue DESC) AS k, count(*) OVER () AS n
            FROM revenue_of({s}, {e}) WHERE revenue <> 0)
        SELECT p AS percent, (p * any_value(n) + 99) // 100 AS n, sum(x) AS denominator, sum(x * least(1, greatest(0, p * n / 100 - (k - 1)))) AS numerator,
            numerator / denominator AS value FROM c, range(1, 101) AS r(p) GROUP BY p""",
        period,
    )
    same(asked("pareto", seed, period).rows, expected, ("percent",))


@pytest.mark.parametrize("n", [25, 50, 100])
def test_pareto_counts_whole_customers(n):
    """Of 100 customers the largest 7 % are 7, of 50 the largest 14 % too: not one more for a rounding error of 0.07 · 100."""
    tables = made({"invoices": [{"customer_id": f"c{k}", "issued_on": D("2025-05-01"), "amount": 1 + k} for k in range(n)]})
    found = ask(CATALOGUE["pareto"], tables, Query(YEAR, settings=tables.settings)).rows
    assert found["n"].tolist() == [-(-percent * n // 100) for percent in range(1, 101)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("period", PERIODS)
def test_renewals(seed, by, period):
    """What runs or is past due comes up on its renewal day, else on its last; twelve months from the period's end, at each currency's newest rate."""
    expected = in_sql(
        seed,
        """WITH newest AS (SELECT currency, max_by(rate, day)::DOUBLE AS rate FROM raw_rates GROUP BY 1 UNION ALL SELECT 'CNY', 1),
        due AS (SELECT w.customer_id, coalesce(renewal_on, ends_on) AS d, amount_per_month::DOUBLE * rate AS cny
            FROM raw_subscriptions s JOIN whose w ON s.customer_id = w.record LEFT JOIN newest USING (currency)
            WHERE status IN ('active', 'past_due') AND NOT is_deleted)
        SELECT {keys} date_trunc('month', d)::DATE AS period, sum(cny) AS value, count(*) AS n, count(DISTINCT customer_id) AS customers
        FROM due LEFT JOIN people USING (customer_id) WHERE d >= {e} AND d < date_trunc('month', {e} - 1) + INTERVAL 13 MONTH GROUP BY ALL""",
        period,
        keys="region," if by else "",
    )
    found = asked("renewals", seed, period, by).rows
    found, expected = (frame.assign(period=[str(day)[:10] for day in frame["period"]], value=frame["value"].fillna(0)) for frame in (found, expected))
    same(found[found["n"].fillna(0) > 0], expected, ("period", *by))


BRIDGE = """WITH sides AS (SELECT 0 AS side, {before} AS a, {s} AS z UNION ALL SELECT 1, {s}, {e}),
    sold AS (SELECT side, lines.*, category, region FROM lines JOIN sides ON d >= a AND d < z LEFT JOIN raw_products USING (product_id)
        LEFT JOIN people USING (customer_id)),
    paying AS (SELECT DISTINCT side, customer_id FROM sold WHERE amount > 0 AND kind <> 'credit_note' AND cny IS NOT NULL),
    heads AS (SELECT side, count(*) AS n FROM paying GROUP BY 1),
    per AS (SELECT side, coalesce({item}, '') AS item, sum(quantity) AS quantity, coalesce(sum(cny), 0) AS r FROM sold {only} GROUP BY side, item, customer_id),
    sums AS (SELECT side, item, sum({unit}) / any_value({heads}) AS q, sum(r) / any_value({heads}) AS r FROM per JOIN heads USING (side) GROUP BY ALL),
    items AS (SELECT item, coalesce(sum(q) FILTER (side = 0), 0) AS q0, coalesce(sum(q) FILTER (side = 1), 0) AS q1,
        coalesce(sum(r) FILTER (side = 0), 0) AS r0, coalesce(sum(r) FILTER (side = 1), 0) AS r1 FROM sums GROUP BY 1),
    shared AS (SELECT item, q0, q1, r0, r1, sum(q0) OVER () AS v0, sum(q1) OVER () AS v1, sum(r0) OVER () / sum(q0) OVER () AS mean
        FROM items WHERE q0 > 0 AND q1 > 0),
    parts AS (SELECT item, q0 / v0 * (v1 - v0) * r0 / q0 AS volume, (q1 / v1 - q0 / v0) * v1 * (r0 / q0 - mean) AS mix, r1 - q1 * r0 / q0 AS price FROM shared),
    rest AS (SELECT item, CASE WHEN q0 = 0 AND r0 = 0 AND q1 > 0 THEN 'new' WHEN q1 = 0 AND r1 = 0 AND q0 > 0 THEN 'lost' ELSE 'other' END AS step,
        r1 - r0 AS value FROM items ANTI JOIN shared USING (item)),
    moved AS (SELECT item, step, value FROM (UNPIVOT parts ON volume, mix, price INTO NAME step VALUE value) UNION ALL FROM rest)
"""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("item", ["product_id", "category", "region"])
@pytest.mark.parametrize("of", ["revenue", "arpu"])
@pytest.mark.parametrize("period", PERIODS)
def test_bridge_of_revenue(seed, item, of, period):
    """Sold in both periods: volume is the change of all units at the old mix and prices, mix the shift against the mean old price, price the rest.

    Units are pieces, or customers with revenue where the items are groups of them. "arpu": of those with a priced order, divided by their number.
    """
    sql = BRIDGE + "SELECT item, step, value FROM moved UNION ALL SELECT 'all', {whole} FROM items UNION ALL SELECT 'all', {end} FROM items"
    names = {
        "item": item,
        "before": f"DATE '{period.previous().start}'",
        "unit": "(r > 0)::INT" if item == "region" else "quantity",
        "only": "SEMI JOIN paying USING (side, customer_id)" if of == "arpu" else "",
        "heads": "n" if of == "arpu" else "1",
    }
    expected = in_sql(seed, sql, period, whole="'before', sum(r0)", end="'after', sum(r1)", **names)
    rows = asked("arpu_bridge", seed, period, (item,), of=of).rows
    steps = rows.assign(item=rows[item])[["item", "step", "value"]]
    whole = steps[steps["item"].isna()].fillna({"item": "all"})
    sums = expected[expected["item"] != "all"].groupby("step", as_index=False)["value"].sum().assign(item="all")
    kept = pd.concat([expected[expected["value"].abs() > 1e-6], sums]).drop_duplicates(["item", "step"])
    found = pd.concat([steps[steps["item"].notna()], whole[whole["step"].isin(kept.loc[kept["item"] == "all", "step"])]])
    same(found, kept, ("item", "step"))
    assert whole["value"][~whole["step"].isin(kept["step"])].eq(0).all()


# customers and campaigns


@pytest.mark.parametrize("seed", SEEDS)
def test_customer_value(seed):
    """Twelve months: orders ÷ 12, categories with revenue ÷ all such, own revenue, and an average buyer's spending in the other categories."""
    expected = in_sql(
        seed,
        """WITH buyers AS (SELECT customer_id, count(*) AS orders FROM orders WHERE d >= {s} AND d < {e} GROUP BY 1),
        own AS (SELECT customer_id, category, sum(cny) AS x FROM lines LEFT JOIN raw_products USING (product_id) WHERE d >= {s} AND d < {e} GROUP BY ALL),
        bought AS (FROM own WHERE category IS NOT NULL AND x > 0),
        market AS (SELECT category, sum(x) / (SELECT count(*) FROM buyers) AS each FROM bought GROUP BY 1),
        room AS (SELECT b.customer_id, sum(each) AS potential FROM buyers b, market m
            WHERE NOT EXISTS (FROM bought x WHERE x.customer_id = b.customer_id AND x.category = m.category) GROUP BY 1),
        spent AS (SELECT customer_id, sum(x) AS direct, count(*) FILTER (category IS NOT NULL AND x > 0) AS categories FROM own GROUP BY 1)
        SELECT customer_id, orders, orders / 12 AS frequency, coalesce(direct, 0) AS direct, categories, coalesce(potential, 0) AS potential,
            categories / (SELECT count(*) FROM market) AS penetration, coalesce(direct, 0) + coalesce(potential, 0) / 2 AS value
        FROM buyers LEFT JOIN spent USING (customer_id) LEFT JOIN room USING (customer_id)""",
    )
    same(asked("customer_value", seed).rows, expected, ("customer_id",))


@pytest.mark.parametrize("seed", SEEDS)
def test_tagged_promotions(seed):
    """Campaigns begun in the year: what the lines that name them brought, less the cost at the first day's rate, ÷ the cost; none at no known cost."""
    expected = in_sql(
        seed,
        """WITH brought AS (SELECT campaign_id, sum(cny) AS cny, count(DISTINCT customer_id) AS n FROM lines GROUP BY 1),
        begun AS (SELECT campaign_id, cost::DOUBLE * rate_on(currency, starts_on) AS cost FROM raw_campaigns WHERE starts_on >= {s} AND starts_on < {e})
        SELECT campaign_id, cost, coalesce(cny, 0) AS revenue, coalesce(n, 0) AS n, coalesce(cny, 0) - cost AS net, net / nullif(cost, 0) AS value
        FROM begun LEFT JOIN brought USING (campaign_id)""",
    )
    same(asked("promotion_roi", seed).rows, expected, ("campaign_id",))
    assert expected["value"].isna().sum() == 2


STATES = """WITH every AS (SELECT customer_id, count(*) AS orders, max(d) AS last_on FROM orders WHERE d < {e} GROUP BY 1),
    gaps AS (SELECT customer_id, d, d - lag(d) OVER (PARTITION BY customer_id ORDER BY d) AS gap FROM orders WHERE d < {e}),
    buyers AS (SELECT *, {e} - last_on AS silence, (SELECT coalesce(sum(cny), 0) FROM lines l WHERE l.customer_id = b.customer_id AND d < {e}) AS revenue,
        (SELECT coalesce(sum(cny), 0) FROM lines l WHERE l.customer_id = b.customer_id AND d < {e} AND d >= {e} - 365) AS of_year,
        EXISTS (FROM gaps g WHERE g.customer_id = b.customer_id AND g.d >= {s} AND gap > {cut}) AS is_back FROM every b LEFT JOIN people USING (customer_id))"""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("cut", [20, 60, 180])
def test_rfm(seed, by, cut):
    """Fifths by rank in the middle of ties, by orders and by revenue, together at least 8: high-value; silent for longer than the cut: lost."""
    expected = in_sql(
        seed,
        STATES
        + """, shares AS (SELECT b.*, avg(CASE WHEN o.orders < b.orders THEN 1 WHEN o.orders = b.orders THEN 0.5 ELSE 0 END) AS by_orders,
            avg(CASE WHEN o.revenue < b.revenue THEN 1 WHEN o.revenue = b.revenue THEN 0.5 ELSE 0 END) AS by_revenue FROM buyers b, buyers o GROUP BY ALL)
        SELECT {keys} CASE WHEN silence > {cut} THEN 'lost' WHEN ceil(5 * by_orders) + ceil(5 * by_revenue) >= 8 THEN 'high_value' ELSE 'potential' END
            AS tier, count(*) AS numerator, sum(revenue) AS revenue, sum(orders) AS orders FROM shares GROUP BY ALL""",
        keys="region," if by else "",
        cut=cut,
    )
    tables, whose = company(seed)[0], {"metrics": {"activity": {"cut_days": cut}}}
    found = ask(CATALOGUE["rfm"], tables, Query(YEAR, by=by, settings={**tables.settings, **whose}))
    same(found.rows, expected, (*by, "tier"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("cut", [20, 60, 180])
def test_activity(seed, by, cut):
    """Days from the last order to the period's end: above the cut lapsed, above half of it at risk; back: bought in the period after a longer gap."""
    expected = in_sql(
        seed,
        STATES
        + """SELECT {keys} CASE WHEN silence > {cut} THEN 'lapsed' WHEN is_back THEN 'reactivated' WHEN silence > {cut} / 2 THEN 'at_risk' ELSE 'active' END
            AS status, count(*) AS numerator, sum(of_year) AS revenue FROM buyers GROUP BY ALL""",
        QUARTER,
        keys="region," if by else "",
        cut=cut,
    )
    found = asked("activity", seed, QUARTER, by, cut_days=cut).rows
    same(found[found["numerator"] > 0], expected, (*by, "status"))
