"""Which dimensions of a survey go together with its overall score, and how do they score? Importance and performance of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import nps, seclusion, survey
from metrics.importance import METHODS, MOST_EXACT
from metrics.metric import Metric
from metrics.overall import NOBODY, Overall, is_overall, overall, refuse_unknown, scale_of
from metrics.priorities import COLUMNS as PRIORITY
from metrics.priorities import priorities
from metrics.products import FLAT, Products, products
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, refuse_grain, segmented, within
from metrics.resampling import draws
from metrics.respondents import number
from metrics.result import K_ANONYMOUS, Answer, Check, answer, suppress

LEAST, LEAST_EACH = 50, 10  # respondents who answered both of a pair: in all, and for each dimension that is looked at
SPARSE = 0.8  # of the respondents of the dimension with most: with fewer, a dimension is left out so that the others can be looked at
MOST, MOST_REPLICATES = 40, 5000  # dimensions; resamples
SAME = 1e-6  # two ways to R² differ by less
MISSING = ("pairwise", "complete")
MEANS = {"mean": "value", "mean_low": "low", "mean_high": "high", "mean_n": "n", "scale_min": "scale_min", "scale_max": "scale_max"}
EXTRA = (*PRIORITY, *MEANS, "reason")
TEXTS = ("verdict", "direction", "standing", "quadrant", "reason")


def drivers(tables: Tables, query: Query) -> Answer:
    """What each dimension of a survey has to do with its overall score, and how it scores itself: what to improve first.

    Reads the mart `scores`: of each respondent and wave the mean of the valid last answers to each dimension, on 0 to 1 of the
    scale that most of its answers are on. Options: overall (a dimension; else NPS, and where nobody was asked it the dimension called overall,
    or as [metrics.drivers] overall says), dimensions ("food,shops": which to look at; all but overall ones), method (lmg: Shapley shares
    of R², exact; weights: Johnson's relative weights, which is what more than 15 dimensions get), missing, wave, survey_weights, replicates, seed.
    The overall score is the score that was given, 0 to 10 for NPS, not its band.

    missing: pairwise (each correlation over all who answered both: nobody is thrown out for a question that was not for them) or complete
    (only who answered everything). Pairs contradict each other where different people answered them; then all correlations are drawn towards 0
    until they do not (notes["mended"]). Dimensions that too few answered together with others are left out, with their reason.

    Returns one row per dimension, the most important first:
        value, low, high, se     the part of R² that goes together with it: 0 to 1, adding up to R²
        n                        respondents who answered it and the overall question
        share, share_low, share_high    of R²; together 1
        verdict                  key or minor: its share is surely above or below the average, 1 / dimensions; else cannot_tell
        correlation, correlation_low, correlation_high, direction    with the overall score; positive, negative or unclear
        performance, performance_low, performance_high    its mean on 0 to 1; the limits are those of its distance from the average of all
        standing                 high or low against that average; else cannot_tell
        quadrant                 keep_up, improve_first, maintain, low_priority, cannot_tell
        mean, mean_low, mean_high, mean_n, scale_min, scale_max     as `satisfaction` by dimension has them
        reason                   why there is no value: too_few, constant, no_overall, overall_constant
    notes: overall, method, missing, r2, r2_low, r2_high, related (is R² more than chance?), n (respondents), customers (sampled units), complete (who
    answered all), average_share, average_performance, mended, replicates, dimensions, left_out.

    Limits resample customers, so that several answers of one widen them. Read it so: with a share of 0.4 (0.3 to 0.5) of four dimensions,
    this one is surely tied more closely to the overall score than the average. It says "associated with", not "caused by".
    Source: see `metrics.importance`; quadrants: Martilla & James 1977, Journal of Marketing 41(1), 77-79.
    """
    asked = _asked(query)
    facts, items, whole = _subject(tables, asked)
    notes = {"overall": whole.dimension, "missing": query.options["missing"], "dimensions": len(items)}
    if _is_hidden(tables, asked, whole):
        return _finished(items.assign(state="suppressed"), pd.DataFrame(), query, notes)
    shown, hidden = (items[is_it].reset_index(drop=True) for is_it in (items["state"] != "suppressed", items["state"] == "suppressed"))
    found, told, checks = _measured(tables, asked, shown, whole, facts)
    return _finished(pd.concat([shown, hidden], ignore_index=True), found, query, notes | told, checks)


def _asked(query: Query) -> Query:
    """The question about all dimensions: a filter on `dimension` chooses rows, as those of one picture."""
    refuse_grain(query, "drivers are told from one period; ask again for another")
    if query.by:
        raise QuestionError(f"drivers looks inside one group: choose one with --where {query.by[0]}=… instead of grouping by {', '.join(query.by)}")
    if query.options["missing"] not in MISSING:
        raise QuestionError(f"no way {query.options['missing']!r} to treat missing answers; there are {', '.join(MISSING)}")
    if query.options["method"] not in (None, *METHODS):
        raise QuestionError(f"no method {query.options['method']!r}; there are {', '.join(METHODS)}")
    return nps.with_wave(replace(query, where=tuple(pair for pair in query.where if pair[0] != "dimension")))


def _subject(tables: Tables, query: Query) -> tuple[pd.Series, pd.DataFrame, Overall]:
    """What the answers are, the dimensions to look at, and the overall score to hold them against."""
    facts, items = _facts(tables, query), _items(tables, query)
    whole = overall(tables, query, items, facts["recommended"] > 0)
    return facts, _chosen(tables, query, items, whole), whole


def _items(tables: Tables, query: Query) -> pd.DataFrame:
    """Every dimension with its mean, n, scale and whether it may be shown: the rows of `satisfaction`."""
    options = {"weighting": "respondent", "survey_weights": query.options["survey_weights"]}
    rows = survey.satisfaction(tables, replace(query, by=("dimension",), options=options)).rows
    rows = rows[rows["dimension"].notna() & (rows["state"] != "no_data")].reset_index(drop=True)
    return rows.astype({"dimension": object})


def _chosen(tables: Tables, query: Query, items: pd.DataFrame, whole: Overall) -> pd.DataFrame:
    """The dimensions to look at: those of the option; else all that do not ask for the whole themselves."""
    given = query.options["dimensions"]
    wanted = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given or ())
    refuse_unknown(tables, wanted)
    called = {name.lower() for name in wanted}
    kept = [name.strip().lower() in called if wanted else not is_overall(name, query) for name in items["dimension"]]
    found = items[pd.Series(kept, items.index, dtype=bool) & (items["dimension"] != whole.dimension)].reset_index(drop=True)
    if len(found) > MOST:
        raise QuestionError(f"{len(found)} dimensions are more than the {MOST} that can be compared: name some with dimensions=a,b,…")
    return found


def _answers(tables: Tables, query: Query) -> Frame:
    """The valid last answers of the question's period, under its filters, with who gave them and what they weigh."""
    rows = segmented(within(tables["scores"], "answered_on", query.period), tables, query).filter(survey.is_valid(), ~nw.col("score").is_null())
    weight = nw.col("weight").fill_null(1.0) if query.options["survey_weights"] else nw.lit(1.0)
    person = nw.coalesce("contact_id", "customer_id", "response_id")
    return rows.with_columns(respondent=nw.coalesce("customer_id", "contact_id", "response_id"), person=person, w=weight)


def _facts(tables: Tables, query: Query) -> pd.Series:
    """Of all these answers: how many say whether they would recommend us, of how many sampled units, and the smallest and largest weight."""
    recommended = number((nw.col("dimension").str.to_lowercase() == nps.dimension(query)) & nps.on_scale())
    units, w = nw.col("respondent").n_unique(), nw.col("w")
    rows = aggregate(_answers(tables, query), [], recommended=recommended.sum(), units=units, low=w.min(), high=w.max())
    return rows.iloc[0].astype("float64").fillna(0.0)


def _is_hidden(tables: Tables, query: Query, whole: Overall) -> bool:
    """Whether the overall score may not be shown: of too few answers, or a slice that would give too few away."""

    def answers(question: Query) -> Frame:
        return _answers(tables, question).filter(whole.scale.is_asked)

    n = int(aggregate(answers(query), [], n=number(~nw.col("score").is_null()).sum()).iloc[0].fillna(0)["n"])
    return whole.is_hidden or 0 < n < K_ANONYMOUS or (n > 0 and seclusion.is_hidden_by_filters(answers, query, {}))


# importance


def _measured(tables: Tables, query: Query, items: pd.DataFrame, whole: Overall, facts: pd.Series) -> tuple[pd.DataFrame, dict, tuple[Check, ...]]:
    """Importance and performance of the items, in their order; the reason why of those that have none; notes and the check of their sum."""
    k, units, complete = len(items), int(facts["units"]), query.options["missing"] == "complete"
    if not k or whole.dimension is None:
        return pd.DataFrame({"n": [0] * k, "reason": ["no_overall"] * k}), {}, ()
    scales = [*map(scale_of, items.to_dict("records")), whole.scale]
    sums = products(_answers(tables, query), scales, complete, facts["low"] != 1 or facts["high"] != 1, units)
    total = sums.whole
    used, reasons = usable(total)
    width = items["scale_max"] - items["scale_min"]
    rows = pd.DataFrame({"n": total.n[:k, k], "reason": reasons, "performance": (items["value"] - items["scale_min"]) / width})
    notes = {"n": int(total.n[k, k]), "complete": int(total.complete), "customers": units, "used": len(used)}
    if not used:
        return rows, notes, ()
    found, told = _judged(sums.of([*used, k]), rows.loc[used, "performance"].to_numpy(float), query, units)
    check = Check("importances add up to R²", bool(abs(found["value"].sum() - told["r2"]) < SAME), f"{found['value'].sum():.6f} / {told['r2']:.6f}")
    return rows.join(found.drop(columns="performance").set_axis(used)), notes | told, (check,)


def usable(total: Products) -> tuple[list[int], list[str | None]]:
    """Which dimensions can be looked at together, and of each other one why not.

    Each pair needs 50 respondents who answered both, and 10 for each dimension. A dimension that few answered is left out for the others' sake; where
    all are answered about as often, there are too few respondents, and leaving out any one of them would be arbitrary.
    """
    k = len(total.n) - 1
    n, flat = np.diagonal(total.n)[:k], np.diagonal(total.variances) <= FLAT
    reasons = ["overall_constant" if flat[k] else "constant" if flat[i] else None for i in range(k)]
    reasons = ["too_few" if n[i] < LEAST else reasons[i] for i in range(k)]
    left = [i for i in range(k) if reasons[i] is None]
    while left:
        pairs = total.n[np.ix_([*left, k], [*left, k])].min(1)[:-1]
        if pairs.min() >= max(LEAST, LEAST_EACH * len(left)):
            break
        sparse = [i for i, least in zip(left, pairs, strict=True) if least == pairs.min()]
        worst = min(sparse, key=lambda i: (n[i], i))
        gone = [worst] if n[worst] < SPARSE * n[left].max() else left
        reasons = ["too_few" if i in gone else reason for i, reason in enumerate(reasons)]
        left = [i for i in left if i not in gone]
    return left, reasons


def _judged(sums: Products, performance: np.ndarray, query: Query, units: int) -> tuple[pd.DataFrame, dict]:
    k, replicates = len(performance), int(query.options["replicates"])
    method = query.options["method"] or ("lmg" if k <= MOST_EXACT else "weights")
    if method == "lmg" and k > MOST_EXACT:
        raise QuestionError(f"lmg takes up to {MOST_EXACT} dimensions, not {k}: name some with dimensions=a,b,… or ask with method=weights")
    if not 100 <= replicates <= MOST_REPLICATES:
        raise QuestionError(f"replicates is a number from 100 to {MOST_REPLICATES:,}, not {replicates}")
    again = sums.drawn(draws(len(sums.n), replicates, int(query.options["seed"])))
    found, told = priorities(sums.whole, again, method, performance, units)
    return found, told | {"method": method, "replicates": replicates}


# rows


def _finished(items: pd.DataFrame, found: pd.DataFrame, query: Query, notes: dict, checks: Sequence[Check] = ()) -> Answer:
    """The rows that the question is about, the most important first. Less than five respondents of a dimension are not counted out either."""
    means = pd.DataFrame({name: items[column] for name, column in MEANS.items()})
    rows = means.join(found.reindex(columns=["value", "n", "low", "high", "se", *PRIORITY, "reason"])).assign(dimension=items["dimension"])
    texts = {name: rows[name].astype(object).where(rows[name].notna(), None) for name in TEXTS}
    rows = rows.assign(**{name: pd.to_numeric(rows[name]).astype("float64") for name in EXTRA if name not in TEXTS}, **texts)
    finished = answer(rows.assign(mean_n=rows["mean_n"].astype("Int64")), query, keys=("dimension",), extra=EXTRA, checks=checks, notes=notes)
    hidden = finished.rows["dimension"].isin(items.loc[items["state"] == "suppressed", "dimension"])
    shown = suppress(finished.rows.assign(n=finished.rows["n"].fillna(0).mask(hidden, K_ANONYMOUS)), ["dimension"], also=hidden)
    wanted = [{name.lower() for name in values} for column, values in query.where if column == "dimension"]
    shown = shown[pd.Series([all(name.lower() in names for names in wanted) for name in shown["dimension"]], shown.index, dtype=bool)]
    order = shown.assign(value=-shown["value"].round(12)).sort_values(["value", "dimension"], na_position="last").index
    return replace(finished, rows=shown.loc[order].reset_index(drop=True))


# the list behind


def behind(tables: Tables, query: Query) -> Frame:
    """Who answered the overall question and one of the dimensions, one row per respondent and survey; with a filter on `dimension`, that one.

    overall: the score given, on its own scale. answers: to dimensions. score: where one dimension is asked for, the mean of the answers to it.
    None of them where the number is hidden.
    """
    query = replace(query, options={**OPTIONS, **query.options})
    found, asked = drivers(tables, query), _asked(query)
    _, items, whole = _subject(tables, asked)
    items = items[items["dimension"].isin(found.rows.loc[found.rows["state"] != "suppressed", "dimension"])]
    chosen = [scale_of(item).is_asked for item in items.to_dict("records")] or [NOBODY.is_asked]
    return nps.named(_listed(_answers(tables, asked), whole.scale.is_asked, nw.any_horizontal(*chosen, ignore_nulls=True), len(chosen) == 1), tables)


def _listed(answers: Frame, is_overall: nw.Expr, is_item: nw.Expr, is_one: bool) -> Frame:
    score, none = nw.col("score"), nw.lit(None, nw.Float64)
    told = answers.with_columns(overall=nw.when(is_overall).then(score), score=nw.when(is_item).then(score), answers=number(is_item))
    people = told.group_by("survey_id", "survey", "customer_id", "contact_id", "person").agg(
        nw.col("overall", "score").mean(), nw.col("answers").sum(), nw.col("answered_on").max()
    )  # fmt: skip
    people = people.filter(~nw.col("overall").is_null(), nw.col("answers") > 0).drop("person")
    return people if is_one else people.with_columns(score=none)


OPTIONS = {
    "overall": None, "dimensions": None, "method": None, "missing": "pairwise", "wave": None, "survey_weights": True, "replicates": 500, "seed": 1,
}  # fmt: skip
METRICS = (
    Metric(
        "drivers", drivers, "How much of the overall score goes together with each dimension, and how each dimension performs.",
        "mean over all orders of ΔR²", "share", ("scores",), behind, None, OPTIONS,
        "LMG: Grömping 2006, JSS 17(1); relative weights: Johnson 2000; quadrants: Martilla & James 1977",
    ),
)  # fmt: skip
