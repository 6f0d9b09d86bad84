"""Records are tried on SQLite and on PostgreSQL, each test in a database or schema of its own."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from records import database

NOW = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)
KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.server))


@pytest.fixture
def place(request, tmp_path):
    """place("postgresql") → the URL of an empty database of that kind, different at every call."""

    def make(kind: str) -> str:
        name = f"records_{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.sqlite"
        server = request.getfixturevalue("postgres_url")
        with create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
            connection.execute(text(f"create schema {name}"))
        return make_url(server).update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)

    return make


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def bare(place, kind, tmp_path):
    """An engine on an empty database; its connections are given back, for a server has no more than a hundred."""
    made = database.connect(tmp_path, place(kind))
    yield made
    made.dispose()


@pytest.fixture
def engine(bare):
    """An engine on an empty database at the newest schema."""
    database.migrate(bare)
    return bare
