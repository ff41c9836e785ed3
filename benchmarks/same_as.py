"""Prove that a rebuild changed nothing but the shape: two installations of Multibox must give the same bits.

    python benchmarks/same_as.py --old OLD/bin/python --new NEW/bin/python --work same_as

Each part runs in both interpreters, with one thread on the CPU. Give ``--new-path src`` to compare with a working
tree. Results of the old version stay in ``--work`` and are reused. The new version always starts afresh. Prints one
line per part, and ends with code 1 if anything differs.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

PROBE = Path(__file__).with_name("same_as_probe.py")
PARTS = ("store", "examples", "train-tensorflow", "train-jax", "eval", "detect", "exports", "reopen")
ONE_THREAD = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
SAME = {"TF_DETERMINISTIC_OPS": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "PYTHONHASHSEED": "0"}

Results = dict[str, np.ndarray]


class Side:
    """One of the two installations, and the folder that its probes write to."""

    def __init__(self, python: Path, folder: Path, path: Path | None = None):
        self.python, self.folder = python.absolute(), folder  # a virtual environment's is a link, not to be resolved
        self.env = os.environ | dict.fromkeys(ONE_THREAD, "1") | SAME | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self.env["MULTIBOX_DATA"] = str(folder / "data")
        self.env.pop("PYTHONPATH", None)
        if path is not None:
            self.env["PYTHONPATH"] = str(path.resolve())
        folder.mkdir(parents=True, exist_ok=True)

    def results(self, part: str, images: Path | None, written: Path) -> Results:
        """The arrays of a part. Those of an earlier call are reused."""
        file = self.folder / f"{part}.npz"
        if not file.is_file():
            words = [self.python, "-P", PROBE, part, file, "--written", written]
            words += ["--images", images.resolve()] if images else []
            env = self.env | {"KERAS_BACKEND": "jax" if part.endswith("jax") else "tensorflow"}
            print(f"{part}: {self.python}", file=sys.stderr, flush=True)
            subprocess.run(list(map(str, words)), cwd=self.folder, env=env, stdout=sys.stderr, check=True)
        with np.load(file) as arrays:
            return dict(arrays)


def differences(old: Results, new: Results) -> list[str]:
    """One line for each array that is not the same in every bit."""
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
    """Run the parts on both sides, and print one line per part."""
    made_with = f"{options.old} {options.images} {PROBE.read_text()}"
    old = Side(options.old, work / f"old-{hashlib.sha256(made_with.encode()).hexdigest()[:8]}")
    shutil.rmtree(work / "new", ignore_errors=True)
    new = Side(options.new, work / "new", options.new_path)
    summary: dict[str, Any] = {}
    for part in options.only or PARTS:
        start = time.perf_counter()
        try:
            if part == "reopen":
                old.results("write", options.images, old.folder)
            before, after = (side.results(part, options.images, old.folder) for side in (old, new))
            count, lines = len(before), differences(before, after)
        except subprocess.CalledProcessError as error:
            count, lines = 0, [f"{error.cmd[0]} ended with code {error.returncode}"]
        seconds = round(time.perf_counter() - start)
        summary[part] = {"arrays": count, "seconds": seconds, "differences": lines}
        more = "; ..." if len(lines) > 3 else ""
        words = f"{len(lines)} differ: {'; '.join(lines[:3])}{more}" if lines else "identical"
        print(f"{part}: {words} ({count} arrays, {seconds} s)", flush=True)
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="Python with the version to compare with.")
    parser.add_argument("--new", type=Path, default=Path(sys.executable), help="Python with the version in question.")
    parser.add_argument("--new-path", type=Path, help="Folder to import the new version from, such as src.")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="Parts to run. All by default.")
    parser.add_argument("--images", type=Path, help="Folder of JPEG images to detect in. Rendered ones by default.")
    parser.add_argument("--work", type=Path, help="Folder to write to. A temporary one by default.")
    parser.add_argument("--json", type=Path, help="File to write the summary to.")
    options = parser.parse_args()
    with contextlib.ExitStack() as until_end:
        work = options.work or Path(until_end.enter_context(tempfile.TemporaryDirectory()))
        summary = compare(options, work.resolve())
    if options.json is not None:
        options.json.write_text(json.dumps(summary, indent=1) + "\n")
    sys.exit(any(part["differences"] for part in summary.values()))


if __name__ == "__main__":
    main()
