"""Whether a query meant for a database is one statement that only reads.

The words are checked before anything is sent, so that a slip is named with its line; what really keeps a source safe is the
read-only session it is sent in, and the read-only role of `docs/connect.md`.
"""

from __future__ import annotations

import re

from connectors.errors import SourceError

PIECES = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:''|\\'|[^'])*'|"(?:""|[^"])*"|`[^`]*`|\$(\w*)\$.*?\$\1\$|\w+|[^\s\w]""",
    re.DOTALL,
)
WRITING = {"insert", "update", "delete", "merge", "into", "drop", "alter", "create", "truncate", "grant", "revoke", "attach", "pragma", "copy", "call"}


def single_select(sql: str) -> str:
    """The statement without a closing semicolon. Raises SourceError if it is not one SELECT (or WITH … SELECT)."""
    words = [piece for piece in (m[0] for m in PIECES.finditer(sql)) if not piece.startswith(("--", "/*"))]
    while words and words[-1] == ";":
        words.pop()
    if not words or words[0].lower() not in ("select", "with", "("):
        raise SourceError(f"the query must be a SELECT, this one begins with {(words or ['nothing'])[0]!r}")
    if ";" in words:
        raise SourceError("the query is more than one statement; write one SELECT")
    if writing := next((word for word in words if word.lower() in WRITING), None):
        raise SourceError(f"the query contains {writing!r}, which changes data; write one SELECT that only reads (quote it if it is a column's name)")
    return sql.strip().rstrip(";").strip()
