"""Waves stand in the order in which they were sent, whatever they are called, in every metric that can be asked by wave."""

import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query
from tests.made import made
from tests.metrics.responses import QUESTIONS, YEAR

NAMES = ("Wave 2", "Wave 10", "Spring", None)  # in time; by name "Spring" and "Wave 10" would come first
BEGUN = ("2026-02-01", "2026-04-01", "2026-06-01", "2026-01-01")
BY_WAVE = ("nps", "nps_bands", "nps_revenue", "satisfaction", "verbatims", "response_rate")


def waves(is_dated: bool):
    """Four surveys of six answers each; where the tool keeps no sending day, the first answer tells."""
    surveys = [
        {"survey_id": f"s:{k}", "name": f"Survey {k}", "wave": name, "sent_from": day if is_dated else None}
        for k, (name, day) in enumerate(zip(NAMES, BEGUN, strict=True))
    ]
    customers = [{"customer_id": f"k:{c}", "region": ("North", "South")[c % 2]} for c in range(12)]
    invoices = [{"customer_id": f"k:{c}", "issued_on": "2026-01-01", "amount": 100} for c in range(12)]
    named = {f"s:{k}": [{"customer_id": f"k:{c}", "contact_id": f"p:{c}"} for c in range(12)] for k in range(4)}
    invitations = [{"survey_id": s, **who, "sent_at": BEGUN[int(s[-1])], "delivered": True} for s, people in named.items() for who in people]
    answers = [
        {"survey_id": s, "response_id": f"{s}-{c}", "question_id": question, "score": score, "text": text, "answered_at": BEGUN[int(s[-1])][:8] + "15", **who}
        for s, people in named.items()
        for c, who in enumerate(people)
        for question, score, text in (("q:nps", 9, None), ("q:food", 4, "fine"))
    ]
    return made(
        {"surveys": surveys, "questions": QUESTIONS, "customers": customers, "invoices": invoices, "invitations": invitations, "answers": answers[::-1]}
    )


@pytest.fixture(scope="module", params=[True, False], ids=["sent_from", "first answer"])
def tables(request):
    return waves(request.param)


def order(tables, name, by=("wave",), grain=None) -> list:
    rows = ask(CATALOGUE[name], tables, Query(YEAR, grain, by, settings=tables.settings)).rows
    rows = rows[rows["state"] == "value"]
    assert len(rows)
    return [tuple(None if value != value else value for value in row) for row in rows[list(by)].itertuples(index=False)]


@pytest.mark.parametrize("name", BY_WAVE)
def test_waves_are_in_time(tables, name):
    assert list(dict.fromkeys(order(tables, name))) == [("Wave 2",), ("Wave 10",), ("Spring",), (None,)]


def test_other_keys_keep_their_order(tables):
    expected = [(region, wave) for region in ("North", "South") for wave in NAMES]
    assert order(tables, "nps", ("region", "wave")) == expected
    assert order(tables, "nps", ("wave", "region")) == [(wave, region) for wave in NAMES for region in ("North", "South")]
    assert [wave for (wave,) in order(tables, "nps", grain="month")] == [None, "Wave 2", "Wave 10", "Spring"]  # by month first


def test_equally_old_waves_go_by_name():
    surveys = [{"survey_id": f"s:{wave}", "wave": wave, "sent_from": "2026-02-01"} for wave in ("B", "A")]
    answers = [
        {"survey_id": f"s:{w}", "question_id": "q:nps", "response_id": f"{w}{k}", "score": 9, "answered_at": "2026-02-03"} for w in "BA" for k in range(5)
    ]
    assert order(made({"surveys": surveys, "questions": QUESTIONS, "answers": answers}), "nps") == [("A",), ("B",)]
