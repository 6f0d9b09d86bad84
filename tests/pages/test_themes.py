"""Themes on the survey drill-down: the finding first, a bar opens what was said, comments are searched, few people say nothing."""

import json

import pytest

from tests.pages.conftest import failures, texts
from tests.published import publish

LATE = ("Delivery was late <b>again</b>", "交货又晚了，**很慢**", "Late delivery, nobody told us", "deliveries are slow", "又延期交货")
FINE = ("Great engineer", "工程师很专业", "A professional engineer came", "专业的工程师", "Two friendly engineers")


def surveyed() -> dict[str, list[dict]]:
    """Two waves of 60 responses: in the first a sixth complain of delivery, in the second a half; the others praise the engineers."""
    surveys = [{"survey_id": wave, "wave": wave, "sent_from": f"2026-0{k}-01"} for k, wave in ((1, "W1"), (2, "W2"))]
    questions = [{"question_id": "nps", "text": "Recommend us?", "dimension": "nps", "scale_min": 0, "scale_max": 10},
                 {"question_id": "words", "text": "Why?", "dimension": "comment"}]  # fmt: skip
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}", "region": "North" if k < 4 else "South" if k < 30 else "East"} for k in range(60)]
    answers = []
    for month, wave, late in ((1, "W1", 10), (2, "W2", 30)):
        for k in range(60):
            is_late = k < late
            own = {
                "survey_id": wave,
                "response_id": f"{wave}-{k}",
                "customer_id": f"k{k}",
                "contact_id": f"p{k}",
                "answered_at": f"2026-0{month}-10T0{k % 9}:00",
            }
            answers.append({"answer_id": f"{wave}-{k}-n", "question_id": "nps", "score": 1 + k % 3 if is_late else 9, **own})
            answers.append({"answer_id": f"{wave}-{k}-w", "question_id": "words", "text": f"{(LATE if is_late else FINE)[k % 5]} {k}", **own})
    return {"surveys": surveys, "questions": questions, "customers": customers, "answers": answers}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("themes") / "data", surveyed())


@pytest.fixture
def page(run, folder, warehouses, monkeypatch):
    """page(in_=[…], wave="W2") → the drill page on these waves."""
    monkeypatch.setitem(warehouses, "written", folder)

    def page(language="en", **params):
        app = run("drill", "written", language, **{"wave": "all", **{name.rstrip("_"): value for name, value in params.items()}})
        assert failures(app) == []
        return app

    return page


def themes(app) -> dict:
    """The chart of themes: name on the axis → what its bar says."""
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart") if "themes" in chart.proto.id]
    (spec,) = specs
    return dict(zip(spec["data"][0]["y"], spec["data"][0]["text"], strict=True))


def picked(app, label: str):
    (box,) = [box for box in app.selectbox if (box.key or "").startswith("drill_themes")]
    box.select(label).run()
    assert failures(app) == []
    return app


def test_the_finding_comes_first(page):
    """40 of 120 speak of delivery with a mean of (19 + 60) ÷ 40; all others gave 9."""
    app = page()
    assert "**Delivery** weighs most: **40** of 120 comments speak of it, with a mean of **1.98** on 0 to 10; the others have 9.00." in texts(app)
    assert themes(app) == {"Delivery": "40", "Waiting and delays": "40", "People and expertise": "80", "Follow-up": "8"}


def test_a_wave_is_compared_with_the_one_before(page):
    assert "More than before: 10 then, a share of 16.7% and now 50.0%." in texts(page(wave="W2"))


def test_a_theme_opens_its_comments_as_they_were_written(page):
    app = picked(page(), "delivery")
    said = texts(app)
    assert "**Delivery**: 40 comments, for example:" in said
    assert "\\<b\\>again\\</b\\>" in said and "<b>again" not in said
    rows = next(frame.value for frame in app.dataframe if "text" in frame.value)
    assert len(rows) == 40 and set(rows["score"]) == {1, 2, 3} and rows["name"].str.startswith("Client").all()


def test_a_level_has_the_themes_of_its_own_comments(page):
    """South: 26 customers, k4 to k29: in W1 those under 10 complain, in W2 all."""
    app = page(dimension="nps", in_=["region:South"])
    assert themes(app)["Delivery"] == str(6 + 26)


def test_comments_are_searched(page):
    app = page()
    app.text_input(key="drill_said").set_value("NOBODY told").run()
    assert failures(app) == []
    assert "**8** comments hold “NOBODY told”." in texts(app)
    (rows,) = [frame.value for frame in app.dataframe if "text" in frame.value]
    assert len(rows) == 8


def test_few_people_say_nothing(page):
    """Four customers of the North, in one wave."""
    app = page(dimension="comment", in_=["region:North"], wave="W1")
    assert not [chart for chart in app.get("plotly_chart") if "themes" in chart.proto.id] and "Delivery was late" not in texts(app)


def test_in_chinese(page):
    app = page("zh-CN")
    assert "**交付**影响最大：120 条意见中有 **40** 条谈到" in texts(app)
    assert set(themes(app)) == {"交付", "人员与专业", "等待与延误", "跟进"}
