"""Retention: every part on a full, an empty and a missing warehouse; what is clicked opens as many rows as it says."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("retention", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Do they stay?", "zh-CN": "客户留下来了吗？"}[language]


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """Ten customers a year ago at 100 a month: one left, one pays 150, one pays 50. A shop where four bought last year and three of them again."""
    stay = [_agreed(f"c{k}", 100) for k in range(7)]
    moved = [_agreed("left", 100, ends="2025-05-01"), *_repriced("more", 150), *_repriced("less", 50)]
    last = {"customer_id": "made:c0", "paid_on": "2025-12-31"}
    bought = [("a", "2024-03-01"), ("b", "2024-05-01"), ("c", "2024-06-01"), ("d", "2024-01-05"), ("a", "2025-02-01"), ("b", "2025-03-01"), ("c", "2025-12-31")]
    lines = [{"invoice_line_id": f"made:l{k}", "customer_id": f"made:{c}", "issued_on": day, "amount": 10} for k, (c, day) in enumerate(bought)]
    folder = tmp_path_factory.mktemp("stories")
    people = [{"customer_id": f"made:{name}", "name": name} for name in (*(f"c{k}" for k in range(7)), "left", "more", "less")]
    agreements = [{"subscription_id": f"made:s{k}", **row} for k, row in enumerate([*stay, *moved])]
    return {
        "agreements": publish(folder / "agreements", {"customers": people, "subscriptions": agreements, "payments": [last]}),
        "shop": publish(folder / "shop", {"customers": [{"customer_id": f"made:{c}", "name": c} for c in "abcd"], "invoices": lines}),
    }


def _agreed(customer, amount, starts="2024-01-01", ends=None):
    status = "ended" if ends else "active"
    return {"customer_id": f"made:{customer}", "starts_on": starts, "ends_on": ends, "amount_per_month": amount, "status": status}


def _repriced(customer, amount):
    return [_agreed(customer, 100, ends="2025-07-01"), _agreed(customer, amount, starts="2025-07-01")]


@pytest.fixture
def told(run, stories, warehouses, monkeypatch):
    def told(story, **params):
        monkeypatch.setitem(warehouses, story, stories[story])
        return run("retention", story, **{"period": "last12", **params})

    return told


def test_the_answer_comes_first(told):
    written = texts(told("agreements"))
    assert "Of 10 customers a year ago, 9 are still here (90.0%)." in written
    assert "Their recurring revenue is 90.0% of what it was, 85.0% without its growth." in written  # (700 + 150 + 50) / 1000; (700 + 100 + 50) / 1000
    assert "一年前的 10 位客户中，9 位仍在（90.0%）。" in texts(told("agreements", language="zh-CN"))


def test_a_step_of_the_bridge_opens_its_customers(told):
    app = told("agreements")
    app.selectbox(key="retention_bridge_pick").select("churn").run()
    assert failures(app) == []
    opened = [frame.value for frame in app.dataframe if "reason" in frame.value and len(frame.value) == 1]
    assert [(frame["customer"].tolist(), frame["value"].tolist()) for frame in opened] == [(["left"], [-100])]


def test_a_shop_has_no_bridge_and_counts_purchases(told):
    app = told("shop")
    assert failures(app) == []
    assert "Of 4 customers who bought in the year before, 3 bought again (75.0%)." in texts(app)
    assert "Where recurring revenue went" not in texts(app)


def _choices(app):
    return {group.key for group in app.button_group if group.key}


def test_agreements_are_looked_at_once_a_month(told):
    app = told("agreements", **{"period": "custom", "from": "2024-01-01", "to": "2025-12-31", "grain": "week"})
    assert failures(app) == []
    assert "by month since the first" in texts(app) and "retention_clock" not in _choices(app)


def test_purchases_have_weeks_and_clocks(told):
    app = told("shop", period="all", grain="week")
    assert failures(app) == []
    assert "by week since the first" in texts(app) and "retention_clock" in _choices(app)
    next(group for group in app.button_group if group.key == "retention_basis").set_value("first_contact").run()
    assert failures(app) == [] and "retention_clock" not in _choices(app)


@pytest.mark.parametrize(
    "choice", [("retention_mode", "on_or_after"), ("retention_clock", "rolling"), ("retention_average", "simple"), ("retention_basis", "first_contact")]
)
def test_cohorts_are_counted_as_chosen(told, choice):
    app = told("shop", period="all")
    key, value = choice
    next(group for group in app.button_group if group.key == key).set_value(value).run()
    assert failures(app) == []
