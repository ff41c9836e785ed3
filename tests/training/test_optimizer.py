import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from multibox.config import Loss, Network, Priors, Train
from multibox.models.backend import computing_in, jit_compile
from multibox.models.ssd import build
from multibox.training.checkpoint import Checkpoint, State, assign_variables, read_variables
from multibox.training.optimizer import SGD, AdamW, make_optimizer
from multibox.training.training_model import TrainingModel


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


def test_before_the_first_update_there_is_no_average_to_take():
    optimizer = SGD(0.1, decay=0.0, multipliers=same, use_ema=True, gradient_accumulation_steps=4)
    w = variable()
    before = float(ops.convert_to_numpy(w)[0])
    steps(optimizer, w, [1.0, 1.0])
    with optimizer.averaged():
        assert float(ops.convert_to_numpy(w)[0]) == before != 0


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


def scaled(**kwargs):
    """Without momentum and decay: w = w - 0.1 g."""
    return SGD(0.1, momentum=0.0, decay=0.0, multipliers=same, scaled=True, **kwargs)


START = 2.0**15
"""The scale that a run in float16 begins with."""


def test_gradients_of_a_scaled_loss_are_divided_by_the_scale():
    optimizer = scaled()
    assert float(optimizer.scale_loss(ops.convert_to_tensor(3.0))) == 3 * START
    assert steps(optimizer, variable(), [2 * START]) == pytest.approx(0.8)
    plain = SGD(0.1, decay=0.0, multipliers=same)
    assert plain.scale_loss(3.0) == 3.0


def test_a_scaled_gradient_is_cut_down_to_its_norm_without_the_scale():
    assert steps(scaled(global_clipnorm=100.0), variable(), [2 * START]) == pytest.approx(0.8)
    assert steps(scaled(global_clipnorm=1.0), variable(), [2 * START]) == pytest.approx(1 - 0.1 / np.sqrt(2))


@pytest.mark.parametrize("overflow", [float("nan"), float("inf")])
def test_an_overflow_halves_the_scale_and_is_no_failure(overflow):
    optimizer = scaled()
    assert steps(optimizer, variable(), [overflow, overflow]) == 1.0
    assert float(optimizer.scale.factor) == START / 4
    assert int(optimizer.first_skipped) == -1


def test_an_overflow_that_no_scale_mends_is_a_failure():
    optimizer = scaled()
    assert steps(optimizer, variable(), [float("inf")] * 16) == 1.0
    assert float(optimizer.scale.factor) == 1
    assert int(optimizer.first_skipped) == 15


def test_the_scale_is_doubled_after_some_good_steps_in_a_row():
    optimizer, w, factors = scaled(), variable(), []
    optimizer.scale.patience = 3
    for gradient in (1.0, 1.0, float("inf"), 1.0, 1.0, 1.0, 1.0):
        steps(optimizer, w, [gradient])
        factors.append(float(optimizer.scale.factor) / START)
    assert factors == [1, 1, 0.5, 0.5, 0.5, 1, 1]


def test_an_overflow_in_one_batch_of_several_leaves_the_others():
    """The second gradient is divided by the scale that the first has halved."""
    optimizer = scaled(gradient_accumulation_steps=2)
    assert steps(optimizer, variable(), [float("inf"), 4 * START / 2]) == pytest.approx(1 - 0.1 * 4 / 2)
    assert int(optimizer.first_skipped) == -1


class Trained:
    """A network of two convolutions in float16, one batch, and what trains the one on the other."""

    def __init__(self, precision="mixed_float16"):
        keras.utils.set_random_seed(0)
        with computing_in(precision):
            image = keras.Input((8, 8, 3), dtype="uint8", name="image")
            x = layers.Rescaling(1 / 255, name="normalize")(image)
            x = layers.Conv2D(16, 3, 2, padding="same", activation="relu", name="stem")(x)
            heads = {
                name: layers.Conv2D(size, 3, padding="same", name=f"{name}_head")(x)
                for name, size in (("classes", 3), ("boxes", 4))
            }
            outputs = {
                name: layers.Reshape((16, head.shape[-1]), dtype="float32", name=name)(head)
                for name, head in heads.items()
            }
            self.model = TrainingModel(keras.Model(image, outputs, name="tiny"), Loss())
            config = Train(precision=precision, weight_decay=0.0, ema=0.9)
            self.optimizer = make_optimizer(self.model.network, "vgg16", config, 0.02)
            self.model.compile(self.optimizer, jit_compile=jit_compile())
            self.optimizer.build(self.model.trainable_variables)
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, (4, 16)).astype("int32")
        self.images = rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
        self.targets = {"classes": labels, "boxes": rng.normal(size=(4, 16, 4)).astype("f4")}

    def step(self, error=1.0):
        """The loss; ``error`` is a factor of the boxes."""
        self.model.reset_metrics()
        targets = {**self.targets, "boxes": self.targets["boxes"] * np.float32(error)}
        return float(self.model.train_on_batch(self.images, targets, return_dict=True)["loss"])

    @property
    def variables(self):
        return [*self.model.network.variables, *self.optimizer.variables]


def test_a_network_learns_in_float16():
    trained = Trained()
    assert trained.model.optimizer is trained.optimizer, "Keras does not wrap it"
    assert trained.model.network.get_layer("stem").compute_dtype == "float16"
    assert {v.dtype for v in trained.model.trainable_variables} == {"float32"}
    losses = [trained.step() for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]
    assert int(trained.optimizer.first_skipped) == -1
    exact = Trained("float32")
    np.testing.assert_allclose(losses[:3], [exact.step() for _ in range(3)], rtol=0.02)


def test_in_float16_too_large_a_scale_is_found_out():
    trained = Trained()
    trained.optimizer.scale.factor.assign(2.0**30)
    before = trained.model.network.get_weights()
    trained.step()
    assert float(trained.optimizer.scale.factor) == 2.0**29
    assert all((a == b).all() for a, b in zip(before, trained.model.network.get_weights(), strict=True))
    losses = [trained.step() for _ in range(30)]
    assert losses[-1] < losses[0]
    assert 1 < float(trained.optimizer.scale.factor) < 2.0**29
    assert int(trained.optimizer.first_skipped) == -1


def test_in_float16_a_loss_that_is_not_finite_is_a_failure_at_once():
    trained = Trained()
    trained.step()
    before = trained.model.network.get_weights()
    trained.step(error=float("nan"))
    trained.step()
    trained.step(error=float("nan"))
    assert int(trained.optimizer.first_skipped) == 1
    assert all(np.isfinite(weights).all() for weights in trained.model.network.get_weights())
    assert any((a != b).any() for a, b in zip(before, trained.model.network.get_weights(), strict=True))


def test_a_checkpoint_holds_the_scale():
    """Goes on bit for bit, with an overflow before the checkpoint and a doubling after it."""
    first, second = Trained(), Trained()
    for trained in (first, second):
        trained.optimizer.scale.patience = 4
    first.optimizer.scale.factor.assign(2.0**18)
    for _ in range(6):
        first.step()
    saved = read_variables(first.variables)
    assert any("scale" in name for name in saved)
    assign_variables(second.variables, Checkpoint(State(), saved))
    assert [first.step() for _ in range(4)] == [second.step() for _ in range(4)]
    ends = [read_variables(trained.variables) for trained in (first, second)]
    for name, array in ends[0].items():
        np.testing.assert_array_equal(ends[1][name], array)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_all_of_it_on_the_other_backend(backend):
    """On PyTorch, whose step is our own, also the recipes, each in its precision."""
    pytest.importorskip(backend)
    if backend == keras.backend.backend():
        pytest.skip("this one")
    recipes = [f"{Path(__file__).with_name('test_recipe.py')}::test_the_switches_combine"]
    tests = [__file__, *(recipes if backend == "torch" else [])]
    command = [sys.executable, "-m", "pytest", "-k", "not on_the_other_backend", "-p", "no:cacheprovider", *tests]
    subprocess.run(command, check=True, env=os.environ | {"KERAS_BACKEND": backend})
