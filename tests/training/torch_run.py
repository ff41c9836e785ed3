"""Train, go on, judge, detect and export on PyTorch, and print what became of it: test_torch.py reads it."""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np

import multibox
from multibox.config_file import load_config
from multibox.data.store import open_store
from multibox.export import export
from multibox.models.maps import network_priors

RUN = {
    "data.train": ["tiny/train"],
    "data.val": ["tiny/val"],
    "data.workers": 0,
    "network.size": [128, 128],
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 2,
    "train.epochs": 2,
    "train.steps_per_epoch": 3,
    "train.validate_every": 1,
    "train.log_every": 1,
    "train.clip_norm": 10,
    "train.ema": 0.9,
    "train.checkpoint_every": 1,
    "train.keep": 99,
}


def first_examples():
    """A digest of the first twenty images and targets of the run."""
    from hashlib import sha256

    from multibox.prepare.pipeline import training_batches

    config, store = load_config(overrides=RUN), open_store("tiny/train")
    digest, priors = sha256(), network_priors(config.network, config.priors)
    with training_batches([store], store.meta.classes, priors, config) as batches:
        for images, targets in (next(batches) for _ in range(10)):
            for array in (images, targets["classes"], targets["boxes"]):
                digest.update(array.tobytes())
    return digest.hexdigest()


PRECISIONS = ("float32", "mixed_float16")


def stop_and_go_on(precision):
    """A run of a small network whose input grows, and the same run that goes on from its fourth step."""
    import small_network

    from multibox.training import setup

    build, setup.build = setup.build, partial(small_network.build, norm_trained=True)
    growing = {"network.size": [192, 192], "train.small_size": 0.7, "train.small_until": 0.8}
    whole = multibox.train(name=f"whole-{precision}", overrides=RUN | growing | {"train.precision": precision})
    cut = shutil.copytree(whole.folder, f"experiments/cut-{precision}")
    for path in Path(cut, "checkpoints").iterdir():
        if int(path.stem.removeprefix("step-")) > 4:
            path.unlink()
    multibox.resume(f"cut-{precision}")
    setup.build = build


def main():
    run = multibox.train(name="run", overrides=RUN | {"train.epochs": 1})
    judged = multibox.evaluate(run.model, "tiny/test")
    found = multibox.load(run.model)(np.zeros((90, 120, 3), np.uint8), score=0.0)
    exported = export(run.model, "onnx")
    for precision in PRECISIONS:
        stop_and_go_on(precision)
    figures = {
        "examples": first_examples(),
        "map": judged.map,
        "model": str(run.model),
        "found": len(found),
        "score": exported.check.difference.score,
        "loaded": sorted({name.partition(".")[0] for name in sys.modules}),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
