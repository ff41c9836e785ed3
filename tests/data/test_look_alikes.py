from itertools import combinations

import cv2
import numpy as np
import pytest

from multibox.data.look_alikes import (
    LEAST_CORRELATION,
    MOST_BITS,
    Looks,
    find_alike,
    group_alike,
    look_of,
    stack_looks,
)
from multibox.data.sample import draw_scene


def jpeg(image, quality=92):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed), 160)[0] for seed in range(24)]


CHANGES = {
    "saved again": lambda image: jpeg(image, 40),
    "as PNG": lambda image: cv2.imencode(".png", image)[1].tobytes(),
    "smaller": lambda image: jpeg(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)),
    "larger": lambda image: jpeg(cv2.resize(image, None, fx=2.3, fy=2.3)),
    "brighter": lambda image: jpeg(cv2.convertScaleAbs(image, alpha=1.1, beta=10)),
    "grey": lambda image: jpeg(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_picture_is_found_among_others(scenes, change):
    others = stack_looks([look_of(jpeg(image)) for image in scenes])
    changed = stack_looks([look_of(change(image)) for image in scenes[3:7]])
    assert find_alike(changed, others) == {0: 3, 1: 4, 2: 5, 3: 6}


def test_different_pictures_are_not_alike(scenes):
    looks = [look_of(jpeg(image)) for image in scenes]
    assert find_alike(stack_looks(looks[:12]), stack_looks(looks[12:])) == {}
    assert group_alike(stack_looks(looks)).tolist() == list(range(24))


def test_groups(scenes):
    order = [0, 1, 0, 2, 1, 0]
    looks = [look_of(jpeg(scenes[k], quality=50 + 8 * i)) for i, k in enumerate(order)]
    assert group_alike(stack_looks(looks)).tolist() == [0, 1, 0, 3, 1, 0]


def made_up(count, seed):
    """Looks whose hashes are a few bits apart and whose thumbnails are of few kinds, so that all cases occur."""
    rng = np.random.default_rng(seed)
    bits = (rng.random((count, 64)) < 0.1).astype(np.uint8)
    kinds = np.concatenate([np.random.default_rng(9).integers(0, 256, (5, 256)), np.full((1, 256), 9)]).astype(np.uint8)
    return Looks(np.packbits(bits, axis=1).view(np.uint64).ravel(), kinds[rng.integers(0, 6, count)])


def is_alike(a, i, b, j):
    """By the definition, one pair at a time."""
    one, other = a.thumbnails[i].astype(float), b.thumbnails[j].astype(float)
    bits = (int(a.hashes[i]) ^ int(b.hashes[j])).bit_count()
    return bits <= MOST_BITS and one.std() > 0 < other.std() and np.corrcoef(one, other)[0, 1] >= LEAST_CORRELATION


def test_a_picture_is_found_behind_nearer_hashes_of_others():
    these, others = made_up(40, 0), made_up(20, 1)
    found = find_alike(these, others)
    assert 5 < len(found) < 35
    for i in range(40):
        alike = [j for j in range(20) if is_alike(these, i, others, j)]
        assert (found[i] in alike) if i in found else not alike


def test_groups_are_what_hangs_together():
    looks = made_up(60, 2)
    groups = np.arange(60)
    for i, j in combinations(range(60), 2):
        if is_alike(looks, i, looks, j):
            groups[groups == groups[j]] = groups[i]
    expected = [np.flatnonzero(groups == group)[0] for group in groups]
    assert group_alike(looks).tolist() == expected
    assert 5 < len(set(expected)) < 55


def test_pairs_of_the_same_picture_that_are_alike_are_one_group():
    """Of a film whose frames are stored twice, each frame's nearest is its copy."""
    a, b = 0, 0b11
    looks = Looks(np.array([a, a, b, b], np.uint64), np.tile(np.arange(256, dtype=np.uint8), (4, 1)))
    assert group_alike(looks).tolist() == [0, 0, 0, 0]


def test_no_pictures():
    empty = stack_looks([])
    assert empty.thumbnails.shape == (0, 256)
    assert find_alike(empty, empty) == {}
    assert group_alike(empty).tolist() == []


def test_pictures_all_of_one_colour_are_not_judged():
    flat = [look_of(jpeg(np.full((64, 64, 3), value, np.uint8))) for value in (0, 255)]
    assert find_alike(stack_looks(flat[:1]), stack_looks(flat[1:])) == {}
    assert group_alike(stack_looks([flat[0], *flat])).tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".webp", ".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("shape", [(2, 40), (40, 1), (1, 1)])
def test_an_image_of_a_few_pixels_has_a_look(suffix, shape):
    encoded = cv2.imencode(suffix, np.full((*shape, 3), 90, np.uint8))[1].tobytes()
    _, thumbnail = look_of(encoded)
    assert thumbnail.shape == (256,)
