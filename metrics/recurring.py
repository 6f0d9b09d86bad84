"""Recurring value per customer at the two ends of a window, and every sum that retention is made of.

Both ends are valued at the exchange rates of the opening day: a rate move alone makes no expansion and no contraction.
"""

from __future__ import annotations

import narwhals as nw
import pandas as pd

from metrics.additive import additive, remembered
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, of_customers, segmented
from metrics.windows import Window, each_window, number, part, runs_at, windows

NOTHING = 0.005  # half a cent a month is no recurring value
BASES = ("auto", "recurring", "purchases")


def basis(tables: Tables, query: Query) -> str:
    """ "recurring" or "purchases": option basis, or, for "auto", recurring where anything recurs at all.

    Raises QuestionError for another basis.
    """
    chosen = query.options.get("basis", "auto")
    if chosen not in BASES:
        raise QuestionError(f"no basis {chosen!r}; there are {', '.join(BASES)}")
    if chosen != "auto":
        return chosen
    first = remembered("recurs at all", lambda: collect(tables["recurring"].select("customer_id").head(1)))
    return "purchases" if first.empty else "recurring"


def values(tables: Tables, query: Query, stretches: list[Window]) -> Frame:
    """One row per window and customer with recurring value at either end.

    code; customer_id; the question's `by` columns
    opening, closing       reporting currency a month, at the opening day's rates; closing_now: at the closing day's rates
    held, holds            the same before conversion: whether there is value at all does not depend on a rate
    before, after          agreements running at either end; unconverted, unconverted_now: those left out for want of a rate
    """
    keys = dict.fromkeys(("customer_id", *query.by))
    spans = segmented(tables["recurring"], tables, query).select(*dict.fromkeys((*keys, "currency", "amount_per_month", "from_on_d", "to_on_d")))
    spans = each_window(spans, tables, stretches).filter(AT_START | AT_END)
    for instant, name in (("start_d", "rate"), ("end_d", "rate_now")):
        spans = spans.join(_rates(tables, name), left_on=["currency", instant], right_on=["currency_", "at_"], how="left")
    own, amount = nw.col("currency") == query.currency, nw.col("amount_per_month")
    opening, now = (nw.when(own).then(amount).otherwise(amount * nw.col(rate)) for rate in ("rate", "rate_now"))
    return spans.group_by("code", "start_d", "end_d", *keys).agg(
        opening=_where(AT_START, opening), closing=_where(AT_END, opening), closing_now=_where(AT_END, now), held=_where(AT_START, amount),
        holds=_where(AT_END, amount), before=number(AT_START).sum(), after=number(AT_END).sum(),
        unconverted=number(opening.is_null()).sum(), unconverted_now=number(AT_END & now.is_null()).sum(),
    )  # fmt: skip


AT_START, AT_END = runs_at("start_d"), runs_at("end_d")
HELD, HOLDS = nw.col("held") > NOTHING, nw.col("holds") > NOTHING


def _where(flag: nw.Expr, amount: nw.Expr) -> nw.Expr:
    """The sum of what is known of `amount` where `flag` holds."""
    return part(flag & ~amount.is_null(), amount).sum()


def _rates(tables: Tables, name: str) -> Frame:
    """The exchange rate of the day before each day `at_`."""
    return tables["daily_rates"].select(nw.col("currency").alias("currency_"), (nw.col("on_d") + 1).alias("at_"), nw.col("rate").alias(name))


def classified(tables: Tables, query: Query, stretches: list[Window]) -> Frame:
    """`values`, with what happened to each customer and to how much.

    kind    "kept", "expansion", "contraction", "churn", "new", "reactivation"; change  closing − opening
    A customer without opening value is new if their first stay began in the window, else reactivated.
    """
    firsts = tables["episodes"].group_by("customer_id").agg(first_d=nw.col("from_on_d").min())
    rows = values(tables, query, stretches).join(firsts, on="customer_id", how="left")
    change = nw.col("closing") - nw.col("opening")
    kind = nw.when(HELD & ~HOLDS).then(nw.lit("churn")).when(~HELD & (nw.col("first_d") < nw.col("start_d"))).then(nw.lit("reactivation"))
    kind = kind.when(~HELD).then(nw.lit("new")).when(change > NOTHING).then(nw.lit("expansion"))
    kind = kind.when(change < -NOTHING).then(nw.lit("contraction")).otherwise(nw.lit("kept"))
    return rows.filter(HELD | HOLDS).with_columns(change=change, kind=kind)


MOVES = ("expansion", "contraction", "churn", "new", "reactivation")
PRODUCTS = ("aa", "bb", "ab", "mm", "am", "cc")
NAMES = (
    "customers", "kept", "paying", "converted", "opening", "staying", "least", "closing", "closing_now", "unconverted", "unconverted_now",
    *MOVES, *(f"n_{move}" for move in MOVES), *PRODUCTS,
)  # fmt: skip


def sums(tables: Tables, query: Query, stretches: list[Window] | None = None) -> pd.DataFrame:
    """Everything retention is made of, one row per window and segment: money, counts, and the squares that intervals need.

    bucket; the `by` columns
    customers, kept, paying     |O|, those of O with value at the end, all with value at the end and a rate; converted: of O, with a rate
    opening, staying, least     Σ A, Σ B and Σ min(A, B) over O, at the opening day's rates
    closing, closing_now        Σ B over all, at the opening and at the closing day's rates; unconverted, unconverted_now: agreements without
                                such a rate
    one column per move (positive amount) and its n_…; aa, bb, ab, mm, am: Σ of products over O, m = min(A, B); cc: Σ of squares of closing_now
    """
    stretches = windows(query) if stretches is None else stretches
    if not stretches:
        return pd.DataFrame(columns=["bucket", *query.by, *NAMES])
    about = tuple(stretches), query.currency
    found = additive("recurring", about, query, lambda asked: _summed(tables, asked, stretches), lambda: of_customers(tables, "recurring"))
    return _bucketed(found, stretches, query)


def _summed(tables: Tables, query: Query, stretches: list[Window]) -> pd.DataFrame:
    """`sums` by window code, in one query. Figures are columns before they are added up: an engine is told each of them once."""
    rows, a, b, c = classified(tables, query, stretches), nw.col("a"), nw.col("b"), nw.col("c")
    rows = rows.with_columns(
        a=part(HELD, nw.col("opening")), b=part(HELD & HOLDS, nw.col("closing")), c=part(HOLDS & (nw.col("closing_now") > NOTHING), nw.col("closing_now")),
        closing=part(HOLDS, nw.col("closing")), has_held=number(HELD), is_kept=number(HELD & HOLDS), moved=nw.col("change").abs(),
        **{f"n_{move}": number(nw.col("kind") == move) for move in MOVES},
    ).with_columns(m=nw.when(a < b).then(a).otherwise(b), is_paying=number(c > 0))  # fmt: skip
    return aggregate(
        rows, ["code", *query.by], customers=nw.col("has_held").sum(), kept=nw.col("is_kept").sum(), paying=nw.col("is_paying").sum(),
        converted=number(a > NOTHING).sum(), opening=a.sum(), staying=b.sum(), least=nw.col("m").sum(), closing=nw.col("closing").sum(),
        closing_now=c.sum(), unconverted=nw.col("unconverted").sum(), unconverted_now=nw.col("unconverted_now").sum(),
        **{move: (nw.col(f"n_{move}") * nw.col("moved")).sum() for move in MOVES}, **{f"n_{move}": nw.col(f"n_{move}").sum() for move in MOVES},
        **{f"{x}{y}": (nw.col(x) * nw.col(y)).sum() for x, y in PRODUCTS},
    )  # fmt: skip


def _bucketed(found: pd.DataFrame, stretches: list[Window], query: Query) -> pd.DataFrame:
    """The windows' codes replaced by their buckets. Without segments every window has a row, be it of zeros."""
    if not query.by:
        found = pd.DataFrame({"code": [w.code for w in stretches]}).merge(found, on="code", how="left").fillna(0)
    found.insert(0, "bucket", found["code"].map({w.code: w.bucket for w in stretches}))
    return found.drop(columns="code")
