"""What is told, when and in which words; pure."""

import datetime as dt

import pytest

from connectors.sources import Target
from metrics.plays import Action
from metrics.policies import Play, Texts
from notify.changes import changes, is_due
from notify.messages import Told, message, tame

DAY = dt.date(2026, 7, 31)
PAYMENT = {"kind": "payment", "row": "p1", "on": "2026-07-20", "n": 1}
LATER = {"kind": "payment", "row": "p2", "on": "2026-07-29", "n": 1}
OWNER = {"kind": "owner", "row": "o1", "on": None, "n": 1}
VISIT = Action(Play(name="collect_payment", kinds=("payment",)), "payment", 1, "owner", "call")


@pytest.mark.parametrize(
    ("loose", "told", "new", "over"),
    [
        ({"a": [PAYMENT]}, {}, {"a": [PAYMENT]}, []),
        ({"a": [PAYMENT]}, {"a": [PAYMENT]}, {}, []),  # nothing has changed
        ({"a": [PAYMENT, OWNER]}, {"a": [PAYMENT]}, {"a": [OWNER]}, []),
        ({"a": [LATER]}, {"a": [PAYMENT]}, {"a": [LATER]}, []),  # another payment
        ({}, {"a": [PAYMENT]}, {}, ["a"]),  # made good
        ({"a": []}, {"a": [PAYMENT]}, {}, []),  # somebody has opened a case: neither new nor over
        ({"a": []}, {}, {}, []),
    ],
)
def test_only_what_has_changed_is_told(loose, told, new, over):
    found = changes(loose, told)
    assert (found.new, found.over, bool(found)) == (new, over, bool(new or over))


@pytest.mark.parametrize(
    ("today", "checked_on", "due"),
    [
        ("2026-08-03", "2026-07-27", True), ("2026-08-03", "2026-08-03", False), ("2026-08-05", "2026-08-03", False), ("2026-08-05", "2026-08-01", True),
        ("2026-08-02", "2026-07-27", False), ("2026-08-05", None, True),
    ],
)  # fmt: skip
def test_a_digest_goes_out_once_from_its_weekday_on(today, checked_on, due):
    """3 August 2026 is a Monday; what was missed on it is made up for on Wednesday."""
    target = Target(name="x", kind="email", url="secret:x", owner="a@x.org", day=1)
    day = dt.date.fromisoformat
    assert is_due(target, day(today), checked_on and day(checked_on)) == due
    assert is_due(target.model_copy(update={"every": "change"}), day(today), day(today))


def test_a_message_in_english():
    new = [Told("crm:a", "Acme", [PAYMENT, OWNER], 120000.4, VISIT), Told("crm:b b", "Beta", [OWNER], None, None)]
    found = message(new, ["Gone & Co"], language="en", currency="CNY", on=DAY, base_url="https://r.example.com/")
    assert found.title == "2 customers newly at risk, 1 no longer"
    assert found.body.splitlines() == [
        "What has changed up to 31 Jul 2026. Rules raise these flags; nothing here is a forecast.", "", "Newly at risk, or with a new flag:",
        "• Acme, CN¥120,000 in the year before", "  Failed payment since 20 Jul 2026; Owner left", "  Next: Clear up the payment, within 1 day",
        "  https://r.example.com/customer?id=crm%3Aa", "• Beta", "  Owner left", "  https://r.example.com/customer?id=crm%3Ab%20b", "", "No longer at risk:",
        "• Gone & Co", "", "All customers at risk: https://r.example.com/at_risk",
    ]  # fmt: skip


def test_a_message_in_chinese_with_a_play_of_the_companys_own_and_without_links():
    own = Action(Play(name="lunch", kinds=("payment",), says=Texts(en="Lunch", zh="共进午餐")), "payment", 2, "owner", "visit")
    found = message([Told("crm:a", "宁波公司", [PAYMENT], 5e4, own)], [], language="zh", currency="CNY", on=DAY)
    assert found.title == "新增流失风险客户 1 位" and "http" not in found.body
    assert found.body.splitlines()[3:] == ["• 宁波公司，前一年收入 ¥50,000", "  付款失败（2026年7月20日起）", "  下一步：共进午餐（2 天内）"]


@pytest.mark.parametrize(("kind", "most"), [("wecom", 2000), ("email", 15_000)])
def test_a_message_is_as_long_as_its_service_takes(kind, most):
    new = [Told(f"crm:{k}", "宁波某某电子股份有限公司", [PAYMENT, OWNER], 1e6, VISIT) for k in range(20)]
    found = message(new, [], language="zh", currency="CNY", on=DAY, base_url="https://r.example.com", kind=kind, n_new=57)
    shown = found.body.count("• ")
    assert len(found.body.encode()) <= most and 0 < shown <= 20 and f"另有 {57 - shown} 位" in found.body and (kind != "email" or shown == 20)
    assert found.body.endswith("https://r.example.com/at_risk") and "57" in found.title


def test_a_name_is_no_mention_no_link_and_no_second_line():
    assert tame("<!channel> [x](http://e.com) @all\n*b*") == "‹!channel› ［x］(http://e.com) ＠all ∗b∗"
