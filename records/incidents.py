"""When a flag is the same flag: which of those that stand belong to a case or were told of already. Pure; reads no database.

A flag is a dict of `kind`, `row` (of the source, None where there is none), `on` (ISO day, None where no source says) and `n` (how many rows
say the same). It is the same incident as another of its kind from the same row; a fall of use is as long as its two weeks overlap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

Flag = Mapping[str, object]
GROWING = ("complaint", "payment")  # several at once have one flag, of the first: one more of them is something new
FALL, OVERLAP = "fall", 14  # days that a fall of use looks at: two weeks


def is_same(flag: Flag, known: Flag) -> bool:
    """Whether a flag that stands tells of nothing that a known one did not."""
    if flag["kind"] != known["kind"]:
        return False
    if flag["kind"] == FALL and flag["on"] and known["on"]:
        return abs((dt.date.fromisoformat(flag["on"]) - dt.date.fromisoformat(known["on"])).days) < OVERLAP
    is_more = flag["kind"] in GROWING and (flag["n"] or 0) > (known["n"] or 0)
    return flag["row"] == known["row"] and not is_more


def unknown(flags: Iterable[Flag], known: Iterable[Flag]) -> list[Flag]:
    """The flags that tell of something new."""
    before = list(known)
    return [flag for flag in flags if not any(is_same(flag, other) for other in before)]


def joined(known: Iterable[Flag], flags: Iterable[Flag]) -> list[Flag]:
    """The known flags and those that stand, each once: of what does not fire again nothing is forgotten."""
    before = list(known)
    return before + [dict(flag) for flag in flags if dict(flag) not in before]


def flags(row: Mapping, kinds: Iterable[str]) -> list[dict]:
    """The flags of a row of the list of customers at risk (has_…, row_…, on_…, n_… of each kind) that are of these kinds."""
    return [
        {"kind": kind, "row": _text(row.get(f"row_{kind}")), "on": _day(row.get(f"on_{kind}")), "n": _whole(row.get(f"n_{kind}"))}
        for kind in kinds
        if row.get(f"has_{kind}") == 1
    ]


def _text(value) -> str | None:
    return value if isinstance(value, str) else None


def _day(value) -> str | None:
    return None if value is None or value != value else str(value)[:10]


def _whole(value) -> int:
    return 1 if value is None or value != value else int(value)
