"""Contacts that we began: what counts as having been there for a customer."""

from __future__ import annotations

import narwhals as nw

from metrics.query import Frame, Tables


def outreach(tables: Tables) -> Frame:
    """The interactions that went out, and those of sources that keep no direction."""
    return tables["interactions"].filter((nw.col("direction") != "in").fill_null(True))
