"""What judges the finder in the benchmark, on files small enough to check by eye; and one planted survey from the generator."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import finder, measure, surveys
from metrics import CATALOGUE
from metrics.metric import ask

RIG = Path(__file__).parents[3] / "shared/rigs/planted_survey.py"
needs_rig = pytest.mark.skipif(not RIG.exists(), reason="needs ../shared/rigs/planted_survey.py")


def survey(folder, planted=({"a": "x"},)):
    """Ten answers: a is x in four, b is u in five; who has a = x should score 0.5 less."""
    table = pa.table({
        "respondent_id": np.arange(10), "a": pa.array(list("xxxxyyyyyy")).dictionary_encode(), "b": pa.array(list("uvuvuvuvuv")).dictionary_encode(),
        "score": np.arange(10, dtype="int8"), "_mu": np.repeat([0.1, 0.6], [4, 6]).astype("float32"),
    })  # fmt: skip
    pq.write_table(table, folder / "s.parquet")
    return surveys.Survey(folder / "s.parquet", [{"conds": area} for area in planted])


def test_a_list_is_judged_by_what_is_planted_and_by_true_gaps(tmp_path):
    """Found at the second place; b = u has none (two of its five should score 0.5 less, and two of the others); the part of a = x has one."""
    verdict = surveys.judged(survey(tmp_path), [{"b": "u"}, {"a": "x"}, {"a": "x", "b": "v"}])
    assert verdict == surveys.Verdict(found=1, first=0, listed=3, false=1, planted=1)
    assert surveys.judged(survey(tmp_path), [{"a": "x"}]).is_exact


def test_a_planted_area_is_found_once_and_in_other_words(tmp_path):
    """All of a = x and all of "a = x and itself" are the same answers; the second is neither found nor false."""
    assert surveys.judged(survey(tmp_path), [{"a": "x"}, {"a": "x"}]) == surveys.Verdict(1, 1, 2, 0, 1)


def test_lists_are_added_up(tmp_path):
    verdicts = [surveys.Verdict(8, 7, 10, 1, 8), surveys.Verdict(6, 6, 6, 0, 8), surveys.Verdict(8, 8, 8, 0, 8)]
    assert finder._summed(verdicts) == (22 / 3, 7.0, 8.0, "1 of 24", "1 of 3")
    assert finder._summed([surveys.Verdict(0, 0, 0, 0, 0), surveys.Verdict(0, 0, 2, 1, 0)]) == (None, None, "1 lists", "1", None)


def test_sizes_are_compared_with_true_ones(tmp_path):
    """True gap 50 points: of raw 60, shrunken 5 points back and honest 52 the errors are 10, 5 and 2."""
    found = {"areas": [{"a": "x"}], "figures": [{"gap": 60.0, "value": 0.0, "shrunken": 5.0, "honest_gap": 52.0}]}
    (off,) = finder._off(survey(tmp_path), found)
    assert off == pytest.approx((10.0, 5.0, 2.0), abs=1e-4)
    assert finder._averaged([off, (0.0, 0.0, None)]) == pytest.approx((2, 5.0, 2.5, 1, 10.0, 2.0), abs=1e-4)


def test_without_the_generator_it_says_so(tmp_path):
    (section,) = finder.sections(tmp_path / "none.py", 1, 10_000)
    assert not section.rows and "no generator of surveys at" in section.markdown()


def test_a_rival_that_cannot_be_installed_is_not_measured(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no such package")

    monkeypatch.setattr(finder, "_environment", fails)
    row, note = finder._rival("sliceline", survey(tmp_path), tmp_path, 10)
    assert row == ("sliceline", 10, *[None] * 6) and note == "sliceline: not measured: not installed (no such package)"


def test_a_rival_that_gives_up_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(finder, "_environment", lambda *_: sys.executable)

    def gives_up(*_):
        raise RuntimeError("slices.py ended with 1:\nout of memory at 8 GiB")

    monkeypatch.setattr(measure, "run", gives_up)
    row, note = finder._rival("sliceline", survey(tmp_path), tmp_path, 10)
    assert row[2:] == (None,) * 6 and note == "sliceline, 10 answers: gave up: out of memory at 8 GiB"


@needs_rig
def test_a_planted_survey_is_found_from_the_generator_to_the_list(tmp_path):
    """Areas of 40 to 90 points among 10,000 answers: at least six of eight, and none that is not low."""
    made = surveys.make(RIG, tmp_path / "survey", 10_000, 4242)
    rows = ask(CATALOGUE["low_scores"], surveys.tables(made.file, made.columns), surveys.question(made.columns)).rows
    verdict = surveys.judged(made, finder.told(rows)["areas"])
    assert verdict.planted == 8 and verdict.found >= 6 and verdict.false == 0
    assert rows.loc[0, "n"] == 10_000


@needs_rig
def test_the_program_prints_what_it_found(tmp_path):
    made = surveys.make(RIG, tmp_path / "survey", 2_000, 4243, surveys.WORLDS["nothing planted"])
    done = subprocess.run([sys.executable, "-m", "benchmarks.finder", str(made.file)], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert {*told} == {"seconds", "areas", "figures"} and len(told["areas"]) == len(told["figures"])
    assert pd.notna(told["seconds"])
