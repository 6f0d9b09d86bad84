"""Data health: the worst first and whose it is, a list as long as its number, and an older snapshot that was never judged."""

import pytest

from tests.pages.conftest import LANGUAGES, failures, texts


@pytest.mark.parametrize("warehouse", ["full", "empty", "missing"])
def test_the_page_runs(run, warehouse):
    app = run("health", warehouse, LANGUAGES[warehouse == "full"])
    assert failures(app) == []
    assert app.title[0].value == ("数据有哪些问题？由谁来修正？" if warehouse == "full" else "What is wrong in the data, and who fixes it?")


def test_the_worst_check_is_told_first_with_who_fixes_it(run):
    app = run("health")
    assert "checks are over their threshold" in texts(app) and "Who fixes it: not named" in texts(app)
    checks = next(part.value for part in app.dataframe if "verdict" in part.value.columns)
    assert checks["verdict"].iloc[0] == "fail" and checks["verdict"].iloc[-1] == "pass"
    assert dict(zip(checks["check"], checks["numerator"], strict=True))["Region missing"] == 20  # every fourth of 80 customers has none
