"""What `multibox data next` costs beside `multibox predict`, over many images, and what a kill costs it.

    python -m benchmarks.next_cost MODEL FOLDER [--images 20000] [--timed 3000] [--rounds 2]

Small images are rendered into FOLDER, if it does not exist. `predict --save jsonl` and `data next` run in turns over
the first `--timed` of them, 1000 or 3000. Then `data next` runs over all, is killed half-way, and goes on. A line of
JSON holds seconds, their ratio and the peak memory.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from multibox.data.sample import draw_scene

SCENES = 200


def render(folder: Path, images: int) -> None:
    """Write images of 200 x 150 pixels: parts of rendered scenes, each with a brightness and noise of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng, 320)[0] for _ in range(SCENES)]
    for number in range(images):
        scene = scenes[number % SCENES]
        top, left = (int(rng.integers(0, side - small)) for side, small in zip(scene.shape, (150, 200), strict=False))
        part = scene[top : top + 150, left : left + 200].astype(np.float32) * rng.uniform(0.7, 1.3)
        noisy = (part + rng.normal(0, 6, part.shape)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), noisy)


def timed(*arguments: str, kill_at: Path | None = None, lines: int = 0) -> tuple[float, float, int]:
    """Run a command: seconds, peak memory in megabytes, exit code. It is killed once a file has so many lines."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "multibox", *arguments], stdout=subprocess.DEVNULL)
    while kill_at is not None:
        time.sleep(0.5)
        if kill_at.exists() and kill_at.read_bytes().count(b"\n") > lines:
            process.send_signal(signal.SIGKILL)
            break
    _, status, usage = os.wait4(process.pid, 0)
    return time.monotonic() - began, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--timed", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if not options.folder.is_dir():
        render(options.folder, options.images)
    out = options.folder.with_name(f"{options.folder.name}-out")
    some = str(options.folder / f"{'[0-9]' * 2}{'0' if options.timed <= 1000 else '[0-2]'}[0-9][0-9][0-9].jpg")
    ratios, seconds = [], []
    for _ in range(options.rounds):
        shutil.rmtree(out, ignore_errors=True)
        plain = timed("predict", options.model, some, "--save", "jsonl", "--out", str(out / "predict"))
        chosen = timed("data", "next", options.model, some, "--out", str(out / "next"))
        seconds.append((round(plain[0], 1), round(chosen[0], 1)))
        ratios.append(chosen[0] / plain[0])
    shutil.rmtree(out, ignore_errors=True)
    everything = ("data", "next", options.model, str(options.folder), "--out", str(out / "all"))
    first = timed(*everything, kill_at=out / "all/seen.jsonl", lines=options.images // 2)
    second = timed(*everything)
    figures = {
        "seconds of predict and next": seconds,
        "ratio": round(statistics.median(ratios), 3),
        "killed after seconds": round(first[0], 1),
        "went on for seconds": round(second[0], 1),
        "exit code": second[2],
        "peak MB": round(max(first[1], second[1])),
        "images": (out / "all/seen.jsonl").read_bytes().count(b"\n") - 1,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
