"""Small valid inputs of every kind but layouts: images, models, weights, configurations, detections, and bodies."""

import base64
import io
import json
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.mutation.changes import Content
from benchmarks.mutation.layouts import LAYOUTS, image, tools
from benchmarks.mutation.litert_file import tiny_tflite
from benchmarks.mutation.seed import BUILT, INPUT, MODEL, PHOTO, SHOP, Command, Seed
from colored import make_schema
from importers.caffe_nets import Writer as CaffeWriter
from importers.caffe_nets import binary, prototxt
from importers.caffe_nets import layer as caffe_layer
from importers.caffe_writer import caffemodel, legacy_caffemodel
from multibox.config_file import load_config, to_yaml
from multibox.importers.caffe_detector import plan_detector
from multibox.importers.caffe_net import binary_net
from multibox.models.maps import feature_maps
from multibox.models.schema import MEMBER, Schema
from tiny_onnx import write_tiny_onnx

KINDS = ("layouts", "tools", "images", "models", "weights", "caffe", "configurations", "detections", "bodies")


def all_seeds() -> list[Seed]:
    """All seeds, those of a kind together, in the order of :data:`KINDS`."""
    made = [*LAYOUTS, *tools(), *_images(), *_models(), *_weights(), *_configurations(), *_detections(), *_bodies()]
    return sorted(made, key=lambda seed: KINDS.index(seed.kind))


def _given(path: str, make: Callable[[], bytes]) -> Callable[[], Content]:
    return lambda: {f"{INPUT}/{path}": make()}


def _images() -> list[Seed]:
    def pillow(kind: str, mode: str = "RGB", **options: object) -> Callable[[], bytes]:
        def make() -> bytes:
            into = io.BytesIO()
            frames = [Image.new("RGB", (40, 30), (shade, 90, 30)).convert(mode) for shade in (10, 90)]
            more = {"append_images": frames[1:]} if options.get("save_all") else {}
            frames[0].save(into, kind, **options, **more)
            return into.getvalue()

        return make

    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "a.jpg": lambda: image(".jpg"),
        "turned.jpg": pillow("JPEG", exif=exif),
        "progressive.jpg": pillow("JPEG", progressive=True, comment=b"c"),
        "cmyk.jpg": pillow("JPEG", "CMYK"),
        "a.png": lambda: image(".png"),
        "palette.png": pillow("PNG", "P", transparency=3),
        "grey16.png": pillow("PNG", "I;16"),
        "alpha.png": pillow("PNG", "RGBA", optimize=True),
        "a.bmp": lambda: image(".bmp"),
        "palette.bmp": pillow("BMP", "P"),
        "a.webp": lambda: image(".webp"),
        "lossless.webp": pillow("WEBP", lossless=True),
        "animated.webp": pillow("WEBP", save_all=True),
        "a.tiff": lambda: image(".tiff"),
        "packed.tif": pillow("TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": pillow("TIFF", compression="jpeg"),
        "pages.tif": pillow("TIFF", save_all=True, compression="tiff_lzw"),
        "a.gif": pillow("GIF"),
        "animated.gif": pillow("GIF", save_all=True, duration=50),
        "a.avif": pillow("AVIF"),
        "a.jp2": pillow("JPEG2000"),
        "a.heic": _heif,
        "a.ppm": pillow("PPM"),
    }
    return [_image_seed(name, make) for name, make in files.items()]


def _heif() -> bytes:
    import pillow_heif

    into = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (40, 30), (90, 30, 60))).save(into, quality=50)
    return into.getvalue()


def _image_seed(name: str, make: Callable[[], bytes]) -> Seed:
    """An image beside an undamaged one, both with a label."""
    stem = name.partition(".")[0]
    labels = {f"{INPUT}/{one}.txt": b"0 0.5 0.4 0.5 0.5\n" for one in (stem, "whole")}
    whole = {f"{INPUT}/whole.png": image(), f"{INPUT}/classes.txt": b"cat\n", **labels}
    commands = (
        ("predict", MODEL, INPUT, "--out", "out", "--save", "json"),
        ("predict", MODEL, f"{INPUT}/{name}", "--out", "out"),
        ("data", "build", INPUT, "--name", "m"),
        ("data", "build", INPUT, "--name", "m", "--on-bad", "skip"),
        ("data", "check", INPUT),
        ("POST", "/v1/detect", "multipart/form-data", f"{INPUT}/{name}"),
    )
    return Seed(
        "images", name, lambda: {f"{INPUT}/{name}": make(), **whole}, commands, tuple(whole), changes_images=True
    )


def _models() -> list[Seed]:
    def commands(path: str, *more: str) -> tuple[Command, ...]:
        return (
            ("info", path),
            ("predict", path, PHOTO, "--out", "out", "--save", "json", *more),
            ("eval", path, "--data", f"{BUILT}/test", *more),
        )

    onnx, xml, tflite = (f"{INPUT}/model{suffix}" for suffix in (".onnx", ".xml", ".tflite"))
    return [
        Seed("models", "ONNX", _given("model.onnx", tiny_onnx), commands(onnx)),
        Seed("models", "ONNX with OpenVINO", _given("model.onnx", tiny_onnx), commands(onnx, "--runtime", "openvino")),
        Seed("models", "ONNX with MNN", _given("model.onnx", tiny_onnx), commands(onnx, "--runtime", "mnn"), slow=True),
        Seed(
            "models", "ONNX with ncnn", _given("model.onnx", tiny_onnx), commands(onnx, "--runtime", "ncnn"), slow=True
        ),
        Seed("models", "ncnn", _ncnn, commands(f"{INPUT}/model.ncnn")),
        Seed("models", "OpenVINO", _openvino, commands(xml)),
        Seed("models", "LiteRT", _given("model.tflite", lambda: _with_schema(tiny_tflite())), commands(tflite)),
        Seed("models", "Keras", _given("model.keras", _keras), (("info", f"{INPUT}/model.keras"),)),
        Seed("models", "a graph", _given("graph.keras", _graph_keras), (("info", f"{INPUT}/graph.keras"),)),
    ]


def tiny_onnx() -> bytes:
    """A model that is run by its file, of three colours."""
    with tempfile.TemporaryDirectory() as folder:
        return write_tiny_onnx(Path(folder) / "tiny.onnx").read_bytes()


def _ncnn() -> Content:
    import onnx

    from multibox.runtimes.ncnn_files import write_files
    from multibox.runtimes.ncnn_graph import to_ncnn

    with tempfile.TemporaryDirectory() as folder:
        model = onnx.load(write_tiny_onnx(Path(folder) / "tiny.onnx"))
        made = Path(folder) / "model.ncnn"
        made.mkdir()
        write_files(to_ncnn(model, make_schema().make_priors()), make_schema(), made)
        return {f"{INPUT}/model.ncnn/{path.name}": path.read_bytes() for path in made.iterdir()}


def _openvino() -> Content:
    from multibox.runtimes.openvino import import_openvino

    openvino = import_openvino()
    with tempfile.TemporaryDirectory() as folder:
        model = openvino.convert_model(write_tiny_onnx(Path(folder) / "tiny.onnx"))
        model.set_rt_info(make_schema().to_json(), [MEMBER])
        openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        return {f"{INPUT}/model{suffix}": (Path(folder) / f"model{suffix}").read_bytes() for suffix in (".xml", ".bin")}


def _with_schema(head: bytes, **members: bytes) -> bytes:
    into = io.BytesIO(head)
    with zipfile.ZipFile(into, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, held in {MEMBER: make_schema().to_json().encode(), **members}.items():
            archive.writestr(name, held)
    return into.getvalue()


def _h5(**arrays: np.ndarray) -> bytes:
    import h5py

    into = io.BytesIO()
    with h5py.File(into, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return into.getvalue()


def _keras() -> bytes:
    weights = {"layers/conv/vars/0": np.ones((3, 3, 3, 4), np.float32), "layers/conv/vars/1": np.ones(4, np.float32)}
    return _with_schema(b"", **{"model.weights.h5": _h5(**weights), "config.json": b"{}", "metadata.json": b"{}"})


def _graph_keras() -> bytes:
    net = binary_net(memoryview(binary(_detector())))
    plan = plan_detector(net, net, {}, ())
    maps = feature_maps(plan.network)
    schema = Schema(network=plan.network, maps=maps, classes=plan.classes, priors=plan.priors)
    return _with_schema(b"", **{MEMBER: schema.to_json().encode(), "model.weights.h5": _h5(**{"layers/a": np.ones(4)})})


TENSORS = {"vgg.0.weight": (4, 3, 3, 3), "vgg.0.bias": (4,), "extras.0.weight": (2, 4, 1, 1)}


def _weights() -> list[Seed]:
    layers = {
        "conv1_1": [np.ones((4, 3, 3, 3), "f4"), np.zeros(4, "f4")],
        "conv1_2": [np.ones((4, 4, 3, 3), "f4"), np.zeros(4, "f4")],
    }
    kernel, bias = np.ones((3, 3, 3, 4), "f4"), np.zeros(4, "f4")
    named = {"conv1_1/conv1_1/kernel:0": kernel, "conv1_1/conv1_1/bias:0": bias}
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        "zip of tensors": ("torch_file:read_state_dict", _torch_zip),
        "chain of pickles": ("torch_file:read_state_dict", _torch_legacy),
        "caffemodel": ("caffe_file:read_caffemodel", lambda: caffemodel(layers)),
        "caffemodel of before 2014": ("caffe_file:read_caffemodel", lambda: legacy_caffemodel(layers)),
        "HDF5": ("h5_file:read_h5", lambda: _h5(**named)),
        "HDF5, listed": ("h5_file:list_h5", lambda: _h5(**named)),
    }
    detector = _detector()
    plans = {
        "detector.caffemodel": lambda: binary(detector),
        "dataset.caffemodel": lambda: binary([_dataset(), *detector[1:]]),
        "deploy.prototxt": lambda: prototxt(detector).encode(),
    }
    return [
        Seed("weights", title, _given("weights", make), (("READ", reader, f"{INPUT}/weights"),))
        for title, (reader, make) in files.items()
    ] + [Seed("caffe", name, _given(name, make), (("PLAN", f"{INPUT}/{name}"),)) for name, make in plans.items()]


def _detector() -> list[dict[str, object]]:
    """A network of Caffe with two maps."""
    net = CaffeWriter((3, 128, 128), 3)
    x = net.relu(net.norm(net.conv("data", "conv1", 4, 3, stride=8, pad=1, bias=False), "bn1", factor=99.0))
    y = net.conv(x, "grouped", 4, 3, pad=2, dilation=2, group=2)
    x = net.add("sum", "Eltwise", [x, y], 4, eltwise_param={"operation": "SUM"})
    net.head(x, 4, min_size=20, max_size=40, aspect_ratio=2, step=8)
    net.head(net.pool(x, "pool", 3, 2, pool="AVE", pad=1), 1, min_size=60)
    return net.detect(keep_top_k=100, confidence_threshold=0.25)


def _dataset() -> dict[str, object]:
    """A layer that gives the images as training does: resized with borders, cut, and less a mean."""
    resize = {"resize_mode": "FIT_LARGE_SIZE_AND_PAD", "height": 144, "width": 144, "pad_value": [104, 117, 123]}
    transform = {"scale": 0.5, "crop_size": 128, "mean_value": [104, 117, 123], "resize_param": resize}
    return caffe_layer("data", "AnnotatedData", tops=["data", "label"], transform_param=transform)


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _whole(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _state_dict() -> bytes:
    """The pickle of a state dict, written here so that PyTorch is not needed."""
    ordered = b"ccollections\nOrderedDict\n)R"
    rows = b""
    for key, (name, shape) in enumerate(TENSORS.items()):
        storage = b"((X\7\0\0\0storagectorch\nFloatStorage\n" + _text(str(key)) + _text("cpu")
        strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        size, stride = (b"(" + b"".join(map(_whole, numbers)) + b"t" for numbers in (shape, strides))
        tensor = storage + _whole(int(np.prod(shape))) + b"tQ" + _whole(0) + size + stride + b"\x89" + ordered + b"tR"
        rows += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n" + tensor
    return b"\x80\x02" + ordered + b"(" + rows + b"u."


def _torch_zip() -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("w/data.pkl", _state_dict())
        archive.writestr("w/byteorder", b"little")
        for key, shape in enumerate(TENSORS.values()):
            archive.writestr(f"w/data/{key}", np.ones(shape, "<f4").tobytes())
        archive.writestr("w/version", b"3\n")
    return into.getvalue()


def _torch_legacy() -> bytes:
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, machine)]
    keys = pickle.dumps([str(key) for key in range(len(TENSORS))], 2)
    numbers = [struct.pack("<q", int(np.prod(shape))) + np.ones(shape, "<f4").tobytes() for shape in TENSORS.values()]
    return b"".join([*parts, _state_dict(), keys, *numbers])


def _configurations() -> list[Seed]:
    path = f"{INPUT}/config.yaml"
    small = (
        "extends: ssdlite-efficientnet\nnetwork:\n  size: [128, 128]\ndetect: {show: 0.4, nms_iou: 0.5}\n"
        "augment:\n  flip: 0.5\n  expand: {probability: 0.2, ratio: 2}\nmatch:\n  iou: 0.45\n"
    )
    parent = "network: {trunk: mobilenet_v2, layout: ssdlite, size: [128, 160]}\ntrain:\n  epochs: 3\n"
    sizes = "sizes: [30, 60, 111, 162, 213, 264, 315], variances: [0.1, 0.1, 0.2, 0.2]"
    priors = f"extends: ssd300-vgg16-voc07\npriors: {{{sizes}}}\n"
    files: dict[str, Callable[[], dict[str, str]]] = {
        "every field": lambda: {"config.yaml": to_yaml(load_config())},
        "every field of another preset": lambda: {"config.yaml": to_yaml(load_config("ssd300-vgg16-voc07"))},
        "extends a preset": lambda: {"config.yaml": small},
        "extends a file": lambda: {
            "config.yaml": f"extends: {INPUT}/parent.yaml\nnetwork: {{}}\n",
            "parent.yaml": parent,
        },
        "priors": lambda: {"config.yaml": priors},
    }
    commands = (
        ("data", "show", BUILT, "--config", path, "--count", "2", "--out", "examples.png"),
        ("data", "check", BUILT, "--config", path),
        ("data", "check", f"{BUILT}/train", "--config", path, "--priors", "priors.yaml"),
    )

    def seed(name: str, make: Callable[[], dict[str, str]]) -> Seed:
        return Seed(
            "configurations",
            name,
            lambda: {f"{INPUT}/{file}": text.encode() for file, text in make().items()},
            commands,
        )

    return [seed(name, make) for name, make in files.items()]


def _detections() -> list[Seed]:
    found = [
        {"image_id": name, "category_id": i + 1, "bbox": [10, 5.5, 20, 15], "score": 0.9 - 0.2 * i}
        for name in ("a", "b", "c")
        for i in range(2)
    ]
    ids = {
        "images": [{"id": 7, "file_name": "photo.png"}, {"id": "x", "file_name": "other/else.png"}],
        "annotations": [],
        "categories": [{"id": i, "name": name} for i, name in enumerate((*SHOP, "green"))],
    }
    judged = f"{INPUT}/found.json"
    judging: tuple[Command, ...] = (
        ("eval", judged, "--data", f"{BUILT}/train"),
        ("eval", judged, "--data", f"{BUILT}/train", "--report", "report"),
        ("eval", MODEL, "--data", f"{BUILT}/train", "--compare", judged, "--report", "report"),
    )
    taking = ("predict", MODEL, PHOTO, "--out", "out", "--save", "coco", "--ids-from", f"{INPUT}/ids.json")
    return [
        Seed("detections", "COCO results", _given("found.json", lambda: json.dumps(found).encode()), judging),
        Seed("detections", "ids", _given("ids.json", lambda: json.dumps(ids).encode()), (taking,)),
    ]


def _part(name: str, held: bytes, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + held + b"\r\n"


def _form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


def _tensors(given: dict, content: bytes) -> bytes:
    """A request of the Open Inference Protocol whose tensor stands behind its JSON."""
    given = {"name": "image", "parameters": {"binary_data_size": len(content)}} | given
    return json.dumps({"id": "7", "inputs": [given], "last": 0}).encode() + content


def _bodies() -> list[Seed]:
    photo = image(".jpg")
    text = base64.b64encode(photo).decode()
    objects = json.dumps([{"name": "red", "box": [1, 2, 20, 15.5]}]).encode()
    pixels = {"name": "image", "shape": [1, 4, 4, 3], "datatype": "UINT8", "data": [7] * 48}
    encoded = len(photo).to_bytes(4, "little") + photo
    asked = {"parameters": {"score": 0.5}, "outputs": [{"name": "boxes", "parameters": {"binary_data": True}}]}
    detect, infer, explain = "/v1/detect", "/v2/models/model/infer", "/v1/explain"
    json_, form = "application/json", "multipart/form-data"
    bodies = {
        "JSON.json": (detect, json_, json.dumps({"images": [{"data": text, "name": "a"}], "score": 0.1}).encode()),
        "form": (detect, form, _form(_part("images", photo, "a.jpg"), _part("score", b"0.3"))),
        "explain detections": (
            f"{explain}/detections",
            form,
            _form(_part("image", photo, "a.jpg"), _part("score", b"0")),
        ),
        "explain matching": (f"{explain}/matching", form, _form(_part("image", photo, "a"), _part("objects", objects))),
        "explain augmentation": (
            f"{explain}/augmentation",
            form,
            _form(_part("image", photo, "a"), _part("objects", objects), _part("seed", b"3")),
        ),
        "pixels.json": (infer, json_, json.dumps({"inputs": [pixels], **asked}).encode()),
        "texts.json": (
            infer,
            json_,
            json.dumps({"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [text]}]}).encode(),
        ),
        "tensor of pixels": (infer, "", _tensors({"shape": [1, 4, 4, 3], "datatype": "UINT8"}, bytes(48))),
        "tensor of bytes": (infer, "", _tensors({"shape": [1], "datatype": "BYTES"}, encoded)),
    }

    def seed(name: str, path: str, kind: str, body: bytes) -> Seed:
        file = f"{INPUT}/{name}"
        return Seed("bodies", name, lambda: {file: body}, (("POST", path, kind, file),))

    return [seed(name, *rest) for name, rest in bodies.items()]
