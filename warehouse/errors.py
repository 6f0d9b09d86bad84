"""What can go wrong with a data directory, in words an administrator can act on."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(Exception):
    """The data directory cannot be read or written: what is wrong and what to do."""


class NoSnapshot(StoreError):
    """Nothing has been published yet, or not under this id."""


FULL_SIGNS = ("no space left", "disk full", "quota exceeded", "file too large", "os error 28", "os error 27", "not enough disk")
FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the file system, DuckDB, Arrow or Delta means that nothing more can be written."""
    text = str(error).lower()
    return getattr(error, "errno", None) in FULL_CODES or any(sign in text for sign in FULL_SIGNS)


@contextmanager
def translated(data: Path, doing: str) -> Iterator[None]:
    """Turn "the disk is full", in whichever library's words, into a StoreError that says so."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise StoreError(
            f"could not {doing}: the disk holding {data} is full, or a quota or limit on files is reached ({_free(data)} free). "
            f"Nothing was published; the last snapshot stays in force. Free some space and sync again."
        ) from error


def _free(data: Path) -> str:
    try:
        return f"{shutil.disk_usage(data).free / 1e6:,.1f} MB"
    except OSError:
        return "unknown space"


INTERRUPTED = "Query interrupted"  # what DuckDB makes of Ctrl-C during a query: a RuntimeError like any other
