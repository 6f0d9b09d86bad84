"""The stages of a sale: which there are, by which names the sources know them, and where a deal stands among them.

[metrics.funnel]
stages = ["Lead", "Follow-up", ["Quote", "Proposal", "报价"], "Contract", "Payment received"]
won_stage = "Contract"            # default: the last stage before the cash, else the last one
cash_stage = "Payment received"   # counted from payments in the ERP; default: that name, where it is among the stages
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import narwhals as nw

CASH = ("Payment received", "Cash", "Paid", "回款")
DEFAULT = (
    ("Lead", "线索", "线索获取", "New"),
    ("Follow-up", "跟进", "Following up", "Qualified"),
    ("Quote", "报价", "方案", "Proposal", "Quotation"),
    ("Contract", "合同", "签约", "Won", "赢单"),
    CASH,
)
BARE = (("Created",), ("Won", "Contract"), CASH)  # where nothing is configured and the sources' stages are called otherwise


class StageError(ValueError):
    """`[metrics.funnel]` cannot be meant as written."""


@dataclass(frozen=True)
class Stages:
    """names: shown names in order, position 1 first. aliases: for each, every name that means it, normalised.

    won, cash: positions; cash is None where no stage stands for money received.
    """

    names: tuple[str, ...]
    aliases: tuple[frozenset[str], ...]
    won: int
    cash: int | None

    def position(self, column: str) -> nw.Expr:
        """The position of the stage named in `column`; null for a name that is not configured."""
        name = nw.col(column).str.strip_chars().str.to_lowercase()
        for letter in "-_":
            name = name.str.replace_all(letter, " ", literal=True)
        nothing = nw.lit(None).cast(nw.Int64)
        rows = enumerate(self.aliases, start=1)
        return reduce(lambda rest, row: nw.when(name.is_in(sorted(row[1]))).then(nw.lit(row[0])).otherwise(rest), rows, nothing).cast(nw.Int64)

    def name(self, column: str) -> nw.Expr:
        """The shown name of the position in `column`."""
        rows = enumerate(self.names, start=1)
        return reduce(lambda rest, row: nw.when(nw.col(column) == row[0]).then(nw.lit(row[1])).otherwise(rest), rows, nw.lit(None).cast(nw.String))


def stages(settings: Mapping, known: Iterable[str] = ()) -> Stages:
    """The configured stages; else the default ones if a source uses any of their names; else created, won, paid.

    known: the stage names that occur in the data.
    Raises StageError for fewer than two stages, one name at two stages, or a won or cash stage that is not among them.
    """
    funnel = settings.get("metrics", {}).get("funnel", {})
    rows = [(row,) if isinstance(row, str) else tuple(row) for row in funnel.get("stages", ())] or _usual(known)
    if len(rows) < 2 or not all(rows):
        raise StageError(f"[metrics.funnel] stages needs at least two stages with a name each, got {rows!r}")
    aliases = tuple(frozenset(map(normalised, row)) for row in rows)
    seen = [name for names in aliases for name in names]
    if len(seen) != len(set(seen)):
        raise StageError(f"[metrics.funnel] stages: {', '.join(sorted({n for n in seen if seen.count(n) > 1}))} stands for two stages; give each name once")
    cash = _cash(funnel, aliases)
    won = _named(funnel, "won_stage", aliases) or (len(rows) if cash is None else cash - 1)
    return Stages(tuple(row[0] for row in rows), aliases, won, cash)


def normalised(name: str) -> str:
    """Stage names are compared without case, surrounding blanks, hyphens and underscores."""
    return name.strip().lower().replace("-", " ").replace("_", " ")


def _usual(known: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    there = {normalised(name) for name in known if name}
    steps = {normalised(name) for row in DEFAULT[1:3] for name in row}
    return DEFAULT if there & steps else BARE


def _named(funnel: Mapping, key: str, aliases) -> int | None:
    """The position of the stage that a setting names."""
    if not funnel.get(key):
        return None
    found = [position for position, names in enumerate(aliases, start=1) if normalised(funnel[key]) in names]
    if not found:
        raise StageError(f"[metrics.funnel] {key} = {funnel[key]!r} is not among its stages")
    return found[0]


def _cash(funnel: Mapping, aliases) -> int | None:
    if "cash_stage" in funnel:
        cash = _named(funnel, "cash_stage", aliases)
    else:
        cash = next((p for p, names in enumerate(aliases, start=1) if names & set(map(normalised, CASH))), None)
    if cash not in (None, len(aliases)):
        raise StageError(f"[metrics.funnel] the cash stage must be the last one, not number {cash} of {len(aliases)}")
    return cash
