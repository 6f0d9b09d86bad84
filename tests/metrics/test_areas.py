"""The model of levels and areas beside plain least squares, what a cell adds beside adding it, q-values by hand, and what is found."""

import numpy as np
import pytest
from scipy import stats

from metrics.areas import LEVEL, Search, stepped
from metrics.cube import Cube, Sums
from metrics.effects import STEADY, Effects

CARDS = (3, 4, 5, 6)
MANY = 6000


def survey(seed, planted=(), levels=0.0, noise=1.0, many=MANY, cards=CARDS):
    """Codes and scores: standard normal, less what each planted area (conditions, size) takes off, and levels that differ by chance."""
    rng = np.random.default_rng(seed)
    codes = np.array([rng.integers(0, k, many) for k in cards], np.uint8)
    y = noise * rng.normal(size=many)
    for a, k in enumerate(cards):
        y += rng.normal(0, levels, k)[codes[a]]
    for conditions, size in planted:
        y -= size * np.logical_and.reduce([codes[a] == level for a, level in conditions.items()])
    return codes, y


def search(codes, y, cards=CARDS, weights=None, v=None):
    w = np.ones(len(y)) if weights is None else weights
    sums = Sums(np.ones(len(y)), w, w * w if v is None else v, w * y, w * y * y, w * y, w * y * y)
    return Search(Effects(Cube(codes, cards), sums, 30))


def found(codes, y, **more):
    return [area.conditions for area in search(codes, y, **more).areas]


def design(codes, extra=()):
    columns = [np.ones(codes.shape[1])] + [codes[a] == level for a, k in enumerate(CARDS) for level in range(k)]
    return np.array([*columns, *(np.logical_and.reduce([codes[a] == level for a, level in some.items()]) for some in extra)], float).T


def test_the_model_is_penalised_least_squares_on_every_answer():
    codes, y = survey(1, [({0: 1, 1: 2}, 1.0)], levels=0.1)
    effects = search(codes, y).effects
    picks = [effects.pick(effects.cube.cell(c)) for c in ({0: 1, 1: 2}, {2: 0, 3: 3, 1: 1})]
    fit = effects.fit(picks)
    x = design(codes, [pick.conditions for pick in picks])
    pulled = np.diag([0.0] + [fit.pull] * sum(CARDS) + [STEADY] * 2)
    expected = np.linalg.solve(x.T @ x + pulled, x.T @ y)
    assert fit.effects == pytest.approx(expected, abs=1e-8)
    assert fit.residual == pytest.approx(effects.cube.sums(y - x @ expected)[0], abs=1e-6)
    assert fit.noise == pytest.approx(np.mean((y - x @ expected) ** 2))


@pytest.mark.parametrize("kind", ["answers", "weights", "repeats"])
def test_what_the_rest_holds_is_the_whole_less_a_part(kind):
    """A half that is subtracted is the half that is added up, and finds the same; a cell without answers holds exactly nothing."""
    codes, y = survey(4, [({0: 1, 1: 2}, 1.0)], cards=CARDS)
    rng = np.random.default_rng(5)
    n = np.ones(MANY)
    w = n if kind == "answers" else rng.uniform(0.2, 2, MANY)
    v = w * w * 1.4 if kind == "repeats" else w if kind == "answers" else w * w
    part, others = np.flatnonzero((codes[3] != 5) & (np.arange(MANY) % 2 == 0)), np.flatnonzero((codes[3] == 5) | (np.arange(MANY) % 2 == 1))
    others = others[~((codes[0][others] == 2) & (codes[1][others] == 3))]
    both = np.sort(np.concatenate([part, others]))
    sums = Sums(n, w, v, w * y, w * y * y, w * y, w * y * y)
    whole, one, added = (Effects(Cube(codes[:, rows], CARDS), sums.of(rows), 30) for rows in (both, part, others))
    left = Effects(Cube(codes[:, others], CARDS), sums.of(others), 30, (whole, one))
    assert (left.n == added.n).all() and (left.n == 0).any()
    for name in ("w", "v", "y", "x"):
        assert getattr(left, name) == pytest.approx(getattr(added, name), abs=1e-9)
        assert not getattr(left, name)[left.n == 0].any()
    assert [(area.cell, area.q) for area in Search(left).areas] == [(area.cell, pytest.approx(area.q)) for area in Search(added).areas] != []


@pytest.mark.parametrize("without", [None, 0])
def test_what_a_cell_adds_is_what_adding_it_would_say(without):
    """The estimate and its t from sums alone, and from the model with one more column."""
    codes, y = survey(2, [({0: 1, 1: 2}, 1.0)], levels=0.1)
    tried = search(codes, y)
    effects, conditions = tried.effects, {1: 2, 3: 4}
    tried.fit = effects.fit([effects.pick(effects.cube.cell({0: 1, 1: 2})), effects.pick(effects.cube.cell({2: 1, 3: 0}))])
    cell = effects.cube.cell(conditions)
    low, t = (part[0] for part in tried.exact([cell], without))
    kept = [pick.conditions for j, pick in enumerate(tried.fit.picks) if j != without]
    x = design(codes, [*kept, conditions])
    inverse = np.linalg.inv(x.T @ x + np.diag([0.0] + [tried.fit.pull] * sum(CARDS) + [STEADY] * len(kept) + [0.0]))
    assert low == pytest.approx(-(inverse @ x.T @ y)[-1])
    variance = max(tried.fit.noise, effects.own[cell]) * inverse[-1, -1] + tried.fit.usual[1] ** 2
    assert t == pytest.approx(low / variance**0.5)


def test_q_values_of_the_step_down_rule_by_hand():
    """Weighted p of .001, .03, .01 and .8: the k-th smallest over k: .001, .005, .01, .2; a later one is never surer than an earlier."""
    assert stepped(np.log([0.001, 0.03, 0.01, 0.8])) == pytest.approx([0.001, 0.01, 0.005, 0.2])
    assert stepped(np.log([0.02, 0.021])) == pytest.approx([0.02, 0.02])
    assert len(stepped(np.array([]))) == 0


def test_p_counts_every_cell_of_its_depth_and_every_depth():
    """18 levels, 119 pairs and 342 triples, all large enough; each depth may spend a third."""
    codes, y = survey(3, many=60_000)
    tried = search(codes, y)
    assert [*tried.tested] == [0, 18, 119, 342]
    cells = [tried.effects.cube.cell(c) for c in ({0: 0}, {0: 0, 1: 0}, {0: 0, 1: 0, 2: 0})]
    assert np.exp(tried.log_p(np.full(3, 4.0), cells)) == pytest.approx(stats.norm.sf(4.0) * 3 * np.array([18, 119, 342]), rel=1e-3)


PLANTED = [{0: 1}, {1: 2, 2: 3}, {0: 2, 1: 1, 3: 4}]


@pytest.mark.parametrize("area", PLANTED, ids=["level", "pair", "triple"])
@pytest.mark.parametrize("levels", [0.0, 0.08])
def test_an_area_is_found_once_and_nothing_else_stands_out(area, levels):
    codes, y = survey(4, [(area, 1.0)], levels)
    (one,) = [a for a in search(codes, y).areas if a.kind == "stands_out"]
    assert one.conditions == area and one.q < 1e-4
    assert one.adds == pytest.approx(1.0, abs=4 * one.adds_se)


def test_several_areas_are_told_apart():
    codes, y = survey(5, [(area, 1.0) for area in PLANTED])
    assert sorted(map(str, found(codes, y))) == sorted(map(str, PLANTED))


def test_a_child_says_only_what_it_adds():
    """A level takes off 0.5, a pair inside 0.8 more: both are found, and the pair adds 0.8, though it lies 1.3 below all others."""
    codes, y = survey(6, [({1: 2}, 0.5), ({1: 2, 2: 3}, 0.8)], many=20_000)
    areas = {str(area.conditions): area for area in search(codes, y).areas}
    child = areas[str({1: 2, 2: 3})]
    assert {*areas} == {str({1: 2}), str({1: 2, 2: 3})}
    assert child.adds == pytest.approx(0.8, abs=4 * child.adds_se) and child.gap > 1.1


def test_where_nothing_is_planted_nothing_is_found():
    """Of lists of nothing at most one in twenty may hold something; these twenty hold none."""
    assert [found(*survey(seed, many=2000)) for seed in range(100, 120)] == [[]] * 20


def test_skewed_answers_do_not_make_areas_up():
    """One answer in thirty is bad: the sum of forty such is far from normal."""
    lists = []
    for seed in range(200, 220):
        codes, _ = survey(seed, many=4000)
        y = -(np.random.default_rng(seed).random(4000) < 1 / 30).astype(float)
        sums = Sums(*(np.ones(4000),) * 3, y, y * y, y, y * y, 28 / 29 / (1 / 30 * 29 / 30) ** 0.5)  # (1 − 2p) / √(p(1 − p))
        lists.append(Search(Effects(Cube(codes, CARDS), sums, 30)).areas)
    assert sum(map(bool, lists)) <= 1


def test_a_level_that_differs_as_levels_do_is_usual():
    """Levels differ by 0.25; one that lies 0.5 low is no more than the outermost of eighteen."""
    codes, y = survey(8, levels=0.25, many=40_000)
    areas = search(codes, y).areas
    assert areas and {area.kind for area in areas} == {"usual"} and all(len(area.conditions) == 1 for area in areas)


def test_an_area_no_lower_than_others_may_be_lower_than_it_should():
    """One level scores 0.5 higher; a pair in it has lost that: no lower than the others, and 0.45 below what is expected of it."""
    codes, y = survey(9, [({3: 0}, -0.5), ({3: 0, 1: 1}, 0.45)], many=40_000)
    (area,) = search(codes, y).areas
    assert area.conditions == {3: 0, 1: 1} and area.kind == "below_expected" and area.gap < 0.05
    assert area.adds == pytest.approx(0.45, abs=4 * area.adds_se)


def test_areas_that_overlap_need_not_add_up():
    """Two levels take off 2 each, both together 2.2, for the scale ends there: the two are found, and no children that make up for it."""
    codes, y = survey(10, [({2: 0}, 2.0), ({3: 1}, 2.0), ({2: 0, 3: 1}, -1.8)], many=40_000)
    areas = search(codes, y).areas
    assert [area.conditions for area in areas] == [{2: 0}, {3: 1}]
    assert [area.adds for area in areas] == pytest.approx([2.0, 2.0], abs=0.1)


def test_areas_that_say_the_same_together_do_no_harm():
    """A level, and its parts one by one: the equations have no single answer, and the model still says what each level scores."""
    codes, y = survey(13, [({0: 0}, 1.0)])
    effects = search(codes, y).effects
    fit = effects.fit([effects.pick(effects.cube.cell(c)) for c in ({0: 0}, *({0: 0, 1: k} for k in range(4)))])
    assert np.isfinite(fit.effects).all() and fit.noise == pytest.approx(1.0, rel=0.05)


def test_an_answer_of_weight_two_is_two_answers_less_sure():
    """Sums are those of twice the answers, and the variance Σw² says that they were not asked twice."""
    codes, y = survey(11)
    once, twice = search(codes, y), search(codes, y, weights=np.full(MANY, 1.0), v=np.full(MANY, 2.0))
    for tried in (once, twice):
        tried.fit = tried.effects.fit([], usual=0.1)
        tried.fit.usual = (0.1, 0.0, 0.0)
    assert twice.exact(once.cells)[1] == pytest.approx(once.exact(once.cells)[1] / 2**0.5)
    assert twice.effects.worth == pytest.approx(once.effects.worth / 2)


def test_columns_that_hold_each_other_do_not_hide_an_area():
    """A city lies in one district, a district in one region: a city and its region are the same answers, hundreds of times over."""
    rng = np.random.default_rng(14)
    city, product = rng.integers(0, 40, MANY), rng.integers(0, 6, MANY)
    codes = np.array([city // 20, city // 10, city // 5, city, product], np.uint8)
    area = {1: 2, 4: 3}
    y = rng.normal(size=MANY) - 1.0 * ((codes[1] == 2) & (codes[4] == 3))
    assert found(codes, y, cards=(2, 4, 8, 40, 6)) == [area]


def test_of_two_names_for_the_same_answers_the_first_is_said_however_they_are_added_up(monkeypatch):
    """Each region has a department of its own, but for some: an area lies in both, and what engines add up in another order differs in its last digits."""
    rng, exact = np.random.default_rng(15), Search.exact
    region, product, size = (rng.integers(0, levels, MANY) for levels in (8, 4, 6))
    codes = np.array([region, product, np.minimum(region, 3), size], np.uint8)
    y = rng.normal(size=MANY) - 0.8 * ((region == 1) & (product == 2))

    def with_other_last_digits(self, cells, without=None):
        low, t = exact(self, cells, without)
        return low, t * (1 + rng.normal(0, 1e-11, len(t)))

    monkeypatch.setattr(Search, "exact", with_other_last_digits)
    assert [found(codes, y, cards=(8, 4, 4, 6)) for _ in range(10)] == [[{0: 1, 1: 2}]] * 10


def test_a_condition_that_follows_from_the_others_is_not_said():
    """Whoever is in city 3 is in district 1: city and district together are the city alone, whichever of the two the search came upon."""
    rng = np.random.default_rng(16)
    city, product = rng.integers(0, 8, MANY), rng.integers(0, 6, MANY)
    codes = np.array([city // 2, city, product], np.uint8)
    tried = search(codes, rng.normal(size=MANY), cards=(4, 8, 6))
    cube = tried.effects.cube
    named = {tuple(given.items()): cube.conditions(tried._named(cube.cell(given))) for given in ({0: 1, 1: 3, 2: 5}, {0: 1, 1: 3}, {0: 1, 2: 5}, {1: 3, 2: 5})}
    assert list(named.values()) == [{1: 3, 2: 5}, {1: 3}, {0: 1, 2: 5}, {1: 3, 2: 5}]


def test_small_areas_are_not_looked_at():
    codes, y = survey(12, [({0: 0, 1: 0, 2: 0}, 5.0)], many=900)
    tried = search(codes, y)
    assert (tried.effects.n[tried.cells] >= 30).all() and {0: 0, 1: 0, 2: 0} not in [area.conditions for area in tried.areas]


def test_the_level_is_stricter_than_one_in_twenty():
    assert LEVEL < 0.05
