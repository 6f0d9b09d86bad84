"""Carrying a message to a service, through Apprise. Addresses are secrets as a whole: none of their parts may reach a log or a message.

Apprise takes HTTP 200 for success. WeCom, DingTalk and Feishu refuse a message with HTTP 200 and a code in their answer, so answers are read here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import apprise
import requests

from connectors import redaction, secrets
from connectors.sources import Target
from notify.messages import Message

SCHEMES = {  # kind → what Apprise calls its service
    "email": ("mailto", "mailtos"), "slack": ("slack",), "teams": ("workflow", "workflows"), "wecom": ("wecombot",), "dingtalk": ("dingtalk",),
    "feishu": ("feishu", "lark"),
}  # fmt: skip
WEBHOOKS = {  # where a service's own address is not known to Apprise: what stands before the token
    "dingtalk": ("https://oapi.dingtalk.com/robot/send?access_token=", "dingtalk://"),
    "feishu": ("https://open.feishu.cn/open-apis/bot/v2/hook/", "feishu://"),
}
TOKEN = re.compile(r"[A-Za-z].*\d|\d.*[A-Za-z]|[a-z].*[A-Z]|[A-Z].*[a-z]")  # letters with digits, or of either case
SHORTEST = 6  # characters of a part of an address that is kept out of logs
CODES = ("errcode", "code", "StatusCode")  # of an answer; 0 is success


class NotDelivered(Exception):
    """A message did not go out: why, without a secret in it."""


def address(target: Target, folder: Path) -> str:
    """The address of a target as Apprise takes it; all of its parts are masked in logs from now on. Raises NotDelivered, and never quotes it."""
    try:
        found = secrets.resolve(target.url, folder)
    except LookupError as error:
        raise NotDelivered(str(error)) from None
    _learn(found)
    before, scheme = WEBHOOKS.get(target.kind, ("\0", ""))
    found = scheme + found.removeprefix(before).rstrip("/") if found.startswith(before) else found
    if getattr(_plugin(found), "schemas", lambda: set())() & set(SCHEMES[target.kind]):
        return found
    raise NotDelivered(f"what {target.url} holds is no address of the kind {target.kind!r}; docs/risk.md shows what one looks like")


def _learn(url: str) -> None:
    """Whatever of an address looks like a token is masked from now on; its everyday words ("webhook", "send") stay readable."""
    parts = urlsplit(url)
    pieces = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    if parts.scheme not in ("http", "https", "mailto", "mailtos"):
        pieces.append(parts.netloc.rpartition("@")[2])  # Apprise's own addresses have tokens in place of a host
    for piece in [*(piece for piece in pieces if TOKEN.search(piece)), parts.username, parts.password]:
        if piece and len(piece) >= SHORTEST:
            redaction.learn(piece)


def _plugin(url: str):
    with _quiet():
        return apprise.Apprise.instantiate(url)


@contextmanager
def _quiet() -> Iterator[None]:
    """Apprise quotes an address that it cannot read in its log."""
    log = logging.getLogger("apprise")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def deliver(url: str, message: Message) -> None:
    """Send a message to an address. Raises NotDelivered."""
    carrier = apprise.Apprise()
    with _quiet(), _answers() as answers:
        is_sent = carrier.add(url) and carrier.notify(body=message.body, title=message.title, body_format=apprise.NotifyFormat.TEXT)
    if refused := [said for said in map(_refusal, answers) if said]:
        raise NotDelivered(redaction.redacted(refused[0]))
    if not is_sent:
        raise NotDelivered("the service could not be reached, or did not take the message")


@contextmanager
def _answers() -> Iterator[list[requests.Response]]:
    """What services answered meanwhile. One message is sent at a time, by a command line that does nothing else."""
    found, send = [], requests.Session.send

    def sending(self, request, **how):
        answer = send(self, request, **how)
        found.append(answer)
        return answer

    requests.Session.send = sending
    try:
        yield found
    finally:
        requests.Session.send = send


def _refusal(answer: requests.Response) -> str | None:
    """Why a service did not take a message; None where it did."""
    if not answer.ok:
        return f"the service answered {answer.status_code} {answer.reason or ''}".strip()
    try:
        said = answer.json()
    except ValueError:
        return None
    code = next((said[name] for name in CODES if said.get(name)), 0) if isinstance(said, dict) else 0
    return f"the service refused it with code {code}: {said.get('errmsg') or said.get('msg') or ''}" if code else None
