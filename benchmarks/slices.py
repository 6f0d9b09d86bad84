"""Other people's searches for low segments, each run by the Python of an environment of its own, within limits of memory and time.

    PYTHON slices.py pysubgroup-dfs|pysubgroup-beam|sliceline FILE GIBIBYTES SECONDS

Imports nothing of ours: where this runs, there is only the package and pandas. Prints the segments as JSON, and how long it took.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import pandas as pd

MOST, DEPTH = 20, 3
FEWEST = 0.001  # of all answers, and 30 at least


def pysubgroup_dfs(table: pd.DataFrame, low: np.ndarray) -> list[dict]:
    """Exhaustive, by the mean's standardised distance: quality sqrt(n) · (mean − overall mean)."""
    import pysubgroup as ps

    return _pysubgroup(table, low, lambda: ps.SimpleDFS(), lambda: ps.StandardQFNumeric(0.5))


def pysubgroup_beam(table: pd.DataFrame, low: np.ndarray) -> list[dict]:
    """A beam of 50 with the quality that asks what a segment adds to its generalisations: the best setting found for few answers."""
    import pysubgroup as ps

    return _pysubgroup(table, low, lambda: ps.BeamSearch(beam_width=50), lambda: ps.GeneralizationAware_StandardQFNumeric(0.5))


def _pysubgroup(table, low, search, quality) -> list[dict]:
    import pysubgroup as ps

    frame = table.astype(object).assign(low=low - low.min())  # its quality of generalisations cannot take means below 0
    constraints = [ps.MinSupportConstraint(_fewest(table))]
    selectors = ps.create_selectors(frame, ignore=["low"])
    task = ps.SubgroupDiscoveryTask(frame, ps.NumericTarget("low"), selectors, qf=quality(), result_set_size=MOST, depth=DEPTH, constraints=constraints)
    found = search().execute(task).to_descriptions()
    return [{s.attribute_name: s.attribute_value for s in rule.selectors} for _, rule, *_ in found]


def sliceline(table: pd.DataFrame, low: np.ndarray) -> list[dict]:
    """alpha .99: with less, its penalty for size outweighs every area of a few percent."""
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(alpha=0.99, k=MOST, max_l=DEPTH, min_sup=_fewest(table), verbose=False)
    finder.fit(table.astype(str).to_numpy(), low - low.min())
    return [{name: value for name, value in zip(table.columns, found, strict=True) if value is not None} for found in finder.top_slices_]


def _fewest(table: pd.DataFrame) -> int:
    return max(30, int(FEWEST * len(table)))


SEARCHES = {"pysubgroup-dfs": pysubgroup_dfs, "pysubgroup-beam": pysubgroup_beam, "sliceline": sliceline}


def main(name: str, file: str, gibibytes: str, seconds: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (int(float(gibibytes) * 2**30),) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
    table = pd.read_csv(file)
    score = table["score"].to_numpy()
    columns = table.drop(columns=[c for c in ("respondent_id", "score", "_mu") if c in table]).astype(str)
    start = time.perf_counter()
    try:
        areas = SEARCHES[name](columns, (score <= 6).astype(float) - (score >= 9))
    except MemoryError:
        sys.exit(f"out of memory at {gibibytes} GiB")
    print(json.dumps({"seconds": time.perf_counter() - start, "areas": areas}))


if __name__ == "__main__":
    main(*sys.argv[1:])
