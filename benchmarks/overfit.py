"""Can a network learn at all? Overfit a few images, save, load in a new process, and detect the same boxes.

    python benchmarks/overfit.py ssd300-vgg16-voc07 --data voc2007/train

Trains on the images as they are, without augmentation and from fresh weights, until the loss on all of them is under a
tenth of what it was. Prints the losses, and whether a new process detects what this one does, as JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from multibox.config import Train
from multibox.config_file import load_config
from multibox.data.store import open_store
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.detect.prepare_image import prepare_image
from multibox.models.backend import jit_compile
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.prepare.example import grids_of
from multibox.prepare.render import decode
from multibox.prepare.targets import make_targets
from multibox.prepare.window import look_through
from multibox.runtimes import KerasRuntime
from multibox.training.optimizer import make_optimizer
from multibox.training.training_model import TrainingModel


def plain_examples(store, count, schema, config):
    images, classes, boxes = [], [], []
    for i in range(count):
        prepared = prepare_image(decode(store[i].image, store[i].id), schema)
        objects_rel = look_through(store[i].objects, prepared.views[0].window)
        labels, deltas = make_targets(objects_rel, schema.make_priors(), config=config.match, grids=grids_of(config))
        images.append(prepared.inputs[0])
        classes.append(labels)
        boxes.append(deltas)
    return np.stack(images), {"classes": np.stack(classes), "boxes": np.stack(boxes)}


def detect_in_new_process(path, data, count):
    code = (
        "import json, sys; from benchmarks.overfit import boxes_of; from multibox import load;"
        f"print(json.dumps(boxes_of(load({str(path)!r}), {data!r}, {count})))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def boxes_of(detector, data, count):
    store = open_store(data)
    found = [detector(decode(store[i].image, store[i].id), score=0.5) for i in range(count)]
    return [detections.boxes.tolist() for detections in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("--data", required=True, help="NAME/SPLIT of a store")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--rounds", type=int, default=100, help="passes over the images, at most")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    config, store = (
        load_config(arguments.preset, {"network.weights": "none", "network.batch_norm": "trained"}),
        open_store(arguments.data),
    )
    maps, classes = feature_maps(config.network), store.meta.classes
    schema = Schema(
        network=config.network,
        maps=maps,
        classes=classes,
        priors=config.priors,
        activation=config.loss.activation,
        detect=config.detect,
    )
    network = build(config.network, len(classes), config.priors, config.loss.activation)
    model = TrainingModel(network, config.loss, schema.make_priors(), config.priors.variances)
    optimizer = make_optimizer(network, config.network.trunk, Train(trunk_lr=1, weight_decay=0), arguments.lr)
    model.compile(optimizer, jit_compile=jit_compile())
    x, y = plain_examples(store, arguments.images, schema, config)
    began, losses = time.perf_counter(), []
    for _ in range(arguments.rounds):
        parts = [_step(model, x, y, at, arguments.batch) for at in range(0, len(x), arguments.batch)]
        losses.append(float(np.mean(parts)))
        print(f"round {len(losses)}  loss {losses[-1]:.3f}", file=sys.stderr, flush=True)
        if losses[-1] < 0.1 * losses[0]:
            break
    seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        save_model(network, schema, path)
        here = boxes_of(Detector(KerasRuntime(network, schema)), arguments.data, arguments.images)
        there = detect_in_new_process(path, arguments.data, arguments.images)
        assert boxes_of(load(path), arguments.data, arguments.images) == here
    result = {
        "preset": arguments.preset,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "ratio": losses[-1] / losses[0],
        "steps": len(losses) * (arguments.images // arguments.batch),
        "seconds": round(seconds),
        "detections": sum(map(len, here)),
        "objects": int(sum(len(store[i].objects) for i in range(arguments.images))),
        "same_boxes_in_a_new_process": here == there,
    }
    print(json.dumps(result))


def _step(model, x, y, at, batch):
    chosen = slice(at, at + batch)
    logs = model.train_on_batch(x[chosen], {name: y[name][chosen] for name in y}, return_dict=True)
    model.reset_metrics()
    return logs["classification"] + logs["localisation"]


if __name__ == "__main__":
    main()
