"""What one image of 12,000 small objects costs, beside ordinary images.

    python benchmarks/crowded.py [--objects 12000] [--trees OLD/src NEW/src] [--rounds 3]

Each part runs in a process of its own, with one thread. With several trees, the trees take turns. Memory is the growth
of the largest resident set over that of the process after its imports. Prints one JSON line per part, tree and round.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import numpy as np

from multibox.data.record import Record

ONE_THREAD = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "OPENBLAS_NUM_THREADS")
SIDES = (2400, 1800)
ORDINARY = 200
"""Number of rendered images of the ordinary dataset."""


def make_data(folder: Path, objects: int) -> None:
    """Write a crowded dataset of one image, and an ordinary one, and build the stores of both."""
    import cv2

    from multibox.data.build import build
    from multibox.data.sample import CLASSES, make_sample
    from multibox.data.voc_xml import write_xml

    rng, (width, height) = np.random.default_rng(0), SIDES
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / "crowd-files" / name).mkdir(parents=True)
    low = rng.uniform(0, (width - 24, height - 24), (objects, 2))
    boxes = np.concatenate([low, low + rng.uniform(8, 24, (objects, 2))], axis=1)
    image = np.full((height, width, 3), 90, np.uint8)
    for x0, y0, x1, y1 in boxes.astype(int).tolist():
        cv2.rectangle(image, (x0, y0), (x1, y1), rng.integers(0, 255, 3).tolist(), cv2.FILLED)
    cv2.imwrite(str(folder / "crowd-files/JPEGImages/crowd.jpg"), image)
    names = [CLASSES[label] for label in rng.integers(0, len(CLASSES), objects)]
    write_xml(folder / "crowd-files/Annotations/crowd.xml", "crowd.jpg", SIDES, names, boxes)
    (folder / "crowd-files/ImageSets/Main/train.txt").write_text("crowd\n")
    make_sample(folder / "sample", images=ORDINARY)
    os.environ["MULTIBOX_DATA"] = str(folder / "stores")
    build([folder / "crowd-files"], "crowd")
    build([folder / "sample"], "ordinary")


def command(*words: str) -> Callable[[], dict[str, float]]:
    """A command of the command line. What it prints is counted."""
    from multibox import draw  # noqa: F401, as a command imports it when it runs
    from multibox.cli import main
    from multibox.inspection import check_dataset  # noqa: F401

    def run() -> dict[str, float]:
        printed = StringIO()
        with redirect_stdout(printed), suppress(SystemExit):
            main(list(words), standalone_mode=False)
        return {"lines": printed.getvalue().count("\n")}

    return run


def examples(store: str, count: int, *overrides: str) -> Callable[[], dict[str, float]]:
    """Training examples of a store."""
    from multibox.config_file import load_config
    from multibox.data.open import open_stores
    from multibox.models.maps import network_priors
    from multibox.prepare.example import grids_of, training_example

    config, records = load_config("ssd300-vgg16-voc0712", overrides), open_stores(store)[0]
    priors_rel, grids = network_priors(config.network, config.priors), grids_of(config)

    def prepare(record: Record, seed: int) -> None:
        training_example(record, np.random.default_rng(seed), priors_rel, config, grids=grids)

    def run() -> dict[str, float]:
        seconds = []
        for seed in range(count):
            start = time.perf_counter()
            prepare(records[seed % len(records)], seed)
            seconds.append(time.perf_counter() - start)
        return {"median_ms": round(1000 * float(np.median(seconds)), 3), "per_second": round(count / sum(seconds), 1)}

    return run


STILL = ("augment.expand.probability=0", "augment.crop.probability=0")
"""The whole image, so that an example has all of its objects."""

PARTS: dict[str, Callable[[], Callable[[], dict[str, float]]]] = {
    "show": lambda: command("data", "show", "crowd", "--config", "ssd300-vgg16-voc0712", "--out", "show.png"),
    "check": lambda: command("data", "check", "crowd-files", "--config", "ssd300-vgg16-voc0712"),
    "example": lambda: examples("crowd", 1, *STILL),
    "example-atss": lambda: examples("crowd", 1, *STILL, "match.method=atss"),
    "examples-augmented": lambda: examples("crowd", 8),
    "ordinary": lambda: examples("ordinary/train", 1000),
    "ordinary-atss": lambda: examples("ordinary/train", 400, "match.method=atss"),
}


def memory_mb(name: str) -> float:
    """A line of ``/proc/self/status``: ``VmRSS``, the resident set, or ``VmHWM``, the largest since the process began.

    ``getrusage`` would not do: a new process inherits the largest resident set of its parent.
    """
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) / 1024


def measure(part: str) -> dict[str, float]:
    """Run one part in this process, and measure it."""
    run = PARTS[part]()
    idle = memory_mb("VmRSS")
    start = time.perf_counter()
    figures = run()
    seconds, peak = time.perf_counter() - start, memory_mb("VmHWM")
    return {"s": round(seconds, 3), "grew_mb": round(peak - idle), "peak_mb": round(peak), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=12_000)
    parser.add_argument("--trees", nargs="+", default=[str(Path(__file__).parents[1] / "src")])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--measure", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    trees = [Path(tree).resolve() for tree in arguments.trees]
    with tempfile.TemporaryDirectory() as folder:
        make_data(Path(folder), arguments.objects)
        for part in arguments.parts:
            for _ in range(arguments.rounds):
                for tree in trees:
                    env = os.environ | dict.fromkeys(ONE_THREAD, "1") | {"PYTHONPATH": str(tree)}
                    words = [sys.executable, str(Path(__file__).resolve()), "--measure", part]
                    done = subprocess.run(words, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=True)
                    print(json.dumps({"part": part, "tree": str(tree), **json.loads(done.stdout)}), flush=True)
                    (Path(folder) / "show.png").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
