"""Files that tracks are saved in."""

import csv
import json
from collections import Counter

import cv2
import numpy as np
import pytest

import multibox
from colored import ColorRuntime
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.predict.outputs.saving import save_predictions
from multibox.tracking.films import find_films
from multibox.tracking.outputs import FORMATS, open_track_outputs
from tracking.test_track import FRAMES, SIZE, write_film

LINE = {"middle": (0.5, 0, 0.5, 1)}


@pytest.fixture
def saved(tmp_path):
    """Two films, their frames, and the folder in which all formats are saved."""
    films = find_films([write_film(tmp_path / "a.avi"), write_film(tmp_path / "b.avi", 12)])
    outputs = open_track_outputs(FORMATS, tmp_path / "out", films)
    frames = []
    save_predictions(multibox.track(Detector(ColorRuntime()), films, lines=LINE), outputs, frames.append)
    return tmp_path / "out", frames


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_holds_what_the_objects_hold(saved):
    folder, frames = saved
    rows = iter(rows_of(folder / "tracks.csv"))
    for frame in frames:
        for i, track in enumerate(frame.ids):
            row = next(rows)
            assert (row["file"], int(row["frame"]), int(row["id"])) == (frame.source.name, frame.number, track)
            assert (row["name"], row["carried"]) == (frame.detections.names[i], str(int(frame.carried[i])))
            box = [float(row[edge]) for edge in ("x0", "y0", "x1", "y1")]
            assert box == pytest.approx(frame.detections.boxes[i].tolist(), abs=0.006)
            assert float(row["score"]) == pytest.approx(frame.detections.scores[i], abs=1e-5)
            assert float(row["seconds"]) == pytest.approx(frame.seconds, abs=6e-4)
    assert next(rows, None) is None


def test_json_lines_hold_what_the_objects_hold(saved):
    folder, frames = saved
    lines = (folder / "tracks.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(json.dumps(frame.to_json())) for frame in frames]


def test_mot_text_holds_what_the_objects_hold(saved):
    folder, frames = saved
    for stem in ("a", "b"):
        table = np.loadtxt(folder / f"{stem}.txt", delimiter=",", ndmin=2)
        expected = [
            (frame.number + 1, track, *(box[:2] + 1), *(box[2:] - box[:2]), score, label + 1, -1, -1)
            for frame in frames
            if frame.source.stem == stem
            for track, box, score, label in zip(
                frame.ids, frame.detections.boxes, frame.detections.scores, frame.detections.labels, strict=True
            )
        ]
        assert table == pytest.approx(np.array(expected), abs=0.006)


def test_counts_hold_each_event_with_its_total(saved):
    folder, frames = saved
    rows = rows_of(folder / "counts.csv")
    events = [event for frame in frames for event in frame.events]
    assert [(row["place"], row["what"], int(row["id"]), row["name"], int(row["total"])) for row in rows] == [
        (event.place, event.what, event.id, event.name, event.total) for event in events
    ]
    by_film = Counter((row["file"][-5:], row["what"]) for row in rows)
    last = {frame.source.name[-5:]: frame.counts["middle"] for frame in frames}
    for (film, what), count in by_film.items():
        assert last[film][what].total() == count


def test_the_video_has_all_frames(saved):
    folder, _ = saved
    capture = cv2.VideoCapture(str(folder / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert capture.read()[1].shape == (*SIZE, 3)
    assert len(list(folder.glob("a-*.png"))) == FRAMES


def test_a_file_of_the_user_is_not_replaced(tmp_path):
    films = find_films([write_film(tmp_path / "a.avi", 2)])
    (tmp_path / "a.txt").write_text("notes")
    with pytest.raises(BadInput, match=r"a\.txt"):
        open_track_outputs(["mot"], tmp_path, films)
    assert (tmp_path / "a.txt").read_text() == "notes"
    open_track_outputs(["mot"], tmp_path, films, replace=True)


def test_a_film_without_objects_gives_an_empty_file(tmp_path):
    films = find_films([write_film(tmp_path / "a.avi", 3)])
    outputs = open_track_outputs(["mot", "csv"], tmp_path / "out", films)
    save_predictions(multibox.track(Detector(ColorRuntime()), films, score=0.999), outputs)
    assert (tmp_path / "out" / "a.txt").read_text() == ""
    assert len((tmp_path / "out" / "tracks.csv").read_text().splitlines()) == 1
