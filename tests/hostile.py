"""Texts that somebody could have typed into a source, each to do harm where it is shown; and a small company that is full of them."""

from __future__ import annotations

from tests.company import SETTINGS, company

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
STAGES = tuple(TEXTS[k] for k in (0, 1, 2, 10))
FREE = {  # entity → columns of free text
    "customers": ("name", "region", "industry", "size", "channel", "tags"), "owners": ("name", "department"), "products": ("name", "category"),
    "campaigns": ("name",), "surveys": ("name", "wave"), "questions": ("text",), "answers": ("text",), "leads": ("source_channel", "status"),
    "deals": ("lost_reason",), "contacts": ("name",), "interactions": ("next_action",),
}  # fmt: skip
SOURCE = TEXTS[0]


def text(number: int) -> str:
    return TEXTS[number % len(TEXTS)]


def hostile(seed: int = 7, customers: int = 80) -> dict[str, list[dict]]:
    """The rows of the small company with each of its own texts replaced by one of TEXTS: equal texts stay equal.

    A tag is cut at commas when it is read, so those with one are told apart by what is left. Names of customers are all different texts
    as far as there are enough of them.
    """
    rows = company(seed, customers)
    for entity, columns in FREE.items():
        for column in columns:
            seen = {value: text(number) for number, value in enumerate(dict.fromkeys(row.get(column) for row in rows[entity] if row.get(column)))}
            rows[entity] = [{**row, column: seen.get(row.get(column), row.get(column))} if column in row else row for row in rows[entity]]
    known = dict(zip(("Lead", "Follow-up", "Quote", "Contract"), STAGES, strict=True))
    for entity in ("deals", "deal_stages"):
        rows[entity] = [{**row, "stage": known[row["stage"]]} for row in rows[entity]]
    rows["answers"] = [{**row, "touchpoint": text(len(row["touchpoint"])), "region": row["region"] and text(11)} for row in rows["answers"]]
    return rows


def settings() -> dict:
    """The company's settings, with the stages as it calls them."""
    return {**SETTINGS, "metrics": {"funnel": {"stages": [*STAGES, text(5)]}}}
