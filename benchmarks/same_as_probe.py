"""The part of ``same_as.py`` that runs in each interpreter: it gives the results of one installation as named arrays.

It uses the command line, the public functions of Multibox, and the functions in :data:`MOVED`.
"""

import argparse
import contextlib
import csv
import hashlib
import importlib
import io
import json
import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

Results = dict[str, np.ndarray]

MOVED = {
    "feature_maps": ["multibox.models.maps"],
    "load_config": ["multibox.config", "multibox.config_file"],
    "make_priors": ["multibox.priors"],
    "open_store": ["multibox.data.store"],
    "training_batches": ["multibox.prepare.pipeline"],
}
"""Modules of the functions that are not public, in the old and in the new version. The first match counts."""

DETECTED, RAW = 50, 3
"""Number of images for detection and for exported files."""

STORES = {"sample": 200, "small": 20}
"""Number of rendered images in the dataset for training and in the one for calibration."""

DEMO = ["network.size=[224,224]", "train.lr=2e-3", "train.epochs=2", "train.steps_per_epoch=15"]
DEMO += ["train.validate_every=1", "train.log_every=1"]
"""The configuration of ``make demo``, for 30 steps."""

BATCH = {"tensorflow": 8, "jax": 2}
"""Images per step. On one CPU thread, JAX trains at a tenth of TensorFlow's speed."""

MIXED = ("mosaic", "mixup", "affine", "cutout", "clahe", "blur", "noise")
EXAMPLES = {
    "demo": ["network.size=[224,224]"],
    "all": [*(f"augment.{name}.probability=0.5" for name in MIXED), "augment.flip=0.5", "match.method=atss"],
    "letterbox": ["data.resize=letterbox", "data.difficult=drop", "augment.mosaic.probability=1"],
}

EXPORTS = {"onnx": ".onnx", "saved-model": ".savedmodel", "litert": ".tflite", "openvino": ".xml"}
RUNTIMES = {"onnx": "onnxruntime", "keras": "keras", "openvino": "openvino", "mnn": "MNN"}
"""The runtimes that read the bundled detector as it is, and their packages."""

WAYS: dict[str, dict[str, Any]] = {
    "tta": {"tta": True},
    "tiles": {"tiles": "2x2"},
    "soft": {"nms": "soft-gaussian"},
    "agnostic": {"agnostic": True, "nms_iou": 0.3},
}
SAVED = ("json", "jsonl", "coco", "voc", "yolo-score", "csv")
TIMES = {"seconds", "images_per_second", "data_wait"}

FEW_STEPS = """
data: {train: [small/train], val: [small/val]}
train: {epochs: 2, steps_per_epoch: 1, batch: 2, validate_every: 1, log_every: 1}
"""
CONFIGS = {
    "five-scripts": """
extends: ssd300-resnet50-voc0712
network: {resnet50: seed, downsample_padding: same, weights: none}
priors: {order: seed}
""",
    "torchvision": """
extends: ssdlite-efficientnet
network: {trunk: mobilenet_v3_large, ssdlite: torchvision, tail: reduced, weights: none, batch_norm: trained}
priors: {clip: sizes}
loss: {classes: varifocal, boxes: giou}
""",
}
"""Configurations as version 0.1.0 spells them."""


def named(name: str) -> Any:
    """A function of Multibox, wherever this version has it."""
    for module in MOVED[name]:
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), name)
    raise SystemExit(f"{name}: found in none of {', '.join(MOVED[name])}; add its module to MOVED")


def multibox(*words: str) -> str:
    """Run a command in this process, and return what it printed."""
    printed, sys.argv = io.StringIO(), ["multibox", *words]
    print("$ multibox", *words, file=sys.stderr, flush=True)
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_module("multibox", run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"multibox {' '.join(words)}: ended with code {end.code}") from None
    return printed.getvalue()


def digest(data: bytes) -> np.ndarray:
    return np.array(hashlib.sha256(data).hexdigest())


def of_files(folder: str) -> Results:
    """A digest of each file in a folder, except markers such as ``.multibox``, which hold times of files."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".multibox"))
    return {str(path): digest(path.read_bytes()) for path in files}


def flat(value: Any, name: str) -> Results:
    """The leaves of a JSON value, each by its path, without times."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for k, v in items if k not in TIMES for key, leaf in flat(v, f"{name}/{k}").items()}
    return {name: np.array(value if isinstance(value, int | float) else str(value))}


def ensure_stores() -> None:
    """Render and build the two datasets, unless they exist."""
    for name, images in STORES.items():
        if not Path(os.environ["MULTIBOX_DATA"], name).is_dir():
            multibox("data", "sample", name, "--images", str(images))
            multibox("data", "build", name, "--name", name)


def ensure_run(name: str, *words: str) -> Path:
    """Train under a name, unless that run has ended before."""
    ensure_stores()
    folder = Path("experiments", name)
    if not (folder / "best.keras").is_file():  # written last
        shutil.rmtree(folder, ignore_errors=True)
        multibox("train", "--name", name, *words)
    return folder


def ensure_demo(backend: str = "tensorflow") -> Path:
    return ensure_run(f"demo-{backend}", "--data", "sample", *DEMO, f"train.batch={BATCH[backend]}")


def ensure_exports() -> Iterator[Path]:
    """Export the bundled detector to every format, and give the paths. Existing files are kept."""
    ensure_stores()
    Path("exports").mkdir(exist_ok=True)
    for kind, precision, nms in product(EXPORTS, ("fp32", "fp16", "int8"), (False, True)):
        if kind == "saved-model" and precision != "fp32":
            continue
        path = Path("exports", f"voc20-{kind}-{precision}{'-nms' * nms}{EXPORTS[kind]}")
        words = [*["--nms"] * nms, *["--calibrate", "small/train"] * (precision == "int8")]
        if not path.exists():
            multibox("export", "voc20", "--format", kind, "--precision", precision, *words, "--out", str(path))
        yield path


def of_run(folder: Path) -> Results:
    """The losses of each step, the figures of each validation, and the last checkpoint of a run."""
    results: Results = {}
    for table in ("log.csv", "validation.csv"):
        for i, row in enumerate(csv.DictReader(io.StringIO((folder / table).read_text()))):
            results |= {f"{table}/{i}/{key}": np.array(value) for key, value in row.items() if key not in TIMES}
    with np.load(sorted((folder / "checkpoints").glob("step-*.npz"))[-1]) as arrays:
        results |= {f"checkpoint/{name}": arrays[name] for name in arrays.files if name != "state.json"}
    return results


def of_detections(found: list[Any], name: str) -> Results:
    columns = ("boxes", "scores", "labels")
    return {f"{name}/{i}/{column}": getattr(one, column) for i, one in enumerate(found) for column in columns}


def of_evaluation(model: Path) -> Results:
    """The figures of a model for three ways of evaluation, and its detections as columns."""
    results: Results = {}
    for how in ([], ["--strict"], ["--nms", "soft-linear", "--agnostic"]):
        name, file = " ".join(how) or "plain", Path("found.json")
        figures = multibox("eval", str(model), "--data", "sample/test", "--json", "--save-detections", str(file), *how)
        found = json.loads(file.read_text())
        results |= flat(json.loads(figures), name)
        results |= {f"{name}/found/{key}": np.array([row[key] for row in found]) for key in found[0]}
    return results


def of_store(name: str) -> Results:
    store = named("open_store")(name)
    results = {"digest": np.array(store.meta.digest), "classes": np.array(store.meta.classes)}
    for record in store:
        columns = {column: np.asarray(values) for column, values in vars(record.objects).items()}
        results |= {f"{record.id}/image": digest(record.image)}
        results |= {f"{record.id}/{column}": values for column, values in columns.items()}
    return {f"{name}/{key}": value for key, value in results.items()}


def images_of(folder: Path | None) -> list[str]:
    """The images to detect in."""
    ensure_stores()
    paths = sorted(path for path in (folder or Path("sample/JPEGImages")).iterdir() if path.suffix == ".jpg")
    return list(map(str, paths[:DETECTED]))


def probe_store(_: argparse.Namespace) -> Results:
    """Rendered files, their stores with digests and records, statistics, and exported datasets."""
    ensure_stores()
    results = of_files("sample")
    for split in ("train", "val", "test"):
        results |= of_store(f"sample/{split}")
    results |= flat(json.loads(multibox("data", "stats", "sample", "--json")), "stats")
    for kind in ("voc", "coco", "yolo", "csv"):
        multibox("data", "export", "small", "--format", kind, "--out", f"as-{kind}")
        results |= of_files(f"as-{kind}")
    return results


def probe_examples(_: argparse.Namespace) -> Results:
    """Training examples 0 to 99, for the demo and for configurations with every augmentation."""
    ensure_stores()
    store, results = named("open_store")("sample/train"), {}
    for name, overrides in EXAMPLES.items():
        fields = ["train.batch=10", "data.workers=0", *overrides]
        config = named("load_config")("ssdlite-efficientnet", fields)
        priors = named("make_priors")(named("feature_maps")(config.network), config.priors, config.network.size)
        results[f"{name}/priors"] = priors
        with named("training_batches")([store], store.meta.classes, priors, config) as batches:
            for i in range(10):
                images, targets = next(batches)
                results |= {f"{name}/{i}/{key}": value for key, value in {"images": images, **targets}.items()}
    return results


def probe_train(_: argparse.Namespace) -> Results:
    """30 steps of the demo: each loss, the validations, and the final weights."""
    return of_run(ensure_demo(os.environ["KERAS_BACKEND"]))


def probe_eval(_: argparse.Namespace) -> Results:
    """Figures and detections of the trained model, from the command line and from Python."""
    model = ensure_demo() / "best.keras"
    import multibox as library

    return of_evaluation(model) | {"library": np.array(library.evaluate(str(model), "sample/val").map)}


def probe_detect(options: argparse.Namespace) -> Results:
    """Detections of the bundled detector, for each installed runtime, each option and each saved format."""
    from multibox import load

    images, results = images_of(options.images), {}
    for runtime in (name for name, package in RUNTIMES.items() if find_spec(package)):
        found = load("voc20", runtime=runtime, threads=None if runtime == "keras" else 1)(images, score=0.01)
        results |= of_detections(found, runtime)
    for name, way in WAYS.items():
        results |= of_detections(load("voc20", threads=1, **way)(images[:10], score=0.01), name)
    for path in ensure_exports():
        if path.suffix in (".tflite", ".savedmodel") and "fp32" in path.name:
            results |= of_detections(load(path)(images, score=0.01), path.name)
    formats = [word for name in SAVED for word in ("--save", name)]
    multibox("predict", *images[:10], "--score", "0.01", "--threads", "1", "--out", "found", *formats)
    return results | of_files("found")


def probe_exports(options: argparse.Namespace) -> Results:
    """Outputs of every exported file, computed without Multibox."""
    import cv2

    images = np.stack([cv2.resize(cv2.imread(path), (320, 320))[..., ::-1] for path in images_of(options.images)[:RAW]])
    return {f"{path.name}/{key}": value for path in ensure_exports() for key, value in run_file(path, images).items()}


def run_file(path: Path, images: np.ndarray) -> Results:
    """The outputs of an exported file, by name, in the runtime of its format."""
    if path.suffix == ".onnx":
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {"image": images}), strict=True))
    if path.suffix == ".savedmodel":
        import tensorflow

        model = tensorflow.saved_model.load(str(path))
        outputs = model.signatures["serving_default"](image=tensorflow.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        run = Interpreter(model_path=str(path), num_threads=1).get_signature_runner()
        return {f"{i}/{key}": value for i in range(len(images)) for key, value in run(image=images[i : i + 1]).items()}
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    return {output.get_any_name(): value for output, value in model({"image": images}).items()}


def probe_write(_: argparse.Namespace) -> Results:
    """Write the stores, runs and exported files that the other version has to open."""
    ensure_demo()
    for name, text in CONFIGS.items():
        Path(f"{name}.yaml").write_text(text + FEW_STEPS)
        ensure_run(name, "--config", f"{name}.yaml")
    return {path.name: np.array(path.exists()) for path in ensure_exports()}


def probe_reopen(options: argparse.Namespace) -> Results:
    """What the old version wrote: its stores, configurations, runs, models and exported files, opened and used."""
    from multibox import load

    images, written = [str(Path(path).resolve()) for path in images_of(options.images)], options.written
    os.environ["MULTIBOX_DATA"] = str(written / "data")
    results = of_store("sample/train")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in CONFIGS:
            multibox("train", "--config", str(written / f"{name}.yaml"), "--name", name)
            results |= {f"train/{name}/{key}": value for key, value in of_run(Path("experiments", name)).items()}
        for name in (*CONFIGS, "demo-tensorflow"):
            run = Path("experiments", f"resumed-{name}")
            shutil.copytree(written / "experiments" / name, run)
            sorted((run / "checkpoints").glob("step-*.npz"))[-1].unlink()
            multibox("train", "--resume", run.name)
            results |= {f"resume/{name}/{key}": value for key, value in of_run(run).items()}
        model = written / "experiments" / "demo-tensorflow" / "best.keras"
        results |= of_evaluation(model) | of_detections(load(model)(images[:10], score=0.01), "best.keras")
    for path in sorted((written / "exports").glob("voc20-*")):
        if path.suffix != ".bin":
            results |= of_detections(load(path)(images[:5], score=0.01), path.name)
    return results


PROBES: dict[str, Callable[[argparse.Namespace], Results]] = {
    "store": probe_store,
    "examples": probe_examples,
    "train-tensorflow": probe_train,
    "train-jax": probe_train,
    "eval": probe_eval,
    "detect": probe_detect,
    "exports": probe_exports,
    "reopen": probe_reopen,
    "write": probe_write,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PROBES)
    parser.add_argument("out", type=Path, help="File to write the arrays to.")
    parser.add_argument("--written", type=Path, help="Folder of what the old version wrote.")
    parser.add_argument("--images", type=Path, help="Folder of JPEG images to detect in. Rendered ones by default.")
    options = parser.parse_args()
    print("Multibox:", find_spec("multibox").origin, file=sys.stderr, flush=True)  # type: ignore[union-attr]
    np.savez(options.out, **PROBES[options.part](options))


if __name__ == "__main__":
    main()
