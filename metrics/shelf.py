"""What is made once and asked for often: by key, the latest ones, whichever thread asks."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
_NOTHING = object()


class _Entry:
    """One thing, and the lock of who makes it."""

    def __init__(self) -> None:
        self.lock, self.value = threading.Lock(), _NOTHING


class Shelf(Generic[Value]):
    """Values by key. Whoever asks for one that is being made waits for it; one whose making failed is made anew by who asks next.

    most: how many are kept; the one that was asked for longest ago goes first. Values are shared: nobody may write to one.
    """

    def __init__(self, most: int):
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key; `make()` gives it the first time."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry()
                if len(self._entries) > self._most:
                    self._entries.popitem(last=False)
            else:
                self._entries.move_to_end(key)
        if entry.value is _NOTHING:
            with entry.lock:
                if entry.value is _NOTHING:
                    entry.value = make()
        return entry.value


def shelved(most: int) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """A function whose first argument is the key of what it makes of all of them: made once, shared by everybody."""

    def decorate(make: Callable[..., Value]) -> Callable[..., Value]:
        shelf: Shelf[Any] = Shelf(most)

        @functools.wraps(make)
        def get(key: str, *of: Any) -> Value:
            return shelf.get(key, lambda: make(key, *of))

        return get

    return decorate
