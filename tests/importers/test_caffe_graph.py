"""Networks of Caffe of many shapes, imported from their files and compared with plain NumPy."""

import keras
import numpy as np
import pytest

from importers.caffe_nets import Writer, binary, compute, layer, prototxt
from importers.caffe_published import mobilenet_ssd, pelee, vgg_ssd300
from multibox.errors import BadInput
from multibox.importers.caffe_detector import plan_detector
from multibox.importers.caffe_file import CaffeFile
from multibox.importers.caffe_net import text_net
from multibox.importers.import_model import PEERS, import_model
from multibox.models.file import load_model
from multibox.models.graph_shapes import graph_shapes

SIDE = 128


def small(classes=3, channels=3, pixels=True):
    """A network with the peculiarities of published ones, on an input of 128 x 128."""
    net = Writer((channels, SIDE, SIDE), classes)
    x = net.norm("data", "data_bn", factor=999.98, tops=["data_bn"], pixels=pixels)
    x = net.relu(net.norm(net.conv(x, "conv1/dw", 6, 7, stride=4, pad=3, bias=False), "conv1_bn"))
    x = net.pool(x, "pool1", 3, 2)
    net.add("split", "Split", [x], 6, tops=["a", "b"])
    net.channels["b"] = 6
    y = net.conv("a", "grouped", 6, 3, pad=1, group=2)
    y = net.add("sum", "Eltwise", [y, "b"], 6, eltwise_param={"operation": "SUM"})
    y = net.conv(net.relu(y), "depthwise", 6, 3, pad=2, dilation=2, group=6)
    net.layers[-1]["blobs"] = [array / 300 for array in net.layers[-1]["blobs"]]  # with a variance of 0, norms enlarge
    y = net.norm(y, "bn0", factor=0.0)
    y = net.add("cat", "Concat", [y, "b"], 12, concat_param={"axis": 1})
    z = net.add("unit", "Normalize", [y], 12, blobs=[net.rng.uniform(5, 20, 12)], norm_param=ACROSS)
    net.head(z, 4, kernel=3, min_size=20, max_size=40, aspect_ratio=2, step=8)
    y = net.add("drop", "Dropout", [net.pool(y, "pool2", 3, 2, pool="AVE", pad=1)], 12, tops=["pool2"])
    net.head(y, 1, min_size=60, flip=False)
    y = net.add("pool3", "Pooling", [y], 12, pooling_param={"pool": "AVE", "global_pooling": True})
    net.head(y, 3, min_size=100, aspect_ratio=[3, 1, 3])
    return net


ACROSS = {"across_spatial": False, "channel_shared": False}


def imported(tmp_path, layers, **options):
    (tmp_path / "net.caffemodel").write_bytes(binary(layers))
    result = import_model(tmp_path / "net.caffemodel", "caffe", tmp_path / "net.keras", **options)
    return load_model(tmp_path / "net.keras")[0], result


def outputs_by_keras(network, images):
    return {name: keras.ops.convert_to_numpy(values) for name, values in network(images).items()}


def outputs_by_torch(network, images):
    pytest.importorskip("torch")
    from in_torch import outputs_in_torch

    return {name: values.numpy() for name, values in outputs_in_torch(network, images).items()}


@pytest.fixture(params=[outputs_by_keras, pytest.param(outputs_by_torch, marks=pytest.mark.slow)])
def compute_ours(request):
    """What computes the imported network."""
    return request.param


def compared(compute_ours, layers, model, classes, *, grey=False):
    """Outputs of the network for noise, and what plain NumPy gives."""
    size = model.input.shape[1:3]
    image = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    image = image[..., :1].repeat(3, axis=2) if grey else image
    found = compute_ours(model, image[None])
    x = image[..., :1] if grey else image[..., ::-1]
    arrays = compute(layers, np.moveaxis(x, -1, 0).astype(np.float64))
    return [
        (found[ours][0], arrays[theirs].reshape(-1, width))
        for ours, theirs, width in (("classes", "mbox_conf", classes), ("boxes", "mbox_loc", 4))
    ]


def test_a_network_of_all_kinds_of_layers_gives_what_numpy_gives(compute_ours, tmp_path):
    layers = small().detect()
    model, result = imported(tmp_path, layers)
    for found, wanted in compared(compute_ours, layers, model, 3):
        assert 1 < np.abs(wanted).max() < 3000
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    assert result.fresh == result.left_out == ()
    assert [(fmap.name, fmap.height) for fmap in result.schema.maps] == [("unit", 16), ("pool2", 9), ("pool3", 1)]
    assert result.schema.priors.shapes[2] == ((100, 100), (173.20508, 57.73503), (57.73503, 173.20508))
    assert result.schema.classes == ("class_1", "class_2")


def test_a_network_in_grey_takes_the_brightness(compute_ours, tmp_path):
    layers = small(2, channels=1).detect()
    model, result = imported(tmp_path, layers)
    for found, wanted in compared(compute_ours, layers, model, 2, grey=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    assert result.schema.network.graph.colour == "grey"
    assert result.schema.classes == ("object",)


def test_a_text_replaces_the_layers_of_the_file(compute_ours, tmp_path):
    layers = small().detect()
    other = [dict(values) for values in layers]
    other[3]["convolution_param"] = other[3]["convolution_param"] | {"stride": 8}
    (tmp_path / "deploy.prototxt").write_bytes(f"# veröffentlicht\n{prototxt(other)}".encode("latin-1"))
    model, result = imported(tmp_path, layers, net=tmp_path / "deploy.prototxt")
    for found, wanted in compared(compute_ours, other, model, 3):
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    assert result.schema.maps[0].height == 8


@pytest.mark.parametrize(
    ("written", "rows"), [("", 16), ("ceil_mode: false", 15), ("ceil_mode: true", 16), ("round_mode: FLOOR", 15)]
)
def test_a_text_says_how_pools_round(tmp_path, written, rows):
    text = prototxt(small().detect())
    (tmp_path / "deploy.prototxt").write_text(
        text.replace("kernel_size: 3\n    stride: 2", f"kernel_size: 3\n    stride: 2\n{written}")
    )
    net = text_net(tmp_path / "deploy.prototxt")
    plan = plan_detector(net, net, {}, ())
    assert graph_shapes(plan.network.graph, (SIDE, SIDE))["pool1"].height == rows


def test_the_settings_of_detection_are_those_of_the_file(tmp_path):
    nms = {"nms_threshold": 0.35, "top_k": 100}
    detection = {"keep_top_k": 50, "confidence_threshold": 0.25, "variance_encoded_in_target": True, "nms_param": nms}
    _, result = imported(tmp_path, small().detect(**detection), classes=("dog", "cat"))
    detect = result.schema.detect
    assert (detect.nms_iou, detect.per_class, detect.per_image, detect.score) == (0.35, 100, 50, 0.25)
    assert result.schema.priors.variances == (1, 1, 1, 1)
    assert result.schema.classes == ("dog", "cat")
    assert len(result.notes) == 1
    assert "does not give its mean and scale" in result.notes[0]


@pytest.mark.parametrize(
    ("pixels", "scale", "said"), [(True, 1, "from 0 to 255;"), (False, 1 / 255, "from 0 to 1, as")]
)
def test_the_scale_of_pixels_is_guessed_from_the_first_statistics_and_said(tmp_path, pixels, scale, said):
    _, result = imported(tmp_path, small(pixels=pixels).detect(), classes=("dog", "cat"))
    assert result.schema.network.scale == (scale,) * 3
    assert said in result.notes[0]


def test_a_guess_that_the_user_replaces_is_not_said(tmp_path):
    given = {"network.mean": [127.5] * 3, "network.scale": [0.007843] * 3}
    _, result = imported(tmp_path, small().detect(), classes=("dog", "cat"), overrides=given)
    assert result.schema.network.mean == (127.5,) * 3
    assert result.notes == ()


def trained(net, loss="SOFTMAX"):
    """The network as training saves it: its data layer with a mean, and the loss at its end."""
    transform = {"mean_value": [104, 117, 123], "scale": 0.5, "resize_param": {"height": SIDE, "width": SIDE}}
    data = layer("data", "AnnotatedData", tops=["data", "label"], transform_param=transform)
    layers = [data, *net.detect()[1:]]
    layers = [values for values in layers if values["name"] not in END]
    bottoms = ["mbox_loc", "mbox_conf", "mbox_priorbox", "label"]
    params = {"num_classes": 3, "code_type": "CENTER_SIZE", "conf_loss_type": loss}
    return [*layers, layer("mbox_loss", "MultiBoxLoss", bottoms, multibox_loss_param=params)]


END = {"mbox_conf_reshape", "mbox_conf_softmax", "mbox_conf_flatten", "detection_out"}


@pytest.mark.parametrize(("loss", "activation"), [("SOFTMAX", "softmax"), ("LOGISTIC", "sigmoid")])
def test_a_snapshot_of_training_says_its_input_and_its_activation(tmp_path, loss, activation):
    _, result = imported(tmp_path, trained(small(), loss), classes=("dog", "cat"))
    network = result.schema.network
    assert (network.mean, network.scale, network.size) == ((123, 117, 104), (0.5,) * 3, (SIDE, SIDE))
    assert result.schema.activation == activation
    assert result.notes == ()


def changed(name, **values):
    """The small network with other values of a layer: sections of parameters are merged, fields replaced."""
    layers = small().detect()
    for position, found in enumerate(layers):
        if found["name"] == name:
            layers[position] = found | {
                key: found[key] | value if isinstance(value, dict) else value for key, value in values.items()
            }
    return layers


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (changed("sum", type="Crop"), r"its layer sum \(Crop\) is of a type that cannot be imported"),
        (changed("detection_out", detection_output_param={"share_location": False}), "share_location: false"),
        (changed("detection_out", detection_output_param={"code_type": "CORNER"}), "encodes boxes as CORNER"),
        (changed("detection_out", detection_output_param={"background_label_id": 2}), "has class 2 as background"),
        (
            changed("detection_out", detection_output_param={"num_classes": 4}),
            r"reshape \(Reshape\) reshapes the class scores to rows of 3",
        ),
        (changed("mbox_conf_reshape", reshape_param={"shape": {"dim": [0, 3, -1]}}), r"reshapes to \[0, 3, -1\]"),
        (
            changed("mbox_conf_softmax", bottom=["mbox_conf"]),
            "mbox_conf_softmax .* does not normalise the classes of each",
        ),
        (changed("unit_mbox_conf", convolution_param={"num_output": 16}), r"has 16 outputs in a cell.* need 12"),
        (changed("detection_out", bottom=["mbox_loc"] * 5), r"detection_out .* takes 5 arrays"),
        (changed("detection_out", bottom=["mbox_loc", "mbox_conf", "mbox_priorbox"]), "one Softmax or Sigmoid"),
        (changed("unit_mbox_priorbox", prior_box_param={"min_size": [20, 30]}), r"2 values of min_size and 1 of max"),
        (changed("pool2_mbox_priorbox", prior_box_param={"offset": 0.3}), "pool2_mbox_priorbox .* an offset, clip"),
        (changed("pool2_mbox_priorbox", prior_box_param={"img_size": 300}), "for images of 300 x 300"),
        (changed("unit", norm_param={"across_spatial": True}), "unit .* normalizes across all cells"),
        (changed("grouped", convolution_param={"group": 4}), "do not fit together: grouped has 4 groups"),
        (changed("grouped", convolution_param={"num_output": 1 << 40}), "grouped .* cannot have filters"),
        (
            changed("grouped", convolution_param={"pad": 0}),
            "do not fit together: sum combines maps of different shapes: 14 x 14 x 6",
        ),
        (changed("sum", eltwise_param={"coeff": [1, -1]}), "sum .* has coefficients other than 1"),
        (changed("grouped", bottom=["cat"]), r"grouped .* takes cat, which no earlier layer computes"),
        (
            changed("grouped", blobs=[np.zeros((6, 3, 5, 5)), np.zeros(6)]),
            "grouped .* needs a kernel of 6 x 3 x 3 x 3, but .* 6 x 3 x 5 x 5",
        ),
        (changed("bn0", blobs=[np.zeros(5), np.zeros(6), np.ones(1)]), "bn0 .* needs 6 numbers, but its blob .* has 5"),
        (changed("grouped", blobs=[]), r"its layer grouped \(Convolution\) needs the blob grouped/0"),
        (changed("pool1", pooling_param={"ceil_mode": 1}), "pool1 .* rounds its output size"),
        (changed("pool1", pooling_param={"ceil_mode": 0}), "pool1 .* rounds its output size"),
    ],
)
def test_what_cannot_be_imported_is_refused_by_its_layer_and_nothing_is_written(tmp_path, layers, message):
    with pytest.raises(BadInput, match=message) as refused:
        imported(tmp_path, layers)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "net.keras").exists()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            changed("grouped", blobs=[np.full((6, 3, 3, 3), np.nan), np.zeros(6)]),
            "its grouped/0 has numbers that are not",
        ),
        (
            changed("bn0", blobs=[np.zeros(6), np.full(6, -1.0), np.ones(1)]),
            "bn0, from its bn0/0, has variances below 0",
        ),
        (
            changed("bn0", blobs=[np.zeros(6), np.ones(6), np.full(1, 1e-42)]),
            "its bn0/0 has numbers that are not finite",
        ),
    ],
)
def test_weights_that_compute_no_numbers_are_refused(tmp_path, layers, message):
    with pytest.raises(BadInput, match=f"net.caffemodel: cannot be imported: {message}"):
        imported(tmp_path, layers)
    assert not (tmp_path / "net.keras").exists()


def test_a_text_that_does_not_fit_the_weights_is_the_one_at_fault(tmp_path):
    (tmp_path / "deploy.prototxt").write_text(
        prototxt(changed("grouped", convolution_param={"kernel_size": 5, "pad": 2}))
    )
    with pytest.raises(
        BadInput, match=r"deploy.prototxt: cannot be imported: its layer grouped .* but .* 6 x 3 x 3 x 3"
    ):
        imported(tmp_path, small().detect(), net=tmp_path / "deploy.prototxt")


def test_layers_beside_the_detector_may_be_of_any_type(tmp_path):
    layers = small().detect()
    beside = [layer("odd", "Python", ["pool1"]), layer("odder", "Eltwise", ["odd", "nothing"])]
    _, result = imported(tmp_path, [*layers[:6], *beside, *layers[6:]])
    assert not {"odd", "odder"} & {node.name for node in result.schema.network.graph.nodes}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer { name: 'x' ", "the file ends within a message, in line 1"),
        ("layer { name: 'x' }\n}", "line 2 closes a message that was not opened"),
        ("layer { name: }", "line 1 has } instead of a value"),
        ("layer {" * 40, "nested too deeply"),
        ("name: 'net'", "has no layer"),
        ("\x00", "is a binary file"),
        (
            "layers { type: CONVOLUTION }",
            "layers {...}, which no SSD has; convert the file with Caffe's upgrade_net_proto_text",
        ),
        ("#" * (5 << 20), "the file is longer than 4 MB"),
        (
            "layer { convolution_param { num_output: many } }",
            "line 1 has many, which is not a valid value",
        ),
    ],
)
def test_a_text_that_is_no_network_is_refused_by_its_line(tmp_path, text, message):
    (tmp_path / "net.caffemodel").write_bytes(binary(small().detect()))
    (tmp_path / "deploy.prototxt").write_text(text)
    with pytest.raises(BadInput, match=f"deploy.prototxt: .*{message}"):
        import_model(tmp_path / "net.caffemodel", "caffe", tmp_path / "net.keras", net=tmp_path / "deploy.prototxt")


def planned(tmp_path, layers, mean=(104, 117, 123)):
    """Plan for a file with these layers and a mean, without writing its weights."""
    transform = {"mean_value": list(mean), "resize_param": {"height": 300, "width": 300}}
    layers = [layer("data", "AnnotatedData", tops=["data"], transform_param=transform), *layers[1:]]
    (tmp_path / "net.prototxt").write_text(prototxt(layers))
    blobs = {f"{one['name']}/{i}": array for one in layers for i, array in enumerate(one["blobs"])}
    file = CaffeFile(blobs)
    file.net = file.own = text_net(tmp_path / "net.prototxt")
    return PEERS["caffe"].plan(file, ())


def test_ssd300_on_vgg16_keeps_its_builder_where_it_builds_the_same_network(tmp_path):
    assert planned(tmp_path, vgg_ssd300()).network.trunk == "vgg16"
    assert planned(tmp_path, vgg_ssd300(), mean=(100, 110, 120)).network.trunk == "graph"
    assert planned(tmp_path, vgg_ssd300(fc6={"dilation": 3, "pad": 3})).network.trunk == "graph"
    assert planned(tmp_path, vgg_ssd300(conv8_2={"pad": 1})).network.trunk == "graph"


@pytest.mark.slow
@pytest.mark.parametrize(("write", "priors"), [(mobilenet_ssd, 1917), (pelee, 5142)])
def test_a_published_structure_gives_what_numpy_gives(tmp_path, write, priors):
    layers = write()
    model, result = imported(tmp_path, layers, overrides={"network.scale": [0.007843] * 3, "network.mean": [127.5] * 3})
    assert len(result.schema.make_priors()) == priors
    assert result.schema.classes[14] == "person"
    image = np.random.default_rng(5).integers(0, 256, (*model.input.shape[1:3], 3), np.uint8)
    found = [outputs_by_keras(model, image[None]), outputs_by_torch(model, image[None])]
    arrays = compute(layers, np.moveaxis((image[..., ::-1] - 127.5) * 0.007843, -1, 0))
    for ours, theirs, width in (("classes", "mbox_conf", 21), ("boxes", "mbox_loc", 4)):
        wanted = arrays[theirs].reshape(-1, width)
        assert wanted.std() > 0.1
        for outputs in found:
            np.testing.assert_allclose(outputs[ours][0], wanted, atol=1e-4 * np.abs(wanted).max())
