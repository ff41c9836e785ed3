"""What a network of Caffe is given: its size, colour, mean and resize, and the inputs beside the images."""

import numpy as np
import pytest

from importers.caffe_nets import Writer, binary, layer, prototxt
from multibox.errors import BadInput
from multibox.importers.caffe_file import read_caffemodel
from multibox.importers.import_model import PEERS, import_model

SIDE = 128


def network(channels=3):
    net = Writer((channels, SIDE, SIDE))
    net.head(net.relu(net.conv("data", "c1", 4, 3, stride=16, pad=1)), 1, min_size=40)
    return net.detect()


def given_by(data, layers):
    """The layers with another layer in place of the input."""
    return [*data, *layers[1:]]


def dataset(**transform):
    transform = {"resize_param": {"height": SIDE, "width": SIDE}} | transform
    return [layer("data", "AnnotatedData", tops=["data", "label"], transform_param=transform)]


def planned(tmp_path, layers, classes=("cat", "dog"), text=None):
    """Plan for the layers, without building the network."""
    (tmp_path / "net.caffemodel").write_bytes(binary(layers))
    if text is not None:
        (tmp_path / "deploy.prototxt").write_text(text)
    tensors = read_caffemodel(tmp_path / "net.caffemodel", None if text is None else tmp_path / "deploy.prototxt")
    return PEERS["caffe"].plan(tensors, classes)


def test_a_mean_in_another_file_is_said_and_never_opened(tmp_path):
    plan = planned(tmp_path, given_by(dataset(scale=0.5, mean_file="/etc/mean.binaryproto"), network()))
    assert (plan.network.mean, plan.network.scale) == ((0, 0, 0), (0.5,) * 3)
    assert plan.notes == (
        "its mean is in the file mean.binaryproto, which is not read, so the mean is taken to be 0; "
        "set network.mean=[R,G,B]",
    )


@pytest.mark.parametrize(
    ("mode", "resize", "said"),
    [
        ({"resize_mode": "WARP"}, "warp", ""),
        ({"resize_mode": "FIT_SMALL_SIZE"}, "warp", "Multibox stretches them to 128 x 128, and network.size="),
        (
            {"resize_mode": "FIT_LARGE_SIZE_AND_PAD"},
            "letterbox",
            "with RGB 0, 0, 0; Multibox fills them with RGB 123, 117",
        ),
        ({"resize_mode": "FIT_LARGE_SIZE_AND_PAD", "pad_value": [104, 117, 123]}, "letterbox", ""),
    ],
)
def test_how_images_get_their_size_is_that_of_the_file_or_said(tmp_path, mode, resize, said):
    data = dataset(mean_value=[104, 117, 123], resize_param={"height": SIDE, "width": SIDE} | mode)
    plan = planned(tmp_path, given_by(data, network()))
    assert plan.resize == resize
    assert bool(said) == bool(plan.notes)
    assert all(said in note for note in plan.notes)


def test_the_resize_of_the_file_is_that_of_the_model(tmp_path):
    data = dataset(resize_param={"height": SIDE, "width": SIDE, "resize_mode": "FIT_LARGE_SIZE_AND_PAD"})
    (tmp_path / "net.caffemodel").write_bytes(binary(given_by(data, network())))
    assert import_model(tmp_path / "net.caffemodel", "caffe", tmp_path / "net.keras").schema.resize == "letterbox"


def test_a_crop_is_the_size_of_the_input(tmp_path):
    data = dataset(mean_value=[104], crop_size=SIDE, resize_param={"height": 160, "width": 144})
    plan = planned(tmp_path, given_by(data, network()))
    assert plan.network.size == (SIDE, SIDE)
    assert plan.notes == (
        "Caffe crops the central 128 x 128 pixels of images of 144 x 160; Multibox resizes whole images to 128 x 128",
    )


@pytest.mark.parametrize(
    ("channels", "transform", "colour"), [(1, {}, "grey"), (1, {"force_gray": True}, "grey"), (3, {}, "bgr")]
)
def test_the_colour_of_a_dataset_is_that_of_the_first_kernel(tmp_path, channels, transform, colour):
    assert planned(tmp_path, given_by(dataset(**transform), network(channels))).network.graph.colour == colour


IMAGE = layer("data", "Input", input_param={"shape": {"dim": [1, 3, SIDE, SIDE]}})
INFO = layer("im_info", "Input", input_param={"shape": {"dim": [1, 1, 1, 3]}})
BOTH = layer(
    "both", "Input", tops=["im_info", "data"], input_param={"shape": [{"dim": [1, 3]}, {"dim": [1, 3, 128, 128]}]}
)


@pytest.mark.parametrize("data", [[IMAGE, INFO], [INFO, IMAGE], [BOTH]])
def test_an_input_that_the_detector_does_not_take_is_left_out(tmp_path, data):
    assert planned(tmp_path, given_by(data, network())).network.size == (SIDE, SIDE)
    taken = given_by(data, network())
    taken[len(data)]["bottom"] = ["im_info"]
    with pytest.raises(ValueError, match=r"\(Input\) is a second input besides the image, and the detector needs it"):
        planned(tmp_path, taken)


def test_an_input_beside_the_image_may_be_a_field_of_the_text(tmp_path):
    fields = (
        'input: "im_info" input_shape { dim: 1 dim: 3 } input: "data" input_shape { dim: 1 dim: 3 dim: 128 dim: 160 }'
    )
    text = f"{fields}\n{prototxt(network()[1:])}"
    assert planned(tmp_path, network(), text=text).network.size == (128, 160)
    with pytest.raises(ValueError, match="the detector needs im_info, a second input besides the image"):
        planned(tmp_path, network(), text=text.replace('bottom: "data"', 'bottom: "im_info"'))


def test_switches_and_numbers_may_be_written_in_all_ways_of_a_text(tmp_path):
    layers = network()
    text = prototxt(layers).replace("min_size: 40", "min_size: 4e1f\n aspect_ratio: 2.0f\n flip: False\n clip: t")
    text = text.replace("num_output: 3", "num_output: 6").replace(
        "num_output: 4\n    kernel_size: 1", "num_output: 8\n    kernel_size: 1"
    )
    for written in layers:
        if "mbox" in written["name"] and written["blobs"]:
            written["blobs"] = [np.concatenate([array, array]) for array in written["blobs"]]
    priors = planned(tmp_path, layers, text=text).priors
    assert (priors.clip, len(priors.shapes[0])) == (True, 2)


def test_weights_and_text_that_were_exchanged_are_told_apart(tmp_path):
    (tmp_path / "net.caffemodel").write_bytes(binary(network()))
    (tmp_path / "net.prototxt").write_text(prototxt(network()))
    (tmp_path / "empty").touch()
    for file, net, message in [
        ("net.prototxt", None, "net.prototxt: is a text file, not a .caffemodel file"),
        ("net.caffemodel", "net.caffemodel", "net.caffemodel: is a binary file, not a .prototxt file"),
        ("empty", None, "empty: not a .caffemodel file, or damaged: the file is empty"),
    ]:
        with pytest.raises(BadInput) as refused:
            import_model(tmp_path / file, "caffe", tmp_path / "net.keras", net=net and tmp_path / net)
        assert str(refused.value).startswith(f"{tmp_path}/{message}")


def test_a_network_without_an_output_of_an_ssd_is_refused_by_what_it_lacks(tmp_path):
    wanted = "no layer that takes an SSD's outputs, DetectionOutput or MultiBoxLoss"
    with pytest.raises(ValueError, match=wanted):
        planned(tmp_path, network()[:-1])
    with pytest.raises(ValueError, match=wanted):
        planned(tmp_path, network(), text=prototxt(network()[:-1]))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("face", "face"), "classes: face is there twice; each class needs a name of its own"),
        (("face", " "), "classes: a name is empty"),
        (("face",), "classes: 1 name, but the file has 2 classes"),
    ],
)
def test_names_that_name_no_class_are_refused(tmp_path, classes, message):
    with pytest.raises(BadInput, match=message):
        planned(tmp_path, network(), classes)


def test_detection_keeps_what_a_threshold_below_0_keeps(tmp_path):
    layers = network()
    layers[-1]["detection_output_param"] |= {"confidence_threshold": -1, "nms_param": {"nms_threshold": 2.0}}
    detect = planned(tmp_path, layers).detect
    assert (detect.score, detect.nms_iou) == (0, 1)


def test_two_pairs_of_heads_on_a_map_take_names_that_no_node_has(tmp_path):
    net = Writer((3, SIDE, SIDE))
    x = net.conv("data", "c", 4, 3, stride=16, pad=1)
    y = net.conv(x, "c_2", 4)
    net.head(x, 1, min_size=40)
    net.head(x, 1, name="more", min_size=60)
    net.head(y, 1, min_size=80)
    heads = planned(tmp_path, net.detect()).network.graph.heads
    assert [pair.name for pair in heads] == ["c", "c_3", "c_2"]


def test_axes_may_count_from_the_end(tmp_path):
    net = Writer((3, SIDE, SIDE))
    x = net.conv("data", "a", 4, 3, stride=16, pad=1)
    x = net.add("cat", "Concat", [x, x], 8, concat_param={"axis": -3})
    net.head(x, 1, min_size=40)
    layers = net.detect()
    for found in layers:
        if found["name"].startswith("mbox_") and found["type"] == "Concat":
            found["concat_param"] = {"axis": -1}
    assert [node.op for node in planned(tmp_path, layers).network.graph.nodes] == ["conv", "concat"]
    layers[2]["concat_param"] = {"axis": -1}
    with pytest.raises(ValueError, match=r"cat .* concatenates along axis 3, not along the channels"):
        planned(tmp_path, layers)


def test_a_norm_of_the_images_at_hand_is_said(tmp_path):
    net = Writer((3, SIDE, SIDE))
    x = net.norm(net.conv("data", "a", 4, 3, stride=16, pad=1), "a_bn")
    net.head(x, 1, min_size=40)
    layers = given_by(dataset(mean_value=[104]), net.detect())
    assert planned(tmp_path, layers).notes == ()
    layers[2]["batch_norm_param"] = {"use_global_stats": False}
    assert planned(tmp_path, layers).notes == (
        "use_global_stats is false in a_bn, so Caffe normalises with the statistics of each batch; "
        "Multibox uses the statistics in the file",
    )


def test_variances_of_priors_below_0_are_refused(tmp_path):
    layers = network()
    found = next(one for one in layers if one["type"] == "PriorBox")
    found["prior_box_param"]["variance"] = [0.1, 0.1, -0.2, 0.2]
    with pytest.raises(ValueError, match=r"c1_mbox_priorbox \(PriorBox\) has 4 variances, or one that is not above 0"):
        planned(tmp_path, layers)
