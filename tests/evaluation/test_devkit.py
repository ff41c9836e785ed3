import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.evaluation.devkit import as_written, save_devkit
from multibox.evaluation.voc import voc
from multibox.writing import MARKER


def test_files_count_pixels_from_one(make_truth, make_found, tmp_path):
    truth = make_truth([(0, 0, (0, 0, 9, 9))], images=2, classes=("cat", "dog"))
    found = make_found([(1, 0, 0.25, (0, 0, 10, 20)), (0, 0, 0.75, (4, 5, 6, 7))])
    save_devkit(tmp_path / "results", truth, found)
    files = {path.name: path.read_text().splitlines() for path in (tmp_path / "results").glob("*.txt")}
    assert files == {
        "comp4_det_test_cat.txt": [
            "0000 0.750000 5.000000 6.000000 6.000000 7.000000",
            "0001 0.250000 1.000000 1.000000 10.000000 20.000000",
        ],
        "comp4_det_test_dog.txt": [],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_folder_is_replaced(make_truth, make_found, tmp_path):
    save_devkit(tmp_path / "results", make_truth([], classes=("cat",)), make_found([]))
    save_devkit(tmp_path / "results", make_truth([], classes=("dog",)), make_found([]), "val")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [MARKER, "comp4_det_val_dog.txt"]


def test_a_folder_of_version_0_1_0_is_replaced(make_truth, make_found, tmp_path):
    """It had no marker and is known by the names in it."""
    save_devkit(tmp_path / "results", make_truth([], classes=("cat",)), make_found([]))
    (tmp_path / "results" / MARKER).unlink()
    save_devkit(tmp_path / "results", make_truth([], classes=("dog",)), make_found([]))
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [MARKER, "comp4_det_test_dog.txt"]


def test_a_folder_that_was_changed_is_not_replaced(make_truth, make_found, tmp_path):
    save_devkit(tmp_path / "results", make_truth([], classes=("cat",)), make_found([]))
    (tmp_path / "results" / "comp4_det_test_cat.txt").write_text("corrected by hand")
    with pytest.raises(BadInput, match="results: was changed since Multibox wrote it"):
        save_devkit(tmp_path / "results", make_truth([], classes=("cat",)), make_found([]))
    assert (tmp_path / "results" / "comp4_det_test_cat.txt").read_text() == "corrected by hand"


def test_judged_as_the_files_say(make_random_case, tmp_path):
    truth, found = make_random_case(5)
    rng = np.random.default_rng(0)
    found = type(found)(found.images, found.labels, rng.random(len(found)), found.boxes + rng.random((len(found), 4)))
    save_devkit(tmp_path / "results", truth, found)
    rows = []
    for label, name in enumerate(truth.classes):
        for line in (tmp_path / "results" / f"comp4_det_test_{name}.txt").read_text().splitlines():
            image, score, *corners = line.split()
            x0, y0, x1, y1 = map(float, corners)
            rows.append((truth.image_ids.index(image), label, float(score), (x0 - 1, y0 - 1, x1, y1)))
    images, labels, scores, boxes = (np.array(column) for column in zip(*rows, strict=True))
    np.testing.assert_array_equal(
        voc(truth, type(found)(images, labels, scores, boxes)).ap, voc(truth, as_written(found)).ap
    )


def test_rounding_makes_ties(make_found):
    written = as_written(make_found([(0, 0, 0.5, (0, 0, 1, 1)), (0, 0, 0.50000012, (0, 0, 1, 1))]))
    assert written.scores[0] == written.scores[1]
    assert as_written(make_found([])).boxes.shape == (0, 4)


def test_a_folder_with_other_things_is_left_alone(make_truth, make_found, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "comp4_det_test_cat.txt").write_text("")
    with pytest.raises(BadInput, match="results: is not empty, and holds no devkit folder of Multibox"):
        save_devkit(folder, make_truth([], classes=("cat",)), make_found([]))
    assert sorted(path.name for path in folder.iterdir()) == ["comp4_det_test_cat.txt", "notes.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_file_or_a_link_is_not_replaced(make_truth, make_found, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    with pytest.raises(BadInput, match="file: is not a folder"):
        save_devkit(tmp_path / "file", make_truth([], classes=("cat",)), make_found([]))
    save_devkit(tmp_path / "link", make_truth([], classes=("cat",)), make_found([]))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "comp4_det_test_cat.txt").is_file()
