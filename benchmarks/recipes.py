"""Which recipe? Train one network many times, each time with one thing changed, and put the scores into a table.

    python -m benchmarks.recipes [NAME...] [--list]

Trains on VOC2007's 2500 training images and judges on the 1500 of validation (stores ``voc2007/train`` and
``voc2007/val``). The runs lie in ``experiments/recipe-NAME``; those that ended are not run again, and one that was
stopped goes on where it was, so that the search can be spread over days. ``experiments/recipes.md`` is the table.
"""

import argparse
import csv
import shlex

from benchmarks.runs import EXPERIMENTS, cost_of, train

SEARCH = (
    "network.weights=imagenet network.size=[192,192] network.freeze=block2b "
    "train.batch=16 train.epochs=8 train.validate_every=0"
)
"""What all runs of the search share: small and short, as its many runs must be on a CPU."""

TUNED = "match.iou=0.3 loss.boxes=giou loss.box_weight=5"
"""What helped most, together: where the later runs start."""

RUNS = {
    "base": "",
    "base-seed-1": "train.seed=1",
    "iou-0.4": "match.iou=0.4",
    "iou-0.3": "match.iou=0.3",
    "iou-0.3-seed-1": "match.iou=0.3 train.seed=1",
    "iou-0.2": "match.iou=0.2",
    "giou": "loss.boxes=giou loss.box_weight=2",
    "lr-2e-3": "train.lr=2e-3",
    "lr-5e-4": "train.lr=5e-4",
    "iou-0.4-trunk-lr-1": "match.iou=0.4 train.trunk_lr=1",
    "all": "network.neck=fpn match.method=atss loss.classes=varifocal loss.boxes=giou loss.box_weight=2 "
    "train.ema=0.998",
    "paper": "train.optimizer=sgd train.lr=1e-3 train.weight_decay=5e-4 train.bias_lr=2 train.trunk_lr=1 "
    "train.schedule=step train.milestones=[5,7] augment.expand.ratio=4",
    "iou-0.3-giou": TUNED,
    "iou-0.3-giou-seed-1": f"{TUNED} train.seed=1",
    "iou-0.3-giou-no-expand": f"{TUNED} augment.expand.probability=0",
    "iou-0.3-giou-mosaic": f"{TUNED} augment.mosaic.probability=0.5 augment.mosaic.until=0.75",
    "iou-0.3-giou-trunk-lr-0.1": f"{TUNED} train.trunk_lr=0.1",
    "iou-0.3-giou-lr-2e-3": f"{TUNED} train.lr=2e-3 train.trunk_lr=0.1",
    "iou-0.3-giou-batch-8": f"{TUNED} train.batch=8",
    "iou-0.3-giou-ema": f"{TUNED} train.ema=0.998",
    "iou-0.3-giou-step": f"{TUNED} train.schedule=step train.milestones=[5,7]",
    "iou-0.3-giou-sgd": f"{TUNED} train.optimizer=sgd train.lr=1e-2 train.weight_decay=5e-4",
    "iou-0.3-giou-focal": f"{TUNED} loss.classes=focal",
    "iou-0.3-giou-varifocal": f"{TUNED} loss.classes=varifocal",
    "iou-0.3-giou-fpn": f"{TUNED} network.neck=fpn",
    "iou-0.3-giou-batch-norm": f"{TUNED} network.batch_norm=trained",
    "iou-0.3-giou-freeze-none": f"{TUNED} network.freeze=''",
    "iou-0.3-giou-256": f"{TUNED} network.size=[256,256]",
    "atss-giou": "match.method=atss loss.boxes=giou loss.box_weight=5",
}
"""What each run changes."""

TABLE = EXPERIMENTS / "recipes.md"


def run(name: str) -> None:
    """Train, or go on."""
    arguments = f"--config ssdlite-efficientnet data.train=[voc2007/train] data.val=[voc2007/val] {SEARCH} {RUNS[name]}"
    train(f"recipe-{name}", *shlex.split(arguments))


def score(name: str) -> dict[str, str] | None:
    """The last line of a run's validations, if it has ended."""
    path = EXPERIMENTS / f"recipe-{name}" / "validation.csv"
    rows = list(csv.DictReader(path.open())) if path.is_file() else []
    return rows[-1] if rows else None


def row(name: str) -> str:
    """A run's line of the table."""
    figures = score(name)
    if figures is None:
        return f"| {name} | `{RUNS[name]}` | | | | |"
    minutes = cost_of(f"recipe-{name}").seconds / 60
    scores = " | ".join(f"{float(figures[field]):.3f}" for field in ("map", "map_11point", "map_50_95"))
    return f"| {name} | `{RUNS[name]}` | {scores} | {minutes:.0f} |"


def write_table() -> None:
    """All runs, also those to come."""
    head = "| run | changes | mAP, IoU 0.5 (area) | 11-point | IoU 0.5 to 0.95 | minutes |\n|---|---|---|---|---|---|"
    TABLE.write_text("\n".join([f"All: `{SEARCH}`", "", head, *map(row, RUNS)]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], help="else all")
    parser.add_argument("--list", action="store_true", help="print the table alone")
    arguments = parser.parse_args()
    for name in [] if arguments.list else arguments.names or RUNS:
        if score(name) is None:
            run(name)
            write_table()
    print("\n".join(map(row, RUNS)))


if __name__ == "__main__":
    main()
