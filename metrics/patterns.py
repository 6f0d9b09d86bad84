"""Answers as patterns of attributes: the engine's one large query of a search, and its rows as arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from metrics.cube import Sums
from metrics.query import Frame, QuestionError, aggregate, batches
from metrics.windows import number

MOST_LEVELS = 250  # of a column, those with fewer answers than an area needs put together; a code is one byte
MOST_COLUMNS = 12
MOST_PATTERNS = 5_000_000
SAMPLE = 20_000  # answers that tell how often patterns recur
EVEN = "[02468acegikmoqsuwyACEGIKMOQSUWY]"
ODD = EVEN.replace("[", "[^")
EVENLY = rf"\A(?:{EVEN}*{ODD}{EVEN}*{ODD})*{EVEN}*\z"  # an even number of odd characters; one match is half the work of counting them
TELLING = 8  # characters at the end of an id that are looked at: running numbers, days and check digits are there
HALVES = (0.3, 0.7)  # outside, the ids do not halve the answers
REST = object()  # the level of everything that is too rare to be one


@dataclass(frozen=True)
class Attribute:
    """A segment column. levels: its values by code; None where there is none, REST for rare ones together."""

    column: str
    levels: tuple


@dataclass(frozen=True)
class Patterns:
    """Each combination of attributes that occurs, half by half; or each answer, where hardly any combination has two.

    codes: attribute × pattern. same: column → an equal one that is searched instead.
    """

    attributes: tuple[Attribute, ...]
    codes: np.ndarray
    sums: Sums
    is_first_half: np.ndarray
    same: dict[str, str]

    @property
    def cards(self) -> tuple[int, ...]:
        return tuple(len(attribute.levels) for attribute in self.attributes)

    @property
    def halves(self) -> tuple[np.ndarray, ...]:
        """The patterns of each half of the respondents; none where their ids do not halve them."""
        share = self.sums.n[self.is_first_half].sum() / max(self.sums.n.sum(), 1)
        return (np.flatnonzero(self.is_first_half), np.flatnonzero(~self.is_first_half)) if HALVES[0] <= share <= HALVES[1] else ()


def patterns(frame: Frame, columns: Sequence[str], searched: nw.Expr, shown: nw.Expr, skew: float, least: float, survey_weights: bool) -> Patterns:
    """`frame`, one row per answer with `respondent`, added up by `columns` and half of the respondents.

    searched, shown: the two scores of an answer, turned so that low is bad. least: answers of the smallest area.
    Raises QuestionError where columns have too many levels, or combinations.
    """
    if len(columns) > MOST_COLUMNS:
        raise QuestionError(f"a search takes up to {MOST_COLUMNS} segment columns, not {len(columns)}: name some with columns=region,product,…")
    weight = nw.col("weight").fill_null(1.0) if survey_weights else nw.lit(1.0)
    keys = {f"k{i}": nw.col(column) for i, column in enumerate(columns)}
    given = ready = frame.select(**keys, half=_is_first_half(), respondent=nw.col("respondent"), w=weight, y=searched, x=shown)
    facts = aggregate(ready, [], n=nw.len(), units=nw.col("respondent").n_unique(), low=nw.col("w").min(), high=nw.col("w").max(), w=nw.col("w").sum()).iloc[0]
    is_weighted, repeats = facts["low"] != 1 or facts["high"] != 1, facts["units"] < facts["n"]
    ready = ready.with_columns(w=nw.col("w") * float(facts["n"] / facts["w"])) if is_weighted else ready
    ready = _several(ready) if repeats else ready.with_columns(several=nw.lit(1.0))
    made_up = _one_by_one if facts["n"] <= MOST_PATTERNS and _hardly_any_twice(given, list(keys), facts["n"]) else _added_up
    return _as_arrays(batches(made_up(ready, list(keys), is_weighted, repeats).head(MOST_PATTERNS + 1)), columns, skew, least)


def _is_first_half() -> nw.Expr:
    """Whether the last characters of a respondent's id hold an even number of odd ones: a coin that every engine throws alike."""
    return nw.col("respondent").cast(nw.String).str.tail(TELLING).str.contains(EVENLY)


def _several(ready: Frame) -> Frame:
    """With `several`: how much more an answer adds to a variance because its respondent answered more than once.

    1 + (answers of the respondent − 1) · rho, with the correlation rho of answers of one respondent (one-way analysis of variance). It is what
    a group of whole respondents needs, and more than enough for one that holds a part of their answers.
    """
    per = ready.group_by("respondent").agg(m=nw.len(), s=nw.col("y").sum(), q=(nw.col("y") * nw.col("y")).sum())
    mean_square = nw.col("s") * nw.col("s") / nw.col("m")
    sums = aggregate(
        per.with_columns(m=nw.col("m").cast(nw.Float64)), [], k=nw.len(), n=nw.col("m").sum(), nn=(nw.col("m") * nw.col("m")).sum(),
        within=(nw.col("q") - mean_square).sum(), between=mean_square.sum(), s=nw.col("s").sum(),
    ).iloc[0].astype(float)  # fmt: skip
    rho = correlation(sums["k"], sums["n"], sums["nn"], sums["within"], sums["between"] - sums["s"] ** 2 / sums["n"])
    answers = nw.col("one").sum().over("respondent")
    return ready.with_columns(one=nw.lit(1.0)).with_columns(several=1 + (answers - 1) * rho)


def correlation(k: float, n: float, nn: float, within: float, between: float) -> float:
    """Of two answers of one respondent, 0 to 1: k respondents, n answers, nn = Σ of squared numbers of answers, two sums of squares.

    Source: Donner 1986, International Statistical Review 54, 67-82, the analysis-of-variance estimator.
    """
    if k < 2 or n <= k:
        return 0.0
    mean_within, mean_between = within / (n - k), between / (k - 1)
    typical = (n - nn / n) / (k - 1)
    whole = mean_between + (typical - 1) * mean_within
    return float(np.clip((mean_between - mean_within) / whole, 0, 1)) if whole > 0 else 0.0


def _hardly_any_twice(ready: Frame, keys: list[str], n: int) -> bool:
    """Whether there are at least as many patterns as answers, as far as some answers tell: adding up by them would be work for nothing.

    Few answers are added up anyhow: that takes no longer than to look.
    Source: Chao 1984, Scandinavian Journal of Statistics 11, 265-270: the least number of kinds, from those seen once and twice.
    """
    if n <= SAMPLE:
        return False
    seen = ready.head(SAMPLE).group_by(*keys, "half").agg(times=nw.len())
    found = aggregate(seen, [], all=nw.len(), once=number(nw.col("times") == 1).sum(), twice=number(nw.col("times") == 2).sum()).iloc[0].fillna(0)
    return bool(found["all"] + found["once"] * (found["once"] - 1) / (2 * (found["twice"] + 1)) >= n)


def _parts(is_weighted: bool, repeats: bool) -> dict[str, nw.Expr]:
    """What an answer adds to each sum of its pattern."""
    w, y, x = (nw.col(name) for name in "wyx")
    parts = {"sy": w * y, "syy": w * y * y, "sx": w * x, "sxx": w * x * x} | ({"sw": w} if is_weighted else {})
    return parts | ({"sv": w * w * nw.col("several")} if is_weighted or repeats else {})


def _added_up(ready: Frame, keys: list[str], is_weighted: bool, repeats: bool) -> Frame:
    sums = {name: part.sum() for name, part in _parts(is_weighted, repeats).items()}
    return ready.group_by(*keys, "half").agg(n=nw.len(), **sums)


def _one_by_one(ready: Frame, keys: list[str], is_weighted: bool, repeats: bool) -> Frame:
    """Each answer as a pattern of its own: some patterns come more than once, and every sum is the same."""
    return ready.select(*keys, "half", n=nw.lit(1), **_parts(is_weighted, repeats))


def _as_arrays(found: Iterable, columns: Sequence[str], skew: float, least: float) -> Patterns:
    """The rows of the query, in Arrow batches; of their texts, only numbers are kept."""
    coded, parts, many = [Coded(column) for column in columns], defaultdict(list), 0
    for batch in found:
        many += batch.num_rows
        if many > MOST_PATTERNS:
            raise QuestionError(f"the answers differ in more than {MOST_PATTERNS:,} combinations of {', '.join(columns)}: name fewer columns")
        for i, column in enumerate(coded):
            column.add(batch.column(f"k{i}"))
        for name in batch.schema.names[len(columns) :]:
            parts[name].append(batch.column(name).to_numpy(zero_copy_only=False).astype(bool if name == "half" else float))
    figures = {name: np.concatenate(parts.pop(name)) for name in [*parts]} or dict.fromkeys(("n", "sy", "syy", "sx", "sxx", "half"), np.zeros(0))
    n = figures["n"]
    codes = [column.ordered(n, least) for column in coded]
    kept, same = _different(codes, columns)
    sums = Sums(n, figures.get("sw", n), figures.get("sv", n), figures["sy"], figures["syy"], figures["sx"], figures["sxx"], skew)
    attributes = tuple(Attribute(columns[i], coded[i].levels) for i in kept)
    return Patterns(attributes, np.array([codes[i] for i in kept], np.uint8).reshape(len(kept), len(n)), sums, figures["half"].astype(bool), same)


class Coded:
    """A column's values as numbers, batch by batch. levels: its levels in order, once all have come."""

    def __init__(self, column: str):
        self.column, self.levels = column, ()
        self._places: dict = {None: 0}  # value → its number, as they come
        self._codes: list[np.ndarray] = []

    def add(self, values) -> None:
        """An Arrow array of values."""
        encoded = values.dictionary_encode()
        places = [self._places.setdefault(value, len(self._places)) for value in (*encoded.dictionary.to_pylist(), None)]
        narrow = np.array(places, np.min_scalar_type(len(self._places)))
        self._codes.append(narrow[encoded.indices.fill_null(len(places) - 1).to_numpy(zero_copy_only=False)])

    def ordered(self, n: np.ndarray, least: float) -> np.ndarray:
        """Each row's code among the levels, those of n answers per row; rare ones put together where there are too many."""
        values, codes = [*self._places], np.concatenate([np.zeros(0, np.uint8), *self._codes])
        self._codes = []
        sizes = np.bincount(codes, n, len(values))
        is_large = sizes >= (least if len(values) > MOST_LEVELS else 1)
        order = sorted(np.flatnonzero(is_large), key=lambda k: (values[k] is None, str(values[k])))
        if len(order) > MOST_LEVELS:
            many = f"{self.column} has {len(order):,} values with {least:g} answers or more"
            raise QuestionError(f"{many}; a search takes up to {MOST_LEVELS}: leave it out, or group it")
        has_rest = bool((sizes[~is_large] > 0).any())
        place = np.full(len(values), len(order), np.uint8)
        place[order] = np.arange(len(order))
        self.levels = (*(values[k] for k in order), *([REST] if has_rest else []))
        return place[codes]


def _different(codes: list[np.ndarray], columns: Sequence[str]) -> tuple[list[int], dict[str, str]]:
    """The columns that divide the answers, and in another way than those before; and which of the rest says the same as which."""
    kept: list[int] = []
    same: dict[str, str] = {}
    for i, mine in enumerate(codes):
        many = int(mine.max(initial=0)) + 1
        twin = next((j for j in kept if int(codes[j].max(initial=0)) + 1 == many and _are_same(codes[j], mine, many)), None)
        if many < 2:
            continue
        if twin is not None:
            same[columns[i]] = columns[twin]
        else:
            kept.append(i)
    return kept, same


def _are_same(one: np.ndarray, other: np.ndarray, many: int) -> bool:
    """Whether each of the `many` levels of one goes with a single level of the other; most differ among the first rows."""
    return _pairs(one[:SAMPLE], other[:SAMPLE], many) <= many and _pairs(one, other, many) == many


def _pairs(one: np.ndarray, other: np.ndarray, many: int) -> int:
    return int((np.bincount(one.astype(np.uint16) * many + other, minlength=many * many) > 0).sum())
