"""Texts that somebody could have typed into a source, each to do harm where it is shown; and a small company that is full of them."""

from __future__ import annotations

from tests.company import SETTINGS, company
from tests.retold import renamed, retold

LONG = "Ä" * 5000
TEXTS = (
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    '=HYPERLINK("http://evil.example","x")',
    "$E=mc^2$",
    ":material/home:",
    ":red[x]",
    "{{x}}",
    LONG,
    "\u202egnp.exe\u202d!",
    "None",
    '<a href="javascript:alert(1)">x</a>',
    "http://evil.example/x",
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "`x` **y** | z",
    "\ue000suppressed\ue001",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    ":smile: --",
)  # fmt: skip
STAGES = dict(zip(("Lead", "Follow-up", "Quote", "Contract"), (TEXTS[k] for k in (0, 1, 2, 10)), strict=True))
SOURCE = TEXTS[0]


def text(number: int) -> str:
    return TEXTS[number % len(TEXTS)]


def hostile(seed: int = 7, customers: int = 80) -> dict[str, list[dict]]:
    """The rows of the small company, every text of its own replaced by one of TEXTS; the stages of its deals as well."""
    rows = retold(company(seed, customers), text)
    return {**rows, **{entity: renamed(rows[entity], {}, stage=STAGES) for entity in ("deals", "deal_stages")}}


def settings() -> dict:
    """The company's settings, with the stages as it calls them."""
    return {**SETTINGS, "metrics": {"funnel": {"stages": [*STAGES.values(), text(5)]}}}
