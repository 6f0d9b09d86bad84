"""What changed and why, in words: facts of the exact decomposition become sentences of the glossary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ui import data, numbers
from ui.selection import SEGMENTS
from ui.view import View
from ui.words import has, name_of, plain, t, value_of

MOST = 7
COLUMNS = {column: name for name, column in SEGMENTS.items()}


@dataclass(frozen=True)
class Sentence:
    """One thing to say. is_good: None where neither way is; leads_to: page; segments: URL filters the link adds."""

    text: str
    went_up: bool
    is_good: bool | None
    leads_to: str
    segments: Mapping[str, str | None]


@data.told
def told(view: View, pages: tuple[tuple[str, str], ...]) -> list[Sentence]:
    """At most seven sentences, the surest change first. pages: metrics, each with the page that explains it."""
    facts = [(name, leads_to, data.explain(view, name)) for name, leads_to in pages]
    found = sorted(((*where, fact) for *where, known in facts for fact in known[:1] if fact["delta"] is not None), key=lambda one: one[-1]["p"])
    return [_sentence(view, name, fact, leads_to) for name, leads_to, fact in found[:MOST]]


def _sentence(view: View, name: str, fact: Mapping, leads_to: str) -> Sentence:
    metric, went_up = data.metric(name), fact["delta"] > 0
    text = t(f"why.{'rose' if went_up else 'fell'}", metric=name_of(metric), now=_shown(view, fact, fact["now"]), size=_moved(view, fact, fact["delta"]))
    is_good = None if metric.better is None else went_up == (metric.better == "higher")
    return Sentence(f"**{text}** {_because(view, fact)}", went_up, is_good, leads_to, _narrowed(fact))


def _because(view: View, fact: Mapping) -> str:
    if "column" not in fact:
        return t("why.everywhere")
    values = {
        "segment": plain(value_of(fact["column"], fact["segment"])), "column": column_name(fact["column"]),
        "part": _moved(view, fact, fact["part"]), "size": _moved(view, fact, fact["delta"]),
        "before": _shown(view, fact, fact["value_before"]), "now": _shown(view, fact, fact["value_now"]),
        "share_before": numbers.shown(fact["share_before"], "share"), "share_now": numbers.shown(fact["share_now"], "share"),
    }  # fmt: skip
    because = t(f"why.by_{fact['verdict']}", **values)
    return because + (t("why.although", column=values["column"]) if fact["simpson"] else "")


def _shown(view: View, fact: Mapping, value) -> str:
    return numbers.shown(value, fact["unit"], view.currency)


def _moved(view: View, fact: Mapping, value) -> str:
    return numbers.size(value, fact["unit"], view.currency)


def column_name(column: str) -> str:
    """A segment column's name: the glossary's word where there is one, else what the source calls it."""
    key = f"why.columns.{column}"
    return t(key) if has(key) else plain(column.replace("_", " "))


def _narrowed(fact: Mapping) -> dict[str, str | None]:
    column = fact.get("column")
    return {COLUMNS[column]: fact["segment"]} if column in COLUMNS else {}
