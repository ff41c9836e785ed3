"""data next and data hard, from images to files, with a detector of pure colours."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from colored import COLORS, ColorRuntime, make_schema, paint
from multibox.cli import main
from multibox.cli.options import PRELABEL_FORMATS
from multibox.data.record import Record, make_objects
from multibox.data.store import list_datasets, open_store
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.labelling.hard_negatives import hard_negatives, write_negatives
from multibox.labelling.next_images import next_images, reason_of
from multibox.labelling.prelabels import FORMATS
from multibox.labelling.seen import Seen
from multibox.models.file import read_schema
from multibox.training import setup as setting_up
from multibox.training.train import train
from training import small_network


class DoubtfulRuntime(ColorRuntime):
    """Is as sure of an object as it is wide: its score is 0.5 at a third of the image, and more if it is wider."""

    def answer(self, images):
        logits, deltas = super().answer(images)
        for image, rows in zip(images, logits, strict=True):
            for label, color in enumerate(COLORS.values()):
                box_rel = self._find(image, color)
                if box_rel is not None:
                    best = rows[:, label + 1] == 5
                    rows[best, 1:] = -20
                    rows[best, label + 1] = 8 * (box_rel[2] - box_rel[0] - 1 / 3)
        return logits, deltas


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: DoubtfulRuntime(make_schema()))
    (tmp_path / "model.keras").write_bytes(b"weights")
    return tmp_path


def texture(seed: int, **objects: tuple[int, int, int, int]) -> np.ndarray:
    """A grey image of a pattern of its own, with coloured rectangles."""
    rng = np.random.default_rng(seed)
    tones = cv2.resize(rng.integers(60, 140, (6, 9)).astype(np.uint8), (192, 128), interpolation=cv2.INTER_CUBIC)
    image = np.repeat(tones[..., None], 3, axis=2)
    drawn = paint((128, 192), objects)
    colored = (drawn != paint((128, 192), {})).any(axis=2)
    image[colored] = drawn[colored]
    return image


def save(path: str, image: np.ndarray) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(path, image[..., ::-1])
    return path


def plain(width: int, color: str = "red", top: int = 10) -> np.ndarray:
    return paint((128, 192), {color: (4, top, 4 + width, top + 70)})


def call(*arguments: str):
    return CliRunner().invoke(main, ["data", *arguments], catch_exceptions=False)


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_doubtful_images_come_first(folder):
    save("pool/sure.png", plain(170))
    save("pool/doubtful.png", plain(64, "blue", 50))
    picks = next_images("model.keras", ["pool"], "out", count=2)
    assert [Path(pick.file).name for pick in picks] == ["doubtful.png", "sure.png"]
    assert picks[0].scores["doubt"] > 0.95
    assert picks[1].scores["doubt"] < 0.2
    assert picks[0].reason == "1 doubtful object, mostly blue, score 0.50"


def test_what_is_labelled_already_is_left_out(folder, caplog):
    for seed in range(4):
        save(f"pool/{seed}.png", texture(seed, red=(20, 20, 90, 90)))
    data = Path("pool/2.png").read_bytes()
    write_store("mine", "train", [Record("a", data, 192, 128, make_objects([[20, 20, 90, 90]], [0]))], ("red",))
    with caplog.at_level("INFO", "multibox"):
        picks = next_images("model.keras", ["pool"], "out", labelled="mine")
    assert sorted(Path(pick.file).name for pick in picks) == ["0.png", "1.png", "3.png"]
    assert "1 image looks labelled already, and left out" in caplog.text


def test_the_only_image_is_not_called_unlike_what_is_labelled(folder):
    save("pool/0.png", texture(0, red=(20, 20, 90, 90)))
    save("1.png", texture(1))
    write_store("mine", "train", [Record("a", Path("1.png").read_bytes(), 192, 128, make_objects([], []))], ("red",))
    (pick,) = next_images("model.keras", ["pool"], "out", labelled="mine")
    assert "unlike" not in pick.reason


def test_reasons():
    classes, weights = ("red", "blue"), np.ones(2)

    def seen(*found):
        labels, scores = zip(*found, strict=True) if found else ((), ())
        return Seen("a", (0, 0), labels=np.array(labels, np.int64), scores=np.array(scores, np.float32))

    several = reason_of(seen((0, 0.95), (1, 0.63), (1, 0.31)), classes, weights, is_far=False)
    assert several == "2 doubtful objects, mostly blue, scores 0.31 to 0.63"
    single = reason_of(seen((0, 0.5)), ("red",), np.ones(1), is_far=True)
    assert single == "1 doubtful object, score 0.50; unlike anything labelled"
    assert reason_of(seen((0, 0.95)), classes, weights, is_far=False) == "1 clear detection"
    assert reason_of(seen(), classes, weights, is_far=False) == "nothing seen"


def test_next_writes_a_list_a_page_and_prelabels(folder):
    for seed in range(5):
        save(f"my photos/{seed}.png", texture(seed, red=(20, 20, 90, 90)))
    before = {path: path.read_bytes() for path in Path("my photos").iterdir()}
    done = call("next", "model.keras", "my photos", "--count", "3", "--format", "cvat", "--format", "yolo")
    assert done.exit_code == 0, done.output
    rows = rows_of("next/next.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0]) == ["rank", "file", "reason", "value", "doubt", "distance"]
    page = Path("next/index.html").read_text()
    assert page.count("<img ") == 3
    assert "<script" not in page
    for row in rows:
        assert Path(row["file"]).name in page
        assert (Path("next/cvat/images") / Path(row["file"]).name).read_bytes() == Path(row["file"]).read_bytes()
    assert "no --labelled was given" in done.output
    assert {path: path.read_bytes() for path in Path("my photos").iterdir()} == before

    again = call("next", "model.keras", "my photos", "--count", "2", "--json")
    assert [row["file"] for row in json.loads(again.stdout)] == [row["file"] for row in rows[:2]]
    assert len(rows_of("next/next.csv")) == 2


def test_prelabels_in_a_format_that_is_not_written_again_are_kept_and_named(folder):
    for seed in range(3):
        save(f"pool/{seed}.png", texture(seed, red=(20, 20, 90, 90)))
    Path("next/labelme").mkdir(parents=True)  # not from Multibox
    first = call("next", "model.keras", "pool", "--format", "cvat")
    assert "was kept" not in first.output
    Path("next/cvat/train.xml").write_text("corrected")
    again = call("next", "model.keras", "pool", "--count", "1", "--format", "yolo", "--replace")
    assert again.exit_code == 0
    assert [line for line in again.stderr.splitlines() if "was kept" in line] == [
        "warning: next/cvat: was kept, and may be of another list than next/next.csv; remove it, or write it too with "
        "--format cvat"
    ]
    assert Path("next/cvat/train.xml").read_text() == "corrected"
    both = call("next", "model.keras", "pool", "--format", "yolo", "--format", "cvat", "--replace")
    assert "was kept" not in both.output


def test_a_distance_that_does_not_exist_is_no_number(folder):
    """Other readers of JSON than Python's refuse Infinity."""
    save("pool/a.png", texture(1, red=(20, 20, 90, 90)))
    done = call("next", "model.keras", "pool", "--json")
    (row,) = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert row["distance"] is None
    assert rows_of("next/next.csv")[0]["distance"] == ""


@pytest.mark.parametrize(("classes", "said"), [(("cat", "dog"), True), (("red", "dog"), False), ((), False)])
def test_labels_of_other_classes_than_the_models_are_said(folder, caplog, classes, said):
    save("pool/a.png", texture(1, red=(20, 20, 90, 90)))
    data = Path(save("b.png", texture(2))).read_bytes()
    write_store("mine", "train", [Record("b", data, 192, 128, make_objects([], []))], classes)
    next_images("model.keras", ["pool"], "out", labelled="mine")
    assert ("mine has none of the model's classes (red, " in caplog.text) is said


def test_next_refuses_before_it_searches(folder):
    save("pool/a.png", plain(60))
    Path("next").mkdir()
    Path("next/next.csv").write_text("mine")
    done = CliRunner().invoke(main, ["data", "next", "model.keras", "pool"])
    assert done.exit_code == 2
    assert "exists, and Multibox did not write it" in done.output
    assert not Path("next/seen.jsonl").exists()
    done = CliRunner().invoke(main, ["data", "next", "model.keras", "pool", "--labelled", "none", "--out", "b"])
    assert (done.exit_code, "no such dataset" in done.output) == (2, True)


def test_one_image_and_an_image_in_which_nothing_is_seen(folder):
    save("pool/a.png", paint((128, 192), {}))
    (pick,) = next_images("model.keras", ["pool"], "out")
    assert (pick.reason, len(pick.found)) == ("nothing seen", 0)
    with pytest.raises(BadInput, match="count: 0 is below 1"):
        next_images("model.keras", ["pool"], "out", count=0)


def empty_pool():
    """Images without objects: in some the detector sees one, and two of those are alike."""
    for seed, width in enumerate((60, 90, 170)):
        save(f"empty/{seed}.png", texture(seed, red=(10, 20, 10 + width, 90)))
    save("empty/copy of 2.jpg", texture(2, red=(10, 20, 180, 90)))
    save("empty/none.png", texture(7))


def test_hard_negatives_are_ranked_by_score_without_copies(folder):
    empty_pool()
    picks = hard_negatives("model.keras", ["empty"], "out")
    scores = [pick.scores["score"] for pick in picks]
    assert scores == sorted(scores, reverse=True)
    assert len(picks) == 3
    assert len({Path(pick.file).stem for pick in picks} & {"2", "copy of 2"}) == 1
    assert picks[0].reason == f"red {scores[0]:.2f}"
    assert len(hard_negatives("model.keras", ["empty"], "out", count=1)) == 1


def test_hard_negatives_train_beside_other_data(folder, monkeypatch):
    empty_pool()
    monkeypatch.setattr(setting_up, "build", small_network.build)
    done = call("hard", "model.keras", "empty", "--name", "hard")
    assert done.exit_code == 0, done.output
    assert "count as images without objects" in done.output
    assert "data.train=[YOURS/train,hard/train]" in done.output
    store = open_store("hard/train")
    assert (store.meta.counts.images, store.meta.counts.objects) == (3, 0)
    assert rows_of("hard/hard.csv")[0].keys() == {"rank", "file", "reason", "score", "shown"}
    encoded = Path("empty/0.png").read_bytes()
    record = Record("a", encoded, 192, 128, make_objects([[10, 20, 70, 90]], [0]))
    write_store("mine", "train", [record], ("red", "ball"))
    short = {"train.steps_per_epoch": 2, "train.epochs": 1, "train.batch": 2, "data.workers": 0}
    settings = {"data.train": ["mine/train", "hard/train"], "network.size": [128, 128], "network.weights": "none"}
    run = train(overrides={**settings, **short, "data.val": [], "network.batch_norm": "trained"}, name="with-hard")
    assert read_schema(run.folder / "last.keras").classes == ("red", "ball")
    assert call("info", "hard").exit_code == call("stats", "hard").exit_code == 0
    export = call("export", "hard", "--format", "coco", "--out", "exported")
    assert "3 images, 0 objects" in export.output


def test_hard_refuses_a_name_before_it_searches_and_nothing_to_write(folder):
    save("empty/none.png", texture(7))
    write_store("taken", "train", [], ("red",))
    done = CliRunner().invoke(main, ["data", "hard", "model.keras", "empty", "--name", "taken"])
    assert (done.exit_code, "--replace" in done.output) == (2, True)
    assert not Path("hard").exists()
    done = CliRunner().invoke(main, ["data", "hard", "model.keras", "empty", "--name", "new"])
    assert (done.exit_code, "sees nothing in any of them" in done.output) == (2, True)
    assert list_datasets() == ["taken"]
    with pytest.raises(BadInput, match="sees nothing"):
        write_negatives("new", [])


def test_the_command_offers_every_format():
    assert PRELABEL_FORMATS == FORMATS
