import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.boxes import iou
from multibox.config import Match, Network, Priors
from multibox.data.record import make_objects
from multibox.models.maps import feature_maps, network_priors
from multibox.overlaps import neighbours, overlapping
from multibox.prepare.atss import candidates_of, match_atss, near_cells
from multibox.prepare.example import grids_of, training_example
from multibox.prepare.match import match_exclusively
from multibox.prepare.targets import find_matches, make_targets
from multibox.priors import Grid, prior_grids

NETWORK = Network(size=(128, 192))
GRIDS = prior_grids(feature_maps(NETWORK), Priors())
PRIORS_REL = network_priors(NETWORK, Priors())


def random_objects(rng, count, largest=0.5):
    corner, size = rng.random((count, 2)) * 0.9, 0.01 + largest * rng.random((count, 2)) ** 2
    return np.concatenate([corner, np.minimum(corner + size, 1)], axis=1).astype(np.float32)


def match_slowly(boxes_rel, priors_rel, grids, candidates):
    """REFERENCE: algorithm 1, an object, a map and a prior after the other; then what was forgotten."""
    overlaps = iou(boxes_rel, priors_rel)  # (N, P)
    claims = [{} for _ in priors_rel]
    for i, (x0, y0, x1, y1) in enumerate(boxes_rel):
        chosen, first = [], 0
        for height, width, per_cell in grids:
            cells = []
            for cell in range(height * width):
                px0, py0, px1, py1 = priors_rel[first + cell * per_cell].astype(np.float64)
                away = ((x0 + x1 - px0 - px1) / 2 * width) ** 2 + ((y0 + y1 - py0 - py1) / 2 * height) ** 2
                cells.append((float(away), first + cell * per_cell))
            taken = []
            for _, start in sorted(cells):
                if len(taken) < candidates:
                    taken += range(start, start + per_cell)
            chosen += taken
            first += height * width * per_cell
        values = overlaps[i, chosen]
        threshold = values.mean() + values.std()
        for j in chosen:
            cx, cy = (priors_rel[j, :2] + priors_rel[j, 2:]) / 2
            if overlaps[i, j] >= max(threshold, 1e-6) and x0 < cx < x1 and y0 < cy < y1:
                claims[j][i] = overlaps[i, j]
    matches = np.array([max(claim, key=lambda i: (claim[i], -i)) if claim else -1 for claim in claims])
    forgotten = [i for i in range(len(boxes_rel)) if i not in matches]
    free = np.flatnonzero(matches < 0)
    objects, priors = match_exclusively(list(overlapping(boxes_rel[forgotten], priors_rel[free])))
    for i, j in zip(objects, priors, strict=True):
        matches[free[j]] = forgotten[i]
    return matches


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([1, 9, 30]))
def test_like_the_slow_way(seed, objects, candidates):
    grids = (Grid(6, 9, 4), Grid(3, 5, 6), Grid(1, 1, 2))
    rng = np.random.default_rng(seed)
    priors_rel = np.concatenate([grid_of_priors(rng, *grid) for grid in grids])
    boxes_rel = random_objects(rng, objects, 0.9)
    if objects > 2:
        boxes_rel[1] = boxes_rel[0]  # twins
    expected = match_slowly(boxes_rel, priors_rel, grids, candidates)
    np.testing.assert_array_equal(match_atss(boxes_rel, priors_rel, grids, candidates), expected)


def grid_of_priors(rng, height, width, per_cell):
    centers = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1) / (width, height)
    half = (0.3 + rng.random((per_cell, 2))) / (width, height)
    low, high = centers[:, :, None] - half, centers[:, :, None] + half
    return np.concatenate([low, high], axis=-1).reshape(-1, 4).astype(np.float32)


@pytest.mark.parametrize("largest", [0.02, 0.9])
def test_a_crowd_is_matched_like_the_slow_way(largest):
    """More objects than a block holds."""
    grids = (Grid(12, 15, 4), Grid(3, 5, 6), Grid(1, 1, 2))
    rng = np.random.default_rng(0)
    priors_rel = np.concatenate([grid_of_priors(rng, *grid) for grid in grids])
    boxes_rel = random_objects(rng, 150, largest)
    boxes_rel[70:75] = boxes_rel[0]
    expected = match_slowly(boxes_rel, priors_rel, grids, 9)
    np.testing.assert_array_equal(match_atss(boxes_rel, priors_rel, grids, 9), expected)


@pytest.mark.parametrize("count", [1, 9, 40, 5000])
def test_the_cells_nearest_to_each_of_many_objects(count):
    grid, rng = Grid(20, 30, 2), np.random.default_rng(count)
    priors_rel = grid_of_priors(rng, *grid)
    boxes_rel = random_objects(rng, 200, 0.3)
    boxes_rel[:50, :2] = rng.integers(0, 15, (50, 2)) / (15, 10)  # as near to one cell as to others
    boxes_rel[:50, 2:] = boxes_rel[:50, :2] + np.float32(1 / 64)
    cells = (priors_rel[::2, :2] + priors_rel[::2, 2:]) / 2 * (30, 20)
    centers = (boxes_rel[:, :2] + boxes_rel[:, 2:]) / 2 * (30, 20)
    away = ((centers[:, None] - cells) ** 2).sum(axis=-1)
    expected = np.argsort(away, axis=1, kind="stable")[:, : (count + 1) // 2]
    np.testing.assert_array_equal(near_cells(boxes_rel, priors_rel, grid, count, neighbours(boxes_rel)), expected)


def test_worked_by_hand():
    """2 x 2 squares of a half; of the nearest cell and the next, IoUs 0.72 and 0.08: only the first is above 0.72."""
    priors_rel = grid_of_priors(np.random.default_rng(0), 2, 2, 1)
    priors_rel[:] = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    boxes_rel = np.array([[0.05, 0.05, 0.55, 0.5]], np.float32)
    np.testing.assert_array_equal(match_atss(boxes_rel, priors_rel, [Grid(2, 2, 1)], 2), [0, -1, -1, -1])


def test_the_grids_cover_the_priors_in_their_order():
    assert sum(height * width * per_cell for height, width, per_cell in GRIDS) == len(PRIORS_REL)
    box_rel = np.array([[0.4, 0.44, 0.5, 0.5]], np.float32)
    first = 0
    for grid in GRIDS:
        (cell,) = near_cells(
            box_rel, PRIORS_REL[first : first + grid.height * grid.width * grid.per_cell], grid, 1, [[0]]
        )[0]
        assert cell == int(0.47 * grid.height) * grid.width + int(0.45 * grid.width)
        first += grid.height * grid.width * grid.per_cell


def test_candidates_are_whole_cells_of_every_map():
    (near,) = candidates_of(np.array([[0.31, 0.2, 0.47, 0.61]], np.float32), PRIORS_REL, GRIDS, 9)
    expected = sum(min(grid.height * grid.width, -(-9 // grid.per_cell)) * grid.per_cell for grid in GRIDS)
    assert len(set(near)) == len(near) == expected


@given(st.integers(0, 2**32 - 1))
def test_no_object_is_forgotten(seed):
    """Also tiny ones, between all centres of cells, and such as have a twin."""
    rng = np.random.default_rng(seed)
    boxes_rel = random_objects(rng, 6, 0.2)
    boxes_rel[1] = boxes_rel[0]
    boxes_rel[2, 2:] = boxes_rel[2, :2] + 0.004
    matches = match_atss(boxes_rel, PRIORS_REL, GRIDS, 9)
    assert set(range(6)) <= set(matches)


def test_large_and_small_objects_get_about_as_many_priors():
    """What the paper is about: with a fixed threshold, small or odd ones get few."""
    boxes_rel = np.array([[0.1, 0.1, 0.9, 0.95], [0.3, 0.3, 0.36, 0.39]], np.float32)
    alone = [match_atss(box[None], PRIORS_REL, GRIDS, 9) for box in boxes_rel]
    assert all(3 <= (matches == 0).sum() <= 20 for matches in alone)


@pytest.mark.parametrize("objects", [0, 3])
def test_nothing_to_match(objects):
    boxes_rel = np.zeros((objects, 4), np.float32)
    assert match_atss(boxes_rel, np.zeros((0, 4), np.float32), [], 9).shape == (0,)
    assert (match_atss(boxes_rel[:0], PRIORS_REL, GRIDS, 9) == -1).all()


def test_grids_of_other_priors_are_refused():
    with pytest.raises(ValueError, match="the grids do not have"):
        match_atss(np.zeros((1, 4)), PRIORS_REL[:-1], GRIDS, 9)


def test_targets_and_examples_take_the_configured_method(record, still):
    objects = make_objects([[0.1, 0.1, 0.6, 0.7], [0.5, 0.5, 0.9, 0.9]], [0, 1])
    config = Match(method="atss")
    matches = find_matches(objects.boxes, PRIORS_REL, config, GRIDS)
    np.testing.assert_array_equal(matches, match_atss(objects.boxes, PRIORS_REL, GRIDS, 9))
    classes, _ = make_targets(objects, PRIORS_REL, config=config, grids=GRIDS)
    np.testing.assert_array_equal(classes, matches + 1)
    plain, _ = make_targets(objects, PRIORS_REL)
    assert (plain != classes).any()
    changed = still.model_copy(update={"match": config})
    assert grids_of(still) == ()
    priors_rel = network_priors(still.network, still.priors)
    ours, theirs = (
        training_example(record, np.random.default_rng(0), priors_rel, each)["classes"] for each in (still, changed)
    )
    assert (ours > 0).any()
    assert (theirs > 0).any()
    assert (ours != theirs).any()
