"""Files of tracks: how they are read, matched and refused. ``tests/outside/test_tracks.py`` has the figures."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.errors import BadInput
from multibox.evaluation.mot_text import read_predictions, read_truth
from multibox.evaluation.track_files import find_sequences
from multibox.evaluation.track_metrics import TrackFigures
from multibox.evaluation.tracks import TrackEvaluation, evaluate_tracks

TRUTH = "1,1,10,20,30,40,1,2,0.5\n"
FOUND = "1,1,10,20,30,40,0.65,2,-1,-1\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refused(call, *arguments, **options):
    with pytest.raises(BadInput) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_rows_are_read_as_they_stand(tmp_path):
    path = write(
        tmp_path / "a.txt", "3, 7, 10.5, -2, 30, 40.25, 0.65, 2, -1, -1\n\n1,0,0,0,0,1,1,-1\n1.0,4,1,2,3,4,1,\n"
    )
    rows = read_predictions(path)
    assert rows.frames.tolist() == [3, 1, 1]
    assert rows.ids.tolist() == [7, 0, 4]
    np.testing.assert_array_equal(rows.boxes, [[10.5, -2, 40.5, 38.25], [0, 0, 0, 1], [1, 2, 4, 6]])
    assert rows.scores.tolist() == [0.65, 1, 1]
    assert rows.classes.tolist() == [2, -1, -1]
    assert rows.lines.tolist() == [1, 3, 4]


def test_truth_has_visibility_and_marks_what_is_judged(tmp_path):
    path = write(
        tmp_path / "gt.txt", "\ufeff1,1,10,20,30,40,0,2,0.25\r\n1,2,10,20,30,40,1,-1,-1,-1\r\n1,3,1,2,3,4,1\r\n"
    )
    rows = read_truth(path)
    assert rows.visibility.tolist() == [0.25, 1, 1]
    assert rows.scores.tolist() == [0, 1, 1]


def test_a_file_without_rows_has_no_boxes(tmp_path):
    assert read_predictions(write(tmp_path / "a.txt", "\n")).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1,10,20,30,40", "line 2 has 6 columns separated by commas; expected 7 to 10: frame, id, left, top, "),
        ("1 1 10 20 30 40 1 1", "line 2 has 1 columns separated by commas"),
        ("1,1,10,20,30,40,1,1,1,1,1", "line 2 has 11 columns"),
        ("0,1,10,20,30,40,1", "line 2: frame is 0; frames are whole numbers from 1"),
        ("1.5,1,10,20,30,40,1", "line 2: frame is 1.5; frames are whole numbers from 1"),
        ("1e300,1,10,20,30,40,1", "line 2: frame is 1e+300; frames are whole numbers from 1"),
        ("1,-1,10,20,30,40,1", "line 2: id is -1; ids of tracks are whole numbers from 0"),
        ("1,2,ten,20,30,40,1", "line 2: left is ten; it must be a number"),
        ("1,2,10,,30,40,1", "line 2: top is empty; it must be a number"),
        ("1,2,10,20,-3,40,1", "line 2: width is -3, below 0"),
        ("1,2,10,20,30,-4,1", "line 2: height is -4, below 0"),
        ("1,2,10,20,30,nan,1", "line 2: height is nan; it must be a finite number"),
        ("1,2,10,20,30,40,1,0", "line 2: class is 0; classes are whole numbers from 1, or -1 if unknown"),
        ("1,2,10,20,30,40,1,12.5", "line 2: class is 12.5; classes are whole numbers from 1"),
        ("5,2,10,20,30,40,1,1\n6,2,1,2,3,4,1\n5,2,1,2,3,4,1", "line 4: id 2 is in frame 5 twice, here and in line 2;"),
    ],
)
@pytest.mark.parametrize("read", [read_predictions, read_truth])
def test_bad_rows_are_refused_with_line_and_field(tmp_path, read, row, message):
    path = write(tmp_path / "a.txt", f"1,9,10,20,30,40,1\n{row}\n")
    error = refused(read, path)
    assert error.field == str(path)
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1,10,20,30,40,0.65,1,1", "line 1: score is 0.65; truth has 1 for judged rows and 0 for ignored rows"),
        ("1,1,10,20,30,40,1,1,1.5", "line 1: visibility is 1.5; it must be from 0 to 1, or -1 if unknown"),
    ],
)
def test_predictions_are_no_truth(tmp_path, row, message):
    path = write(tmp_path / "gt.txt", f"{row}\n")
    assert refused(read_truth, path).message == message
    assert len(read_predictions(path)) == 1


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\x89PNG\xff")
    assert refused(read_predictions, path).message.startswith("is not a text file")


@pytest.fixture
def folders(tmp_path):
    """Truth of three sequences, and predictions for two of them."""
    for name in "abc":
        write(tmp_path / f"truth/{name}/gt/gt.txt", TRUTH)
    for name in "ab":
        write(tmp_path / f"found/{name}.txt", FOUND)
    write(tmp_path / "truth/b/seqinfo.ini", "[Sequence]\nname=b\nseqLength=40\n")
    write(tmp_path / "found/labels.json", "[]")
    return tmp_path


def names(files):
    return [(each.name, each.predictions and each.predictions.name, each.frames) for each in files]


def test_sequences_are_matched_by_name(folders):
    found = find_sequences(folders / "found", folders / "truth")
    assert names(found) == [("a", "a.txt", None), ("b", "b.txt", 40), ("c", None, None)]


@pytest.mark.parametrize("truth", ["truth/b", "truth/b/gt/gt.txt"])
def test_one_sequence_may_have_any_file_of_predictions(folders, truth):
    assert names(find_sequences(folders / "found/a.txt", folders / truth)) == [("b", "a.txt", 40)]


def test_a_file_of_predictions_chooses_its_sequence_of_a_folder(folders):
    assert names(find_sequences(folders / "found/a.txt", folders / "truth")) == [("a", "a.txt", None)]


def test_two_text_files_are_one_sequence(folders):
    path = write(folders / "true.txt", TRUTH)
    assert names(find_sequences(folders / "found/a.txt", path)) == [("true", "a.txt", None)]


@pytest.mark.parametrize("file", [None, "found/d.txt"])
def test_predictions_without_truth_are_refused(folders, file):
    path = write(folders / "found/d.txt", FOUND)
    error = refused(find_sequences, folders / (file or "found"), folders / "truth")
    assert error.field == str(path)
    assert error.message == f"there is no truth for the sequence d in {folders / 'truth'}, which has a, b, c"


@pytest.mark.parametrize(
    ("found", "truth", "message"),
    [
        ("nowhere", "truth", "does not exist; give a text file or a folder of predicted tracks"),
        ("found", "nowhere", "does not exist; give a text file or a folder of true tracks"),
        ("found", "found", "has no true tracks; expected SEQUENCE/gt/gt.txt in the folder"),
        ("truth", "truth", "has no predicted tracks; expected SEQUENCE.txt in the folder"),
    ],
)
def test_folders_without_tracks_are_refused(folders, found, truth, message):
    assert refused(find_sequences, folders / found, folders / truth).message == message


@pytest.mark.parametrize("text", ["seqLength=40", "[Sequence]\n", "[Sequence]\nseqLength=0\n"])
def test_a_sequence_states_its_length(folders, text):
    path = write(folders / "truth/b/seqinfo.ini", text)
    error = refused(find_sequences, folders / "found", folders / "truth")
    assert (error.field, error.message[:30]) == (str(path), "expected a section [Sequence] ")


def test_frames_beyond_the_sequence_are_refused(folders):
    path = write(folders / "found/b.txt", FOUND + FOUND.replace("1,1,", "41,1,", 1))
    error = refused(evaluate_tracks, folders / "found", folders / "truth")
    assert (error.field, error.message) == (
        str(path),
        "line 2: frame is 41, but b has 40 frames according to its seqinfo.ini",
    )


def test_classes_are_judged_apart_only_if_they_are_known(folders):
    path = write(folders / "found/b.txt", FOUND.replace(",2,-1,-1", ",-1,-1,-1"))
    error = refused(evaluate_tracks, folders / "found", folders / "truth", per_class=True)
    assert (error.field, error.message[: len(str(path)) + 8]) == ("per_class", f"{path}, line 1")


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_visibility_is_a_fraction(folders, value):
    error = refused(evaluate_tracks, folders / "found", folders / "truth", min_visibility=value)
    assert error.field == "min_visibility"


def test_without_trackeval_the_message_says_how_to_install_it(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackeval", None)
    message = refused(evaluate_tracks, folders / "found", folders / "truth").message
    assert message.endswith("run: pip install '.[track]' && pip install --no-deps 'trackeval>=1.3'")


@pytest.fixture
def judged(monkeypatch):
    """What the command prints, with an evaluation that is given."""
    good = TrackFigures(0.8765, 1.0, 0.76, 0.8, 0.9, 1, 2, 3, 4, 10, 11, 2, 3)
    nothing = TrackFigures(*[float("nan")] * 5, 0, 0, 0, 4, 0, 4, 0, 1)
    evaluation = TrackEvaluation({"a": good, "b": nothing}, good, {2: good}, ("b",), 5, 30)
    monkeypatch.setattr("multibox.evaluation.tracks.evaluate_tracks", lambda *_, **__: evaluation)
    return lambda *options: CliRunner().invoke(main, ["eval-tracks", "found", "truth", *options])


def test_the_command_prints_a_table(judged):
    result = judged()
    rows = [line.replace("│", " ").split() for line in result.stdout.splitlines() if line.startswith("│")]
    assert rows == [
        ["a", "0.876", "1.000", "0.760", "0.800", "0.900", "1", "2", "4", "3"],
        ["b", "-", "-", "-", "-", "-", "0", "0", "4", "0"],
        ["combined", "0.876", "1.000", "0.760", "0.800", "0.900", "1", "2", "4", "3"],
        ["class", "2", "0.876", "1.000", "0.760", "0.800", "0.900", "1", "2", "4", "3"],
    ]
    assert result.stdout.endswith(
        "30 frames. Truth: 2 tracks, 10 boxes (5 more ignored). Predictions: 3 tracks, 11 boxes.\n"
    )
    assert result.stderr == "without predictions, so all objects count as missed: b\n"


def test_the_command_prints_json(judged):
    told = json.loads(judged("--json").stdout)
    assert told["sequences"]["b"]["hota"] is None
    assert told["combined"]["id_switches"] == 1
    assert (told["missing"], told["frames"]) == (["b"], 30)


def test_errors_of_the_command_name_its_options(folders):
    write(folders / "found/a.txt", FOUND.replace(",2,-1,-1", ""))
    result = CliRunner().invoke(main, ["eval-tracks", str(folders / "found"), str(folders / "truth"), "--per-class"])
    assert (result.exit_code, result.stderr.startswith("multibox: --per-class: ")) == (2, True)
