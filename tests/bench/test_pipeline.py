import json
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.bench.pipeline import measure_pipeline
from multibox.bench.pipeline_chart import save_pipeline_chart
from multibox.cli import main
from multibox.cli.bench import print_pipeline
from multibox.config import Config
from multibox.data.store import open_store
from multibox.models.maps import network_priors

SMALL = {"network": {"size": [128, 128]}, "train": {"batch": 2}}


@pytest.fixture
def speed(store_root):
    stores = [open_store("tiny/train"), open_store("tiny/val")]
    return measure_pipeline(stores, Config.model_validate(SMALL), images=5, workers=[0, 1], seconds=0.1)


def test_stages_add_up_to_the_example(speed):
    assert speed.images == 5
    assert {"read", "decode", "crop", "render", "make_targets", "other"} <= speed.stages.keys()
    assert "letterbox" not in speed.stages  # these images are stretched
    assert sum(speed.stages.values()) == pytest.approx(speed.ms_per_example, rel=0.5)
    assert min(speed.stages.values()) >= 0
    assert speed.images_per_second_per_core == pytest.approx(1000 / speed.ms_per_example)


def test_bytes_are_those_of_the_arrays(speed, store_root):
    config, sent = Config.model_validate(SMALL), speed.bytes_per_example
    priors = len(network_priors(config.network, config.priors))
    assert sent["image"] == 128 * 128 * 3
    assert sent["targets"] == priors * (4 + 4 * 4)
    files = [record.image for name in ("tiny/train", "tiny/val") for record in open_store(name)]
    assert sent["encoded"] == pytest.approx(np.mean([len(image) for image in files[:5]]))


def test_every_number_of_workers_is_measured(speed):
    assert list(speed.workers) == [0, 1]
    assert all(rate > 0 for rate in speed.workers.values())


def test_the_size_of_tiles_can_be_left_to_multibox(store_root, caplog):
    caplog.set_level("INFO", "multibox")
    config = Config.model_validate({**SMALL, "data": {"tiles": "auto"}})
    assert measure_pipeline([open_store("tiny/train")], config, images=1, workers=[0], seconds=0.01).images == 1
    assert caplog.text.count("data.tiles=auto: ") == 1


def test_opencv_has_its_threads_again(store_root):
    cv2.setNumThreads(2)
    measure_pipeline([open_store("tiny/train")], Config.model_validate(SMALL), images=1, workers=[1], seconds=0.01)
    assert cv2.getNumThreads() == 2


def test_table_and_charts(speed, tmp_path, capsys):
    print_pipeline(speed)
    printed = capsys.readouterr().out
    assert "decode" in printed
    assert "0 (threads)" in printed
    for _ in range(2):  # its own drawing is replaced
        save_pipeline_chart(speed, tmp_path / "speed.svg")
    texts = [
        element.text for element in ElementTree.parse(tmp_path / "speed.svg").iter() if element.tag.endswith("text")
    ]
    assert {"decode", f"{speed.stages['decode']:.2f} ms", "threads", "1 process"} <= set(texts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speed.svg", "stores"]


def test_the_command_prints_the_figures(store_root, tmp_path):
    picture = str(tmp_path / "p.svg")
    options = ["--data", "tiny/train", "--images", "2", "--workers", "0", "--plot", picture, "--json"]
    result = CliRunner().invoke(main, ["bench", "pipeline", *options, "network.size=[128,128]"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert {"ms_per_example", "images_per_second_per_core", "stages", "workers"} <= figures.keys()
    assert list(figures["workers"]) == ["0"]


def test_a_drawing_of_somebody_else_is_not_replaced(store_root, tmp_path):
    (tmp_path / "mine.svg").write_text("mine")
    arguments = ["bench", "pipeline", "--data", "tiny/train", "--plot", str(tmp_path / "mine.svg")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "mine.svg: exists, and Multibox did not write it" in result.stderr
    assert (tmp_path / "mine.svg").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--data", "nothing"], "nothing"),
        (["--data", "tiny/train", "--workers", "two"], "--workers: two"),
        (["--data", "tiny/train", "augment.mosaik.probability=1"], "augment.mosaik"),
    ],
)
def test_bad_input_is_one_line(store_root, options, named):
    result = CliRunner().invoke(main, ["bench", "pipeline", *options])
    assert result.exit_code == 2
    assert named in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
