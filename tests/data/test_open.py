"""A dataset is found by its name, by the folder that it was built from, and by the folder of its stores."""

import logging
import shutil

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.data.build import build
from multibox.data.open import find_dataset, open_stores
from multibox.data.store import some_of
from multibox.errors import BadInput
from multibox.evaluation.test_set import open_split
from multibox.training.stores import find_data


@pytest.fixture
def project(tmp_path, voc_folder, monkeypatch, caplog):
    """A folder with spaces whose dataset ``train --data`` built, seen from the folder beside it."""
    folder = tmp_path / "g" / "Mein Projekt (neu)"
    shutil.copytree(voc_folder, folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("MULTIBOX_DATA", raising=False)
    find_data("../g/Mein Projekt (neu)", "fail")
    caplog.clear()
    caplog.set_level(logging.INFO, "multibox")
    return folder


def splits(stores):
    return [f"{store.meta.name}/{store.meta.split}" for store in stores]


ALL = ["Mein-Projekt-neu/train", "Mein-Projekt-neu/val", "Mein-Projekt-neu/test"]


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_the_folder_that_training_took_opens_its_dataset(project, caplog, end):
    assert splits(open_stores(f"../g/Mein Projekt (neu){end}")) == ALL
    assert caplog.messages == ["Mein-Projekt-neu, built from ../g/Mein Projekt (neu)"]


def test_a_folder_and_a_split(project):
    assert splits(open_stores("../g/Mein Projekt (neu)/val")) == ALL[1:2]
    assert splits([open_split("../g/Mein Projekt (neu)")]) == ALL[2:]


@pytest.mark.parametrize("name", ["Mein-Projekt-neu", "Mein-Projekt-neu/", "data/Mein-Projekt-neu/"])
def test_a_name_with_a_slash_and_the_folder_of_the_stores(project, caplog, name):
    assert splits(open_stores(name)) == ALL
    assert caplog.messages == []


def test_the_file_of_a_store(project):
    assert splits(open_stores("data/Mein-Projekt-neu/val.lmdb")) == ALL[1:2]


def test_files_that_changed_since_the_build_are_said(project, caplog):
    (project / "Annotations" / "new.xml").write_text("<annotation/>")
    open_stores(str(project))
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        f"Mein-Projekt-neu: the files in {project} are not as they were at the build; to use them, build the dataset "
        "again"
    ]


def test_a_folder_without_a_dataset_says_how_to_build_one(project, tmp_path):
    (tmp_path / "other").mkdir()
    for find in (open_stores, open_split):
        with pytest.raises(BadInput, match=r"other: no dataset was built from it; build one with 'multibox data build"):
            find("../other")


def test_a_folder_of_two_datasets_is_not_guessed(project):
    build([project], "again")
    with pytest.raises(BadInput, match=r"several datasets were built from it.*: Mein-Projekt-neu, again"):
        open_stores(str(project))


def test_a_damaged_store_beside_does_no_harm(project):
    (project.parents[1] / "work/data/broken").mkdir()
    (project.parents[1] / "work/data/broken/train.lmdb").write_bytes(b"no store")
    assert find_dataset(str(project)) == "Mein-Projekt-neu"


def test_a_name_goes_before_a_folder_of_that_name(project, tmp_path):
    shutil.copytree(project, tmp_path / "work" / "Mein-Projekt-neu")
    assert splits(open_stores("Mein-Projekt-neu/train")) == ALL[:1]


def test_a_split_that_is_missing_lists_those_of_its_dataset(project):
    build([project], "another")
    with pytest.raises(BadInput) as error:
        open_stores("another/night")
    assert str(error.value).endswith("choose one of: another/train, another/val, another/test")


def test_lists_of_stores_are_cut():
    assert some_of([]) == "none yet; build one with 'multibox data build'"
    assert some_of(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert some_of(list("abcdefghij")) == "a, b, c, d, e, f, g, h and 2 more"


@pytest.mark.parametrize("command", ["info", "stats", "show"])
def test_the_commands_take_the_folder(project, command):
    result = CliRunner().invoke(main, ["data", command, "../g/Mein Projekt (neu)/"])
    assert result.exit_code == 0, result.output
    assert result.stderr == "Mein-Projekt-neu, built from ../g/Mein Projekt (neu)\n"
