"""Run 20 stored batches on Keras' backend and print the losses: test_backends.py compares two of these."""

import json
import sys

import keras
import numpy as np

from multibox.config import Loss, Train
from multibox.models.backend import jit_compile
from multibox.models.file import load_model
from multibox.training.optimizer import make_optimizer
from multibox.training.training_model import TrainingModel

RATE = 1e-4
"""Mining swaps negatives whose losses are equal but for rounding. At this rate one swap moves the next losses by 1e-5;
at 1e-3, now and then, by more than the two backends may differ."""


def main(model_file, batches_file, optimizer):
    network, schema = load_model(model_file)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    model = TrainingModel(network, Loss())
    config = Train(optimizer=optimizer, bias_lr=2, weight_decay=5e-4)
    model.compile(make_optimizer(network, schema.network.trunk, config, RATE), jit_compile=jit_compile())
    stored, losses = np.load(batches_file), []
    for image, classes, boxes in zip(stored["images"], stored["classes"], stored["boxes"], strict=True):
        model.reset_metrics()
        logs = model.train_on_batch(image, {"classes": classes, "boxes": boxes}, return_dict=True)
        losses.append(float(logs["classification"] + logs["localisation"]))
    print(json.dumps({"backend": keras.backend.backend(), "losses": losses}))


main(*sys.argv[1:])
