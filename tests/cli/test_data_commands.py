import json
import shlex
import shutil

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
