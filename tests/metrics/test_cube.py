"""Sums over combinations of attributes beside the same counted one by one; no combination is forgotten."""

import itertools
import math

import numpy as np
import pytest

from metrics.cube import Cube, blocks

CARDS = (3, 5, 2, 7)


def patterns(seed=0, many=400, cards=CARDS):
    rng = np.random.default_rng(seed)
    return np.array([rng.integers(0, k, many) for k in cards], np.uint8), rng.normal(size=many)


def holds(codes, conditions):
    return np.logical_and.reduce([codes[a] == level for a, level in conditions.items()])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_cell_is_the_sum_of_its_patterns(depth):
    codes, values = patterns()
    cube = Cube(codes, CARDS, depth)
    assert cube.size == sum(math.prod(c) for d in range(1, depth + 1) for c in itertools.combinations(CARDS, d))
    (sums,) = cube.sums(values)
    for cell in range(cube.size):
        conditions = cube.conditions(cell)
        assert len(conditions) == cube.depths[cell] and cube.cell(conditions) == cell
        assert sums[cell] == pytest.approx(values[holds(codes, conditions)].sum())


def test_several_columns_are_added_up_in_one_pass():
    codes, values = patterns()
    cube = Cube(codes, CARDS)
    assert np.array_equal(cube.sums(values, values**2), [*cube.sums(values), *cube.sums(values**2)])


@pytest.mark.parametrize("many", [1, 3, 4])
def test_an_effect_of_each_level_is_spread_over_the_patterns(many):
    codes, _ = patterns()
    effects = np.split(np.arange(1.0, sum(CARDS[:many]) + 1), np.cumsum(CARDS[: many - 1]))
    expected = sum(effects[a][codes[a]] for a in range(many))
    assert np.array_equal(Cube(codes[:many], CARDS[:many]).spread(np.concatenate(effects)), expected)


@pytest.mark.parametrize("cards", [(251, 251, 3), (16, 16), (256, 256), (2, 128)], ids=str)
def test_places_are_right_where_the_narrowest_number_just_holds_them(cards):
    codes = np.array([[k - 1 for k in cards], [0] * len(cards)], np.uint8).T
    sums = Cube(codes, cards).sums(np.array([1.0, 2.0]))[0]
    cube = Cube(codes, cards)
    assert sums[cube.cell({a: k - 1 for a, k in enumerate(cards)})] == 1 and sums[cube.cell(dict.fromkeys(range(len(cards)), 0))] == 2


def test_sums_that_keep_no_index_are_the_same():
    codes, values = patterns()
    kept, unkept = Cube(codes, CARDS), Cube(codes, CARDS)
    unkept._kept = None
    assert np.array_equal(kept.sums(values), unkept.sums(values)) and np.array_equal(kept.sums(values), kept.sums(values))


@pytest.mark.parametrize(("cards", "widest"), [((20,) * 8, 1 << 18), ((20,) * 8, 100), ((5, 20, 4, 10, 3, 6, 15, 8), 1 << 14), ((2, 2), 8), ((9,), 1)])
def test_every_combination_is_taken_from_one_block_that_holds_it(cards, widest):
    depth = min(3, len(cards))
    found = blocks(cards, depth, widest)
    every = [c for d in range(1, depth + 1) for c in itertools.combinations(range(len(cards)), d)]
    assert sorted(part for parts in found.values() for part in parts) == sorted(every)
    assert all({*part} <= {*block} for block, parts in found.items() for part in parts)
    assert all(math.prod(cards[a] for a in block) <= max(widest, max(math.prod(cards[a] for a in c) for c in every)) for block in found)


def test_eight_attributes_of_twenty_levels_need_each_pattern_fourteen_times():
    """56 triples in blocks of four: a Steiner system S(3, 4, 8) has 14 blocks, and fewer cannot hold them."""
    assert len(blocks((20,) * 8, 3, 20**4)) == 14


@pytest.mark.parametrize("conditions", [{1: 2}, {0: 1, 3: 4}, {0: 0, 1: 4, 2: 1}])
def test_what_an_area_has_in_common_with_levels_and_relatives(conditions):
    codes, values = patterns()
    cube = Cube(codes, CARDS)
    (sums,), inside = cube.sums(values), holds(codes, conditions)
    assert np.array_equal(np.sort(cube.rows(conditions)), np.flatnonzero(inside))
    expected = [values[inside & (codes[a] == level)].sum() for a, k in enumerate(CARDS) for level in range(k)]
    assert cube.by_level(conditions, values, sums) == pytest.approx(expected)
    cells, common = cube.inside(conditions, values, sums)
    related = [cell for cell in range(cube.size) if cube.conditions(cell).items() & conditions.items()]
    apart = [cell for cell in related if any(conditions.get(a, level) != level for a, level in cube.conditions(cell).items())]
    assert sorted(cells) == sorted({*related} - {*apart})
    assert common == pytest.approx([values[inside & holds(codes, cube.conditions(int(cell)))].sum() for cell in cells])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_levels_of_cells_are_their_conditions(depth):
    cube = Cube(patterns()[0], CARDS, depth)
    first = np.concatenate([[0], np.cumsum(CARDS)])
    cells = np.arange(cube.size)[::7]
    found = cube.levels_of(cells)
    assert found.shape == (depth, len(cells))
    for cell, levels in zip(cells, found.T, strict=True):
        conditions = cube.conditions(int(cell))
        assert [*levels] == [first[a] + level for a, level in conditions.items()] + [cube.levels] * (depth - len(conditions))


def test_cells_that_have_a_level():
    codes, _ = patterns()
    cube = Cube(codes, CARDS)
    assert [*np.flatnonzero(cube.having(1, 3))] == [cell for cell in range(cube.size) if cube.conditions(cell).get(1) == 3]


def test_no_attributes_have_no_cells():
    cube = Cube(np.zeros((0, 5), np.uint8), ())
    assert cube.size == 0 and cube.sums(np.ones(5)).shape == (1, 0)
