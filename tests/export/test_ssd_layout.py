"""Files in SSD's own layout: what plain LiteRT, and Multibox, read from them; MediaPipe is in tests/outside."""

import re
import shlex
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from multibox.cli import main
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput, RunFailed
from multibox.export import TARGETS, export
from multibox.export.edgetpu import find_fallbacks
from multibox.export.images import prepared
from multibox.export.litert_graph import LiteRtGraph
from multibox.export.ssd_layout import in_ssd_layout, with_resizes
from multibox.export.write import Plan, write
from multibox.runtimes import KerasRuntime
from small_ssd import CASES, make_network, make_schema

keras = pytest.importorskip("keras")
interpreter = pytest.importorskip("ai_edge_litert.interpreter")
tflite = pytest.importorskip("ai_edge_litert.schema_py_generated")
Table = pytest.importorskip("flatbuffers.table").Table

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the export needs Keras on TensorFlow")

DOCS = Path(__file__).parents[2] / "docs"


def write_small(path, schema, target="mediapipe", precision="fp32", activation="relu"):
    network = make_network(schema, activation)
    images = prepared(schema, None, 8)
    plan = Plan("litert", precision=precision, images=images if precision == "int8" else None, target=target)
    return network, write(network, schema, path, plan, images[:4])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.tflite"
    schema = make_schema((128, 160), 3)
    network, _ = write_small(path, schema)
    return path, network, schema


@pytest.mark.parametrize("case", CASES)
def test_multibox_finds_the_same_in_it(case, tmp_path):
    size, classes, changes = CASES[case]
    schema = make_schema(size, classes, **changes)
    network, checked = write_small(tmp_path / "m.tflite", schema)
    assert checked.difference.is_small
    image = np.random.default_rng(2).integers(0, 256, (90, 200, 3), np.uint8)
    found, expected = load(tmp_path / "m.tflite")(image), Detector(KerasRuntime(network, in_ssd_layout(schema)))(image)
    assert len(found) == len(expected) > 5
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)


def test_plain_litert_gets_four_outputs_in_the_order_of_ssd(written):
    path, _, schema = written
    model = interpreter.Interpreter(str(path))
    model.allocate_tensors()
    (image,) = model.get_input_details()
    assert image["dtype"] == np.uint8
    assert image["shape"].tolist() == [1, 128, 160, 3]
    pixels = prepared(schema, None, 1)
    model.set_tensor(image["index"], pixels)
    model.invoke()
    boxes, classes, scores, count = (model.get_tensor(out["index"]) for out in model.get_output_details())
    assert (boxes.shape, classes.shape, scores.shape, count.shape) == ((1, 150, 4), (1, 150), (1, 150), (1,))
    (expected,) = load(path)(list(pixels), score=0.05)
    n = int(count[0])
    assert n == len(expected) > 5
    np.testing.assert_array_equal(classes[0, :n], expected.labels)
    np.testing.assert_array_equal(scores[0, :n], expected.scores)
    assert (np.diff(scores[0, :n]) <= 0).all(), "the best are first"
    np.testing.assert_allclose(boxes[0, :n] * (128, 160, 128, 160), expected.boxes[:, (1, 0, 3, 2)], atol=1e-4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1


@pytest.mark.parametrize("nms_iou", [0, 1e-40])
def test_a_limit_of_0_is_not_refused_by_the_operator(tmp_path, nms_iou):
    schema = make_schema((128, 160), 3)
    schema = schema.model_copy(update={"detect": schema.detect.model_copy(update={"nms_iou": nms_iou})})
    _, checked = write_small(tmp_path / "m.tflite", schema)
    assert checked.difference.is_small
    (found,) = load(tmp_path / "m.tflite")(list(prepared(schema, None, 1)), score=0.05)
    assert len(found) > 5


def test_more_than_a_hundred_objects_of_a_class_are_found(tmp_path):
    """The operator's own limit is 100, and TensorFlow's converter drops another one."""
    schema = make_schema((128, 160), 1)
    write_small(tmp_path / "m.tflite", schema)
    (found,) = load(tmp_path / "m.tflite")(list(prepared(schema, None, 1)), score=0.05)
    assert len(found) > 100


def test_the_reader_in_the_documentation_finds_the_same(written):
    path, _, schema = written
    code = re.search(r"```python\n(.*?)```", (DOCS / "frigate.md").read_text(), re.DOTALL)[1]
    assert len(code.splitlines()) <= 30
    names = {}
    exec(code, names)
    images = prepared(schema, None, 4)
    reader = names["Detector"](str(path))
    for image, found in zip(images, load(path)(list(images), score=0.4), strict=True):
        rows = reader.detect(image[None], 0.4)
        n = min(len(found), 20)
        assert n > 0
        np.testing.assert_array_equal(rows[:n, 0], found.labels[:n])
        np.testing.assert_array_equal(rows[:n, 1], found.scores[:n])
        np.testing.assert_allclose(rows[:n, 2:] * (128, 160, 128, 160), found.boxes[:n, (1, 0, 3, 2)], atol=1e-4)
        assert not rows[n:].any()


@pytest.mark.parametrize("page", ["from-mediapipe", "frigate", "coral", "android"])
def test_the_commands_of_a_page_are_understood(page):
    text = (DOCS / f"{page}.md").read_text()
    commands = re.findall(r"^multibox (.*)$", text, re.MULTILINE)
    assert commands
    for name, *arguments in map(shlex.split, commands):
        with main.commands[name].make_context(name, arguments) as context:
            assert "target" not in context.params or context.params["target"] in TARGETS


def test_the_names_of_the_classes_are_behind_the_model(written):
    path, _, schema = written
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode() == "class 0\nclass 1\nclass 2\n"
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
    assert load(path).schema == in_ssd_layout(schema)


def test_the_metadata_describe_the_outputs(written):
    content = _metadata(written[0].read_bytes())
    assert content[4:8] == b"M001"
    root = Table(content, int.from_bytes(content[:4], "little"))
    (graph,) = _tables(root, 3)
    (image,), outputs = _tables(graph, 2), _tables(graph, 3)
    assert _text(image, 0) == "image"
    assert [_text(output, 0) for output in outputs] == ["location", "category", "score", "number of detections"]
    (labels,) = _tables(outputs[1], 6)
    assert _text(labels, 0) == "labels.txt"
    edges = _table(_table(outputs[0], 3), 1)
    numbers = np.frombuffer(content, "<u4", 4, edges.Vector(edges.Offset(4)))
    assert numbers.tolist() == [1, 0, 3, 2], "where x0, y0, x1 and y1 are"


def _table(parent, field):
    return Table(parent.Bytes, parent.Indirect(parent.Pos + parent.Offset(4 + 2 * field)))


def _tables(parent, field):
    offset = parent.Offset(4 + 2 * field)
    start = parent.Vector(offset)
    return [Table(parent.Bytes, parent.Indirect(start + 4 * i)) for i in range(parent.VectorLen(offset))]


def _text(parent, field):
    return parent.String(parent.Pos + parent.Offset(4 + 2 * field)).decode()


def _metadata(content):
    model = tflite.Model.GetRootAs(content, 0)
    (entry,) = (
        model.Metadata(i) for i in range(model.MetadataLength()) if model.Metadata(i).Name() == b"TFLITE_METADATA"
    )
    return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()


def test_a_layer_that_repeats_cells_becomes_a_resize_that_computes_the_same():
    image = keras.Input((6, 5, 3))
    x = keras.layers.Conv2D(4, 3, name="before")(image)
    x = keras.layers.UpSampling2D((2, 3), name="repeat")(x)
    network = keras.Model(image, {"boxes": keras.layers.Conv2D(2, 3, name="after")(x)})
    resizing = with_resizes(network)
    assert not any(isinstance(layer, keras.layers.UpSampling2D) for layer in resizing.layers)
    pixels = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)
    expected = network.predict_on_batch(pixels)["boxes"]
    np.testing.assert_allclose(resizing.predict_on_batch(pixels)["boxes"], expected, atol=1e-6)


@pytest.fixture(scope="module")
def integers(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model-int8.tflite"
    write_small(path, make_schema((128, 160), 3), "edgetpu", "int8")
    return path


def test_int8_computes_in_integers_up_to_the_post_processing(integers):
    graph = LiteRtGraph(integers.read_bytes())
    kinds = [graph.kind(op) for op in graph.operators]
    body = graph.operators[: kinds.index("DEQUANTIZE")]
    assert kinds[0] == "QUANTIZE"
    assert graph.type(graph.inputs(body[0])[0]) == "UINT8"
    assert {graph.type(graph.outputs(op)[0]) for op in body} == {"INT8"}
    assert [kind for kind in kinds if kind not in ("DEQUANTIZE", *kinds[: len(body)])] == [
        "GATHER",
        "SOFTMAX",
        "CUSTOM",
        "MINIMUM",
        "RELU",
    ]


def test_the_edge_tpu_computes_all_of_it(integers):
    assert find_fallbacks(integers) == []


def test_a_layer_that_the_edge_tpu_does_not_compute_is_named(tmp_path):
    with pytest.raises(
        BadInput, match=r"run on the Edge TPU: a_act \(ELU: is not supported by its compiler\), b_act .*c_act"
    ):
        write_small(tmp_path / "m.tflite", make_schema((128, 160), 3), "edgetpu", "int8", activation="elu")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_not_named_by_its_temporary_name(tmp_path, monkeypatch):
    def refuse(path):
        raise BadInput(path, "not a model that LiteRT can run: because")

    monkeypatch.setattr("multibox.export.write.open_runtime", refuse)
    with pytest.raises(RunFailed, match=r"^export: the exported model cannot be run: not a .*because; the file"):
        write_small(tmp_path / "m.tflite", make_schema((128, 160), 3))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_float_is_none_for_the_edge_tpu(written):
    assert {one.layer for one in find_fallbacks(written[0])} >= {"stem", "a_act", "c_head_boxes"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "coral"}, "target: coral is unknown; choose one of mediapipe, edgetpu"),
        ({"target": "mediapipe"}, r'target: mediapipe reads LiteRT files; set kind="litert"'),
        ({"target": "mediapipe", "kind": "litert", "nms": True}, "nms: a file for mediapipe always runs NMS itself"),
        ({"target": "edgetpu", "kind": "litert"}, "precision: fp32: the Edge TPU needs integers; set precision="),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(BadInput, match=message):
        export(tmp_path / "m.keras", **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("a", "b\nc", "d")}, r"target: the class name 'b\\nc' does not fit on a line"),
        ({"classes": ("a", " ", "d")}, "target: the class name ' ' does not fit on a line"),
        ({"classes": ("a", "b\0c", "d")}, r"target: the class name 'b\\x00c' does not fit on a line"),
        (
            {"detect": {"agnostic": True}},
            "target: the NMS in a file is always hard and by class, but .* agnostic; leave it out",
        ),
    ],
)
def test_models_that_do_not_fit(tmp_path, monkeypatch, changes, message):
    schema = make_schema((128, 160), 3)
    changed = schema.model_copy(
        update={key: schema.detect.model_copy(update=new) if key == "detect" else new for key, new in changes.items()}
    )
    monkeypatch.setattr(
        "multibox.export.export_model.open_runtime", lambda path, backend: SimpleNamespace(schema=changed)
    )
    (tmp_path / "m.keras").touch()
    with pytest.raises(BadInput, match=message):
        export(tmp_path / "m.keras", "litert", target="mediapipe")
