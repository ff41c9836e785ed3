"""Training steps on each backend of Keras, in turns: images per second.

python benchmarks/step_speed.py [--config ssdlite-efficientnet] [--size 320] [--batch 8] [--precision float32]
    [--steps 5] [--rounds 5] [--of tensorflow,jax,torch]

Each candidate is a process of its own that waits while another is measured, so a change of the machine's speed affects
all of them. They make the steps of multibox train (network, loss, optimizer, metrics) on one stored batch, without
pipeline, log and validation. The weights are random, and batch normalisation is trained or frozen as in the preset.

Some candidates change what PyTorch does: torch-keras runs Keras' own layers instead of models/torch_network.py,
torch-nchw keeps the channels of the maps first in memory, and torch-compiled compiles the network with its loss
(torch.compile, which needs a C++ compiler). torchvision makes the steps of torchvision's ssd300_vgg16 in eager mode, as
its reference script does: SGD, and autocast if the precision is mixed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CANDIDATES = ("tensorflow", "jax", "torch", "torch-keras", "torch-nchw", "torch-compiled", "torchvision")

CLASSES = 20
"""Number of classes without background."""


def training_model(options: argparse.Namespace) -> Any:
    """The network of a preset with its loss and optimizer, as multibox train builds it."""
    from multibox.config_file import load_config
    from multibox.models.backend import computing_in, jit_compile
    from multibox.models.maps import network_priors
    from multibox.models.ssd import build
    from multibox.training.optimizer import make_optimizer
    from multibox.training.training_model import TrainingModel

    fields = {"network.size": [options.size, options.size], "train.precision": options.precision}
    config = load_config(options.config, fields)
    with computing_in(options.precision):
        network = build(config.network, CLASSES, config.priors, config.loss.activation)
        model = TrainingModel(network, config.loss, network_priors(config.network, config.priors))
        optimizer = make_optimizer(network, config.network.trunk, config.train, 1e-6)
    model.compile(optimizer, jit_compile=jit_compile())
    model.optimizer.build(model.trainable_variables)
    return model


class KerasLayers:
    """Runs a network by Keras' own layers, as models/torch_network.py runs it by PyTorch's functions."""

    def __init__(self, network: Any):
        self.network = network
        self.tensors = [variable.value for variable in network.variables]
        places = {id(variable): place for place, variable in enumerate(network.variables)}
        self.places = [
            [places[id(variable)] for variable in variables]
            for variables in (network.trainable_variables, network.non_trainable_variables)
        ]

    def __call__(self, images: Any, tensors: Any, *, training: bool) -> Any:
        values = [[tensors[place] for place in places] for places in self.places]
        return self.network.stateless_call(*values, images, training=training)[0]


def change_torch(model: Any, candidate: str) -> None:
    """Let a model on PyTorch make its steps as a candidate does."""
    import torch

    from multibox.training.torch_step import TorchStep

    model._torch_step = TorchStep(model)
    if candidate == "torch-keras":
        network = model.network
        model._torch_step.network = KerasLayers(network)
    if candidate == "torch-nchw":
        steps = model._torch_step.network._steps
        first, inputs = steps[0]
        steps[0] = (lambda *arguments: first(*arguments).contiguous(), inputs)
    if candidate == "torch-compiled":
        model._torch_step._losses = torch.compile(model._torch_step._losses)


def stored_batch(model: Any, size: int, batch: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images of noise, each with about ten positive priors."""
    rng, priors = np.random.default_rng(0), model.network.output["boxes"].shape[1]
    classes = np.where(rng.random((batch, priors)) < 10 / priors, rng.integers(1, CLASSES + 1, (batch, priors)), 0)
    images = rng.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    return images, {"classes": classes.astype(np.int32), "boxes": rng.normal(size=(batch, priors, 4)).astype("float32")}


def multibox_step(candidate: str, options: argparse.Namespace) -> Callable[[], Any]:
    """A function that makes a step as multibox train does, and waits until it is made."""
    from multibox.models.backend import import_keras

    import_keras()
    import keras

    model = training_model(options)
    if keras.backend.backend() == "torch":
        change_torch(model, candidate)
    images, targets = stored_batch(model, options.size, options.batch)
    return lambda: model.train_on_batch(images, targets)


def torchvision_step(options: argparse.Namespace) -> Callable[[], Any]:
    """A function that makes a step of torchvision's SSD300, and waits until it is made."""
    import torch

    from multibox.bench.torchvision_ssd import import_detection

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = import_detection().ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES + 1).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, weight_decay=5e-4)
    kind = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}.get(options.precision)
    images = list(torch.rand(options.batch, 3, options.size, options.size, device=device))
    corners = torch.tensor([[20.0, 30.0, 120.0, 200.0], [150.0, 100.0, 280.0, 260.0]], device=device)
    targets = [{"boxes": corners, "labels": torch.tensor([1, 2], device=device)} for _ in images]

    def step() -> float:
        with torch.autocast(device.type, kind, enabled=kind is not None):
            loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def serve(candidate: str, options: argparse.Namespace) -> None:
    """Make steps each time that a line comes, and print their seconds."""
    step = torchvision_step(options) if candidate == "torchvision" else multibox_step(candidate, options)
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        for _ in range(options.steps):
            step()
        seconds = time.perf_counter() - start
        print(json.dumps({"wall": seconds, "cpu": time.process_time() - used}), flush=True)


class Candidate:
    """A process that makes the steps of a candidate."""

    def __init__(self, name: str, arguments: list[str]):
        backend = "torch" if name.startswith("torch") else name
        environment = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, __file__, "--serve", name, *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.turns: list[dict[str, float]] = []

    def turn(self) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="ssdlite-efficientnet")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--of", default=",".join(CANDIDATES[:3]))
    parser.add_argument("--serve")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options)
    arguments = [f"--{name}={getattr(options, name)}" for name in ("config", "precision", "size", "batch", "steps")]
    candidates = {name: Candidate(name, arguments) for name in options.of.split(",")}
    for name, candidate in list(candidates.items()):
        try:
            first = candidate.turn()
        except (BrokenPipeError, json.JSONDecodeError):  # it has ended, and has said why
            print(f"{name}: failed")
            del candidates[name]
            continue
        print(f"{name}: first {options.steps} steps, with compilation, {first['wall']:.1f} s")
    for _ in range(options.rounds):
        for candidate in candidates.values():
            candidate.turns.append(candidate.turn())
    images = options.steps * options.batch
    for name, candidate in candidates.items():
        wall, cpu = ([turn[kind] for turn in candidate.turns] for kind in ("wall", "cpu"))
        print(
            f"{name}: {images / statistics.median(wall):.2f} images/s (best {images / min(wall):.2f}), "
            f"{statistics.median(cpu) / images * 1000:.0f} ms of processor time an image, rounds "
            + " ".join(f"{images / seconds:.2f}" for seconds in wall)
        )
        candidate.close()
    return None


if __name__ == "__main__":
    main()
