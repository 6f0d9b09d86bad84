"""The state of each customer at quarter ends: sums, component scores, grades and the patience of their changes."""

import datetime as dt

import pytest

from metrics.query import collect
from tests.made import made
from warehouse.marts.grades import GradingError, rules

D = dt.date.fromisoformat
CUTS = [0.75, 0.6, 0.4]
EVEN = {"amount": 1, "interactions": 0, "satisfaction": 0, "growth": 0}


def invoice(customer, day, amount=100, **more):
    return {"customer_id": customer, "issued_on": day, "amount": amount, "invoice_id": f"{customer}{day}", **more}


def monthly(customer, first, months, amount=100):
    """An invoice on the first of every month."""
    year, month = map(int, first.split("-"))
    return [invoice(customer, dt.date(year + (month - 1 + k) // 12, (month - 1 + k) % 12 + 1, 1), amount) for k in range(months)]


def quarters(entities, settings=None):
    names = {row["customer_id"] for rows in entities.values() for row in rows if row.get("customer_id")}
    known = {row["customer_id"] for row in entities.get("customers", [])}
    customers = [*entities.get("customers", []), *({"customer_id": name} for name in sorted(names - known))]
    settings = {"metrics": {"grading": settings}} if settings else None
    rows = collect(made({**entities, "customers": customers}, settings)["customer_quarters"])
    return rows.sort_values(["customer_id", "quarter"]).set_index(["customer_id", "starts_on"])


def test_only_complete_quarters_with_a_year_behind_them():
    rows = quarters({"invoices": monthly("c", "2024-01", 24)})  # to 1 December 2025: the fourth quarter of 2025 still runs
    assert rows.loc["c"].index.tolist() == [D("2024-10-01"), D("2025-01-01"), D("2025-04-01"), D("2025-07-01")]
    assert rows["amount"].tolist() == [1200] * 4
    assert rows["quarter_revenue"].tolist() == [300] * 4
    assert rows["ends_on"].iloc[-1] == D("2025-10-01")


def test_with_less_than_a_year_of_data_the_last_complete_quarter_is_graded_all_the_same():
    rows = quarters({"invoices": monthly("c", "2025-01", 7)})
    assert rows.loc["c"].index.tolist() == [D("2025-04-01")]


def test_fiscal_quarters_begin_with_the_fiscal_year():
    settings = {"calendar": {"timezone": "UTC", "currency": "CNY", "fiscal_year_start": 2, "week_start": 1}}
    rows = collect(made({"customers": [{"customer_id": "c"}], "invoices": monthly("c", "2024-02", 14)}, settings)["customer_quarters"])
    assert sorted(rows["starts_on"]) == [D("2024-11-01")]  # November to January; the one that began in February 2025 still runs


def test_sums_of_twelve_months_and_of_the_quarter():
    rows = quarters(
        {
            "invoices": [*monthly("c", "2024-01", 12), invoice("c", "2024-11-20", -50, kind="credit_note"), invoice("x", "2025-01-02")],
            "interactions": [{"customer_id": "c", "channel": ch, "happened_at": f"2024-{m}-05"} for ch, m in (("Visit", "01"), ("call", "10"), ("拜访", "12"))],
            "usage": [{"customer_id": "c", "feature": "f", "day": "2024-12-01", "count": 7}],
        }
    ).loc[("c", D("2024-10-01"))]
    assert (rows["amount"], rows["orders"], rows["quarter_revenue"]) == (1150, 12, 250)
    assert (rows["interactions"], rows["quarter_interactions"], rows["visits"], rows["quarter_visits"], rows["usage"]) == (3, 2, 2, 1, 7)


def scored(values, scale=(1, 5)):
    """Answers of customer c in December 2024, one respondent each."""
    question = [{"question_id": "q", "survey_id": "s", "text": "?", "dimension": "service", "scale_min": scale[0], "scale_max": scale[1], "blank_codes": "9"}]
    answers = [
        {"answer_id": f"a{k}", "response_id": f"r{k}", "question_id": "q", "survey_id": "s", "customer_id": "c", "contact_id": f"p{k}", "score": v,
         "answered_at": "2024-12-05"}
        for k, v in enumerate(values)
    ]  # fmt: skip
    return {"surveys": [{"survey_id": "s", "wave": "w"}], "questions": question, "answers": answers}


@pytest.mark.parametrize(("values", "share"), [([5] * 5, 1), ([1, 5] * 3, 0.5), ([3, 4] * 3, 0.625), ([3, 4] * 2, None), ([9] * 6, None), ([], None)])
def test_satisfaction_is_the_mean_on_its_own_scale_and_unknown_without_answers(values, share):
    """(3 − 1) / 4 and (4 − 1) / 4: mean 0.625. The blank code 9 is no answer, and fewer than five are shown nowhere."""
    row = quarters({"invoices": [*monthly("c", "2024-01", 12), invoice("c", "2025-01-02")], **scored(values)}).loc[("c", D("2024-10-01"))]
    assert (None if row["satisfaction"] != row["satisfaction"] else row["satisfaction"]) == share


def test_half_a_cent_is_rounded_alike_in_whichever_order_amounts_were_added_up():
    amounts = [338.02, 372.86, 309.32]  # at 7.125 together 7,268.925 or, from behind, 7,268.924999999999
    days = [("2024-12-02", "2024-12-03", "2024-12-04"), ("2024-12-04", "2024-12-03", "2024-12-02")]
    ordered = [
        invoice(name, day, amount, currency="USD") for name, order in zip("ab", days, strict=True) for day, amount in sorted(zip(order, amounts, strict=True))
    ]
    early = [invoice(name, "2024-01-01") for name in "abx"]
    rates = [{"currency": "USD", "day": f"2024-12-0{day}", "rate": 7.125} for day in (1, 2, 3, 4)]
    rows = quarters({"invoices": [*early, *ordered, invoice("x", "2025-01-02")], "rates": rates})
    found = [rows.loc[(name, D("2024-10-01")), "quarter_revenue"] for name in "ab"]
    assert found[0] == found[1] and found[0] in (7268.92, 7268.93)


def test_growth_weighs_the_later_half_and_the_pipeline_against_the_earlier_half():
    """Earlier half 600, later half 300, pipeline 900: (300 + 900 − 600) / 1800."""
    lines = [*monthly("c", "2024-01", 6, 100), *monthly("c", "2024-07", 6, 50), invoice("c", "2025-01-02")]
    deal = {"customer_id": "c", "created_at": "2024-12-01", "amount": 900, "currency": "CNY", "stage": "Quote"}
    row = quarters({"invoices": lines, "deals": [deal]}).loc[("c", D("2024-10-01"))]
    assert (row["pipeline"], row["growth"]) == (900, pytest.approx(600 / 1800))
    assert row["growth_score"] == pytest.approx((600 / 1800 + 1) / 2)


def test_a_closed_deal_is_no_pipeline_and_an_open_deal_makes_a_customer():
    deal = {"customer_id": "p", "created_at": "2024-12-01", "amount": 900, "currency": "CNY", "stage": "Quote"}
    lines = [*monthly("c", "2024-01", 12), invoice("c", "2025-01-02")]
    still = quarters({"invoices": lines, "deals": [deal]})
    assert still.loc[("p", D("2024-10-01")), "pipeline"] == 900
    closed = quarters({"invoices": lines, "deals": [{**deal, "is_won": False, "closed_at": "2024-12-20"}]})
    assert "p" not in closed.index.get_level_values(0)


def test_amounts_are_ranked_with_ties_in_the_middle():
    """Amounts 100, 100, 200, 400 in one quarter: (0 + 2/2)/4, twice; (2 + 1/2)/4; (3 + 1/2)/4. Nothing bought: 0."""
    lines = [invoice(name, "2024-12-01", amount) for name, amount in (("a", 100), ("b", 100), ("c", 200), ("d", 400))]
    talk = [{"customer_id": "e", "happened_at": "2024-12-01"}]
    rows = quarters({"invoices": [*lines, *monthly("a", "2024-01", 1, 0.0), invoice("z", "2025-01-02")], "interactions": talk})
    last = rows.xs(D("2024-10-01"), level="starts_on")["amount_score"]
    assert last.to_dict() == {"a": 1 / 4, "b": 1 / 4, "c": 2.5 / 4, "d": 3.5 / 4, "e": 0}


def test_the_score_is_the_weighted_mean_of_what_is_known():
    """Alone in the data: rank 1/2. No interactions anywhere and no answers: (0.4 · 0.5 + 0.2 · 0.5) / 0.6; coverage 0.6."""
    row = quarters({"invoices": [*monthly("c", "2024-01", 12), invoice("c", "2025-01-02")]}).loc[("c", D("2024-10-01"))]
    assert (row["coverage"], row["score"]) == (pytest.approx(0.6), pytest.approx((0.4 * 0.5 + 0.2 * 0.5) / 0.6))


@pytest.mark.parametrize(("score", "grade"), [(0.75, "core"), (0.7499, "key"), (0.6, "key"), (0.4, "ordinary"), (0.39, "potential")])
def test_a_score_on_a_cut_belongs_to_the_better_grade(score, grade):
    import duckdb
    import narwhals as nw

    present, _ = rules({"metrics": {"grading": {"cuts": CUTS}}})
    frame = nw.from_native(duckdb.sql(f"select {score}::double as score")).with_columns(rank=present.rank("score"))
    assert collect(frame.with_columns(grade=present.name("rank")))["grade"][0] == grade


# hysteresis: a customer whose satisfaction alone decides, one answer a quarter


def path(*shares, margin=0.03):
    """Grades in force of a customer whose score is these shares, quarter by quarter (no trailing year: a new respondent each time)."""
    import duckdb
    import narwhals as nw

    from warehouse.marts.quarters import _held

    present, _ = rules({"metrics": {"grading": {"margin": margin, "cuts": CUTS}}})
    values = ", ".join(f"('c', {q}, {share}::double)" for q, share in enumerate(shares) if share is not None)
    frame = nw.from_native(duckdb.sql(f"select * from (values {values}) t(customer_id, quarter, score)"))
    parts = {f"{name}_score": nw.lit(0.5) for name in ("amount", "interactions", "satisfaction", "growth")}
    frame = frame.with_columns(**parts).with_columns(earned_rank=present.rank("score"))
    rows = collect(_held(frame, present)).sort_values("quarter")
    return rows["held_rank"].tolist()


@pytest.mark.parametrize(
    ("what", "shares", "held"),
    [
        ("steady", (0.5, 0.5, 0.5), [3, 3, 3]),
        ("up by a hair, and back", (0.59, 0.61, 0.59), [3, 3, 3]),
        ("up by a hair, twice", (0.59, 0.61, 0.61), [3, 3, 2]),
        ("up by more than the margin", (0.5, 0.64, 0.64), [3, 2, 2]),
        ("up by exactly the margin", (0.5, 0.63125), [3, 2]),
        ("down by a hair, twice", (0.61, 0.59, 0.59), [2, 2, 3]),
        ("down by a lot", (0.9, 0.3), [1, 4]),
        ("up two grades by a hair", (0.5, 0.76), [3, 3]),
        ("away for a quarter: starts anew", (0.59, None, 0.61), [3, 2]),
        ("to and fro by a hair", (0.59, 0.61, 0.59, 0.61), [3, 3, 3, 3]),
    ],
)
def test_a_crossing_by_a_hair_takes_two_quarters(what, shares, held):
    assert path(*shares, margin=0.03) == held


def test_lost_customers_and_unknown_ones_are_none():
    entities = {"customers": [{"customer_id": "c", "lost_on": "2024-12-31"}], "invoices": [*monthly("c", "2024-01", 14), *monthly("d", "2024-01", 14)]}
    rows = quarters(entities)
    assert rows.index.get_level_values(0).unique().tolist() == ["d"]


def test_the_past_by_the_rules_of_then():
    """Amounts rank 1/4 and 3/4 with growth at 1/2 out of everything else: by amount alone "c" is core now, and was not under the cuts of then."""
    lines = [*monthly("c", "2024-01", 14, 100), *monthly("d", "2024-01", 14, 50)]
    settings = {"weights": EVEN, "cuts": [0.7, 0.5, 0.2], "previous": {"until": "2025-01-01", "cuts": [0.8, 0.5, 0.2]}}
    rows = quarters({"invoices": lines}, settings)
    then = rows.loc[("c", D("2024-10-01"))]
    assert (then["earned"], then["graded_then"]) == ("core", "key")
    later = quarters({"invoices": lines}, {**settings, "previous": {"until": "2024-12-31", "cuts": [0.8, 0.5, 0.2]}})
    assert later.loc[("c", D("2024-10-01")), "graded_then"] == "core"  # the quarter ended after the change


def test_nothing_at_all():
    assert collect(made({})["customer_quarters"]).empty


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"cuts": [0.5]}, "4 grades need 3 cuts"),
        ({"cuts": [0.4, 0.6, 0.7]}, "must fall"),
        ({"cuts": [1.5, 0.6, 0.4]}, "between 0 and 1"),
        ({"weights": {"fame": 1}}, "not {'fame': 1.0}"),
        ({"weights": dict.fromkeys(EVEN, 0)}, "weights are positive"),
        ({"previous": {"cuts": [0.7, 0.5, 0.3]}}, "needs until"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_the_reason(told, message):
    with pytest.raises(GradingError, match=message):
        rules({"metrics": {"grading": told}})
