"""What filters and forms offer: the values there are, for a reader's scope, looked up once per snapshot."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw
import pandas as pd

from access.guard import admitted_now
from metrics import survey
from metrics.query import collect
from metrics.shelf import shelved
from ui import data
from ui.selection import BLANK, SEGMENTS

MOST_CHOICES = 1000  # values offered per filter


def choices(snapshot: str) -> Mapping[str, Mapping[str, str]]:
    """What each segment filter offers: URL name → {value: label}, by label. Blank is offered where some have no value."""
    return _choices(data.digest(snapshot, admitted_now().scope, None, part="choices"), snapshot)


@shelved(50)
def _choices(key: str, snapshot: str) -> dict[str, dict[str, str]]:
    accounts = data.tables(snapshot)["accounts"]
    return {name: _offered(accounts, name, column) for name, column in SEGMENTS.items()}


def _offered(accounts, name: str, column: str) -> dict[str, str]:
    label = "owner" if name == "owner" else column
    pairs = collect(accounts.select(value=column, label=label).unique().head(MOST_CHOICES))
    if name == "tag":
        tags = {tag.strip() for text in pairs["value"].dropna() for tag in text.split(",")} - {""}
        found = {tag: tag for tag in sorted(tags)}
    else:
        named = pairs[pairs["value"].notna()].sort_values(["label", "value"])
        found = {str(row.value): str(row.value if pd.isna(row.label) else row.label) for row in named.itertuples()}
    return {**found, BLANK: ""} if found and pairs["value"].isna().any() else found


def values_of(snapshot: str, column: str) -> tuple[str, ...]:
    """The values of a column of customers, for choosing among them."""
    return _values_of(data.digest(snapshot, admitted_now().scope, None, part=f"values {column}"), snapshot, column)


@shelved(50)
def _values_of(key: str, snapshot: str, column: str) -> tuple[str, ...]:
    found = collect(data.tables(snapshot)["accounts"].select(value=nw.col(column)).unique().head(MOST_CHOICES))["value"]
    return tuple(sorted(map(str, found.dropna())))


def survey_segments(snapshot: str) -> tuple[str, ...]:
    """Columns by which survey answers can be divided, those the answers bring along first."""
    return _survey_segments(data.digest(snapshot, admitted_now().scope, None, part="survey segments"), snapshot)


@shelved(50)
def _survey_segments(key: str, snapshot: str) -> tuple[str, ...]:
    return survey.segment_columns(data.tables(snapshot))
