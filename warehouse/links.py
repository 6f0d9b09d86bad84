"""Which customer records are one customer, as a step of a sync: after the tables are merged, before the marts are built.

Four tables come out, stored beside the marts and named by the snapshot like them. They are made anew only when customers, decisions, settings or the code
have changed, and each is written only when its rows are others than before. Without the step there are none, and customers are what their sources say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.sources import Identity
from records.judged import IdentityDecision
from warehouse import scratch, store
from warehouse.base import Base
from warehouse.errors import INTERRUPTED, StoreError, is_disk_full

LINKS, QUEUE, CHILDREN, FOUND = "identity_links", "identity_queue", "identity_children", "identity_found"
ALIKE = "if(probability is null, try_cast(json_extract_string(weights, '$.name') as double), null)"  # of names, where nothing was learned
TABLES = {  # name → part of the answer and what is stored of it; no column is called customer_id: whoever asks about a customer goes through a mart
    LINKS: ("links", "select record_id, customer_id as linked_id, rule, probability, via, evidence from links order by record_id"),
    QUEUE: ("queue", f"""select record_a, record_b, reason, probability, weights, evidence, is_postponed, {ALIKE} as alike
        from queue order by record_a, record_b"""),
    CHILDREN: ("children", 'select record_id, branch, parent_customer_id as parent_id, "by" as known_by from children order by record_id'),
    FOUND: ("findings", """select md5(finding || '|' || array_to_string(record_ids, '|')) as finding_id, finding, unnest(record_ids) as record_id, detail
        from findings order by finding_id, record_id"""),
}  # fmt: skip
REMEMBERED = "identity.built.json"
ASKED = "cast(customer_id as varchar) as record_id, kind, name, tax_no, email, phone, region, parent_id"
PACKAGE = Path(__file__).parent / "identity"


@dataclass(frozen=True)
class Linked:
    """table → version in force; empty where the step is off. warning: why those of the snapshot before stay, if they do."""

    versions: dict[str, int]
    warning: str | None = None


def is_wanted(settings: Identity, state: Mapping[str, dict]) -> bool:
    """Whether records are to be told apart: as set, else where two or more sources have customers. state: "source.table" → what is known of it."""
    if settings.enabled is not None:
        return settings.enabled
    return len({origin.partition(".")[0] for origin, kept in state.items() if kept and kept["entity"] == "customers" and kept["rows"]}) > 1


def linked(base: Base, settings: Identity, decisions: Iterable[IdentityDecision], spill: Path, told: Callable[[], None] = lambda: None) -> Linked:
    """The tables for the customers in force; those of the snapshot before where nothing has changed, or where the records could not be told apart.

    told: called when they are made anew. Raises StoreError where nothing can be written.
    """
    said = [(row.record_a, row.record_b, row.decision, row.at) for row in decisions]
    print_ = _fingerprint(base.versions["customers"], settings, said)
    before = {name: version for name in TABLES if (version := base.published(name)) is not None and store.exists(base.data, name)}
    known = _remembered(base.data)
    if len(before) == len(TABLES) and known.get("versions") == before and known["fingerprint"] == print_:
        return Linked(before)
    told()
    try:
        versions, contents = _made(base, settings, said, spill, before if known.get("versions") == before else {}, known.get("contents", {}))
    except (StoreError, duckdb.InterruptException):
        raise
    except Exception as error:
        if is_disk_full(error) or str(error) == INTERRUPTED:
            raise
        return Linked(before, _kept(error, bool(before)))
    _remember(base.data, {"fingerprint": print_, "versions": versions, "contents": contents})
    return Linked(versions)


def _kept(error: Exception, is_known: bool) -> str:
    stays = "those of the last snapshot stay" if is_known else "every record counts as its own customer, but for what its source says"
    return f"which customer records are one customer could not be worked out ({str(error).strip().splitlines()[0]}): {stays}. The next sync tries again."


def _made(base: Base, settings: Identity, said: list[tuple], spill: Path, before: Mapping[str, int], contents: Mapping[str, str]):
    """Versions and contents of all tables, made anew. A table with the rows it had keeps its version."""
    from warehouse.identity import identity  # dictionaries of characters and telephone numbers: only for who needs them

    with closing(scratch.connect(spill)) as con:
        con.execute(f"create view living as select * from {_relation(base)} where not is_deleted")
        con.execute(f"create view asked as select {ASKED} from living")
        con.execute("create view merged as select cast(customer_id as varchar) as record_id, merged_into from living where merged_into is not null")
        con.register("decided", _table(said))
        answer = identity(con, "asked", "decided", "merged", link=settings.link, ask=settings.ask)
        rows = {name: getattr(answer, part).query(part, sql) for name, (part, sql) in TABLES.items()}
        fresh = {name: _content(found) for name, found in rows.items()}
        kept = {name for name in before if contents.get(name) == fresh[name]}
        return {name: before[name] if name in kept else store.write(base.data, name, rows[name]) for name in TABLES}, fresh


def _relation(base: Base) -> str:
    uris = store.uris(base.data, "customers", base.versions["customers"])
    if uris:
        return scratch.parquet(uris)
    names = ("customer_id", "kind", "name", "tax_no", "email", "phone", "region", "parent_id", "merged_into")
    return scratch.empty({**dict.fromkeys(names, "varchar"), "is_deleted": "boolean"})


def _table(said: list[tuple]) -> pa.Table:
    """Decisions as the kernel reads them; each pair stands in them once, so their order is that of the pairs."""
    columns = list(zip(*sorted(said), strict=True)) if said else [()] * 4
    kinds = {"record_a": pa.string(), "record_b": pa.string(), "decision": pa.string(), "decided_at": pa.timestamp("us", "UTC")}
    return pa.table({name: pa.array(column, kind) for (name, kind), column in zip(kinds.items(), columns, strict=True)})


def _content(rows: duckdb.DuckDBPyRelation) -> str:
    """What identifies rows, whatever their order."""
    n, total = rows.query("t", "select count(*), sum(cast(hash(t) as hugeint)) from t").fetchone()
    return f"{n}:{total}"


def _fingerprint(version: int, settings: Identity, said: list[tuple]) -> str:
    """Changes when customers, decisions, settings, or the code and words of the kernel change."""
    code = [path.read_text("utf-8") for path in sorted((*PACKAGE.glob("*.py"), *PACKAGE.glob("*.toml"), Path(__file__)))]
    parts = [version, settings.model_dump(exclude={"enabled"}), sorted(said), code]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _remembered(data: Path) -> dict:
    """Fingerprint, versions and contents of the tables made last. Losing this file costs one run, nothing else."""
    path = data / "marts" / REMEMBERED
    return json.loads(path.read_text()) if path.exists() else {}


def _remember(data: Path, known: dict) -> None:
    path = data / "marts" / REMEMBERED
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(known))
    fresh.replace(path)
