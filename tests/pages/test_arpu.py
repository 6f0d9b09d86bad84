"""ARPU and value: every part on a full, an empty and a missing warehouse; what is clicked opens its customers."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("arpu", warehouse, language)
    assert failures(app) == []
    expected = {"en": "What is a customer worth, and where does revenue come from?", "zh-CN": "一个客户值多少？收入从哪里来？"}
    assert app.title[0].value == expected[language]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """2024: a buys 10 × 10. 2025: a buys 10 × 15, b 850 of a campaign that cost 170; c's 5 gold bars have no rate."""
    lines = [_sold("a", "2024-03-01", 100, 10), _sold("a", "2025-03-01", 150, 10), _sold("b", "2025-04-01", 850, None, campaign_id="made:k")]
    lines += [{**_sold("c", "2025-12-31", 5, None), "currency": "XAU"}]
    people = [{"customer_id": f"made:{c}", "name": c, "region": region} for c, region in zip("abc", ["North", "South", "South"], strict=True)]
    campaign = {"campaign_id": "made:k", "name": "Fair", "starts_on": "2025-03-01", "cost": 170}
    return publish(tmp_path_factory.mktemp("shop") / "data", {"customers": people, "invoices": lines, "campaigns": [campaign]})


def _sold(customer, day, amount, quantity, **more):
    ids = {"invoice_line_id": f"made:{customer}{day}", "invoice_id": f"made:i{customer}{day}", "customer_id": f"made:{customer}", "product_id": "made:p"}
    return {**ids, "issued_on": day, "amount": amount, "quantity": quantity, **more}


@pytest.fixture
def told(run, shop, warehouses, monkeypatch):
    def told(**params):
        monkeypatch.setitem(warehouses, "shop", shop)
        return run("arpu", "shop", **{"period": "year", **params})

    return told


def test_the_answer_comes_first(told):
    written = texts(told())
    assert "2 customers bought for CN¥500 on average, CN¥1,000 together." in written  # (150 + 850) / 2: c's gold bars have no rate
    assert "One customer brings 85.0% of revenue; the limit is 10.0%." in written  # 850 of 1,000


def test_a_segment_opens_its_customers(told):
    app = told()
    app.selectbox(key="arpu_by_segment_pick").select("North").run()
    assert failures(app) == []
    opened = [frame.value for frame in app.dataframe if "last_on" in frame.value]
    assert [(frame["customer"].tolist(), frame["revenue"].tolist()) for frame in opened] == [(["a"], [150.0])]


def test_customers_without_a_segment_open_too(told):
    app = told()
    next(group for group in app.button_group if group.key == "arpu_by").set_value("owner").run()
    app.selectbox(key="arpu_by_segment_pick").select("").run()
    assert failures(app) == []
    opened = [frame.value for frame in app.dataframe if "last_on" in frame.value]
    assert [sorted(frame["customer"]) for frame in opened] == [["a", "b"]]  # nobody has an owner; c's gold bars have no rate


def test_a_promotion_shows_both_returns(told):
    rows = next(frame.value for frame in told().dataframe if "net" in frame.value)
    assert (rows["value"].tolist(), rows["net"].tolist()) == ([100 * (850 - 170) / 170], [850 - 170])


@pytest.mark.parametrize(
    ("key", "value"), [("arpu_items", "region"), ("arpu_of", "revenue"), ("arpu_metric", "revenue"), ("arpu_rule", "leads"), ("arpu_by", "owner")]
)
def test_parts_follow_their_choices(told, key, value):
    app = told()
    next(group for group in app.button_group if group.key == key).set_value(value).run()
    assert failures(app) == []
