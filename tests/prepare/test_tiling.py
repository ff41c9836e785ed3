import numpy as np
import pytest

from multibox.data.record import make_objects
from multibox.errors import BadInput
from multibox.prepare.tiles import Tiles
from multibox.prepare.tiling import tiling_of

SIZES = [(300, 400), (100, 401), (512, 512), (129, 128), (300, 90), (2000, 130)]


def shifts(tiling, count=12):
    return [tiling.shifted(shares) for shares in np.random.default_rng(0).random((count, 2))]


def windows(tiling):
    return [tiling.window(example) for example in range(tiling.tiles)]


@pytest.mark.parametrize("size", SIZES)
def test_the_tiles_cover_the_image_at_native_scale_wherever_the_borders_are(size):
    for tiling in shifts(tiling_of(size, Tiles(size=128))):
        seen = np.zeros(size, np.bool_)
        for window in windows(tiling):
            assert (window.height, window.width) == (min(128, size[0]), min(128, size[1]))
            assert 0 <= window.x0 <= window.x1 <= size[1]
            assert 0 <= window.y0 <= window.y1 <= size[0]
            seen[int(window.y0) : int(window.y1), int(window.x0) : int(window.x1)] = True
        assert seen.all()


def test_the_borders_move():
    starts = {window.x0 for tiling in shifts(tiling_of((100, 512), Tiles(size=128))) for window in windows(tiling)}
    assert len(starts) > 20


@pytest.mark.parametrize("size", SIZES)
def test_every_object_belongs_to_one_tile_that_has_its_centre(size):
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, np.array(size[::-1]) - 30, (200, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(2, 30, (200, 2))], axis=1).astype(np.float32)
    for tiling in shifts(tiling_of(size, Tiles(size=128))):
        homes = tiling.homes(boxes)
        assert ((homes >= 0) & (homes < tiling.tiles)).all()
        for (x0, y0, x1, y1), home in zip(boxes.tolist(), homes.tolist(), strict=True):
            window = tiling.window(home)
            assert window.x0 <= (x0 + x1) / 2 <= window.x1
            assert window.y0 <= (y0 + y1) / 2 <= window.y1


def test_every_object_no_larger_than_a_tile_is_taught_once_in_a_pass():
    rng = np.random.default_rng(2)
    corner = rng.uniform(0, 480, (300, 2))
    boxes = np.concatenate([corner, np.minimum(corner + rng.uniform(1, 128, (300, 2)), 600)], axis=1)
    objects = make_objects(boxes, np.arange(300))
    for tiling in shifts(tiling_of((600, 600), Tiles(size=128))):
        shown = [tiling.show(example, objects, 0.25) for example in range(tiling.examples)]
        taught = np.concatenate([each.labels[~each.crowd] for each in shown])
        np.testing.assert_array_equal(np.sort(taught), np.arange(300))


def test_what_an_example_shows_but_does_not_teach_is_ignored_there():
    """Of an object across a border, the tile with its centre shows a part, and the other one a region to ignore."""
    tiling = tiling_of((100, 400), Tiles(size=128))
    objects = make_objects([(110, 10, 140, 40)], [7])  # the centre is at 125, the border at 128
    first, second, third, *_, everything = (tiling.show(i, objects, 0.25) for i in range(tiling.examples))
    assert (first.boxes.tolist(), first.crowd.tolist(), first.labels.tolist()) == ([[110, 10, 128, 40]], [False], [7])
    assert (second.boxes.tolist(), second.crowd.tolist()) == ([[0, 10, 12, 40]], [True])
    assert len(third) == 0
    assert (everything.boxes.tolist(), everything.crowd.tolist()) == ([[110, 10, 140, 40]], [True])


def test_too_little_of_an_object_teaches_nothing():
    tiling = tiling_of((100, 400), Tiles(size=128))
    objects = make_objects([(110, 10, 140, 40)], [7])  # 18 of 30 columns are seen
    assert tiling.teaches(objects, 0.59).tolist() == [0]
    assert tiling.teaches(objects, 0.61).tolist() == [-1]
    assert tiling.show(0, objects, 0.61).crowd.tolist() == [True]


def test_an_object_that_a_tile_shows_entirely_is_taught_with_the_largest_visible_share():
    """Also where its corners are no whole numbers, whose areas float32 rounds."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 560, (1000, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(3, 30, (1000, 2))], axis=1).astype(np.float32)
    for tiling in shifts(tiling_of((600, 600), Tiles(size=128)), 3):
        shown = [tiling.window(home) for home in tiling.homes(boxes).tolist()]
        edges = np.array([(w.x0, w.y0, w.x1, w.y1) for w in shown])
        is_inside = (boxes[:, :2] >= edges[:, :2]).all(axis=1) & (boxes[:, 2:] <= edges[:, 2:]).all(axis=1)
        assert 500 < is_inside.sum() < 1000
        np.testing.assert_array_equal(tiling.teaches(make_objects(boxes, [0] * 1000), 1.0) >= 0, is_inside)


def test_an_object_whose_centre_is_where_four_tiles_meet_is_taught():
    """One of them shows exactly a quarter of it, whatever its size."""
    half = np.random.default_rng(0).uniform(1, 60, (500, 2)).astype(np.float32)
    boxes = np.concatenate([256 - half, 256 + half], axis=1)
    homes = tiling_of((1000, 1000), Tiles(size=128)).teaches(make_objects(boxes, [0] * 500), 0.25)
    assert (homes >= 0).all()


def test_an_object_larger_than_a_tile_belongs_to_the_whole_image():
    tiling = tiling_of((300, 400), Tiles(size=128))
    objects = make_objects([(10, 10, 200, 40), (50, 50, 60, 60)], [0, 1])
    everything = tiling.show(tiling.tiles, objects, 0.25)
    assert dict(zip(everything.labels.tolist(), everything.crowd.tolist(), strict=True)) == {0: False, 1: True}
    assert tiling.show(0, objects, 0.25).crowd.tolist() == [True, False]


def test_an_image_that_fits_into_a_tile_is_one_example_as_ever():
    tiling = tiling_of((100, 128), Tiles(size=128))
    objects = make_objects([(10, 10, 120, 90), (50, 50, 60, 60)], [0, 1], crowd=[False, True])
    shown = tiling.show(0, objects, 0.25)
    assert tiling.examples == 1
    np.testing.assert_array_equal(shown.boxes, objects.boxes)
    assert shown.crowd.tolist() == [False, True]


def test_a_share_of_the_image():
    tiling = tiling_of((300, 400), Tiles(share=0.25))
    assert (tiling.side, tiling.counts) == ((100, 100), (4, 5))


def test_no_objects():
    tiling = tiling_of((300, 400), Tiles(size=128))
    assert len(tiling.show(0, make_objects([], []), 0.25)) == 0


def test_too_many_tiles():
    with pytest.raises(BadInput, match=r"^data\.tiles: 157x313 tiles for an image of 20000 x 10000 are too many"):
        tiling_of((10_000, 20_000), Tiles(size=64))
