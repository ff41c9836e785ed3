import json

import pytest

from multibox.errors import BadInput
from multibox.evaluation.coco_results import save_results
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
