"""Each example is synced once per session, by the ordinary command."""

from pathlib import Path

import pytest

from connectors.sources import load
from tests import commands

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def synced(tmp_path_factory):
    """A function: the name of an example → its data directory. Skips where the data set is not beside the repository."""
    done: dict[str, Path] = {}

    def data(name: str) -> Path:
        if name not in done:
            sources = EXAMPLES / f"{name}.toml"
            (source,) = load(sources, reach=False).sources.values()
            if not Path(source.path).is_dir():
                pytest.skip(f"the data set is not there: {source.path}")
            done[name] = tmp_path_factory.mktemp(name)
            commands.sync(sources, done[name])
        return done[name]

    return data
