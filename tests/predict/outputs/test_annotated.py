import json

import cv2
import numpy as np
import pytest

from multibox.predict.outputs.saving import open_outputs, save_predictions
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source, find_sources
from videos import brightness, damage, number_of, write_video


def visible(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".png", ".mp4", ".jpg")}


def test_pictures_of_the_run_are_never_replaced(save, files):
    folder = files[0].parent
    before = visible(folder)
    for new in ("a-2.png", "a-3.png"):  # the second time, what the first left is read too
        save(sorted(folder.glob("*.png")), folder)
        after = visible(folder)
        assert {name: after[name] for name in before} == before
        assert new in after
        before = after


def test_an_input_through_a_link_is_not_replaced(save, files, tmp_path):
    out = tmp_path / "out"
    save(files[:1], out)
    (tmp_path / "link").symlink_to(out)
    before = (out / "a.png").read_bytes()
    save([files[2], tmp_path / "link/a.png"], out)
    assert (out / "a.png").read_bytes() == before


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_only_earlier_predictions_are_replaced(save, files, film, tmp_path, suffix):
    out, source = tmp_path / "out", files[0] if suffix == ".png" else film
    name = source.stem + suffix
    for _ in range(2):
        save([source], out)
    assert list(visible(out)) == [name]
    (out / name).write_bytes(b"mine")
    save([source], out)
    assert (out / name).read_bytes() == b"mine"
    assert sorted(visible(out)) == [f"{source.stem}-2{suffix}", name]


def test_an_annotated_video(save, film, tmp_path):
    save([film], tmp_path / "out")
    assert list(visible(tmp_path / "out")) == ["film.mp4"]
    capture = cv2.VideoCapture(str(tmp_path / "out/film.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    annotated = capture.read()[1].astype(int)
    plain = cv2.VideoCapture(str(film)).read()[1].astype(int)
    assert annotated.shape == plain.shape
    assert np.abs(annotated - plain)[18:23, 30:90].max() > 100  # the caption, on the box's upper edge


def test_a_video_beside_itself(save, film):
    before = film.read_bytes()
    save([film], film.parent)
    assert film.read_bytes() == before
    assert (film.parent / "film-2.mp4").is_file()


def test_frames_as_pictures_when_asked(save, film, tmp_path):
    save([film], tmp_path / "out", "pictures")
    assert sorted(visible(tmp_path / "out")) == [f"film-00000{i}.png" for i in range(5)]


def test_two_videos(save, film, tmp_path):
    other = film.with_name("other.mp4")
    other.write_bytes(film.read_bytes())
    save([film, other], tmp_path / "out", "video")
    assert sorted(visible(tmp_path / "out")) == ["film.mp4", "other.mp4"]
    for name in ("film.mp4", "other.mp4"):
        assert cv2.VideoCapture(str(tmp_path / "out" / name)).get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_a_video_of_live_pictures_lasts_as_long(detector, save, film, tmp_path):
    """The frame before one that was dropped stays, and the first one stands for those before it."""
    sources = find_sources([film])
    outputs = open_outputs(["video"], tmp_path / "out", detector.classes, sources)
    save_predictions((p for p in predict(detector, sources) if p.number in (1, 4)), outputs)
    assert cv2.VideoCapture(str(tmp_path / "out/film.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 5


def shown(path):
    """Which of the input's frames each frame of an annotated video shows."""
    capture = cv2.VideoCapture(str(path))
    reads = iter(capture.read, (False, None))
    return [number_of(image) for _, image in reads], capture.get(cv2.CAP_PROP_FPS)


def test_an_annotated_video_keeps_its_timing_where_frames_are_damaged(save, tmp_path):
    film = damage(write_video(tmp_path / "film.avi"), 0, 5, 6)
    save([film], tmp_path / "out")
    assert shown(tmp_path / "out/film.mp4") == ([1, 1, 2, 3, 4, 4, 4, 7, 8, 9, 10, 11], 10)


def test_an_annotated_video_keeps_the_timing_of_a_variable_rate(detector, tmp_path):
    source = Source("film.mkv", "video")
    images = [np.full((48, 64, 3), brightness(number), np.uint8) for number in range(4)]
    outputs = open_outputs(["video"], tmp_path / "out", detector.classes, [source])
    found = [
        Prediction(source, detector(image), number=number, rate=10.0, seconds=seconds)
        for number, (image, seconds) in enumerate(zip(images, (0, 0.31, 0.33, 0.6), strict=True))
    ]
    save_predictions(found, outputs)
    assert shown(tmp_path / "out/film.mp4")[0] == [0, 0, 0, 2, 2, 2, 3]


def test_rows_keep_the_numbers_and_times_of_the_container(save, tmp_path):
    film = damage(write_video(tmp_path / "film.avi"), 5, 11)
    save([film], tmp_path / "out", "json", "yolo", "pictures")
    rows = json.loads((tmp_path / "out/detections.json").read_text())
    assert [row["frame"] for row in rows] == list(range(12))
    assert [row["seconds"] for row in rows] == [round(0.1 * number, 3) for number in range(12)]
    assert [row["frame"] for row in rows if "error" in row] == [5, 11]
    labels = {path.stem for path in (tmp_path / "out/labels").glob("film-*.txt")}
    assert labels == {f"film-{number:06d}" for number in range(12) if number not in (5, 11)}
