"""What is planted in the demo company, as a table: what, where, when and how strong.

The generators read their parameters from here and the truth file is written from here, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from connectors.demo.world import Span


@dataclass(frozen=True)
class Story:
    """One planted fact: it holds for rows where every column of `where` has its value, for times in [since, until)."""

    what: str
    since: np.datetime64  # day
    until: np.datetime64  # day, the first one no longer touched
    where: dict[str, str] = field(default_factory=dict)
    size: dict[str, float] = field(default_factory=dict)

    def touches(self, rows: pd.DataFrame, at=None) -> np.ndarray:
        """Which rows the story is about; `at` gives the time of each, None leaves time out."""
        hit = np.ones(len(rows), dtype=bool)
        for name, value in self.where.items():
            hit &= (rows[name] == value).to_numpy()
        if at is not None:
            at = np.asarray(at)
            hit &= (at >= self.since) & (at < self.until)
        return hit

    def told(self) -> dict:
        """The story as plain values for the truth file."""
        return {"what": self.what, "since": str(self.since), "until": str(self.until), "where": self.where, "size": self.size}


# long: one list of stories
def plan(span: Span) -> dict[str, Story]:
    """All stories of a company with this span, by name."""
    whole, recent, last = (span.start, span.end), (span.quarter(2), span.end), (span.quarter(1), span.quarter(0))
    return {
        "low_touchpoint": Story(
            "Answers about this touchpoint are low in every dimension: one attribute finds it.", *whole,
            {"touchpoint": "Installation"}, {"dimension_points": -1.5, "recommend_points": -2.4},
        ),
        "low_pair": Story(
            "This product line disappoints in this region only: two attributes are needed to find it.", *whole,
            {"region": "South China", "product_line": "Cooling"}, {"dimension_points": -1.6, "recommend_points": -2.8},
        ),
        "nps_drop": Story(
            "Recommendation falls in this industry in the last quarter and explains the fall of the whole.", *last,
            {"industry": "Electronics"}, {"recommend_points": -3.2},
        ),
        "silent_core": Story(
            "The most valuable customers rarely answer surveys.", *whole, {"grade": "core"}, {"response_rate": 0.15, "response_rate_elsewhere": 0.37},
        ),
        "core_drift": Story(
            "Core customers order less often and more at a time, are visited less, and use the portal more.", *recent,
            {"grade": "core"}, {"order_rate": 0.4, "order_amount": 2.0, "visit_share": 0.35, "usage": 1.7},
        ),
        "no_follow_up": Story(
            "Customers without a visit or call within 72 h of signing leave more often; small customers are followed up less and "
            "leave more anyway, so the plain comparison overstates it.", *whole, {}, {"hazard_ratio": 2.2},
        ),
        "price_rise": Story(
            "The service price of this product line rises for everybody at once.", *recent, {"product_line": "Monitoring"}, {"factor": 1.12},
        ),
        "region_churn": Story(
            "A competitor takes customers in this region.", *recent, {"region": "Southwest China"}, {"hazard_ratio": 7.0},
        ),
        "stalled_quote": Story(
            "Contracts need a second approval: quotes wait longer for a contract.", *recent, {"stage": "Quote"}, {"duration_ratio": 3.0},
        ),
        "promotion_paid": Story(
            "This promotion brought in several times its cost.", span.quarter(4), span.quarter(4) + 60,
            {"campaign": "Service Upgrade Weeks"}, {"revenue_per_cost": 3.6},
        ),
        "promotion_lost": Story(
            "This promotion never earned its cost.", span.quarter(3), span.quarter(3) + 45, {"campaign": "Grand Expo"}, {"revenue_per_cost": 0.35},
        ),
    }  # fmt: skip


NEUTRAL = {  # sizes that change nothing
    **dict.fromkeys(("hazard_ratio", "duration_ratio", "factor", "order_rate", "order_amount", "visit_share", "usage"), 1.0),
    **dict.fromkeys(("dimension_points", "recommend_points"), 0.0),
}


def without(stories: dict[str, Story], names: Iterable[str]) -> dict[str, Story]:
    """The same company with some of its stories untold: the random numbers stay, their sizes change nothing. To see that a search stays quiet.

    Raises ValueError naming the stories that can be left out.
    """
    optional = [name for name, story in stories.items() if set(story.size) <= set(NEUTRAL)]
    if wrong := sorted(set(names) - set(optional)):
        raise ValueError(f"the story {', '.join(map(repr, wrong))} cannot be left out; expected some of {', '.join(optional)}")
    return {name: replace(story, size={size: NEUTRAL[size] for size in story.size}) if name in names else story for name, story in stories.items()}
