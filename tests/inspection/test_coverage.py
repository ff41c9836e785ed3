import numpy as np
import pytest

from multibox.boxes import iou
from multibox.config import Config, Priors
from multibox.config_file import load_config, presets
from multibox.inspection.coverage import best_ious, measure_coverage
from multibox.inspection.coverage_chart import BANDS, coverage_chart
from multibox.models.maps import feature_maps, network_priors


def random_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    sides = np.exp(rng.uniform(np.log(0.01), np.log(1.0), (count, 2)))
    corner = rng.random((count, 2)) * (1 - sides)
    return np.concatenate([corner, corner + sides], axis=1).astype(np.float32)


@pytest.mark.parametrize("name", presets())
@pytest.mark.parametrize("clip", [False, True, "sizes"])
def test_the_best_of_all_priors(name, clip):
    """Looking at one cell of each map gives what comparing with every prior gives."""
    config = load_config(name, {"priors.clip": clip})
    priors_rel = network_priors(config.network, config.priors)
    boxes_rel = random_boxes(60)
    np.testing.assert_allclose(best_ious(boxes_rel, config), iou(boxes_rel, priors_rel).max(axis=1), atol=2e-6)


def test_other_offsets_steps_and_an_oblong_input():
    config = load_config(
        overrides={"network.size": [256, 384], "priors.offset": 0.3, "priors.steps": [8, 16, 32, 64, 100, 200]}
    )
    priors_rel = network_priors(config.network, config.priors)
    boxes_rel = random_boxes(200, seed=1)
    np.testing.assert_allclose(best_ious(boxes_rel, config), iou(boxes_rel, priors_rel).max(axis=1), atol=2e-6)


def test_by_class_and_size():
    """A prior itself is reached wholly; a sliver is not; the sizes are those in the network's input."""
    config = Config()
    priors_rel = network_priors(config.network, config.priors)
    inside = np.flatnonzero(((priors_rel > 0) & (priors_rel < 1)).all(axis=1))
    large = priors_rel[inside[-1]]
    sliver = np.array([0.1, 0.5, 0.9, 0.503], np.float32)  # 256 x 1 pixels
    coverage = measure_coverage(np.stack([large, large, sliver]), np.array([1, 1, 0]), ("a", "b", "none"), config)
    assert coverage.priors == len(priors_rel)
    assert coverage.all.objects == 3
    assert coverage.all.unreached == pytest.approx(1 / 3, abs=1e-4)
    assert coverage.classes["b"]["large"] == coverage.classes["b"]["all"]
    assert coverage.classes["b"]["all"].mean == pytest.approx(1, abs=1e-4)
    assert coverage.classes["a"]["small"].unreached == 1
    assert coverage.classes["a"]["large"].objects == 0
    assert coverage.classes["none"]["all"].objects == 0


def test_no_objects():
    none = np.empty((0, 4), np.float32)
    assert best_ious(none, Config()).shape == (0,)
    assert best_ious(none, Config(priors=Priors(clip=True))).shape == (0,)
    assert measure_coverage(none, np.empty(0, np.int64), ("a",), Config()).all.objects == 0
    assert coverage_chart(none, Config(), "nothing").summary.startswith("best IoU from 0.7: 0 points")


def test_the_chart_sorts_objects_by_their_best_iou():
    """A prior-like object, a sliver that no prior reaches, and the shapes of the priors of each map."""
    config = Config()
    sliver, good = [0.1, 0.5, 0.9, 0.51], [0.2, 0.2, 0.5, 0.5]
    chart = coverage_chart(np.array([sliver, good, good], np.float32), config, "title")
    best = best_ious(np.array([good], np.float32), config)[0]
    counts = {points.name: len(points.x) for points in chart.series}
    assert counts["no prior reaches IoU 0.5"] == 1
    assert [counts[name] for name, low, high, _ in BANDS if low <= best < high] == [2]
    crosses = [points for points in chart.series if points.mark == "cross"]
    assert [points.name for points in crosses] == [f"priors of {fmap.name}" for fmap in feature_maps(config.network)]
    assert (crosses[0].x[0], crosses[0].y[0]) == pytest.approx([config.priors.sizes[0] * 320 / config.priors.at] * 2)
    assert "#d7303c" in chart.html()
