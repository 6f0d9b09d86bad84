"""Figures from finished frames, as plain dicts. No Streamlit, no arithmetic beyond where a label goes."""

from charts.bars import bars, bridge, forest, split
from charts.grids import heat
from charts.series import line, sparkline

__all__ = ["bars", "bridge", "forest", "heat", "line", "sparkline", "split"]
