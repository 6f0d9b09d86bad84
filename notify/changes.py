"""What has changed since somebody was last told. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.sources import Target
from records.incidents import Flag, unknown


@dataclass(frozen=True)
class Changes:
    """new: flags that were not told, by customer, in the order of the list. over: customers who were told of and are not at risk any more."""

    new: Mapping[str, list[Flag]]
    over: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.over)


def changes(loose: Mapping[str, list[Flag]], told: Mapping[str, list[Flag]]) -> Changes:
    """loose: everybody at risk, with the flags that belong to no case. told: what was told, of customers who may still be seen."""
    new = {customer: fresh for customer, flags in loose.items() if (fresh := unknown(flags, told.get(customer, ())))}
    return Changes(new, [customer for customer, flags in told.items() if flags and customer not in loose])


def is_due(target: Target, today: dt.date, checked_on: dt.date | None) -> bool:
    """Whether a target is to be told today if there is something: at every change, or for a digest once from its weekday on.

    A digest that was missed or failed on its day is made up for at the next run.
    """
    if target.every == "change" or checked_on is None:
        return True
    return checked_on < today - dt.timedelta(days=(today.isoweekday() - target.day) % 7)
