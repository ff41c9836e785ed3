import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from multibox.config import Config, Network
from multibox.data.build import build as build_store
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


@pytest.fixture(scope="module")
def files(voc_folder, tmp_path_factory):
    """A model, and the batches to train it on."""
    folder = tmp_path_factory.mktemp("batches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIBOX_DATA", str(folder))
        build_store([voc_folder], "tiny")
        write_files(folder)
    return folder / "model.keras", folder / "batches.npz"


def write_files(folder):
    network = Network(size=(128, 128), weights="none", batch_norm="trained")
    config = Config(network=network, train=Config().train.model_copy(update={"batch": 2}))
    store = open_store("tiny/train")
    classes = store.meta.classes
    schema = Schema(network=network, maps=feature_maps(network), classes=classes, priors=config.priors)
    save_model(build(network, len(classes), config.priors), schema, folder / "model.keras")
    with training_batches([store], classes, schema.make_priors(), config) as batches:
        stored = [next(batches) for _ in range(STEPS)]
    np.savez(
        folder / "batches.npz",
        images=np.stack([images for images, _ in stored]),
        classes=np.stack([targets["classes"] for _, targets in stored]),
        boxes=np.stack([targets["boxes"] for _, targets in stored]),
    )


@pytest.fixture(scope="module")
def of_tensorflow(files):
    """Losses by optimizer."""
    return cache(lambda optimizer: losses("tensorflow", *files, optimizer))


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adamw", marks=pytest.mark.long)])
def test_the_loss_is_that_of_tensorflow(files, of_tensorflow, optimizer, backend):
    ours, theirs = of_tensorflow(optimizer), losses(backend, *files, optimizer)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert len(set(ours)) == STEPS
