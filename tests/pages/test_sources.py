"""Sources: fresh, late, refused, failed; and what there is to do before the first sync."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("sources", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "How fresh is it, and what was refused?", "zh-CN": "数据有多新？哪些被拒收？"}[language]


def test_before_the_first_sync_it_says_what_to_do(run):
    app = run("sources", "missing")
    assert "No data has been loaded yet." in texts(app)
    assert "python -m connectors sync" in texts(app)


def test_sources_and_tables_are_counted(run):
    app = run("sources")
    assert {metric.label: metric.value for metric in app.metric} == {"Sources": "1", "Late": "0", "Tables failed": "0", "Rows refused": "0"}
    by_source = app.dataframe[0].value
    assert list(by_source["source"]) == ["made"]
