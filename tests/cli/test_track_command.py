"""The command track: what it prints and how it ends. What it does is tested elsewhere."""

import json
from typing import get_args

import pytest
from click.testing import CliRunner

from colored import ColorRuntime, make_schema
from multibox.cli import main
from multibox.cli.track import SAVED
from multibox.tracking.counting import Anchor
from multibox.tracking.outputs import FORMATS
from tracking.test_track import FRAMES, write_film
from videos import damage


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a film, and detectors that know pure colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: ColorRuntime(make_schema()))
    write_film(tmp_path / "film.avi")
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, ["track", "model.keras", *arguments])


def test_the_table_counts_objects_lines_and_zones(folder):
    result = call("film.avi", "--line", "middle:0.5,0,0.5,1", "--zone", "yard:60,0,120,0,120,120,60,120")
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows[0][:2] == ["film.avi", "objects"]
    assert [row[1:] for row in rows if row[1].startswith("middle")] == [
        ["middle in", "blue", "1"],
        ["middle out", "red", "1"],
    ]
    assert ["yard inside", "green", "1"] in [row[1:] for row in rows]
    assert sorted(path.name for path in (folder / "tracks").glob("[a-z]*")) == ["counts.csv", "film.mp4", "tracks.csv"]
    assert result.stdout.splitlines()[-1] == "outputs are in tracks"


def test_without_places_no_counts_are_saved(folder):
    assert call("film.avi", "--out", "out").exit_code == 0
    assert sorted(path.name for path in (folder / "out").glob("[a-z]*")) == ["film.mp4", "tracks.csv"]


def test_json_is_a_line_for_each_frame():
    result = call("film.avi", "--json", "--save", "mot")
    frames = [json.loads(line) for line in result.stdout.splitlines()]
    assert [frame["frame"] for frame in frames] == list(range(FRAMES))
    assert {each["id"] for frame in frames for each in frame["detections"]} == {1, 2, 3}


def test_a_damaged_frame_is_said_at_the_end(folder):
    damage(folder / "film.avi", 5)
    result = call("film.avi")
    assert result.exit_code == 1
    assert f"1 of {FRAMES} frames could not be read: film.avi: frame 5 cannot be decoded" in result.stderr
    assert "outputs are in tracks" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["film.avi", "--line", "0,0,1,1"], "--line: '0,0,1,1' has no name; write NAME:"),
        (["film.avi", "--zone", "a:0,0,1,1"], "--zone: '0,0,1,1' has 4 numbers"),
        (["film.avi", "--line", "a:0,0,1,1", "--line", "a:0,1,1,0"], "--line: two are called a"),
        (["film.avi", "--save", "counts"], "--save: counts needs something to count at"),
        (["film.avi", "--blur", "red", "--save", "csv"], "--blur: no output holds pixels"),
        (["film.avi", "--classes", "purple"], "--classes: "),
        (["nothing.avi"], "nothing.avi: no such file or folder"),
    ],
)
def test_bad_input_is_one_line(folder, arguments, said):
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (folder / "tracks").exists()


def test_what_was_hidden_is_said():
    result = call("film.avi", "--blur", "red")
    assert result.stdout.splitlines()[-1].startswith(
        f"{FRAMES} objects were made unrecognisable; a detector misses some"
    )


def test_the_choices_are_those_of_the_library():
    assert SAVED == FORMATS
    anchor = next(param for param in main.commands["track"].params if param.name == "anchor")
    assert tuple(anchor.type.choices) == get_args(Anchor)
