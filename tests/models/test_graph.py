import json

import keras
import numpy as np
import pytest

from models import caffe_layers
from multibox.config import Network, Priors
from multibox.errors import BadInput
from multibox.layer_graph import (
    Activate,
    BatchNorm,
    Conv,
    GlobalPool,
    Graph,
    HeadConv,
    Heads,
    Join,
    Normalize,
    Pool,
    Scale,
)
from multibox.models.graph import graph_outputs
from multibox.models.graph_shapes import graph_shapes
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema, parse_schema
from multibox.models.ssd import build, frozen_until

WINDOWS = [(2, 1, 0), (2, 2, 0), (2, 1, 1), (2, 2, 1), (3, 1, 0), (3, 2, 0), (3, 1, 1), (3, 2, 1)]
SIZES = [(6, 8), (7, 9), (8, 7), (1, 2), (2, 3)]


def graph_of(*nodes, last=None):
    last = last or nodes[-1].name
    return Graph(
        nodes=nodes, heads=(Heads(name=last, map=last, classes=HeadConv(input=last), boxes=HeadConv(input=last)),)
    )


def run(graph, x, weights=None):
    """Outputs of the nodes for a map (C, H, W), each as (C, H, W)."""
    size = x.shape[1:]
    image = keras.Input((*size, len(x)))
    outputs = graph_outputs(graph, image, size)
    model = keras.Model(image, outputs)
    for name, values in (weights or {}).items():
        model.get_layer(name).set_weights(values)
    found = model(np.moveaxis(x, 0, -1)[None].astype(np.float32))
    shapes = graph_shapes(graph, size)
    assert all(tuple(array.shape[1:]) == shapes[name] for name, array in found.items())
    return {name: np.moveaxis(keras.ops.convert_to_numpy(array)[0], -1, 0) for name, array in found.items()}


@pytest.mark.parametrize("kind", ["max_pool", "average_pool"])
@pytest.mark.parametrize(("kernel", "stride", "pad"), WINDOWS)
def test_pools_are_those_of_caffe_at_every_size(kind, kernel, stride, pad):
    rng = np.random.default_rng(kernel + stride + pad)
    node = Pool(op=kind, name="p", inputs=("image",), kernel=(kernel,) * 2, stride=(stride,) * 2, pad=(pad,) * 2)
    tried = 0
    for size in SIZES:
        if min(size) + 2 * pad < kernel:
            continue
        x = rng.normal(size=(3, *size)) - 2  # mostly below 0, so that a padded 0 would be the largest
        np.testing.assert_allclose(
            run(graph_of(node), x)["p"], caffe_layers.pool(x, kernel, stride, pad, kind), atol=1e-6
        )
        tried += 1
    assert tried >= 3


@pytest.mark.parametrize("size", [(6, 8), (7, 9)])
@pytest.mark.parametrize(
    ("filters", "options"),
    [
        (4, {}),
        (4, {"stride": (2, 2), "pad": (1, 1)}),
        (4, {"stride": (2, 1), "pad": (0, 2)}),
        (4, {"pad": (2, 2), "dilation": (2, 2)}),
        (4, {"pad": (2, 2), "dilation": (2, 2), "stride": (2, 2)}),
        (8, {"pad": (2, 1), "dilation": (2, 1), "stride": (1, 3), "groups": 4}),
        (6, {"groups": 2, "pad": (1, 1)}),
        (4, {"groups": 4, "stride": (2, 2), "pad": (1, 1)}),
        (8, {"groups": 4, "pad": (2, 2), "dilation": (2, 2), "bias": False}),
    ],
)
def test_convolutions_are_those_of_caffe(size, filters, options):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(4, 3, 1, 1))
    groups = options.get("groups", 1)
    kernel, bias = rng.normal(size=(filters, 4 // groups, 3, 3)), rng.normal(size=filters)
    wide = Conv(name="wide", inputs=("image",), filters=4, bias=False)
    node = Conv(name="c", inputs=("wide",), filters=filters, kernel=(3, 3), **options)
    x = rng.normal(size=(3, *size))
    depthwise = groups == 4
    ours = kernel.transpose(2, 3, 1, 0)
    values = [ours.reshape(3, 3, 4, filters // 4) if depthwise else ours, *([bias] if node.bias else [])]
    found = run(graph_of(wide, node), x, {"wide": [first.transpose(2, 3, 1, 0)], "c": values})["c"]
    wide_map = caffe_layers.convolution(x, first)
    given = {name: value for name, value in options.items() if name != "bias"}
    wanted = caffe_layers.convolution(wide_map, kernel, bias if node.bias else None, **given)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_norms_scales_and_activations_are_those_of_caffe():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 4, 5))
    x[:, 0, 0], x[:, 1, 1] = 0, 1e-6
    factor, shift, slope = rng.normal(size=3), rng.normal(size=3), rng.uniform(size=3)
    mean, variance = rng.normal(size=3), rng.uniform(0.1, 2, size=3)
    nodes = (
        BatchNorm(name="bn", inputs=("image",)),
        Scale(name="scaled", inputs=("image",)),
        Normalize(name="unit", inputs=("image",)),
        *(Activate(op=op, name=op, inputs=("image",), slope=0.3 if op == "leaky_relu" else 0) for op in FUNCTIONS),
        Activate(op="prelu", name="prelu", inputs=("image",)),
        GlobalPool(op="global_average_pool", name="mean", inputs=("image",)),
        GlobalPool(op="global_max_pool", name="most", inputs=("image",)),
        *(Join(op=op, name=op, inputs=("bn", "scaled", "image")) for op in JOINS),
    )
    weights = {
        "bn": [factor, shift, mean, variance],
        "scaled": [factor.reshape(1, 1, 3, 1), shift],
        "unit": [factor / 3**0.5],
        "prelu": [slope.reshape(1, 1, 3)],
    }
    found = run(graph_of(*nodes), x, weights)
    scaled = x * factor[:, None, None] + shift[:, None, None]
    normed = caffe_layers.batch_norm(x, mean, variance, 1.0) * factor[:, None, None] + shift[:, None, None]
    wanted = {
        "bn": normed,
        "scaled": scaled,
        "unit": caffe_layers.normalize(x, factor),
        **{op: function(x) for op, function in FUNCTIONS.items()},
        "prelu": np.where(x < 0, x * slope[:, None, None], x),
        "mean": x.mean(axis=(1, 2), keepdims=True),
        "most": x.max(axis=(1, 2), keepdims=True),
        **{op: function([normed, scaled, x]) for op, function in JOINS.items()},
    }
    assert set(wanted) == {node.name for node in nodes}
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5, err_msg=name)


FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "leaky_relu": lambda x: np.where(x < 0, 0.3 * x, x),
}
JOINS = {
    "concat": np.concatenate,
    "add": sum,
    "multiply": lambda maps: maps[0] * maps[1] * maps[2],
    "maximum": lambda maps: np.maximum(np.maximum(maps[0], maps[1]), maps[2]),
}


def small_graph(colour="rgb"):
    return Graph(
        colour=colour,
        nodes=(
            Conv(name="a", inputs=("image",), filters=4, kernel=(3, 3), stride=(16, 16), pad=(1, 1)),
            BatchNorm(name="a_bn", inputs=("a",)),
            Activate(op="relu", name="a_relu", inputs=("a_bn",)),
            Conv(name="b", inputs=("a_relu",), filters=4, kernel=(3, 3), stride=(2, 2), pad=(1, 1)),
        ),
        heads=(
            Heads(
                name="a_relu",
                map="a_relu",
                classes=HeadConv(input="a_relu"),
                boxes=HeadConv(input="a_relu"),
                step=(16, 16),
            ),
            Heads(name="b", map="b", classes=HeadConv(input="b", kernel=(3, 3), pad=(1, 1)), boxes=HeadConv(input="b")),
        ),
    )


PRIORS = Priors(shapes=(((20, 20), (28, 14)), ((50, 60),)))


def network_of(graph, **fields):
    return Network(trunk="graph", layout="graph", graph=graph, size=(128, 160), **{"weights": "none"} | fields)


def test_a_network_of_a_graph_gives_the_outputs_of_its_maps_in_order():
    network = network_of(small_graph(), batch_norm="trained")
    model = build(network, 3, PRIORS)
    assert [(fmap.name, fmap.height, fmap.width, fmap.step_y) for fmap in feature_maps(network)] == [
        ("a_relu", 8, 10, 16),
        ("b", 4, 5, 32),
    ]
    outputs = model(np.zeros((2, 128, 160, 3), np.uint8))
    assert outputs["classes"].shape == (2, 8 * 10 * 2 + 4 * 5, 4)
    assert outputs["boxes"].shape == (2, 8 * 10 * 2 + 4 * 5, 4)
    assert {"a_relu_head_classes", "b_head_boxes"} <= {layer.name for layer in model.layers}


@pytest.mark.parametrize(("colour", "wanted"), [("rgb", (1, 2, 4)), ("bgr", (4, 2, 1)), ("grey", (1.929,) * 3)])
def test_the_change_of_colour_is_part_of_the_network_and_never_trained(colour, wanted):
    network = network_of(small_graph(colour), batch_norm="trained")
    model = build(network, 1, PRIORS)
    first = model.get_layer("a")
    inputs = keras.Model(model.input, first.input)(np.full((1, 128, 160, 3), [1, 2, 4], np.uint8))
    np.testing.assert_allclose(inputs[0, 1, 1], wanted[:1] if colour == "grey" else wanted, rtol=1e-6)
    assert colour == "rgb" or not model.get_layer("colour").trainable


def test_a_graph_is_frozen_up_to_a_node():
    model = build(network_of(small_graph("bgr"), batch_norm="trained", freeze="a_bn"), 1, PRIORS)
    trained = {layer.name for layer in model.layers if layer.trainable_weights}
    assert trained == {"b", *(f"{fmap}_head_{kind}" for fmap in ("a_relu", "b") for kind in ("classes", "boxes"))}
    assert frozen_until(network_of(small_graph(), batch_norm="trained", freeze="auto")) == ""
    with pytest.raises(BadInput, match=r"network.freeze: the graph has no node c; its nodes are a, a_bn, a_relu, b"):
        build(network_of(small_graph(), batch_norm="trained", freeze="c"), 1, PRIORS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": ["later"]}, "takes later, which no earlier node computes"),
        ({"inputs": ["b"]}, "b takes b, which no earlier node computes"),
        ({"name": "a"}, "is not allowed as the name of a node, or two nodes have this name"),
        ({"name": "boxes"}, "is not allowed as the name of a node"),
        ({"name": "x_head_classes"}, "is not allowed as the name of a node"),
        ({"name": "a/b"}, "String should match pattern"),
        ({"filters": 0}, "greater than or equal to 1"),
        ({"filters": 10**12}, "less than or equal to 65536"),
        ({"stride": [0, 1]}, "greater than or equal to 1"),
        ({"op": "lambda"}, "does not match any of the expected tags"),
        ({"code": "print()"}, "Extra inputs are not permitted"),
    ],
)
def test_a_graph_that_is_none_is_refused(change, message):
    values = json.loads(small_graph().model_dump_json())
    values["nodes"][3] |= change
    with pytest.raises(ValueError, match=message):
        Graph.model_validate(values)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Conv(name="c", inputs=("b",), filters=4, kernel=(9, 9)), "the output of c would have no cells"),
        (Conv(name="c", inputs=("b",), filters=4, groups=3), "c has 3 groups"),
        (Conv(name="c", inputs=("a",), filters=65536, kernel=(512, 512), pad=(512, 512)), "too large: c exceeds"),
        (Pool(op="max_pool", name="c", inputs=("a",), kernel=(2, 2), pad=(2, 2)), "a padding that is larger"),
        (Join(op="add", name="c", inputs=("a", "b")), "c combines maps of different shapes: 8 x 10 x 4 and 4 x 5 x 4"),
        (Join(op="concat", name="c", inputs=("a", "b")), "c combines maps of different sizes: 8 x 10 and 4 x 5 cells"),
        (Pool(op="average_pool", name="c", inputs=("a",), kernel=(5, 5), stride=(4, 4)), "c averages over windows"),
    ],
)
def test_layers_that_do_not_fit_are_named(node, message):
    graph = small_graph()
    with pytest.raises(BadInput, match=f"network.graph: .*{message}"):
        build(network_of(graph.model_copy(update={"nodes": (*graph.nodes, node)}), batch_norm="trained"), 1, PRIORS)


def test_a_model_file_whose_maps_are_not_those_of_its_graph_is_refused():
    network = network_of(small_graph(), batch_norm="trained")
    schema = Schema(network=network, maps=feature_maps(network), classes=("cat",), priors=PRIORS)
    assert parse_schema(schema.to_json(), "model.keras") == schema
    wrong = schema.model_copy(update={"maps": schema.maps[::-1]})
    with pytest.raises(
        BadInput, match=r"model.keras: .* its feature maps differ from those of its graph; export the model again"
    ):
        parse_schema(wrong.to_json(), "model.keras")
    large = schema.model_dump(mode="json")
    large["network"]["graph"]["nodes"][0] |= {"filters": 65536, "kernel": [511, 511], "pad": [255, 255]}
    with pytest.raises(BadInput, match=r"model.keras: .* the network is too large: a exceeds"):
        parse_schema(json.dumps(large), "model.keras")


def test_heads_that_are_too_large_are_refused():
    values = small_graph().model_dump()
    values["heads"][1]["classes"] |= {"kernel": (511, 511), "pad": (255, 255)}
    network = network_of(Graph.model_validate(values), batch_norm="trained")
    with pytest.raises(BadInput, match=r"network.graph: the heads are too large: they have .* weights"):
        build(network, 400, PRIORS)


def test_groups_edges_and_averages_can_be_trained():
    nodes = (
        Conv(name="a", inputs=("image",), filters=4, kernel=(3, 3), stride=(8, 8), pad=(1, 1)),
        Conv(name="grouped", inputs=("a",), filters=6, kernel=(3, 3), pad=(2, 2), dilation=(2, 2), groups=2),
        Pool(op="max_pool", name="most", inputs=("grouped",), kernel=(3, 3), stride=(2, 2), pad=(1, 1)),
        Pool(op="average_pool", name="mean", inputs=("most",), kernel=(3, 3), stride=(2, 2)),
    )
    heads = Heads(name="mean", map="mean", classes=HeadConv(input="mean"), boxes=HeadConv(input="mean"))
    network = network_of(Graph(nodes=nodes, heads=(heads,)), batch_norm="trained")
    model = build(network, 1, Priors(shapes=(((50, 60),),)))
    assert feature_maps(network)[0].height == model.output["boxes"].shape[1] // feature_maps(network)[0].width
    before = {name: model.get_layer(name).get_weights()[0] for name in ("a", "grouped")}
    model.compile("sgd", {"classes": "mse", "boxes": "mse"})
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 160, 3), np.uint8)
    model.train_on_batch(images, {name: np.ones((2, *output.shape[1:])) for name, output in model.output.items()})
    for name, kernel in before.items():
        assert np.abs(model.get_layer(name).get_weights()[0] - kernel).max() > 0
