"""The two command lines, as a script would use them: for tests that look at the product from outside."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from connectors.__main__ import main as connectors
from metrics.__main__ import main as metrics


def sync(sources: Path, data: Path, *more: str) -> None:
    """`python -m connectors sync`, which has to publish."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = connectors(["sync", "--sources", str(sources), "--data", str(data), *more])
    assert code == 0, said.getvalue()


def status(data: Path) -> dict:
    """What `python -m connectors status --json` prints."""
    return _printed(connectors, ["status", "--data", str(data), "--json"])


def show(data: Path, *arguments: str) -> dict:
    """What `python -m metrics show … --json` prints, its checks passed."""
    told = _printed(metrics, ["show", *arguments, "--data", str(data), "--json"])
    assert all(check["ok"] for check in told["checks"]), told["checks"]
    return told


def rows(data: Path, *arguments: str) -> list[dict]:
    """The rows of `show`."""
    return show(data, *arguments)["rows"]


def value(data: Path, *arguments: str) -> float:
    """The value of the one row of `show`."""
    (row,) = rows(data, *arguments)
    return row["value"]


def by(data: Path, *arguments: str, measure: str = "value") -> dict:
    """{key: measure} of a question with exactly one segment column; rows without a value in it have the key None."""
    (column,) = [arguments[place + 1] for place, word in enumerate(arguments) if word == "--by"]
    return {row[column]: row[measure] for row in rows(data, *arguments)}


def _printed(command, arguments: list[str]):
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = command(arguments)
    assert code == 0, complained.getvalue()
    return json.loads(said.getvalue())
