"""Everything that can be wrong with a sources file before any system is reached, found in one go.

The rules are small functions over the raw TOML, each giving faults; a file with no fault becomes `Sources`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connectors import expressions, lines
from connectors import secrets as vault
from connectors.errors import Fault, SourceError, SourcesError, listed, nearest
from connectors.locate import located
from connectors.pipeline import check_query
from connectors.sources import MAPPED_KINDS, Source, Sources, Table, read_as
from connectors.statements import single_select
from warehouse import contract

Found = Iterator[tuple[tuple, str]]  # path of the key, what is wrong with it


def inspected(path: Path, secrets: Mapping | None, *, reach: bool, files: bool) -> Sources:
    """The validated file; `reach` also looks up its secrets, and with `files` its files. Raises SourcesError."""
    text = _text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourcesError(path, [Fault("", f"not valid TOML: {error}", getattr(error, "lineno", None))]) from None
    folder = path.resolve().parent
    found = [*_meant(raw), *_resolved(raw, folder), *(_reached(raw, folder, secrets, files) if reach else ())]
    model = None
    try:
        model = Sources.model_validate(raw)
    except ValidationError as error:
        found += [(item["loc"], _words(item)) for item in error.errors()]
    if not found and model is not None:
        return model
    at = lines.index(text)
    raise SourcesError(path, {Fault(".".join(map(str, where)), what, lines.of(where, at)) for where, what in found})


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise SourcesError(path, [Fault("", "there is no such file; name the sources file with --sources or RAPPORT_SOURCES")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesError(path, [Fault("", f"the file cannot be read as UTF-8 text: {error}")]) from None


# --- what pydantic finds, in words --------------------------------------------------------------------------------


def _words(item: dict) -> str:
    kind, where = item["type"], item["loc"]
    if kind == "extra_forbidden":
        known = _keys_at(where[:-1])
        return f"unknown key{nearest(where[-1], known)}; known keys are {listed(known)}"
    if kind == "missing":
        return "this key is needed"
    if kind == "literal_error":
        expected = item["ctx"]["expected"]
        hint = nearest(item["input"], re.findall("'([^']*)'", expected))
        return f"{item['input']!r} is not one of {expected}{hint}"
    return item["msg"].removeprefix("Value error, ")


def _keys_at(where: tuple) -> list[str]:
    """The keys that may stand at a place of the file."""
    model: type[BaseModel] = Sources
    for part in where:
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        if field is not None:
            model = next((a for a in _types(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)), model)
    return [field.alias or name for name, field in model.model_fields.items() if (model, name) not in {(Source, "name"), (Table, "name")}]


def _types(annotation) -> Iterator:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


# --- what only we can know ------------------------------------------------------------------------------------------


def _meant(raw: dict) -> Found:
    yield from _zone(("calendar", "timezone"), _dict(raw.get("calendar")).get("timezone"))
    if not raw.get("sources"):
        yield ("sources",), 'no source is declared; begin with [sources.NAME] and kind = "files" or "sql"'
    for name, source in _tables(raw.get("sources")):
        yield from _source(("sources", name), name, source)


def _source(at: tuple, name: str, source: dict) -> Found:
    if ":" in name or not name.strip():
        yield at, "a source's name goes in front of its keys and may not be empty or contain a colon"
    kind = source.get("kind")
    yield from _zone((*at, "timezone"), source.get("timezone"))
    for needed in {"files": ["path"], "sql": ["url"], "demo": ["path"]}.get(kind, []):
        if needed not in source and any("rows" not in table for _, table in _tables(source.get("tables"))):
            yield at, f'a source of kind {kind!r} needs {needed} = "…"'
    if kind in MAPPED_KINDS and not source.get("tables"):
        yield at, "no table is declared; add [sources.NAME.tables.ENTITY]"
    for table_name, table in _tables(source.get("tables")):
        yield from _table((*at, "tables", table_name), table_name, table, read_as(kind, table.get("from")))


def _table(at: tuple, name: str, table: dict, kind) -> Found:
    entity = table.get("entity") or name
    if entity not in contract.ENTITIES:
        yield (
            (*at, "entity") if "entity" in table else at,
            f"there is no entity {entity!r}{nearest(entity, contract.ENTITIES)}; the contract knows {listed(contract.ENTITIES)}",
        )
    else:
        yield from _mapping((*at, "columns"), entity, table, kind)
    given = [key for key in ("from", "query", "rows") if key in table]
    if len(given) > 1 and not (kind == "files" and given == ["from", "query"]):
        yield at, f"{' and '.join(given)} exclude each other; a table has exactly one of from, query, rows"
    if not given and kind in MAPPED_KINDS:
        yield at, 'where do the rows come from? A table needs one of from = "…", query = "…", rows = […]'
    if kind == "files" and given == ["query"]:
        yield at, 'a query over files needs from = "…" as well: the file or files that it calls source'
    for key in ("where", "incremental") if kind == "files" or "rows" in table else ("where",):
        yield from _expression((*at, key), table.get(key))
    for key in ("query", "tombstones"):
        yield from _query((*at, key), table.get(key), kind)
    yield from _deletions(at, kind, table)


def _query(at: tuple, sql, kind) -> Found:
    check = {"files": check_query, "sql": single_select}.get(kind)
    if isinstance(sql, str) and check:
        try:
            check(sql)
        except SourceError as error:
            yield at, str(error)


def _mapping(at: tuple, entity: str, table: dict, kind) -> Found:
    known = contract.columns(entity)
    mapping = _dict(table.get("columns"))
    for name, expression in mapping.items():
        if name in contract.MANAGED:
            yield (*at, name), f"{name} is filled by the sync and cannot be mapped"
        elif name not in known:
            yield (*at, name), f"{entity} has no column {name!r}{nearest(name, known)}; it has {listed(n for n in known if n not in contract.MANAGED)}"
        yield from _expression((*at, name), expression)
    if kind in MAPPED_KINDS:
        missing = [c.name for c in known.values() if c.required and c.default is None and c.name not in (*contract.MANAGED, *mapping)]
        if missing:
            yield at, f'{entity} needs {listed(missing)}; write an expression for each, such as {missing[0]} = "column of the source"'


def _deletions(at: tuple, kind: str, table: dict) -> Found:
    if table.get("deletes") == "delta" and kind in MAPPED_KINDS:
        yield (*at, "deletes"), f'deletes = "delta" needs a system that tells what was deleted, and {kind} does not; take "sweep", "tombstone" or "flag"'
    if table.get("deletes") == "tombstone" and not table.get("tombstones"):
        yield (*at, "deletes"), 'deletes = "tombstone" needs tombstones = "select …": a query giving the keys of the deleted rows'
    if table.get("deletes") == "flag" and "is_deleted" not in _dict(table.get("columns")):
        yield (*at, "deletes"), 'deletes = "flag" needs an expression for the column is_deleted'


def _expression(at: tuple, expression) -> Found:
    if not isinstance(expression, str):
        return
    try:
        expressions.columns_of(expression)
    except SourceError as error:
        yield at, str(error)


def _zone(at: tuple, zone) -> Found:
    if not isinstance(zone, str):
        return
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        yield at, f'{zone!r} is not a time zone; write an IANA name such as "Asia/Shanghai"'


# --- paths and secrets ------------------------------------------------------------------------------------------------


def _resolved(raw: dict, folder: Path) -> Found:
    """Fill names and absolute paths into `raw`; refuse a password that stands in the file."""
    for name, source in _tables(raw.get("sources")):
        source.setdefault("name", name)
        for table_name, table in _tables(source.get("tables")):
            table.setdefault("name", table_name)
            table.setdefault("entity", table_name)
        if isinstance(source.get("path"), str):
            source["path"] = str((folder / Path(source["path"]).expanduser()).resolve())
        url = source.get("url")
        if isinstance(url, str) and not url.startswith(vault.PREFIX) and vault.password_of(url):
            instead = f'url = "secret:connections.{name}.url"'
            yield ("sources", name, "url"), f"a password stands in the file; put the URL into {vault.FILE} and write {instead} here"
            source["url"] = None


def _reached(raw: dict, folder: Path, secrets: Mapping | None, files: bool) -> Found:
    """Fill secrets into `raw`; a file or secret that is not there is a fault."""
    for name, source in _tables(raw.get("sources")):
        yield from _url(("sources", name, "url"), source, folder, secrets)
        if files and source.get("kind") == "files" and isinstance(source.get("path"), str):
            yield from _files(("sources", name), source)


def _files(at: tuple, source: dict) -> Found:
    if not Path(source["path"]).exists():
        yield (*at, "path"), f"there is no folder or file {source['path']}"
        return
    for name, table in _tables(source.get("tables")):
        if isinstance(wanted := table.get("from"), str):
            try:
                located(source["path"], wanted)
            except SourceError as error:
                yield (*at, "tables", name, "from"), str(error)


def _url(at: tuple, source: dict, folder: Path, secrets: Mapping | None) -> Found:
    url = source.get("url")
    if not isinstance(url, str):
        return
    try:
        source["url"] = _beside(vault.resolve(url, folder, secrets) if url.startswith(vault.PREFIX) else url, folder)
    except LookupError as error:
        yield at, str(error)
    except ArgumentError:
        yield at, 'not a database URL; write dialect://user@host:port/database, e.g. "postgresql://reader@erp.local/erp"'


def _beside(url: str, folder: Path) -> str:
    """An SQLite file named relative to the sources file gets its full path."""
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database or parts.database == ":memory:":
        return url
    return parts.set(database=str((folder / Path(parts.database).expanduser()).resolve())).render_as_string(hide_password=False)


def _dict(value) -> dict:
    return value if isinstance(value, dict) else {}


def _tables(value) -> Iterator[tuple[str, dict]]:
    return ((name, part) for name, part in _dict(value).items() if isinstance(part, dict))
