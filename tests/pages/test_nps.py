"""NPS: the headline three ways, groups and the rows behind them, waves, revenue, who answers and who is silent."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("nps", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Would customers recommend us, and who would not?", "zh-CN": "客户愿意推荐我们吗？谁不愿意？"}[language]


def test_the_headline_is_shown_three_ways_with_the_response_rate(run):
    assert {"NPS", "NPS per customer", "Weighted by revenue", "Response rate"} <= {metric.label for metric in run("nps").metric}


def test_a_group_opens_as_many_answers_as_it_says(run):
    app = run("nps", period="all")
    picker = app.selectbox(key="nps_segment_pick")
    opened = picker.select(picker.options[0]).run()
    assert failures(opened) == []
    rows = next(frame.value for frame in opened.dataframe if "score" in frame.value)
    told = app.caption if len(rows) < 8 else opened.caption
    assert set(rows["region"]) == {picker.options[0]}
    assert any(caption.value.startswith(f"{len(rows)} ") for caption in told)


def test_another_column_can_divide_the_answers(run):
    app = run("nps", period="all")
    pills = app.get("button_group")
    column = next(group for group in pills if group.key == "nps_column")
    assert failures(column.set_value("industry").run()) == []


def test_bands_and_silence_are_told_in_sentences(run):
    said = texts(run("nps", period="all"))
    assert "of the respondents' revenue" in said and "delivered invitations were answered" in said
    said = texts(run("nps", "full", "zh-CN", period="all"))
    assert "贬损者贡献作答客户收入的" in said and "份已送达邀请中" in said


@pytest.fixture(scope="module")
def four_answers(tmp_path_factory):
    question = {"question_id": "q", "dimension": "nps", "scale_min": 0, "scale_max": 10}
    answers = [{"answer_id": f"a{k}", "response_id": f"r{k}", "question_id": "q", "survey_id": "s", "score": 2} for k in range(4)]
    return publish(tmp_path_factory.mktemp("few") / "data", {"surveys": [{"survey_id": "s"}], "questions": [question], "answers": answers})


def test_four_answers_are_not_shown(run, four_answers, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "few", four_answers)
    app = run("nps", "few", period="all")
    assert failures(app) == []
    assert "Fewer than five answers" in texts(app) and "-100" not in texts(app) and "−100" not in texts(app)


def test_a_period_without_answers_says_what_to_do(run, four_answers, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "few", four_answers)
    app = run("nps", "few", period="last12")  # the answers came on the day after
    assert failures(app) == []
    assert "No scores for the recommendation question in this period." in texts(app)
