"""The tutorial tells the truth: each command of docs/tutorial.md prints the lines that stand below it, in that order."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

import connectors.__main__
import metrics.__main__

ROOT = Path(__file__).parents[2]
PROGRAMS = {"connectors": connectors.__main__.main, "metrics": metrics.__main__.main}
BLOCKS = re.findall(r"^```\n\$ python -m (.+?)\n(.*?)^```", (ROOT / "docs" / "tutorial.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


def squeezed(text: str) -> list[str]:
    """Lines with one space between words; what stands after "…" on a line is free."""
    return [" ".join(line.split("snapshot …")[0].split()) for line in text.splitlines() if line.strip() not in ("", "…")]


def test_there_is_a_command_of_each_kind():
    assert {tuple(shlex.split(command)[:2]) for command, _ in BLOCKS} == {("connectors", "check"), ("connectors", "sync"), ("metrics", "show")}


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[" ".join(command.split()[:3]) for command, _ in BLOCKS])
def test_command_prints_what_the_page_shows(synced, monkeypatch, tmp_path, command, shown):
    data = synced("online_retail")
    monkeypatch.setenv("COLUMNS", "110")
    program, *arguments = shlex.split(command)
    where = tmp_path if arguments[0] == "sync" else data
    arguments = [str(ROOT / word) if word.startswith("examples/") else str(where) if word == "data/shop" else word for word in arguments]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        assert PROGRAMS[program](arguments) == 0
    lines = iter(squeezed(printed.getvalue()))
    for line in squeezed(shown):
        assert any(found.startswith(line) for found in lines), f"{line!r} is not printed, or not in this place"
