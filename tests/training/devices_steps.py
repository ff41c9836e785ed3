"""Train on stored batches, on some devices, and store what came of it: test_distribute.py compares two of these."""

import json
import sys

import numpy as np

from multibox.models.backend import import_keras

model_file, batches_file, out, options = *sys.argv[1:4], json.loads(sys.argv[4])
import_keras(devices=options["devices"])

import keras  # noqa: E402

from multibox.config import Loss, Train  # noqa: E402
from multibox.models.backend import jit_compile  # noqa: E402
from multibox.models.file import load_model  # noqa: E402
from multibox.training.checkpoint import read_variables  # noqa: E402
from multibox.training.distribute import on_devices, synchronize  # noqa: E402
from multibox.training.optimizer import make_optimizer  # noqa: E402
from multibox.training.training_model import TrainingModel  # noqa: E402


def main():
    stored = np.load(batches_file)
    config = Train(optimizer="sgd", bias_lr=2, weight_decay=5e-4, devices=options["devices"], **options["train"])
    with on_devices(config):
        network, schema = load_model(model_file)
        synchronize(network, options["devices"])
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = layer.name in options["norms_trained"]
        model = TrainingModel(network, Loss())
        optimizer = make_optimizer(network, schema.network.trunk, config, config.lr)
        model.compile(optimizer, jit_compile=jit_compile(options["devices"]))
        optimizer.build(model.trainable_variables)

    def batches():
        while True:
            for image, classes, boxes in zip(stored["images"], stored["classes"], stored["boxes"], strict=True):
                yield image, {"classes": classes, "boxes": boxes}

    told = model.fit(batches(), steps_per_epoch=len(stored["images"]), verbose=0, shuffle=False).history
    logs = {f"log/{name}": np.float32(values[0]) for name, values in told.items()}
    np.savez(out, **read_variables([*network.variables, *optimizer.variables]), **logs)


main()
