"""docs/from-tf-object-detection.md: its commands run on small TFRecord files, and its fields exist."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from annotations.records import detection, label_map, write_records
from multibox.cli import main
from multibox.config_file import load_config

PAGE = (Path(__file__).parents[2] / "docs" / "from-tf-object-detection.md").read_text("utf-8")
(BLOCK,) = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = BLOCK.splitlines()
SHORTER = ["train.epochs=1", "train.steps_per_epoch=2", "train.batch=2", "network.size=[128,128]"]
FIELDS = re.findall(
    r"\b(?:network|priors|data|augment|match|loss|train|detect)\.(?!md\b|record\b)[a-z_.]+(?:=[^\s`]+)?", PAGE
)


@pytest.mark.parametrize("field", sorted(set(FIELDS)))
def test_a_field_that_the_page_names_exists_and_takes_the_value(field):
    config = load_config("ssdlite-efficientnet", [field] if "=" in field else [])
    value = config
    for name in field.partition("=")[0].split("."):
        value = getattr(value, name)


def image(rng) -> bytes:
    return cv2.imencode(".jpg", rng.integers(0, 256, (96, 128, 3), np.uint8))[1].tobytes()


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("keras")
    pytest.importorskip("ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", "data")
    rng = np.random.default_rng(0)
    label_map(Path("tfrecords/label_map.pbtxt"), "cat", "dog")
    objects = [("cat", 1, 0.1, 0.2, 0.6, 0.7), ("dog", 2, 0.4, 0.3, 0.9, 0.8)]
    pieces = {"train.record-00000-of-00002": "ab", "train.record-00001-of-00002": "cd", "val.record": "ef"}
    for name, images in pieces.items():
        write_records(Path("tfrecords", name), [detection(f"{id}.jpg", objects, image(rng)) for id in images])
    Path("photo.jpg").write_bytes(image(rng))
    assert {command.split()[1] for command in COMMANDS} == {"data", "train", "eval", "predict", "export"}
    for command in COMMANDS:
        words = command.split()[1:]
        done = CliRunner().invoke(main, words + (SHORTER if words[0] == "train" else []))
        assert done.exit_code == 0, f"{command}\n{done.output}"
    assert Path("experiments/mine/best-nms.savedmodel").is_dir()
    assert list(Path("experiments/mine").glob("*.tflite"))
