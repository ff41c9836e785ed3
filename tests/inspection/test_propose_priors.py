import numpy as np
import pytest

from multibox.config import Config
from multibox.config_file import load_config
from multibox.errors import BadInput
from multibox.inspection.coverage import best_ious
from multibox.inspection.propose_priors import cluster_shapes, proposal_yaml, propose_priors, save_proposal, shape_iou


def test_iou_of_shapes_by_hand():
    a, b = np.array([[4.0, 2.0]]), np.array([[4.0, 2.0], [2.0, 4.0], [8.0, 4.0]])
    np.testing.assert_allclose(shape_iou(a, b), [[1, 4 / 12, 8 / 32]])


def test_clusters_of_three_shapes():
    rng = np.random.default_rng(0)
    centers = np.array([[10.0, 20.0], [60.0, 30.0], [100.0, 200.0]])
    sides = np.concatenate([center * rng.uniform(0.95, 1.05, (100, 2)) for center in centers])
    found = cluster_shapes(rng.permutation(sides), 3)
    np.testing.assert_allclose(found, centers, rtol=0.02)


def test_more_clusters_than_shapes():
    assert cluster_shapes(np.full((2, 2), 7.0), 4).tolist() == [[7.0, 7.0]] * 4


def boxes_of(sides, count=400, seed=0):
    """Boxes of given widths and heights, in parts of the image, anywhere in it."""
    rng = np.random.default_rng(seed)
    sides = np.array(sides)[rng.integers(0, len(sides), count)] * rng.uniform(0.9, 1.1, (count, 2))
    corner = rng.random((count, 2)) * (1 - sides)
    return np.concatenate([corner, corner + sides], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    "sides",
    [[(0.05, 0.05)], [(0.1, 0.5), (0.12, 0.6)], [(0.6, 0.08)], [(0.06, 0.06), (0.3, 0.1), (0.5, 0.9)]],
    ids=["small", "tall", "flat", "mixed"],
)
def test_a_proposal_fits_better_where_the_defaults_do_not(sides):
    config, boxes_rel = Config(), boxes_of(sides)
    proposal = propose_priors(boxes_rel, config)
    proposed = config.model_copy(update={"priors": proposal})
    assert best_ious(boxes_rel, proposed).mean() > best_ious(boxes_rel, config).mean() + 0.03
    assert [len(ratios) for ratios in proposal.ratios] == [len(ratios) for ratios in config.priors.ratios]
    assert list(proposal.sizes) == sorted(set(proposal.sizes))


def test_priors_that_are_cut_off_stay_so():
    config, boxes_rel = load_config(overrides={"priors.clip": True}), boxes_of([(0.1, 0.5)])
    proposed = config.model_copy(update={"priors": propose_priors(boxes_rel, config)})
    assert proposed.priors.clip is True
    assert best_ious(boxes_rel, proposed).mean() > best_ious(boxes_rel, config).mean() + 0.03


def test_one_object_and_equal_ones():
    for boxes_rel in (boxes_of([(0.3, 0.3)], count=1), np.tile(boxes_of([(0.3, 0.3)], count=1), (50, 1))):
        assert len(propose_priors(boxes_rel, Config()).sizes) == 7


@pytest.mark.parametrize("is_file", [False, True])
def test_the_yaml_is_a_configuration(tmp_path, is_file):
    source, overrides = "ssd300-vgg16-voc07", ("network.size=[320,416]", "train.epochs=3")
    if is_file:
        source = tmp_path / "mine.yaml"
        source.write_text("extends: ssd300-vgg16-voc07\ntrain: {batch: 4}\n")
    config = load_config(source, overrides)
    proposal = propose_priors(boxes_of([(0.2, 0.4), (0.05, 0.1)]), config)
    save_proposal(tmp_path / "new" / "priors.yaml", proposal_yaml(proposal, str(source), overrides))
    assert load_config(tmp_path / "new" / "priors.yaml") == config.model_copy(update={"priors": proposal})
    (tmp_path / "new" / "priors.yaml").write_text("corrected by hand")
    with pytest.raises(BadInput, match=r"priors\.yaml: was changed since Multibox wrote it"):
        save_proposal(tmp_path / "new" / "priors.yaml", "")
    assert (tmp_path / "new" / "priors.yaml").read_text() == "corrected by hand"
