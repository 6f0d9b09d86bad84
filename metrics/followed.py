"""Numbers of what was begun in a step and is followed to today: the last steps still grow, and say so."""

from __future__ import annotations

import datetime as dt

import numpy as np

from metrics.query import Query
from metrics.result import Answer, growing

DAYS = 90  # after which most deals and leads are decided; [metrics.funnel] followed_days


def followed(found: Answer, query: Query) -> Answer:
    """A step of a series is complete once its last deals, or leads, have been followed for [metrics.funnel] followed_days; young ones still change."""
    return old_enough(found, query, int(query.setting("funnel", "followed_days", DAYS))) if query.grain else found


def old_enough(found: Answer, query: Query, days: int) -> Answer:
    """A period, or a step of it, is complete once all that was begun in it is `days` old."""
    youngest = query.period.as_of - dt.timedelta(days=days)
    if query.grain:
        ends = {bucket.start: bucket.end for bucket in query.period.buckets(query.grain)}
        return growing(found, np.array([ends[start] > youngest for start in found.rows["period"]], dtype=bool))
    return growing(found, query.period.end > youngest)
