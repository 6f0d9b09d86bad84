"""Survey drill-down: weak areas, the map of dimensions by group, the way down by URL, waves; what is anonymous and what is restricted."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("drill", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Where exactly are we weak?", "zh-CN": "我们具体弱在哪里？"}[language]
