"""What a large computation leaves behind in memory."""

from __future__ import annotations

import ctypes
import functools


def give_back() -> None:
    """Return freed memory to the system, with glibc; elsewhere do nothing.

    It keeps it otherwise, scattered between what lives on, and the next large computation takes more.
    """
    trim = _trim()
    if trim:
        trim(0)


@functools.cache
def _trim():
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # no such thing as the program's own library there
        return None
