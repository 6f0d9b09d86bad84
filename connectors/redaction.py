"""What may not be written into a log: passwords, tokens, cookies and codes of sign-in, whoever logs them and wherever it goes.

`install` is called once by the server and by each command line. It works on the records themselves, before any handler sees them, so
libraries that log a header or a URL, and tracebacks that quote one, are covered like our own words. Secrets that were looked up
(`connectors.secrets`) are known by their value, everything else by its shape.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import tomllib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST = 4  # characters: masking "a" wherever it stands would hide that it is a secret, and the log with it
SECRET_FILE = Path(".streamlit") / "secrets.toml"
PREFIX = "RAPPORT_SECRET_"  # of environment variables
NAMED = r"pass(?:word|wd|phrase)|pwd|secret(?=\s*=)|\w+_secret|(?:api|access|private|secret)[_-]?key|(?:\w+_)?token|credentials?"
HEADERS = r"(?:proxy-)?authorization|set-cookie|cookie|x-api-key|x-auth-token|x-xsrftoken"
SHAPES = (  # pattern, what takes its place
    (re.compile(r"(://[^\s:/@]*:)[^\s@/?#]+(?=@)"), rf"\1{MASK}"),  # scheme://user:password@
    (re.compile(rf"((?<![\w-])(?:{HEADERS})(?:['\"]\s*[:,=]|\s*[:=])\s*(?:b(?=['\"]))?)('[^']*'|\"[^\"]*\"|[^\r\n'\"]+)", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"((?<![\w-])(?:{NAMED})['\"]?\s*[:=]\s*)('(?:[^']|'')*'|\"[^\"]*\"|[^\s,;&)}}\]]+)", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(\bbearer\s+)[\w.~+/=-]+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"([?&](?:code|state|nonce|session_state|id_token_hint|client_assertion|assertion)=)[^&\s'\"#]+"), rf"\1{MASK}"),
    (re.compile(r"(_streamlit_\w+=)[^;,\s'\"]+"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*"), MASK),  # a signed token
)
_known: set[str] = set()


def learn(secret: str) -> None:
    """From now on this value is masked, in every spelling of a URL. Of a URL itself only its password is secret."""
    inside = re.match(r"[^:/\s]+://[^:/@\s]*:([^@\s]+)@", secret)
    value = inside[1] if inside else None if "://" in secret else secret
    if value and len(value) >= SHORTEST:
        _known.update({value, unquote(value), quote(unquote(value), safe=""), quote(unquote(value)), quote_plus(unquote(value))})


def learn_configured(folder: Path) -> None:
    """The secrets of the environment and of `.streamlit/secrets.toml` in a folder, whether they have been looked up yet or not."""
    for name, value in os.environ.items():
        if name.startswith(PREFIX):
            learn(value)
    try:
        entries = tomllib.loads((folder / SECRET_FILE).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return
    for name, value in _leaves(entries):
        if "://" in value or re.search(NAMED + "|secret", name, re.IGNORECASE):
            learn(value)


def _leaves(entries: Mapping, name: str = "") -> Iterator[tuple[str, str]]:
    for key, value in entries.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, key)
        elif isinstance(value, str):
            yield key, value


def redacted(text: str) -> str:
    """The text without anything secret in it."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, MASK)
    for shape, instead in SHAPES:
        text = shape.sub(instead, text)
    return text


def install(folder: Path | None = None) -> None:
    """Mask every log record of this process, and what Python prints of an error that nobody caught. Calling it again changes nothing.

    folder: where `.streamlit/secrets.toml` stands; None for the working folder.
    """
    learn_configured(folder or Path.cwd())
    before = logging.getLogRecordFactory()
    if getattr(before, "is_redacting", False):
        return

    def record(*args, **further) -> logging.LogRecord:
        return _clean(before(*args, **further))

    record.is_redacting = True
    logging.setLogRecordFactory(record)
    sys.excepthook = lambda kind, error, trace: _print(kind, error, trace)
    threading.excepthook = lambda args: _print(args.exc_type, args.exc_value, args.exc_traceback)


def _clean(record: logging.LogRecord) -> logging.LogRecord:
    """A record whose words and traceback hold no secret; formatters use the traceback that is written here."""
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
    try:
        said = record.getMessage()
    except (TypeError, ValueError, KeyError):
        return record  # logging says itself what is wrong with it
    clean = redacted(said)
    if clean != said and not _masked_by_parts(record, clean):
        record.msg, record.args = clean, ()
    return record


def _masked_by_parts(record: logging.LogRecord, clean: str) -> bool:
    """Whether masking the values alone gives the same: formatters that take a record apart (access logs) still can."""
    if not isinstance(record.args, tuple):
        return False
    parts = tuple(redacted(part) if isinstance(part, str) else part for part in record.args)
    try:
        is_same = str(record.msg) % parts == clean
    except (TypeError, ValueError):
        return False
    if is_same:
        record.args = parts
    return is_same


def _print(kind, error, trace) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))
