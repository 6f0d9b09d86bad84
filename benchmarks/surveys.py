"""Surveys in which low areas are planted: made by a generator outside of the product, read as the mart, and judged by its truth.

The generator writes a Parquet file (attributes, score 0-10, and `_mu`, the noise-free expected score of each row) and the planted areas as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import narwhals as nw
import numpy as np
import pyarrow.parquet as pq

from metrics.period import Period
from metrics.query import Query

RIG = Path("../shared/rigs/planted_survey.py")
YEAR = Period(dt.date(2026, 1, 1), dt.date(2027, 1, 1), dt.date(2027, 1, 1))
WORLDS = {  # what is planted → the generator's options
    "strong": (),
    "strong + harmless": ("--main-effects", ".08"),
    "mixed + harmless": ("--main-effects", ".08", "--shift-lo", ".17", "--shift-hi", ".9"),
    "8 × 20 levels": ("--attrs", "all20"),
    "nothing planted": ("--depths", ""),
}
SAME = 0.8  # Jaccard of the answers: the planted area, perhaps in other words
REAL = 3.0  # NPS points of true gap: less is a false finding
Segment = dict[str, str]  # column → value


@dataclass(frozen=True)
class Survey:
    """A survey's file and its planted areas, each with `conds` (a segment), `shift` and `n`."""

    file: Path
    planted: list[dict]

    @property
    def columns(self) -> list[str]:
        return [name for name in pq.read_schema(self.file).names if name not in ("respondent_id", "score", "_mu")]


@dataclass(frozen=True)
class Verdict:
    """Of a list of segments. found: planted ones in it; first: those among the first 8; false: those without a true gap."""

    found: int
    first: int
    listed: int
    false: int
    planted: int

    @property
    def is_exact(self) -> bool:
        return self.found == self.listed == self.planted


def surveys(rig: Path, folder: Path, world: str, answers: int, seeds: Iterator[int], many: int) -> Iterator[Survey]:
    """`many` surveys of a world; seeds for which the generator finds no place for its areas are passed over."""
    for seed in seeds:
        if many == 0:
            return
        survey = make(rig, folder / f"survey-{answers}-{seed}", answers, seed, WORLDS[world])
        if survey:
            many -= 1
            yield survey


def make(rig: Path, stem: Path, answers: int, seed: int, options: Sequence[str] = ()) -> Survey | None:
    """One survey; None where the generator cannot place what it should plant."""
    file, truth = stem.with_suffix(".parquet"), stem.with_suffix(".json")
    command = [sys.executable, str(rig), "--rows", str(answers), "--seed", str(seed), "--out", str(file), "--truth", str(truth), "--with-mu", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if "could not place" in done.stderr:
        return None
    if done.returncode:
        raise RuntimeError(f"{rig} ended with {done.returncode}: {done.stderr[-500:]}")
    return Survey(file, json.loads(truth.read_text())["planted"])


MART = """
SELECT 'a' || respondent_id AS answer_id, 'r' || respondent_id AS response_id, CAST(NULL AS VARCHAR) AS customer_id, CAST(NULL AS VARCHAR) AS contact_id,
    'nps' AS dimension, 'Would you recommend us?' AS question, 'q' AS question_id, CAST(score AS DOUBLE) AS score, CAST(NULL AS VARCHAR) AS text,
    CAST(NULL AS DOUBLE) AS weight, CAST(0 AS DOUBLE) AS scale_min, CAST(10 AS DOUBLE) AS scale_max, 'first' AS wave, DATE '2026-02-01' AS sent_from,
    DATE '2026-02-03' AS answered_on, false AS is_anonymous, false AS is_blank, false AS is_refused, true AS is_last, {columns}
FROM read_parquet('{file}')
"""


def tables(file: Path, columns: Sequence[str]) -> dict[str, nw.LazyFrame]:
    """A survey's file as the mart `scores`, beside customers of whom nothing is known."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
    scores = connection.sql(MART.format(columns=", ".join(f'"{name}"' for name in columns), file=file))
    return {"scores": nw.from_native(scores), "accounts": nw.from_native(connection.sql("SELECT 'c' AS customer_id, 'C' AS name"))}


def question(columns: Sequence[str], **options) -> Query:
    return Query(YEAR, options={"columns": ",".join(columns), **options})


def judged(survey: Survey, areas: Sequence[Segment], most: int = 20) -> Verdict:
    """What a list is worth: each planted area may be found once, by an area that holds nearly the same answers."""
    table = pq.read_table(survey.file)
    expected = 100 * table.column("_mu").to_numpy().astype(float)
    columns = {name: np.asarray(table.column(name).combine_chunks().dictionary_decode().to_numpy(zero_copy_only=False)) for name in survey.columns}
    planted, places, false = [_members(columns, area["conds"]) for area in survey.planted], {}, 0
    for place, area in enumerate(areas[:most]):
        members = _members(columns, area)
        alike = [k for k, other in enumerate(planted) if k not in places and (members & other).sum() >= SAME * (members | other).sum()]
        if alike:
            places[alike[0]] = place
        else:
            false += bool(expected[~members].mean() - expected[members].mean() < REAL)
    return Verdict(len(places), sum(place < len(planted) for place in places.values()), min(len(areas), most), false, len(planted))


def _members(columns: dict[str, np.ndarray], segment: Segment) -> np.ndarray:
    return np.logical_and.reduce([columns[name] == value for name, value in segment.items()])
