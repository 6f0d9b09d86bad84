"""Every example is a valid sources file, and each is described where examples are listed."""

from pathlib import Path

import pytest

from connectors.sources import load

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.toml"))


def test_there_are_seven():
    names = ["cdnow", "helpdesk_italian", "maven_crm", "olist_funnel", "online_retail", "ravenstack", "sfo_survey_2017"]
    assert [path.stem for path in FILES] == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_is_valid(path):
    (source,) = load(path, reach=False).sources.values()
    assert source.kind == "files"
    assert Path(source.path).parts[-3:-1] == ("shared", "data")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_is_listed(path):
    assert f"`{path.name}`" in (EXAMPLES / "README.md").read_text("utf-8")
