"""Make the shipped detector's files of a run that has ended.

    python benchmarks/ship.py experiments/voc20 --judged experiments/voc20-judged

The run trained on all there is; the one that was judged had the same recipe and left VOC2007's validation images out,
so its scores are what can be said about both. Weights are rounded to numbers of float16, by which the packed .keras
file takes half the place; what that costs is measured here on the model that was judged.
"""

import argparse
import json
import shutil
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import onnx

from multibox import evaluate
from multibox.evaluation.save_thresholds import save_thresholds
from multibox.export.onnx_file import make_onnx
from multibox.models.file import load_model, read_schema, save_model
from multibox.models.shipped import FOLDER, NAME
from multibox.runtimes import OnnxRuntime, open_runtime
from multibox.runtimes.agreement import difference, trial_images

MOST_BYTES = 24 * 2**20
VAL = "voc2007/val"
SHOW = 0.6
"""Score from which on detections are shown: a little below what is best for most classes (``thresholds`` in
``scores.json``, by F1), as one box too many is easier to bear than one too few."""


def rounded(source: Path, out: Path) -> Path:
    """Write a model file whose weights are numbers of float16, packed."""
    network, schema = load_model(source)
    schema = schema.model_copy(update={"detect": schema.detect.model_copy(update={"show": SHOW})})
    network.set_weights([np.asarray(array, np.float16).astype(array.dtype) for array in network.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.keras"
        save_model(network, schema, plain)
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
            for member in old.infolist():
                new.writestr(zipfile.ZipInfo(member.filename), old.read(member), zipfile.ZIP_DEFLATED)
    return out


def require_same(keras_file: Path, onnx_file: Path) -> None:
    runtime = open_runtime(keras_file, runtime="keras")
    images = trial_images(runtime.schema)
    apart = difference(runtime.run(images), OnnxRuntime(onnx_file).run(images), runtime.schema)
    if not apart.is_small:
        raise SystemExit(f"{onnx_file}: differs from {keras_file} by {apart}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--judged", type=Path, required=True)
    parser.add_argument("--weights", default="last.keras", help="the run's model file")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    shipped = rounded(options.run / options.weights, FOLDER / f"{NAME}.keras")
    onnx.save(make_onnx(*load_model(shipped)), FOLDER / f"{NAME}.onnx")
    require_same(shipped, FOLDER / f"{NAME}.onnx")
    with tempfile.TemporaryDirectory() as folder:
        copy = rounded(options.judged / options.weights, Path(folder) / "rounded.keras")
        full = evaluate(options.judged / options.weights, VAL).to_json()
        evaluation = evaluate(copy, VAL)
        save_thresholds(copy, evaluation.thresholds)
        half = evaluation.to_json()
        thresholds = read_schema(copy).thresholds
    scores = {
        "date": date.today().isoformat(),
        "judged_on": VAL,
        "scores": full,
        "rounded": half,
        "thresholds": {name: round(score, 3) for name, score in thresholds.items()},
    }
    (FOLDER / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
    for name in ("config.yaml", "log.csv"):
        shutil.copy(options.run / name, FOLDER / name)
    size = sum(path.stat().st_size for path in FOLDER.glob(f"{NAME}.*"))
    print(f"{FOLDER}: {size / 2**20:.1f} MiB")
    print(f"mAP of the same recipe on {VAL}: {full['map']:.4f}, rounded {half['map']:.4f}")
    if size > MOST_BYTES:
        raise SystemExit("that is too large for the package")


if __name__ == "__main__":
    main()
