"""What the demo company's own people use of their CRM, week by week: some of it hardly, as nobody has looked for years."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo.world import DAY, World

WEEKS = 44  # how long the CRM keeps its log
FEW = 0.3  # share of colleagues below which a feature is used by few
FEATURES = (  # name, share of the colleagues who use it at all, clicks of such a colleague in a week, weeks since it is there (None: for ever)
    ("Customer search", 1.0, 30, None), ("Customer record", 1.0, 45, None), ("Contacts", 0.9, 14, None), ("Activities", 0.95, 25, None),
    ("Calendar", 0.8, 18, None), ("Tasks", 0.7, 12, None), ("Opportunities", 0.65, 16, None), ("Quotes", 0.55, 6, None),
    ("Service cases", 0.5, 15, None), ("E-mail templates", 0.45, 5, None), ("Reports", 0.6, 4, None), ("Dashboards", 0.45, 6, None),
    ("Mobile app", 0.5, 20, None), ("Duplicate check", 0.16, 1, None), ("Campaign builder", 0.12, 3, None), ("Territory planning", 0.08, 1, None),
    ("Competitor notes", 0.18, 1, None), ("Approval chains", 0.06, 1, None), ("Partner portal", 0.04, 1, None), ("Scripted calls", 0.0, 0, None),
    ("Meeting summaries", 0.14, 4, 5),
)  # fmt: skip


def told() -> dict[str, list[str]]:
    """For the truth file: the features that few use, and the one that is too new to be judged."""
    return {
        "under_used": sorted(name for name, share, _, since in FEATURES if share < FEW and since is None),
        "young": sorted(name for name, *_, since in FEATURES if since is not None),
    }


def log(world: World, staff: pd.DataFrame) -> pd.DataFrame:
    """One row per colleague, feature and week in which it was used: uid, feature, day (the week's last), clicks.

    A feature that nobody has ever used has one row of no clicks: the CRM lists it with its first week.
    """
    rng = world.rng("features")
    people = staff.loc[staff["is_active"] == 1, "uid"].to_numpy()
    weeks = world.span.end - DAY - 7 * DAY * np.arange(WEEKS)[::-1]
    parts = [_used(rng, people, weeks, *feature) for feature in FEATURES]
    return pd.concat(parts, ignore_index=True).sort_values(["day", "uid", "feature"], kind="stable", ignore_index=True)


def _used(rng, people: np.ndarray, weeks: np.ndarray, name: str, share: float, clicks: float, since: int | None) -> pd.DataFrame:
    users = rng.permutation(people)[: round(share * len(people))]
    days = weeks if since is None else weeks[-since:]
    uid, day = (part.ravel() for part in np.meshgrid(users, days, indexing="ij"))
    rows = pd.DataFrame({"uid": uid, "feature": name, "day": day.astype("M8[s]"), "clicks": rng.poisson(clicks, len(uid))})
    rows = rows[rows["clicks"] > 0]
    if rows.empty:
        return pd.DataFrame({"uid": people[:1], "feature": name, "day": days[:1].astype("M8[s]"), "clicks": 0})
    return rows
