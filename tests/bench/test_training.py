import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.bench.scenes import CLASSES, make_scenes
from multibox.bench.training import (
    BareModel,
    TrainingSpeed,
    _of_measuring,
    measure_training,
    plain_optimizer,
    waiting_share,
)
from multibox.cli import main
from multibox.cli.bench import print_training
from multibox.config import Config, Train
from multibox.data.store import open_store
from multibox.prepare.pipeline import training_batches
from multibox.training.setup import set_up

SMALL = {
    "network": {"trunk": "vgg16", "layout": "ssd300", "size": [128, 128], "weights": "none"},
    "data": {"classes": ["ball", "crate"], "val": ["not/there"]},
    "train": {"batch": 2, "log_every": 2},
}


@pytest.fixture
def setup(store_root):
    config = Config.model_validate({**SMALL, "data": {"classes": ["ball", "crate"]}})
    return set_up(config, [open_store("tiny/train")])


def test_the_bare_step_has_the_loss_of_the_run(setup):
    with training_batches(setup.stores, ("ball", "crate"), setup.schema.make_priors(), setup.config) as batches:
        images, targets = next(batches)
    output = setup.network(images)
    bare = BareModel(setup.network, setup)
    losses = [float(model.compute_loss(images, targets, output)) for model in (bare, setup.model)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert [metric.name for metric in bare.metrics] == [], "it computes nothing beside"


def test_the_bare_step_has_keras_own_optimizer():
    adamw = plain_optimizer(Train(optimizer="adamw", weight_decay=0.05))
    assert type(adamw) is keras.optimizers.AdamW
    assert adamw.weight_decay == 0.05
    sgd = plain_optimizer(Train(optimizer="sgd", momentum=0.8))
    assert type(sgd) is keras.optimizers.SGD
    assert sgd.momentum == 0.8


def test_waiting_is_weighed_by_time_and_only_where_it_was_timed(tmp_path):
    """Epochs of 4 steps with a line every 2: of the fourth, 2 steps at 1 s waited for half, 2 at 3 s for nothing."""
    rows = [(2, 1, 2, 0.9), (4, 1, 2, 0.9), (6, 2, 2, 0.9), (8, 2, 2, 0.9), (10, 3, 2, 0.9), (12, 3, 2, 0.9)]
    rows += [(14, 4, 2.0, 0.5), (16, 4, 2 / 3, 0.0)]
    lines = ["step,epoch,images_per_second,data_wait", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    assert waiting_share(tmp_path / "log.csv") == pytest.approx(0.5 * 1 / 4)


def test_scenes_are_pictures_with_objects_of_voc_size(tmp_path):
    store = make_scenes(tmp_path / "scenes.lmdb", 3)
    assert len(store) == 3
    assert store.meta.classes == CLASSES
    assert len(CLASSES) == 20
    for record in store:
        assert max(record.width, record.height) == 500
        assert len(record.objects) >= 1
        assert (record.objects.boxes >= 0).all()
        assert (record.objects.boxes <= np.array([record.width, record.height] * 2)).all()


@pytest.mark.slow
def test_a_run_and_the_bare_step_are_measured(store_root):
    config = Config.model_validate(SMALL)
    speed = measure_training(config, [open_store("tiny/train")], steps=2, rounds=2)
    assert speed.images_per_second == pytest.approx(2 / (speed.step_ms / 1000))
    assert 0.3 < speed.ratio < 3
    assert speed.ratio == pytest.approx(speed.step_ms / speed.bare_step_ms, rel=0.7)
    assert 0 <= speed.data_wait_share < 1
    assert speed.peak_memory_mb > 200
    assert (speed.device, speed.backend, speed.precision, speed.batch) == ("cpu", "tensorflow", "float32", 2)
    assert speed.flops_share is None


FIGURES = TrainingSpeed(
    "NVIDIA H200", "jax", "mixed_bfloat16", 128, 2000.0, 64.0, 62.5, 1.024, 0.004, 9000.0, 188, 0.38
)


def test_the_size_of_tiles_can_be_left_to_multibox(store_root):
    config = Config.model_validate({**SMALL, "data": {"tiles": "auto"}})
    assert _of_measuring(config, [open_store("tiny/train")]).data.tiles == "none"


def test_the_table_has_the_figures(capsys):
    print_training(FIGURES)
    printed = capsys.readouterr().out
    for value in ("2000.0", "64.0", "62.5", "1.024", "0.4%", "9,000 MB", "38.0%", "NVIDIA H200"):
        assert value in printed
    print_training(replace(FIGURES, flops_share=None))
    assert "unknown" in capsys.readouterr().out


def test_the_command_prints_the_figures_and_takes_the_batch(store_root, monkeypatch):
    seen = {}

    def measure(config, stores, **options):
        seen.update(batch=config.train.batch, stores=len(stores), **options)
        return FIGURES

    monkeypatch.setattr("multibox.bench.training.measure_training", measure)
    arguments = ["--model", "ssd300-vgg16-voc0712", "--batch", "3", "--data", "tiny/train", "--steps", "4", "--json"]
    result = CliRunner().invoke(main, ["bench", "train", *arguments])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == asdict(FIGURES)
    assert seen == {"batch": 3, "stores": 1, "steps": 4, "rounds": 5}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--model", "ssd301"], "ssd301: no such configuration"),
        (["--data", "nothing"], "nothing"),
        (["train.batches=2"], "train.batches: no such field; did you mean"),
    ],
)
def test_bad_input_is_one_line(store_root, options, named):
    result = CliRunner().invoke(main, ["bench", "train", *options])
    assert result.exit_code == 2
    assert named in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
