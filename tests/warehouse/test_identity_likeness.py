"""What is learned from the records: published data with truth, and simulated customers of which the answer is known."""

from pathlib import Path

import duckdb
import pytest

from benchmarks import customers
from benchmarks import identity as benchmark
from warehouse.identity import identity, likeness, matching

PUBLISHED = Path("../shared/data/dedupe")
needs_published = pytest.mark.skipif(not PUBLISHED.exists(), reason=f"the published data sets are not at {PUBLISHED}")


@pytest.fixture
def con():
    return benchmark.connection()


@needs_published
def test_rldata500_whatever_the_order(con):
    """50 true pairs among 500 records (Sariyar & Borg 2010, R package RecordLinkage)."""
    benchmark.rldata(con, PUBLISHED)
    told = benchmark.published(con, benchmark.RLDATA, pairs=50)
    assert told["f1"] >= 0.97 and told["precision"] == 1
    first = con.execute("from _scored order by a, b").fetchall()
    con.execute("create or replace table given as select * from given order by unique_id desc")
    benchmark.published(con, benchmark.RLDATA, pairs=50)
    assert con.execute("from _scored order by a, b").fetchall() == first


@needs_published
def test_a_part_of_febrl4(con):
    """The first 500 of 5,000 persons, each twice, without the id number; all of it is in docs/identity.md."""
    benchmark.febrl4(con, PUBLISHED, entities=500)
    assert con.execute("select count(*) from given").fetchone() == (1_000,)
    told = benchmark.published(con, benchmark.FEBRL4, pairs=500)
    assert told["precision"] == 1 and told["recall"] >= 0.99


@pytest.fixture(scope="module")
def simulated():
    """5,400 records, enough to learn from."""
    con = benchmark.connection()
    con.register("made", customers.customers(5_400, seed=7))
    con.execute("create table asked as select * exclude (entity) from made; create table truth as select record_id, entity from made")
    return con, identity(con, "asked")


def test_what_is_linked_is_true_and_more_than_keys_find(simulated):
    con, answer = simulated
    linked = benchmark._linked(con)
    assert answer.figures["is_learned"] and linked["precision"] >= 0.9995
    by_key = con.execute("""select count(*) from _pairs p join _known a on a.uid = p.a join _known b on b.uid = p.b where rule <> 'likeness'""").fetchone()[0]
    assert linked["recall"] > 0.715 and linked["found"] > by_key


def test_the_queue_answered_rightly_finds_nine_in_ten(simulated):
    con, _ = simulated
    assert benchmark._answered(con)["recall"] > 0.9


def test_a_link_by_likeness_says_why(simulated):
    _, answer = simulated
    row = answer.links.filter("rule = 'likeness'").order("record_id").limit(1).fetchone()
    told = dict(zip(answer.links.columns, row, strict=True))
    assert answer.figures["link"] <= told["probability"] <= 1
    assert '"name":"same brand"' in told["evidence"] or '"phone":"same"' in told["evidence"] or '"email":"same' in told["evidence"]
    weights = answer.queue.filter("reason = 'likely'").order("record_a").limit(1).fetchone()[answer.queue.columns.index("weights")]
    assert '"tax_no":' in weights and '"name":' in weights


def test_persons_of_different_names_are_never_linked_by_likeness(simulated):
    con, _ = simulated
    pairs = "_pairs p join _known a on a.uid = p.a join _known b on b.uid = p.b"
    assert con.execute(f"select count(*) from {pairs} where rule = 'likeness' and a.kind = 'person' and a.brand <> b.brand").fetchone() == (0,)


def test_a_wrong_pair_has_more_chances_among_more_records():
    limits = [matching.thresholds(n) for n in (5_000, 100_000, 1_000_000, 10**8)]
    assert [limit.link for limit in limits] == sorted(limit.link for limit in limits) and all(limit.ask < limit.link for limit in limits)


def test_the_prior_follows_from_the_pairs_that_are_certain():
    """Seven certain pairs stand for ten; of 100 records there are 4,950 pairs."""
    con = duckdb.connect()
    con.execute("create table pairs as select i as a, i + 1 as b, i < 7 as is_sure from range(20) t(i)")
    assert matching.prior(con, "pairs", 100) == pytest.approx(10 / 4_950)
    con.execute("delete from pairs")
    assert 0 < matching.prior(con, "pairs", 100) < 10 / 4_950


def test_names_nearly_the_same_are_listed_once():
    near = likeness._near(["甲乙丙丁", "甲乙丙戊"], ["甲乙丙丁", "甲乙丙戊", "别的"], 0).to_pylist()
    assert [(row["brand_a"], row["brand_b"]) for row in near] == [("甲乙丙丁", "甲乙丙丁"), ("甲乙丙丁", "甲乙丙戊"), ("甲乙丙戊", "甲乙丙戊")]
    assert near[1]["score"] == pytest.approx(0.8333 + 0.3 * (1 - 0.8333), abs=1e-3)  # Jaro (3/4 + 3/4 + 1) / 3, Winkler: three first characters
