"""Which comments stand for a theme: a few that say most of it, from different people, scored as its comments usually are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from metrics.lexicon import CHARACTER, pattern

MOST = 5
READABLE = range(12, 281)  # letters; a Chinese character is worth two


def quotes(rows: pd.DataFrame, words: Sequence[str], most: int = MOST) -> pd.DataFrame:
    """Of a theme's comments up to `most`: those of a readable length, then those with most of the theme's words, then those whose score is
    nearest to the middle one, then the newest. Nobody is quoted twice, nor the same text.

    rows: text, score (null without one), answered_on; customer_id where customers are named.
    """
    if rows.empty:
        return rows
    forms = [re.compile(pattern([word])) for word in words]
    said = rows["text"].str.strip().str.lower()
    score = pd.to_numeric(rows["score"]).astype("float64")
    ranked = rows.assign(
        _short=[_length(text) not in READABLE for text in said], _words=[-sum(form.search(text) is not None for form in forms) for text in said],
        _gap=(score - score.median()).abs().fillna(float("inf")), _said=said, _age=-pd.to_datetime(rows["answered_on"]).astype("int64"),
    ).sort_values(["_short", "_words", "_gap", "_age", "_said"], kind="stable")  # fmt: skip
    ranked = ranked.drop_duplicates("_said")
    if "customer_id" in rows:
        ranked = ranked[ranked["customer_id"].isna() | ~ranked["customer_id"].duplicated()]
    return ranked.head(most)[list(rows.columns)].reset_index(drop=True)


def _length(text: str) -> int:
    return len(text) + len(CHARACTER.findall(text))
