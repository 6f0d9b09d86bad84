"""A segment beside everybody else: how far apart they score, and how surely."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import parse_qsl

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, refuse_grain, segmented
from metrics.result import STANDARD, Answer
from metrics.yardstick import yardstick

INSIDE, REST = "inside", "rest"
EXTRA = ("n_eff", "centre")  # what a test of the two needs beside the standard columns


def against_rest(tables: Tables, query: Query) -> Answer:
    """The score of a segment, and of all other answers to the same question under the same filters.

    Reads the mart `scores`. Options: segment ("region=West&product=Food", as in a URL; a column without a value: "region="),
    measure (nps, mean), dimension, question, wave, survey_weights. The score is NPS, or the mean where another question or dimension is
    named.

    Returns one row per part, `inside` and `rest` (alone `inside`, the whole, without a segment):
        value, n, low, high, se, n_eff, centre    as `nps` or `satisfaction` have them; metrics.change.changed compares the two
    Both are suppressed where either is too small, or where a table by the segment's columns would hide the segment.

    Raises QuestionError for unknown columns.
    Read it so: inside −39, rest 46: the segment lies 85 points below everybody else.
    """
    refuse_grain(query, "a comparison looks at one period")
    if query.by:
        raise QuestionError(f"against_rest compares one segment with the rest: name it with segment={'=…&'.join(query.by)}=… instead of grouping")
    yard, asked = yardstick(query), replace(query, options={**query.options, "weighting": "respondent", "scale": None})
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


def _pairs(query: Query) -> list[tuple[str, str]]:
    return parse_qsl(query.options.get("segment") or "", keep_blank_values=True)


def _inside(query: Query) -> Query:
    """The question about the segment alone."""
    return replace(query, where=(*query.where, *((column, (value,)) for column, value in _pairs(query))))


def _column(query: Query) -> str:
    """What the parts' column is called: every segment's otherwise, since sums are remembered by the names of their columns."""
    return f"part_{hashlib.sha256(repr(_pairs(query)).encode()).hexdigest()[:16]}"


def _marked(tables: Tables, query: Query, part: str) -> Frame:
    """The answers, each with the part that it belongs to."""
    columns = tuple(dict.fromkeys(column for column, _ in _pairs(query)))
    rows = segmented(tables["scores"], tables, replace(query, by=columns, where=()))
    holds = [_is(column, value) for column, value in _pairs(query)]
    return rows.with_columns(**{part: nw.when(nw.all_horizontal(*holds, ignore_nulls=True)).then(nw.lit(INSIDE)).otherwise(nw.lit(REST))})


def _is(column: str, value: str) -> nw.Expr:
    return nw.col(column).is_null() if value == "" else (nw.col(column).cast(nw.String) == nw.lit(value)).fill_null(False)


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
        ("scores",), behind, None, {"segment": None, "measure": None, "dimension": None, "question": None, "wave": None, "survey_weights": True},
        "as nps and satisfaction; two samples: metrics.change",
    ),
)  # fmt: skip
