"""Do hard negatives cut false positives? Rendered objects of three kinds, and images that hold only other kinds.

    python -m benchmarks.hard_negatives FOLDER [--images 5000] [--count 200] [--steps 250] [--more 100]

Scenes as of `multibox data sample` are rendered into FOLDER. Those in which all objects are of the kinds KNOWN are
data to train on and to test on. Those in which none is are images without objects, half of them held back. A base is
trained on the first. Then it goes on for as many steps in three ways: without negatives, with `--count` hard negatives
of `hard_negatives`, and with as many random images without objects. Judged are the mAP on the test images, and the
detections at the threshold for display in the images held back, all of which are false. Runs lie in
experiments/hard-...; the table is experiments/hard_negatives.md.
"""

import argparse
import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.few_shot import multibox
from benchmarks.runs import EXPERIMENTS, train
from multibox.data.build import build
from multibox.data.record import Record, make_objects
from multibox.data.sample import make_sample
from multibox.data.store import Store, dataset_splits, open_store
from multibox.data.store_writer import write_store
from multibox.labelling.hard_negatives import hard_negatives, write_negatives

KNOWN = frozenset({"bucket", "flower", "star"})
"""The classes. Mugs look like buckets, and gears like flowers: docs/results.md, the demo."""

WAYS = ("none", "hard", "random")


def prepare(folder: Path, images: int) -> tuple[list[str], list[str]]:
    """Write the stores ``hard-data/train`` and ``hard-test/train``, and give two lists of images without objects."""
    if not dataset_splits("hard-scenes"):
        make_sample(folder, images=images, size=224)
        build([folder], "hard-scenes")
    classes = open_store("hard-scenes/train").meta.classes
    known, empty = [], []
    for split in dataset_splits("hard-scenes"):
        for record in open_store(f"hard-scenes/{split}"):
            names = {classes[label] for label in record.objects.labels}
            if names <= KNOWN:
                known.append(record)
            elif not names & KNOWN:
                empty.append(record.source)
    share, names = 2 * len(known) // 3, sorted(KNOWN)
    numbers = np.array([names.index(name) if name in KNOWN else -1 for name in classes])
    known = [_relabelled(record, numbers) for record in known]
    _write("hard-data", known[:share], names)
    _write("hard-test", known[share:], names)
    return empty[: len(empty) // 2], empty[len(empty) // 2 :]


def _relabelled(record: Record, numbers: np.ndarray) -> Record:
    objects = dataclasses.replace(record.objects, labels=numbers[record.objects.labels])
    return dataclasses.replace(record, objects=objects)


def _write(name: str, records: Sequence[Record], classes: Sequence[str]) -> Store:
    return write_store(name, "train", records, classes, replace=True)


def fit(name: str, stores: Sequence[str], steps: int, *fields: str) -> Path:
    """Train on stores, and give the model."""
    length = [f"train.steps_per_epoch={steps}", "train.epochs=1"]
    return train(name, f"data.train=[{','.join(stores)}]", "data.val=[]", *length, *fields) / "last.keras"


def judge(model: Path, held: Sequence[str]) -> tuple[float, int, int]:
    """The mAP on the test images, false positives, and images with one."""
    tested = json.loads(multibox("eval", str(model), "--data", "hard-test/train", "--json").splitlines()[-1])
    found = multibox("predict", str(model), *held, "--save", "jsonl", "--out", str(model.parent / "held"), "--json")
    counts = [len(row["detections"]) for row in json.loads(found)]
    return tested["map"], sum(counts), sum(count > 0 for count in counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--more", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--field", dest="fields", action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args()
    pool, held = prepare(options.folder, options.images)
    sizes = f"{len(pool)} images without objects to choose from, {len(held)} held back"
    lines = [sizes, "", "| seed | negatives | mAP | false positives | images with one |", "|---|---|---|---|---|"]
    for seed in range(options.seeds):
        fields = [*options.fields, f"train.seed={seed}"]
        base = fit(f"hard-base-{seed}", ["hard-data/train"], options.steps, *fields)
        picks = hard_negatives(base, pool, EXPERIMENTS / f"hard-seen-{seed}", count=options.count, runtime="keras")
        write_negatives("hard-hard", picks, replace=True)
        chosen = set(random.Random(seed).sample(pool, options.count))
        scenes = (record for split in dataset_splits("hard-scenes") for record in open_store(f"hard-scenes/{split}"))
        _write("hard-random", [_emptied(each) for each in scenes if each.source in chosen], ())
        for way in WAYS:
            stores = ["hard-data/train", *([f"hard-{way}/train"] if way != "none" else [])]
            start = [f"network.weights={base}", "train.lr=5e-4"]
            score, false, images = judge(fit(f"hard-{way}-{seed}", stores, options.more, *fields, *start), held)
            lines.append(f"| {seed} | {way} | {score:.4f} | {false} | {images} |")
            (EXPERIMENTS / "hard_negatives.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _emptied(record: Record) -> Record:
    return dataclasses.replace(record, objects=make_objects([], []))


if __name__ == "__main__":
    main()
