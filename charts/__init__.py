"""Figures from finished frames, as plain dicts. No Streamlit, no arithmetic beyond where a label goes."""

from charts.bars import bars, bridge, forest, split
from charts.curves import calibration, curve
from charts.flows import flow
from charts.grids import heat
from charts.pairs import pairs
from charts.series import line, sparkline
from charts.stages import stages

__all__ = ["bars", "bridge", "calibration", "curve", "flow", "forest", "heat", "line", "pairs", "sparkline", "split", "stages"]
