import numpy as np
import onnxruntime
import pytest

from colored import make_schema
from multibox.config import Network
from multibox.detect import runtimes
from multibox.detect.detector import load
from multibox.detect.runtimes import KerasRuntime, OnnxRuntime
from multibox.errors import BadInput, RunFailed
from multibox.export import check_same, export_onnx, require_onnx, write_onnx
from multibox.priors import FeatureMap

keras = pytest.importorskip("keras")

SCHEMA = make_schema(
    network=Network(size=(128, 160)),
    maps=(FeatureMap("a", 16, 20, 8, 8), FeatureMap("b", 8, 10, 16, 16), FeatureMap("c", 4, 5, 32, 32)),
    thresholds={"red": 0.3},
)


@pytest.fixture(scope="module")
def network():
    """A small network with the outputs of SSD: two strided convolutions, and heads on three maps."""
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
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the export needs Keras on TensorFlow")
    path = tmp_path_factory.mktemp("export") / "new" / "model.onnx"
    write_onnx(network, SCHEMA, path)
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


def test_the_schema_travels_along(exported, network):
    runtime = OnnxRuntime(exported)
    assert runtime.schema == SCHEMA
    assert runtime.metadata[runtimes.PARAMETERS] == str(network.count_params())


def test_the_detector_finds_the_same(exported, network):
    image = np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8)
    from_onnx = load(exported)(image, score=0.3)
    from_keras = type(load(exported))(KerasRuntime(network, SCHEMA))(image, score=0.3)
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
        def __call__(self, images):
            logits, deltas = super().__call__(images)
            return logits, deltas + 0.1

    check_same(KerasRuntime(network, SCHEMA), OnnxRuntime(exported))
    with pytest.raises(RunFailed, match="boxes are not those of the original"):
        check_same(KerasRuntime(network, SCHEMA), Other(network, SCHEMA))


def test_nothing_is_left_of_a_failed_export(network, tmp_path, monkeypatch):
    def fail(*_):
        raise RunFailed("no")

    monkeypatch.setattr("multibox.export._convert", fail)
    with pytest.raises(RunFailed):
        write_onnx(network, SCHEMA, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'multibox\[train,export\]'"):
        require_onnx("model.keras")
    with pytest.raises(BadInput, match=r"model\.keras: needs Keras.*pip install 'multibox\[train\]'"):
        runtimes.require_keras("model.keras")


@pytest.mark.parametrize(
    ("name", "message"), [("model.onnx", "is ONNX already"), ("missing.keras", "no such model file")]
)
def test_not_a_keras_file(tmp_path, name, message):
    with pytest.raises(BadInput, match=message):
        export_onnx(tmp_path / name)
