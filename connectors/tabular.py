"""One table of files as SQL: every file prepared so that the engine reads it the same way, with nothing lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from connectors import encodings, layout, mending, spreadsheet
from connectors.errors import SourceError
from connectors.expressions import literal, quoted
from connectors.locate import EXCEL
from connectors.sources import Reading

JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Prepared:
    """A file ready to be scanned."""

    path: Path  # what the engine may open
    scan: str  # SQL giving its rows; columns of text unless `typed`
    names: tuple[str, ...]
    typed: bool
    found: str  # what was detected, to be shown
    has_faults: bool = False  # with a column `_fault`


def prepared(path: Path, sheet: str | None, read: Reading, folder: Path, engine: duckdb.DuckDBPyConnection) -> Prepared:
    """The file, or what was made of it in `folder`. Raises SourceError if it cannot be read at all."""
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        return Prepared(path, "select null where false", (), False, "empty file")
    if suffix in PARQUET:
        return _parquet(path)
    if suffix in EXCEL:
        return _sheet(path, sheet, read, folder)
    if suffix in JSON:
        return _json(path, folder, engine)
    return _delimited(path, read, folder, engine)


def _copy(folder: Path, path: Path, suffix: str) -> Path:
    return folder / f"{len(list(folder.iterdir()))}-{path.stem}{suffix}"


def _parquet(path: Path) -> Prepared:
    try:
        names = pq.read_schema(path).names
    except Exception as error:
        raise SourceError(f"{path.name} cannot be opened as Parquet: {str(error).splitlines()[0]}") from None
    return Prepared(path, f"select * from read_parquet({literal(str(path))})", tuple(names), True, f"Parquet, {len(names)} columns")


def _sheet(path: Path, sheet: str | None, read: Reading, folder: Path) -> Prepared:
    copy = _copy(folder, path, ".parquet")
    found, name = spreadsheet.converted(path, sheet, read, copy)
    scan = f"select {_texts(found.names, read)} from read_parquet({literal(str(copy))})" if found.names else "select null where false"
    said = f"sheet {name!r}, {'with a header' if found.header else 'without a header'}, {len(found.names)} columns"
    return Prepared(copy, scan, found.names, False, said)


def _json(path: Path, folder: Path, engine: duckdb.DuckDBPyConnection) -> Prepared:
    with path.open("rb") as file:
        is_array = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
    try:
        return _json_scan(path, is_array, engine)
    except duckdb.Error as error:
        if is_array:
            raise SourceError(f"{path.name} cannot be read as JSON: {str(error).splitlines()[0]}") from None
        copy = mending.mended_json(path, _copy(folder, path, ".jsonl"))
        return _json_scan(copy, False, engine)


def _json_scan(path: Path, is_array: bool, engine: duckdb.DuckDBPyConnection) -> Prepared:
    form = "array" if is_array else "newline_delimited"
    table = f"read_json({literal(str(path))}, format='{form}', maximum_depth=1, sample_size=-1, map_inference_threshold=-1)"
    engine.execute(f"select count(columns(*)) from {table}").fetchall()
    names = [row[0] for row in engine.execute(f"describe select * from {table}").fetchall()]
    own = [name for name in names if name != "_fault"]
    texts = ", ".join(f"nullif(trim(json_extract_string({quoted(n)}, '$')), '') as {quoted(n)}" for n in names)
    said = f"JSON {'array' if is_array else 'lines'}, {len(own)} columns"
    return Prepared(path, f"select {texts} from {table}", tuple(own), False, said, len(own) < len(names))


def _delimited(path: Path, read: Reading, folder: Path, engine: duckdb.DuckDBPyConnection) -> Prepared:
    encoding = encodings.checked(path, read.encoding) if read.encoding else encodings.detected(path)
    utf8 = encodings.as_utf8(path, encoding, folder)
    found = layout.detected(utf8, read)
    said = f"{encodings.NAMES.get(encoding, encoding)}, {found}"
    if not found.names:
        return Prepared(utf8, "select null where false", (), False, said)
    table = _read_csv(utf8, found, found.names)
    if found.delimiter != layout.WHITESPACE and _is_clean(engine, table):
        return Prepared(utf8, f"select {_texts(found.names, read)} from {table}", found.names, False, said)
    copy = mending.mended(utf8, found, _copy(folder, path, ".parquet"))
    scan = f'select {_texts(found.names, read)}, "_fault" from read_parquet({literal(str(copy))})'
    return Prepared(copy, scan, found.names, False, said, True)


def _is_clean(engine: duckdb.DuckDBPyConnection, table: str) -> bool:
    try:
        engine.execute(f"select count(columns(*)) from {table}").fetchall()
    except duckdb.Error:
        return False
    return True


def _read_csv(path: Path, found: layout.Layout, names: tuple[str, ...]) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    options = {
        "auto_detect": "false", "header": str(found.header).lower(), "skip": str(found.skip), "delim": literal(found.delimiter),
        "quote": literal(found.quote), "escape": literal(found.quote), "strict_mode": "true", "null_padding": "false",
        "columns": f"{{{columns}}}",
    }  # fmt: skip
    return f"read_csv({literal(str(path))}, {', '.join(f'{key}={value}' for key, value in options.items())})"


def _texts(names: tuple[str, ...], read: Reading) -> str:
    """SQL: each column trimmed, an empty cell and what `read.nulls` names as null."""
    blank = ", ".join(literal(text) for text in ("", *read.nulls))
    return ", ".join(f"case when trim({quoted(n)}) not in ({blank}) then trim({quoted(n)}) end as {quoted(n)}" for n in names)
