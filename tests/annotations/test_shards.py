from pathlib import Path

import pytest

from multibox.annotations.files import Files
from multibox.annotations.shards import describe_shards, set_of


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("train.record-00003-of-00010", "train.record"),
        ("coco_val.tfrecord-00000-of-00016", "coco_val.tfrecord"),
        ("train-00000-of-00002.parquet", "train.parquet"),
        ("train-00000-of-00001-a09b74b3ef9c3b56.parquet", "train.parquet"),
        ("train-00007-of-01024", "train"),
        ("val2017.record", "val.record"),
        ("train_01.tfrec", "train.tfrec"),
        ("00-512.tfrec", "data.tfrec"),
        ("0000.parquet", "data.parquet"),
        ("photos.tfrecord", "photos.tfrecord"),
    ],
)
def test_the_name_of_all_pieces(name, whole):
    assert set_of(Path("in") / name) == Path("in") / whole


def test_missing_and_guessed_pieces_are_said(tmp_path):
    files = Files(tmp_path)
    whole = [tmp_path / f"train.record-{number:05}-of-00003" for number in range(3)]
    assert describe_shards([*whole, tmp_path / "val.record"], files) == ()
    assert describe_shards(whole[1:], files) == ("only 2 of the 3 shards of train.record were found",)
    (note,) = describe_shards([tmp_path / f"file_{number:02}.tfrec" for number in range(4)], files)
    assert note.startswith(
        "4 files whose names differ in a number were read as shards of one set (file_00.tfrec, file_01.t"
    )
