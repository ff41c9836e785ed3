"""What a check says about rare classes and data.balance, in numbers, on the page and in the console."""

import json
import math
import re

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config_file import load_config
from multibox.data.presence import presence_of
from multibox.data.record import Record, make_objects
from multibox.data.store import open_store
from multibox.data.store_writer import StoreWriter, new_dataset, write_store
from multibox.inspection.class_balance import balance_line, balance_of
from multibox.prepare.balance import proposed_threshold
from multibox.prepare.joined import JoinedStores
from multibox.prepare.tile_size import settle_tiles

CLASSES = ("bolt", "nut", "key")


def images(*counts):
    """Images that each show one object: as many of each class as its count."""
    return presence_of([np.array([label]) for label, count in enumerate(counts) for _ in range(count)], CLASSES)


def test_a_balance_that_is_configured_is_the_one_that_is_described():
    balance = balance_of(images(600, 191, 9), 0.05)
    factor = math.sqrt(0.05 / (9 / 800))
    assert balance.to_json() == {
        "threshold": 0.05,
        "rare": {"key": round(factor, 2)},
        "growth": round((791 + 9 * factor) / 800, 2),
    }
    assert balance_line(balance) == (
        "data.balance=0.05 would draw the images of rare classes more often than those without one: key 2.1 times. "
        "A pass over the data would have 1.0 times as many examples."
    )


def test_a_balance_that_repeats_no_rare_class_is_said():
    balance = balance_of(images(600, 191, 9), 0.001)
    assert balance.rare == {"key": 1.0}
    assert balance_line(balance) == "data.balance=0.001 would draw no rare class more often; set it to a larger share."


def test_the_proposed_balance_repeats_all_but_the_most_frequent_class():
    presence = images(600, 191, 9)
    assert proposed_threshold(presence) == 0.75
    assert balance_of(presence).threshold == 0.75
    assert proposed_threshold(images(0, 0, 0)) == 0.0
    assert proposed_threshold(presence_of([], CLASSES)) == 0.0


@pytest.mark.parametrize("counts", [(600, 500, 400), (600, 191, 0), (0, 0, 0), (3, 3, 3), (30, 30, 30)])
def test_without_a_rare_class_there_is_nothing_to_balance(counts):
    assert balance_of(images(*counts)) is None


def rare_store(tmp_path, monkeypatch, keys):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    encoded = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))[1].tobytes()
    labels = [2] * keys + [0] * (40 - keys)
    records = [
        Record(f"{i}", encoded, 80, 60, make_objects([(5, 5, 50, 40)], [label])) for i, label in enumerate(labels)
    ]
    write_store("parts", "train", records, CLASSES)


def test_the_console_the_page_and_the_json_say_it(tmp_path, monkeypatch):
    rare_store(tmp_path, monkeypatch, keys=2)
    page = tmp_path / "check.html"
    shown = CliRunner().invoke(main, ["data", "check", "parts", "--html", str(page)])
    assert shown.exit_code == 0, shown.output
    expected = math.sqrt(0.95 / 0.05)
    line = (
        f"data.balance=0.95 would draw the images of rare classes more often than those without one: key {expected:.1f}"
    )
    assert line in shown.output.replace("\n", " ").replace("  ", " ")
    assert "has 2 objects in 2 of 40 images, the most frequent class is in 38" in shown.output
    assert line in re.sub(r"\s+", " ", page.read_text())
    found = json.loads(CliRunner().invoke(main, ["data", "check", "parts", "--json"]).stdout)
    assert found["balance"] == {"threshold": 0.95, "rare": {"key": 4.36}, "growth": 1.17}
    other = json.loads(CliRunner().invoke(main, ["data", "check", "parts", "data.balance=1", "--json"]).stdout)
    assert other["balance"]["rare"] == {"key": round(math.sqrt(20), 2)}


def test_nothing_is_said_where_no_class_is_rare(tmp_path, monkeypatch):
    rare_store(tmp_path, monkeypatch, keys=20)
    shown = CliRunner().invoke(main, ["data", "check", "parts"])
    assert shown.exit_code == 0, shown.output
    assert "data.balance" not in shown.output


def test_nothing_is_proposed_for_tiles_which_balance_excludes(tmp_path, monkeypatch):
    rare_store(tmp_path, monkeypatch, keys=2)
    shown = CliRunner().invoke(main, ["data", "check", "parts", "data.tiles=64", "--json"])
    assert shown.exit_code == 0, shown.output
    assert "learned poorly; collect more images" in shown.stdout
    assert "data.balance" not in shown.stdout


def test_the_split_for_training_alone_decides_on_the_size_of_tiles(tmp_path, monkeypatch):
    """As in a run. Objects of 10 pixels in two images for training, of 150 in thirty for validation."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))
    encoded = cv2.imencode(".png", np.zeros((600, 800, 3), np.uint8))[1].tobytes()
    with new_dataset("parts") as folder:
        for split, count, side in (("train", 2, 10), ("val", 30, 150)):
            with StoreWriter(folder / f"{split}.lmdb", name="parts", split=split, classes=CLASSES) as writer:
                for i in range(count):
                    box = (10, 10, 10 + side, 10 + side)
                    writer.add(Record(f"{split}{i}", encoded, 800, 600, make_objects([box], [0])))
    shown = CliRunner().invoke(main, ["data", "check", "parts", "data.tiles=auto"])
    assert shown.exit_code == 0, shown.output
    chosen = settle_tiles(
        JoinedStores([open_store("parts/train")], CLASSES), load_config(overrides=["data.tiles=auto"])
    )
    assert chosen.data.tiles == 128
    assert "data.tiles=auto: tiles of 128 pixels" in shown.output
