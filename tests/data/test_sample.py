import numpy as np
import pytest

from multibox.boxes import intersections
from multibox.data.build import build
from multibox.data.sample import CLASSES, draw_scene, long_tailed, make_sample
from multibox.data.shapes import KINDS, draw_thing
from multibox.data.store import open_store
from multibox.errors import BadInput
from multibox.writing import MARKER


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng([0, number])) for number in range(40)]


def test_scenes_have_one_to_eight_things_of_the_promised_sizes(scenes):
    for image, things in scenes:
        assert image.dtype == np.uint8
        assert max(image.shape[:2]) == 320
        assert 1 <= len(things) <= 8
        for thing in things:
            x0, y0, x1, y1 = thing.box
            assert min(x1 - x0, y1 - y0) >= 0.06 * max(image.shape[:2])
            assert max(x1 - x0, y1 - y0) <= 0.80 * min(image.shape[:2])
            assert 0 <= x0 < x1 <= image.shape[1]
            assert 0 <= y0 < y1 <= image.shape[0]


def test_every_thing_stays_in_view(scenes):
    for _, things in scenes:
        for thing in things:
            assert thing.mask.sum() >= 0.6 * thing.whole


def test_a_fifth_of_the_things_overlap_another(scenes):
    overlapping, count = 0, 0
    for _, things in scenes:
        boxes = np.array([thing.box for thing in things], float)
        overlaps = intersections(boxes, boxes) * (1 - np.eye(len(boxes)))
        overlapping += (overlaps.max(axis=1) > 0).sum()
        count += len(things)
    assert overlapping >= 0.2 * count


def test_flags_say_what_is_hidden(scenes):
    things = [thing for _, things in scenes for thing in things]
    assert 0.05 < np.mean([thing.occluded for thing in things]) < 0.6
    assert 0 < np.mean([thing.truncated for thing in things]) < 0.5
    for thing in things:
        if not thing.occluded and not thing.truncated:
            assert thing.mask.sum() >= 0.95 * thing.whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [24, 150])
def test_a_thing_fills_its_cutout(kind, side):
    thing = draw_thing(kind, side, np.array([200.0, 40, 40]), 0.3, np.random.default_rng(1))
    assert abs(max(thing.alpha.shape) - side) <= 1
    solid = thing.alpha > 0.5
    assert solid[:2].any()
    assert solid[-2:].any()
    assert solid[:, :2].any()
    assert solid[:, -2:].any()
    assert 0.1 < solid.mean() < 0.95


def test_the_same_seed_makes_the_same_files(tmp_path):
    made = [
        make_sample(tmp_path / name, seed=seed, images=12, size=96) for name, seed in [("a", 5), ("b", 5), ("c", 6)]
    ]
    files = [[path for path in sorted(folder.rglob("*.*")) if path.name != MARKER] for folder in made]
    contents = [[path.read_bytes() for path in paths] for paths in files]
    assert contents[0] == contents[1] != contents[2]


def test_the_sample_is_an_ordinary_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    folder = make_sample(tmp_path / "sample", images=20, size=128)
    report = build([folder], "sample", classes=CLASSES)
    assert {split: counts.images for split, counts in report.splits.items()} == {"train": 14, "val": 3, "test": 3}
    assert report.clipped == 0
    assert len(CLASSES) >= 6
    _, things = draw_scene(np.random.default_rng([0, 0]), 128)
    record = open_store("sample/train")[0]
    np.testing.assert_array_equal(record.objects.boxes, [thing.box for thing in things])
    assert [CLASSES[label] for label in record.objects.labels] == [thing.name for thing in things]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(BadInput, match="is not empty, and holds no sample dataset of Multibox"):
        make_sample(tmp_path, images=10)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_long_tail_is_in_the_training_images_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    folder = make_sample(tmp_path / "sample", images=300, size=64, long_tail=100)
    splits = build([folder], "sample", classes=CLASSES).splits
    drawn = np.array(list(splits["train"].per_class.values()))
    np.testing.assert_allclose(drawn / drawn.sum(), long_tailed(100), atol=0.06)
    assert drawn[0] > 30 * max(1, drawn[-1])
    even = np.array(list(splits["val"].per_class.values())) + list(splits["test"].per_class.values())
    assert even.max() < 2.5 * even.min()


def test_shares_of_a_long_tail_fall_by_one_factor_to_a_hundredth():
    shares = long_tailed(100)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[-1] == pytest.approx(100)
    np.testing.assert_allclose(shares[1:] / shares[:-1], 100 ** (-1 / 7))
