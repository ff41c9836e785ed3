import contextlib
import io
import json

import numpy as np
import pytest

from multibox.evaluation.coco import ground_truth, map_50_95, save_results


def by_pycocotools(truth, results):
    """COCO's first figure by its authors' own code."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        asked = coco.COCO()
        asked.dataset = ground_truth(truth)
        asked.createIndex()
        judge = cocoeval.COCOeval(asked, asked.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[0]


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_pycocotools_from_the_saved_file(make_random_case, tmp_path, seed):
    truth, found = make_random_case(seed)
    found = found.keep((found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1))
    save_results(tmp_path / "found.json", found, range(1, 13), (1, 2, 3))
    expected = by_pycocotools(truth, str(tmp_path / "found.json"))
    assert 0.05 < expected < 0.95
    assert map_50_95(truth, found) == pytest.approx(expected, abs=1e-9)


def test_perfect(make_truth, make_found):
    truth = make_truth([(0, 0, (0, 0, 50, 50)), (1, 2, (10, 10, 20, 20))])
    assert map_50_95(truth, make_found([(0, 0, 0.9, (0, 0, 50, 50)), (1, 2, 0.8, (10, 10, 20, 20))])) == 1


def test_by_hand(make_truth, make_found):
    # IoU 0.72: a hit at 0.50, 0.55, 0.60, 0.65 and 0.70, five overlaps of ten.
    truth = make_truth([(0, 0, (0, 0, 100, 100))])
    assert map_50_95(truth, make_found([(0, 0, 0.9, (0, 0, 100, 72))])) == pytest.approx(0.5)


def test_difficult_and_crowd_count_neither_way(make_truth, make_found):
    left, right = (0, 0, 50, 50), (100, 0, 150, 50)
    truth = make_truth([(0, 0, left), (0, 0, right, "difficult"), (1, 0, left, "crowd")])
    found = make_found([(0, 0, 0.9, right), (1, 0, 0.9, left), (0, 0, 0.5, left)])
    assert map_50_95(truth, found) == 1


def test_empty(make_truth, make_found):
    box = (0, 0, 50, 50)
    assert map_50_95(make_truth([(0, 0, box)]), make_found([])) == 0
    assert np.isnan(map_50_95(make_truth([]), make_found([(0, 0, 0.5, box)])))
    assert np.isnan(map_50_95(make_truth([], images=0), make_found([])))


def test_saved_results(make_found, tmp_path):
    found = make_found([(1, 0, 0.5, (1, 2, 11, 22))])
    path = tmp_path / "new" / "found.json"
    save_results(path, found, ["x", 17], [90])
    assert json.loads(path.read_text()) == [
        {"image_id": 17, "category_id": 90, "bbox": [1.0, 2.0, 10.0, 20.0], "score": 0.5}
    ]
    assert [child.name for child in path.parent.iterdir()] == ["found.json"]


def test_no_results(make_found, tmp_path):
    save_results(tmp_path / "found.json", make_found([]), [], [])
    assert json.loads((tmp_path / "found.json").read_text()) == []
