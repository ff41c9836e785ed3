"""A dataset is found by its name, by the folder that it was built from, and by the folder of its stores."""

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.cli.commands import as_options
from multibox.cli.data_make import data_build
from multibox.data.build import build
from multibox.data.open import find_dataset, find_record, open_stores
from multibox.data.store import Store, open_store, some_of
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.evaluation.test_set import open_split
from multibox.training.stores import _settings, find_data


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
        f"Mein-Projekt-neu: files in {project} were changed after the dataset was built; to use the new files, "
        "build the dataset again"
    ]


def test_a_folder_without_a_dataset_says_how_to_build_one(project, tmp_path):
    (tmp_path / "other").mkdir()
    for find in (open_stores, open_split):
        with pytest.raises(
            BadInput, match=r"other: no dataset was built from this path; build one with 'multibox data build'$"
        ):
            find("../other")


def test_a_folder_of_two_datasets_is_not_guessed(project):
    build([project], "again")
    with pytest.raises(BadInput, match=r"several datasets were built from this path.*: Mein-Projekt-neu, again"):
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
    assert some_of([]) == "none yet; build a dataset with 'multibox data build'"
    assert some_of(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert some_of(list("abcdefghij")) == "a, b, c, d, e, f, g, h and 2 more"


@pytest.mark.parametrize("command", ["info", "stats", "show"])
def test_the_commands_take_the_folder(project, command):
    result = CliRunner().invoke(main, ["data", command, "../g/Mein Projekt (neu)/"])
    assert result.exit_code == 0, result.output
    assert result.stderr == "Mein-Projekt-neu, built from ../g/Mein Projekt (neu)\n"


OLD = "an older version of Multibox built it, so it is not known whether the files in"


def test_stores_without_a_list_of_files_are_not_said_to_have_changed(project, tmp_path, caplog):
    (tmp_path / "work/data/Mein-Projekt-neu/files.json").unlink()
    open_stores(str(project))
    (said,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said == (f"Mein-Projekt-neu: {OLD} {project} have changed since; to be sure, build the dataset again")


def test_the_origin_of_a_store_is_an_absolute_path(voc_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    monkeypatch.chdir(voc_folder.parent)
    build([voc_folder.name], "tiny")
    assert open_store("tiny/train").meta.source == str(voc_folder)
    shutil.copytree(voc_folder, tmp_path / "b" / voc_folder.name)
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(BadInput, match="no dataset was built from this path"):
        find_dataset(voc_folder.name)
    with pytest.raises(BadInput, match="no dataset was built from this path"):
        find_dataset(f"{voc_folder.name}/../{voc_folder.name}/")


@pytest.mark.parametrize("has_list", [True, False])
def test_a_relative_origin_is_that_of_the_folder_whose_files_were_built(voc_folder, tmp_path, monkeypatch, has_list):
    """0.1.0 wrote paths as they were given."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    for place in ("a", "b"):
        shutil.copytree(voc_folder, tmp_path / place / "photos")
    (tmp_path / "b/photos/JPEGImages/000000.jpg").write_bytes(b"another image")
    monkeypatch.chdir(tmp_path / "a")
    build(["photos"], "mine")
    if not has_list:
        (tmp_path / "stores/mine/files.json").unlink()
    read = Store._read_meta
    monkeypatch.setattr(Store, "_read_meta", lambda store: dataclasses.replace(read(store), source="photos"))
    assert find_dataset("photos") == "mine"
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(BadInput, match="photos: no dataset was built from this path"):
        find_dataset("photos")


def test_training_takes_the_dataset_of_another_name_that_was_built_from_the_folder(project, caplog):
    shutil.rmtree("data")
    build([project], "mine", classes=["crate", "ball"])
    caplog.clear()
    for data in (str(project), "data/mine", "data/mine/", "mine"):
        assert find_data(data, "fail")["data.train"] == ["mine/train"]
    assert [path.name for path in Path("data").iterdir()] == ["mine"]
    assert caplog.messages == [f"mine, built from {project}"]


def test_training_on_one_split_says_how(project):
    for data in ("Mein-Projekt-neu/train", "data/Mein-Projekt-neu/train.lmdb"):
        with pytest.raises(
            BadInput, match=r"is a single split and not a dataset; set data.train=\[Mein-Projekt-neu/train\]"
        ):
            find_data(data, "fail")


def test_a_changed_folder_is_built_again_with_the_options_of_its_build(project, caplog):
    build([project], "mine", rename={"ball": "Ball"}, splits=["val", "train"], on_bad="skip", classes=["crate", "Ball"])
    shutil.rmtree("data/Mein-Projekt-neu")
    (project / "JPEGImages/000000.jpg").write_bytes(b"damaged")
    caplog.clear()
    find_data(str(project), "fail")
    assert splits(open_stores("mine")) == ["mine/train", "mine/val"]
    assert open_store("mine/train").meta.classes == ("crate", "Ball")
    assert open_store("mine/train").ids == ("000001", "000002", "000003")
    assert caplog.messages[0] == (
        'building mine again, as its files have changed, with the same options as before: classes="crate,Ball" '
        'splits="val,train" rename="ball=Ball" on_bad="skip"; '
        "use 'multibox data build' to change them"
    )


def test_the_options_of_a_build_are_said_as_the_command_line_takes_them():
    options = {
        "classes": ["stop sign"],
        "rename": {"a b": "stop sign"},
        "images": None,
        "split_seed": 3,
        "layout": "voc",
    }
    said = as_options(data_build, " ".join(_settings(options)))
    assert said == "--classes 'stop sign' --rename 'a b=stop sign' --split-seed 3 --layout voc"


def test_every_option_that_changes_a_dataset_is_kept(project, monkeypatch):
    monkeypatch.chdir(project)
    build(["."], "mine", images="JPEGImages", one_based="true", layout="voc", split_seed=3)
    assert json.loads(Path("data/mine/build.json").read_text())["options"] == {
        "classes": [],
        "splits": [],
        "rename": {},
        "images": str(project / "JPEGImages"),
        "one_based": "true",
        "layout": "voc",
        "split_seed": 3,
        "on_bad": "fail",
    }


def test_options_that_nobody_knows_are_said_before_a_build_without_them(project, tmp_path, caplog):
    for name in ("build.json", "files.json"):
        (tmp_path / "work/data/Mein-Projekt-neu" / name).unlink()
    find_data(str(project), "fail")
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.messages[0].startswith("building Mein-Projekt-neu again without options, because the older version")


def test_a_folder_that_is_gone_does_no_harm_to_its_dataset(project, monkeypatch, caplog):
    monkeypatch.chdir(project.parent)
    monkeypatch.setenv("MULTIBOX_DATA", "stores")
    project.rename("photos")
    build(["photos"], "photos")
    shutil.rmtree("photos")
    caplog.clear()
    assert find_data("photos", "fail")["data.train"] == ["photos/train"]
    assert find_dataset("photos/val") == "photos/val"
    assert caplog.messages == []


def test_a_changed_folder_is_said_although_its_dataset_has_its_name(project, monkeypatch, caplog):
    monkeypatch.chdir(project.parent)
    monkeypatch.setenv("MULTIBOX_DATA", "stores")
    project.rename("photos")
    build(["photos"], "photos")
    caplog.clear()
    assert find_dataset("photos/val") == "photos/val"
    assert caplog.messages == []
    Path("photos/new.txt").touch()
    assert find_dataset("photos/val") == "photos/val"
    assert [message.partition(":")[0] for message in caplog.messages] == ["photos"]


def files_of(*paths):
    """A store of records whose images were at the paths."""
    records = [
        dataclasses.replace(open_stores("Mein-Projekt-neu/train")[0][0], id=str(number), source=path, extra={})
        for number, path in enumerate(paths)
    ]
    return [write_store("named", "train", records, ("ball", "crate"), replace=True)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("val/0001.jpg", "1"),
        ("photos/train/0001.jpg", "0"),
        ("train/0001", "0"),
        ("/x/photos/val/0001.jpg", "1"),
        ("0002.png", "2"),
        ("0002.PNG", "2"),
        ("0003.JPG", "4"),
        ("a.b", "5"),
    ],
)
def test_folder_and_suffix_of_a_files_name_decide(project, name, found):
    paths = ("train/0001.jpg", "val/0001.jpg", "val/0002.png", "val/0003.jpg", "val/0003.JPG", "val/a.b.jpg")
    assert find_record(files_of(*(f"/x/photos/{path}" for path in paths)), name)[1].id == found


@pytest.mark.parametrize("name", ["val/0001.jpg", "train/0001.jpg", "0001.jpg", "in/0001.png", "001.png"])
def test_a_file_of_another_folder_or_suffix_is_not_taken(project, name):
    with pytest.raises(BadInput, match=f"record: {name}: not in named/train"):
        find_record(files_of("/x/train/0001.png"), name)


def test_the_whole_path_of_a_file_goes_before_its_end(project):
    assert find_record(files_of("/x/b/a/1.jpg", "a/1.jpg"), "a/1.jpg")[1].id == "1"
    with pytest.raises(BadInput, match="several files of named/train have this name"):
        find_record(files_of("/x/b/a/1.jpg", "/y/a/1.jpg"), "a/1.jpg")
