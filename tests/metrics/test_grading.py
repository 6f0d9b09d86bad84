"""Grades, proposals, change rate, migration and mix drift: worked cases, margins, published distances."""

import datetime as dt
import random

import duckdb
import narwhals as nw
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from metrics import drift, grading, migration, rfm
from metrics.drift import chance_level, psi
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made
from tests.metrics.frames import quarters

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in (*grading.METRICS, *migration.METRICS, *drift.METRICS, *rfm.METRICS)}
QUARTER = Period(D("2026-01-01"), D("2026-04-01"), D("2026-05-01"))
THEN, NOW = "2026-01-01", "2026-04-01"  # the first days after the quarters


def measured(name, tables, period=QUARTER, *, by=(), where=(), grain=None, settings=None, **options):
    return ask(CARDS[name], tables, Query(period, grain, tuple(by), tuple(where), options, settings or {}))


def moved(cells: dict[tuple[str, str], int], amounts=(100, 100)):
    """Customers by (grade then, grade now); None is nobody's grade: NEW or LOST."""
    rows, k = [], 0
    for (origin, target), n in cells.items():
        for _ in range(n):
            k += 1
            rows += [(f"c{k}", day, grade, amount) for day, grade, amount in ((THEN, origin, amounts[0]), (NOW, target, amounts[1])) if grade]
    return rows


WORKED = {
    ("core", "core"): 80, ("core", "key"): 15, ("core", "ordinary"): 5,
    ("key", "core"): 10, ("key", "key"): 120, ("key", "ordinary"): 20,
    ("ordinary", "ordinary"): 600, ("ordinary", "key"): 30,
    ("potential", "ordinary"): 50, ("potential", "potential"): 150,
}  # fmt: skip


@pytest.fixture(scope="module")
def worked():
    return quarters(moved(WORKED))


def test_the_worked_change_rate(worked):
    """130 of 1,080 = 12.04 %: up 10 + 30 + 50 = 90, down 15 + 5 + 20 = 40."""
    row = measured("segment_change_rate", worked).rows.iloc[0]
    assert (row["numerator"], row["denominator"], row["up"], row["down"]) == (130, 1080, 90, 40)
    assert row["value"] == pytest.approx(130 / 1080)
    assert (row["entrants"], row["leavers"], row["rule_changed"]) == (0, 0, 0)


def test_the_worked_mix_drift(worked):
    """100, 150, 630, 200 of 1,080 become 90, 165, 675, 150: PSI 0.0185, by the formula."""
    p, q = np.array([100, 150, 630, 200]) / 1080, np.array([80 + 10, 15 + 120 + 30, 5 + 20 + 600 + 50, 150]) / 1080
    row = measured("mix_drift", worked).rows.iloc[0]
    assert row["value"] == pytest.approx(((p - q) * np.log(p / q)).sum()) and round(row["value"], 4) == 0.0185
    assert row["distance"] == pytest.approx(jensenshannon(p, q, 2))
    assert (row["bins"], row["n"], row["is_flagged"]) == (4, 2160, False)


def test_the_worked_matrix_and_its_margins(worked):
    answer = measured("migration", worked)
    assert {(r.origin, r.target): r.numerator for r in answer.rows.itertuples()} == WORKED
    row = answer.rows.set_index(["origin", "target"]).loc[("core", "key")]
    assert row["value"] == pytest.approx(15 / (80 + 15 + 5))
    assert answer.ok and len(answer.checks) == 2


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ((0.2, 0.5, 0.3), (0.1, 0.6, 0.3), 0.0875),  # published, DEFINITIONS 5
        ((0.4, 0.3, 0.3), (0.35, 0.25, 0.4), 0.0445609),  # GeeksforGeeks' table; equals the two divergences
        ((1, 2, 3), (1, 2, 3), 0),
        ((0.5, 0.5, 0), (0.5, 0.5, 0), 0),
        ((1, 0), (0.5, 0.5), (1 - 0.5) * np.log(1 / 0.5) + (1e-4 - 0.5) * np.log(1e-4 / 0.5)),  # the empty bin counts as 0.0001
    ],
)
def test_psi(then, now, expected):
    assert psi(then, now) == pytest.approx(expected, abs=5e-5 if expected == 0.0875 else 1e-6)
    assert psi(now, then) == pytest.approx(psi(then, now))


@pytest.mark.parametrize(
    ("bins", "n", "level"), [(10, 100, 0.338), (10, 200, 0.169), (10, 1000, 0.0338), (30, 500, 0.170), (10, 100_000, 0.00034)]
)  # METHODS 5
def test_the_level_of_chance(bins, n, level):
    assert chance_level(bins, n, n) == pytest.approx(level, rel=0.01)


def test_chance_alone_is_not_flagged_though_psi_passes_the_convention():
    """Ten bins and 200 customers a side without any drift: PSI passes 0.1 in about two pairs of five, and is flagged in few."""
    rng = np.random.default_rng(5)
    pairs = [(rng.multinomial(200, [0.1] * 10), rng.multinomial(200, [0.1] * 10)) for _ in range(400)]
    notable = [psi(a, b) >= 0.1 for a, b in pairs]
    flagged = [psi(a, b) >= 0.1 and psi(a, b) > chance_level(10, 200, 200) for a, b in pairs]
    assert 0.3 < np.mean(notable) < 0.46
    assert np.mean(flagged) < 0.09


def test_who_comes_and_who_goes_stands_apart():
    tables = quarters(moved({("core", "core"): 3, ("core", "key"): 1, (None, "key"): 2, ("key", None): 5}))
    row = measured("segment_change_rate", tables).rows.iloc[0]
    assert (row["value"], row["n"], row["entrants"], row["leavers"]) == (0.25, 4, 2, 5)
    found = measured("migration", tables)
    assert {(r.origin, r.target): r.numerator for r in found.rows.itertuples()} == {
        ("core", "core"): 3,
        ("core", "key"): 1,
        ("NEW", "key"): 2,
        ("key", "LOST"): 5,
    }
    assert found.ok
    query = Query(QUARTER, options={"segment": "held"}, where=(("origin", ("key",)), ("target", ("LOST",))))
    assert len(collect(CARDS["migration"].behind(tables, query))) == 5


def test_money_moves_with_its_customers():
    tables = quarters([*moved({("core", "key"): 2}, (100, 60)), ("new", NOW, "core", 500.0)])
    rows = measured("migration", tables).rows.set_index(["origin", "target"])
    assert (rows.loc[("core", "key"), "amount_then"], rows.loc[("core", "key"), "amount_now"]) == (200, 120)
    assert (rows.loc[("NEW", "core"), "amount_then"], rows.loc[("NEW", "core"), "amount_now"]) == (0, 500)


def test_a_change_of_rules_is_told_from_a_change_of_customers():
    """Ten customers were "key" by the rules of then and are "core" by today's, then as now: nobody changed, ten grades did."""
    tables = quarters(moved({("core", "core"): 10, ("key", "key"): 5}))
    frame = collect(tables["customer_quarters"])
    frame.loc[(frame["ends_on"] == D(THEN)) & (frame["held"] == "core"), "graded_then"] = "key"
    connection = duckdb.connect()
    connection.register("changed", frame)
    row = measured("segment_change_rate", {"customer_quarters": nw.from_native(connection.sql("from changed"))}).rows.iloc[0]
    assert (row["value"], row["rule_changed"]) == (0, 10)


def test_a_series_compares_each_quarter_with_the_one_before():
    rows = [("a", day, grade, 1.0) for day, grade in (("2025-07-01", "key"), ("2025-10-01", "key"), ("2026-01-01", "core"), ("2026-04-01", "core"))]
    year = Period(D("2025-07-01"), D("2026-07-01"), D("2026-05-01"))
    found = measured("segment_change_rate", quarters(rows), year, grain="quarter").rows
    assert found["value"].fillna(-1).tolist() == [0, 1, 0, -1]  # the last quarter still runs
    months = measured("segment_change_rate", quarters(rows), year, grain="month").rows.set_index("period")["value"].dropna()
    assert months.to_dict() == {D("2025-09-01"): 0, D("2025-12-01"): 1, D("2026-03-01"): 0}
    assert measured("segment_change_rate", quarters(rows), year).rows["value"][0] == 1  # from June 2025 to March 2026


def test_one_quarter_is_no_comparison():
    tables = quarters([("a", NOW, "key", 1.0)])
    for name in ("segment_change_rate", "mix_drift"):
        assert measured(name, tables).rows["state"].tolist() == ["no_data"]
    assert measured("migration", tables).rows.empty


def test_an_unknown_segment_says_which_there_are():
    with pytest.raises(QuestionError, match="there are held, earned"):
        measured("segment_change_rate", quarters(moved(WORKED)), segment="region")


MATRIX = """
with t as (select * from q where ends_on = '2026-01-01'), n as (select * from q where ends_on = '2026-04-01')
select coalesce(t.held, 'NEW'), coalesce(n.held, 'LOST'), count(*), coalesce(sum(t.amount), 0), coalesce(sum(n.amount), 0)
from t full join n using (customer_id) group by 1, 2 order by 1, 2
"""


@pytest.mark.parametrize("seed", range(8))
def test_the_same_matrix_in_plain_sql(seed):
    rng = random.Random(seed)
    rows = [(f"c{k}", day, rng.choice(["core", "key", "ordinary"]), float(rng.randrange(100))) for k in range(60) for day in (THEN, NOW) if rng.random() < 0.8]
    rng.shuffle(rows)
    found = measured("migration", quarters(rows))
    connection = duckdb.connect()
    connection.execute("create table q (customer_id text, ends_on date, held text, amount double)")
    connection.executemany("insert into q values (?, ?, ?, ?)", rows)
    figures = found.rows[["origin", "target", "numerator", "amount_then", "amount_now"]].sort_values(["origin", "target"])
    assert [tuple(row) for row in figures.itertuples(index=False)] == connection.execute(MATRIX).fetchall()
    assert found.ok


# the distribution and the proposals, from facts


def bought(customer, amount, months=14):
    """An invoice a month from January 2024."""
    return [
        {"customer_id": customer, "invoice_id": f"{customer}{k}", "issued_on": dt.date(2024 + k // 12, k % 12 + 1, 5), "amount": amount} for k in range(months)
    ]


AMOUNT_ONLY = {"metrics": {"grading": {"weights": {"amount": 1}, "cuts": [0.75, 0.5, 0.25]}}}
YEAR = Period(D("2024-01-01"), D("2025-01-01"), D("2025-02-06"))


@pytest.fixture(scope="module")
def graded():
    """Four customers; by amount alone they rank 1/8, 3/8, 5/8, 7/8: potential, ordinary, key, core."""
    grades = {"a": "core", "b": "普通", "c": "key", "d": "key", "e": None, "lost": "key"}
    customers = [{"customer_id": name, "grade": grade, "lost_on": "2024-06-01" if name == "lost" else None} for name, grade in grades.items()]
    lines = [line for name, amount in (("a", 10), ("b", 20), ("c", 30), ("d", 40)) for line in bought(name, amount)]
    return made({"customers": customers, "invoices": lines}, AMOUNT_ONLY)


def asked(name, tables, **options):
    return measured(name, tables, YEAR, settings=tables.settings, **options)


def test_the_distribution_by_the_crms_grades(graded):
    rows = asked("grades", graded).rows
    found = {None if r.tier != r.tier else r.tier: (r.numerator, r.denominator, r.revenue) for r in rows.itertuples()}
    assert found == {"core": (1, 5, 120), "普通": (1, 5, 240), "key": (2, 5, 360 + 480), None: (1, 5, 0)}  # the lost one is no customer any more
    assert rows.dropna(subset=["rank"]).set_index("tier")["rank"].to_dict() == {"core": 1, "普通": 3, "key": 2}


def test_the_distribution_by_the_grade_in_force(graded):
    rows = asked("grades", graded, scheme="held").rows
    assert rows.set_index("tier")["numerator"].to_dict() == {"core": 1, "key": 1, "ordinary": 1, "potential": 1}
    assert rows["revenue_share"].sum() == pytest.approx(1)


def test_proposals_name_what_changes_and_why(graded):
    row = asked("grade_proposals", graded).rows.iloc[0]
    assert (row["value"], row["denominator"], row["up"], row["down"], row["first"]) == (2, 4, 1, 1, 0)
    query = Query(YEAR, settings=graded.settings)
    rows = collect(CARDS["grade_proposals"].behind(graded, query)).set_index("customer_id")
    assert rows[["present_grade", "earned"]].to_dict("index") == {
        "a": {"present_grade": "core", "earned": "potential"},
        "d": {"present_grade": "key", "earned": "core"},
    }
    assert rows["reason"].tolist() == ["amount", "amount"]
    assert rows.loc["d", "amount_score"] == pytest.approx(7 / 8)


def test_without_grades_in_the_crm_the_grade_in_force_before_counts():
    lines = [line for name, amount in (("a", 10), ("b", 20)) for line in bought(name, amount)]
    tables = made({"customers": [{"customer_id": "a"}, {"customer_id": "b"}], "invoices": lines}, AMOUNT_ONLY)
    row = asked("grade_proposals", tables).rows.iloc[0]
    assert (row["value"], row["first"]) == (2, 2)  # the first quarter: nobody had a grade before


@pytest.mark.parametrize("name", list(CARDS))
@pytest.mark.parametrize("by", [(), ("region",)])
def test_nothing_there_is_no_data(name, by):
    tables = made({})
    answer = measured(name, tables, by=by, settings=tables.settings)
    assert answer.ok and set(answer.rows["state"]) <= {"no_data"}


# RFM


def buyer(name, days_ago, orders=1, amount=10):
    day = D("2025-02-05") - dt.timedelta(days=days_ago)
    return [{"customer_id": name, "invoice_id": f"{name}{k}", "issued_on": day - dt.timedelta(days=k), "amount": amount} for k in range(orders)]


def test_three_tiers_and_their_mark():
    """Ten buyers; by orders and revenue the best two rank 17/20 and 19/20: fifth 5 twice. At the period's end silent for 181 days is lost, for 180 not."""
    lines = [line for k in range(6) for line in buyer(f"small{k}", 5)]
    lines += buyer("edge", 180 - 1) + buyer("gone", 181 - 1) + buyer("big", 1, 9, 90) + buyer("bigger", 1, 10, 100)
    tables = made({"customers": [{"customer_id": name} for name in {line["customer_id"] for line in lines}], "invoices": lines})
    period = Period(D("2025-01-01"), D("2025-02-06"), D("2025-02-06"))
    found = measured("rfm", tables, period, settings=tables.settings)
    assert found.rows.set_index("tier")["numerator"].to_dict() == {"high_value": 2, "lost": 1, "potential": 7}
    assert found.notes["marked_for"] == ["buyers"] and found.rows["is_marked"].all()
    assert (found.notes["buyers"], found.notes["history_days"], found.notes["quiet_days"]) == (10, 181, 1)
