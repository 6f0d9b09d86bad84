"""A company's rows with other words in the places where a source's users write freely."""

from __future__ import annotations

from collections.abc import Callable

FREE = {  # entity → columns of free text
    "customers": ("name", "region", "industry", "size", "channel", "tags"), "owners": ("name", "department"), "products": ("name", "category"),
    "campaigns": ("name",), "surveys": ("name", "wave"), "questions": ("text",), "answers": ("text", "touchpoint", "region"),
    "leads": ("source_channel", "status"), "deals": ("lost_reason",), "contacts": ("name",), "interactions": ("next_action",),
}  # fmt: skip


def retold(rows: dict[str, list[dict]], word: Callable[[int], str]) -> dict[str, list[dict]]:
    """The rows with every free text replaced by `word` of its number among the texts of its column: equal texts stay equal."""
    done = dict(rows)
    for entity, columns in FREE.items():
        for column in columns:
            texts = dict.fromkeys(row[column] for row in done[entity] if row.get(column))
            called = {text: word(number) for number, text in enumerate(texts)}
            done[entity] = [{**row, column: called[row[column]]} if row.get(column) else row for row in done[entity]]
    return done


def renamed(rows: list[dict], names: dict[str, str], **values: dict) -> list[dict]:
    """Rows with other names of columns, and other values in some: column (by its old name) → old value → new one."""
    changed = [{key: values.get(key, {}).get(value, value) if isinstance(value, str) else value for key, value in row.items()} for row in rows]
    return [{names.get(key, key): value for key, value in row.items()} for row in changed]
