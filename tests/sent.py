"""Everything that was sent to a browser, as texts, each with how the browser reads it: as Markdown, as HTML, as text, as code.

A field that nobody has sorted yet fails, so that a new kind of element cannot slip past the tests that look for words or for markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from google.protobuf.message import Message
from streamlit.testing.v1 import local_script_runner

MARKDOWN = {"body", "label", "help", "title", "delta", "delta_description", "content", "caption", "default_tab_label"}
TEXT = {"options", "placeholder", "alt", "page_name", "sections", "section_header", "name", "message", "stack_trace"}
READ_OTHERWISE = {("html", "body"): "html", ("text", "body"): "text", ("code", "code_text"): "code", ("exception", "message"): "markdown"}
SILENT = re.compile(  # ids, looks, addresses, and what the browser itself had sent
    r"id|.*_id|icon|.*_icon|form_id|key|.*_key|.*hash|.*_hash|type|theme|config|url|.*_url|url_pathname|query_string|page|gap|tag|anchor|divider|language|"
    r"format|default|value|raw_values?|min|max|favicon|avatar|size|link|image|icon_image|column_order|selection_state|selection_default|autocomplete|"
    r"validate_regex|shortcut|source_id|columns|spec|color|style|chart_data|width|height|uuid|styles|locale|timezone"
)
DRAWN = {"text", "x", "y", "name", "hovertext", "hovertemplate", "texttemplate", "ticktext", "label", "customdata", "ticksuffix", "tickprefix"}


@dataclass(frozen=True)
class Said:
    """One text. element: kind of element or block. reading: markdown, html, text, code, chart, heading or cell."""

    element: str
    field: str
    reading: str
    text: str


@contextmanager
def watching() -> Iterator[list]:
    """The messages of the latest run of any AppTest inside."""
    seen: list = []
    parse = local_script_runner.parse_tree_from_messages

    def parsed(messages):
        seen[:] = messages
        return parse(messages)

    local_script_runner.parse_tree_from_messages = parsed
    try:
        yield seen
    finally:
        local_script_runner.parse_tree_from_messages = parse


def said(messages: Iterable) -> list[Said]:
    """All texts of these ForwardMsgs that a reader may see or hear."""
    return [text for message in messages for part in _parts(message) for text in _texts(part, part.DESCRIPTOR.name.lower()) if text.text]


def _parts(message) -> Iterator[Message]:
    kind = message.WhichOneof("type")
    if kind == "delta":
        delta = message.delta
        inside = getattr(delta, delta.WhichOneof("type"))
        yield from inside.elements if delta.WhichOneof("type") == "new_transient" else [inside]
    elif kind in ("navigation", "page_config_changed", "session_event"):
        yield getattr(message, kind)


def _texts(message: Message, element: str) -> Iterator[Said]:
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inside in value if _is_list(field) else [value]:
                if isinstance(inside, Message):
                    yield from SPECIAL[field.name](inside) if field.name in SPECIAL else _texts(inside, field.name if field.containing_oneof else element)
        elif field.type == field.TYPE_STRING:
            for text in value if _is_list(field) else [value]:
                yield from _plain(element, field.name, text)


def _is_list(field) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def _plain(element: str, field: str, text: str) -> Iterator[Said]:
    reading = READ_OTHERWISE.get((element, field)) or ("markdown" if field in MARKDOWN else "text" if field in TEXT else None)
    if reading is None:
        assert SILENT.fullmatch(field), f"tests/sent.py does not know whether {element}.{field} is shown: {text[:80]!r}"
        return
    yield Said(element, field, reading, text)


def _figure(chart) -> Iterator[Said]:
    yield Said("plotly_chart", "alt", "text", chart.alt)
    spec = json.loads(chart.spec)
    yield from (Said("plotly_chart", name, "chart", text) for name, text in _drawn({"data": spec["data"], "layout": spec["layout"]}))


def _drawn(part, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _drawn(value, key if key in DRAWN else "")
    elif isinstance(part, list):
        is_keys = name == "customdata" and all(isinstance(value, list) and len(value) == 1 for value in part)
        for value in () if is_keys else part:  # what a click gives back is never drawn
            yield from _drawn(value, name)
    elif isinstance(part, str) and name:
        yield name, part


def _frame(frame) -> Iterator[Said]:
    yield Said("dataframe", "alt", "text", frame.alt)
    yield Said("dataframe", "placeholder", "text", frame.placeholder)
    for column, told in json.loads(frame.columns or "{}").items():
        yield Said("dataframe", column, "heading", told.get("label") or "")
        yield Said("dataframe", column, "markdown", told.get("help") or "")
    table = pa.ipc.open_stream(frame.arrow_data.data).read_all()
    for column in table.column_names:
        values = table[column].to_pylist()
        yield from (Said("dataframe", column, "cell", text) for text in dict.fromkeys(value for value in values if isinstance(value, str)))


SPECIAL = {"plotly_chart": _figure, "dataframe": _frame}
