"""A query meant for a database: one statement that only reads."""

import pytest

from connectors.base import SourceError
from connectors.statements import single_select

GOOD = [
    "select 1",
    "SELECT a, 'x; drop table y' as b from c;",
    'with x as (select 1 as update_time) select update_time, "delete", `into` from x -- ; delete',
    "/* update */ select 'it''s' from t where a = 'b\\'s'",
    "(select 1) union all (select 2)",
    "select $$; drop $$ as x",
]
BAD = [
    ("", "begins with 'nothing'"),
    ("   -- select", "begins with 'nothing'"),
    ("delete from t", "begins with 'delete'"),
    ("call p()", "begins with 'call'"),
    ("pragma writable_schema = 1", "begins with 'pragma'"),
    ("select 1; select 2", "more than one statement"),
    ("with x as (delete from t returning *) select * from x", "contains 'delete'"),
    ("select * into evil from t", "contains 'into'"),
    ("select * from t for update", "contains 'update'"),
    ("select 1 /* */ ; DROP table t", "more than one statement"),
]


@pytest.mark.parametrize("sql", GOOD)
def test_a_select_passes_without_its_semicolon(sql):
    assert single_select(sql) == sql.rstrip(";")


@pytest.mark.parametrize(("sql", "words"), BAD)
def test_anything_else_is_refused(sql, words):
    with pytest.raises(SourceError, match=words):
        single_select(sql)
