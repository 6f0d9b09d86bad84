"""What customers answered and who was asked: blanks, the last answer, owners as of the day, anonymity, responses to invitations."""

import pytest

from metrics.query import collect
from tests.made import made

NPS = {"question_id": "q:nps", "dimension": "nps", "text": "Would you recommend us?", "scale_min": 0, "scale_max": 10, "blank_codes": "11, 99.0"}
FOOD = {"question_id": "q:food", "dimension": "food", "text": "How was the food?"}
WAVE = {"survey_id": "s:1", "name": "Yearly", "kind": "relation", "wave": "2026Q1"}


def answered(*rows: dict, **entities) -> list[dict]:
    """The mart `scores` as rows, for answers to a wave of NPS."""
    rows = [{"survey_id": "s:1", "question_id": "q:nps", "answer_id": f"a:{k}", "response_id": f"r:{k}", **row} for k, row in enumerate(rows)]
    tables = made({"surveys": [WAVE], "questions": [NPS, FOOD], "answers": rows, **entities})
    found = collect(tables["scores"]).sort_values("answer_id").astype(object)
    return found.where(found.notna(), None).to_dict("records")


@pytest.mark.parametrize(
    ("score", "question", "is_blank", "is_refused"),
    [
        (10, "q:nps", False, False),
        (0, "q:nps", False, False),
        (11, "q:nps", True, False),  # a blank code is no answer, and nothing to refuse
        (99, "q:nps", True, False),  # given as "99.0" in the list
        (None, "q:nps", True, False),
        (12, "q:nps", False, True),
        (-1, "q:nps", False, True),
        (7.5, "q:nps", False, True),  # NPS has no halves
        (2.5, "q:food", False, False),
        (5, "q:food", False, False),  # no scale recorded: 1 to 5
        (0, "q:food", False, True),
        (6, "q:food", False, True),
    ],
)
def test_a_score_is_an_answer_a_blank_or_refused(score, question, is_blank, is_refused):
    (row,) = answered({"score": score, "question_id": question})
    assert (row["is_blank"], row["is_refused"]) == (is_blank, is_refused)


@pytest.mark.parametrize(("question", "scale"), [("q:nps", (0, 10)), ("q:food", (1, 5))])
def test_a_scale_nobody_recorded_is_0_to_10_for_nps_and_1_to_5_for_the_rest(question, scale):
    bare = [{**NPS, "scale_min": None, "scale_max": None}, FOOD]
    (row,) = answered({"score": 4, "question_id": question}, questions=bare)
    assert (row["scale_min"], row["scale_max"]) == scale


@pytest.mark.parametrize(
    ("scores", "counts"),
    [
        ([9, 3], [False, True]),  # the later answer counts
        ([9, None], [True, False]),  # a later blank takes nothing back
        ([9, 12], [True, False]),  # nor does a refused one
        ([None, None], [False, True]),  # somebody who gave no score counts once, as a blank
    ],
)
def test_the_last_valid_answer_of_a_contact_in_a_wave_counts(scores, counts):
    rows = answered(*({"score": s, "contact_id": "c:1", "customer_id": "k:1", "answered_at": f"2026-01-0{k + 1}"} for k, s in enumerate(scores)))
    assert [row["is_last"] for row in rows] == counts


def test_contacts_of_one_customer_and_other_waves_do_not_replace_each_other():
    rows = answered(
        {"contact_id": "c:1", "customer_id": "k:1", "score": 9},
        {"contact_id": "c:2", "customer_id": "k:1", "score": 3},
        {"contact_id": "c:1", "customer_id": "k:1", "score": 5, "survey_id": "s:2"},
        {"score": 7}, {"score": 7},  # nobody's: each response stands for itself
        surveys=[WAVE, {**WAVE, "survey_id": "s:2", "wave": "2026Q2"}],
    )  # fmt: skip
    assert all(row["is_last"] for row in rows)


def test_the_owner_is_who_was_responsible_when_the_answer_was_given():
    rows = answered(
        *({"customer_id": "k:1", "contact_id": f"c:{k}", "score": 9, "answered_at": day} for k, day in enumerate(("2025-06-01", "2026-01-31", "2026-02-01"))),
        customers=[{"customer_id": "k:1", "owner_id": "o:now"}],
        owners=[{"owner_id": f"o:{name}", "name": name, "department": f"{name} team"} for name in ("now", "then", "next")],
        owner_assignments=[
            {"object": "customer", "object_id": "k:1", "from_at": "2026-01-01", "to_at": "2026-02-01", "owner_id": "o:then"},
            {"object": "customer", "object_id": "k:1", "from_at": "2026-02-01", "owner_id": "o:next"},
            {"object": "deal", "object_id": "k:1", "from_at": "2026-01-01", "owner_id": "o:now"},
        ],
    )
    assert [(row["owner"], row["department"]) for row in rows] == [("now", "now team"), ("then", "then team"), ("next", "next team")]


def test_an_answers_own_column_wins_over_the_customers():
    rows = answered(
        {"customer_id": "k:1", "score": 9, "Region": "North", "touchpoint": "Delivery", "Wave": "its own"},
        {"customer_id": "k:1", "score": 9, "contact_id": "c:2"},
        customers=[{"customer_id": "k:1", "region": "South", "industry": "Food", "tier": "A"}],
    )
    assert [(row["region"], row["industry"], row["tier"]) for row in rows] == [("North", "Food", "A"), ("South", "Food", "A")]
    assert [row["touchpoint"] for row in rows] == ["Delivery", None]
    assert (rows[0]["wave"], rows[0]["answer_Wave"]) == ("2026Q1", "its own")


def test_an_anonymous_survey_keeps_the_segment_and_forgets_the_person():
    (row,) = answered(
        {"customer_id": "k:1", "contact_id": "c:1", "score": 2},
        surveys=[{**WAVE, "is_anonymous": True}], customers=[{"customer_id": "k:1", "region": "South"}],
    )  # fmt: skip
    assert (row["customer_id"], row["contact_id"], row["region"]) == (None, None, "South")


def test_an_answer_of_nobody_known_is_kept():
    (row,) = answered({"score": 8, "customer_id": "k:unknown"})
    assert (row["score"], row["region"]) == (8, None)


INVITED = [{"survey_id": "s:1", "customer_id": "k:1", "contact_id": contact} for contact in ("c:1", "c:2")]


@pytest.mark.parametrize(
    ("invitations", "answers", "responded"),
    [
        (INVITED, [("k:1", "c:1")], [True, False]),
        (INVITED, [("k:1", None)], [True, False]),  # names only the customer: answers one invitation, whichever
        (INVITED, [("k:1", "c:3")], [False, False]),  # somebody who was not asked
        ([{**INVITED[0], "contact_id": None}], [("k:1", "c:3")], [True]),  # the customer was asked, somebody there answered
        (INVITED, [], [False, False]),
    ],
)
def test_an_invitation_knows_whether_it_was_answered(invitations, answers, responded):
    rows = [
        {"survey_id": "s:1", "question_id": "q:nps", "customer_id": k, "contact_id": c, "score": None, "response_id": f"r:{i}"}
        for i, (k, c) in enumerate(answers)
    ]
    tables = made(
        {"surveys": [WAVE], "questions": [NPS], "answers": rows, "invitations": invitations, "customers": [{"customer_id": "k:1", "region": "South"}]}
    )
    found = collect(tables["asked"]).sort_values("contact_id")
    assert found["responded"].tolist() == responded
    assert set(found["region"]) == {"South"} and set(found["wave"]) == {"2026Q1"}


def test_revenue_is_of_the_twelve_months_that_end_with_the_answers_month():
    billed = {"2025-02-28": 1, "2025-03-01": 10, "2026-02-28": 100, "2026-03-01": 1_000}
    rows = answered(
        {"customer_id": "k:1", "score": 9, "answered_at": "2026-02-10"}, {"customer_id": "k:2", "score": 9, "answered_at": "2026-02-10"}, {"score": 9},
        customers=[{"customer_id": "k:1"}, {"customer_id": "k:2"}],
        invoices=[{"customer_id": "k:1", "issued_on": day, "amount": amount} for day, amount in billed.items()],
    )  # fmt: skip
    assert [row["revenue_year"] for row in rows] == [110, 0, None]


def test_without_answers_and_invitations_both_marts_are_empty():
    tables = made({})
    assert collect(tables["scores"]).empty and collect(tables["asked"]).empty
