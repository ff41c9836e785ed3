"""Peers' networks on VGG16 against what is made of their files: the same outputs for the same images."""

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from importers import peer_priors  # noqa: E402
from importers.caffe_writer import caffemodel  # noqa: E402
from importers.outputs import assert_same_outputs, images, torchvision_outputs  # noqa: E402, torchvision_outputs
from importers.torch_ssd import TorchSSD, normalised  # noqa: E402
from in_torch import activations_in_torch  # noqa: E402
from multibox.importers.class_lists import COCO_COLUMNS  # noqa: E402
from multibox.importers.import_model import import_model  # noqa: E402

pytestmark = pytest.mark.slow
LONG = pytest.mark.long
"""What differs from the case before it in size alone."""

MEAN = (123, 117, 104)


def vgg_places(prefix):
    """PyTorch numbers convolutions, ReLUs and pools one after the other."""
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    names = [f"conv{stage}_{i + 1}" for stage, depth in enumerate((2, 2, 3, 3, 3), 1) for i in range(depth)]
    return dict(zip([*names, "fc6", "fc7"], [f"{prefix}{place}" for place in [*places, 31, 33]], strict=True))


def renamed(network, norm, vgg, extras, conf, loc):
    """The network's state dict under a port's names."""
    modules = vgg_places(vgg)
    others = [name for name in network.convs if name not in modules]
    modules |= {name: f"{extras}{i}" for i, name in enumerate(others)}
    state = {norm: network.scale.detach()}
    for ours, theirs in modules.items():
        state |= {f"{theirs}.{key}": value for key, value in network.convs[ours].state_dict().items()}
    for heads, prefix in ((network.conf, conf), (network.loc, loc)):
        state |= {f"{prefix}{key}": value for key, value in heads.state_dict().items()}
    return state


def save_h5(path, layers, root=""):
    """Arrays as Keras 2 lays them out: a group a layer, and in it the names that TensorFlow gave."""
    with h5py.File(path, "w") as file:
        for layer, arrays in layers.items():
            for name, array in arrays.items():
                file[f"{root}{layer}/{layer}/{name}:0"] = array
        if root:
            file.attrs["model_config"] = '{"class_name": "Lambda", "config": {"function": "exit()"}}'
            file["optimizer_weights/iterations:0"] = np.array(5)


def as_keras(arrays):
    """Kernels (y, x, in, out) and biases by the names of Keras."""
    kernel, bias = arrays
    return {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}


@pytest.mark.parametrize(
    ("size", "columns", "sizes"),
    [
        (300, 21, peer_priors.VOC),
        pytest.param(300, 81, peer_priors.COCO, marks=LONG),
        pytest.param(512, 21, peer_priors.VOC_512, marks=LONG),
    ],
)
def test_caffe(tmp_path, size, columns, sizes):
    peer, pixels = TorchSSD(size, columns), images((size, size), 2 if size == 300 else 1)
    (tmp_path / "peer.caffemodel").write_bytes(caffemodel(peer.arrays()))
    done = import_model(tmp_path / "peer.caffemodel", "caffe", tmp_path / "model.keras")
    assert (len(done.loaded), done.left_out, done.fresh, done.permuted) == (36 + 4 * (size == 512), (), (), ())
    logits, deltas = peer.outputs(normalised(pixels, MEAN, bgr=True))
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, peer_priors.caffe(size, sizes))


@pytest.mark.parametrize(("columns", "sizes"), [(21, peer_priors.VOC), pytest.param(81, peer_priors.COCO, marks=LONG)])
def test_amdegroot(tmp_path, columns, sizes):
    peer, pixels = TorchSSD(300, columns), images((300, 300))
    torch.save(renamed(peer, "L2Norm.weight", "vgg.", "extras.", "conf.", "loc."), tmp_path / "ssd300.pth")
    import_model(tmp_path / "ssd300.pth", "amdegroot", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN))
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, peer_priors.centers_clipped(300, sizes))


def test_amdegroot_of_two_devices_in_the_older_format(tmp_path):
    peer, pixels = TorchSSD(), images((300, 300), 1)
    state = renamed(peer, "L2Norm.weight", "vgg.", "extras.", "conf.", "loc.")
    state = {f"module.{name}": value for name, value in state.items()}
    torch.save(state, tmp_path / "ssd300.pth", _use_new_zipfile_serialization=False)
    import_model(tmp_path / "ssd300.pth", "amdegroot", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN))
    priors = peer_priors.centers_clipped(300, peer_priors.VOC)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


@pytest.mark.parametrize(
    ("size", "columns", "sizes"), [(300, 21, peer_priors.VOC), pytest.param(512, 21, peer_priors.VOC_512, marks=LONG)]
)
def test_lufficc(tmp_path, size, columns, sizes):
    peer, pixels = TorchSSD(size, columns), images((size, size), 2 if size == 300 else 1)
    predictor = "box_head.predictor."
    state = renamed(
        *(peer, "backbone.l2_norm.weight", "backbone.vgg.", "backbone.extras."),
        *(f"{predictor}cls_headers.", f"{predictor}reg_headers."),
    )
    optimizer = torch.optim.SGD(peer.parameters(), 1e-3, momentum=0.9)
    checkpoint = {"model": state, "optimizer": optimizer.state_dict(), "iteration": 120000}
    torch.save(checkpoint, tmp_path / "vgg_ssd.pth")
    import_model(tmp_path / "vgg_ssd.pth", "lufficc", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN))
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, peer_priors.centers_clipped(size, sizes))


def test_qfgaohao(tmp_path):
    peer, pixels = TorchSSD(), images((300, 300), 1)
    heads = "classification_headers.", "regression_headers."
    state = renamed(peer, "source_layer_add_ons.0.scale", "base_net.", "extras.", *heads)
    for i in range(8):  # its extra layers lie in pairs, with ReLUs between
        for key in ("weight", "bias"):
            state[f"pairs.{i // 2}.{i % 2 * 2}.{key}"] = state.pop(f"extras.{i}.{key}")
    torch.save({name.replace("pairs.", "extras."): value for name, value in state.items()}, tmp_path / "vgg16-ssd.pth")
    import_model(tmp_path / "vgg16-ssd.pth", "qfgaohao", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN))
    priors = peer_priors.centers_clipped(300, peer_priors.VOC)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


@pytest.mark.parametrize(
    ("size", "columns", "sizes"),
    [
        (300, 21, [0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05]),
        (512, 21, [0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05]),
    ],
)
def test_ssd_keras(tmp_path, size, columns, sizes):
    peer, pixels = TorchSSD(size, columns), images((size, size), 2 if size == 300 else 1)
    arrays = peer.arrays()
    layers = {name: as_keras(values) for name, values in arrays.items() if name != "conv4_3_norm"}
    layers["conv4_3_norm"] = {"conv4_3_norm_gamma": arrays["conv4_3_norm"][0]}
    save_h5(tmp_path / "peer.h5", layers, root="model_weights/" if size == 512 else "")
    import_model(tmp_path / "peer.h5", "ssd-keras", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN, bgr=True))
    priors = peer_priors.exact(size, [side * size for side in sizes])
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


def seed_layers(peer):
    arrays = peer.arrays()
    layers = {name.replace("_conf", "_logit"): as_keras(v) for name, v in arrays.items() if name != "conv4_3_norm"}
    return layers | {"conv4_3_norm": {"scale": arrays["conv4_3_norm"][0]}}


def test_the_five_scripts_vgg16(tmp_path):
    peer, pixels = TorchSSD(same=True), images((300, 300))
    save_h5(tmp_path / "final.h5", seed_layers(peer))
    import_model(tmp_path / "final.h5", "five-scripts", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, (123.68, 116.779, 103.939), bgr=True))
    priors = peer_priors.five_scripts(300, peer_priors.VOC)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


def test_the_five_scripts_copy_of_caffe(tmp_path):
    peer, pixels = TorchSSD(), images((300, 300), 1)
    save_h5(tmp_path / "weights_from_caffe.h5", seed_layers(peer))
    import_model(tmp_path / "weights_from_caffe.h5", "five-scripts-pretrained", tmp_path / "model.keras")
    logits, deltas = peer.outputs(normalised(pixels, MEAN, bgr=True))
    priors = peer_priors.caffe(300, peer_priors.VOC)
    assert_same_outputs(tmp_path / "model.keras", pixels, logits, deltas, priors)


@pytest.mark.parametrize("columns", [21, 91])
def test_torchvision(tmp_path, torchvision_detection, columns):
    torch.manual_seed(columns)
    peer = torchvision_detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=columns).eval()
    for module in peer.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
            torch.nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        peer.backbone.features[0].weight *= 0.01
        peer.backbone.scale_weight.uniform_(5, 30)
    torch.save(peer.state_dict(), tmp_path / "ssd300_vgg16_coco.pth")
    done = import_model(tmp_path / "ssd300_vgg16_coco.pth", "torchvision", tmp_path / "model.keras")
    assert len(done.schema.classes) == min(columns - 1, 80)
    pixels = images((300, 300))
    assert_same_outputs(
        tmp_path / "model.keras", pixels, *torchvision_outputs(peer, pixels), COCO_COLUMNS if columns == 91 else None
    )


@pytest.mark.parametrize("kind", ["amdegroot", "caffe"])
def test_a_trunk_alone(tmp_path, kind):
    """The activations of fc7 are those of the peer's trunk; everything after it is fresh."""
    import keras

    from multibox.models.file import load_model

    peer, pixels = TorchSSD(), images((300, 300), 1)
    path = tmp_path / "trunk"
    if kind == "amdegroot":
        places = vgg_places("")
        state = {f"{places[n]}.{key}": v for n in places for key, v in peer.convs[n].state_dict().items()}
        torch.save(state, path)
    else:
        arrays = {name: values for name, values in peer.arrays().items() if name in vgg_places("")}
        path.write_bytes(caffemodel(arrays | {"fc8": [np.zeros((10, 1024, 1, 1)), np.zeros(10)]}))
    done = import_model(path, kind, tmp_path / "model.keras")
    assert (len(done.loaded), done.schema.classes) == (15, ("object",))
    assert done.left_out == (("fc8/0", "fc8/1") if kind == "caffe" else ())
    seen = []
    peer.convs["fc7"].register_forward_hook(lambda _, __, output: seen.append(output.relu()))
    peer(normalised(pixels, MEAN, bgr=kind == "caffe"))
    network, _ = load_model(tmp_path / "model.keras")
    fc7 = keras.Model(network.input, network.get_layer("fc7").output)(pixels)
    for found in (keras.ops.convert_to_numpy(fc7), activations_in_torch(network, "fc7", pixels)):
        np.testing.assert_allclose(found[0], seen[0][0].permute(1, 2, 0).detach(), atol=1e-4)
