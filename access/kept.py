"""Answers that are good for a moment: rights are looked up at every rerun, but not a hundred times within one."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

SECONDS = 2.0  # after which a changed right holds everywhere
MOST = 10_000

Value = TypeVar("Value")


class Kept:
    """Values by key, each looked up again when it is older than SECONDS."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[float, object]] = {}

    def get(self, key: Hashable, look: Callable[[], Value]) -> Value:
        """The value of a key; `look` fetches it when there is none, or none young enough."""
        at, value = self._values.get(key, (float("-inf"), None))
        now = time.monotonic()
        if now - at > SECONDS:
            if len(self._values) >= MOST:
                self._values.clear()
            value = look()
            self._values[key] = now, value
        return value

    def forget(self) -> None:
        """Look everything up anew from now on."""
        self._values.clear()
