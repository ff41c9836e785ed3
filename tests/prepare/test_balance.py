"""Repeat factors against loops, the shares in the stream, and that the seed and the position alone decide."""

import math
import pickle
from collections import Counter

import numpy as np
import pytest

from multibox.config import Config
from multibox.data.object_kinds import learned
from multibox.data.presence import presence_in, presence_of
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.prepare.balance import BalancedOrder, class_factors, repeat_factors, systematic_sample
from multibox.prepare.pipeline import endless_order, joined_order, training_batches

CLASSES = ("cat", "dog", "emu")


def slow_factors(images, threshold):
    """REFERENCE: section 5.2 of LVIS, one image and one class after the other."""
    share = {c: sum(c in image for image in images) / len(images) for image in images for c in image}
    of_class = {c: max(1.0, math.sqrt(threshold / f)) for c, f in share.items()}
    return [max([of_class[c] for c in image], default=1.0) for image in images]


@pytest.mark.parametrize("threshold", [0.001, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_factors_are_those_of_lvis(threshold, seed):
    rng = np.random.default_rng(seed)
    images = [
        [c for c, p in enumerate((0.6, 0.1, 0.02)) for _ in range(rng.integers(1, 4)) if rng.random() < p]
        for _ in range(200)
    ]
    presence = presence_of([np.array(image, np.int64) for image in images], CLASSES)
    np.testing.assert_allclose(repeat_factors(presence, threshold), slow_factors(images, threshold), rtol=1e-12)


def test_a_class_without_images_and_an_image_without_objects_have_the_factor_1():
    assert class_factors(np.array([0, 1]), 100, 0.04).tolist() == [1.0, 2.0]
    assert repeat_factors(presence_of([np.array([], np.int64)] * 3, CLASSES), 1.0).tolist() == [1.0] * 3


def test_each_image_comes_as_often_as_its_factor_says():
    """In every pass its factor rounded down or up, and in the mean the factor itself."""
    factors = np.array([1.0] * 50 + [1.3] * 20 + [4.2, 2.5, 9.9])
    order = BalancedOrder(factors, seed=3)
    passes = [Counter(order(k) for k in range(p * order.length, (p + 1) * order.length)) for p in range(400)]
    scale = order.length / factors.sum()
    assert abs(scale - 1) < 0.01
    for i, factor in enumerate(factors * scale):
        counts = [one[i] for one in passes]
        assert set(counts) <= {math.floor(factor), math.ceil(factor)}
        assert np.mean(counts) == pytest.approx(factor, abs=4 * 0.5 / math.sqrt(400))


def test_equal_factors_show_each_image_once_in_a_pass_and_each_pass_in_another_order():
    order = BalancedOrder(np.ones(30), seed=0, first=100)
    passes = [tuple(order(k) for k in range(p * 30, p * 30 + 30)) for p in range(4)]
    assert all(sorted(one) == [*range(100, 130)] for one in passes)
    assert len(set(passes)) == 4


def test_a_pass_is_drawn_once_with_any_number_of_weighted_stores(monkeypatch):
    """With nine stores or more, each example drew a whole pass of its store again: 5 ms for 50,000 images."""
    drawn = []
    monkeypatch.setattr(
        "multibox.prepare.balance.systematic_sample",
        lambda factors, length, rng: drawn.append(length) or systematic_sample(factors, length, rng),
    )
    order = endless_order([*range(10, 130, 10)], [1] * 12, 0, np.ones(120))
    assert len({order[k] for k in range(120)}) == 120
    assert len(drawn) == 12


def test_only_passes_near_the_last_one_are_kept():
    order = BalancedOrder(np.linspace(1, 5, 60), seed=0)
    expected = [order(k) for k in range(20 * order.length)]
    assert len(order._passes._drawn) <= 2
    assert [order(k) for k in reversed(range(20 * order.length))] == expected[::-1]


@pytest.mark.parametrize("factors", [[1.0], [1.0, 1e6], [1e-3] * 5, [1.5] * 3])
def test_no_factor_leads_beyond_the_images(factors):
    for seed in range(50):
        drawn = systematic_sample(np.array(factors), 7, np.random.default_rng(seed))
        assert len(drawn) == 7
        assert set(drawn.tolist()) <= set(range(len(factors)))


@pytest.mark.parametrize("weights", [(), (1, 3)])
def test_the_seed_and_the_position_alone_decide(weights):
    factors = np.linspace(1, 5, 60)
    whole = endless_order([20, 60], weights, 7, factors)
    expected = [whole[k] for k in range(500)]
    again = pickle.loads(pickle.dumps(endless_order([20, 60], weights, 7, factors)))
    assert [again[k] for k in reversed(range(500))] == expected[::-1]
    other = endless_order([20, 60], weights, 8, factors)
    assert [other[k] for k in range(500)] != expected
    assert 0 <= whole[2**52] < 60


def test_weights_keep_the_shares_of_the_stores_and_factors_hold_within_each():
    factors = np.array([1.0] * 10 + [3.0] * 10 + [1.0] * 38 + [2.0] * 2)
    order = endless_order([20, 60], (1, 3), 0, factors)
    drawn = Counter(order[k] for k in range(16_000))
    assert sum(drawn[i] for i in range(20)) == 4_000
    assert sum(drawn[i] for i in range(10, 20)) == pytest.approx(3_000, rel=0.02)
    assert drawn[58] + drawn[59] == pytest.approx(12_000 * 4 / 42, rel=0.03)


@pytest.fixture
def stores(make_record, tmp_path, monkeypatch):
    """Twelve images of cats, two of which show a dog too, and one of an emu in a store that names classes otherwise.

    A crowd and a difficult object are the only ones of their class in their images.
    """
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    boxes = [(5, 5, 30, 30), (40, 10, 70, 50)]
    cats = [make_record(i, boxes=boxes[:1], labels=[0]) for i in range(8)]
    dogs = [make_record(i, boxes=boxes, labels=[0, 1]) for i in (8, 9)]
    crowd = make_record(10, boxes=boxes, labels=[0, 1], crowd=[False, True])
    difficult = make_record(11, boxes=boxes, labels=[0, 1], difficult=[False, True])
    emu = make_record(12, boxes=boxes[:1], labels=[0])
    return [
        write_store("one", "train", [*cats, *dogs, crowd, difficult], CLASSES[:2]),
        write_store("two", "train", [emu], CLASSES[2:]),
    ]


@pytest.mark.parametrize(("difficult", "dogs"), [("keep", 3), ("drop", 2)])
def test_presence_counts_what_training_learns(stores, difficult, dogs):
    presence = presence_in(stores, CLASSES, learned(difficult))
    assert presence.images == 13
    assert presence.images_by_name == {"cat": 12, "dog": dogs, "emu": 1}
    assert presence.objects.tolist() == [12, dogs, 1]


def balanced(balance=0.5, workers=0):
    return Config.model_validate(
        {
            "network": {"size": [128, 128]},
            "data": {"workers": workers, "balance": balance},
            "train": {"batch": 4, "seed": 1},
        }
    )


def test_a_run_sees_rare_classes_more_often(stores):
    records, order = joined_order(stores, CLASSES, balanced())
    expected = slow_factors([[0]] * 8 + [[0, 1]] * 2 + [[0]] + [[0, 1]] + [[2]], 0.5)
    drawn = Counter(order[k] for k in range(20_000))
    for i, factor in enumerate(expected):
        assert drawn[i] == pytest.approx(20_000 * factor / sum(expected), rel=0.05)
    assert len(records) == 13


def test_without_balance_the_order_is_as_before(stores):
    plain = endless_order([12, 13], (), 1)
    _, order = joined_order(stores, CLASSES, balanced(0))
    assert [order[k] for k in range(50)] == [plain[k] for k in range(50)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_balanced_run_resumed_at_a_step_goes_on_as_it_would_have(stores, small_priors, workers):
    with training_batches(stores, CLASSES, small_priors, balanced()) as batches:
        whole = [next(batches) for _ in range(6)]
    with training_batches(stores, CLASSES, small_priors, balanced(workers=workers), start_step=3) as batches:
        rest = [next(batches) for _ in range(3)]
    for (image, targets), (other, other_targets) in zip(rest, whole[3:], strict=True):
        np.testing.assert_array_equal(image, other)
        np.testing.assert_array_equal(targets["classes"], other_targets["classes"])


@pytest.mark.parametrize("balance", [-0.1, 1.1, True, "much"])
def test_a_threshold_is_a_share_of_the_images(balance):
    with pytest.raises(ValueError, match=r"balance"):
        balanced(balance)


def test_balance_does_not_hide_other_faults(stores):
    with pytest.raises(BadInput, match=r"has classes that data.classes does not list: emu"):
        joined_order(stores, CLASSES[:2], balanced())


def test_balance_and_tiles_are_not_combined(stores):
    config = balanced()
    both = config.model_copy(update={"data": config.data.model_copy(update={"tiles": 64})})
    with pytest.raises(BadInput, match=r"^data\.balance: cannot be combined with data\.tiles; set data\.balance=0 or"):
        joined_order(stores, CLASSES, both)
