"""Every page as the administrator, then as each other role, in one server: nothing of what was computed for one reaches another.

Half of the customers are "ours", half "theirs"; every text and every amount of theirs is recognisable. What the server sends is
searched whole: every message of the websocket, tables (Arrow) unpacked, charts and help texts included.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache

import pyarrow as pa
import pytest

import access.__main__ as rules_cli
from tests.company import SETTINGS, company
from tests.published import publish
from tests.server.running import messages
from tests.server.signing import browser, claims, guarded
from ui.navigation import ENTRIES, HOME

pytestmark = pytest.mark.slow
THEIRS = "Zyzzyva"  # in every text of a customer that the restricted readers may not see
PAGES = [entry.name for entry in ENTRIES]
READERS = {
    "own@example.com": ("sales", "own"),
    "region@example.com": ("customer_success", "segment", "--where", "region=Ours"),
    "partner@example.com": ("partner", "segment", "--where", "region=Ours"),
    "board@example.com": ("executive", "segment", "--where", "region=Ours"),
    "nobody@example.com": ("sales", "own"),  # has a role, owns nothing
}


def divided() -> tuple[dict, set[str]]:
    """The small company, its customers divided between two regions and two owners; and the ids of theirs."""
    rows = company()
    rows["owners"] = [
        {"owner_id": "crm:o0", "name": "Olga Ours", "email": "own@example.com", "department": "Ours", "is_active": True},
        {"owner_id": "crm:o1", "name": f"Tom {THEIRS}", "email": "tom@example.com", "department": THEIRS, "is_active": True},
    ]
    theirs = {c["customer_id"] for i, c in enumerate(rows["customers"]) if i % 2 and not c.get("merged_into")}
    theirs |= {c["customer_id"] for c in rows["customers"] if c.get("merged_into") in theirs}
    ours = {c["customer_id"] for c in rows["customers"]} - theirs
    for customer in rows["customers"]:
        if customer["customer_id"] in theirs:
            mark = customer["customer_id"].replace(":", "-")
            customer |= {
                "name": f"{THEIRS} {mark}",
                "region": THEIRS,
                "industry": THEIRS,
                "owner_id": "crm:o1",
                "tags": THEIRS,
                "email": f"{THEIRS}@example.com",
            }
        else:
            customer |= {"region": "Ours", "owner_id": "crm:o0", "phone": "13900001111", "email": "contact@example.com"}
    for contact in rows["contacts"]:
        contact["name"] = THEIRS if contact["customer_id"] in theirs else "Our Person"
    for answer in rows["answers"]:
        if answer.get("customer_id") in theirs or not answer.get("customer_id"):
            answer |= {"touchpoint": THEIRS} | ({"text": f"{THEIRS} said so"} if answer.get("text") else {})
    for deal in rows["deals"]:
        if deal.get("customer_id") not in ours:
            deal |= {"lost_reason": THEIRS if deal.get("lost_reason") else None}
    for lead in rows["leads"]:
        if lead.get("customer_id") not in ours:
            lead["source_channel"] = THEIRS
    rows["owner_assignments"] = []
    return rows, theirs


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    rows, theirs = divided()
    data = publish(tmp_path_factory.mktemp("roles") / "data", rows, SETTINGS)
    for user, words in {"root@example.com": ("administrator", "all"), **READERS}.items():
        assert rules_cli.main(["grant", user, *words, "--data", str(data)]) == 0
    with guarded(data, tmp_path_factory.mktemp("secrets")) as address:
        yield address, theirs


@cache
def heard(address: str, page: str, user: str) -> str:
    """Everything that the server sends this reader for a page, as one text; asked once."""
    said = asyncio.run(messages(address, "" if page == HOME else page, "", **browser(address, claims(address, user))))
    return "\n".join(f"{message}\n{_tables(message)}" for message in said)


def _tables(message) -> str:
    if message.WhichOneof("type") != "delta" or message.delta.WhichOneof("type") != "new_element":
        return ""
    element = message.delta.new_element
    data = element.arrow_data_frame.data if element.WhichOneof("type") == "arrow_data_frame" else b""
    return str(pa.ipc.open_stream(data).read_all().to_pylist()) if data else ""


def cards(text: str) -> set[str]:
    """What the cards of a page say."""
    return set(re.findall(r'metric \{\s+(?:label: "[^"]*"\s+)?body: "([^"]+)"', text))


@pytest.fixture(scope="module")
def whole(served) -> dict[str, str]:
    """Every page as the administrator sees it; computed first, so that all caches hold it."""
    return {page: heard(served[0], page, "root@example.com") for page in PAGES}


def test_the_administrator_sees_theirs(served, whole):
    """Otherwise the tests below could not fail."""
    assert all(THEIRS in whole[page] for page in ("overview", "nps", "segments", "service", "retention", "funnel", "at_risk"))
    assert cards(whole["overview"])


@pytest.mark.parametrize("user", READERS)
@pytest.mark.parametrize("page", PAGES)
def test_no_reader_is_sent_anything_of_customers_outside_their_reach(served, whole, page, user):
    address, theirs = served
    text = heard(address, page, user)
    assert THEIRS not in text
    foreign = {customer for customer in theirs if re.search(rf"(?<![\w:]){re.escape(customer)}(?!\w)", text)}
    assert not foreign
    assert "Traceback" not in text


@pytest.mark.parametrize("user", [user for user in READERS if user not in ("partner@example.com", "nobody@example.com")])
def test_no_company_total_stands_on_the_cards_of_a_restricted_reader(served, whole, user):
    """Amounts and counts of all and of the own half differ; shares may agree by chance, so only amounts are compared."""
    amounts = {body for body in cards(whole["overview"]) | cards(whole["arpu"]) if "¥" in body}
    own = cards(heard(served[0], "overview", user)) | cards(heard(served[0], "arpu", user))
    assert amounts and any("¥" in body for body in own) and not amounts & own


def test_a_partner_is_sent_no_amount_and_no_contact(served):
    for page in PAGES:
        text = heard(served[0], page, "partner@example.com")
        assert "¥" not in text and "CNY" not in text and "Our Person" not in text and "13900001111" not in text and "contact@example.com" not in text, page


def test_who_owns_nothing_is_sent_no_number_of_anybody(served):
    text = heard(served[0], "overview", "nobody@example.com")
    assert not [body for body in cards(text) if re.search(r"\d", body)]
