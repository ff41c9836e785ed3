import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config_file import load_config
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.detect.detections import Detections
from multibox.draw import color_of
from multibox.training import trackers
from multibox.training.experiment import Experiment
from multibox.training.pictures import draw_findings
from multibox.training.trackers import TensorBoard, Trackers, open_trackers, require_tracker
from multibox.training.train import train
from training import small_network

GREY = np.full((40, 60, 3), 128, np.uint8)


@pytest.fixture
def experiment(tmp_path):
    folder = tmp_path / "experiments" / "first"
    folder.mkdir(parents=True)
    return Experiment(folder)


def config(tracker):
    return load_config(overrides={"train.tracker": tracker, "train.lr": 0.25, "data.classes": ["cat"]})


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    return accumulator.Reload()


def points(folder, name):
    return [(event.step, event.value) for event in events(folder).Scalars(name)]


def test_tensorboard_reads_what_it_was_told(tmp_path):
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 200
    board = TensorBoard(tmp_path)
    board.scalars({"train/loss": 3.5, "train/epoch": 1}, 20)
    board.pictures("validation", {"tiny/val/a": red, "tiny/val/b": GREY}, 20)
    board.close()
    assert points(tmp_path, "train/loss") == [(20, 3.5)]
    assert points(tmp_path, "train/epoch") == [(20, 1.0)]
    assert events(tmp_path).Tags()["images"] == ["validation/tiny/val/a", "validation/tiny/val/b"]
    (image,) = events(tmp_path).Images("validation/tiny/val/a")
    assert (image.step, image.width, image.height) == (20, 60, 40)
    pixels = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)  # BGR
    np.testing.assert_allclose(pixels.reshape(-1, 3).mean(0), (0, 0, 200), atol=2)


def test_a_run_that_goes_on_takes_back_what_came_after_its_checkpoint(tmp_path):
    """Killed after step 60, it goes on from step 40, also where its loss is another the second time."""
    first = TensorBoard(tmp_path)
    for step in (20, 40, 60):
        first.scalars({"train/loss": 1.0}, step)
        first.pictures("validation", {"a": GREY}, step)
    first.close()
    second = TensorBoard(tmp_path, 40)
    second.scalars({"train/loss": 2.0}, 50)
    second.close()
    assert points(tmp_path, "train/loss") == [(20, 1.0), (40, 1.0), (50, 2.0)]
    assert [image.step for image in events(tmp_path).Images("validation/a")] == [20, 40]


class Recorder:
    """Stands for a tracker; it fails from the step ``until`` on."""

    def __init__(self, until=99):
        self.until, self.told, self.closed = until, [], []

    def scalars(self, values, step):
        if step >= self.until:
            raise ConnectionError("no route\nto host")
        self.told.append(step)

    def close(self, failed=False):
        self.closed.append(failed)


def test_a_tracker_that_fails_is_left_out_with_one_warning(caplog):
    good, bad = Recorder(), Recorder(until=3)
    all_of_them = Trackers({"bad": lambda: bad, "good": lambda: good, "worse": lambda: 1 / 0})
    with all_of_them:
        for step in range(1, 6):
            all_of_them.scalars({"train/loss": 1.0}, step)
    assert (bad.told, good.told) == ([1, 2], [1, 2, 3, 4, 5])
    assert (bad.closed, good.closed) == ([True], [False])
    assert [record.message for record in caplog.records] == [
        "worse: failed (division by zero) and receives nothing more from this run, which continues",
        "bad: failed (no route to host) and receives nothing more from this run, which continues",
    ]


def test_trackers_hear_of_a_run_that_failed():
    good = Recorder()
    with pytest.raises(KeyboardInterrupt), Trackers({"good": lambda: good}):
        raise KeyboardInterrupt
    assert good.closed == [True]


def test_nobody_is_told_without_trackers():
    with Trackers() as nobody:
        nobody.scalars({"train/loss": 1.0}, 1)
    assert not nobody


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_service_that_is_not_installed_is_refused_before_the_run(name, store_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, name, None)
    result = CliRunner().invoke(main, ["train", "--data", "tiny", "--tracker", name])
    assert result.exit_code == 2
    message = f"multibox: train.tracker: {name} is not installed; in a clone of Multibox, run: pip install '.[{name}]'"
    assert result.stderr.splitlines() == [message]
    assert not (tmp_path / "experiments").exists()
    require_tracker(config("none"))


def test_a_folder_named_as_a_service_is_not_taken_for_it(tmp_path, monkeypatch):
    """Weights & Biases itself makes a folder ``wandb``."""
    (tmp_path / "wandb_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not trackers._is_installed("wandb_folder")
    assert not trackers._is_installed("no_such_package")


def fake_module(monkeypatch, name, **members):
    module = ModuleType(name)
    module.__file__ = f"{name}.py"
    for member, value in members.items():
        setattr(module, member, value)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def wandb(monkeypatch):
    """Stands for Weights & Biases; what it was asked."""
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    asked = SimpleNamespace(runs=[], logged=[], ended=[])

    def finish(exit_code):
        asked.ended.append(exit_code)

    def init(**arguments):
        asked.runs.append(arguments)
        return SimpleNamespace(
            id=arguments["id"] or "x1y2",
            log=asked.logged.append,
            finish=finish,
            define_metric=lambda name, step_metric: None,
        )

    fake_module(
        monkeypatch, "wandb", init=init, Image=lambda image, caption, file_type: (caption, image.shape, file_type)
    )
    return asked


def test_weights_and_biases_is_told_and_goes_on_with_the_same_run(experiment, wandb):
    for step in (0, 20):
        with open_trackers(experiment, config("wandb"), step) as told:
            told.scalars({"train/loss": 1.5}, step + 20)
            told.pictures("validation", {"a": GREY}, step + 20)
    assert [run["id"] for run in wandb.runs] == [None, "x1y2"]
    first = wandb.runs[0]
    assert (first["project"], first["name"], first["dir"]) == ("multibox", "first", str(experiment.folder))
    assert first["config"]["train"]["lr"] == 0.25
    assert wandb.logged[:2] == [
        {"train/loss": 1.5, "step": 20},
        {"validation": [("a", (40, 60, 3), "jpg")], "step": 20},
    ]
    assert wandb.ended == [0, 0]


@pytest.mark.slow
def test_a_run_tells_its_losses_its_map_and_the_same_pictures_each_time(store_root, tmp_path, monkeypatch, wandb):
    """Two epochs of two steps; whatever is told, the step is that of the run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multibox.training.setup.build", small_network.build)
    small = {"network.size": [128, 128], "network.weights": "none", "network.batch_norm": "trained"}
    length = {"train.batch": 2, "train.epochs": 2, "train.steps_per_epoch": 2, "train.validate_every": 1}
    run = train("tiny", overrides={**small, **length, "train.log_every": 1, "train.tracker": "wandb"}, name="told")
    groups = [(told["step"], *{name.partition("/")[0] for name in told if name != "step"}) for told in wandb.logged]
    judged = [(2, "validation")] * 2, [(4, "validation")] * 2  # the figures, then the pictures
    assert groups == [(1, "train"), (2, "train"), *judged[0], (3, "train"), (4, "train"), *judged[1]]
    shown = [told["validation"] for told in wandb.logged if "validation" in told]
    assert [[name for name, *_ in pictures] for pictures in shown] == [["tiny/val/000004", "tiny/val/000005"]] * 2
    assert [step for step, _ in points(run.folder / "tensorboard", "validation/map")] == [2, 4]
    assert [step for step, _ in points(run.folder / "tensorboard", "train/lr")] == [1, 2, 3, 4]
    assert len(events(run.folder / "tensorboard").Images("validation/tiny/val/000005")) == 2


@pytest.fixture
def mlflow(monkeypatch):
    """Stands for MLflow; what it was asked."""
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    asked = SimpleNamespace(experiments=[], runs=[], params=[], metrics=[], images=[], ended=[])

    def start_run(run_id, run_name):
        asked.runs.append((run_id, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id or "abc"))

    fake_module(
        monkeypatch,
        "mlflow",
        set_experiment=asked.experiments.append,
        start_run=start_run,
        log_params=asked.params.append,
        log_metrics=lambda values, step: asked.metrics.append((step, values)),
        log_image=lambda image, key, step, synchronous: asked.images.append((step, key, image.shape)),
        end_run=asked.ended.append,
    )
    return asked


def test_mlflow_is_told_and_goes_on_with_the_same_run(experiment, mlflow, monkeypatch):
    with open_trackers(experiment, config("mlflow"), 0) as told:
        told.scalars({"train/loss": 1.5}, 20)
        told.pictures("validation", {"tiny/val/küche (1)": GREY}, 20)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    with pytest.raises(KeyboardInterrupt), open_trackers(experiment, config("mlflow"), 20):
        raise KeyboardInterrupt
    assert mlflow.experiments == ["multibox"]
    assert mlflow.runs == [(None, "first"), ("abc", "first")]
    (params,) = mlflow.params
    assert (params["train.lr"], params["data.classes"]) == (0.25, ["cat"])
    assert mlflow.metrics == [(20, {"train/loss": 1.5})]
    assert mlflow.images == [(20, "validation/tiny/val/k_che _1_", (40, 60, 3))]
    assert mlflow.ended == ["FINISHED", "FAILED"]


def test_weights_and_biases_itself_takes_it_without_a_network(experiment, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with open_trackers(experiment, config("wandb"), 0) as told:
        told.scalars({"train/loss": 1.5}, 20)
        told.pictures("validation", {"a": GREY}, 20)
    (file,) = (experiment.folder / "wandb").glob("offline-run-*/*.wandb")
    assert file.stem.removeprefix("run-") == experiment.tracker_id("wandb").read_text()
    assert len(list(file.parent.glob("files/media/images/*.jpg"))) == 1
    assert wandb.run is None


def test_mlflow_itself_takes_it_without_a_network(experiment, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(experiment.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{experiment.folder}/mlflow.db")
    for step in (0, 20):
        with open_trackers(experiment, config("mlflow"), step) as told:
            told.scalars({"train/loss": 1.5 + step}, step + 20)
            told.pictures("validation", {"a": GREY}, step + 20)
    run_id = experiment.tracker_id("mlflow").read_text()
    client = mlflow.MlflowClient()
    history = client.get_metric_history(run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(20, 1.5), (40, 21.5)]
    run = client.get_run(run_id)
    assert (run.data.params["train.lr"], run.info.status) == ("0.25", "FINISHED")
    assert any(file.path.endswith(".png") for file in client.list_artifacts(run_id, "images"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Ten grey images of 60 x 40 pixels, called 0 to 9; a cat in each, in the middle."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    encoded = cv2.imencode(".png", GREY)[1].tobytes()
    records = [Record(str(i), encoded, 60, 40, make_objects([[20, 10, 40, 30]], [1])) for i in range(10)]
    return write_store("pets", "val", records, ("dog", "cat"))


def cats_left(images):
    """Stands for a detector that knows cats alone, and finds one at the left edge of each image."""
    box = np.array([[1, 15, 11, 35]], np.float32)
    return [Detections(box, np.array([0.9]), np.array([0]), ("cat",), (40, 60), image) for image in images]


def test_the_same_few_images_are_shown_each_time(store):
    names = list(draw_findings(cats_left, [store], 4))
    assert names == ["pets/val/0", "pets/val/3", "pets/val/6", "pets/val/9"]
    assert list(draw_findings(cats_left, [store], 4)) == names
    assert len(draw_findings(cats_left, [store], 99)) == 10
    assert draw_findings(cats_left, [], 4) == {}


def test_detections_are_drawn_beside_the_objects_in_the_colour_of_their_class(store):
    """Each half is 480 x 320 pixels, 8 times the image, and 24 lines of text, with 6 pixels around."""
    image = next(iter(draw_findings(cats_left, [store], 1).values()))
    assert image.shape == (320 + 24 + 12, 2 * 480 + 18, 3)
    left, right = image[6:326, 6:486], image[6:326, 492:972]
    cat = np.array(color_of(0))
    assert (left[160, 160] == cat).all(), "the object's left edge"
    assert (right[160 + 40, 8] == cat).all(), "the detection's"
    assert (left[200, 8] == 128).all()
    assert (right[160, 160] == 128).all()
