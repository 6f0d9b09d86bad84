"""A segment beside everybody else: how far apart they score, and how surely."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import parse_qsl

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, accepts, refuse_grain, segmented
from metrics.result import STANDARD, Answer
from metrics.yardstick import yardstick

INSIDE, REST = "inside", "rest"
EXTRA = ("n_eff", "centre")  # what a test of the two needs beside the standard columns


def against_rest(tables: Tables, query: Query) -> Answer:
    """The score of a segment, and of all other answers to the same question under the same filters.

    Reads the mart `scores`. Options: segment ("region=West&product=Food", as in a URL; a column without a value: "region="; a column
    named twice: either value), measure (nps, mean), dimension, question, wave, scale ("1-5", of a mean; None: that of most answers),
    survey_weights. The score is NPS, or the mean where another question or dimension is named.

    Returns one row per part, `inside` and `rest` (alone `inside`, the whole, without a segment):
        value, n, low, high, se, n_eff, centre    as `nps` or `satisfaction` have them; metrics.change.changed compares the two
    Both are suppressed where either is too small, or where a table by the segment's columns would hide the segment.

    Raises QuestionError for unknown columns.
    Read it so: inside −39, rest 46: the segment lies 85 points below everybody else.
    """
    refuse_grain(query, "a comparison looks at one period")
    if query.by:
        raise QuestionError(f"against_rest compares one segment with the rest: name it with segment={'=…&'.join(query.by)}=… instead of grouping")
    yard, asked = yardstick(query), replace(query, options={"scale": None, **query.options, "weighting": "respondent"})
    inside = yard.whole(tables, _inside(asked))
    own = inside.rows.assign(part=INSIDE)
    if not query.options.get("segment"):
        return _finished([own], inside)
    part = _column(asked)
    both = yard.whole({**tables, "scores": _marked(tables, asked, part)}, replace(asked, by=(part,))).rows.rename(columns={part: "part"})
    rest = both[both["part"] == REST]
    if "suppressed" in {*own["state"], *both["state"]}:
        own, rest = _hidden(own), _hidden(rest)
    return _finished([own, rest], inside)


def _conditions(query: Query) -> dict[str, tuple[str, ...]]:
    """Column → the values of which a row of the segment has one."""
    found: dict[str, tuple[str, ...]] = {}
    for column, value in parse_qsl(query.options.get("segment") or "", keep_blank_values=True):
        found[column] = (*found.get(column, ()), value)
    return found


def _inside(query: Query) -> Query:
    """The question about the segment alone."""
    return replace(query, where=(*query.where, *_conditions(query).items()))


def _column(query: Query) -> str:
    """What the parts' column is called: every segment's otherwise, since sums are remembered by the names of their columns."""
    return f"part_{hashlib.sha256(repr(_conditions(query)).encode()).hexdigest()[:16]}"


def _marked(tables: Tables, query: Query, part: str) -> Frame:
    """The answers, each with the part that it belongs to."""
    rows = segmented(tables["scores"], tables, replace(query, by=tuple(_conditions(query)), where=()))
    holds = [accepts(column, values).fill_null(False) for column, values in _conditions(query).items()]
    return rows.with_columns(**{part: nw.when(nw.all_horizontal(*holds, ignore_nulls=True)).then(nw.lit(INSIDE)).otherwise(nw.lit(REST))})


def _hidden(rows: pd.DataFrame) -> pd.DataFrame:
    figures = [name for name in (*STANDARD, *EXTRA) if name not in ("state", "complete")]
    blank = rows.copy()
    blank[figures] = blank[figures].mask(pd.Series(True, rows.index))
    return blank.assign(state="suppressed")


def _finished(parts: list[pd.DataFrame], inside: Answer) -> Answer:
    rows = pd.concat([part[["part", *STANDARD, *EXTRA]] for part in parts], ignore_index=True)
    return replace(inside, rows=rows)


def behind(tables: Tables, query: Query) -> Frame:
    """The answers of the segment; none where its score is hidden."""
    return yardstick(query).behind(tables, _inside(query))


METRICS = (
    Metric(
        "against_rest", against_rest, "The score of one segment beside the score of all other answers.", "score of the segment; score of the rest", "score",
        ("scores",), behind, None, {"segment": None, "measure": None, "dimension": None, "question": None, "wave": None, "scale": None, "survey_weights": True},
        "as nps and satisfaction; two samples: metrics.change",
    ),
)  # fmt: skip
