"""NPS: published cases, plain SQL as a second opinion, weights, repeated answers, small groups, other scales."""

import itertools
import random

import numpy as np
import pytest
import statsmodels.api as sm

from metrics import nps as module
from metrics.change import changed
from metrics.metric import ask
from metrics.nps import adjusted_wald, behind
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made
from tests.metrics.responses import QUESTIONS, SURVEY, YEAR, D, answered, grouped, one, some

NPS, BANDS, REVENUE = module.METRICS


def scores(promoters=0, passives=0, detractors=0):
    return [10] * promoters + [8] * passives + [2] * detractors


@pytest.mark.parametrize(
    ("given", "n", "value", "source"),
    [
        ([10, 7, 3, 9], 4, 100 * (2 - 1) / 4, "Formbricks test suite"),
        ([None, 5], 1, -100, "Formbricks test suite: null is not an answer"),
        ([0, 7, 7, 9, 9, 9], 6, 100 * (3 - 1) / 6, "R package NPS, test_01_basics.R"),
        ([6, 7, 8, 9], 4, 0, "the edges of the bands"),
        ([0, 10], 2, 0, "the ends of the scale"),
        ([11, 11, 9], 1, 100, "a blank code is no answer (SFO 2017: 11)"),
    ],
)
def test_the_score_of_published_cases(given, n, value, source):
    repeated = given * 5  # five of each, so that nothing is suppressed
    row = one(NPS, answered(repeated))
    assert (row["n"], row["value"]) == (5 * n, pytest.approx(value)), source


def test_dismissed_answers_stand_beside_the_score():
    answer = ask(NPS, answered([10] * 5 + [None, None]), Query(YEAR))
    row = answer.rows.iloc[0]
    assert (row["value"], row["n"], row["dismissed"], answer.notes["dismissed"]) == (100, 5, 2, 2)


def test_the_last_score_of_a_customer_is_the_lowest_of_its_last_day_in_the_period():
    given = [
        ("a", "2026-02-03", 9), ("a", "2026-05-01", 3), ("a", "2026-05-01", 10), ("a", "2027-01-01", 10),
        ("b", "2026-03-01", 8), ("b", "2026-02-28", 0), ("c", "2026-03-01", None), (None, "2026-03-01", 1), ("d", "2026-03-01", 7),
    ]  # fmt: skip
    answers = [{"customer_id": id, "answered_at": day, "score": score, "contact_id": f"{id}{k}"} for k, (id, day, score) in enumerate(given)]
    tables = answered(answers, customers=[{"customer_id": id} for id in "abcd"])
    found = module.last_scores(tables, Query(YEAR))
    assert dict(zip(found["customer_id"], found["score"], strict=True)) == {"a": 3, "b": 8, "d": 7}
    assert module.last_scores(answered(answers[:4]), Query(YEAR)).empty  # four answers: the score is hidden


@pytest.mark.parametrize("seed", range(20))
def test_last_scores_agree_with_the_list_behind_the_score(seed):
    tables = made({"surveys": [SURVEY], "questions": QUESTIONS, **some(seed)})
    rows = collect(behind(tables, Query(YEAR))).dropna(subset=["customer_id"])
    expected = {}
    for row in sorted(rows.to_dict("records"), key=lambda row: (row["answered_on"], -row["score"])):
        expected[row["customer_id"]] = row["score"]
    found = module.last_scores(tables, Query(YEAR))
    assert dict(zip(found["customer_id"], found["score"], strict=True)) == expected


def test_nothing_is_no_data():
    row = one(NPS, made({}))
    assert row["state"] == "no_data" and row["n"] == 0 and np.isnan(row["value"])


@pytest.mark.parametrize(
    ("split", "value", "low", "high"),
    [
        ((50, 30, 20), 30, 14.05, 44.20),
        ((10, 0, 0), 100, 47.50, 100),  # adjusted 76.92: the limits are around it and clipped, the headline is plain
        ((0, 0, 10), -100, -100, -47.50),
    ],
)
def test_the_adjusted_wald_interval(split, value, low, high):
    """Sauro & Lewis: three answers are added (¾, 1½, ¾). For 10 of 10: p̂ = 10.75/13, d̂ = .75/13, p̂ − d̂ = 10/13 = .7692."""
    row = one(NPS, answered(scores(*split)))
    assert (row["value"], row["low"], row["high"]) == (value, pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))


@pytest.mark.parametrize(
    ("first", "second", "z", "verdict"),
    [((100, 60, 40), (72, 54, 54), 2.40, "changed"), ((50, 30, 20), (44, 32, 24), 0.88, "no_clear_change")],
)
def test_two_waves_compared(first, second, z, verdict):
    """Both sides on adjusted counts: p̂ = (P + ¾)/(n + 3)."""
    a, b = one(NPS, answered(scores(*first))), one(NPS, answered(scores(*second)))
    change = changed(a, b)
    assert abs(a["centre"] - b["centre"]) / np.hypot(a["se"], b["se"]) == pytest.approx(z, abs=0.005)
    assert (change.verdict, change.delta) == (verdict, pytest.approx(a["value"] - b["value"]))


def test_a_score_of_0_before_is_a_score_and_few_customers_carry_no_test():
    zero, good = one(NPS, answered(scores(50, 0, 50))), one(NPS, answered(scores(100)))
    assert changed(good, zero).verdict == "changed"
    thirty_of_two = [*of("k:1", *[10] * 20), *of("k:2", *[0] * 20)]
    assert changed(one(NPS, answered(thirty_of_two)), zero).verdict == "too_few"


def test_scores_off_the_scale_are_refused_and_counted_with_their_reason():
    answer = ask(NPS, answered([10] * 6 + [12, -1, 7.5]), Query(YEAR))
    assert answer.rows["n"].tolist() == [6]
    assert (answer.notes["refused_outside"], answer.notes["refused_fraction"]) == (2, 1)


@pytest.mark.parametrize("options", [{"dimension": "food"}, {"question": "q:food"}])
def test_a_question_on_1_to_5_is_refused_by_nps(options):
    with pytest.raises(QuestionError, match=r"'How was the food\?' is asked on 1 to 5: measure that with `satisfaction`"):
        one(NPS, answered([5, 4, 5], question="q:food"), **options)


def test_an_unknown_weighting_is_refused_with_those_there_are():
    with pytest.raises(QuestionError, match="no weighting 'size'; there are respondent, account, revenue"):
        one(NPS, answered([9]), weighting="size")


def test_a_contact_counts_once_in_a_wave_and_the_earlier_answer_is_counted_beside():
    pairs = [
        {"contact_id": f"c:{k}", "customer_id": f"k:{k}", "score": s, "answered_at": day}
        for k in range(6)
        for s, day in ((0, "2026-02-01"), (10, "2026-02-02"))
    ]
    answer = ask(NPS, answered(pairs), Query(YEAR))
    assert (answer.rows["n"].item(), answer.rows["value"].item(), answer.notes["superseded"]) == (6, 100, 6)


# weights


def of(customer, *given, **more):
    return [{"customer_id": customer, "contact_id": f"{customer}-{k}", "score": s, **more} for k, s in enumerate(given)]


TEAM = [*of("k:big", 0, 0, 0, 0), *(row for k in range(6) for row in of(f"k:{k}", 10))]
PAID = {
    "customers": [{"customer_id": c} for c in ("k:big", *(f"k:{k}" for k in range(6)))],
    "invoices": [{"customer_id": c, "issued_on": "2026-01-01", "amount": 100} for c in ("k:big", *(f"k:{k}" for k in range(6)))],
}


@pytest.mark.parametrize(
    ("weighting", "value", "n", "customers"),
    [
        ("respondent", 100 * (6 - 4) / 10, 10, 7),
        ("account", 100 * (6 - 1) / 7, 10, 7),
        ("revenue", 100 * (600 - 100) / 700, 10, 7),  # all pay the same: the same as by account
    ],
)
def test_weighting_by_respondent_account_and_revenue(weighting, value, n, customers):
    row = one(NPS, answered(TEAM, **PAID), weighting=weighting)
    assert (row["value"], row["n"], row["customers"]) == (pytest.approx(value), n, customers)


def giant():
    """One client of 100, a detractor, and nine of 1, promoters: n_eff = 109² / (100² + 9·1²) = 1.19 (METHODS, Kish)."""
    rows = [row for k in range(10) for row in of(f"k:{k}", 10 if k else 0)]
    bills = [{"customer_id": f"k:{k}", "issued_on": "2026-01-01", "amount": 1 if k else 100} for k in range(10)]
    return answered(rows, customers=[{"customer_id": f"k:{k}", "name": f"Client {k}"} for k in range(10)], invoices=bills)


def test_revenue_of_one_giant_is_worth_one_answer_and_is_suppressed():
    assert one(NPS, giant())["state"] == "value"
    assert one(NPS, giant(), weighting="revenue")["state"] == "suppressed"


def test_the_revenue_of_bands_does_not_say_the_score_that_is_hidden():
    """Shares of .083 and .917 would be an NPS by revenue of −83.5."""
    rows = ask(REVENUE, giant(), Query(YEAR)).rows
    assert set(rows["state"]) == {"suppressed"} and rows[["value", "share", "percent", "n", "answers", "denominator"]].isna().all().all()


@pytest.mark.parametrize("name", ["account", "revenue"])
def test_the_list_behind_a_hidden_weighted_score_is_hidden(name):
    """Ten answers of a giant and nine others; ten answers of four customers: ten rows, and not five customers' worth."""
    tables = giant() if name == "revenue" else answered([row for k in range(4) for row in of(f"k:{k}", 10, 0, 9)])
    assert one(NPS, tables)["state"] == "value" and len(collect(behind(tables, Query(YEAR)))) >= 10
    assert one(NPS, tables, weighting=name)["state"] == "suppressed"
    assert collect(behind(tables, Query(YEAR, options={"weighting": name}))).empty
    assert name == "account" or collect(REVENUE.behind(tables, Query(YEAR))).empty


def test_revenue_leaves_out_who_paid_nothing_and_says_so():
    answer = ask(NPS, answered([*TEAM, *of("k:poor", 0, 0), 9, 9], **PAID), Query(YEAR, options={"weighting": "revenue"}))
    assert (answer.rows["n"].item(), answer.notes["left_out"]) == (10, 4)


def test_survey_weights_are_honoured_where_there_are_some():
    rows = [{"score": 10, "weight": 3.0}] * 4 + [{"score": 0, "weight": 1.0}] * 4
    tables = answered(rows)
    assert one(NPS, tables)["value"] == 100 * (12 - 4) / 16
    assert one(NPS, tables, survey_weights=False)["value"] == 0


# the interval when one customer answers several times


def clustered(seed=5, customers=60):
    """Answers whose customers agree with themselves: (customer, score) pairs."""
    rng = random.Random(seed)
    moods = [rng.choice([3, 8, 10, 10]) for _ in range(customers)]
    return [(k, min(10, max(0, mood + rng.choice([-1, 0, 0, 1])))) for k, mood in enumerate(moods) for _ in range(rng.randrange(1, 7))]


def test_repeated_answers_widen_the_interval_as_resampling_customers_does():
    """Standard error against a bootstrap over customers (4,000 draws, seed 1), and the cluster-robust one of statsmodels."""
    pairs = clustered()
    row = one(NPS, answered([{"customer_id": f"k:{k}", "contact_id": f"{k}-{i}", "score": s} for i, (k, s) in enumerate(pairs)]))
    alone = one(NPS, answered([s for _, s in pairs]))
    who, sign = np.array([k for k, _ in pairs]), np.array([(s >= 9) - (s <= 6) for _, s in pairs], float)
    sums, sizes = np.bincount(who, sign), np.bincount(who)
    draws = np.random.default_rng(1).integers(0, len(sizes), (4000, len(sizes)))
    bootstrap = 100 * (sums[draws].sum(1) / sizes[draws].sum(1)).std()
    robust = 100 * sm.OLS(sign, np.ones_like(sign)).fit(cov_type="cluster", cov_kwds={"groups": who}).bse[0]
    assert row["value"] == pytest.approx(alone["value"])
    assert row["se"] == pytest.approx(bootstrap, rel=0.06) and row["se"] == pytest.approx(robust, rel=0.06)
    assert row["se"] > 1.3 * alone["se"]


def test_one_customers_many_equal_answers_are_worth_one():
    many, single = one(NPS, answered(of("k:1", *[9] * 20))), adjusted_wald(1, 0, 1)
    assert (many["low"], many["high"]) == (pytest.approx(single[0]), pytest.approx(single[1]))


# a second opinion: the same score in SQL written by hand, over the raw rows

PLAIN = """
WITH valid AS (
    SELECT *, coalesce(contact_id, customer_id, response_id) AS who FROM answers
    WHERE question_id = 'q:nps' AND score IS NOT NULL AND score <> 11 AND score BETWEEN 0 AND 10 AND score = floor(score)
), last AS (
    SELECT *, row_number() OVER (PARTITION BY who, survey_id, question_id ORDER BY answered_at DESC, answer_id DESC) AS place FROM valid
), paid AS (
    SELECT customer_id, sum(amount) AS revenue FROM invoices GROUP BY customer_id
), used AS (
    SELECT last.*, CASE WHEN score >= 9 THEN 1 WHEN score <= 6 THEN -1 ELSE 0 END AS sign, coalesce(weight, 1) AS w,
           greatest(coalesce(revenue, 0), 0) AS revenue
    FROM last LEFT JOIN paid USING (customer_id) WHERE place = 1 AND answered_at >= '2026-01-01' AND answered_at < '2026-12-01'
)
SELECT touchpoint, {n} AS n, 100 * {value} AS value FROM ({rows}) GROUP BY touchpoint
"""
WEIGHED = "SELECT *, w / sum(w) OVER (PARTITION BY touchpoint, customer_id) AS share FROM used WHERE customer_id IS NOT NULL"
SQL = {
    "respondent": PLAIN.format(n="count(*)", value="sum(w * sign) / sum(w)", rows="SELECT * FROM used"),
    "account": PLAIN.format(n="count(*)", value="sum(share * sign) / sum(share)", rows=WEIGHED),
    "revenue": PLAIN.format(n="count(*)", value="sum(share * revenue * sign) / sum(share * revenue)", rows=WEIGHED + " AND revenue > 0"),
}


@pytest.mark.parametrize("seed", range(8))
def test_plain_sql_says_the_same(seed):
    rows = some(seed)
    tables = answered(rows.pop("answers"), **rows)
    period = Period(D("2026-01-01"), D("2026-12-01"), D("2026-12-01"))
    session = tables._session.cursor
    session.execute(f'CREATE OR REPLACE TEMP VIEW answers AS FROM "{tables._view("answers")}"')
    session.execute(f'CREATE OR REPLACE TEMP VIEW invoices AS FROM "{tables._view("invoices")}"')
    for weighting, sql in SQL.items():
        expected = {touchpoint: (n, value) for touchpoint, n, value in session.execute(sql).fetchall()}
        found = grouped(NPS, tables, ["touchpoint"], period, weighting=weighting)
        shown = {k: row for k, row in found.items() if row["state"] == "value"}
        assert {k: (row["n"], pytest.approx(row["value"])) for k, row in shown.items()} == {k: expected[k] for k in shown}
        assert all(row["state"] == "suppressed" or k in shown or k not in expected for k, row in found.items())
    everyone = one(NPS, tables, period)
    assert len(collect(behind(tables, Query(period)))) == everyone["n"] == sum(n for n, _ in _plain(session, "respondent"))


def _plain(session, weighting):
    return [(n, value) for _, n, value in session.execute(SQL[weighting]).fetchall()]


# properties


def test_segments_weighted_by_n_recombine_to_the_total():
    rows = [{"score": s, "touchpoint": "ab"[k % 2]} for k, s in enumerate(scores(30, 20, 17))]
    tables = answered(rows)
    parts, whole = grouped(NPS, tables, ["touchpoint"]).values(), one(NPS, tables)
    assert sum(p["value"] * p["n"] for p in parts) / sum(p["n"] for p in parts) == pytest.approx(whole["value"])


def test_order_and_rows_outside_the_period_change_nothing():
    rows = [{"score": s} for s in scores(12, 5, 9)]
    outside = [{"score": 0, "answered_at": day} for day in ("2025-12-31", "2027-01-01")] * 10
    assert one(NPS, answered(rows)) == one(NPS, answered(outside + rows[::-1]))


def test_a_month_without_answers_has_no_score_and_no_zero():
    rows = [{"score": 9, "answered_at": f"2026-0{m}-05"} for m in (1, 3) for _ in range(6)]
    months = grouped(NPS, answered(rows), [], Period(D("2026-01-01"), D("2026-04-01"), D("2026-03-20")), "month")
    assert [(r["state"], r["n"], r["complete"]) for r in months.values()] == [("value", 6, True), ("no_data", 0, True), ("value", 6, False)]


def test_waves_are_compared_by_naming_them():
    surveys = [SURVEY, {**SURVEY, "survey_id": "s:2", "wave": "2026Q2"}]
    rows = [{"score": 10, "survey_id": "s:1"}] * 6 + [{"score": 0, "survey_id": "s:2"}] * 6
    tables = answered(rows, surveys=surveys)
    assert {wave: row["value"] for wave, row in grouped(NPS, tables, ["wave"]).items()} == {"2026Q1": 100, "2026Q2": -100}
    assert one(NPS, tables, wave="2026Q2")["value"] == -100


# small groups


def test_a_small_group_is_hidden_and_so_is_the_one_that_would_give_it_away():
    rows = [{"score": 9, "touchpoint": t} for t, n in (("a", 20), ("b", 9), ("c", 3)) for _ in range(n)]
    states = {k: row["state"] for k, row in grouped(NPS, answered(rows), ["touchpoint"]).items()}
    assert states == {"a": "value", "b": "suppressed", "c": "suppressed"}


def test_four_answers_show_neither_score_nor_rows():
    tables = answered([9, 9, 9, 0])
    row = one(NPS, tables)
    assert row["state"] == "suppressed" and all(np.isnan(row[c]) for c in ("value", "low", "se", "promoter_share"))
    assert collect(behind(tables, Query(YEAR))).empty


TOUCHPOINTS = [{"score": 9, "touchpoint": t} for t, n in (("a", 20), ("b", 9), ("c", 3)) for _ in range(n)]


@pytest.mark.parametrize(
    ("chosen", "state", "listed"),
    [
        (("a",), "value", 20),
        (("b",), "suppressed", 0),  # total 32 less a 20 less b 9 are c's three
        (("c",), "suppressed", 0),
        (("a", "b"), "suppressed", 0),  # 29 beside a total of 32
        (("a", "c"), "suppressed", 0),
        (("b", "c"), "value", 12),  # all that is hidden: no more than total less a
        (("a", "b", "c"), "value", 32),
    ],
)
def test_a_hidden_group_stays_hidden_when_filtered_to_alone_or_with_others(chosen, state, listed):
    tables, where = answered(TOUCHPOINTS), (("touchpoint", chosen),)
    assert one(NPS, tables, where=where)["state"] == state
    rows = collect(behind(tables, Query(YEAR, where=where)))
    assert len(rows) == listed
    assert set(rows["touchpoint"].dropna()) <= {"a"}  # a list says no more than the table


def test_a_wave_that_is_hidden_cannot_be_chosen_by_its_option_either():
    surveys = [{**SURVEY, "survey_id": f"s:{w}", "wave": w} for w in "abc"]
    tables = answered([{"score": 9, "survey_id": f"s:{row['touchpoint']}"} for row in TOUCHPOINTS], surveys=surveys)
    assert {w: one(NPS, tables, wave=w)["state"] for w in "abc"} == {"a": "value", "b": "suppressed", "c": "suppressed"}
    assert len(collect(behind(tables, Query(YEAR, options={"wave": "b"})))) == 0


def test_what_is_hidden_in_a_table_is_hidden_in_its_slice():
    """North/a has 2 answers; by touchpoint, filtered to the south, a and b are hidden as they are in the table of both."""
    sizes = {("North", "a"): 2, ("North", "b"): 30, ("South", "a"): 20, ("South", "b"): 40, ("West", "a"): 50, ("West", "b"): 60}
    tables = answered([{"score": 9, "region": r, "touchpoint": t} for (r, t), n in sizes.items() for _ in range(n)])
    for region, state in (("North", "suppressed"), ("South", "suppressed"), ("West", "value")):
        rows = ask(NPS, tables, Query(YEAR, by=("touchpoint",), where=(("region", (region,)),))).rows
        assert set(rows["state"]) == {state}
        assert one(NPS, tables, where=(("region", (region,)), ("touchpoint", ("a",))))["state"] == state
        assert one(NPS, tables, where=(("region", (region,)),))["state"] == "value"


def test_a_group_hidden_as_a_whole_is_hidden_month_by_month():
    rows = [{**row, "answered_at": f"2026-0{1 + k % 2}-05"} for k, row in enumerate([row for row in TOUCHPOINTS * 2 if row["touchpoint"] != "c"])]
    tables = answered([*rows, *[{"score": 2, "touchpoint": "c", "answered_at": "2026-01-05"}] * 3])
    months = ask(NPS, tables, Query(YEAR, "month", where=(("touchpoint", ("b",)),))).rows
    assert set(months["state"]) == {"suppressed", "no_data"}


def test_tags_overlap_so_the_rest_of_a_tag_is_what_it_would_give_away():
    """Nine of twelve carry "vip": the three without it are the total less the nine."""
    customers = [{"customer_id": f"k:{k}", "tags": "vip,old" if k < 9 else "new"} for k in range(12)]
    tables = answered([{"score": 9, "customer_id": f"k:{k}"} for k in range(12)], customers=customers)
    assert one(NPS, tables, where=(("tags", ("vip",)),))["state"] == "suppressed"
    assert one(NPS, tables, where=(("tags", ("vip", "new")),))["n"] == 12


@pytest.mark.parametrize("seed", range(2))
def test_no_two_filters_give_away_fewer_than_five(seed):
    """Whatever is shown of any choice of groups: neither it, nor its difference to another one it contains, is 1 to 4 answers."""
    rng = random.Random(seed)
    sizes = {t: rng.choice([1, 2, 3, 4, 6, 9, 14]) for t in "abcd"}
    tables = answered([{"score": 9, "touchpoint": t} for t, n in sizes.items() for _ in range(n)])
    choices = [tuple(t for t, is_in in zip("abcd", bits, strict=True) if is_in) for bits in itertools.product([0, 1], repeat=4) if any(bits)]
    shown = {c for c in choices if one(NPS, tables, where=(("touchpoint", c),))["state"] == "value"}
    assert ("a", "b", "c", "d") in shown
    known = {sum(1 << "abcd".index(t) for t in c): sum(sizes[t] for t in c) for c in shown}
    for _ in range(4):  # sums and differences of what is known
        known |= {a | b: known[a] + known[b] for a in known for b in known if not a & b}
        known |= {a & ~b: known[a] - known[b] for a in known for b in known if a & b == b and a != b}
    assert all(n >= 5 for n in known.values())


def test_an_anonymous_answer_is_listed_without_anything_that_tells_whose_it_is():
    rows = [{"score": 9, "text": "Good", "region": "NS"[k % 2], "channel": "web", "answered_at": "2026-02-03T10:11:12", "weight": 1.5} for k in range(12)]
    named_too = [{"score": 3, "survey_id": "s:2", "customer_id": "k:1", "response_id": f"n:{k}", "region": "N"} for k in range(6)]
    surveys = [{**SURVEY, "is_anonymous": True}, {**SURVEY, "survey_id": "s:2"}]
    tables = answered([*rows, *named_too], surveys=surveys, customers=[{"customer_id": "k:1", "name": "One"}])
    listed = collect(behind(tables, Query(YEAR)))
    nameless, known = listed[listed["is_anonymous"]], listed[~listed["is_anonymous"]]
    told = {c for c in listed.columns if nameless[c].notna().any()}
    assert (len(nameless), len(known)) == (12, 1) and {"score", "text", "wave", "answered_on"} <= told
    assert not told & {"region", "channel", "answered_at", "answered_at_s", "response_id", "answer_id", "customer_id", "name", "owner", "weight", "tags"}
    assert set(known["name"]) == {"One"} and known["answered_at"].notna().all()


def test_the_list_leaves_out_the_segment_of_a_hidden_group():
    listed = collect(behind(answered(TOUCHPOINTS), Query(YEAR)))
    assert (len(listed), listed["touchpoint"].value_counts().to_dict()) == (32, {"a": 20})


def test_hidden_along_both_keys_of_a_table():
    """North/a has 2 answers: a second cell of its row and of its column goes too, and then of theirs."""
    sizes = {("North", "a"): 2, ("North", "b"): 30, ("South", "a"): 20, ("South", "b"): 40, ("West", "a"): 50, ("West", "b"): 60}
    rows = [{"score": 9, "region": r, "touchpoint": t} for (r, t), n in sizes.items() for _ in range(n)]
    states = {k: row["state"] for k, row in grouped(NPS, answered(rows), ["region", "touchpoint"]).items()}
    assert {k for k, state in states.items() if state == "suppressed"} == {("North", "a"), ("North", "b"), ("South", "a"), ("South", "b")}


# bands and revenue


def test_shares_of_bands_add_up_to_100_as_shown():
    """A third each is 33.3 three times: the tenth that is missing goes to the first."""
    answer = ask(BANDS, answered(scores(5, 5, 5)), Query(YEAR)).rows
    assert answer["band"].tolist() == ["promoter", "passive", "detractor"]
    assert answer["value"].tolist() == pytest.approx([1 / 3] * 3)
    assert answer["percent"].tolist() == [33.4, 33.3, 33.3]
    row = one(NPS, answered(scores(5, 5, 5)))  # side by side in one row
    assert [row[f"{band}_shown"] for band in module.BANDS] == pytest.approx([0.334, 0.333, 0.333])


@pytest.mark.parametrize("seed", range(3))
def test_bands_agree_with_the_score(seed):
    rows = some(seed)
    tables = answered(rows.pop("answers"), **rows)
    bands = {row["band"]: row for row in ask(BANDS, tables, Query(YEAR)).rows.to_dict("records")}
    whole = one(NPS, tables)
    assert 100 * (bands["promoter"]["value"] - bands["detractor"]["value"]) == pytest.approx(whole["value"])
    assert sum(row["numerator"] for row in bands.values()) == whole["n"]


def test_three_detractors_of_forty_three_are_counted_and_listed():
    """A band is a part of the score of all 43; fewer than five answers in all are hidden with their bands."""
    tables, few = answered(scores(40, 0, 3)), answered(scores(1, 0, 3))
    where = (("band", ("detractor",)),)
    row = one(BANDS, tables, where=where)
    assert (row["numerator"], row["denominator"], row["value"]) == (3, 43, pytest.approx(3 / 43))
    assert len(collect(BANDS.behind(tables, Query(YEAR, where=where)))) == 3
    assert one(BANDS, few, where=where)["state"] == "suppressed" and collect(BANDS.behind(few, Query(YEAR, where=where))).empty


def test_the_rows_behind_a_band_are_its_answers():
    tables = answered(scores(9, 8, 7))
    rows = collect(behind(tables, Query(YEAR, where=(("band", ("detractor",)),))))
    assert len(rows) == 7 and set(rows["score"]) == {2}


def test_revenue_by_band_divides_a_customer_among_its_people():
    """The big customer pays 100 with four detractors and one promoter: 80 and 20."""
    rows = [*of("k:big", 0, 0, 0, 0, 10), *(row for k in range(6) for row in of(f"k:{k}", 8))]
    answer = ask(REVENUE, answered(rows, **PAID), Query(YEAR)).rows.set_index("band")
    assert answer["value"].to_dict() == pytest.approx({"promoter": 20, "passive": 600, "detractor": 80})
    assert answer["percent"].sum() == pytest.approx(100) and set(answer["denominator"]) == {700}
    assert answer["answers"].to_dict() == {"promoter": 1, "passive": 6, "detractor": 4} and set(answer["n"]) == {11}


def test_every_empty_question_is_answered():
    for metric in module.METRICS:
        for grain, by in ((None, ()), ("month", ()), (None, ("region",)), ("quarter", ("region", "touchpoint"))):
            tables = answered([]) if "touchpoint" not in by else answered([{"score": None, "touchpoint": "a"}])
            assert set(ask(metric, tables, Query(YEAR, grain, by)).rows["state"]) <= {"no_data"}


def test_the_question_of_another_dimension_can_be_named_in_the_settings():
    tables = made({"surveys": [SURVEY], "questions": [{**QUESTIONS[0], "dimension": "Recommend"}], "answers": [
        {"survey_id": "s:1", "question_id": "q:nps", "score": 9, "answered_at": "2026-02-03", "response_id": f"r:{k}"} for k in range(5)
    ]}, {"metrics": {"nps": {"dimension": "recommend"}}})  # fmt: skip
    answer = ask(NPS, tables, Query(YEAR, settings=tables.settings))
    assert answer.rows["value"].tolist() == [100]
