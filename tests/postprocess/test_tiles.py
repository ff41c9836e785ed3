import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from colored import ColorRuntime, paint
from multibox.boxes import iou
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.postprocess.joining import clip_each
from multibox.postprocess.nms import Selected
from multibox.postprocess.tiles import merge_tiles
from multibox.prepare.tiles import Tiles, tiles_of
from multibox.prepare.window import Window


@pytest.mark.parametrize("text", ["", "0", "2x", "x3", "2x0", "-5", "2*3", "640px"])
def test_not_tiles(text):
    with pytest.raises(BadInput, match=r"^tiles: "):
        Tiles.parse(text)


def test_parse():
    assert Tiles.parse("640") == Tiles(size=640)
    assert Tiles.parse("2X3") == Tiles(grid=(2, 3))


def edges(regions):
    return [(r.x0, r.y0, r.x1, r.y1) for r in regions]


def test_by_grid():
    """Two of 100 with a fifth in common span 180; one row is the whole height."""
    assert edges(Tiles(grid=(1, 2)).regions((90, 180))) == [(0, 0, 180, 90), (0, 0, 100, 90), (80, 0, 180, 90)]


def test_by_size():
    assert edges(Tiles(size=100).regions((100, 180))) == [(0, 0, 180, 100), (0, 0, 100, 100), (80, 0, 180, 100)]
    assert edges(Tiles(size=100).regions((100, 181)))[1:] == [(0, 0, 100, 100), (40, 0, 140, 100), (81, 0, 181, 100)]


@pytest.mark.parametrize("tiles", [Tiles(size=640), Tiles(grid=(1, 1))])
def test_a_small_image_is_one_region(tiles):
    assert edges(tiles.regions((480, 640))) == [(0, 0, 640, 480)]


@pytest.mark.parametrize("length", [641, 1000, 1999, 4001])
def test_tiles_cover_the_image_and_overlap(length):
    regions = Tiles(size=640).regions((length, 640))[1:]
    assert regions[0].y0 == 0
    assert regions[-1].y1 == length
    for above, below in pairwise(regions):
        assert above.height == 640
        assert above.y1 - below.y0 >= 0.2 * 640 - 1


def found(*rows):
    """Rows of a box and a score, of class 0."""
    boxes, scores = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows], np.float32)
    return Selected(boxes.reshape(-1, 4), scores, np.zeros(len(rows), np.int64))


IMAGE, LEFT, RIGHT = Window(0, 0, 180, 100), Window(0, 0, 100, 100), Window(80, 0, 180, 100)


def put(whole, left, right):
    both = merge_tiles([whole, left, right], [IMAGE, LEFT, RIGHT], same=0.45)
    return [(box.tolist(), pytest.approx(score)) for box, score in zip(both.boxes, both.scores, strict=True)]


def test_found_whole_in_both():
    assert put(found(), found(((82, 10, 96, 30), 0.7)), found(((83, 10, 97, 30), 0.9))) == [([83, 10, 97, 30], 0.9)]


def test_a_piece_goes_for_the_whole_even_with_a_better_score():
    left, right = found(((85, 10, 100, 30), 0.95)), found(((85, 10, 120, 30), 0.6))
    assert put(found(), left, right) == [([85, 10, 120, 30], pytest.approx(0.6))]


def test_pieces_of_an_object_that_no_tile_holds_are_joined():
    left, right = found(((20, 10, 100, 30), 0.8)), found(((80, 11, 170, 30), 0.9))
    assert put(found(), left, right) == [([20, 10, 170, 30], 0.9)]


def test_pieces_go_for_what_the_whole_image_shows():
    left, right = found(((20, 10, 100, 30), 0.8)), found(((80, 11, 170, 30), 0.9))
    assert put(found(((20, 10, 170, 31), 0.5)), left, right) == [([20, 10, 170, 31], 0.5)]


def test_two_objects_are_two():
    left, right = found(((60, 10, 79, 30), 0.8), ((70, 50, 95, 90), 0.7)), found(((100, 10, 120, 30), 0.9))
    assert len(put(found(), left, right)) == 3


def test_overlapping_objects_of_one_tile_are_left_to_its_own_nms():
    left = found(((10, 10, 50, 50), 0.8), ((15, 10, 55, 50), 0.7))
    assert len(put(found(), left, found())) == 2


def test_other_classes_are_other_objects():
    left, right = found(((82, 10, 96, 30), 0.7)), found(((82, 10, 96, 30), 0.9))
    parts = [found(), left, right._replace(labels=np.ones(1, np.int64))]
    assert len(merge_tiles(parts, [IMAGE, LEFT, RIGHT], 0.45).scores) == 2
    assert len(merge_tiles(parts, [IMAGE, LEFT, RIGHT], 0.45, agnostic=True).scores) == 1


def test_three_pieces_in_a_row():
    regions = [Window(0, 0, 260, 100), *(Window(x, 0, x + 100, 100) for x in (0, 80, 160))]
    parts = [found(), found(((50, 0, 100, 9), 0.5)), found(((80, 0, 180, 9), 0.6)), found(((160, 0, 200, 9), 0.7))]
    got = merge_tiles(parts, regions, 0.45)
    assert got.boxes.tolist() == [[50, 0, 200, 9]]
    assert got.scores.tolist() == pytest.approx([0.7])


def in_grid(side, gap, size=(900, 1600)):
    """Equal objects in rows and columns: ``(N, 4)``."""
    corners = [(x, y) for y in range(3, size[0] - side, side + gap) for x in range(3, size[1] - side, side + gap)]
    return np.array([(x, y, x + side, y + side) for x, y in corners], np.float32)


def oracle(boxes, regions, rng, noise, weak):
    """What a detector finds that sees at least 15 % of an object in each tile, and nothing in the whole image.

    Its boxes are inexact by ``noise`` of their sides. For each there are ``weak`` ones of low score about it.
    """
    parts = [found()]
    for region in regions[1:]:
        limits = np.array([region.x0, region.y0, region.x1, region.y1], np.float32)
        seen = np.concatenate([np.maximum(boxes[:, :2], limits[:2]), np.minimum(boxes[:, 2:], limits[2:])], axis=1)
        seen = seen[(seen[:, 2:] > seen[:, :2]).all(axis=1)]
        seen = seen[(seen[:, 2:] - seen[:, :2]).prod(axis=1) > 0.15 * (boxes[0, 2] - boxes[0, 0]) ** 2]
        some = np.repeat(seen, weak, axis=0)
        sides = np.tile(some[:, 2:] - some[:, :2], 2)
        some = (
            some + np.tile(rng.uniform(-0.7, 0.7, (len(some), 2)), 2) * sides + rng.normal(0, 0.2, some.shape) * sides
        )
        seen = seen + rng.normal(0, noise, seen.shape) * np.tile(seen[:, 2:] - seen[:, :2], 2)
        every = np.concatenate([seen, some])
        every = np.clip(every, np.tile(limits[:2], 2), np.tile(limits[2:], 2)).astype(np.float32)
        scores = np.concatenate([rng.uniform(0.5, 0.95, len(seen)), rng.uniform(0.01, 0.3, len(some))])
        part = Selected(every, scores.astype(np.float32), np.zeros(len(every), np.int64))
        parts.append(part.keep((every[:, 2:] > every[:, :2]).all(axis=1)))
    return parts


@pytest.mark.parametrize("tiles", ["2x3", "3x2", "4x4", "256", "640"])
@pytest.mark.parametrize(("side", "gap"), [(30, 2), (60, 4), (120, 5), (200, 10)])
def test_equal_objects_side_by_side_are_one_box_each(tiles, side, gap):
    """Also those that are larger than what two tiles have in common, so that no tile holds them."""
    regions, boxes = Tiles.parse(tiles).regions((900, 1600)), in_grid(side, gap)
    parts = oracle(boxes, regions, np.random.default_rng(0), noise=0, weak=0)
    merged = merge_tiles(parts, regions, same=0.45)
    assert sorted(merged.boxes.tolist()) == sorted(boxes.tolist())


@pytest.mark.parametrize("tiles", ["2x3", "3x2", "4x4", "640"])
@pytest.mark.parametrize(("side", "gap"), [(60, 4), (120, 5), (200, 10)])
def test_weak_boxes_between_neighbours_do_not_melt_them_into_one(tiles, side, gap):
    regions, boxes = Tiles.parse(tiles).regions((900, 1600)), in_grid(side, gap)
    parts = oracle(boxes, regions, np.random.default_rng(0), noise=0.03, weak=3)
    merged = merge_tiles(parts, regions, same=0.45)
    sure = merged.keep(merged.scores > 0.4).boxes
    assert (sure[:, 2:] - sure[:, :2]).max() < 1.35 * side
    assert abs(len(sure) - len(boxes)) <= max(1, 0.02 * len(boxes))
    assert (iou(boxes, sure).max(axis=1) > 0.6).mean() >= 0.98


def test_a_joined_box_swallows_no_complete_box_that_is_as_sure():
    left, right = found(((20, 10, 100, 30), 0.8)), found(((80, 11, 170, 30), 0.9), ((105, 12, 125, 29), 0.85))
    assert len(put(found(), left, right)) == 3
    left, right = found(((20, 10, 100, 30), 0.8)), found(((80, 11, 170, 30), 0.9), ((105, 12, 125, 29), 0.3))
    assert put(found(), left, right)[0] == ([20, 10, 170, 30], 0.9)


def test_a_weak_complete_box_of_a_tile_does_not_replace_a_sure_piece_but_one_of_the_whole_image_does():
    left, right = found(((60, 10, 100, 30), 0.9)), found(((84, 10, 110, 30), 0.1))
    assert ([60, 10, 100, 30], 0.9) in put(found(), left, right)
    assert put(found(((60, 10, 110, 30), 0.1)), left, found()) == [([60, 10, 110, 30], 0.1)]


def test_nothing():
    assert merge_tiles([found(), found()], [IMAGE, LEFT], 0.45).boxes.shape == (0, 4)


@pytest.mark.parametrize("x0", range(200, 420, 17))
def test_an_object_at_any_place_is_found_once(x0):
    """Through the detector: the border between the tiles of 384 pixels lies somewhere in the object, or not."""
    box = (x0, 100, x0 + 60, 140)
    detector = Detector(ColorRuntime(), tiles=384)
    detections = detector(paint((256, 700), {"red": box}))
    assert detections.names == ["red"]
    np.testing.assert_allclose(detections.boxes[0], box, atol=4)


def test_what_is_too_small_for_the_network_is_found_in_tiles():
    image = paint((2000, 3000), {"green": (1500, 900, 1510, 906), "red": (0, 0, 2900, 700)})
    assert Detector(ColorRuntime())(image).names == ["red"]
    found = Detector(ColorRuntime(), tiles="8x8")(image)
    assert sorted(found.names) == ["green", "red"]
    np.testing.assert_allclose(found.boxes[found.names.index("green")], (1500, 900, 1510, 906), atol=4)


@pytest.mark.parametrize("tiles", [Tiles(size=8), Tiles(grid=(200, 200)), Tiles(grid=(1, 10**9))])
def test_too_many_tiles(tiles):
    said = r"^tiles: .* for an image of 20000 x 10000 are too many \(at most 10000\); use larger tiles$"
    with pytest.raises(BadInput, match=said):
        tiles.regions((10_000, 20_000))


@pytest.mark.parametrize("size", [640, 640.0, np.int64(640), "640"])
def test_a_side_in_pixels_is_any_whole_number(size):
    assert Detector(ColorRuntime(), tiles=size).tiles == Tiles(size=640)


def test_a_number_below_one_is_a_share_and_zero_cuts_nothing():
    assert tiles_of(0.25) == tiles_of(np.float32(0.25)) == Tiles(share=0.25)
    assert tiles_of(0) is tiles_of("none") is None


@pytest.mark.parametrize("size", [-1, 1.5, 640.5, True, float("nan"), float("inf"), [640], "-1"])
def test_what_describes_no_tiles(size):
    with pytest.raises(BadInput, match=r"^tiles: .*: give a tile's side in pixels \(640\)"):
        Detector(ColorRuntime(), tiles=size)


def test_only_boxes_that_meet_are_compared(monkeypatch):
    """9,000 boxes make 40 million pairs, which took ten seconds."""
    compared = []

    def count(boxes, limits):
        compared.append(len(boxes))
        return clip_each(boxes, limits)

    monkeypatch.setattr("multibox.postprocess.tiles.clip_each", count)
    regions, rng = Tiles(size=320).regions((2000, 3000)), np.random.default_rng(0)
    parts = []
    for region in regions:
        centers = rng.uniform((region.x0, region.y0), (region.x1, region.y1), (100, 2))
        boxes = np.concatenate([centers - 9, centers + 9], axis=1).astype(np.float32)
        parts.append(Selected(boxes, rng.random(100, np.float32), np.zeros(100, np.int64)))
    assert len(merge_tiles(parts, regions, same=0.45).scores) > 9_000
    assert 0 < max(compared) < 10_000


def test_a_crowd_takes_little_memory():
    """Only boxes that are near each other are compared."""
    image = (20_000, 2_000)
    regions = Tiles(size=1_000).regions(image)
    rng = np.random.default_rng(0)
    parts = [Selected(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))]
    for region in regions[1:]:
        corner = rng.uniform(0, 950, (200, 2)) + np.array([region.x0, region.y0])
        boxes = np.concatenate([corner, corner + 30], axis=1).astype(np.float32)
        parts.append(Selected(boxes, rng.random(200, np.float32), np.zeros(200, np.int64)))
    tracemalloc.start()
    both = merge_tiles(parts, regions, same=0.45)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 10_000 < len(both.scores) < len(regions) * 200
    assert peak < 100e6
