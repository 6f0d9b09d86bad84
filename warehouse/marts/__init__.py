"""The marts, in the order they are built, and the one function that rebuilds those whose inputs changed."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import narwhals as nw

from warehouse.contract import ENTITIES
from warehouse.marts import accounts, churn, deals, events, health, identity, money, quarters, recurring, revenue, scores
from warehouse.marts.base import Mart

MODULES = (  # a mart reads only marts above it
    accounts,
    money,
    recurring,
    revenue,
    scores,
    deals,
    quarters,
    events,
    churn,
    health,
    identity,
)
MARTS: dict[str, Mart] = {mart.name: mart for module in MODULES for mart in module.MARTS}
BUILD_MEMORY = "1200MB"


def checked(settings: Mapping) -> None:
    """Raise ValueError with what keeps a mart from being built with these settings."""
    for mart in MARTS.values():
        if mart.check:
            mart.check(settings)


def rebuild(
    data: Path,
    tables: Mapping[str, int],
    settings: Mapping,
    extras: Mapping[str, tuple[str, ...]],
    previous: Mapping[str, int],
    write: Callable[[str, duckdb.DuckDBPyRelation], int],
    progress: Callable[[str], None] = lambda name: None,
) -> dict[str, int]:
    """Versions of all marts for these table versions; only those whose inputs, settings or code changed are built.

    tables: entity → version. previous: mart → version of the snapshot before. write(name, rows) stores a new version.
    """
    from warehouse import engine as engines

    worker = engines.DuckEngine(memory_limit=BUILD_MEMORY, spill=data / "spill")
    stored = {name: engines.described(data, name, version, tuple(extras.get(name, ()))) for name, version in tables.items()}
    zone = settings.get("calendar", {}).get("timezone", "UTC")
    done: dict[str, int] = {}
    for mart in MARTS.values():
        print_ = _fingerprint(mart, {**tables, **done}, settings, extras)
        kept = previous.get(mart.name)
        if kept is None or _remembered(data, mart.name).get(str(kept)) != print_:
            progress(mart.name)
            opened = engines.Tables(worker, stored, zone=zone, scope=engines.FULL, key="build")
            kept = write(mart.name, nw.to_native(mart.build(opened, settings)))
            _remember(data, mart.name, kept, print_)
        done[mart.name] = kept
        stored[mart.name] = engines.described(data, mart.name, kept)
    return done


def _fingerprint(mart: Mart, versions: Mapping[str, int], settings: Mapping, extras: Mapping) -> str:
    """Changes when the mart's inputs, the settings, or the code that builds it change. Identities touch every entity."""
    resolved = {name for name in mart.reads if name in ENTITIES} and {"identities"} - {mart.name}
    inputs = {name: versions.get(name) for name in sorted({*mart.reads, *resolved})}
    parts = [inputs, {name: list(extras.get(name, ())) for name in mart.reads}, settings, _code(mart)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _code(mart: Mart) -> list[str]:
    """The text of the mart's module, and of the modules of ours that it takes something from: of this package, and what metrics learn with."""
    seen: set[str] = set()
    waiting = [mart.build.__module__]
    while waiting:
        name = waiting.pop()
        if name not in seen and name.startswith((__name__ + ".", "metrics.")):
            seen.add(name)
            waiting += {_home(thing) for thing in vars(sys.modules[name]).values()}
    return [inspect.getsource(sys.modules[name]) for name in sorted(seen)]


def _home(thing) -> str:
    """The module that something comes from, or that it is."""
    return thing.__name__ if inspect.ismodule(thing) else str(getattr(thing, "__module__", ""))


def _remembered(data: Path, name: str) -> dict[str, str]:
    """version → fingerprint of what it was built from. Losing this file costs one rebuild, nothing else."""
    path = data / "marts" / f"{name}.built.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _remember(data: Path, name: str, version: int, fingerprint: str) -> None:
    path = data / "marts" / f"{name}.built.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({str(version): fingerprint}))
    fresh.replace(path)
