"""Who is asking, and which rows that person may see."""

from __future__ import annotations

from access.scope import FULL, NOTHING, Scope


def scope_of(reader: str | None) -> Scope:
    """The rows a reader may see. Without sign-in there is one reader, whoever sits at this machine, who sees all.

    A named reader has no rule until roles are configured, and without a rule a reader sees nothing.
    """
    return FULL if reader is None else NOTHING
