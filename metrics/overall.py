"""Which question of a survey asks for the whole: would they recommend us, or how satisfied are they all in all?"""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import pandas as pd

from metrics import nps
from metrics.products import Scale
from metrics.query import Query, QuestionError, Tables, collect

NAMES = ("overall", "overall satisfaction", "general satisfaction", "csat", "总体", "整体", "总体满意度", "整体满意度", "总体评价")


@dataclass(frozen=True)
class Overall:
    """The overall score: its dimension, null where nobody was asked for one, the scale of its answers, and whether too few gave one to show it."""

    dimension: str | None
    scale: Scale
    is_hidden: bool = False


NOBODY = Scale(nw.col("score").is_null(), 0.0, 1.0)  # valid answers have a score


def names(query: Query) -> set[str]:
    """What dimensions are called, in lower case, that ask for the whole: `[metrics.drivers] overall`, else the usual names, and the NPS one."""
    return {str(name).strip().lower() for name in query.setting("drivers", "overall", NAMES)} | {nps.dimension(query)}


def is_overall(dimension: str, query: Query) -> bool:
    return dimension.strip().lower() in names(query)


def overall(tables: Tables, query: Query, items: pd.DataFrame, is_recommended: bool) -> Overall:
    """The one of the option `overall`; else NPS where it was asked, else the first dimension that is called overall.

    items: rows of `satisfaction` by dimension. Raises QuestionError for a dimension that there is nowhere.
    """
    named = query.options.get("overall")
    if (named or "").strip().lower() == nps.dimension(query) or (not named and is_recommended):
        return Overall(nps.dimension(query), Scale(_is(nps.dimension(query)) & nps.on_scale(), *map(float, nps.SCALE)))
    refuse_unknown(tables, [named] if named else [])
    called = {named.strip().lower()} if named else names(query)
    for row in items[items["dimension"].str.strip().str.lower().isin(called)].head(1).to_dict("records"):
        hidden = row["state"] == "suppressed"
        return Overall(row["dimension"], NOBODY if hidden else scale_of(row), hidden)
    return Overall(None, NOBODY)


def scale_of(item) -> Scale:
    """The answers of a row of `satisfaction` by dimension: those on its scale."""
    low, high = float(item["scale_min"]), float(item["scale_max"])
    return Scale((nw.col("dimension") == item["dimension"]) & (nw.col("scale_min") == low) & (nw.col("scale_max") == high), low, high)


def _is(dimension: str) -> nw.Expr:
    return nw.col("dimension").str.to_lowercase() == dimension


def refuse_unknown(tables: Tables, named: list[str]) -> None:
    """Raise QuestionError if there never was such a dimension. In a company without answers there is nothing to compare with."""
    there = sorted(collect(tables["scores"].select("dimension").unique())["dimension"].dropna()) if named else []
    unknown = sorted({name.strip().lower() for name in named} - {name.strip().lower() for name in there})
    if there and unknown:
        raise QuestionError(f"no dimension {', '.join(map(repr, unknown))} in any survey; there are {', '.join(there)}")
