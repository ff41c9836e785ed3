"""Show that a rebuild changed nothing but the shape: two installations of Multibox have to give the same bits.

    python benchmarks/same_as.py --old OLD/bin/python --new NEW/bin/python --work same_as

Each part runs in both interpreters, one thread each, on the CPU. ``--new-path src`` puts a working tree before what
the new interpreter has installed. What the old one wrote is kept in ``--work`` and reused. The new one starts afresh.
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
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

Results = dict[str, np.ndarray]

MOVED = {
    "make_priors": ["multibox.priors"],
    "feature_maps": ["multibox.models.maps"],
    "training_batches": ["multibox.prepare.pipeline"],
    "open_store": ["multibox.data.store"],
    "load_config": ["multibox.config", "multibox.config_file"],
}
"""Where each name that is not public is found; the first module that has it counts."""

IMAGES, SMALL = 200, 20
"""Rendered images to train on and to calibrate with."""
DETECTED, RAW = 50, 3
"""Images to detect in, and to run exported files on."""
TRAIN = ["network.size=[224,224]", "train.epochs=2", "train.steps_per_epoch=15", "train.lr=2e-3"]
TRAIN += ["train.validate_every=1", "train.log_every=1"]
"""The configuration of ``make demo``, for 30 steps."""
RANDOM = ("mosaic", "mixup", "affine", "cutout", "clahe", "blur", "noise")
EXAMPLES = {
    "demo": ["network.size=[224,224]"],
    "all": [*(f"augment.{name}.probability=0.5" for name in RANDOM), "augment.flip=0.5", "match.method=atss"],
    "letterbox": ["data.resize=letterbox", "data.difficult=drop", "augment.mosaic.probability=1"],
}
EXPORTS = {
    "onnx": (".onnx", ("fp32", "fp16", "int8")),
    "saved-model": (".savedmodel", ("fp32",)),
    "litert": (".tflite", ("fp32", "fp16", "int8")),
    "openvino": (".xml", ("fp32", "fp16", "int8")),
}
PACKAGES = {"onnx": "onnxruntime", "keras": "keras", "openvino": "openvino", "mnn": "MNN"}
"""The runtimes that read the bundled detector as it is, by their packages."""
WAYS: dict[str, dict[str, Any]] = {
    "tta": {"tta": True},
    "tiles": {"tiles": "2x2"},
    "soft": {"nms": "soft-gaussian"},
    "agnostic": {"agnostic": True, "nms_iou": 0.3},
}
TIMES = {"seconds", "images_per_second", "data_wait"}

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
FEW_STEPS = """
data: {train: [small/train], val: [small/val]}
train: {epochs: 2, steps_per_epoch: 1, batch: 2, validate_every: 1, log_every: 1}
"""


def named(name: str) -> Any:
    """A function of Multibox, wherever this version has it."""
    for module in MOVED[name]:
        if find_spec(module) and hasattr(importlib.import_module(module), name):
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


def flat(value: Any, name: str) -> Results:
    """The leaves of a JSON value, each by its path, without times."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for k, v in items if k not in TIMES for key, leaf in flat(v, f"{name}/{k}").items()}
    return {name: np.array(value if isinstance(value, int | float) else str(value))}


def ensure_stores() -> None:
    """Render and build the two datasets, unless they are there."""
    for name, images in (("sample", IMAGES), ("small", SMALL)):
        if not Path(os.environ["MULTIBOX_DATA"], name).is_dir():
            multibox("data", "sample", name, "--images", str(images))
            multibox("data", "build", name, "--name", name)


def ensure_run(backend: str = "tensorflow") -> Path:
    """Train as the demo does, unless it was done."""
    folder = Path("experiments", f"demo-{backend}")
    if not (folder / "best.keras").is_file():
        ensure_stores()
        multibox("train", "--data", "sample", "--name", folder.name, "--backend", backend, *TRAIN)
    return folder


def ensure_exports() -> Iterator[Path]:
    """Export the bundled detector to every format, unless it was done."""
    ensure_stores()
    Path("exports").mkdir(exist_ok=True)
    for kind, (suffix, precisions) in EXPORTS.items():
        for precision in precisions:
            for nms in ([], ["--nms"]):
                path = Path("exports", "-".join(["voc20", kind, precision, *(["nms"] if nms else [])]) + suffix)
                images = ["--calibrate", "small/train"] if precision == "int8" else []
                words = ["--format", kind, "--precision", precision, *nms, *images]
                if not path.exists():
                    multibox("export", "voc20", *words, "--out", str(path))
                yield path


def of_run(folder: Path) -> Results:
    """The losses of each step, the validations, and all weights and averages at the end of a run."""
    results: Results = {}
    for table in ("log.csv", "validation.csv"):
        for i, row in enumerate(csv.DictReader(io.StringIO((folder / table).read_text()))):
            results |= {f"{table}/{i}/{key}": np.array(value) for key, value in row.items() if key not in TIMES}
    with np.load(sorted((folder / "checkpoints").glob("step-*.npz"))[-1]) as arrays:
        results |= {f"checkpoint/{name}": arrays[name] for name in arrays.files if name != "state.json"}
    for name in ("best.keras", "last.keras"):
        results |= of_keras_file(folder / name)
    return results


def of_keras_file(path: Path) -> Results:
    import h5py

    arrays: Results = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[f"{path.name}/{name}"] = np.asarray(item)

    with zipfile.ZipFile(path) as archive:
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))).visititems(add)
    return arrays


def of_detections(found: list[Any], name: str) -> Results:
    columns = ("boxes", "scores", "labels")
    return {f"{name}/{i}/{column}": getattr(one, column) for i, one in enumerate(found) for column in columns}


def of_evaluation(model: Path) -> Results:
    results: Results = {}
    for how in ([], ["--strict"], ["--nms", "soft-linear", "--agnostic"]):
        name, found = " ".join(how) or "plain", "found.json"
        figures = multibox("eval", str(model), "--data", "sample/test", "--json", "--save-detections", found, *how)
        results |= flat(json.loads(figures), name) | flat(json.loads(Path(found).read_text()), f"{name}/found")
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
    """Rendered files, the stores of them, their statistics, and what they are exported as."""
    ensure_stores()
    results = {name: digest(Path(name).read_bytes()) for name in map(str, Path("sample").rglob("*.*"))}
    for split in ("train", "val", "test"):
        results |= of_store(f"sample/{split}")
    results |= flat(json.loads(multibox("data", "stats", "sample", "--json")), "stats")
    for kind in ("voc", "coco", "yolo", "csv"):
        shutil.rmtree(f"as-{kind}", ignore_errors=True)
        multibox("data", "export", "small", "--format", kind, "--out", f"as-{kind}")
        files = (path for path in Path(f"as-{kind}").rglob("*") if path.is_file())
        results |= {str(path): digest(path.read_bytes()) for path in files}
    return results


def probe_examples(_: argparse.Namespace) -> Results:
    """Training examples 0 to 99, as the demo prepares them and with everything that is random."""
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
    return of_run(ensure_run(os.environ["KERAS_BACKEND"]))


def probe_eval(_: argparse.Namespace) -> Results:
    """The figures of the trained model, and its detections."""
    model = ensure_run() / "best.keras"
    import multibox as library

    return of_evaluation(model) | {"python": np.array(library.evaluate(str(model), "sample/val").map)}


def probe_detect(options: argparse.Namespace) -> Results:
    """The bundled detector's detections, in each installed runtime and each way to detect."""
    from multibox import load

    images, results = images_of(options.images), {}
    for runtime in (name for name, package in PACKAGES.items() if find_spec(package)):
        found = load("voc20", runtime=runtime, threads=None if runtime == "keras" else 1)(images, score=0.01)
        results |= of_detections(found, runtime)
    for name, way in WAYS.items():
        results |= of_detections(load("voc20", threads=1, **way)(images[:10], score=0.01), name)
    for path in ensure_exports():
        if path.suffix in (".tflite", ".savedmodel") and "fp32" in path.name:
            results |= of_detections(load(path)(images, score=0.01), path.name)
    return results


def probe_exports(options: argparse.Namespace) -> Results:
    """What every exported file gives, run without Multibox."""
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
    """Write what the other version has to open: stores, runs and exported files."""
    ensure_run()
    for name, text in CONFIGS.items():
        Path(f"{name}.yaml").write_text(text + FEW_STEPS)
        if not Path("experiments", name, "best.keras").is_file():
            multibox("train", "--config", f"{name}.yaml", "--name", name)
    return {path.name: np.array(path.exists()) for path in ensure_exports()}


def probe_reopen(options: argparse.Namespace) -> Results:
    """What the old version wrote: its stores, configurations, runs, models and exported files, opened and used."""
    from multibox import load

    images, written, results = images_of(options.images), options.written, {}
    os.environ["MULTIBOX_DATA"] = str(written / "data")
    results |= of_store("sample/train")
    for name in CONFIGS:
        multibox("train", "--config", str(written / f"{name}.yaml"), "--name", f"reopen-{name}")
        results |= {f"config/{name}/{key}": v for key, v in of_run(Path("experiments", f"reopen-{name}")).items()}
    for name in (*CONFIGS, "demo-tensorflow"):
        run = Path("experiments", f"resume-{name}")
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
}
BESIDES: dict[str, Callable[[argparse.Namespace], Results]] = {"write": probe_write}


class Side:
    """One of the two installations, and the folder that its probes write to."""

    def __init__(self, python: Path, folder: Path, path: Path | None = None):
        self.python, self.folder = python.absolute(), folder  # a virtual environment's is a link, not to be resolved
        one_thread = {
            "OMP_NUM_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_NUM_INTEROP_THREADS": "1",
            "NPROC": "1",
        }
        same = {"TF_DETERMINISTIC_OPS": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "PYTHONHASHSEED": "0"}
        self.env = os.environ | one_thread | same | {"MULTIBOX_DATA": str(folder / "data"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.env.pop("PYTHONPATH", None)
        if path is not None:
            self.env["PYTHONPATH"] = str(path.resolve())
        folder.mkdir(parents=True, exist_ok=True)

    def results(self, part: str, images: Path | None, written: Path) -> Results:
        """What a part gives; what is there from before is not made again."""
        file = self.folder / f"{part}.npz"
        if not file.is_file():
            words = [self.python, "-P", __file__, "--probe", part, "--written", written, "--out", file]
            words += ["--images", images.resolve()] if images else []
            env = self.env | {"KERAS_BACKEND": "jax" if part.endswith("jax") else "tensorflow"}
            print(f"{part}: {self.python}", file=sys.stderr, flush=True)
            subprocess.run(list(map(str, words)), cwd=self.folder, env=env, stdout=sys.stderr, check=True)
        with np.load(file) as arrays:
            return dict(arrays)


def differences(old: Results, new: Results) -> list[str]:
    """What is not the same in every bit, one line each."""
    lines = [f"{name}: only in the {'new' if name in new else 'old'}" for name in sorted(old.keys() ^ new.keys())]
    for name in sorted(old.keys() & new.keys()):
        one, other = old[name], new[name]
        if one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes():
            continue
        if one.shape != other.shape or one.dtype.kind in "US":
            was, now = (str(a) if a.ndim == 0 else f"{a.dtype}{list(a.shape)}" for a in (one, other))
            lines.append(f"{name}: {was} became {now}")
        else:
            apart = abs(one.astype(np.float64) - other.astype(np.float64))
            lines.append(f"{name}: by {apart.max(initial=0):.3g} at most, {one.dtype} and {other.dtype}")
    return lines


def compare(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run the parts on both sides, and print a line for each."""
    made_with = f"{options.old} {options.images} {Path(__file__).read_text()}"
    old = Side(options.old, work / f"old-{hashlib.sha256(made_with.encode()).hexdigest()[:8]}")
    shutil.rmtree(work / "new", ignore_errors=True)
    new = Side(options.new, work / "new", options.new_path)
    summary: dict[str, Any] = {}
    for part in options.only or PROBES:
        start = time.perf_counter()
        if part == "reopen":
            old.results("write", options.images, old.folder)
        before, after = (side.results(part, options.images, old.folder) for side in (old, new))
        lines, seconds = differences(before, after), round(time.perf_counter() - start, 1)
        summary[part] = {"arrays": len(before), "seconds": seconds, "differences": lines}
        words = f"differs in {len(lines)} of {len(before)}: {'; '.join(lines[:3])}" if lines else "identical"
        print(f"{part}: {words} ({len(before)} arrays, {seconds:.0f} s)", flush=True)
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="Python with the version to compare with.")
    parser.add_argument("--new", type=Path, default=Path(sys.executable), help="Python with the version in question.")
    parser.add_argument("--new-path", type=Path, help="Folder to import the new version from, such as src.")
    parser.add_argument("--only", nargs="+", choices=PROBES, help="Parts to run. All by default.")
    parser.add_argument("--images", type=Path, help="Folder of JPEG images to detect in. Rendered ones by default.")
    parser.add_argument("--work", type=Path, help="Folder to write to. A temporary one by default.")
    parser.add_argument("--json", type=Path, help="File to write the summary to.")
    parser.add_argument("--probe", choices=[*PROBES, *BESIDES], help=argparse.SUPPRESS)
    parser.add_argument("--written", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe is not None:
        np.savez(options.out, **(PROBES | BESIDES)[options.probe](options))
        return
    if options.old is None:
        parser.error("--old is needed")
    with contextlib.ExitStack() as until_end:
        work = options.work or Path(until_end.enter_context(tempfile.TemporaryDirectory()))
        summary = compare(options, work.resolve())
    if options.json is not None:
        options.json.write_text(json.dumps(summary, indent=1) + "\n")
    sys.exit(any(part["differences"] for part in summary.values()))


if __name__ == "__main__":
    main()
