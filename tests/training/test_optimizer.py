import keras
import numpy as np
import pytest
from keras import layers, ops

from multibox.config import Network, Priors, Train
from multibox.models.ssd import build
from multibox.training.optimizer import SGD, AdamW, make_optimizer


def variable(value=1.0):
    return keras.Variable(np.full((2,), value, "float32"), name="kernel")


def same(*_):
    return 1.0, 1.0


def steps(optimizer, w, gradients):
    for gradient in gradients:
        optimizer.apply([ops.full((2,), gradient)], [w])
    return float(ops.convert_to_numpy(w)[0])


def test_sgd_adds_decay_to_the_gradient_before_momentum():
    """By hand: v = -0.1 (2 + 0.5 * 1) = -0.25, w = 0.75; v = 0.9 * -0.25 - 0.1 (2 + 0.375) = -0.4625, w = 0.2875."""
    optimizer = SGD(0.1, momentum=0.9, decay=0.5, multipliers=same)
    assert steps(optimizer, variable(), [2.0, 2.0]) == pytest.approx(0.2875)


def test_sgd_multiplies_rate_and_decay_of_a_variable():
    """Rate 0.2, no decay: w = 1 - 0.2 * 2."""
    optimizer = SGD(0.1, momentum=0.9, decay=0.5, multipliers=lambda _: (2.0, 0.0))
    assert steps(optimizer, variable(), [2.0]) == pytest.approx(0.6)


def test_adamw_equals_keras_where_they_mean_the_same():
    ours, theirs = variable(), variable()
    gradients = [0.3, -1.0, 2.0, 0.1]
    expected = steps(keras.optimizers.AdamW(0.01, weight_decay=0.1), theirs, gradients)
    assert steps(AdamW(0.01, decay=0.1, multipliers=same), ours, gradients) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_step_that_is_not_finite_changes_nothing_and_is_recorded(kind, bad):
    w = variable()
    optimizer = kind(0.1, decay=0.1, multipliers=same)
    before = steps(optimizer, w, [1.0])
    slots = [ops.convert_to_numpy(slot) for slot in optimizer._slots[0]]
    assert int(optimizer.first_skipped) == -1
    assert steps(optimizer, w, [bad, bad]) == before
    for slot, old in zip(optimizer._slots[0], slots, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(slot), old)
    assert int(optimizer.first_skipped) == 1
    assert steps(optimizer, w, [1.0]) != before


def test_which_variables_decay_and_how_fast_they_learn():
    network = build(Network(size=(128, 128)), 2, Priors())
    optimizer = make_optimizer(network, "efficientnet_lite0", Train(trunk_lr=0.5, bias_lr=2.0), 0.1)

    def of(layer, name):
        return optimizer.multipliers(next(v for v in network.get_layer(layer).weights if v.name == name))

    assert of("stem_conv", "kernel") == (0.5, 1.0)
    assert of("c3_head_boxes", "kernel") == (1.0, 1.0)
    assert of("c3_head_boxes", "bias") == (2.0, 0.0)
    assert of("extra6_dwbn", "gamma") == (1.0, 0.0)


def test_gradients_together_are_cut_down_to_a_norm():
    """The gradient (2, 2) has the norm 2.83; cut down to 1, w = 1 - 0.1 / sqrt(2)."""
    optimizer = SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, global_clipnorm=1.0)
    assert steps(optimizer, variable(), [2.0]) == pytest.approx(1 - 0.1 / np.sqrt(2))


def test_gradients_of_several_batches_make_one_update():
    """Two batches: w = 1 - 0.1 (2 + 4) / 2. Nothing changes after the first of them."""
    optimizer, w = SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, gradient_accumulation_steps=2), variable()
    assert steps(optimizer, w, [2.0]) == 1.0
    assert steps(optimizer, w, [4.0]) == pytest.approx(0.7)
    assert steps(optimizer, w, [1.0, 3.0]) == pytest.approx(0.5)


def test_one_batch_of_several_that_is_not_finite_is_left_out():
    optimizer, w = SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, gradient_accumulation_steps=2), variable()
    assert steps(optimizer, w, [float("nan"), 4.0]) == pytest.approx(0.8)
    assert int(optimizer.first_skipped) == 0
    assert steps(optimizer, w, [1.0, float("inf")]) == pytest.approx(0.75)
    assert int(optimizer.first_skipped) == 0


def test_averaged_weights():
    """By hand: the weights are 0.9, 0.7, 0.6; the momenta min(0.5, 0 / 10), min(0.5, 1 / 11), min(0.5, 2 / 12)."""
    optimizer, w = SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, use_ema=True, ema_momentum=0.5), variable()
    assert steps(optimizer, w, [1.0, 2.0, 1.0]) == pytest.approx(0.6)
    average = 0.9
    average += (1 - 1 / 11) * (0.7 - average)
    average += (1 - 2 / 12) * (0.6 - average)
    with optimizer.averaged():
        np.testing.assert_allclose(ops.convert_to_numpy(w), average, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(w), 0.6, rtol=1e-6)


def test_averaged_weights_count_updates_and_not_batches():
    """Twice each gradient, in pairs: the same as without pairs."""
    averages = []
    for batches in (None, 2):
        w = variable()
        optimizer = SGD(
            0.1,
            momentum=0.0,
            decay=0.0,
            multipliers=same,
            use_ema=True,
            ema_momentum=0.5,
            gradient_accumulation_steps=batches,
        )
        steps(optimizer, w, [gradient for gradient in (1.0, 2.0, 1.0) for _ in range(batches or 1)])
        with optimizer.averaged():
            averages.append(float(ops.convert_to_numpy(w)[0]))
    assert averages[0] == pytest.approx(averages[1])


def test_without_averages_the_weights_stay_as_they_are():
    optimizer, w = SGD(0.1, decay=0.0, multipliers=same), variable()
    after = steps(optimizer, w, [1.0])
    with optimizer.averaged():
        assert float(ops.convert_to_numpy(w)[0]) == after


def test_fit_leaves_the_weights_and_not_their_averages():
    x, y = np.ones((4, 1), "f4"), np.full((4, 1), 3.0, "f4")
    ends = []
    for ema in (False, True):
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
        model.compile(SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, use_ema=ema, ema_momentum=0.9), loss="mse")
        model.fit(x, y, batch_size=4, epochs=3, verbose=0)
        ends.append(float(ops.convert_to_numpy(model.layers[0].kernel)[0, 0]))
    assert ends[0] == ends[1]


def test_a_model_trains_the_same_compiled_as_by_hand():
    """Keras hands raw variables to the optimizer inside a compiled step; the numbers must not change."""
    x, y = np.ones((4, 1), "f4"), np.full((4, 1), 3.0, "f4")
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(SGD(0.1, momentum=0.9, decay=0.0, multipliers=same), loss="mse")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    w, v = 1.0, 0.0
    for _ in range(2):
        v = 0.9 * v - 0.1 * 2 * (w - 3)
        w += v
    assert model.get_weights()[0].item() == pytest.approx(w, rel=1e-5)
