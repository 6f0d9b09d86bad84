"""What sources do wrong with surveys, and what the pages say of it: no scale, answers off it, questions that change, people who were not invited."""

import pytest

from tests.pages.conftest import failures, texts
from tests.published import publish

WAVES = {"W1": "2026-01-10", "W2": "2026-04-10"}
MANY, INVITED, ASKED_ANEW = 40, 35, 30  # respondents of each wave; invited ones; those who answered the new question on speed
REFUSED = 3


def odd() -> dict[str, list[dict]]:
    """Two waves: packaging has no scale (read as 1 to 5) and three scores of 9; speed is asked on 1 to 5, then on 1 to 7; every answer has a serial no."""
    questions = [
        {"question_id": "nps", "dimension": "nps", "scale_min": 0, "scale_max": 10},
        {"question_id": "bare", "dimension": "packaging", "text": "How is our packaging?"},
        {"question_id": "speed5", "dimension": "speed", "text": "How fast are we?", "scale_min": 1, "scale_max": 5},
        {"question_id": "speed7", "dimension": "speed", "text": "How quickly do we act?", "scale_min": 1, "scale_max": 7},
        {"question_id": "manual", "dimension": "manual", "text": "Asked once only", "scale_min": 1, "scale_max": 5},
    ]
    answers = []
    for wave, day in WAVES.items():
        for k in range(MANY):
            who = {"customer_id": f"k{k}", "contact_id": f"p{k}", "survey_id": wave, "answered_at": day}
            who |= {"response_id": f"{wave}-{k}", "serial_no": f"{wave}-{k}"}
            given = {"nps": 9, "bare": 9 if wave == "W1" and k < REFUSED else 4}
            given |= {"speed5": 2, "manual": 1} if wave == "W1" else {"speed7": 6} if k < ASKED_ANEW else {}
            answers += [{"answer_id": f"{wave}-{k}-{name}", "question_id": name, "score": score, **who} for name, score in given.items()]
    return {
        "surveys": [{"survey_id": wave, "wave": wave, "sent_from": day} for wave, day in WAVES.items()],
        "questions": questions,
        "customers": [{"customer_id": f"k{k}", "name": f"Client {k}"} for k in range(MANY)],
        "answers": answers,
        "invitations": [
            {"survey_id": wave, "customer_id": f"k{k}", "contact_id": f"p{k}", "sent_at": f"{day}T00:00"} for wave, day in WAVES.items() for k in range(INVITED)
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("odd") / "data", odd(), {"metrics": {"detractor_follow_up": {"within_hours": "two days"}}})


@pytest.fixture
def page(run, folder, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "odd", folder)
    return lambda language="en", name="drill", **params: run(name, "odd", language, **{"wave": "all", "period": "all", **params})


@pytest.mark.parametrize(
    ("params", "value", "answers", "said"),
    [
        ({"dimension": "packaging"}, "4.00", 2 * MANY - REFUSED, "Not in the score: 3 refused, outside their scale."),
        ({"dimension": "speed"}, "2.00", MANY, "Not in the score: 30 on another scale."),  # most answers are on 1 to 5
        ({"dimension": "speed", "wave": "W2"}, "6.00", ASKED_ANEW, "1 to 7"),
        ({"dimension": "manual", "wave": "W2"}, None, None, "No scores here in the waves looked at."),
    ],
)
def test_a_level_says_what_is_not_in_its_score(page, params, value, answers, said):
    app = page(**params)
    assert failures(app) == []
    assert value is None or (app.metric[0].value == value and f"· {answers} answers" in texts(app))
    assert said in texts(app) + "".join(metric.help or "" for metric in app.metric)


def test_the_search_says_what_it_left_out_and_who_was_not_invited(page):
    """80 serial numbers divide nothing. Ten who answered were not asked: 70 of 70 invitations, and not 80."""
    app = page()
    said = texts(app)
    assert failures(app) == []
    assert "more than 40 different values and divide nothing: serial no (80)" in said
    assert "10 responses of people who were not invited are not in the rate." in said
    assert "**100.0%** of 70 delivered invitations were answered" in said


def test_what_the_sources_file_says_wrongly_is_told_in_the_readers_language(page):
    (said,) = failures(page("zh-CN", "plans"))
    assert "within\\_hours 应为不小于 1 的整数" in said and "'two days'" in said
