import json

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.evaluation.coco_results import read_results, save_results
from multibox.writing import MARKER

ROW = {"image_id": 17, "category_id": 90, "bbox": [1.0, 2.0, 10.0, 20.0], "score": 0.5}


def test_saved_results(make_found, tmp_path):
    found = make_found([(1, 0, 0.5, (1, 2, 11, 22))])
    path = tmp_path / "new" / "found.json"
    save_results(path, found, ["x", 17], [90])
    assert json.loads(path.read_text()) == [ROW]
    save_results(path, found, ["x", 17], [90])  # what Multibox wrote, it replaces
    assert sorted(child.name for child in path.parent.iterdir()) == [MARKER, "found.json"]


def test_a_file_of_somebody_else_is_not_replaced(make_found, tmp_path):
    (tmp_path / "found.json").write_text("mine")
    with pytest.raises(BadInput, match=r"found\.json: exists, and Multibox did not write it"):
        save_results(tmp_path / "found.json", make_found([]), [], [])
    assert (tmp_path / "found.json").read_text() == "mine"
    save_results(tmp_path / "found.json", make_found([]), [], [], replace=True)
    assert (tmp_path / "found.json").read_text() == "[]"


def test_no_results(make_found, tmp_path):
    save_results(tmp_path / "found.json", make_found([]), [], [])
    assert json.loads((tmp_path / "found.json").read_text()) == []
    assert len(read_results(tmp_path / "found.json", ["x"], [1])) == 0


def test_there_and_back(make_random_case, tmp_path):
    _, found = make_random_case(0)
    found = found.keep(np.argsort(found.images, kind="stable"))
    ids = [f"{i:03d}" for i in range(12)]
    save_results(tmp_path / "found.json", found, ids, [5, 7, 1])
    back = read_results(tmp_path / "found.json", ids, [5, 7, 1])
    for name in ("images", "labels", "boxes", "scores"):
        np.testing.assert_allclose(getattr(back, name), getattr(found, name), atol=1e-3)


def test_rows_of_another_tool(tmp_path):
    """Out of order, of a class that is not judged, with numbers as text, with a score of 1 but for rounding."""
    rows = [{**ROW, "image_id": "17", "category_id": "90"}, {**ROW, "category_id": 3}]
    rows += [{**ROW, "image_id": 4, "score": 1.0000001}]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    found = read_results(tmp_path / "found.json", [4, 17], [90])
    assert found.images.tolist() == [0, 1]
    assert found.scores.tolist() == [1, 0.5]
    assert found.boxes[0].tolist() == [1, 2, 11, 22]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list"),
        ('[{"image_id": 4}]', "detection 0 has no category_id, bbox, score"),
        (json.dumps([{**ROW, "image_id": 5}]), "image_id 5: no such image in the data; ids look like 4"),
        (json.dumps([{**ROW, "bbox": [1, 2, 3]}]), "each bbox must be four numbers"),
        (json.dumps([{**ROW, "score": None}]), "each bbox must be four numbers.*each score one"),
        (json.dumps([ROW, {**ROW, "score": 87.5}]), "detection 1 has score 87.5; scale scores to 0..1"),
        (json.dumps([{**ROW, "score": -1}]), "detection 0 has score -1"),
        (json.dumps([{**ROW, "category_id": 3}]), "category_id 3: no such class in the data; its numbers are 90"),
        (json.dumps([{**ROW, "category_id": [90]}]), "category_id .*no such class in the data"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "found.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=f"found.json: .*{message}"):
        read_results(path, [4, 17], [90])
    with pytest.raises(BadInput, match=r"none\.json: cannot be read"):
        read_results(tmp_path / "none.json", [], [])
