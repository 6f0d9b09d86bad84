"""The demo company, synced once per session by the ordinary command."""

import json

import pytest

from connectors.demo import write
from tests import commands


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """The systems of the whole demo company up to October 2026."""
    folder = tmp_path_factory.mktemp("demo")
    write(folder, until="2026-10")
    return folder


@pytest.fixture(scope="session")
def demo_data(demo_folder, tmp_path_factory):
    """Its data directory."""
    data = tmp_path_factory.mktemp("warehouse")
    commands.sync(demo_folder / "sources.toml", data)
    return data


@pytest.fixture(scope="session")
def truth(demo_folder):
    """What was planted."""
    return json.loads((demo_folder / "truth.json").read_text("utf-8"))
