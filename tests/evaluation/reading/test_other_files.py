"""Files that are no list of detections get one line that says what they are and what to do."""

import bz2
import gzip
import json
import lzma
import zipfile

import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.evaluation.candidates import open_candidate
from multibox.evaluation.reading.result_rows import read_rows

ROW = {"image_id": 17, "category_id": 90, "bbox": [1.0, 2.0, 10.0, 20.0], "score": 0.5}
OBJECT = {"id": 1, "image_id": 17, "category_id": 90, "bbox": [1, 2, 10, 20], "area": 200, "iscrowd": 0}
TRUTH = {"images": [{"id": 17}], "annotations": [OBJECT], "categories": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; a file without detections holds"),
        (b" \n", "is empty"),
        (b"{", "is not complete JSON"),
        (b"[" * 100_000, "is not complete JSON"),
        (json.dumps([ROW, ROW]).encode()[:-20], "is not complete JSON"),
        (gzip.compress(b"[]", mtime=0), "is compressed with gzip; unpack it"),
        (bz2.compress(b"[]"), "is compressed with bzip2"),
        (lzma.compress(b"[]"), "is compressed with xz"),
        (json.dumps(ROW).encode() + b"\n" + json.dumps(ROW).encode(), "one JSON object in each line; join the lines"),
        (json.dumps([ROW]).encode() + b"\n" + json.dumps([ROW]).encode(), "several JSON lists.*join them"),
        (b"image_id,category_id,x,y,w,h,score\n1,2,3,4,5,6,0.7\n", "is CSV; convert its rows"),
        (b"{}", "is not a list; give detections in COCO's results format"),
        (b"3", "is not a list"),
        (b"null", "is not a list"),
        (json.dumps(TRUTH).encode(), "holds the annotations of a dataset, which have no scores"),
        (json.dumps({**TRUTH, "annotations": [ROW]}).encode(), "under 'annotations', so save that list"),
        (json.dumps({"info": 1, "predictions": [ROW]}).encode(), "its detections are under 'predictions'"),
        (json.dumps([OBJECT]).encode(), "detection 0 has no score; these look like the annotations of a dataset"),
        (b'[{"image_id": 4}]', "detection 0 has no category_id, bbox, score .it has image_id."),
        (b'[{"a": 1}, {"b": 1}]', "detection 0 has no image_id, category_id, bbox, score .it has a."),
        (b"[[1, 2, 3, 4, 0.5]]", "detection 0 is list, not an object"),
        (b'[{"file": "a.jpg", "width": 3, "height": 4, "detections": []}]', "is a list of images with"),
    ],
)  # fmt: skip
def test_one_line_for_each(tmp_path, content, message):
    path = tmp_path / "found.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"found\.json: .*{message}") as raised:
        read_rows(path)
    assert "\n" not in str(raised.value)


def test_a_zip_and_no_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "found.json", "w") as packed:
        packed.writestr("found.json", "[]")
    with pytest.raises(BadInput, match="is compressed with zip"):
        read_rows(tmp_path / "found.json")
    with pytest.raises(BadInput, match=r"none\.json: cannot be read"):
        read_rows(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("found.csv", "is neither a model nor a .json file; convert its detections"),
        ("found.jsonl", "is neither a model nor a .json file"),
        ("results.pkl", "is neither a model nor a .json file"),
        ("found.json.gz", "is compressed; unpack it, and give the .json file"),
        ("found.csv.zip", "is compressed; unpack it"),
    ],
)
def test_a_name_that_no_model_has(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"1,2")
    with pytest.raises(BadInput, match=message):
        open_candidate(tmp_path / name)


def test_rows_of_all_kinds_become_columns(tmp_path):
    """Numbers as text, whole numbers as floats, and rows that lack something or have too much."""
    rows = [
        ROW,
        {**ROW, "image_id": 17.0, "bbox": ["1", "2", "3.5", "4"], "score": "0.25"},
        {"category_id": 3, "bbox": [1, 2, 3], "score": None},
        {**ROW, "bbox": [1, 2, 3, float("nan")], "score": float("inf")},
        {**ROW, "bbox": [[1, 2], [3, 4]], "score": [0.5, 0.5]},
        {**ROW, "bbox": {"x": 1}, "score": 10**400},
        5,
    ]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    columns = read_rows(tmp_path / "found.json")
    assert columns.images.distinct == ("17",)
    assert columns.images.codes.tolist() == [0, 0, -1, 0, 0, 0, -1]
    assert columns.categories.distinct == ("90", "3")
    assert columns.boxes[:2].tolist() == [[1, 2, 10, 20], [1, 2, 3.5, 4]]
    assert columns.scores[:2].tolist() == [0.5, 0.25]
    assert np.isnan(columns.boxes[2:]).all()
    assert np.isnan(columns.scores[2:]).all()
