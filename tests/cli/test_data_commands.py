import json
import re
import shlex
import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_build_and_info(voc_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    built = run("data", "build", voc_folder, "--name", "toys", "--splits", "train,val")
    assert built.exit_code == 0, built.output
    assert "boxes clipped" in built.output
    shown = json.loads(run("data", "info", "toys", "--json").stdout)
    assert list(shown["splits"]) == ["train", "val"]
    assert shown["splits"]["train"]["counts"]["images"] == 4
    for arguments in (["toys"], ["toys/val"], ["toys", "--record", "000001"]):
        assert run("data", "info", *arguments).exit_code == 0


def test_a_record_as_json(store_root):
    shown = json.loads(run("data", "info", "tiny", "--record", "000007", "--json").stdout)
    assert shown["id"] == "000007"
    assert shown["split"] == "test"
    assert shown["size"] == {"width": 96, "height": 80}
    assert len(shown["objects"]) == 2
    assert shown["objects"][0]["difficult"] is True
    assert shown["objects"][0]["name"] in ("ball", "crate")
    assert len(shown["objects"][0]["box"]) == 4


def test_build_lists_what_it_left_out(voc_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    toys = shutil.copytree(voc_folder, tmp_path / "toys")
    (toys / "JPEGImages/000001.jpg").write_bytes(b"")
    skipped = run("data", "build", toys, "--name", "toys", "--on-bad", "skip", "--json")
    assert json.loads(skipped.stdout)["problems"][0]["detail"] == "is empty"
    assert "image left out: " in run("data", "build", toys, "--name", "toys2", "--on-bad", "skip").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "build", "nowhere", "--name", "x"], "nowhere: no such file"),
        (["data", "info", "nothing"], "nothing: no such dataset; available: tiny\n"),
        (["data", "info", "tiny/nothing"], "tiny/nothing: no such store"),
        (["data", "info", "tiny", "--record", "9"], "record: 9: not in tiny/train, tiny/val, tiny/test"),
    ],
)
def test_bad_input_is_one_line_and_code_2(store_root, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_sample(tmp_path):
    assert run("data", "sample", tmp_path / "s", "--seed", 2, "--images", 10, "--size", 96).exit_code == 0
    assert len(list((tmp_path / "s/JPEGImages").iterdir())) == 10
    (tmp_path / "s/Annotations/000000.xml").write_text("corrected by hand")
    again = run("data", "sample", tmp_path / "s")
    assert again.exit_code == 2
    assert "was changed since Multibox wrote it" in again.stderr
    assert (tmp_path / "s/Annotations/000000.xml").read_text() == "corrected by hand"
    assert run("data", "sample", tmp_path / "s", "--images", 10, "--size", 96, "--replace").exit_code == 0


def test_sample_videos(tmp_path):
    small = ("--frames", 10, "--size", 64)
    result = run("data", "sample", tmp_path / "v", "--video", 2, *small)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'v'}: 2 videos of 10 frames: 01-crossing, 02-hiding\n"
    assert len(list((tmp_path / "v/02-hiding/img1").iterdir())) == 10
    for arguments, message in [
        (["--video", 2, "--images", 20], "--images: cannot be combined with --video"),
        (["--frames", 20], "--frames: images have no frames; set --video"),
        (["--video", 2, "--long-tail", 20], "--long-tail: applies to images only, and --video renders none"),
    ]:
        refused = run("data", "sample", tmp_path / "n", *arguments)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
    (tmp_path / "v/01-crossing/seqinfo.ini").write_text("corrected by hand")
    assert run("data", "sample", tmp_path / "v", "--video", 2, *small).exit_code == 2
    assert run("data", "sample", tmp_path / "v", "--video", 2, *small, "--replace").exit_code == 0


def test_the_command_that_a_sample_advises_can_be_pasted_into_a_shell(tmp_path):
    said = run("data", "sample", tmp_path / "my sample", "--images", 10, "--size", 96).stdout
    advised = said.partition("build the dataset with: ")[2]
    assert shlex.split(advised) == ["multibox", "data", "build", str(tmp_path / "my sample"), "--name", "sample"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ball", "--rename: ball is not a comma-separated list of OLD=NEW"),
        ("=ball", "is not a comma-separated list of OLD=NEW"),
        ("ball=a,ball=b", "--rename: ball=a,ball=b gives a class two new names"),
        ("bal=ball", "--rename: the data has no class bal"),
    ],
)
def test_new_names_that_cannot_be_given(voc_folder, store_root, value, message):
    result = run("data", "build", voc_folder, "--name", "renamed", "--rename", value)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr


def test_a_build_with_new_names_and_what_it_says_of_spelling(voc_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    root = shutil.copytree(voc_folder, tmp_path / "toys")
    path = next(path for path in sorted((root / "Annotations").iterdir()) if "<name>ball<" in path.read_text())
    path.write_text(path.read_text().replace("<name>ball<", "<name>Ball<", 1))
    said = run("data", "build", root, "--name", "toys").output
    assert "note: classes ball and Ball differ only in case or spaces; --rename Ball=ball joins them" in said
    built = run("data", "build", root, "--name", "joined", "--rename", "Ball=ball", "--json")
    assert json.loads(built.stdout)["classes"] == ["ball", "crate"]
    assert json.loads(built.stdout)["notes"] == []


@pytest.fixture
def cutouts_and_photos(tmp_path):
    """Six red squares in files named mug_1 to mug_6, and five grey photos."""
    for folder in ("cut outs", "photos"):
        (tmp_path / folder).mkdir()
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[4:-4, 4:-4] = (30, 30, 220, 255)
    for number in range(1, 7):
        cv2.imwrite(str(tmp_path / f"cut outs/mug_{number}.png"), pixels)
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"photos/{number}.jpg"), np.full((60, 80, 3), 90 + number, np.uint8))
    return tmp_path


def test_compose_says_what_it_understood_and_the_next_command(cutouts_and_photos, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(cutouts_and_photos / "stores"))
    folders = [cutouts_and_photos / name for name in ("cut outs", "photos", "my set")]
    said = run("data", "compose", *folders, "--images", 20, "--size", 96, "--objects", "1-1").stdout.splitlines()
    assert said[0] == (
        "6 cut-outs of 1 class, named by their files: mug (6); "
        "if they are others, put the files of each class into a folder of its name"
    )
    assert said[1:3] == [
        "train: 17 images, 17 objects, from 5 cut-outs and 4 backgrounds",
        "val: 3 images, 3 objects, from 1 cut-out and 1 background",
    ]
    assert len(said) == 4
    advised = shlex.split(said[3].partition("build the dataset with: ")[2])
    assert advised == ["multibox", "data", "build", str(folders[2]), "--name", "mine"]
    assert run(*advised[1:]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--objects", "3-1"], "--objects: 3-1 are not two numbers from 0 to 200, such as 1-6"),
        (["--objects", "some"], "--objects: 'some' is not a range of two numbers"),
        (["--objects", "1.5-3"], "--objects: 1.5-3 are not whole numbers"),
        (["--scale", "0.5-2"], "--scale: 0.5-2 are not two shares between 0.01 and 1"),
        (["--images", "2", "--val", "0.5", "--test", "0.5"], "--val: val and test leave no image for train"),
    ],
)
def test_compose_refuses_in_one_line(cutouts_and_photos, arguments, message):
    result = run("data", "compose", *(cutouts_and_photos / name for name in ("cut outs", "photos", "out")), *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert not (cutouts_and_photos / "out").exists()


def test_compose_says_which_class_has_no_object(cutouts_and_photos):
    for number in range(3):
        shutil.copytree(cutouts_and_photos / "cut outs", cutouts_and_photos / f"classes/mug {number}")
    folders = [cutouts_and_photos / name for name in ("classes", "photos", "out")]
    said = run("data", "compose", *folders, "--images", 1, "--size", 96, "--objects", 1).stdout.splitlines()
    assert re.fullmatch(r"train has no object of mug \d, mug \d; compose more images, or choose .*", said[-2])


def test_compose_says_that_objects_may_be_too_narrow(cutouts_and_photos):
    pixels = np.zeros((20, 608, 4), np.uint8)
    pixels[8:12, 4:-4] = 255
    (cutouts_and_photos / "pens").mkdir()
    cv2.imwrite(str(cutouts_and_photos / "pens/pen.png"), pixels)
    folders = [cutouts_and_photos / name for name in ("pens", "photos", "out")]
    said = run("data", "compose", *folders, "--images", 12, "--size", 96, "--objects", 1).stdout
    assert re.search(r"\d objects left out: no place was free for them, or they are too narrow to be labelled", said)


def test_compose_names_the_file_without_alpha(cutouts_and_photos):
    cv2.imwrite(str(cutouts_and_photos / "cut outs/mug_3.png"), np.zeros((9, 9, 3), np.uint8))
    folders = [cutouts_and_photos / name for name in ("cut outs", "photos", "out")]
    refused = run("data", "compose", *folders)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "mug_3.png: has no alpha channel; cut the object out" in refused.stderr
    made = run("data", "compose", *folders, "--images", 2, "--size", 96, "--on-bad", "skip")
    assert made.exit_code == 0
    assert made.stdout.startswith("left out: ")
    assert "5 cut-outs of 1 class" in made.stdout
