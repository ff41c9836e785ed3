"""The command, its refusals, and what it writes; the numbers are held against peers in ``test_peers_*``."""

import pickle
import re
import zipfile

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from importers import peer_priors
from importers.caffe_writer import caffemodel, field, number, varint
from multibox.cli import main
from multibox.detect.load import load
from multibox.importers import KINDS
from multibox.importers.caffe_file import read_caffemodel
from multibox.importers.import_model import PEERS
from multibox.importers.peer import Misfit
from multibox.models.file import MODEL, read_schema
from multibox.models.maps import network_priors
from multibox.writing import check_file

CONVS = [
    *[("conv1_1", 3, 64, 3), ("conv1_2", 64, 64, 3), ("conv2_1", 64, 128, 3), ("conv2_2", 128, 128, 3)],
    *[("conv3_1", 128, 256, 3), ("conv3_2", 256, 256, 3), ("conv3_3", 256, 256, 3), ("conv4_1", 256, 512, 3)],
    *[("conv4_2", 512, 512, 3), ("conv4_3", 512, 512, 3), ("conv5_1", 512, 512, 3), ("conv5_2", 512, 512, 3)],
    *[("conv5_3", 512, 512, 3), ("fc6", 512, 1024, 3), ("fc7", 1024, 1024, 1), ("conv6_1", 1024, 256, 1)],
    *[("conv6_2", 256, 512, 3), ("conv7_1", 512, 128, 1), ("conv7_2", 128, 256, 3), ("conv8_1", 256, 128, 1)],
    *[("conv8_2", 128, 256, 3), ("conv9_1", 256, 128, 1), ("conv9_2", 128, 256, 3)],
]
MAPS = {"conv4_3_norm": (512, 4), "fc7": (1024, 6), "conv6_2": (512, 6), "conv7_2": (256, 6)}
MAPS |= {"conv8_2": (256, 4), "conv9_2": (256, 4)}


def layers(columns):
    heads = [(f"{name}_mbox_conf", width, count * columns, 3) for name, (width, count) in MAPS.items()]
    return CONVS + heads + [(f"{name}_mbox_loc", width, count * 4, 3) for name, (width, count) in MAPS.items()]


def write_ssd_keras(path, columns=4, without="", odd=""):
    """An SSD300 of pierluigiferrari/ssd_keras, of zeros, which HDF5 need not write."""
    with h5py.File(path, "w") as file:
        for name, inputs, outputs, side in layers(columns):
            if name != without:
                shape = (side, side, inputs + (name == odd), outputs)
                file.create_dataset(f"{name}/{name}/kernel:0", shape, "f4", compression="gzip")
                file[f"{name}/{name}/bias:0"] = np.zeros(outputs, "f4")
        file["conv4_3_norm/conv4_3_norm_gamma:0"] = np.full(512, 20, "f4")


def run(*arguments):
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_knows_every_peer():
    assert tuple(PEERS) == KINDS


def test_a_model_is_written_and_told_of(folder):
    write_ssd_keras("peer.h5")
    arguments = ["peer.h5", "--from", "ssd-keras", "--out", "model.keras", "--classes", "cat, dog,bird"]
    told = "pierluigiferrari/ssd_keras: ssd300 on vgg16, 3 classes\nloaded: 36 layers\n"
    guess = (
        "note: the file does not contain its priors; if the model was trained with other priors than these, set them: "
        "priors.sizes=[30,60,111,162,213,264,315]\n"
    )
    assert run(*arguments).output == f"{told}{guess}model: model.keras\n"
    done = run(*arguments, "priors.sizes=[24,48,96,144,192,240,288]", "detect.show=0.3")
    assert done.output == f"{told}model: model.keras\n"
    schema = read_schema("model.keras")
    assert schema.classes == ("cat", "dog", "bird")
    assert schema.priors.sizes[0] == 24
    assert schema.network.mean == (123, 117, 104)
    assert schema.detect.show == 0.3
    assert sorted(file.name for file in folder.iterdir()) == ["model.keras", "peer.h5"]
    check_file("model.keras", MODEL)  # another import may replace it
    assert len(load("model.keras")(np.zeros((90, 120, 3), np.uint8), score=0.0)) > 0


def refused(done, message):
    assert done.exit_code == 2
    assert message in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"without": "conv3_2"}, "peer.h5: not pierluigiferrari/ssd_keras: the file has no conv3_2/kernel"),
        ({"without": "fc7_mbox_loc"}, "peer.h5: not pierluigiferrari/ssd_keras: the file has no fc7_mbox_loc/kernel"),
        (
            {"odd": "conv2_1"},
            "peer.h5: not pierluigiferrari/ssd_keras: its conv2_1/kernel has the shape (3, 3, 65, 128) and (128,), "
            "which does not fit the layer conv2_1",
        ),
    ],
)
def test_the_first_layer_that_does_not_fit_is_named(folder, change, message):
    write_ssd_keras("peer.h5", columns=21, **change)
    refused(run("peer.h5", "--from", "ssd-keras", "--out", "model.keras"), message)
    assert [file.name for file in folder.iterdir()] == ["peer.h5"]


def test_another_kind_is_refused_with_advice(folder):
    write_ssd_keras("peer.h5", columns=21)
    done = run("peer.h5", "--from", "five-scripts", "--out", "model.keras")
    refused(
        done,
        "not the five-script SSD300 (final.h5): the file has no conv4_3_norm/scale; "
        "the file looks like --from ssd-keras",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--classes: the file has 3 classes, unlike VOC and COCO; give their names"),
        (["--classes", "cat,dog"], "--classes: 2 names, but the file has 3 classes"),
        (
            ["--classes", "a,b,c", "train.lr=3"],
            "train: cannot be set in an import; only fields of network, priors and detect can",
        ),
        (["--classes", "a,b,c", "priors.size=3"], "FIELD=VALUE: priors.size: no such field; did you mean priors.sizes"),
        (["--classes", "a,b,c", "priors.sizes=[3]"], "priors.sizes: needs 7 sizes for 6 feature maps, but has 1"),
        (
            ["--classes", "a,b,c", "network.trunk=resnet50", "network.batch_norm=trained"],
            "its conv1_1/kernel: ssd300_resnet50 has no layer conv1_1",
        ),
    ],
)
def test_what_was_given_with_it_is_checked(folder, arguments, message):
    write_ssd_keras("peer.h5")
    refused(run("peer.h5", "--from", "ssd-keras", "--out", "model.keras", *arguments), message)
    assert not (folder / "model.keras").exists()


@pytest.mark.parametrize("name", ["backbone.features.4.conv.5.fc.0", "backbone._blocks.0._se_reduce"])
def test_lufficcs_networks_with_squeeze_and_excitation_are_refused_by_that_layer(name):
    tensors = {"backbone.features.0.0.weight": np.zeros(1), f"{name}.weight": np.zeros(1)}
    with pytest.raises(Misfit, match=f"its {name} is a squeeze-and-excitation, which multiplies a map by one cell"):
        PEERS["lufficc"].plan(tensors, ())


def test_numbers_that_are_not_finite_are_refused_by_their_tensor(folder):
    write_ssd_keras("peer.h5", columns=21)
    with h5py.File("peer.h5", "r+") as file:
        file["conv2_1/conv2_1/bias:0"][5] = np.nan
    refused(
        run("peer.h5", "--from", "ssd-keras", "--out", "model.keras"),
        "peer.h5: cannot be imported: its conv2_1/bias has numbers that are not finite",
    )


def test_a_file_that_is_no_model_is_not_replaced(folder):
    (folder / "model.keras").write_text("mine")
    refused(run("peer.h5", "--from", "ssd-keras", "--out", "model.keras"), "model.keras: exists, and Multibox did not")
    assert (folder / "model.keras").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "message"), [("model.h5", "give a file that ends in .keras"), ("no/model.keras", "there is no folder no")]
)
def test_a_place_that_cannot_be_written_is_refused_first(folder, out, message):
    refused(run("peer.h5", "--from", "ssd-keras", "--out", out), message)


class Evil:
    def __reduce__(self):
        return exec, ("open('ran', 'w')",)


def hostile(kind):
    """Files of every format, none of which is a peer's, by name."""
    with zipfile.ZipFile("evil.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"vgg.0.weight": Evil()}, 2))
    with zipfile.ZipFile("evil.keras", "w") as archive:
        config = '{"class_name": "Lambda", "module": "os", "config": {"function": "system"}}'
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", b"")
    with h5py.File("other.h5", "w") as file:
        file["conv1_1/kernel:0"] = np.zeros((3, 3, 3, 64))
        file.attrs["model_config"] = '{"class_name": "Lambda"}'
    with h5py.File("links.h5", "w") as file:
        file["conv1_1/kernel:0"] = h5py.ExternalLink("other.h5", "/conv1_1/kernel:0")
    with open("other.caffemodel", "wb") as file:
        file.write(caffemodel({"conv1": [np.zeros((96, 3, 11, 11))]}))
    whole = caffemodel({"conv1_1": [np.zeros((64, 3, 3, 3)), np.zeros(64)]})
    for name, data in {
        "empty": b"",
        "text": b"hello",
        "cut.caffemodel": whole[:-3],
        "pickle": pickle.dumps(Evil()),
    }.items():
        with open(name, "wb") as file:
            file.write(data)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_are_refused_in_one_line_and_nothing_is_run_or_written(folder, kind):
    hostile(kind)
    before = sorted(file.name for file in folder.iterdir())
    for name in before:
        done = run(name, "--from", kind, "--out", "model.keras")
        assert (done.exit_code, done.output.count("\n")) == (2, 1), (name, done.output, done.exception)
        assert re.match(f"multibox: {name}: (is a text file, )?not ", done.output)
    refused(run("none", "--from", kind, "--out", "model.keras"), "none: ")
    assert sorted(file.name for file in folder.iterdir()) == before


def names_only(kind, layout, columns):
    """Tensors with the peer's names, of which only the heads' biases have their size."""
    per_cell = [2 + 2 * len(ratios) for ratios in peer_priors.RATIOS[300 if layout == "ssd300" else 512]]
    from multibox.importers import caffe, five_scripts, keras_vgg, torch_vgg, vgg_ssd

    names = {
        "caffe": caffe.names,
        "amdegroot": torch_vgg._AMDEGROOT.names,
        "lufficc": torch_vgg._LUFFICC.names,
        "torchvision": torch_vgg._TORCHVISION.names,
        "ssd-keras": keras_vgg._names,
        "five-scripts": five_scripts._vgg_names,
    }[kind]
    found = {}
    for layer in (*vgg_ssd.TRUNK, vgg_ssd.NORM, *vgg_ssd.EXTRAS[layout]):
        found |= {name: np.zeros(1) for name in names(layer)}
    for fmap, count in zip(vgg_ssd.MAPS[layout], per_cell, strict=True):
        found |= {name: np.zeros(count * columns) for name in names(f"{fmap}_classes")}
        found |= {name: np.zeros(count * 4) for name in names(f"{fmap}_boxes")}
    return found


@pytest.mark.parametrize(
    ("kind", "size", "columns", "expected"),
    [
        ("caffe", 300, 21, peer_priors.caffe(300, peer_priors.VOC)),
        ("caffe", 300, 81, peer_priors.caffe(300, peer_priors.COCO)),
        ("caffe", 512, 21, peer_priors.caffe(512, peer_priors.VOC_512)),
        ("caffe", 512, 81, peer_priors.caffe(512, peer_priors.COCO_512)),
        ("amdegroot", 300, 21, peer_priors.centers_clipped(300, peer_priors.VOC)),
        ("lufficc", 300, 81, peer_priors.centers_clipped(300, peer_priors.COCO)),
        ("lufficc", 512, 21, peer_priors.centers_clipped(512, peer_priors.VOC_512)),
        ("lufficc", 512, 81, peer_priors.centers_clipped(512, peer_priors.COCO_512)),
        ("torchvision", 300, 91, peer_priors.sizes_clipped(300, peer_priors.COCO)),
        ("ssd-keras", 300, 81, peer_priors.exact(300, peer_priors.COCO)),
        ("ssd-keras", 512, 81, peer_priors.exact(512, peer_priors.COCO_512)),
        ("five-scripts", 300, 21, peer_priors.five_scripts(300, peer_priors.VOC)),
    ],
)
def test_priors_are_the_peers(kind, size, columns, expected):
    plan = PEERS[kind].plan(names_only(kind, f"ssd{size}", columns), ())
    ours = network_priors(plan.network, plan.priors)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert len(plan.classes) == {21: 20, 81: 80, 91: 80}[columns]
    assert plan.classes[-1] == {21: "tvmonitor", 81: "toothbrush", 91: "toothbrush"}[columns]


def prior_box(smallest, largest, ratios, step, clip, variances=(0.1, 0.1, 0.25, 0.25)):
    def floats(number, values):
        return b"".join(varint(number << 3 | 5) + np.float32(value).tobytes() for value in values)

    body = floats(1, [smallest]) + floats(2, [largest]) + floats(3, ratios) + number(4, 1) + number(5, clip)
    return body + floats(6, variances) + (floats(10, [step]) if step else b"") + floats(13, [0.5])


def prior_boxes(sizes, steps, clip=1, variances=((0.1, 0.1, 0.25, 0.25),) * 6):
    """The ``PriorBox`` layers of an SSD300."""
    net = b""
    cells = zip(MAPS, sizes[:-1], sizes[1:], steps, peer_priors.RATIOS[300], variances, strict=True)
    for name, smallest, largest, step, ratios, own in cells:
        body = prior_box(smallest, largest, ratios, step, clip, own)
        net += field(100, field(1, f"{name}_mbox_priorbox".encode()) + field(203, body))
    return net


def test_priors_of_ones_own_training_are_read_from_a_caffemodel(tmp_path):
    own = (20.5, 41, 90, 140, 190, 240, 290)
    (tmp_path / "net").write_bytes(prior_boxes(own, peer_priors.STEPS[300]))
    tensors = names_only("caffe", "ssd300", 21) | read_caffemodel(tmp_path / "net")
    plan = PEERS["caffe"].plan(tensors, ())
    ours = network_priors(plan.network, plan.priors)
    np.testing.assert_allclose(ours, peer_priors.caffe(300, own).clip(0, 1), atol=1e-6)
    assert plan.priors.variances == (0.1, 0.1, 0.25, 0.25)
    assert plan.priors.steps == ()
    (tmp_path / "net").write_bytes(prior_boxes(own, [0] * 6, clip=0))
    plan = PEERS["caffe"].plan(names_only("caffe", "ssd300", 21) | read_caffemodel(tmp_path / "net"), ())
    assert plan.priors.steps == pytest.approx([300 / cells for cells in peer_priors.CELLS[300]])
    assert not plan.priors.clip


@pytest.mark.parametrize(("given", "variances"), [((), (0.1,) * 4), ((0.2,), (0.2,) * 4)])
def test_one_variance_is_that_of_all_four_and_none_is_a_tenth(tmp_path, given, variances):
    (tmp_path / "net").write_bytes(prior_boxes(peer_priors.VOC, peer_priors.STEPS[300], variances=[given] * 6))
    plan = PEERS["caffe"].plan(names_only("caffe", "ssd300", 21) | read_caffemodel(tmp_path / "net"), ())
    assert plan.priors.variances == variances


def test_variances_that_differ_from_map_to_map_are_a_misfit(tmp_path):
    own = [(0.1, 0.1, 0.2, 0.2)] * 5 + [(0.1,) * 4]
    (tmp_path / "net").write_bytes(prior_boxes(peer_priors.VOC, peer_priors.STEPS[300], variances=own))
    with pytest.raises(Misfit, match="offset or variance that differs from the first layer's"):
        PEERS["caffe"].plan(names_only("caffe", "ssd300", 21) | read_caffemodel(tmp_path / "net"), ())


@pytest.mark.parametrize(
    ("kind", "found"), [("amdegroot", (200, 200)), ("lufficc", (100_000, 100)), ("caffe", (400, 200))]
)
def test_detections_are_chosen_as_the_peer_does(kind, found):
    detect = PEERS[kind].plan(names_only(kind, "ssd300", 21), ()).detect
    assert (detect.per_class, detect.per_image) == found


@pytest.mark.parametrize("own", [(20, 41, 90, float("nan"), 190, 240, 290), (20, 41, 90, -4, 190, 240, 290)])
def test_priors_that_cannot_be_are_a_misfit(tmp_path, own):
    (tmp_path / "net").write_bytes(prior_boxes(own, peer_priors.STEPS[300]))
    with pytest.raises(
        Misfit, match=r"a PriorBox layer \(conv4_3_norm_mbox_priorbox or another\) has more than one size"
    ):
        PEERS["caffe"].plan(names_only("caffe", "ssd300", 21) | read_caffemodel(tmp_path / "net"), ())
