"""Train a small network on stored batches, on one device and on two: test_distribute.py compares what becomes of it.

On PyTorch two devices are two of these processes, and the first tells.
"""

import json
import sys

import numpy as np

from multibox.models.backend import import_keras

batches_file, out, plan = *sys.argv[1:3], json.loads(sys.argv[3])
import_keras(devices=2)

import keras  # noqa: E402
from small_network import small_network  # noqa: E402

from multibox.config import Loss, Train  # noqa: E402
from multibox.models.backend import jit_compile  # noqa: E402
from multibox.training import hosts  # noqa: E402
from multibox.training.checkpoint import read_variables  # noqa: E402
from multibox.training.distribute import on_devices, synchronize  # noqa: E402
from multibox.training.optimizer import make_optimizer  # noqa: E402
from multibox.training.training_model import TrainingModel  # noqa: E402


def steps(devices, *, poison=None, norm_trained=False, **train):
    """Make the stored steps; what the variables then are, and what was told.

    Args:
        devices: how many.
        poison: a step, in whose last image an object's box is not a number.
        norm_trained: whether batch normalisation is.
        train: fields of its configuration.
    """
    stored = dict(np.load(batches_file))
    if poison is not None:
        stored["classes"][poison, -1, 0] = 1
        stored["boxes"][poison, -1, 0] = np.nan
    config = Train(optimizer="sgd", bias_lr=2, weight_decay=5e-4, devices=devices, batch=8, **train)
    keras.utils.set_random_seed(0)
    with on_devices(config):
        size, priors, classes = stored["images"].shape[2:4], stored["boxes"].shape[2], stored["classes"].max()
        network = small_network(size, [(1, priors)], int(classes), norm_trained)
        synchronize(network, devices)
        model = TrainingModel(network, Loss())
        optimizer = make_optimizer(network, "vgg16", config, config.lr)
        model.compile(optimizer, jit_compile=jit_compile(devices))
        optimizer.build(model.trainable_variables)

    def batches():
        own = slice(hosts.index(), None, hosts.count())
        while True:
            for image, labels, boxes in zip(stored["images"], stored["classes"], stored["boxes"], strict=True):
                yield image[own], {"classes": labels[own], "boxes": boxes[own]}

    told = model.fit(batches(), steps_per_epoch=len(stored["images"]), verbose=0, shuffle=False).history
    logs = {f"log/{name}": np.float32(values[0]) for name, values in told.items()}
    return {**read_variables([*network.variables, *optimizer.variables]), **logs}


def main():
    hosts.join()
    arrays = {
        f"{name}/{devices}/{key}": array
        for name, options in plan.items()
        for devices in ([hosts.count()] if keras.backend.backend() == "torch" else (1, 2))
        for key, array in steps(devices, **options).items()
    }
    if hosts.is_first():
        np.savez(out, **arrays)


main()
