"""Improvement plans through the app: opened from a level of the drill-down, edited, measured again, and hidden from whom they do not concern."""

import datetime as dt

import pytest
from sqlalchemy import text

from access.grants import Grant
from access.guard import CHOICE
from records import database, journal, plans
from records.models import Plan
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.pages.test_drill import links, question
from tests.published import publish
from ui import plans as shown
from ui import words

D = dt.date
NOW = dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC)
NORTH, SOUTH = (Grant("customer_success", "segment", "region", (region,)) for region in ("North", "South"))
WAVES = (("W1", "2026-01-10"), ("W2", "2026-02-10"))
HOTLINE = {"W1": (1, 2), "W2": (3, 4)}  # the scores given there in turn; everywhere else it is 4 and 5
FROZEN = {
    "dimension": "delivery", "question": None, "measure": "mean", "segment": [["touchpoint", "hotline"]], "wave": "W1", "starts_on": D(2026, 1, 1),
    "ends_on": D(2026, 3, 1), "scale_min": 1.0, "scale_max": 5.0, "score": 1.5, "n": 60, "low": 1.3, "high": 1.7, "snapshot": "s-then",
}  # fmt: skip
GIVEN = {
    "problem": "Calls *drop* <b>often</b>", "whys": ["too few people", "no [plan](http://x.org)"], "measures": ["hire **two**"], "owner": "o0@example.com",
    "due_on": D(2036, 1, 31), "expected": 3.0, "status": "open",
}  # fmt: skip


def surveyed() -> dict[str, list[dict]]:
    """Two waves of 240 named answers each, half of them at the hotline, where they rise by two points; two regions, each with half of either."""
    customers = [{"customer_id": f"k{k}", "name": f"Client {k}", "region": ("North", "South")[k // 2 % 2], "owner_id": f"o{k // 2 % 2}"} for k in range(240)]
    owners = [{"owner_id": f"o{k}", "name": f"Owner {k}", "email": f"o{k}@example.com"} for k in range(2)]
    answers = [
        {"answer_id": f"{wave}-{k}", "question_id": "delivery", "survey_id": wave, "response_id": f"{wave}-{k}", "answered_at": f"{day}T08:00",
         "customer_id": f"k{k}", "contact_id": f"p{k}", "touchpoint": ("hotline", "shop")[k % 2],
         "score": HOTLINE[wave][k // 4 % 2] if k % 2 == 0 else (4, 5)[k // 4 % 2]}
        for wave, day in WAVES for k in range(240)
    ]  # fmt: skip
    surveys = [{"survey_id": wave, "wave": wave, "sent_from": day} for wave, day in WAVES]
    return {"surveys": surveys, "questions": [question("delivery", "In time?", "delivery", 1, 5)], "customers": customers, "owners": owners, "answers": answers}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("plans") / "data", surveyed())


@pytest.fixture
def records(folder, warehouses, monkeypatch):
    """The records of the planted survey, without plans (their comments stay, as the database wants it: plans are never numbered twice)."""
    monkeypatch.setitem(warehouses, "planned", folder)
    engine = database.opened(folder)
    with engine.begin() as connection:
        for table in ("plans", "plan_customers"):
            connection.execute(text(f"delete from {table}"))
    shown.forget()
    yield engine
    shown.forget()


@pytest.fixture
def page(run, records):
    """page(plan="1", grant=NORTH) → the finished page."""

    def page(grant=None, language="en", **params):
        app = run("plans", "planned", language, **{name.rstrip("_"): value for name, value in params.items()})
        if grant:
            app.session_state[CHOICE] = (None, grant)
            app.run()
        assert failures(app) == []
        return app

    return page


def add(engine, customers=("k0", "k2"), **further) -> Plan:
    made = plans.add(engine, Plan(**{**FROZEN, **GIVEN, **further}), customers, by="boss@x.org", at=NOW)
    shown.forget()
    return made


def said(app) -> str:
    return words.aloud(texts(app))


def listed(app):
    return next(part.value for part in app.dataframe if "verdict" in part.value.columns)


def field(app, kind: str, name: str):
    return next(part for part in app.get(kind) if part.key and part.key.startswith(f"plan_{name}_"))


def press(app, key: str):
    return app.button(key=key).click().run()


def fill(app) -> None:
    """What a new plan needs at least."""
    field(app, "text_area", "measures").set_value("hire two")
    field(app, "number_input", "expected").set_value(3.0)
    field(app, "selectbox", "owner").set_value("o0@example.com")


NEW = {"new": "1", "dimension": "delivery", "in_": "touchpoint:hotline", "wave": "W1"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs_and_says_what_to_do(run, warehouse, language):
    app = run("plans", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "What are we doing about it?", "zh-CN": "我们正在采取哪些改进措施？"}[language]
    if warehouse == "full":
        assert {"en": "No improvement plans.", "zh-CN": "暂无改进计划。"}[language] in said(app)


# opening one


def test_a_level_of_the_drill_down_leads_to_a_new_plan(run, records):
    app = run("drill", "planned", **{"dimension": "delivery", "in": "touchpoint:hotline", "wave": "W1"})
    there = links(app)["Open a plan"]
    assert all(part in there for part in ("new=1", "dimension=delivery", "in=touchpoint%3Ahotline", "wave=W1"))
    app.session_state[CHOICE] = (None, Grant("sales", "all"))
    assert "Open a plan" not in links(app.run())


def test_a_plan_is_opened_on_the_score_as_it_is(page, records):
    app = page(**NEW)
    assert "Touchpoint hotline scores 1.50 on delivery" in said(app) and "120 answers" in said(app)
    assert "at least one measure" in said(app) and "needs an owner" in said(app) and app.button(key="plan_open").disabled
    assert len(field(app, "multiselect", "inform").value) == 20  # of the 120 who scored low there
    fill(app)
    field(app, "text_area", "measures").set_value("hire two\n\ntrain all")
    field(app, "text_input", "why0").set_value("too few people")
    field(app, "multiselect", "inform").set_value(["k0", "k2"])
    app = press(app.run(), "plan_open")
    assert failures(app) == []
    (found,) = plans.plans(records)
    assert (found.dimension, found.wave, found.segment, found.score, found.n) == ("delivery", "W1", [["touchpoint", "hotline"]], 1.5, 120)
    assert (found.measures, found.whys, found.expected, found.version) == (["hire two", "train all"], ["too few people"], 3.0, 1)
    assert 1 < found.low < 1.5 < found.high < 2 and found.scale_max == 5
    assert [row.customer_id for row in plans.customers(records)[found.number]] == ["k0", "k2"]
    (entry,) = journal.entries(records, action="plan_opened", most=1)
    assert (entry.object, entry.detail["customers"]) == (f"plan {found.number}", 2) and "hire" not in str(entry.detail)
    assert "0 of 2 customers informed" in said(app)


@pytest.mark.parametrize(
    ("kind", "name", "value", "fault"),
    [
        ("number_input", "expected", 6.0, "outside the scale"), ("number_input", "expected", 1.0, "better than the one now"),
        ("date_input", "due", D(2020, 1, 1), "on a day that is over"), ("selectbox", "owner", "Nobody", "Nobody of this name"),
        ("text_area", "measures", " ", "at least one measure"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_not_saved(page, records, kind, name, value, fault):
    app = page(**NEW)
    fill(app)
    assert not app.run().button(key="plan_open").disabled
    chosen = field(app, kind, name)
    if kind == "selectbox":
        chosen.options.append(value)  # typed, not chosen: the list does not offer it
    app = chosen.set_value(value).run()
    assert fault in said(app) and app.button(key="plan_open").disabled
    assert plans.plans(records) == []


def test_a_reach_becomes_part_of_the_plan(page, records):
    app = page(grant=NORTH, **NEW)
    fill(app)
    press(app.run(), "plan_open")
    (found,) = plans.plans(records)
    assert (found.segment, found.n) == ([["region", "North"], ["touchpoint", "hotline"]], 60)


def test_an_area_that_is_not_there_any_more_opens_nothing(page):
    app = page(**{**NEW, "in_": "floor:3"})
    assert "names something that is not here any more" in said(app) and not app.get("number_input")


# the list


def test_the_overdue_come_first_and_what_is_finished_is_filtered(page, records):
    add(records)
    add(records, segment=[["region", "South"], ["touchpoint", "hotline"]])
    with records.begin() as connection:
        connection.execute(text("update plans set due_on = '2026-04-01' where segment like '%South%'"))
    add(records, status="done")
    shown.forget()
    app = page()
    assert "2 going, of which 1 overdue and 0 yours." in said(app)
    assert list(listed(app)["standing"]) == ["Open, overdue", "Open"]
    assert list(listed(app)["area"]) == ["Region South · Touchpoint hotline", "Touchpoint hotline"]
    assert list(listed(app)["verdict"]) == ["Improved", "Improved"]
    app = next(g for g in app.get("button_group") if g.key == "plans_status").set_value("done").run()
    assert list(listed(app)["standing"]) == ["Done"]


# one plan


def test_before_and_after_stand_beside_everybody_else(page, records):
    """1.5 → 3.5 at the hotline, 4.5 → 4.5 elsewhere."""
    number = add(records).number
    app = page(plan=str(number))
    assert "Improved" in said(app) and "From 1.50 to 3.50; everybody else from 4.50 to 4.50" in said(app) and "+2.00" in said(app)
    (rows,) = [part.value for part in app.dataframe if "point" in part.value.columns][:1] or [None]
    assert rows is None or len(rows) == 7


def test_texts_are_shown_as_they_were_typed(page, records):
    number = add(records).number
    plans.comment(records, number, "see [here](http://evil.example) **now**", by="x", at=NOW)
    app = page(plan=str(number))
    for typed in ("Calls *drop* <b>often</b>", "no [plan](http://x.org)", "hire **two**", "see [here](http://evil.example) **now**"):
        assert typed not in texts(app), "as Markdown it would be more than text"
        assert typed.replace("**", "").replace("*", "") in said(app).replace("**", "").replace("*", "")


@pytest.mark.parametrize(
    ("further", "message"),
    [({"wave": "W7"}, "no answers of the wave W7"), ({"segment": [["floor", "3"]]}, "the data no longer have floor")],
)
def test_what_has_vanished_is_named(page, records, further, message):
    number = add(records, **further).number
    assert message in said(page(plan=str(number)))
    assert message in listed(page())["verdict"][0]


def test_customers_are_ticked_and_a_tick_is_taken_back(page, records):
    number = add(records).number
    app = page(plan=str(number))
    app = app.checkbox(key=f"plan_told_{number}_k2").check().run()
    assert failures(app) == [] and "1 of 2 customers informed" in said(app)
    told = {row.customer_id: row.told_at for row in plans.customers(records)[number]}
    assert told["k0"] is None and told["k2"] is not None
    app = app.checkbox(key=f"plan_told_{number}_k2").uncheck().run()
    assert "0 of 2 customers informed" in said(app)
    assert [entry.action for entry in journal.entries(records, most=2)] == ["plan_customer_untold", "plan_customer_told"]


def test_a_comment_is_added(page, records):
    number = add(records).number
    app = page(plan=str(number))
    app.text_area(key=f"plan_comment_{number}_0").set_value("called them")
    app = press(app.run(), "plan_say")
    assert failures(app) == [] and "called them" in said(app)
    assert [comment.text for comment in plans.comments(records, number)] == ["called them"]


def test_two_people_at_one_plan(page, records):
    number = add(records).number
    app = page(plan=str(number))
    app.session_state["plans_change"] = True
    app = app.run()
    app = field(app, "text_area", "measures").set_value("mine").run()
    plans.change(records, number, 1, by="second@x.org", at=NOW, owner="o1@example.com")
    app = press(app, "plan_save")
    assert "second@x.org changed this plan on" in said(app) and "saved hire" in said(app).replace("**", "") and "yours mine" in said(app)
    assert plans.plans(records)[0].measures == ["hire **two**"]
    assert field(app, "text_area", "measures").value == "mine"
    app = press(app, "plan_mine")
    assert failures(app) == []
    assert (plans.plans(records)[0].measures, plans.plans(records)[0].version) == (["mine"], 3)


# who may


def test_a_plan_of_others_customers_does_not_exist(page, records):
    """Neither in the list nor under its number, and it is not counted; one of their own is there, with its own customers alone."""
    whole, own = add(records), add(records, customers=("k0", "k2"), segment=[["region", "North"], ["touchpoint", "hotline"]])
    app = page(grant=NORTH)
    assert list(listed(app)["number"]) == [own.number] and "1 going" in said(app)
    app = page(grant=SOUTH)
    assert "No improvement plans." in said(app)
    for number in (whole.number, own.number, 999, "x"):
        app = page(grant=SOUTH, plan=str(number))
        assert "There is no such plan." in said(app) and "1.5" not in said(app) and "Calls" not in said(app)
    app = page(grant=NORTH, plan=str(own.number))
    boxes = [box.label for box in app.checkbox if (box.key or "").startswith("plan_told")]
    assert "0 of 1 customers informed" in said(app) and boxes == ["Client 0"]


@pytest.mark.parametrize("role", ["sales", "auditor"])
def test_who_may_not_edit_sees_no_form(page, records, role):
    number = add(records).number
    app = page(grant=Grant(role, "all"), plan=str(number))
    assert "Improved" in said(app) and not app.text_area and not app.get("number_input")
    assert all(box.disabled for box in app.checkbox if box.key and box.key.startswith("plan_told")) and not [b for b in app.button if b.key.startswith("plan_")]
    app = page(grant=Grant(role, "all"), **NEW)
    assert "You cannot open a plan" in said(app) and not app.text_area


def test_a_right_that_is_lost_meanwhile_saves_nothing(page, records):
    app = page(**NEW)
    fill(app)
    app = app.run()
    app.session_state[CHOICE] = (None, Grant("sales", "all"))
    press(app, "plan_open")
    assert plans.plans(records) == []


def test_partners_have_no_such_page(run, records):
    app = run("plans", "planned")
    app.session_state[CHOICE] = (None, Grant("partner", "all"))
    assert "not part of your role" in said(app.run()) and not app.dataframe
