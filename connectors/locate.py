"""Which files a table of a `files` source means."""

from __future__ import annotations

import glob
from pathlib import Path

from connectors.errors import SourceError, listed, nearest

EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def located(path: str, wanted: str | None) -> tuple[list[Path], str | None]:
    """The files, sorted by name, and the sheet where one is named.

    `path` is a folder and `wanted` a file or glob in it ("*.csv", "book.xlsx#Sheet 2"); or `path` is a file, and `wanted`
    a sheet of it or None. Raises SourceError saying what is there instead.
    """
    base = Path(path)
    if not base.exists():
        raise SourceError(f"there is no folder or file {base}")
    if base.is_file():
        return [base], wanted if base.suffix.lower() in EXCEL else None
    name, _, sheet = (wanted or "").partition("#")
    found = _matching(base, wanted or "") or _matching(base, name)
    if not found:
        there = sorted(p.name for p in base.iterdir())
        raise SourceError(f"there is no file {wanted!r} in {base}{nearest(name, there)}; there is {listed(there, 12)}")
    return found, sheet if sheet and not _matching(base, wanted or "") else None


def _matching(base: Path, pattern: str) -> list[Path]:
    if not pattern:
        return []
    if (base / pattern).is_file():
        return [base / pattern]
    return sorted(Path(found) for found in glob.glob(str(base / pattern), recursive=True) if Path(found).is_file())
