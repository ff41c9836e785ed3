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
import json
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.few_shot import multibox
from benchmarks.runs import EXPERIMENTS, train
from multibox.data.build import build
from multibox.data.record import Record
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
    share = 2 * len(known) // 3
    _write("hard-data", known[:share], classes)
    _write("hard-test", known[share:], classes)
    return empty[: len(empty) // 2], empty[len(empty) // 2 :]


def _write(name: str, records: Sequence[Record], classes: Sequence[str]) -> Store:
    return write_store(name, "train", records, classes, replace=True)


def fit(name: str, stores: Sequence[str], steps: int, *fields: str) -> Path:
    """Train on stores, and give the model."""
    kept = f"data.classes=[{','.join(sorted(KNOWN))}]"
    length = [f"train.steps_per_epoch={steps}", "train.epochs=1"]
    return train(name, f"data.train=[{','.join(stores)}]", "data.val=[]", kept, *length, *fields) / "last.keras"


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
        _write("hard-random", [_emptied(each) for each in scenes if each.source in chosen], sorted(KNOWN))
        models = {"base": base}
        for way in WAYS:
            stores = ["hard-data/train", *([f"hard-{way}/train"] if way != "none" else [])]
            start = [f"network.weights={base}", "train.lr=5e-4"]
            models[way] = fit(f"hard-{way}-{seed}", stores, options.more, *fields, *start)
        for way, model in models.items():
            score, false, images = judge(model, held)
            lines.append(f"| {seed} | {way} | {score:.4f} | {false} | {images} |")
            (EXPERIMENTS / "hard_negatives.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _emptied(record: Record) -> Record:
    return Record(record.id, record.image, record.width, record.height, record.objects.keep(record.objects.labels < 0))


if __name__ == "__main__":
    main()
