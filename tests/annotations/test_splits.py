from pathlib import Path

import pytest

from multibox.annotations.splits import map_files, map_names, splits_by_folder


@pytest.mark.parametrize("split_of", [map_names, map_files])
def test_names_in_other_scripts_are_splits_of_their_own(split_of):
    assert split_of(["训练", "测试"]) == {"训练": "训练", "测试": "测试"}


@pytest.mark.parametrize("split_of", [map_names, map_files])
def test_names_that_become_one_split_are_numbered(split_of):
    assert split_of(["a b", "a_b", "a.b"]) == {"a b": "a_b-2", "a_b": "a_b", "a.b": "a_b-3"}
    assert split_of(["!", "?"]) == {"!": "loose", "?": "loose-2"}


def test_folders_lists_and_files_get_the_same_split():
    paths = [Path("d/train/a.txt"), Path("d/night time/b.txt"), Path("d/夜/c.txt"), Path("d/e.txt")]
    assert splits_by_folder(paths, Path("d")) == ["train", "night_time", "夜", "loose"]
    names = {"train": "train", "night time": "night_time", "夜": "夜"}
    assert map_names(names) == map_files(names) == names
