"""What else do comments speak of? Themes that nobody listed, found in the comments themselves: the same at every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse, stats

from metrics.lexicon import Theme
from metrics.phrases import phrases
from metrics.result import K_ANONYMOUS

MOST_READ = 10_000  # comments that are taken apart; what is found is then counted in all of them
MOST_TERMS = 300  # words and phrases that are looked at, the most frequent
MOST_TOPICS = 8
LEAST = 0.005  # of the comments: rarer words are looked at by nobody
FREQUENT, COMMON = 0.05, 0.5  # of the comments: frequent enough to be a theme, too common to be one
SAME = 0.5  # of the comments with either of two words have both: they are one theme
WITHIN, LIFT, OWN = 2 / 3, 2.0, 0.95  # so many of a word's comments are in a theme, and more often than others: it adds nothing to it
PRIOR = 10.0  # comments' worth of "like everybody else" that low and high scores are each given
LEVEL, STRICT = 0.05, 0.01  # false discoveries among themes that scores tell apart, and among all words that are looked at


def log_odds(low, lows: float, high, highs: float) -> np.ndarray:
    """How much more often a word stands in comments with low scores than in those with high ones, in standard errors.

    low, high: comments with the word; lows, highs: all comments. The prior is how often the word stands in all of them, so that
    a word used three times is no finding. Positive: a word of low scores. 0 where either side has no comments.
    Source: Monroe, Colaresi & Quinn 2008, Political Analysis 16, 372-403, with comments in place of words.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    if not (lows and highs):
        return np.zeros(low.shape)
    prior = PRIOR * (low + high + 0.5) / (lows + highs + 1)
    inside, outside = [low + prior, high + prior], [lows - low + PRIOR - prior, highs - high + PRIOR - prior]
    spread = sum(1 / part for part in (*inside, *outside))
    return (np.log(inside[0] / outside[0]) - np.log(inside[1] / outside[1])) / np.sqrt(spread)


def telling(low, lows: float, high, highs: float, level: float = LEVEL) -> np.ndarray:
    """Which words scores tell apart, all of them looked at together: 1 a word of low scores, -1 of high ones, 0 neither.

    level: the rate of false discoveries among them (Benjamini & Hochberg 1995, JRSS B 57, 289-300).
    """
    z = log_odds(low, lows, high, highs)
    return np.where(stats.false_discovery_control(2 * stats.norm.sf(np.abs(z)), method="bh") < level, np.sign(z), 0) if z.size else z


def sides(scores: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Which comments have a score under, and which over the mean of all."""
    gap = (scores - scores.mean()).round(9)
    return (gap < 0).to_numpy(bool), (gap > 0).to_numpy(bool)


def topics(said: Sequence[str], who: Sequence[str], scores: pd.Series, listed: np.ndarray) -> list[Theme]:
    """Themes beside the listed ones, at most MOST_TOPICS, named by their most frequent word or phrase.

    said: comments in lower case, the newest first. who: their respondents. scores: null where there are none. listed: one column per
    listed theme, whether the comment belongs to it. A word is looked at that five respondents wrote in five different comments, half a
    per cent of all or more, and that is not simply part of a listed theme. It is a theme if scores tell it apart, or if every
    twentieth comment has it (and not every second: such a word is the form's, not the customers').
    """
    read = slice(0, MOST_READ)
    has, terms, written = _table(said[read], who[read])
    if not terms:
        return []
    n, total = np.asarray(has.sum(0)).ravel(), has.shape[0]
    low, high = sides(scores.iloc[read])
    tells = telling(low @ has, low.sum(), high @ has, high.sum(), STRICT)
    share = n / total
    is_new = ~_parts(has, n, np.asarray(listed[read], float))
    wanted = is_new & (((share >= FREQUENT) & (share <= COMMON)) | (tells != 0))
    order = sorted(np.flatnonzero(wanted), key=lambda k: (tells[k] == 0, -n[k], -len(terms[k]), terms[k]))
    return [_named(group, terms, n, written) for group in _grouped(order, has, n)[:MOST_TOPICS]]


def _table(said: Sequence[str], who: Sequence[str]) -> tuple[sparse.csr_array, list[str], dict[str, list[str]]]:
    """Comments × words (0 or 1), the words that are worth a look, and how each is written, the most usual way first."""
    codes, texts = pd.factorize(pd.Series(said, dtype=object))
    people, _ = pd.factorize(pd.Series(who, dtype=object))
    each = [phrases(text) for text in texts]
    in_texts = Counter(chain.from_iterable(each))
    place = {term: k for k, term in enumerate(sorted(term for term, n in in_texts.items() if n >= K_ANONYMOUS))}
    terms = list(place)
    if not terms:
        return sparse.csr_array((len(said), 0)), [], {}
    has = _ones([[place[term] for term in text if term in place] for text in each], len(terms))[codes]
    n = np.asarray(has.sum(0)).ravel()
    writers = np.asarray(((_ones([[person] for person in people], people.max() + 1).T @ has) > 0).sum(0)).ravel()
    able = np.flatnonzero((n >= LEAST * len(said)) & (writers >= K_ANONYMOUS))
    kept = np.array(sorted(sorted(able, key=lambda k: (-n[k], terms[k]))[:MOST_TERMS]), dtype=np.int64)
    named = [terms[k] for k in kept]
    return has[:, kept].astype(float), named, _forms(each, named)


def _forms(each: list[dict[str, str]], terms: list[str]) -> dict[str, list[str]]:
    """How each word is written, the most usual way first."""
    forms: dict[str, Counter] = {term: Counter() for term in terms}
    for text in each:
        for term in text.keys() & forms.keys():
            forms[term][text[term]] += 1
    return {term: sorted(found, key=lambda form: (-found[form], form)) for term, found in forms.items()}


def _ones(rows: list[list[int]], width: int) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, rows)])
    places = np.array([place for row in rows for place in row], dtype=np.int64)
    return sparse.csr_array((np.ones(len(places), np.int32), places, ends), shape=(len(rows), width))


def _parts(has: sparse.csr_array, n: np.ndarray, themes: np.ndarray) -> np.ndarray:
    """Which words are part of one of the themes, given as columns: most of their comments are in it, and not because most of all are."""
    within = (has.T @ themes) / n[:, None]
    return ((within >= OWN) | ((within >= WITHIN) & (within >= LIFT * themes.mean(0)))).any(1)


def _grouped(order: list[int], has: sparse.csr_array, n: np.ndarray) -> list[list[int]]:
    """Words that stand in the same comments, together; a word whose comments are mostly another's is left out."""
    both, groups = (has.T @ has).toarray(), []
    for k in order:
        twins = [group for group in groups if both[k, group[0]] >= SAME * (n[k] + n[group[0]] - both[k, group[0]])]
        if twins:
            twins[0].append(k)
        elif not any(_is_part(both[k, group[0]], n[k], n[group[0]], has.shape[0]) for group in groups):
            groups.append([k])
    return groups


def _is_part(both: float, own: float, other: float, total: int) -> bool:
    return both >= WITHIN * own and both / own >= LIFT * other / total


def _named(group: list[int], terms: list[str], n: np.ndarray, written: dict[str, list[str]]) -> Theme:
    """The theme of a group: called by its longest phrase that is about as frequent as its most frequent word."""
    usual = [k for k in group if n[k] >= WITHIN * n[group[0]]]
    name = max(usual, key=lambda k: (len(terms[k].split()), len(terms[k]), -k))
    words = dict.fromkeys(form for k in group for form in written[terms[k]])
    forms = written[terms[name]]
    return Theme(terms[name] if terms[name] in forms else forms[0], tuple(words), is_found=True)
