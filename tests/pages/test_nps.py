"""NPS: the headline three ways, groups and the rows behind them, waves, revenue, who answers and who is silent."""

import json

import pytest

from metrics import CATALOGUE
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


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """One wave: 45 scores and four that do not count, three dimensions, customers of whom some pay nothing."""
    questions = [{"question_id": d, "dimension": d, "text": d, "scale_min": 0 if d == "nps" else 1, "scale_max": 10 if d == "nps" else 5} for d in DIMENSIONS]
    given = [("nps", s) for s in [10] * 15 + [8] * 15 + [2] * 15 + [11, -1, 7.5, None]]
    given += [("food", s) for s in [3] * 249 + [2]] + [("staff", 4)] * 9 + [("room", 2)] * 8
    answers = [{"answer_id": f"a{k}", "response_id": f"r{k}", "survey_id": "s", "question_id": q, "score": s} for k, (q, s) in enumerate(given)]
    answers = [{**row, "customer_id": f"k{k % 45}", "contact_id": f"c{k}", "answered_at": "2026-02-03T08:00"} for k, row in enumerate(answers)]
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}"} for k in range(45)]
    bills = [{"customer_id": f"k{k}", "issued_on": "2026-01-10", "amount": 100} for k in range(40)]
    entities = {"surveys": [{"survey_id": "s"}], "questions": questions, "answers": answers, "customers": customers, "invoices": bills}
    return publish(tmp_path_factory.mktemp("told") / "data", entities)


DIMENSIONS = ("nps", "food", "staff", "room")


@pytest.fixture
def page(run, told, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "told", told)
    return lambda language="en": run("nps", "told", language, period="all")


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_what_is_not_in_the_score_is_said_with_its_reason(page):
    said = texts(page())
    assert "1 asked who gave no score" in said and "2 refused, outside 0 to 10" in said and "1 refused, no whole number" in said
    assert "超出 0–10 分而不予采纳 2 份" in texts(page("zh-CN"))


def test_low_before_rounding_is_said_where_rounding_would_hide_it(page):
    """food: 749 / 250 = 2.996; room 2 of 5 is plainly low, staff is not."""
    app = page()
    assert failures(app) == []
    said = texts(app)
    assert "**food** is low: 3.0 (below 3)." in said and "**room** is low: 2.0." in said and "**staff** is low" not in said
    assert "**food** 偏低：3.0（低于 3）。" in texts(page("zh-CN"))


def test_a_dimension_opens_its_answers(page):
    app = page()
    opened = app.selectbox(key="nps_dimension_pick").select("room").run()
    assert failures(opened) == []
    assert any("question" in frame.value and len(frame.value) == 8 and set(frame.value["question"]) == {"room"} for frame in opened.dataframe)


def test_a_revenue_bar_opens_as_many_answers_as_it_counts(page):
    """The last five of the 15 detractors pay nothing: the bar and its list hold ten."""
    opened = page().selectbox(key="nps_revenue_pick").select("Detractors").run()
    assert failures(opened) == []
    lists = [frame.value for frame in opened.dataframe if "score" in frame.value and "band" in frame.value]
    assert [len(rows) for rows in lists if set(rows["band"]) == {"Detractors"}] == [10]


def test_shares_of_a_split_bar_add_up_as_they_are_read(page):
    """A third each: 33.4 + 33.3 + 33.3."""
    split = next(f for f in figures(page()) if [trace.get("name") for trace in f["data"]] == ["Promoters", "Passives", "Detractors"])
    assert [trace["hovertext"][0] for trace in split["data"]] == ["33.4%", "33.3%", "33.3%"]


def test_a_chart_tells_its_formula_under_its_data(run):
    app = run("nps")
    assert CATALOGUE["nps"].formula not in [code.value for code in app.code]
    app.session_state["nps_trend_data"] = True
    app.run()
    assert failures(app) == [] and CATALOGUE["nps"].formula in [code.value for code in app.code]
    assert f"nps · {CATALOGUE['nps'].digest}" in texts(app)
