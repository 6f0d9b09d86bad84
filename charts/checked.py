"""A figure on its way to the browser that Plotly need not look through again."""

from __future__ import annotations

from functools import cache

import plotly.graph_objects as go
from plotly.basedatatypes import BaseFigure


class Checked(BaseFigure):
    """What charts/ builds, the tests have put through Plotly's validators.

    Streamlit would have a dict validated at every run, which costs more than everything else about a chart.
    """

    def __init__(self, spec: dict):  # not the base's: it would validate
        self._spec = spec

    def to_dict(self) -> dict:
        return {**self._spec, "layout": {**self._spec["layout"], "template": _template()}}


@cache
def _template() -> dict:
    """What Plotly adds to a figure of its own: the template in force, which is Streamlit's once Streamlit is there."""
    return go.Figure().to_dict()["layout"]["template"]
