"""What do customers write about? Themes of their comments: how often each is spoken of, with which score, more or less than before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import narwhals as nw
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from metrics import hiding, nps, survey
from metrics.lexicon import Theme, in_lower_case, listed, mentions
from metrics.metric import Metric
from metrics.period import EPOCH
from metrics.query import Frame, Query, QuestionError, Tables, refuse_grain, segmented, table, within
from metrics.result import K_ANONYMOUS, K_TESTABLE, Answer, answer, suppress
from metrics.stats import mean_limits, wilson
from metrics.topics import sides, telling, topics
from metrics.waves import WAVE, oldest_first
from metrics.yardstick import yardstick

MOST_COMMENTS = 50_000  # that are looked at, the newest
SCALE = ["scale_min", "scale_max"]
NEW, TOO_FEW, HIDDEN, ALONE = "new", "too_few", "before_suppressed", "not_compared"
EXTRA = (
    "share", "share_low", "share_high", "mean", "mean_low", "mean_high", "scored", "rest_mean", "scale_min", "scale_max", "tells",
    "before", "share_before", "change", "change_low", "change_high", "verdict", "kind", "words",
)  # fmt: skip


@dataclass(frozen=True)
class Read:
    """Comments as they were read, the newest first. rows: response_id, who, said, score on the scale most are on; others: scores on another."""

    rows: pd.DataFrame
    has: np.ndarray  # comments × themes
    scale: tuple[float, float]
    others: int = 0

    @cached_property
    def responses(self) -> tuple[np.ndarray, np.ndarray]:
        """The response of each comment as a number, and the score of each response: all of its comments have one."""
        codes, _ = pd.factorize(self.rows["response_id"], use_na_sentinel=False)
        scores = np.full(codes.max() + 1 if len(codes) else 0, np.nan)
        scores[codes] = self.rows["score"]
        return codes, scores

    def answered(self, own: np.ndarray) -> np.ndarray:
        """The scores of the responses that wrote some of the comments, each once; NaN where a response gave none."""
        codes, scores = self.responses
        wrote = np.zeros(len(scores), bool)
        wrote[codes[own]] = True
        return scores[wrote]


def themes(tables: Tables, query: Query) -> Answer:
    """How many comments speak of each theme, with the mean score of those who wrote them, beside the wave or period before.

    Reads the mart `scores`. A comment belongs to every theme of which it holds a word: the listed ones (`metrics.lexicon`, and
    `[metrics.themes.words]`) and those that are found in the comments (`metrics.topics`). The newest 50,000 comments are looked at.
    The score is the one that the same response gave to the recommendation question, 0 to 10, or to the option `dimension` or `question`,
    each on its own scale; a response that gave several scores has their mean. Option theme: this one alone. Option wave, or a filter on
    one wave: it is compared with the wave before, else the period with the period before.

    Returns one row per theme that somebody speaks of, the most frequent first:
        theme                   its name; of a found one its most frequent word or phrase
        value, n, numerator     int    comments; as many as the list behind the theme, which option theme names
        denominator             int    comments that were looked at
        share, share_low, share_high    float  0 to 1: n / denominator, with Wilson limits
        mean, mean_low, mean_high, scored, rest_mean   float  mean score of the theme's comments, its 95 % limits, comments with a score, mean of all others
        tells                   "low" or "high" where scores tell the theme apart (all themes looked at together, false discoveries
                                under 5 %); null where they do not
        before, share_before, change, change_low, change_high   comments and share before; the difference of the shares, with Newcombe's limits
        verdict                 "more" or "fewer" where the limits leave out 0, else "no_clear_change"; "new", "too_few" (under 30 comments on
                                either side), "before_suppressed", "not_compared"
        kind                    "listed" or "found"; words: by which comments belong to it, with " · " between them
    A theme of fewer than five responses is suppressed; all of them are where the comments are (`verbatims`). Otherwise a theme is part of its
    comments, which the list shows: it hides nothing more.
    notes: comments (looked at), left_out (older ones), without (of no theme), other_scales (scores that are on another scale).
    Read it so: 143 of 600 comments speak of delivery, their mean is 2.1, that of all others 4.0.
    Sources: Newcombe 1998, Statistics in Medicine 17, 873-890, method 10; for `tells` see metrics.topics.log_odds.
    """
    refuse_grain(query, "themes are told from one period, beside the one before")
    if query.by:
        raise QuestionError("themes are groups of their own: narrow the comments with filters instead of grouping")
    query = nps.with_wave(query)
    state, total = _whole(tables, query)
    if state != "value":
        return answer(pd.DataFrame({"theme": [None], "state": [state], **dict.fromkeys(EXTRA, np.nan)}), query, keys=("theme",), extra=EXTRA)
    now, known = _found(tables, query)
    rows = _measured(now, known).assign(**_changes(tables, query, now, known))
    rows = rows[rows["theme"] == _named(known, query).name] if query.options.get("theme") else rows[rows["n"] > 0]
    notes = {"comments": len(now.rows), "left_out": total - len(now.rows), "without": int((~now.has.any(1)).sum()), "other_scales": now.others}
    finished = answer(rows, query, keys=("theme",), extra=(*EXTRA, "people"), notes=notes)
    shown = suppress(finished.rows, ["theme"], "people").drop(columns="people")  # no sum of themes is known: one gives no other away
    return replace(finished, rows=shown.sort_values(["n", "theme"], ascending=[False, True], na_position="last", ignore_index=True))


def _whole(tables: Tables, query: Query) -> tuple[str, int]:
    """Whether the comments may be told, and how many there are."""
    row = nps.ask_for(survey.verbatims, tables, query).iloc[0]
    total = 0 if pd.isna(row["n"]) else int(row["n"])
    return ("no_data" if row["state"] == "value" and not total else row["state"]), total


def _found(tables: Tables, query: Query) -> tuple[Read, list[Theme]]:
    """The comments of a question with all themes, listed ones first."""
    usual = listed(query)
    read = _read(tables, query, usual)
    seen = topics(read.rows["said"], read.rows["who"], read.rows["score"], read.has)
    further = [theme for theme in seen if theme.name not in {theme.name for theme in usual}]
    return replace(read, has=np.hstack([read.has, _flags(_as_frame(read.rows), further)])), [*usual, *further]


def _read(tables: Tables, query: Query, known: list[Theme]) -> Read:
    """Bring the newest comments to Python: what they say, who said it, and the score of their response."""
    rows = segmented(within(survey.commented(tables, query), "answered_on", query.period), tables, query).filter(nw.col("is_comment"))
    who = nw.coalesce("customer_id", "contact_id", "response_id")
    newest = _newest(_scored(rows, tables, query)).select("response_id", "score", *SCALE, who=who, said=in_lower_case())
    told = nw.from_native(table(newest), eager_only=True)
    found = told.to_pandas().astype({"score": "float64", **dict.fromkeys(SCALE, "float64")})
    ends, others = _scale_of(found), 0
    if ends is not None:
        elsewhere = found["score"].notna() & ((found["scale_min"] != ends[0]) | (found["scale_max"] != ends[1]))
        found, others = found.assign(score=found["score"].mask(elsewhere)), int(elsewhere.sum())
    return Read(found, _flags(told, known), ends or (np.nan, np.nan), others)


def _newest(rows: Frame) -> Frame:
    return rows.sort("answered_on", "answer_id", descending=[True, True]).head(MOST_COMMENTS)


def _scored(rows: Frame, tables: Tables, query: Query) -> Frame:
    """The comments with the score that their response gave to what is asked about, and its scale."""
    score, (low, high) = nw.col("score"), (nw.col(end) for end in SCALE)
    asked = yardstick(query).answers(tables, query).group_by("response_id")
    given = asked.agg(score=score.mean(), scale_min=low.min(), scale_max=high.max(), _low=low.max(), _high=high.min())
    given = given.filter(nw.col("_low") == low, nw.col("_high") == high)  # a mean over two scales is none
    return rows.drop("score", *SCALE).join(given.drop("_low", "_high"), on="response_id", how="left")


def _scale_of(rows: pd.DataFrame) -> tuple[float, float] | None:
    """The scale that most scores are on."""
    sizes = rows.dropna(subset=["score"]).groupby(SCALE, as_index=False).size().sort_values(["size", *SCALE], ascending=[False, True, True])
    return None if sizes.empty else tuple(sizes.iloc[0][SCALE].astype(float))


def _as_frame(rows: pd.DataFrame) -> nw.DataFrame:
    return nw.from_native(rows[["said"]], eager_only=True)


def _flags(told: nw.DataFrame, known: list[Theme]) -> np.ndarray:
    """Which comment belongs to which theme."""
    columns = [told.select(has=mentions(theme, nw.col("said")))["has"].to_numpy().astype(bool) for theme in known]
    return np.column_stack(columns) if columns else np.zeros((len(told), 0), bool)


def _measured(read: Read, known: list[Theme]) -> pd.DataFrame:
    """One row per theme: its comments, its share of all, and their score."""
    rows, has = read.rows, read.has
    n = has.sum(0)
    low, high = sides(rows["score"])
    tells = telling(low.astype(float) @ has, low.sum(), high.astype(float) @ has, high.sum())
    share_low, share_high = wilson(n, np.full(len(known), len(rows)))
    each = pd.DataFrame([_scores_of(read, own) for own in has.T], columns=list(_scores_of(read, np.ones(len(rows), bool))))
    return each.assign(
        theme=[theme.name for theme in known], value=n.astype(float), n=n, numerator=n, denominator=len(rows), share=n / len(rows), share_low=share_low,
        share_high=share_high, tells=[{1: "low", -1: "high"}.get(sign) for sign in tells], scale_min=read.scale[0], scale_max=read.scale[1],
        kind=["found" if theme.is_found else "listed" for theme in known], words=[" · ".join(theme.words) for theme in known],
    )  # fmt: skip


def _scores_of(read: Read, own: np.ndarray) -> dict[str, float]:
    """What a theme's responses scored; a response counts once, however many comments it wrote."""
    responses = read.answered(own)
    scores, rest = pd.Series(responses).dropna(), pd.Series(read.answered(~own)).dropna()
    limits = mean_limits(scores.mean(), (scores**2).mean(), len(scores), *read.scale) if len(scores) else (np.nan, np.nan)
    found = {"people": len(responses), "scored": float(len(scores)), "mean": scores.mean(), "mean_low": limits[0], "mean_high": limits[1]}
    return {**{name: float(value) for name, value in found.items()}, "rest_mean": float(rest.mean())}


# beside the wave or period before


def _changes(tables: Tables, query: Query, now: Read, known: list[Theme]) -> dict[str, list]:
    """Each theme's share of the comments less its share before."""
    earlier = _before(tables, query)
    state, _ = ("no_data", 0) if earlier is None else _whole(tables, earlier)
    if state != "value":
        verdict = HIDDEN if state == "suppressed" else ALONE
        blank = dict.fromkeys(("before", "share_before", "change", "change_low", "change_high"), [np.nan] * len(known))
        return {**blank, "verdict": [verdict] * len(known)}
    before = _read(tables, earlier, known)
    found = [_change(before, own, int(n), len(now.rows)) for own, n in zip(before.has.T, now.has.sum(0), strict=True)]
    return {name: [one[name] for one in found] for name in CHANGE}


CHANGE = ("before", "share_before", "change", "change_low", "change_high", "verdict")


def _before(tables: Tables, query: Query) -> Query | None:
    """The same question about the wave before, where it is about one wave, else about the period before; None for the first wave."""
    named = [values for column, values in query.where if column == WAVE]
    if not named or len(named[0]) != 1 or len(named) > 1:
        return query.over(query.period.previous())
    order = oldest_first(tables["scores"], "answered_on")
    place = order.index(named[0][0]) if named[0][0] in order else 0
    if not place:
        return None
    where = tuple((column, (order[place - 1],) if column == WAVE else values) for column, values in query.where)
    return replace(query, where=where, period=replace(query.period, start=EPOCH))


def _change(before: Read, own: np.ndarray, n: int, total: int) -> dict[str, float | str]:
    """A theme's share now, n of total comments, less its share before. own: its comments then."""
    if 0 < len(before.answered(own)) < K_ANONYMOUS:
        return {**dict.fromkeys(CHANGE, np.nan), "verdict": HIDDEN}
    once, all_before = int(own.sum()), len(own)
    low, high = confint_proportions_2indep(n, total, once, all_before, method="newcomb", compare="diff")
    found = {"before": float(once), "share_before": once / all_before, "change": n / total - once / all_before}
    return {**found, "change_low": float(low), "change_high": float(high), "verdict": _verdict(low, high, once, min(total, all_before))}


def _verdict(low: float, high: float, before: int, least: int) -> str:
    if not before:
        return NEW
    if least < K_TESTABLE:
        return TOO_FEW
    return "more" if low > 0 else "fewer" if high < 0 else "no_clear_change"


# lists


def behind(tables: Tables, query: Query) -> Frame:
    """The comments of a theme, or of all, the newest first, each with the score of its response; none of a theme that is hidden.

    Raises QuestionError for a theme that there is not.
    """
    query = nps.with_wave(query)
    rows = _newest(_scored(survey.comments(tables, query), tables, query))
    state, _ = _whole(tables, query)
    if state == "value" and query.options.get("theme"):
        now, known = _found(tables, query)
        theme = _named(known, query)
        own = now.rows[now.has[:, known.index(theme)]]
        rows = rows.filter(mentions(theme, in_lower_case()))
        state = "suppressed" if own["response_id"].nunique() < K_ANONYMOUS else state
    return nps.named(hiding.unnamed(rows if state == "value" else rows.head(0)), tables)


def _named(known: list[Theme], query: Query) -> Theme:
    name = query.options["theme"]
    for theme in known:
        if theme.name == name:
            return theme
    raise QuestionError(f"no theme {name!r} in these comments; there are {', '.join(theme.name for theme in known)}")


METRICS = (
    Metric(
        "themes", themes, "Comments that speak of a theme, by the words they hold.", "count of comments with one of the theme's words", "count", ("scores",),
        behind, None, {"theme": None, "wave": None, "dimension": None, "question": None},
        "limits: Wilson 1927, Newcombe 1998; words that scores tell apart: Monroe, Colaresi & Quinn 2008",
    ),
)  # fmt: skip
