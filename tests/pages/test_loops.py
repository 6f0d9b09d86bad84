"""From a detractor to a follow-up: one figure on the NPS page and at the head of the plans, and as many rows behind it as it counts."""

import pytest

from tests.pages.conftest import failures, texts
from tests.published import publish

AT, HAPPY = "2026-03-02T08:00:00", 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five who would recommend us and four detractors: one called after 47 hours, one after 49, one never, one unnamed."""
    question = {"question_id": "q", "dimension": "nps", "scale_min": 0, "scale_max": 10}
    given = [(f"k{k}", HAPPY) for k in range(5)] + [("k5", 0), ("k6", 3), ("k7", 6), (None, 2)]
    answers = [
        {"answer_id": f"a{k}", "response_id": f"a{k}", "survey_id": "s", "question_id": "q", "customer_id": who, "score": score, "answered_at": AT}
        for k, (who, score) in enumerate(given)
    ]
    called = [("k0", "2026-01-01T08:00:00"), ("k5", "2026-03-04T07:00:00"), ("k6", "2026-03-04T09:00:00"), ("k0", "2026-04-01T08:00:00")]
    interactions = [
        {"interaction_id": f"i{k}", "customer_id": who, "happened_at": at, "channel": "call", "direction": "out"} for k, (who, at) in enumerate(called)
    ]
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}"} for k in range(8)]
    tables = {"surveys": [{"survey_id": "s"}], "questions": [question], "answers": answers, "interactions": interactions, "customers": customers}
    return publish(tmp_path_factory.mktemp("loops") / "data", tables)


@pytest.fixture
def opened(run, folder, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "loops", folder)
    return lambda name, language="en", **params: run(name, "loops", language, **{"period": "all", **params})


@pytest.mark.parametrize("name", ["nps", "plans"])
def test_the_same_figure_stands_on_both_pages(opened, name):
    app = opened(name)
    assert failures(app) == []
    (card,) = [metric for metric in app.metric if metric.label == "Detractors followed up"]
    assert card.value == "33.3%"
    said = texts(app)
    assert "After **1** of 3 detractors' answers" in said and "within 48 hours" in said
    assert "**1** still waits" in said and "1 answer names no customer" in said


def test_its_rows_are_as_many_as_it_counts_and_those_nobody_called_come_first(opened):
    app = opened("plans")
    shown = app.button(key="rows_detractor_follow_up__0").click().run()
    assert failures(shown) == []
    rows = next(frame.value for frame in shown.dataframe if "contact_hours" in frame.value)
    assert list(zip(rows["name"], rows["in_time"], strict=True))[-1] == ("Client 5", True) and len(rows) == 3
    assert dict(zip(rows["name"], rows["contact_hours"], strict=True))["Client 6"] == 49


def test_before_any_wave_it_says_that_there_is_nothing_to_judge(opened):
    app = opened("plans", "zh-CN", period="custom", **{"from": "2026-01-01", "to": "2026-01-31"})
    assert failures(app) == [] and "本期没有已满 48 小时的贬损者回答" in texts(app)
