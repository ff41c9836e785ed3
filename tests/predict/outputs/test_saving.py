import json
import signal
from contextlib import suppress

import cv2
import pytest

from multibox.errors import BadInput, RunFailed, Stopped
from multibox.predict.outputs.saving import FORMATS, open_outputs, save_predictions
from multibox.predict.predict import predict
from multibox.predict.sources import find_sources
from multibox.writing import MARKER, mark

NAMES = {
    "pictures": "a.png",
    "json": "detections.json",
    "jsonl": "detections.jsonl",
    "coco": "coco.json",
    "voc": "voc",
    "yolo": "labels",
    "yolo-score": "labels",
    "csv": "detections.csv",
    "crops": "crops",
}
BESIDE = {
    "pictures": {"a-2.png", "000007.png"},
    "coco": {"image_info_coco.json"},
    "yolo": {"data.yaml"},
    "yolo-score": {"data.yaml"},
}
"""What else each format writes."""


def listed(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_what_a_person_looks_at_is_the_default(save, files, tmp_path):
    out = tmp_path / "new" / "out"
    assert len(save(files, out)) == 4
    assert listed(out) == ["000007.png", "a-2.png", "a.png", "detections.json"]
    assert cv2.imread(str(out / "a.png")).shape == (128, 192, 3)
    rows = json.loads((out / "detections.json").read_text())
    assert [row.get("picture") for row in rows] == ["a.png", None, "a-2.png", "000007.png"]
    assert [row["detections"][0]["name"] for row in rows[:3:2]] == ["red", "blue"]
    assert "broken.jpg" in rows[1]["error"]


@pytest.mark.parametrize("name", NAMES)
def test_each_format_alone_and_again(save, files, tmp_path, name):
    out = tmp_path / "out"
    for _ in range(2):
        save(files, out, name)
        assert listed(out) == sorted({NAMES[name], *BESIDE.get(name, ())})


def test_all_formats_at_once(save, files, tmp_path):
    save(files, tmp_path / "out", *(name for name in FORMATS if name != "yolo-score"))
    assert listed(tmp_path / "out") == sorted({*NAMES.values(), *set.union(*BESIDE.values())})


@pytest.mark.parametrize("name", ["json", "jsonl", "coco", "csv"])
def test_other_files_are_not_replaced(save, files, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / NAMES[name]).write_text("[]")
    with pytest.raises(BadInput, match=f"{NAMES[name]}: exists, and Multibox did not write it"):
        save(files, out, name)
    assert (out / NAMES[name]).read_text() == "[]"
    save(files, out, name, replace=True)
    assert (out / NAMES[name]).read_text() != "[]"


@pytest.mark.parametrize("name", ["voc", "yolo"])
def test_a_folder_that_was_changed_is_not_replaced(save, files, tmp_path, name):
    out = tmp_path / "out"
    save(files, out, name)
    mine = next((out / NAMES[name]).glob("*.txt"))
    mine.write_text("corrected by hand\n")
    with pytest.raises(BadInput, match="was changed since Multibox wrote it"):
        save(files, out, name)
    assert mine.read_text() == "corrected by hand\n"
    save(files, out, name, replace=True)
    assert mine.read_text() != "corrected by hand\n"


@pytest.fixture(params=[*(name for name in NAMES if name not in ("pictures", "crops")), "video"])
def of_0_1_0(request, save, files, film, tmp_path):
    """What version 0.1.0 wrote: it listed all in one file and put no marker into its folders."""
    out, inputs = tmp_path / "out", [film] if request.param == "video" else files
    written = out / {**NAMES, "video": "film.mp4"}[request.param]
    save(inputs, out, request.param)
    beside = BESIDE.get(request.param, set())
    for name in beside:
        (out / name).unlink()
    for marker in out.rglob(MARKER):
        marker.unlink()
    (out / ".multibox-predict.json").write_text(json.dumps({written.name: mark(written)}))
    return written, lambda: save(inputs, out, request.param), beside


def test_what_version_0_1_0_wrote_is_replaced(of_0_1_0):
    written, save_again, beside = of_0_1_0
    save_again()
    assert listed(written.parent) == sorted({written.name, *beside})


def test_what_version_0_1_0_wrote_and_somebody_changed_is_not_replaced(of_0_1_0):
    written, save_again, _ = of_0_1_0
    changed = next(written.glob("*.txt")) if written.is_dir() else written
    changed.write_text("corrected by hand")
    if written.suffix == ".mp4":
        save_again()
        assert listed(written.parent) == ["film-2.mp4", "film.mp4"]
    else:
        with pytest.raises(BadInput, match=f"{written.name}: (exists, and|is not empty)"):
            save_again()
    assert changed.read_text() == "corrected by hand"


def test_nothing_is_left_of_a_run_of_nothing_readable(save, files, tmp_path):
    save(files[1:2], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_folder_is_a_file(save, files):
    with pytest.raises(BadInput, match=r"broken\.jpg: the folder cannot be created"):
        save(files, files[1])


def test_one_kind_of_labels(tmp_path):
    with pytest.raises(BadInput, match="choose one"):
        open_outputs(["yolo", "yolo-score"], tmp_path, ("cat",), [])


def outputs_and_predictions(detector, files, folder):
    sources = find_sources(files)
    outputs = open_outputs(["jsonl", "yolo", "voc"], folder, detector.classes, sources)
    return outputs, predict(detector, sources, keep=False)


def test_what_was_found_until_ctrl_c_is_saved(detector, files, tmp_path):
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")

    def interrupted():
        yield from [next(predictions)] * 40  # more than are drawn ahead
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match="are saved") as stopped:
        save_predictions(interrupted(), outputs)
    assert stopped.value.signal == 2
    assert listed(tmp_path / "out") == ["data.yaml", "detections.jsonl", "labels", "voc"]
    assert (tmp_path / "out/detections.jsonl").read_text().count("\n") > 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_found_until_a_signal_is_saved(detector, files, tmp_path, number):
    """A second signal while the outputs are completed changes nothing, and handlers are put back."""
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")
    before = signal.getsignal(number)

    def stopped_twice():
        yield from [next(predictions)] * 40  # more than are drawn ahead
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match="are saved") as stopped:
        save_predictions(stopped_twice(), outputs)
    assert stopped.value.signal == number
    assert signal.getsignal(number) == before
    assert (tmp_path / "out/detections.jsonl").read_text().count("\n") > 1


def test_a_run_that_is_stopped_before_its_first_image_says_so(detector, files, tmp_path):
    outputs, _ = outputs_and_predictions(detector, files, tmp_path / "out")

    def interrupted():
        raise KeyboardInterrupt
        yield

    with pytest.raises(Stopped, match="stopped; nothing was saved"):
        save_predictions(interrupted(), outputs)
    assert not (tmp_path / "out").exists()


def test_a_closed_pipe_loses_no_output(detector, files, tmp_path):
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")

    def print_it(prediction):
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(RunFailed, match="standard output: Broken pipe; the detections so far are saved"):
        save_predictions(predictions, outputs, print_it)
    assert (tmp_path / "out/detections.jsonl").read_text().count("\n") == 1


def test_a_failed_run_leaves_nothing_half(detector, files, tmp_path):
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")

    def failing():
        yield from [next(predictions)] * 40  # more than are drawn ahead
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_predictions(failing(), outputs)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("formats", [("json",), ("voc", "json"), ("pictures", "json"), ("video",)])
def test_a_full_disk_leaves_nothing_half(save, files, film, tmp_path, formats):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))  # bytes a file may have
    try:
        with pytest.raises((OSError, RunFailed)):
            save([film] if formats == ("video",) else files[:1], tmp_path / "out", *formats)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left <= {"voc"}  # small enough to be whole


def test_ctrl_c_while_a_prediction_is_shown(detector, files, tmp_path):
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")

    def interrupt(prediction):
        raise KeyboardInterrupt

    with pytest.raises(Stopped):
        save_predictions(predictions, outputs, interrupt)
    assert (tmp_path / "out/detections.jsonl").read_text().count("\n") == 1


def test_names_of_files_may_be_anything(save, files, tmp_path):
    for name in ("two words.png", "\udcff.png", "é" * 124 + ".png"):
        path = files[0].with_name(name)
        path.write_bytes(files[0].read_bytes())
        save([path], tmp_path / name[0], "pictures", "voc", "csv")
        assert len(list((tmp_path / name[0]).glob("*.png"))) == 1
    assert (tmp_path / "t/voc/comp4_det_test_red.txt").read_text().startswith("two_words 0.")
    assert "/\\udcff.png" in (tmp_path / "\udcff/detections.csv").read_text()


def test_of_live_pictures_few_are_drawn_ahead(detector, files, tmp_path):
    outputs, predictions = outputs_and_predictions(detector, files, tmp_path / "out")
    one, taken = next(predictions), []

    def live():
        for number in range(50):
            taken.append(number)
            yield one

    ahead = []
    save_predictions(live(), outputs, lambda _: ahead.append(len(taken) - len(ahead)), few=True)
    assert max(ahead) == 2
