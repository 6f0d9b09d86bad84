"""Passwords: where they come from, and that no message tells them."""

import pytest

from connectors.secrets import mask, password_of, resolve, variable

URL = "postgresql://reader:p%40ss%2Fw%C3%B6rt@erp:5432/db"
SAID = [
    f"could not connect to {URL}",
    "connection string: host='erp' password='p@ss/wört' dbname='db'",
    "Access denied for p@ss/wört",
    "password=p%40ss%2Fw%C3%B6rt",
    'attach "password = p@ss/wört user=reader"',
]


@pytest.mark.parametrize("said", SAID)
def test_a_message_loses_the_password_in_every_spelling(said):
    masked = mask(said, URL)
    assert "***" in masked
    assert not any(part in masked for part in ("p@ss", "p%40ss", "wört", "%C3%B6"))


def test_what_is_not_a_secret_stays():
    assert mask("nothing listens at erp:5432", URL) == "nothing listens at erp:5432"
    assert mask("database is locked", "sqlite:///x.db") == "database is locked"
    assert mask("x", None) == "x"


def test_the_password_of_a_url():
    assert password_of(URL) == "p@ss/wört"
    assert password_of("sqlite:///x.db") is None
    assert password_of("no url") is None


def test_a_secret_that_is_nowhere_says_where_was_looked(tmp_path):
    with pytest.raises(LookupError, match=r"RAPPORT_SECRET_A_B_C.*secrets\.toml"):
        resolve("secret:a.b-c", tmp_path)
    assert variable("a.b-c") == "RAPPORT_SECRET_A_B_C"


def test_a_broken_secrets_file_is_named_and_not_quoted(tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("geheim = [")
    with pytest.raises(LookupError) as caught:
        resolve("secret:a", tmp_path)
    assert "not valid TOML" in str(caught.value)
    assert "geheim" not in str(caught.value)
