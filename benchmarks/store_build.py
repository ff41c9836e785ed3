"""How fast ``data build`` is against decoding alone: the same images, the same number of threads, in one run.

    python benchmarks/store_build.py SOURCE [--workers N] [--pairs N]

The two are run in turns and the medians compared. Decoding alone reads each file and decodes it to colour, as training
does; the last line also gives the decoding that the build itself uses (to grey).
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from multibox.data.build import build
from multibox.data.source import open_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    items = [item for items in open_source([options.source]).splits.values() for item in items]
    paths = [item.image for item in items]
    runs: dict[str, Callable[[], object]] = {
        "decode to colour": lambda: decode_all(paths, cv2.IMREAD_COLOR, options.workers),
        "decode to grey": lambda: decode_all(paths, cv2.IMREAD_GRAYSCALE, options.workers),
        "build": lambda: build_once(options.source, options.workers),
    }
    decode_all(paths, cv2.IMREAD_COLOR, options.workers)  # Brings the files into memory for all alike.
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.pairs):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in median.items():
        print(f"{name:17} {seconds:6.2f} s  {len(paths) / seconds:7.0f} images/s")
    share = median["decode to colour"] / median["build"]
    of_grey = median["decode to grey"] / median["build"]
    print(f"build runs at {share:.0%} of the speed of decoding to colour, {of_grey:.0%} of decoding to grey")


def decode_all(paths: list[Path], flag: int, workers: int) -> None:
    def decode(path: Path) -> None:
        cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flag)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(decode, paths))


def build_once(source: str, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MULTIBOX_DATA"] = folder
        build([source], "bench", workers=workers)


if __name__ == "__main__":
    main()
