"""Why rows were refused, in the reader's language. In the quarantine the reasons are data, in English; here they are recognised again."""

from __future__ import annotations

from ui.recognised import recognised


def rule(text: str) -> str:
    """A rule that a row breaks ("amount: missing")."""
    return recognised("refusals.rules", text)


def sentence(text: str) -> str:
    """The sentence about one row."""
    return recognised("refusals.sentences", text)
