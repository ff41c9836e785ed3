import numpy as np

from multibox.boxes import decode, iou
from multibox.data.record import make_objects
from multibox.prepare.targets import make_targets


def test_worked_by_hand(small_priors):
    cell = [0.25, 0.25, 0.5, 0.5]  # prior 5
    shifted = [0.5, 0.55, 0.75, 0.8]  # prior 10, a fifth of its height lower
    classes, deltas = make_targets(make_objects([cell, shifted], [3, 0]), small_priors)
    expected = np.zeros(17, np.int32)
    expected[5], expected[10] = 4, 1
    np.testing.assert_array_equal(classes, expected)
    np.testing.assert_allclose(deltas[5], [0, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(deltas[10], [0, 0.2 / 0.1, 0, 0], atol=1e-5)
    assert (np.delete(deltas, [5, 10], axis=0) == 0).all()
    assert classes.dtype == np.int32
    assert deltas.dtype == np.float32


def test_no_objects_are_all_background(small_priors):
    classes, deltas = make_targets(make_objects([], []), small_priors)
    assert (classes == 0).all()
    assert (deltas == 0).all()


def test_priors_over_a_crowd_are_ignored_but_objects_in_it_count(small_priors):
    crowd, inside = [0, 0, 0.5, 0.5], [0.25, 0.25, 0.5, 0.5]
    classes, _ = make_targets(make_objects([crowd, inside], [0, 1], crowd=[1, 0]), small_priors)
    np.testing.assert_array_equal(np.flatnonzero(classes == -1), [0, 1, 4])
    np.testing.assert_array_equal(np.flatnonzero(classes == 2), [5])
    assert not (classes == 1).any()  # the crowd itself is nobody's target


def test_variances_are_used(small_priors):
    objects = make_objects([[0.5, 0.55, 0.75, 0.8]], [0])
    _, deltas = make_targets(objects, small_priors, variances=(1, 1, 1, 1))
    np.testing.assert_allclose(deltas[10], [0, 0.2, 0, 0], atol=1e-5)


def test_deltas_lead_back_to_the_objects(small_priors):
    rng = np.random.default_rng(0)
    corner, size = rng.random((6, 2)) * 0.6, 0.05 + 0.3 * rng.random((6, 2))
    boxes_rel = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    classes, deltas = make_targets(make_objects(boxes_rel, range(6)), small_priors)
    positive = classes > 0
    assert positive.sum() >= 5
    found = decode(deltas[positive], small_priors[positive])
    own = iou(found, boxes_rel)[np.arange(positive.sum()), classes[positive] - 1]
    np.testing.assert_allclose(own, 1, atol=1e-4)


def test_tiny_objects_give_finite_deltas(small_priors):
    tiny = np.array([[0.3, 0.3, 0.3 + 1e-6, 0.3 + 1e-6]], np.float32)
    _, deltas = make_targets(make_objects(tiny, [0]), small_priors)
    assert np.isfinite(deltas).all()
