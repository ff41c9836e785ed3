import numpy as np
import pytest

from multibox.data.look_alikes import Looks
from multibox.labelling.choose import (
    FLOOR,
    choose,
    is_unlabelled,
    median_distance,
    nearest_distances,
    newness,
)

RNG = np.random.default_rng(0)


def different_looks(count, seed=0):
    """Looks of which no two are alike."""
    rng = np.random.default_rng(seed)
    return Looks(rng.integers(0, 2**63, count).astype(np.uint64), rng.integers(0, 255, (count, 256)).astype(np.uint8))


def by_hand(doubt, colours, count, nearest):
    """The greedy choice, image by image, without near-duplicates."""
    rows, chosen = colours.astype(float), []
    middle = median_distance(colours.astype(np.float32))
    for _ in range(count):
        values = {}
        for i in range(len(rows)):
            if i in chosen:
                continue
            known = [nearest[i]] + [np.sqrt(np.mean((rows[i] - rows[j]) ** 2)) for j in chosen]
            distance = min(known)
            values[i] = (FLOOR + doubt[i]) * (1 if np.isinf(distance) else distance / (distance + middle))
        chosen.append(max(values, key=values.get))
    return chosen


@pytest.mark.parametrize("labelled", [0, 5])
def test_the_choice_is_that_of_the_formula(labelled):
    colours = RNG.integers(0, 255, (30, 12)).astype(np.uint8)
    doubt = RNG.uniform(0, 5, 30)
    nearest = nearest_distances(colours, RNG.integers(0, 255, (labelled, 12)).astype(np.uint8))
    chosen = choose(doubt, colours, different_looks(30), 10, nearest, np.ones(30, bool))
    assert [one.place for one in chosen] == by_hand(doubt, colours, 10, nearest)


def test_near_duplicates_are_never_chosen_together():
    looks = different_looks(20)
    for copy in (3, 7, 11):  # nearly the same hash and thumbnail as image 0
        looks.hashes[copy] = looks.hashes[0] ^ np.uint64(0b101)
        looks.thumbnails[copy] = np.clip(looks.thumbnails[0].astype(int) + copy, 0, 255)
    colours = RNG.integers(0, 255, (20, 12)).astype(np.uint8)
    doubt = np.where(np.isin(np.arange(20), (0, 3, 7, 11)), 100.0, 1.0)
    chosen = choose(doubt, colours, looks, 20, np.full(20, np.inf), np.ones(20, bool))
    places = [one.place for one in chosen]
    assert len(set(places)) == len(places) == 17
    assert len({0, 3, 7, 11} & set(places)) == 1


def test_an_image_unlike_what_is_known_is_worth_more():
    colours = np.array([[0] * 3, [200] * 3, [1] * 3, [120] * 3], np.uint8)
    nearest = nearest_distances(colours, np.array([[0] * 3], np.uint8))
    np.testing.assert_allclose(nearest, [0, 200, 1, 120])
    chosen = choose(np.ones(4), colours, different_looks(4), 2, nearest, np.ones(4, bool))
    assert [one.place for one in chosen] == [1, 3]


def test_nothing_is_chosen_of_nothing():
    none = np.zeros(0)
    empty = Looks(np.zeros(0, np.uint64), np.zeros((0, 256), np.uint8))
    assert choose(none, np.zeros((0, 3), np.uint8), empty, 5, none, np.zeros(0, bool)) == []
    taken = choose(np.ones(3), np.zeros((3, 3), np.uint8), different_looks(3), 5, np.ones(3), np.zeros(3, bool))
    assert taken == []


def test_distances_to_many_labelled_images_are_those_of_a_loop():
    colours, others = (RNG.integers(0, 255, (count, 7)).astype(np.uint8) for count in (9, 600))
    loop = [min(np.sqrt(np.mean((row.astype(float) - other) ** 2)) for other in others) for row in colours]
    np.testing.assert_allclose(nearest_distances(colours, others), loop, rtol=1e-4)
    assert np.isinf(nearest_distances(colours, others[:0])).all()


def test_newness_is_a_half_at_the_median_distance():
    np.testing.assert_allclose(newness(np.array([0, 5, 15, np.inf]), 5.0), [0, 0.5, 0.75, 1], atol=1e-9)
    assert newness(np.zeros(2), 0.0).tolist() == [1, 1]


def test_labelled_images_are_recognised():
    looks = different_looks(10)
    labelled = Looks(looks.hashes[[4, 8]], looks.thumbnails[[4, 8]])
    assert np.flatnonzero(~is_unlabelled(looks, labelled)).tolist() == [4, 8]
