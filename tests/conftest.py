"""Fixtures that several folders of tests share."""

import os
import shutil
import tempfile

import pytest

from tests import KEPT, servers

os.environ.setdefault("RAPPORT_THREADS", "1")  # tests run beside each other; a second thread for tables of a few rows only costs
SMALL = {
    "spark.sql.shuffle.partitions": 1, "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false", "spark.default.parallelism": 1, "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}  # fmt: skip


def pytest_configure(config):
    """What the tests of this run publish is kept, for all workers, until the run ends (tests/published.py)."""
    if KEPT not in os.environ:
        os.environ[KEPT] = tempfile.mkdtemp(prefix="rapport-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(KEPT), ignore_errors=True))


def absent(why: str) -> None:
    """A program that tests need is not installed: they are skipped, and fail in CI, where tests/setup.sh has to bring it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


def _url(server):
    try:
        with server() as url:
            yield url
    except servers.Missing as missing:
        absent(str(missing))


@pytest.fixture(scope="session")
def java():
    """Without Java there is no Spark to test on. Its session is tuned for tables of a few rows: neither many partitions nor code generated for each query."""
    if not shutil.which("java"):
        absent("no Java found: install default-jre-headless")
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(f"--conf {name}={value}" for name, value in SMALL.items()) + " pyspark-shell"


@pytest.fixture(scope="session")
def postgres_url():
    """SQLAlchemy URL of a PostgreSQL server of this test session: superuser, database `rapport`, empty at first."""
    yield from _url(servers.postgres)


@pytest.fixture(scope="session")
def mariadb_url():
    """SQLAlchemy URL of a MariaDB server of this test session: all rights, database `rapport`, empty at first."""
    yield from _url(servers.mariadb)
