"""Overview: the figures, and what changed and why."""

import datetime as dt

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish
from ui import behind, data, method


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("overview", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "How are we doing, and what changed?", "zh-CN": "我们做得如何，发生了什么变化？"}[language]


def test_every_card_is_there(run):
    assert {metric.label for metric in run("overview").metric} >= {
        "NPS", "Net revenue retention", "Gross revenue retention", "Customer retention", "Revenue per account", "Revenue per customer", "Win rate",
        "Paid within 90 days",
    }  # fmt: skip


def test_how_far_the_data_can_be_relied_on_is_told(run):
    """With the same numbers as on the page Data health."""
    told = texts(run("health")).split("checks are over their threshold")[0].split("**")[-1].split()  # "25 of 33"
    over, n = int(told[0]), int(told[2])
    assert f"**{n - over} of {n}** checks of the data pass; furthest from it:" in texts(run("overview"))


@pytest.fixture(scope="module")
def lost_north(tmp_path_factory):
    """2024: 40 of 80 deals of each region won. 2025: the south as before, the north won 4 of 80."""
    customers = [{"customer_id": f"made:{region}", "region": region} for region in ("North", "South")]
    wins = {(2024, "North"): 40, (2024, "South"): 40, (2025, "North"): 4, (2025, "South"): 40}
    deals = [_deal(region, year, i, is_won=i < won) for (year, region), won in wins.items() for i in range(80)]
    ends = {"deal_id": "made:last", "customer_id": "made:South", "created_at": _at(2025, 364), "stage": "Lead"}
    return publish(tmp_path_factory.mktemp("story") / "data", {"customers": customers, "deals": [*deals, ends]})


def _deal(region: str, year: int, i: int, is_won: bool) -> dict:
    days = {"created_at": _at(year, i), "closed_at": _at(year, i + 5)}
    return {"deal_id": f"made:{region}{year}-{i}", "customer_id": f"made:{region}", "stage": "Closed", "is_won": is_won, **days}


def _at(year: int, day: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, 12, tzinfo=dt.UTC) + dt.timedelta(days=day)


def test_a_change_is_told_with_its_reason_and_leads_there(run, lost_north, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "story", lost_north)
    app = run("overview", "story", period="year")
    # before 80/160 = 50 %, now 44/160 = 27.5 %; the north's own rate fell from 50 % to 5 %, and it is half of the deals
    assert "**Win rate fell by 22.5 pp to 27.5%.** North (region) accounts for 22.5 pp: it went from 50.0% to 5.0%." in texts(app)
    told = run("overview", "story", "zh-CN", period="year")
    assert "**赢单率下降 22.5 个百分点，降至 27.5%。** 区域“North”影响 22.5 个百分点：由 50.0% 变为 5.0%。" in texts(told)


def test_no_clear_change_is_said_to_be_none(run, lost_north, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "story", lost_north)
    app = run("overview", "story", period="year", region="South")
    assert "Nothing has clearly changed against 1 Jan 2024 – 31 Dec 2024." in texts(app)


def test_the_worst_area_is_told_and_leads_down_to_it(run, warehouses, monkeypatch, tmp_path):
    """The South's 60 answers are all 0, the other 60 all 10: NPS 0, at 100 if the South were like the rest."""
    regions = ("South", "North")
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}", "region": regions[k % 2]} for k in range(120)]
    question = {"question_id": "q", "dimension": "nps", "text": "?", "scale_min": 0, "scale_max": 10}
    common = {"survey_id": "s", "question_id": "q", "answered_at": "2026-02-03T08:00"}
    answers = [{"answer_id": f"a{k}", "response_id": f"r{k}", "customer_id": f"k{k}", "score": 10 * (k % 2), **common} for k in range(120)]
    entities = {"customers": customers, "surveys": [{"survey_id": "s"}], "questions": [question], "answers": answers}
    monkeypatch.setitem(warehouses, "low", publish(tmp_path / "low", entities))
    app = run("overview", "low", period="all")
    assert failures(app) == []
    assert "**Region South** holds NPS down most: it stands at **−100.0**, 200.0 below everybody else (60 answers)." in texts(app)
    assert "NPS would rise by **100.0** from 0.0." in texts(app)
    (link,) = [part.proto for part in app.get("page_link") if "region%3ASouth" in part.proto.query_string]
    assert link.label == "See" and "dimension=nps" in link.query_string


def test_a_card_opens_the_rows_behind_it_and_not_before(run, monkeypatch):
    opened = []
    monkeypatch.setattr(behind.st, "dialog", lambda *args, **further: lambda inside: inside)  # AppTest reruns the whole page, where none may open
    monkeypatch.setattr(data, "listed", lambda *args, listed=data.listed: opened.append(args[1]) or listed(*args))
    app = run("overview", period="all")
    assert opened == []
    app = next(button for button in app.button if button.key.startswith("rows_win_rate")).click().run()
    assert failures(app) == [] and opened == ["win_rate"]
    (listed,) = [frame.value for frame in app.dataframe if "deal_id" in frame.value]
    assert f"comes from {len(listed)} rows" in texts(app)


def test_the_method_shows_the_very_question_of_the_card(run, monkeypatch):
    asked = []
    monkeypatch.setattr(method, "_told", lambda view, name, query: asked.append(query.period))
    app = run("overview", period="year")
    app.session_state["how_win_rate__0"] = True
    app.run()
    assert [(period.complete, period.end) for period in asked] == [(True, asked[0].as_of)]  # the year still runs: its days so far


def test_days_of_ones_own_end_with_the_last_loaded_one(run):
    app = run("overview")
    app = app.selectbox(key="f_period").select("custom").run()
    assert "still running" not in texts(app) and failures(app) == []


def test_a_link_may_look_ahead(run):
    app = run("overview", **{"period": "custom", "from": "2026-01-01", "to": "2031-12-31"})
    assert failures(app) == [] and "still running" in texts(app)


def test_a_company_without_agreements_sees_what_it_has(run, lost_north, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "story", lost_north)
    shown = {metric.label for metric in run("overview", "story", period="year").metric}
    assert {"Customer retention", "First-month retention"} <= shown and "Revenue per account" not in shown


def test_every_page_can_be_printed(run):
    app = run("overview")
    assert [button.label for button in app.button if button.key == "print"] == ["Print"]
    app = next(button for button in app.button if button.key == "print").click().run()
    assert failures(app) == [] and any("print()" in part.proto.body for part in app.get("html"))
