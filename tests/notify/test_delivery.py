"""Each service gets what it takes, at its own address; what it refuses is told; no part of an address reaches a log."""

import email
import email.policy
import logging

import pytest

from connectors.redaction import redacted
from connectors.sources import Target
from notify.delivery import NotDelivered, address, deliver
from notify.messages import Message
from tests.notify import servers

SAID = Message("2 位客户", "• 宁波 & Co\n  失败 *x*")
TEAMS = "https://prod-16.westeurope.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"
ADDRESSES = {  # kind: the service's own address, its host, and what of it must never be seen
    "slack": ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7", "hooks.slack.com", "TIiajkdnlazkcOXrIdevi7"),
    "teams": (TEAMS, "prod-16.westeurope.logic.azure.com", "KODuebWbDGYFr0z0eu"),
    "wecom": ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0a1b2c3d-4e5f-6789", "qyapi.weixin.qq.com", "0a1b2c3d-4e5f-6789"),
    "dingtalk": ("https://oapi.dingtalk.com/robot/send?access_token=d1d2d3d4d5d6", "oapi.dingtalk.com", "d1d2d3d4d5d6"),
    "feishu": ("https://open.feishu.cn/open-apis/bot/v2/hook/f1f2f3f4f5f6", "open.feishu.cn", "f1f2f3f4f5f6"),
}


def target(kind):
    return Target(name="south", kind=kind, url="secret:notify.south.url", everybody=True)


@pytest.fixture
def known(tmp_path, monkeypatch):
    """known("slack") → the address as Apprise takes it, from the environment."""

    def known(kind, url=None):
        monkeypatch.setenv("RAPPORT_SECRET_NOTIFY_SOUTH_URL", url or ADDRESSES[kind][0])
        return address(target(kind), tmp_path)

    return known


def texts(payload) -> str:
    """Every text of a payload."""
    if isinstance(payload, dict):
        return "\n".join(map(texts, payload.values()))
    return "\n".join(map(texts, payload)) if isinstance(payload, list) else str(payload)


@pytest.mark.parametrize("kind", ADDRESSES)
def test_each_service_gets_the_message_at_its_own_address(known, monkeypatch, caplog, kind):
    url, host, hidden = ADDRESSES[kind]
    caplog.set_level(logging.DEBUG)
    with servers.web(monkeypatch) as web:
        deliver(known(kind), SAID)
    ((meant, path, payload),) = web.posts
    told = texts(payload)
    assert meant == host and hidden in path and "宁波" in told and "失败" in told and "2 位客户" in told
    assert payload.get("msgtype", payload.get("msg_type", "text")) == "text" or kind in ("slack", "teams")  # nothing that reads markup
    assert hidden not in redacted(caplog.text) and hidden not in redacted(f"POST {url}") and redacted("an invalid webhook") == "an invalid webhook"


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("wecom", (200, {"errcode": 93000, "errmsg": "invalid webhook url"}), "code 93000: invalid webhook url"),
        ("dingtalk", (200, {"errcode": 310000, "errmsg": "keywords not in content"}), "code 310000"),
        ("feishu", (200, {"code": 9499, "msg": "Bad Request"}), "code 9499: Bad Request"),
        ("slack", (404, {}), "answered 404"), ("teams", (500, {}), "answered 500"),
    ],
)  # fmt: skip
def test_what_a_service_refuses_is_told(known, monkeypatch, kind, answer, said):
    """WeCom, DingTalk and Feishu refuse with HTTP 200."""
    with servers.web(monkeypatch) as web:
        web.answer = answer
        with pytest.raises(NotDelivered, match=said):
            deliver(known(kind), SAID)


def test_mail_reaches_who_it_is_for(known):
    with servers.mail() as (port, came):
        deliver(known("email", f"mailto://127.0.0.1:{port}?from=rapport@example.com&to=ann@example.com"), SAID)
    found = email.message_from_bytes(came[0], policy=email.policy.default)
    assert (found["subject"], found["to"]) == ("2 位客户", "ann@example.com") and "rapport@example.com" in found["from"]
    assert found.get_body(("plain",)).get_content().split() == ["•", "宁波", "&", "Co", "失败", "*x*"]


def test_a_service_that_is_not_there_is_told(known):
    with servers.mail() as (port, _):
        pass  # gone again
    with pytest.raises(NotDelivered, match="could not be reached"):
        deliver(known("email", f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com"), SAID)


@pytest.mark.parametrize(("kind", "url"), [("slack", ADDRESSES["wecom"][0]), ("email", "nonsense0secret"), ("teams", "https://example.com/hook/abcdefgh")])
def test_an_address_of_another_kind_is_refused_without_quoting_it(known, kind, url):
    with pytest.raises(NotDelivered, match="no address of the kind") as refused:
        known(kind, url)
    assert "secret:notify.south.url" in str(refused.value) and url not in str(refused.value)


def test_a_secret_that_is_nowhere_is_told(tmp_path):
    with pytest.raises(NotDelivered, match="RAPPORT_SECRET_NOTIFY_SOUTH_URL"):
        address(target("slack"), tmp_path)
