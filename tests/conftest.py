"""Fixtures that several folders of tests share."""

import os

import pytest

from tests import servers


def _url(server):
    try:
        with server() as url:
            yield url
    except servers.Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_url():
    """SQLAlchemy URL of a PostgreSQL server of this test session: superuser, database `rapport`, empty at first."""
    yield from _url(servers.postgres)


@pytest.fixture(scope="session")
def mariadb_url():
    """SQLAlchemy URL of a MariaDB server of this test session: all rights, database `rapport`, empty at first."""
    yield from _url(servers.mariadb)
