"""Survey drill-down: weak areas, the map of dimensions by group, the way down by URL, waves; what is anonymous and what is restricted."""

import json

import pytest

from access.grants import Grant
from access.guard import CHOICE
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish

SCALES = {"nps": (0, 10), "delivery": (1, 5), "product": (1, 7), "kept": (0, 1)}
REGIONS, TOUCHPOINTS = ("North", "South", "East"), ("hotline", "visit", "portal", "shop")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("drill", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Where exactly are we weak?", "zh-CN": "我们具体弱在哪里？"}[language]


def score(question: str, is_weak: bool, k: int):
    """The hotline is weak in everything but "kept"; all else is good. Half of the answers lie a step further in."""
    low, high = SCALES[question]
    if question == "kept":
        return k % 2
    return (low + k % 2) if is_weak else (high - k % 2)


def question(name: str, text: str, dimension: str, low=None, high=None) -> dict:
    return {"question_id": name, "text": text, "dimension": dimension, "scale_min": low, "scale_max": high}


def surveyed() -> dict[str, list[dict]]:
    """Two waves that name their respondents and an anonymous one, 120 responses each; one that nobody answered. Three answers are of a rare tier."""
    questions = [question(name, f"How is {name}?", name, *ends) for name, ends in SCALES.items()]
    questions += [question("delivery2", "Was it complete?", "delivery", 1, 5)]
    questions += [question("choice", "Which channel?", "channel used"), question("words", "Why?", "comment")]
    waves = [("W1", "2026-01-10", False), ("W2", "2026-02-10", False), ("W3", "2026-03-10", True), ("W4", "2026-02-20", False)]
    surveys = [{"survey_id": wave, "wave": wave, "sent_from": day, "is_anonymous": hidden} for wave, day, hidden in waves]
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}", "region": REGIONS[k % 3], "owner_id": f"o{k % 3}"} for k in range(60)]
    owners = [{"owner_id": f"o{k}", "name": f"Owner {k}", "email": f"o{k}@example.com"} for k in range(3)]
    answers, invitations = [], []
    for wave, day, hidden in waves[:3]:
        for k in range(120):  # two people of each customer
            customer, touchpoint = customers[k % 60], TOUCHPOINTS[k % 4]
            own = {"survey_id": wave, "response_id": f"{wave}-{k}", "answered_at": f"{day}T0{k % 9}:00", "touchpoint": touchpoint, "ticket_no": f"T{wave}{k}"}
            own |= {"tier": "rare" if wave == "W1" and k < 3 else "usual"}
            own |= {"region": customer["region"]} if hidden else {"customer_id": customer["customer_id"], "contact_id": f"p{k}"}
            given = {name: score(name, touchpoint == "hotline", k // 12) for name in SCALES} | {"delivery2": 4}
            answers += [{"answer_id": f"{wave}-{k}-{name}", "question_id": name, "score": value, **own} for name, value in given.items()]
            answers += [{"answer_id": f"{wave}-{k}-c", "question_id": "choice", "text": ("web", "shop")[k % 2], **own}]
            answers += [{"answer_id": f"{wave}-{k}-w", "question_id": "words", "text": f"remark {k} of {wave}", **own}]
    answers += [{**answers[0], "answer_id": "again", "score": 0, "answered_at": "2026-01-09T08:00"}]  # the same person once more, earlier: does not count
    answers += [{**answers[0], "answer_id": "odd", "response_id": "odd", "contact_id": "p-odd", "score": 11}]
    for wave, day, hidden in waves:
        for k in range(0, 110):
            if not hidden:
                invitations.append({"survey_id": wave, "customer_id": f"k{k % 60}", "contact_id": f"p{k}", "sent_at": f"{day}T00:00"})
    return {"surveys": surveys, "questions": questions, "customers": customers, "owners": owners, "answers": answers, "invitations": invitations}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("drill") / "data", surveyed())


@pytest.fixture
def page(run, folder, warehouses, monkeypatch):
    """page(in_=[…], dimension="delivery") → the page on the planted survey, all waves."""
    monkeypatch.setitem(warehouses, "weak", folder)

    def page(language="en", **params):
        app = run("drill", "weak", language, **{"wave": "all", **{name.rstrip("_"): value for name, value in params.items()}})
        assert failures(app) == []
        return app

    return page


def kept(app, name: str) -> list[str]:
    """What the URL says of a name."""
    found = app.query_params.get(name, [])
    return sorted([found] if isinstance(found, str) else found)


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def links(app) -> dict[str, str]:
    """Label → where it leads, of the links in the page."""
    return {part.proto.label: part.proto.query_string for part in app.get("page_link")}


# weak areas


def test_the_worst_area_is_told_first_and_opens(page):
    app = page()
    said = texts(app)
    assert "**Touchpoint hotline** holds NPS down most: it stands at **−100.0**, 200.0 below everybody else (90 answers)." in said
    assert "If it scored like the others, NPS would rise by **50.0** from 50.0." in said  # of 360 answers 90 are 0 or 1, the others 9 or 10
    open_ = links(app)["Open"]
    assert "dimension=nps" in open_ and "in=touchpoint%3Ahotline" in open_


def test_a_mark_opens_its_area_and_the_url_says_so(page):
    picker = page().selectbox(key="drill_areas_pick")
    opened = picker.select(picker.options[0]).run()
    assert failures(opened) == []
    assert kept(opened, "in") == ["touchpoint:hotline"] and kept(opened, "dimension") == ["nps"]
    assert opened.metric[0].value == "−100.0"


def test_no_area_low_beyond_chance_is_a_good_answer(page):
    """Every second answer is yes, wherever one looks."""
    assert "**No area is low beyond chance.**" in texts(page(about="kept"))
    assert "没有超出偶然的低分区域" in texts(page("zh-CN", about="kept"))


def test_a_share_below_the_middle_can_be_searched_instead(page):
    app = page(about="delivery", measure="low_share")
    assert "of its answers are below the middle of the scale" in texts(app)


# the map


def test_every_dimension_keeps_its_own_scale(page):
    """The hotline on 1-7 is at 1.5; everybody at (3 · 6.5 + 1.5) / 4 = 5.25. The map opens by the column of the worst area."""
    app = page(about="delivery")
    spec = next(spec for spec in charts(app) if spec["data"][0]["type"] == "heatmap")
    words = next(trace for trace in spec["data"] if trace.get("mode") == "text")
    cells = {(line, column): text for line, column, text in zip(words["y"], words["x"], words["text"], strict=True)}
    assert set(spec["data"][0]["x"]) == {"NPS", "delivery", "product", "kept"}
    assert cells["hotline", "kept"] == "50.0%"
    assert (cells["hotline", "product"], cells["Everybody", "product"]) == ("▾ 1.50", "5.25")
    place = spec["data"][0]["z"][spec["data"][0]["y"].index("Everybody")][spec["data"][0]["x"].index("product")]
    assert place == pytest.approx((5.25 - 1) / 6)


def test_a_cell_opens_its_group(page):
    app = page()
    picker = app.selectbox(key=next(box.key for box in app.selectbox if box.key and box.key.startswith("drill_map_")))
    opened = picker.select(next(option for option in picker.options if option == "hotline · delivery")).run()
    assert failures(opened) == []
    assert kept(opened, "in") == ["touchpoint:hotline"] and kept(opened, "dimension") == ["delivery"]


# the way down


@pytest.mark.parametrize(
    ("params", "value", "answers"),
    [
        ({"dimension": "delivery"}, None, 720),  # two questions, three waves of 120
        ({"dimension": "delivery", "question": "delivery2"}, "4.00", 360),
        ({"dimension": "product", "in_": ["region:South", "touchpoint:hotline"]}, "1.50", 30),
        ({"dimension": "kept", "in_": ["region:South"]}, "50.0%", 120),
        ({"dimension": "nps", "in_": ["touchpoint:hotline"], "wave": "W2"}, "−100.0", 30),
    ],
)  # fmt: skip
def test_a_link_opens_its_level(page, params, value, answers):
    app = page(**params)
    assert value is None or app.metric[0].value == value
    assert f"· {answers} answers" in texts(app)


def test_the_breadcrumb_leads_up_step_by_step(page):
    found = links(page(dimension="delivery", question="delivery2", in_=["region:South", "touchpoint:hotline"]))
    assert list(found)[-5:] == ["All areas", "delivery", "Was it complete?", "Region South", "Open a plan"]
    assert "about=delivery" in found["All areas"] and "in=" not in found["Was it complete?"] and "touchpoint" not in found["Region South"]


def test_a_level_is_compared_with_everybody_else(page):
    """NPS of the hotline −100, of all others +100 (scores 9 and 10 alone): 200 apart."""
    app = page(dimension="nps", in_=["touchpoint:hotline"])
    assert [metric.value for metric in app.metric][:2] == ["−100.0", "100.0"]
    assert "This level lies **200.0** below them (270 answers): more than chance." in texts(app)


def test_segments_questions_and_customers_lead_further_down(page):
    app = page(dimension="delivery", in_=["region:South"])
    question = app.selectbox(key="drill_question_0_pick")
    assert kept(question.select("delivery2").run(), "question") == ["delivery2"]
    app = page(dimension="delivery", in_=["region:South"])
    app.button_group(key="drill_by_1").set_value("touchpoint").run()
    deeper = app.selectbox(key="drill_in_1_touchpoint_pick").select("hotline").run()
    assert kept(deeper, "in") == ["region:South", "touchpoint:hotline"]
    account = deeper.selectbox(key="drill_account").select("k4").run()
    assert failures(account) == [] and kept(account, "account") == ["k4"]
    lists = [frame.value for frame in account.dataframe if "scale" in frame.value]
    # two of its people, hotline, in two named waves: four scored questions and the second one on delivery, each on its own scale
    assert len(lists[0]) == 2 * 2 * 5 and set(lists[0]["scale"]) == {"0 to 10", "1 to 5", "1 to 7", "yes or no"}


def test_comments_are_those_of_the_segment(page):
    said = [frame.value for frame in page(dimension="nps", in_=["touchpoint:hotline"], wave="W1").dataframe if "text" in frame.value]
    remarks = said[0][said[0]["text"].str.startswith("remark")]  # the others are what was chosen
    assert len(remarks) == 30 and remarks["text"].str.endswith("of W1").all()


def test_a_choice_is_counted_and_free_text_is_listed(page):
    app = page(about="channel used")
    bars = charts(app)[0]["data"][0]
    assert sorted(bars["y"]) == ["shop", "web"] and bars["text"] == ["180", "180"]
    words = page(about="comment")
    assert not charts(words) and "**360** comments" in texts(words)


# what may not be seen


def test_an_anonymous_survey_names_nobody(page):
    app = page(dimension="nps", in_=["region:South"], wave="W3")
    assert "listed without customer, contact or group" in texts(app)
    assert not [box for box in app.selectbox if box.key == "drill_account"] and "Client" not in texts(app)
    for frame in app.dataframe:
        assert "name" not in frame.value and "region" not in frame.value
    account = page(dimension="nps", in_=["region:South"], wave="W3", account="k1")
    assert "No named answers of this customer here." in texts(account)


@pytest.mark.parametrize("tier", ["rare", "usual"])
def test_fewer_than_five_are_not_shown_to_anybody_nor_what_gives_them_away(page, tier):
    """Three answers are rare; with the total, those of the other tier would tell their score."""
    app = page(dimension="nps", in_=[f"tier:{tier}"])
    assert "Fewer than five answers" in texts(app) and not app.dataframe and not app.get("plotly_chart") and not app.metric


def test_an_owner_sees_own_customers_and_no_others(page):
    app = page(dimension="nps")
    app.session_state[CHOICE] = ("o1@example.com", Grant("customer_success", "own"))
    app.run()
    assert failures(app) == []
    names = {name for frame in app.dataframe if "name" in frame.value for name in frame.value["name"].dropna()}
    assert names and names <= {f"Client {k}" for k in range(1, 60, 3)}
    other = page(dimension="nps", account="k0")
    other.session_state[CHOICE] = ("o1@example.com", Grant("customer_success", "own"))
    other.run()
    assert "No named answers of this customer here." in texts(other) and "Client 0" not in texts(other)


# what sources do wrong


def test_a_wave_nobody_answered_stays_in_the_calendar(page):
    waves = next(frame.value for frame in page().dataframe if "sent_from" in frame.value)
    (unanswered,) = waves[waves["wave"] == "W4"].to_dict("records")
    assert unanswered["numerator"] == 0 and not isinstance(unanswered["told"], str)
    assert "No scores here in the waves looked at." in texts(page(dimension="nps", wave="W4"))


def test_what_a_link_names_and_is_not_there_is_said(page):
    """A column with 361 values divides nothing and is refused; so is a wave that never was."""
    assert "This link names something that is not here" in texts(page(dimension="nps", in_=["ticket_no:TW11"]))
    assert "This link names something that is not here" in texts(page(wave="W9"))
    assert "This link names something" not in texts(page())


def test_twice_and_outside_the_scale_do_not_count(page):
    """The first respondent's earlier 0 and somebody's 11 leave 120 answers of the first wave: 30 of them detractors."""
    app = page(dimension="nps", wave="W1")
    assert "· 120 answers" in texts(app) and app.metric[0].value == "50.0"  # 100 · (90 − 30) / 120
