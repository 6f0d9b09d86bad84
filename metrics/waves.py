"""Survey waves in the order in which they were sent: "Wave 10" comes after "Wave 2", and names like "Spring" mean no order at all."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.query import Frame, Query, aggregate
from metrics.result import Answer

WAVE = "wave"


def in_time(found: Answer, frame: Frame, day: str, query: Query) -> Answer:
    """The rows of a finished answer with its waves in time; an answer that is not by wave stays as it is.

    frame: has wave, sent_from and `day`, the day of an answer or an invitation. A wave is as old as its survey's sent_from (the
    first of several), else as its first `day`; equally old ones go by name. Other keys keep their order, a missing wave is last.
    """
    if WAVE not in query.by or found.rows.empty:
        return found
    keys = list(found.rows.columns[: found.rows.columns.get_loc("value")])
    place = {wave: number for number, wave in enumerate(oldest_first(frame, day))}
    placed = found.rows.assign(wave=found.rows[WAVE].map(place)).sort_values(keys, na_position="last", kind="stable").index
    return replace(found, rows=found.rows.loc[placed].reset_index(drop=True))


def oldest_first(frame: Frame, day: str) -> list[str]:
    """The names of all waves there are, by the day they began."""
    waves = aggregate(frame, [WAVE], sent=nw.col("sent_from").min(), first=nw.col(day).min()).dropna(subset=[WAVE])
    begun = pd.to_datetime(waves["sent"].where(waves["sent"].notna(), waves["first"]))
    return list(waves.assign(begun=begun).sort_values(["begun", WAVE], na_position="last")[WAVE])
