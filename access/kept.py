"""Answers that are good until the records change: rights are looked up at every rerun, but not a hundred times within one."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

from records import database

SECONDS = 2.0  # that an answer is good for where nobody tells of changes (records on a server)
LONGEST = 30.0  # and where somebody does
MOST = 10_000

Value = TypeVar("Value")


class Kept:
    """Values by key, each looked up again when the records of its data directory have changed, or when it is too old.

    most: how many are held; with one more all are given up, and looked up when they are asked for again.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: dict[Hashable, tuple[float, tuple | None, object]] = {}

    def get(self, data: Path, key: Hashable, look: Callable[[], Value]) -> Value:
        """The value of a key for a data directory; `look` fetches it when there is none that still holds."""
        where, now = database.location(data), time.monotonic()
        whole, mark = (where, key), database.mark(data, where)
        at, then, value = self._values.get(whole, (float("-inf"), None, None))
        if then != mark or now - at > (SECONDS if mark is None else LONGEST):
            if len(self._values) >= self._most:
                self._values.clear()
            value = look()  # after the mark was taken: what is written meanwhile is looked up next time
            self._values[whole] = now, mark, value
        return value

    def read(self, data: Path, look: Callable[..., list[Value]]) -> list[Value]:
        """What `look` reads from the database of a data directory's records; nothing while there is none."""
        return self.get(data, look.__qualname__, lambda: look(database.connect(data)) if database.exists(data) else [])

    def forget(self) -> None:
        """Look everything up anew from now on."""
        self._values.clear()
