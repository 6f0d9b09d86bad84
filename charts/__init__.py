"""Figures from finished frames, as plain dicts. No Streamlit, no arithmetic beyond where a label goes."""

from charts.ages import pareto, survival
from charts.bars import bars, bridge, forest, split
from charts.curves import calibration, curve
from charts.flows import flow
from charts.grids import cohorts, heat
from charts.pairs import pairs
from charts.quadrants import quadrants
from charts.series import line, sparkline
from charts.spots import spots
from charts.stages import stages

__all__ = [
    "bars", "bridge", "calibration", "cohorts", "curve", "flow", "forest", "heat", "line", "pairs", "pareto", "quadrants", "sparkline", "split", "spots",
    "stages", "survival",
]  # fmt: skip
