"""Images a second of a training step on made-up batches, for the choices that `docs/performance.md` speaks of.

python benchmarks/step_speed.py [--backend tensorflow|jax] [--jit] [--batch 8] [--config PRESET] [FIELD=VALUE]...
"""

import argparse
import os
import statistics
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--jit", action="store_true", help="compile with XLA")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--config", default="ssdlite-efficientnet")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = arguments.backend

    import numpy as np

    from multibox.config import load_config
    from multibox.models.backend import computing_in
    from multibox.models.maps import feature_maps
    from multibox.models.ssd import build
    from multibox.priors import make_priors
    from multibox.training.optimizer import make_optimizer
    from multibox.training.training_model import TrainingModel

    config = load_config(arguments.config, arguments.overrides)
    priors_rel = make_priors(feature_maps(config.network), config.priors, config.network.size)
    with computing_in(config.train.precision):
        network = build(config.network, 20, config.priors, config.loss.activation)
        model = TrainingModel(network, config.loss, priors_rel, config.priors.variances)
    model.compile(make_optimizer(network, config.network.trunk, config.train, 1e-4), jit_compile=arguments.jit)
    rng, priors = np.random.default_rng(0), network.output["boxes"].shape[1]
    images = rng.integers(0, 256, (arguments.batch, *config.network.size, 3), np.uint8)
    targets = {
        "classes": np.where(rng.random((arguments.batch, priors)) < 0.003, 1, 0).astype("int32"),
        "boxes": rng.normal(size=(arguments.batch, priors, 4)).astype("float32"),
    }
    seconds = []
    for _ in range(arguments.steps):
        began = time.perf_counter()
        model.train_on_batch(images, targets)
        seconds.append(time.perf_counter() - began)
    speed = arguments.batch / statistics.median(seconds[2:])
    print(f"{speed:.2f} images/s, {seconds[0]:.1f} s to compile: {vars(arguments)}")


if __name__ == "__main__":
    main()
