import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from colored import ColorRuntime, make_schema, paint
from multibox.data.look_alikes import alike_to, stack_looks
from multibox.data.sample import draw_scene
from multibox.errors import BadInput, Stopped
from multibox.labelling.journal import NAME, open_journal
from multibox.labelling.seen import Seen, looks_of
from multibox.labelling.survey import survey
from tiny_onnx import write_tiny_onnx

COUNT = 12


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """The runtime of the model ``model.keras``, which counts the images that it has seen."""
    runtime = ColorRuntime(make_schema())
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: runtime)
    (tmp_path / "model.keras").write_bytes(b"weights")
    return runtime


@pytest.fixture
def photos(tmp_path):
    """Images with a red object that moves, and one file that is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT):
        image = paint((128, 192), {"red": (8 * number, 10, 8 * number + 60, 80)})
        cv2.imwrite(str(folder / f"{number:02d}.png"), image[..., ::-1])
    return folder


def search(tmp_path, photos, **options):
    return survey(tmp_path / "model.keras", [photos], tmp_path / "out", **options)


def same(these, those):
    assert [seen.to_line() for seen in these] == [seen.to_line() for seen in those]
    for this, that in zip(these, those, strict=True):
        np.testing.assert_array_equal(this.scores, that.scores)
        np.testing.assert_array_equal(this.boxes, that.boxes)
        np.testing.assert_array_equal(this.colours, that.colours)
        np.testing.assert_array_equal(this.thumbnail, that.thumbnail)


def test_what_is_seen_is_what_a_detector_finds(tmp_path, photos, runtime):
    found = search(tmp_path, photos)
    assert [Path(seen.file).name for seen in found.seen] == [f"{number:02d}.png" for number in range(COUNT)]
    assert found.classes == runtime.schema.classes
    for number, seen in enumerate(found.seen):
        assert (seen.labels.tolist(), seen.image_size) == ([0], (128, 192))
        np.testing.assert_allclose(seen.boxes, [[8 * number, 10, 8 * number + 60, 80]], atol=2)
        assert seen.scores[0] > 0.9


def test_the_network_runs_once_over_an_image(tmp_path, photos, runtime):
    first = search(tmp_path, photos)
    assert sum(runtime.batches) == COUNT
    same(search(tmp_path, photos).seen, first.seen)
    assert sum(runtime.batches) == COUNT


def test_a_run_that_was_stopped_goes_on_and_gives_the_same(tmp_path, photos, runtime, monkeypatch):
    whole = survey(tmp_path / "model.keras", [photos], tmp_path / "whole").seen
    runtime.batches.clear()

    def stop_after_five(done, total):
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped, match="after 5 of 12 images") as stopped:
        search(tmp_path, photos, batch=1, progress=stop_after_five)
    assert stopped.value.signal == signal.SIGINT
    journal = tmp_path / "out" / NAME
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][:100])  # as a kill may leave it
    runtime.batches.clear()
    same(search(tmp_path, photos).seen, whole)
    assert sum(runtime.batches) == COUNT - 4


def test_a_changed_image_and_another_model_are_searched_again(tmp_path, photos, runtime, caplog):
    search(tmp_path, photos)
    runtime.batches.clear()
    cv2.imwrite(str(photos / "03.png"), paint((128, 192), {"blue": (0, 0, 90, 90)})[..., ::-1])
    assert search(tmp_path, photos).seen[3].labels.tolist() == [2]
    assert sum(runtime.batches) == 1
    runtime.batches.clear()
    (tmp_path / "model.keras").write_bytes(b"other weights")
    with caplog.at_level("INFO", "multibox"):
        search(tmp_path, photos)
    assert sum(runtime.batches) == COUNT
    assert "another model than before, so all images are searched again" in caplog.text
    runtime.batches.clear()
    search(tmp_path, photos, nms_iou=0.2)
    assert sum(runtime.batches) == COUNT


def test_unreadable_images_and_videos_are_left_out_and_said(tmp_path, photos, runtime, caplog):
    (photos / "00-broken.jpg").write_bytes(b"no image")
    (photos / "clip.mp4").write_bytes(b"no video")
    with caplog.at_level("INFO", "multibox"):
        assert len(search(tmp_path, photos).seen) == COUNT
    assert "1 unreadable image was left out" in caplog.text
    assert "1 video was left out" in caplog.text
    (photos / "00-broken.jpg").write_bytes((photos / "05.png").read_bytes())
    assert len(search(tmp_path, photos).seen) == COUNT + 1


def test_bad_input_is_one_line(tmp_path, photos, runtime):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/a.mp4").touch()
    with pytest.raises(BadInput, match=r"a\.mp4: holds no image; write their frames"):
        survey(tmp_path / "model.keras", [tmp_path / "videos"], tmp_path / "out")
    with pytest.raises(BadInput, match="camera:0: is not a file"):
        survey(tmp_path / "model.keras", ["camera:0"], tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_text('{"mine": 1}\n')
    with pytest.raises(BadInput, match="is not a file that Multibox wrote"):
        search(tmp_path, photos)
    assert (tmp_path / "out" / NAME).read_text() == '{"mine": 1}\n'
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(BadInput, match="no image can be read"):
        survey(tmp_path / "model.keras", [tmp_path / "broken.jpg"], tmp_path / "other")


def test_only_one_process_searches_for_a_folder(tmp_path, photos, runtime):
    with open_journal(tmp_path / "out", {}), pytest.raises(BadInput, match="another process is searching"):
        search(tmp_path, photos)
    assert not runtime.batches


def test_a_line_keeps_a_name_that_is_no_text():
    seen = Seen("caf\udce9/a b.jpg", (1, 2), image_size=(3, 4), look=2**63)
    assert Seen.from_line(seen.to_line()).to_line() == seen.to_line()
    with pytest.raises(ValueError, match="no row"):
        Seen.from_line(json.dumps({"file": "a"}))


def test_a_killed_process_loses_nothing(tmp_path):
    """A process that is killed while it searches, and one that goes on, give the list of one that was not."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(60):
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), rng.integers(0, 255, (600, 800, 3)).astype(np.uint8))
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    command = [sys.executable, "-m", "multibox", "data", "next", str(model), str(folder), "--count", "7", "--json"]

    def run(out):
        return subprocess.Popen([*command, "--out", str(tmp_path / out)], stdout=subprocess.PIPE, text=True)

    killed, journal = run("out"), tmp_path / "out" / NAME
    while not journal.exists() or journal.read_text().count("\n") < 6:
        assert killed.poll() is None
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    before = journal.read_text().count("\n")
    assert before < 60
    outputs = [run(out).communicate()[0] for out in ("out", "whole")]
    assert len(json.loads(outputs[0])) == 7
    assert outputs[0] == outputs[1]
    assert journal.read_text().count("\n") == 61


def test_a_large_image_looks_as_its_smaller_copy():
    scene = draw_scene(np.random.default_rng(1), 1300)[0]
    small = cv2.resize(scene, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    looks = stack_looks([looks_of(image)[:2] for image in (scene, small, draw_scene(np.random.default_rng(2), 700)[0])])
    assert alike_to(looks, 0).tolist() == [1]
    assert np.abs(looks_of(scene)[2].astype(int) - looks_of(small)[2]).mean() < 2
