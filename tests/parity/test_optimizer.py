"""Our SGD against Caffe's rule in NumPy, with a rate that changes, and against PyTorch's, with one that does not."""

import keras
import numpy as np
import pytest
from keras import layers

from multibox.config import Train
from multibox.models.backend import jit_compile
from multibox.training.optimizer import make_optimizer
from multibox.training.schedule import Schedule

STEPS = 5
PAPER = {"optimizer": "sgd", "lr": 1e-2, "momentum": 0.9, "weight_decay": 5e-4, "bias_lr": 2, "trunk_lr": 1}


def caffe(weights, gradients, rates, momentum, decay, rate_of, decay_of):
    """``SGDSolver``: the decay joins the gradient, the rate goes into the history, and the weights lose that."""
    weights, history = weights.astype(float), np.zeros(weights.shape)
    for gradient, rate in zip(gradients, rates, strict=True):
        difference = gradient + decay * decay_of * weights
        history = momentum * history + rate * rate_of * difference
        weights = weights - history
    return weights


@pytest.mark.parametrize(("name", "rate_of", "decay_of"), [("kernel", 1, 1), ("bias", 2, 0), ("gamma", 1, 0)])
def test_caffes_rule_with_a_changing_rate(name, rate_of, decay_of):
    """A rise over 4 steps, and a fall to a tenth after the second and the third epoch of 3 steps."""
    config = Train(**PAPER, schedule="step", warmup_steps=4, epochs=4, milestones=(2, 3))
    rates = [config.lr * r for r in (0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01)]
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(len(rates), 3, 4))
    variable = keras.Variable(start.astype("f4"), name=name)
    network = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    optimizer = make_optimizer(network, "vgg16", config, Schedule(config, steps_per_epoch=3))
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("f4"))], [variable])
    expected = caffe(start, gradients, rates, config.momentum, config.weight_decay, rate_of, decay_of)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), expected, rtol=1e-5, atol=1e-6)


def tiny_network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((9, 9, 3)),
            layers.Conv2D(8, 3, activation="relu", bias_initializer="uniform", name="first"),
            layers.Conv2D(4, 3, bias_initializer="uniform", name="second"),
            layers.GlobalAveragePooling2D(),
        ]
    )


@pytest.mark.slow
def test_five_steps_of_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    batches = rng.normal(size=(STEPS, 4, 9, 9, 3)).astype("f4"), rng.normal(0, 3, (STEPS, 4, 4)).astype("f4")
    config = Train(**PAPER | {"weight_decay": 0.05})  # a hundred times the paper's, so that its absence would show
    network = tiny_network()
    start = network.get_weights()

    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3))
    convolutions = [theirs[0], theirs[2]]
    with torch.no_grad():
        for conv, kernel, bias in zip(convolutions, start[::2], start[1::2], strict=True):
            conv.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
            conv.bias.copy_(torch.tensor(bias))
    biases = {"params": [conv.bias for conv in convolutions], "lr": 2 * config.lr, "weight_decay": 0}
    kernels = {"params": [conv.weight for conv in convolutions]}
    sgd = torch.optim.SGD([kernels, biases], config.lr, config.momentum, weight_decay=config.weight_decay)

    network.compile(make_optimizer(network, "vgg16", config, config.lr), loss="mse", jit_compile=jit_compile())
    for images, wanted in zip(*batches, strict=True):
        network.train_on_batch(images, wanted)
        sgd.zero_grad()
        found = theirs(torch.tensor(images.transpose(0, 3, 1, 2))).mean(dim=(2, 3))
        torch.nn.functional.mse_loss(found, torch.tensor(wanted)).backward()
        sgd.step()

    ends = [array.detach().numpy() for conv in convolutions for array in (conv.weight, conv.bias)]
    for ours, end, begin in zip(network.get_weights(), ends, start, strict=True):
        assert np.abs(ours - begin).max() > 1e-2
        np.testing.assert_allclose(ours, end.transpose(2, 3, 1, 0) if end.ndim == 4 else end, atol=1e-5)
