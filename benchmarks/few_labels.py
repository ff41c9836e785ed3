"""Fewer labels for the same mAP? `next_images` beside random choice, over rounds of labelling.

    python -m benchmarks.few_labels POOL [POOL...] --test TEST [--sizes 10 20 40 80] [--seeds 3] [--steps 150]

POOL and TEST are stores, such as bccd/train bccd/val and bccd/test. The labels of the pool are hidden. A round trains
on the images that are labelled so far, always from the same weights and for as many steps, and judges on TEST. Then
`next` lets the model of the round choose the images of the next round, while `random` draws them. Both begin with the
same random images. Runs lie in experiments/few-labels-...; those that ended are not run again. The table is
experiments/few_labels.md.
"""

import argparse
import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.few_shot import multibox
from benchmarks.runs import EXPERIMENTS, train
from multibox.data.file_names import image_suffix
from multibox.data.record import Record
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.labelling.next_images import next_images

METHODS = ("next", "random")


def read_pool(stores: Sequence[str], folder: Path) -> dict[str, Record]:
    """The records of the stores by the path of their image, which is written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pool = {}
    for name in stores:
        for record in open_store(name):
            path = folder / f"{name.replace('/', '-')}-{record.id}{image_suffix(record.image)}"
            if not path.exists():
                path.write_bytes(record.image)
            pool[str(path)] = dataclasses.replace(record, id=path.stem)
    return pool


def label(name: str, pool: dict[str, Record], files: Sequence[str], classes: Sequence[str]) -> str:
    """Write the store of the labelled images."""
    write_store(name, "train", [pool[file] for file in files], classes, replace=True)
    return name


def judge(run: str, data: str, test: str, steps: int, seed: int, fields: Sequence[str]) -> float:
    """Train on the labelled images, unless that was done, and judge."""
    result = EXPERIMENTS / run / "test.json"
    if not result.is_file():
        length = [f"train.steps_per_epoch={steps}", "train.epochs=1", f"train.seed={seed}"]
        model = train(run, f"data.train=[{data}/train]", "data.val=[]", *length, *fields) / "last.keras"
        result.write_text(multibox("eval", str(model), "--data", test, "--json").splitlines()[-1])
    return json.loads(result.read_text())["map"]


def rounds(method: str, seed: int, pool: dict[str, Record], options: argparse.Namespace) -> list[float]:
    """The mAP of each round of one method from one seed."""
    order = sorted(pool)
    random.Random(seed).shuffle(order)
    classes = open_store(options.pool[0]).meta.classes
    files, scores = order[: options.sizes[0]], []
    for number, size in enumerate(options.sizes):
        same = method if number else "first"  # both methods begin with the same images
        name = f"few-labels-{size}-{seed}-{same}"
        label(name, pool, files, classes)
        scores.append(judge(name, name, options.test, options.steps, seed, options.fields))
        if number + 1 == len(options.sizes):
            return scores
        more = options.sizes[number + 1] - size
        if method == "random":
            files = order[: options.sizes[number + 1]]
            continue
        left = [file for file in order if file not in set(files)]
        seen = EXPERIMENTS / name / "seen"
        picks = next_images(EXPERIMENTS / name / "last.keras", left, seen, labelled=name, count=more, runtime="keras")
        files = [*files, *(pick.file for pick in picks)]
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", nargs="+")
    parser.add_argument("--test", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20, 40, 80])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--field", dest="fields", action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args()
    pool = read_pool(options.pool, EXPERIMENTS / "few-labels-pool")
    lines = ["| method | seed | " + " | ".join(f"{size} images" for size in options.sizes) + " |"]
    lines.append("|---|---|" + "---|" * len(options.sizes))
    for seed in range(options.seeds):
        for method in METHODS:
            scores = rounds(method, seed, pool, options)
            lines.append(f"| {method} | {seed} | " + " | ".join(f"{score:.3f}" for score in scores) + " |")
            (EXPERIMENTS / "few_labels.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
