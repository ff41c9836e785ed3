"""A folder run: how near its images a second come to the network's own, and whether its memory stays flat.

python benchmarks/folder_run.py --model MODEL [--pictures FOLDER] [--images 10000] [--batch 8] [--save jsonl]

The folder holds as many hard links as images are asked for, to a few hundred pictures: those of a folder, or rendered
scenes as large as VOC's. It is run through in parts, each as ``multibox predict`` goes, from the first file to the last
line written. The network's own speed is taken in the same process with the same threads and batches before, between and
after the parts, so that a machine whose speed changes changes it for both. Memory is the process's resident set.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from multibox.bench.scenes import make_scenes
from multibox.detect.detector import Detector
from multibox.detect.in_batches import in_batches
from multibox.detect.load import load
from multibox.detect.read_image import read_image
from multibox.predict.outputs.saving import FORMATS, open_outputs, save_predictions
from multibox.predict.predict import predict
from multibox.predict.sources import Source, find_sources

SCENES = 300


def linked(folder: Path, pictures: list[Path], count: int) -> list[Source]:
    """So many hard links to pictures, in turn; copies where they lie on another file system."""
    for number in range(count):
        picture = pictures[number % len(pictures)]
        link = folder / f"{number:06d}{picture.suffix}"
        try:
            os.link(picture, link)
        except OSError:
            link.write_bytes(picture.read_bytes())
    return find_sources([folder])


def rendered(folder: Path) -> list[Path]:
    """Scenes as JPEG files."""
    paths = []
    for record in make_scenes(folder / "scenes.lmdb", SCENES):
        paths.append(folder / f"{record.id}.jpg")
        paths[-1].write_bytes(record.image)
    return paths


def network_speed(detector: Detector, batch: np.ndarray, seconds: float) -> float:
    """Images a second of the network alone."""
    detector.runtime.run(batch)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        detector.runtime.run(batch)
        done += len(batch)
    return done / (time.perf_counter() - start)


def resident_mb() -> float:
    """The process's resident set now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--runtime")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--parts", type=int, default=10, help="of the run")
    parser.add_argument("--network-seconds", type=float, default=10.0, help="of each measurement of the network")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--save", choices=FORMATS, nargs="+", default=["jsonl"])
    arguments = parser.parse_args()

    detector = load(arguments.model, runtime=arguments.runtime, threads=arguments.threads)
    with tempfile.TemporaryDirectory() as root:
        folder, scenes, out = (Path(root) / name for name in ("pictures", "scenes", "out"))
        folder.mkdir()
        scenes.mkdir()
        pictures = sorted(arguments.pictures.glob("*.jp*g")) if arguments.pictures else rendered(scenes)
        sources = linked(folder, pictures, arguments.images)
        batch = np.stack([detector.prepare(read_image(path)).inputs[0] for path in pictures[: arguments.batch]])

        network, run, memory, peak, done = [network_speed(detector, batch, arguments.network_seconds)], [], {}, 0.0, 0
        for some in in_batches(sources, -(-arguments.images // arguments.parts)):
            start = time.perf_counter()
            outputs = open_outputs(arguments.save, out / str(done), detector.classes, some)
            predictions = predict(detector, some, batch=arguments.batch, keep=outputs.draw)
            sizes = [0.0]
            save_predictions(predictions, outputs, lambda _, sizes=sizes: sizes.append(resident_mb()))
            peak = max(peak, *sizes)
            run.append(len(some) / (time.perf_counter() - start))
            done += len(some)
            memory[str(done)] = {"now_mb": resident_mb(), "peak_mb": peak}
            network.append(network_speed(detector, batch, arguments.network_seconds))

    shares = [speed / statistics.mean(around) for speed, around in zip(run, pairwise(network), strict=True)]
    figures = {
        "images": arguments.images,
        "batch": arguments.batch,
        "cores": os.cpu_count(),
        "images_per_second": round(statistics.median(run), 2),
        "network_images_per_second": round(statistics.median(network), 2),
        "share_of_network": round(statistics.median(shares), 3),
        "shares": [round(share, 3) for share in shares],
        "memory": memory,
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
