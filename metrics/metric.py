"""A metric's card: its name, its question, its unit and the function that measures it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from metrics import amounts
from metrics.query import Frame, Query, QuestionError, Tables
from metrics.result import Answer

FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}  # how a flag is written in a URL or a shell
Unit = Literal["points", "share", "money", "count", "days", "ratio", "score"]


@dataclass(frozen=True)
class Metric:
    """One number of the catalogue.

    definition: one sentence a sales lead would accept. formula: how it is computed, in symbols.
    unit: "share" runs 0 to 1, "points" is NPS points, "score" is on the question's scale, "money" the reporting currency.
    better: which way is good; None where neither is. options: name → default; None means the sources file or the metric decides.
    reads: tables and marts. measure(tables, query) → Answer.
    behind(tables, query) → the rows behind the number, lazily: as many as the answer's n (of the query without `by` and
    grain), under the same filters. A page that drills into a bar asks for it with the bar's key added to `where`.
    Of a reader who may see no amounts, both say "no data" where they would need some (`metrics.amounts`).
    """

    name: str
    measure: Callable[[Tables, Query], Answer]
    definition: str
    formula: str
    unit: Unit
    reads: tuple[str, ...]
    behind: Callable[[Tables, Query], Frame] | None = None
    better: Literal["higher", "lower"] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    version: int = 1

    def __post_init__(self):
        object.__setattr__(self, "measure", partial(amounts.measured, self.name, self.measure))
        if self.behind is not None:
            object.__setattr__(self, "behind", partial(amounts.listed, self.name, self.behind))

    @property
    def digest(self) -> str:
        """Twelve hex digits that change when the definition changes."""
        parts = [self.name, self.definition, self.formula, self.unit, str(sorted(self.options.items())), str(self.version)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def ask(metric: Metric, tables: Tables, query: Query) -> Answer:
    """Measure, with the metric's options completed and checked.

    Raises QuestionError for an option the metric does not have, or a value of another type than its default.
    """
    unknown = set(query.options) - set(metric.options)
    if unknown:
        there = ", ".join(f"{name}={default!r}" for name, default in metric.options.items()) or "none"
        raise QuestionError(f"{metric.name} has no option {', '.join(sorted(unknown))}; it has: {there}")
    given = {name: _typed(metric, name, value) for name, value in query.options.items()}
    return metric.measure(tables, replace(query, options={**metric.options, **given}))


def _typed(metric: Metric, name: str, value):
    """A value from a command line or a URL in the type of the option's default."""
    default = metric.options[name]
    if default is None or not isinstance(value, str) or isinstance(default, str):
        return value
    try:
        return FLAGS[value.lower()] if isinstance(default, bool) else type(default)(value)
    except (ValueError, KeyError):
        raise QuestionError(f"option {name} of {metric.name} is {type(default).__name__}, not {value!r}") from None
