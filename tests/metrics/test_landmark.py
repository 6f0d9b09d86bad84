"""The comparison by follow-up: published E-values, a worked landmark, and simulated companies in which there is an effect, or none."""

import datetime as dt
import random

import duckdb
import numpy as np
import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.landmark import LEAST, compare, e_value
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
PERIOD = Period(D("2025-01-01"), D("2026-01-01"), as_of=D("2026-01-01"))


@pytest.mark.parametrize(("ratio", "expected"), [(3.9, 7.263), (1.8, 3.0), (0.80, 1.809), (0.91, 1.4286), (1.0, 1.0)])
def test_e_values_are_those_published(ratio, expected):
    assert e_value(ratio) == pytest.approx(expected, abs=5e-4)


def drawn(seed: int, effect: float, n: int = 20_000) -> pd.DataFrame:
    """Customers of three sizes in two industries: the small are followed up less and leave more, whatever is done. effect: risk ratio of a missed one."""
    rng = np.random.default_rng(seed)
    size, industry = rng.integers(0, 3, n), rng.integers(0, 2, n)
    followed = rng.random(n) < np.array([0.3, 0.6, 0.9])[size] - 0.1 * industry
    risk = np.array([0.2, 0.1, 0.05])[size] * np.where(industry, 1.5, 1) * np.where(followed, 1, effect)
    told = {"size": size.astype(str), "industry": industry.astype(str), "group": np.where(followed, "followed", "missed"), "lost": rng.random(n) < risk}
    return pd.DataFrame(told).groupby(["size", "industry", "group"], as_index=False).agg(n=("lost", "size"), lost=("lost", "sum"))


def raw(cells: pd.DataFrame) -> float:
    sums = cells.groupby("group")[["n", "lost"]].sum()
    shares = sums["lost"] / sums["n"]
    return shares["missed"] / shares["followed"]


def test_without_an_effect_the_plain_comparison_shows_one_and_the_adjusted_does_not():
    found = [(raw(cells), compare(cells, ["size", "industry"])) for cells in (drawn(seed, 1.0) for seed in range(20))]
    assert min(plain for plain, _ in found) > 1.3
    assert sum(comparison.is_clear for _, comparison in found) <= 3  # one in twenty by chance
    assert np.mean([comparison.ratio[0] for _, comparison in found]) == pytest.approx(1, abs=0.03)


def test_an_effect_is_found_at_its_size_and_the_groups_are_made_alike():
    found = [compare(drawn(seed, 2.0), ["size", "industry"]) for seed in range(10)]
    assert all(comparison.is_clear and comparison.ratio[1] > 1 for comparison in found)
    assert np.mean([comparison.ratio[0] for comparison in found]) == pytest.approx(2.0, abs=0.06)
    before, after = found[0].balance["size"]
    assert before > 0.5 and after < 0.1
    assert found[0].e_value[1] < found[0].e_value[0] == pytest.approx(e_value(found[0].ratio[0]))


def test_limits_that_hold_one_leave_nothing_to_explain():
    comparison = compare(drawn(3, 1.0, n=400), ["size"])
    assert not comparison.is_clear and comparison.e_value[1] == 1.0


def test_alike_groups_are_compared_as_they_are():
    """Without anything to adjust for, weighting changes nothing."""
    cells = pd.DataFrame({"group": ["followed", "missed"], "n": [200, 100], "lost": [20, 30]})
    assert compare(cells, []).risk == pytest.approx({"followed": 0.1, "missed": 0.3})


@pytest.mark.parametrize("cells", [
    [("followed", LEAST - 1, 5), ("missed", 50, 5)], [("followed", 50, 5)], [("followed", 50, 0), ("missed", 50, 0)], [],
])  # fmt: skip
def test_too_few_are_not_compared(cells):
    assert compare(pd.DataFrame(cells, columns=["group", "n", "lost"]), []) is None


def at(day: str, hour: int = 10) -> dt.datetime:
    return dt.datetime.fromisoformat(day).replace(hour=hour, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def tables():
    """Signed on 1 March; the landmark is the 4th at ten, the horizon of 30 days ends on 3 April at ten."""
    lost = {"on_time": None, "early": "2025-03-03", "late_loss": "2025-04-04", "in_horizon": "2025-04-02", "missed": "2025-03-20", "young": None}
    customers = [{"customer_id": c, "signed_at": at("2025-12-20" if c == "young" else "2025-03-01"), "lost_on": day} for c, day in lost.items()]
    met = [{"customer_id": c, "channel": "visit", "happened_at": at("2025-03-03")} for c in ("on_time", "late_loss", "in_horizon")]
    return made({"customers": customers, "interactions": [{"customer_id": "x", "happened_at": at("2025-01-01")}, *met]})


def test_who_left_before_the_landmark_or_is_too_young_is_in_neither_group(tables):
    found = ask(CATALOGUE["follow_up_churn"], tables, Query(PERIOD, options={"horizon_days": 30}))
    told = {row.group: (row.numerator, row.n) for row in found.rows.itertuples()}
    assert told == {"followed": (1, 3), "missed": (1, 1)}
    assert (found.notes["left_before"], found.notes["pending"], found.notes["adjusted"]) == (1, 1, None)
    query = Query(PERIOD, where=(("group", ("followed",)),), options={"horizon_days": 30})
    rows = collect(CATALOGUE["follow_up_churn"].behind(tables, query))
    assert rows["customer_id"].tolist() == ["in_horizon", "late_loss", "on_time"]


@pytest.mark.parametrize(("told", "says"), [
    ({"follow_up_churn": {"adjust": ["shoe"]}}, "columns of customers"), ({"clocks": {"first_follow_up": {"within_hours": 0}}}, "is not kept"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(tables, told, says):
    with pytest.raises(QuestionError, match=says):
        ask(CATALOGUE["follow_up_churn"], tables, Query(PERIOD, settings={"metrics": told}))


SQL = """
with began as (select min(happened_at) as moment from met),
signed as (select c.customer_id, signed_at, lost_on, signed_at + interval 72 hour as mark,
        (select min(happened_at) from met m where m.customer_id = c.customer_id and m.happened_at >= signed_at
            and coalesce(direction, 'out') <> 'in' and happened_at < timestamp '2026-01-01') as met_at
    from customers c where signed_at between timestamp '2025-01-01' and timestamp '2025-12-31 23:59:59'
        and signed_at::date >= (select moment::date from began)),
told as (select case when coalesce(met_at <= mark, false) then 'followed' else 'missed' end as side,
        mark + interval 90 day <= timestamp '2026-01-01' as is_ripe, coalesce(lost_on::timestamp < mark, false) as is_gone,
        coalesce(lost_on::timestamp >= mark and lost_on::timestamp < mark + interval 90 day, false) as is_lost from signed)
select side, count(*) filter (is_ripe and not is_gone), count(*) filter (is_ripe and not is_gone and is_lost),
    (select count(*) from told where not is_ripe), (select count(*) from told where is_ripe and is_gone) from told group by side
"""


@pytest.mark.parametrize("seed", range(4))
def test_plain_sql_counts_the_same(seed):
    rng = random.Random(seed)
    hour = lambda: dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=rng.randrange(365 * 24))  # noqa: E731
    customers = [{"customer_id": f"k:{k}", "signed_at": rng.choice([None, hour(), hour(), hour()]), "lost_on": None} for k in range(120)]
    for row in customers:
        if row["signed_at"] and rng.random() < 0.5:
            row["lost_on"] = row["signed_at"].date() + dt.timedelta(days=rng.randrange(150))
    soon = [
        {"customer_id": row["customer_id"], "happened_at": row["signed_at"] + dt.timedelta(hours=rng.randrange(-5, 120)), "direction": way}
        for row in customers if row["signed_at"] for way in rng.sample(["in", "out", None], rng.randrange(3))
    ]  # fmt: skip
    con = duckdb.connect()
    for name, rows in (("customers", customers), ("met", soon)):
        con.register("given", pd.DataFrame(rows))
        con.execute(f"set timezone = 'UTC'; create table {name} as select * from given")
    con.execute(
        "alter table customers alter signed_at type timestamp; alter table customers alter lost_on type date; alter table met alter happened_at type timestamp"
    )
    theirs = con.execute(SQL).fetchall()
    found = ask(CATALOGUE["follow_up_churn"], made({"customers": customers, "interactions": soon}), Query(PERIOD, options={"horizon_days": 90}))
    assert {row.group: (row.n, row.numerator) for row in found.rows.itertuples()} == {side: (n, lost) for side, n, lost, *_ in theirs}
    assert len(theirs) == 2 and min(n for _, n, *_ in theirs) > 5 and (found.notes["pending"], found.notes["left_before"]) == theirs[0][3:]
