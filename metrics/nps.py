"""Would customers recommend us? The net promoter score, its bands, and the revenue behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import hiding
from metrics.additive import additive
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, collect, grouped, segmented, within
from metrics.respondents import effective_n, kish, number, prepared, weighed
from metrics.result import STANDARD, Answer, answer
from metrics.rounding import percents
from metrics.stats import Z95, wilson
from metrics.waves import in_time

BANDS = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}
SCALE = (0, 10)
POINTS = 100  # NPS points in 1
PSEUDO = 3.0  # answers added by the adjusted Wald interval: 0.75 promoters, 1.5 passives, 0.75 detractors
SHARES = ("promoter_share", "passive_share", "detractor_share")
COUNTS = ("promoters", "passives", "detractors")
SHOWN = ("promoter_shown", "passive_shown", "detractor_shown")
EXTRA = (*COUNTS, "dismissed", "customers", "n_eff", "centre", *SHARES, *SHOWN)


def nps(tables: Tables, query: Query) -> Answer:
    """Share of promoters (9-10) minus share of detractors (0-6), in points from -100 to 100.

    Reads the mart `scores`: the last valid answer of each respondent in each wave. Options: weighting (respondent, account,
    revenue), dimension or question, wave, survey_weights.

    Returns one row per period and group:
        value               float  100 · (P − D) / n, weighted; null where nobody gave a score
        n                   int    answers; the denominator when nothing is weighted
        numerator, denominator     Σ w·(+1/0/−1) and Σ w
        low, high, se       points; adjusted Wald 95 %, over the answers' effective number, around `centre`
        promoters, passives, detractors, dismissed, customers   int; dismissed were asked and gave no score
        n_eff               float  Kish's (Σw)²/Σw² over customers; decides about suppression where customers are weighted
        *_share             float  weighted shares, 0 to 1
        *_shown             float  the shares as they are read side by side: 0 to 1 in tenths of a percent, adding up to 1
    notes: dismissed, refused_outside and refused_fraction (scores like 11 or 7.5), superseded (earlier answers), left_out, hidden (rows).

    Raises QuestionError when the question was asked on another scale than 0-10.
    Read it so: 30 with 14 to 44 means the true score of customers like these is probably between 14 and 44.
    Source: Sauro & Lewis (MeasuringU 2021); Rocks 2016, The American Statistician 70, 365.
    """
    return _scored(tables, query, query.options["weighting"])


def nps_bands(tables: Tables, query: Query) -> Answer:
    """How the answers divide into promoters, passives and detractors: one row per period, group and band.

    value is the band's weighted share (0 to 1) of n answers, with Wilson limits; numerator is the number of answers in the band.
    percent: the share as shown, one decimal; the three of a group add up to 100.0.
    A filter on `band` chooses rows: the share stays that of all answers. A band is a part of the score, so three detractors of
    forty answers are shown, and listed; what is hidden is a score of fewer than five answers, with its bands.
    """
    whole = nps(tables, of_all_bands(query))
    rows = _by_band(whole.rows, query)
    low, high = wilson(rows["band_share"] * rows["n_eff"], rows["n_eff"])
    rows = rows.assign(value=rows["band_share"], numerator=rows["band_n"], denominator=rows["n"], low=low, high=high, se=(high - low) / (2 * Z95))
    return Answer(rows[[*hiding.keys_of(rows), *STANDARD, "percent"]], whole.checks, whole.notes)


def nps_revenue(tables: Tables, query: Query) -> Answer:
    """What promoters, passives and detractors pay: revenue of the twelve months up to the answer, by band.

    One row per period, group and band. value: money, reporting currency; denominator: of all who answered. share: 0 to 1;
    percent: as shown, adding up to 100.0. n: answers of customers with revenue, answers: those in the band; notes: left_out, the others.
    Hidden wherever the score weighted by revenue is: the shares would say it (promoters less detractors).
    A customer whose people are in several bands is divided among them; the bands add up to the respondents' revenue.
    """
    whole = _scored(tables, of_all_bands(query), "revenue")
    rows = _by_band(whole.rows, query)
    revenue = rows["band_share"] * rows["denominator"]
    rows = rows.assign(value=revenue, numerator=revenue, low=np.nan, high=np.nan, se=np.nan, share=rows["band_share"], answers=rows["band_n"])
    return Answer(rows[[*hiding.keys_of(rows), *STANDARD, "share", "percent", "answers"]], whole.checks, whole.notes)


def asked_about(tables: Tables, query: Query) -> Frame:
    """Answers to the recommendation question, each with its `band`; every row of it, valid or not."""
    scores, options = tables["scores"], query.options
    if options.get("question"):
        chosen = (nw.col("question_id") == options["question"]) | (nw.col("question") == options["question"])
    else:
        chosen = nw.col("dimension").str.to_lowercase() == (options.get("dimension") or dimension(query)).lower()
    return scores.filter(chosen).with_columns(band=_band())


def dimension(query: Query) -> str:
    """The dimension whose question is the recommendation question: `[metrics.nps] dimension`, else "nps"."""
    return query.setting("nps", "dimension", "nps").lower()


def behind(tables: Tables, query: Query) -> Frame:
    """The answers behind the score, each with its customer's name; none at all where the score is hidden."""
    return hiding.behind(_listed(tables, query), ask_for(nps, tables, query))


def behind_bands(tables: Tables, query: Query) -> Frame:
    """The answers behind the bands: a band is part of the score, so its list is hidden only where the score is."""
    return hiding.behind(_listed(tables, query), ask_for(nps, tables, of_all_bands(query)))


def last_scores(tables: Tables, query: Query) -> pd.DataFrame:
    """The last answer of each customer who is named behind the score: customer_id, score; of several on that day the lowest."""
    rows = behind(tables, query).filter(~nw.col("customer_id").is_null())
    latest = rows.group_by("customer_id").agg(latest=nw.col("answered_on").max())
    last = rows.join(latest, on="customer_id").filter(nw.col("answered_on") == nw.col("latest"))
    return collect(last.group_by("customer_id").agg(score=nw.col("score").min()))


def _behind_revenue(tables: Tables, query: Query) -> Frame:
    return behind_bands(tables, replace(query, options={**query.options, "weighting": "revenue"}))


def ask_for(measure: Callable[[Tables, Query], Answer], tables: Tables, query: Query) -> pd.DataFrame:
    """The number that a list is behind."""
    options = {"weighting": "respondent", "survey_weights": True, **query.options}
    return measure(tables, replace(query, by=(), grain=None, options=options)).rows


def _listed(tables: Tables, query: Query) -> Frame:
    query = with_wave(query)
    rows = segmented(within(asked_about(tables, query), "answered_on", query.period), tables, query).filter(is_valid())
    rows = carrying_weight(rows, query.options.get("weighting", "respondent"))
    return named(hiding.unnamed(hiding.veiled(rows, nw.lit(1), "wave")), tables)


def named(rows: Frame, tables: Tables) -> Frame:
    """`rows` with the customer's name, null where nobody is named."""
    if "name" in rows.columns:
        return rows
    return rows.join(tables["accounts"].select("customer_id", "name"), on="customer_id", how="left")


def carrying_weight(rows: Frame, weighting: str) -> Frame:
    """The answers that count under a weighting: all; those of known customers; those of customers with revenue."""
    if weighting == "respondent":
        return rows
    known = rows.filter(~nw.col("customer_id").is_null())
    if weighting == "account":
        return known
    paid = nw.when(nw.col("revenue_year") > 0).then(nw.col("revenue_year")).otherwise(nw.lit(0.0))
    return known.with_columns(_paid=paid).filter(nw.col("_paid").sum().over("customer_id") > 0).drop("_paid")


def adjusted_wald(promoters, detractors, n) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """95 % limits, standard error and centre of an NPS, in points, from the two shares (0 to 1) and the effective number of answers.

    Three answers are added before Wald's formula, so that eight promoters of eight are not "certain". NaN where n is 0.
    Read it so: shares .5 and .2 of 100 answers give 14.05 to 44.20.
    """
    n = np.where(np.asarray(n, float) > 0, n, np.nan)
    p, d = ((np.asarray(share, float) * n + PSEUDO / 4) / (n + PSEUDO) for share in (promoters, detractors))
    se = np.sqrt((p + d - (p - d) ** 2) / (n + PSEUDO))
    low, high = ((p - d) + sign * Z95 * se for sign in (-1, 1))
    return np.clip(low, -1, 1) * POINTS, np.clip(high, -1, 1) * POINTS, se * POINTS, (p - d) * POINTS


def _scored(tables: Tables, query: Query, weighting: str) -> Answer:
    query = with_wave(query)
    about = query.period, query.grain, weighting, *(query.options.get(name) for name in ("dimension", "question", "survey_weights"))

    def sums(asked: Query) -> pd.DataFrame:
        return additive("nps", about, asked, lambda finest: _summed(tables, finest, weighting), lambda: _of_respondents(tables))

    rows = sums(query)
    _refuse_other_scales(tables, query, rows["off_scale"].sum())
    rows["promoter_share"], rows["detractor_share"] = (rows[c] / rows["weight"].where(rows["weight"] > 0) for c in ("promoted", "detracted"))
    rows["passive_share"] = 1 - rows["promoter_share"] - rows["detractor_share"]
    mean = rows["promoter_share"] - rows["detractor_share"]
    worth = effective_n(rows, mean.fillna(0), (rows["promoter_share"] + rows["detractor_share"] - mean**2).fillna(0), weighting)
    rows["low"], rows["high"], rows["se"], rows["centre"] = adjusted_wald(rows["promoter_share"], rows["detractor_share"], worth)
    rows[list(SHOWN)] = _percents(rows) / 100
    rows = rows.assign(value=POINTS * mean, n_eff=kish(rows), numerator=rows["recommended"], denominator=rows["weight"], customers=rows["clusters"])
    notes = {name: int(rows[name].sum()) for name in ("dismissed", "refused_outside", "refused_fraction", "superseded", "left_out")}
    rows = rows.astype(dict.fromkeys((*COUNTS, "dismissed", "customers"), "Int64"))
    finished = in_time(answer(rows, query, extra=EXTRA, notes={**notes, "weighting": weighting}), tables["scores"], "answered_on", query)
    shown = hiding.suppressed(_zeroed(finished.rows), query, "n" if weighting == "respondent" else "n_eff", sums, worth_of(weighting))
    return Answer(shown, finished.checks, {**finished.notes, "hidden": int((shown["state"] == "suppressed").sum())})


def with_wave(query: Query) -> Query:
    """The question with its option `wave` as a filter: waves are groups like any other."""
    wave = query.options.get("wave")
    return replace(query, where=(*query.where, ("wave", (wave,))), options={**query.options, "wave": None}) if wave else query


def worth_of(weighting: str) -> hiding.Size:
    """How many answers sums are worth when it is decided what to hide."""
    return kish if weighting != "respondent" else lambda rows: rows["n"]


def _of_respondents(tables: Tables) -> set[str]:
    """The columns of which each respondent has one value: those of the customer that neither an answer nor its day decides."""
    own = {*tables["answers"].columns} if "answers" in tables else set()
    return {*tables["accounts"].columns} - own - {"owner_id", "owner", "department"}


def _summed(tables: Tables, query: Query, weighting: str) -> pd.DataFrame:
    """The engine's one query: sums per group, see `weighed`."""
    frame, keys = grouped(asked_about(tables, query), "answered_on", tables, query)
    score = nw.col("score")
    promoted, detracted = (number((score >= BANDS[band][0]) & (score <= BANDS[band][1])) for band in ("promoter", "detractor"))
    beside = {
        "dismissed": number(nw.col("is_blank") & nw.col("is_last")),
        "refused_outside": number(nw.col("is_refused") & (score == score.floor())),
        "refused_fraction": number(nw.col("is_refused") & (score != score.floor())),
        "superseded": number(~nw.col("is_last") & ~nw.col("is_blank") & ~nw.col("is_refused")),
        "off_scale": number(_on_other_scale()),
    }
    recommended = nw.col("promoted") - nw.col("detracted")
    counts = {"promoters": promoted, "detractors": detracted}
    ready = prepared(frame, is_valid(), query.options.get("survey_weights", True))
    rows = weighed(ready, keys, weighting, recommended, {"promoted": promoted, "detracted": detracted}, counts, beside)
    return rows.assign(recommended=rows["promoted"] - rows["detracted"], passives=rows["n"] - rows["promoters"] - rows["detractors"])


def is_valid() -> nw.Expr:
    """Answers that count: the respondent's last, given, on the scale."""
    return nw.col("is_last") & ~nw.col("is_blank") & ~nw.col("is_refused") & ~nw.col("band").is_null()


def on_scale() -> nw.Expr:
    """Answers to a question that is asked on 0 to 10."""
    return (nw.col("scale_min") == SCALE[0]) & (nw.col("scale_max") == SCALE[1])


def _band() -> nw.Expr:
    """promoter, passive or detractor; null for what is not a whole number on 0-10."""
    whole = nw.col("score") == nw.col("score").floor()
    found = nw.when(nw.lit(False)).then(nw.lit("")).otherwise(nw.lit(None, nw.String))
    for name, (low, high) in BANDS.items():
        found = nw.when(whole & (nw.col("score") >= low) & (nw.col("score") <= high)).then(nw.lit(name)).otherwise(found)
    return found


def _refuse_other_scales(tables: Tables, query: Query, found: float) -> None:
    if found:
        frame, _ = grouped(asked_about(tables, query), "answered_on", tables, query)
        odd = collect(frame.filter(_on_other_scale()).select("question", "scale_min", "scale_max").unique())
        named = "; ".join(f"{q!r} is asked on {low:g} to {high:g}" for q, low, high in odd.sort_values("question").itertuples(index=False))
        raise QuestionError(
            f"NPS needs scores of 0 to 10 and cannot be converted from another scale, but {named}: measure that with `satisfaction`, "
            "or name a question or wave on 0 to 10 (option question=…, dimension=… or wave=…)"
        )


def _on_other_scale() -> nw.Expr:
    return (nw.col("scale_min") != SCALE[0]) | (nw.col("scale_max") != SCALE[1])


def _zeroed(rows: pd.DataFrame) -> pd.DataFrame:
    """A month in which nobody was asked has 0 answers, not an unknown number of them."""
    return rows.assign(**{c: rows[c].fillna(0) for c in ("n", *COUNTS, "dismissed", "customers", "n_eff")})


def of_all_bands(query: Query) -> Query:
    """The question about all bands."""
    return replace(query, where=tuple(pair for pair in query.where if pair[0] != "band"))


def _percents(rows: pd.DataFrame) -> np.ndarray:
    """The three shares of each row as shown, in percent."""
    return np.array([percents(shares) for shares in rows[list(SHARES)].to_numpy("float64", na_value=np.nan)]).reshape(len(rows), len(SHARES))


def _by_band(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Each row once per band, with band_share, band_n (answers in the band) and percent (as shown; a group adds up to 100.0)."""
    keys = hiding.keys_of(rows)
    shares = _percents(rows)
    each = [rows.assign(band=b, band_share=rows[f"{b}_share"], band_n=rows[f"{b}s"], percent=shares[:, k]) for k, b in enumerate(BANDS)]
    chosen = [part for part, band in zip(each, BANDS, strict=True) if all(band in values for column, values in query.where if column == "band")]
    stacked = pd.concat(chosen or [part.head(0) for part in each]).sort_index(kind="stable").reset_index(drop=True)
    return stacked[[*keys, "band", *(c for c in stacked.columns if c not in (*keys, "band"))]]


OPTIONS = {"weighting": "respondent", "dimension": None, "question": None, "wave": None, "survey_weights": True}
METRICS = (
    Metric(
        "nps", nps, "Share of customers who would recommend us (9-10) minus the share who would not (0-6), in points.", "100 · (P − D) / n", "points",
        ("scores",), behind, "higher", OPTIONS, "Reichheld 2003; interval: Sauro & Lewis, MeasuringU 2021",
    ),
    Metric(
        "nps_bands", nps_bands, "How answers divide into promoters (9-10), passives (7-8) and detractors (0-6).", "n_band / n", "share",
        ("scores",), behind_bands, None, OPTIONS,
    ),
    Metric(
        "nps_revenue", nps_revenue, "Revenue of the twelve months up to the answer, by promoters, passives and detractors.", "Σ revenue of the band", "money",
        ("scores",), _behind_revenue, None, {k: v for k, v in OPTIONS.items() if k != "weighting"},
    ),
)  # fmt: skip
