"""What an export leaves behind, and what it refuses; whether the formats detect the same is in test_parity.py."""

import json
import zipfile

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

from colored import make_schema
from multibox import runtimes
from multibox.cli import main
from multibox.cli.models import FORMATS as CHOICES
from multibox.cli.models import export_lines
from multibox.config import Detect, Network
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput, RunFailed
from multibox.export import FORMATS, Exported, check_same, export, export_onnx, require_onnx, write_onnx
from multibox.export.check import Check
from multibox.export.images import prepared
from multibox.export.write import Plan, write
from multibox.models.file import save_model
from multibox.models.schema import PARAMETERS
from multibox.priors import FeatureMap
from multibox.runtimes import KerasRuntime, OnnxRuntime
from multibox.runtimes.agreement import Difference

keras = pytest.importorskip("keras")

SCHEMA = make_schema(
    network=Network(size=(128, 160)),
    maps=(FeatureMap("a", 16, 20, 8, 8), FeatureMap("b", 8, 10, 16, 16), FeatureMap("c", 4, 5, 32, 32)),
    thresholds={"red": 0.3},
)


@pytest.fixture(scope="module")
def network():
    """A small network with the outputs of SSD: two strided convolutions, and heads on three maps."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the export needs Keras on TensorFlow")
    keras.utils.set_random_seed(0)
    image = keras.Input((128, 160, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -1.0)(image)
    x = keras.layers.Conv2D(8, 7, strides=8, padding="same", activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    heads = {"classes": [], "boxes": []}
    for stride in (1, 2, 2):
        x = keras.layers.Conv2D(8, 3, strides=stride, padding="same", activation="relu")(x)
        for name, size in (("classes", 4), ("boxes", 4)):
            heads[name].append(keras.layers.Reshape((-1, size))(keras.layers.Conv2D(4 * size, 3, padding="same")(x)))
    return keras.Model(image, {name: keras.layers.Concatenate(axis=1, name=name)(x) for name, x in heads.items()})


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "new" / "model.onnx"
    write_onnx(network, SCHEMA, path)
    return path


@pytest.fixture(scope="module")
def selecting(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model-nms.onnx"
    write(network, SCHEMA, path, Plan(nms=True), prepared(SCHEMA, None, 2))
    return path


def test_only_the_file_is_left(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]


def test_plain_onnx_runtime_runs_it(exported, network):
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    assert (image.name, image.shape, image.type) == ("image", ["batch", 128, 160, 3], "tensor(uint8)")
    assert {output.name: output.shape for output in session.get_outputs()} == {
        "classes": ["batch", 1680, 4],
        "boxes": ["batch", 1680, 4],
    }
    images = np.random.default_rng(1).integers(0, 256, (3, 128, 160, 3), np.uint8)
    outputs = dict(zip(("boxes", "classes"), session.run(["boxes", "classes"], {"image": images}), strict=True))
    expected = network.predict_on_batch(images)
    for name, output in outputs.items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-4)


def test_plain_onnx_runtime_runs_one_with_nms(selecting, exported):
    session = onnxruntime.InferenceSession(selecting, providers=["CPUExecutionProvider"])
    shapes = {output.name: (output.shape, output.type) for output in session.get_outputs()}
    assert shapes == {
        "boxes": (["batch", 200, 4], "tensor(float)"),
        "scores": (["batch", 200], "tensor(float)"),
        "labels": (["batch", 200], "tensor(int32)"),
        "count": (["batch"], "tensor(int32)"),
    }
    images = prepared(SCHEMA, None, 3)
    boxes, scores, labels, count = session.run(["boxes", "scores", "labels", "count"], {"image": images})
    for i, found in enumerate(load(exported)(list(images), score=SCHEMA.detect.score)):
        assert count[i] == len(found) > 0
        np.testing.assert_array_equal(labels[i, : count[i]], found.labels)
        np.testing.assert_allclose(scores[i, : count[i]], found.scores, atol=1e-5)
        np.testing.assert_allclose(boxes[i, : count[i]], found.boxes, atol=1e-3)
        assert not boxes[i, count[i] :].any()
        assert not scores[i, count[i] :].any()
        assert (labels[i, count[i] :] == -1).all()


@pytest.mark.parametrize("kind", ["onnx", "saved-model"])
def test_scores_of_sigmoids(kind, network, tmp_path):
    schema = SCHEMA.model_copy(update={"activation": "sigmoid"})
    path = tmp_path / f"model{FORMATS[kind].suffix}"
    assert write(network, schema, path, Plan(kind, nms=True), prepared(schema, None, 2)).difference.is_small
    (found,) = load(path)(list(prepared(schema, None, 1)), score=0.01)
    assert len(found) > 50


def test_the_schema_travels_along(exported, network):
    runtime = OnnxRuntime(exported)
    assert runtime.schema == SCHEMA
    assert runtime.metadata[PARAMETERS] == str(network.count_params())


def test_the_detector_finds_the_same(exported, network):
    image = np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8)
    from_onnx = load(exported)(image, score=0.3)
    from_keras = Detector(KerasRuntime(network, SCHEMA))(image, score=0.3)
    assert len(from_onnx) > 0
    assert len(from_onnx) == len(from_keras)
    np.testing.assert_allclose(np.sort(from_onnx.scores), np.sort(from_keras.scores), atol=1e-4)


def test_onnx_without_a_schema(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "plain.onnx")
    with pytest.raises(BadInput, match=r"plain\.onnx: has no multibox\.json"):
        load(tmp_path / "plain.onnx")


def test_other_numbers_are_refused(network, exported):
    class Other(KerasRuntime):
        def run(self, images):
            outputs = super().run(images)
            return outputs | {"boxes": outputs["boxes"] + 0.1}

    check_same(KerasRuntime(network, SCHEMA), OnnxRuntime(exported))
    with pytest.raises(RunFailed, match="the exported model differs from the original: boxes by"):
        check_same(KerasRuntime(network, SCHEMA), Other(network, SCHEMA))


def test_nothing_is_left_of_a_failed_export(network, tmp_path, monkeypatch):
    def fail(*_):
        raise RunFailed("no")

    monkeypatch.setattr("multibox.export.write.check", fail)
    monkeypatch.setattr("multibox.export.onnx_file.to_onnx", lambda *_: _tiny_onnx())
    with pytest.raises(RunFailed):
        write_onnx(network, SCHEMA, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def _tiny_onnx():
    onnx = pytest.importorskip("onnx")
    return onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 15]> g (float[1] image) => (float[1] classes) { classes = Abs(image) }'
    )


@pytest.mark.parametrize("kind", ["saved-model", "litert"])
def test_what_is_made_of_a_tensorflow_graph_needs_that_backend(network, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(
        BadInput,
        match=r"KERAS_BACKEND=jax: exporting to this format needs tensorflow; set KERAS_BACKEND=tensorflow",
    ):
        write(network, SCHEMA, tmp_path / "model", Plan(kind), prepared(SCHEMA, None, 1))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install '\.\[train,export\]'"):
        require_onnx("model.keras")
    with pytest.raises(BadInput, match=r"model\.keras: needs Keras.*pip install '\.\[train\]'"):
        runtimes.require_keras("model.keras")
    with pytest.raises(BadInput, match=r"model\.keras: needs LiteRT.*pip install '\.\[litert\]'"):
        export("model.keras", "litert")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("model.onnx", {}, r"model\.onnx: is not a .keras file"),
        ("missing.keras", {}, "no such model file"),
        ("m.keras", {"kind": "torch"}, "kind: torch is unknown; choose one of onnx, saved-model, litert, openvino"),
        ("m.keras", {"precision": "int4"}, "precision: int4 is unknown; choose one of fp32, fp16, int8"),
        (
            "m.keras",
            {"kind": "saved-model", "precision": "fp16"},
            "fp16 is available in onnx, litert, openvino, ncnn, web only",
        ),
        (
            "m.keras",
            {"kind": "ncnn", "precision": "int8", "calibrate": "a"},
            "int8 is available in .*, openvino, web only",
        ),
        ("m.keras", {"precision": "int8"}, "precision: int8 needs real images .*; set calibrate=NAME/SPLIT"),
        ("m.keras", {"calibrate": "toys/train"}, "calibrate: is for precision=int8 only; leave it out"),
        ("m.keras", {"kind": "ncnn", "nms": True}, "nms: cannot be part of ncnn files, .*; leave nms out"),
        ("m.keras", {"kind": "web", "nms": True}, "nms: cannot be part of web files, .*; leave nms out"),
        ("m.keras", {"webgpu": True}, "webgpu: is for the format web only; leave it out"),
        ("m.keras", {"onnxruntime_web": "a.tgz"}, "onnxruntime_web: is for the format web only; leave it out"),
        ("m.keras", {"out": "m.bin"}, r"out: m\.bin: give a name that ends in \.onnx"),
        ("m.keras", {"evaluate_on": "nowhere"}, "nowhere: no such store"),
    ],
)
def test_what_cannot_be_exported(tmp_path, monkeypatch, name, options, message):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(BadInput, match=message):
        export(tmp_path / name, **options)


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "m.savedmodel").mkdir()
    (tmp_path / "m.savedmodel" / "mine").write_text("mine")
    with pytest.raises(BadInput, match=r"m\.savedmodel: is not empty, and holds no model of Multibox"):
        export(tmp_path / "m.keras", "saved-model", tmp_path / "m.savedmodel")


def test_a_file_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"mine")
    with pytest.raises(BadInput, match=r"m\.onnx: exists, and Multibox did not write it"):
        export(tmp_path / "m.keras", "onnx", tmp_path / "m.onnx")


def test_weights_of_something_else_are_not_replaced(tmp_path):
    (tmp_path / "m.bin").write_text("mine")
    with pytest.raises(BadInput, match=r"m\.bin: exists already, and the export would replace this file"):
        export(tmp_path / "m.keras", "openvino", tmp_path / "m.xml")


def test_export_onnx_of_no_model(tmp_path):
    with pytest.raises(BadInput, match="no such model file"):
        export_onnx(tmp_path / "missing.keras")


@pytest.mark.parametrize(
    ("precision", "check", "maps", "lines"),
    [
        ("fp32", Check(8, Difference(1e-6, 2e-4), 1.0), None, ["boxes within 0.0002 px, scores 1e-06"]),
        ("fp16", Check(8, None, 0.995), None, ["finds 99.5% of the Keras", "mAP was not measured; set --eval"]),
        (
            "int8",
            Check(8, None, None),
            (0.8, 0.79),
            ["no detections to compare", "0.7900, Keras model 0.8000: loss"],
        ),
        ("fp32", Check(8, Difference(0, 0), 1.0), (0.8, 0.81), ["boxes within 0 px", "gain 0.0100"]),
        ("fp32", Check(8, Difference(0, 0), 1.0), (float("nan"),) * 2, ["boxes within", "no objects to evaluate on"]),
    ],
)
def test_what_a_person_is_told(tmp_path, precision, check, maps, lines):
    told = export_lines(Exported(tmp_path, precision, check, "toys/val", maps))
    assert len(told) == len(lines)
    for part, line in zip(lines, told, strict=True):
        assert part in line
    assert "8 images of toys/val" in told[0]


def test_weights_take_no_other_options():
    result = CliRunner().invoke(main, ["export", "m.keras", "--format", "weights", "--nms"])
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: --format: weights are written unchanged, so only --out and --replace")


@pytest.mark.slow
@pytest.mark.parametrize("original", ["ssdlite-efficientnet"], indirect=True, scope="session")
def test_the_command(original, store_root, tmp_path):
    pytest.importorskip("ai_edge_litert")
    classes = ("ball", "crate", "other")
    schema = original.schema.model_copy(update={"classes": classes, "detect": Detect(score=0.3)})
    save_model(original.network, schema, tmp_path / "model.keras")
    options = ["--format", "litert", "--nms", "--precision", "int8", "--calibrate", "tiny/train", "--eval", "tiny/test"]
    result = CliRunner().invoke(main, ["export", str(tmp_path / "model.keras"), *options])
    assert result.exit_code == 0, result.output
    path = tmp_path / "model-nms-int8.tflite"
    first, compared, measured = result.stdout.splitlines()
    assert first == f"litert: {path}"
    assert compared.endswith("on 2 images of tiny/test")
    assert measured.startswith("mAP ")
    assert json.loads(zipfile.ZipFile(path).read("multibox.json"))["classes"] == list(classes)
    judged = CliRunner().invoke(main, ["eval", str(path), "--data", "tiny/test", "--json"])
    assert f"mAP {json.loads(judged.stdout)['map']:.4f}," in measured


def test_the_command_offers_the_formats_of_the_library():
    assert (*FORMATS, "weights") == CHOICES
