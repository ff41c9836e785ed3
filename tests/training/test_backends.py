import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multibox.config import Config, Network
from multibox.data.store import open_store
from multibox.models.file import save_model
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.prepare.pipeline import training_batches

pytestmark = pytest.mark.slow

STEPS = 20


def losses(backend, *arguments):
    pytest.importorskip(backend)
    script = Path(__file__).with_name("backend_losses.py")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)], env=environment, check=True, stdout=subprocess.PIPE
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == backend
    return np.array(result["losses"])


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adamw", marks=pytest.mark.long)])
def test_the_loss_is_the_same_on_tensorflow_and_jax(store_root, tmp_path, optimizer):
    network = Network(size=(128, 128), weights="none", batch_norm="trained")
    config = Config(network=network, train=Config().train.model_copy(update={"batch": 2}))
    store = open_store("tiny/train")
    classes = store.meta.classes
    schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=config.priors)
    save_model(build(network, len(classes), config.priors), schema, tmp_path / "model.keras")
    with training_batches([store], classes, schema.make_priors(), config) as batches:
        stored = [next(batches) for _ in range(STEPS)]
    np.savez(
        tmp_path / "batches.npz",
        images=np.stack([images for images, _ in stored]),
        classes=np.stack([targets["classes"] for _, targets in stored]),
        boxes=np.stack([targets["boxes"] for _, targets in stored]),
    )
    files = (tmp_path / "model.keras", tmp_path / "batches.npz")
    ours, theirs = (losses(backend, *files, optimizer) for backend in ("tensorflow", "jax"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert len(set(ours)) == STEPS
