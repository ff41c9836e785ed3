"""How many planted errors in labels are found, beside cleanlab's ObjectLab on the very same detections?

    python -m benchmarks.suspects plant bccd/train bccd/val --name planted --seed 1
    python -m benchmarks.suspects train planted network.size=[288,288] train.epochs=12 --folds 3
    python -m benchmarks.suspects judge planted [--cleanlab FOLDER]

`plant` writes a dataset with errors in a share of the labels: removed, added, shifted and swapped ones in equal parts,
and their list beside it. `train` divides it into folds and trains their detectors. `judge` detects, keeps what the
networks gave in experiments/NAME-raw.npz, ranks, and prints the share of planted errors that is found.
"""

import argparse
import dataclasses
import json
import logging
import pickle
from pathlib import Path

import numpy as np

from multibox.boxes import iou
from multibox.data.open import open_stores
from multibox.data.record import Objects, Record, make_objects
from multibox.data.store import Store
from multibox.data.store_writer import write_store
from multibox.detect.load import load
from multibox.labelling.fold_runs import train_folds
from multibox.labelling.folds import divide
from multibox.labelling.sight import Sight, look_at_store
from multibox.labelling.suspects import Place, rank
from multibox.labelling.suspicion import Collected, judged, weigh

KINDS = ("missing", "surplus", "shifted", "swapped")
EXPERIMENTS = Path("experiments")
LEAST = 0.3
"""Score of detections that cleanlab gets. It counts those from 0.5 for shifted labels, from a higher one for others."""


def plant(names: list[str], name: str, share: float, seed: int) -> None:
    """Write a dataset with planted errors, and their list."""
    stores = [store for given in names for store in open_stores(given)]
    records, planted = with_errors([store[i] for store in stores for i in range(len(store))], share, seed)
    write_store(name, "train", records, stores[0].meta.classes, source=f"{names} with planted errors", replace=True)
    EXPERIMENTS.mkdir(exist_ok=True)
    (EXPERIMENTS / f"{name}-planted.json").write_text(json.dumps(planted))
    print(
        f"{name}: {len(records)} images, {sum(len(r.objects) for r in records)} labels, {len(planted)} planted errors"
    )


def with_errors(records: list[Record], share: float, seed: int) -> tuple[list[Record], list[dict]]:
    """Records with planted errors, and the list of the errors."""
    rng = np.random.default_rng(seed)
    usable = [(i, int(j)) for i, record in enumerate(records) for j in judged(record.objects)]
    chosen = rng.choice(len(usable), round(share * len(usable)), replace=False)
    errors: dict[int, list[tuple[str, int]]] = {}
    for k, row in enumerate(chosen):
        i, j = usable[row]
        errors.setdefault(i, []).append((KINDS[k % len(KINDS)], j))
    classes = 1 + max(record.objects.labels.max(initial=0) for record in records)
    records, planted = list(records), []
    for i, of_image in errors.items():
        records[i], rows = spoil(records[i], of_image, classes, rng)
        planted += [{"image": records[i].id, **row} for row in rows]
    return records, planted


def spoil(record: Record, errors: list[tuple[str, int]], classes: int, rng: np.random.Generator):
    """A record with errors in its labels, and what was planted."""
    old = record.objects
    boxes, labels = old.boxes.copy(), old.labels.copy()
    keep = np.ones(len(old), bool)
    added, rows = [], []
    for kind, j in errors:
        row = {"kind": kind, "box": old.boxes[j].tolist(), "label": int(old.labels[j])}
        if kind == "missing":
            keep[j] = False
        elif kind == "swapped":
            labels[j] = (labels[j] + rng.integers(1, classes)) % classes
            row["label"] = int(labels[j])
        elif kind == "shifted":
            boxes[j] = shifted(old.boxes[j], record, rng)
            row["box"] = boxes[j].tolist()
        else:
            box, label = surplus(j, record, rng)
            if box is None:
                continue
            added.append((box, label))
            row |= {"box": box.tolist(), "label": int(label)}
        rows.append(row)
    kept = old.keep(keep)
    kept = dataclasses.replace(kept, boxes=boxes[keep], labels=labels[keep])
    if added:
        new = make_objects([box for box, _ in added], [label for _, label in added])
        kept = Objects(
            **{
                n: np.concatenate([getattr(kept, n), getattr(new, n)])
                for n in ("boxes", "labels", "difficult", "crowd", "truncated", "occluded", "area")
            },
            ids=(*kept.ids, *(f"planted{k}" for k in range(len(added)))),
        )
    return dataclasses.replace(record, objects=kept), rows


def shifted(box: np.ndarray, record: Record, rng: np.random.Generator) -> np.ndarray:
    """A box moved and resized until its IoU with the old one is 0.3 to 0.7."""
    extent = np.array([record.width, record.height] * 2, np.float32)
    side = np.array([box[2] - box[0], box[3] - box[1]] * 2)
    for _ in range(10_000):
        move = rng.uniform(-0.5, 0.5, 2)
        new = np.clip(box + (np.concatenate([move, move]) + rng.uniform(-0.2, 0.2, 4)) * side, 0, extent)
        if (new[2:] - new[:2] > 2).all() and 0.3 <= iou(box[None], new[None])[0, 0] <= 0.7:
            return new.astype(np.float32)
    raise SystemExit(f"{record.id}: a box cannot be shifted")


def surplus(j: int, record: Record, rng: np.random.Generator):
    """A box where nothing is: half of them copies of an object's shape elsewhere, half second boxes on an object."""
    box, label = record.objects.boxes[j], record.objects.labels[j]
    size = box[2:] - box[:2]
    if rng.random() < 0.5:
        for _ in range(1000):
            new = box + rng.uniform(-0.15, 0.15, 4) * np.concatenate([size, size])
            new = np.clip(new, 0, [record.width, record.height] * 2).astype(np.float32)
            if iou(box[None], new[None])[0, 0] >= 0.6:
                return new, label
    for _ in range(1000):
        corner = rng.uniform(0, 1, 2) * np.maximum([record.width, record.height] - size, 0)
        new = np.concatenate([corner, corner + size]).astype(np.float32)
        if iou(record.objects.boxes, new[None]).max(initial=0) < 0.1:
            return new, label
    return None, 0


def detect(name: str, folds: list[Store], models: list[Path]) -> list[tuple[Record, Sight]]:
    """What each fold's network gives for its images, kept in a file."""
    kept = EXPERIMENTS / f"{name}-sights.pickle"
    if not kept.is_file():
        seen = []
        for model, store in zip(models, folds, strict=True):
            detector = load(model, images=len(store))
            seen += [
                (dataclasses.replace(record, image=b""), sight) for record, sight in look_at_store(detector, store)
            ]
        kept.write_bytes(pickle.dumps(seen))
    return pickle.loads(kept.read_bytes())


@dataclasses.dataclass
class Item:
    """A place in a ranked list."""

    image: str
    kind: str
    box: np.ndarray
    score: float


def ours(seen: list[tuple[Record, Sight]], names: tuple[str, ...], seed: int = 0) -> list[Item]:
    collected = Collected(np.random.default_rng(seed))
    for record, sight in seen:
        collected.add(record, sight)
    places = [Place(0, i, record) for i, (record, _) in enumerate(seen)]
    ranked = rank(places, collected.labelled, collected.unlabelled, weigh(*collected.joined()), names)
    return [Item(each.image, each.kind, np.array(each.box or each.proposed_box), each.suspicion) for each in ranked]


def for_cleanlab(seen: list[tuple[Record, Sight]], classes: int) -> dict[str, list]:
    """Labels and detections in cleanlab's form. It compares pairs in Python, so what it ignores anyway is left out."""
    labels, predictions = [], []
    for record, sight in seen:
        rows, found = judged(record.objects), sight.found.above(LEAST)
        labels.append(
            {"bboxes": record.objects.boxes[rows], "labels": record.objects.labels[rows], "image_name": record.id}
        )
        table = np.concatenate([found.boxes, found.scores[:, None]], axis=1).astype(np.float64)
        predictions.append(np.array([*(table[found.labels == c] for c in range(classes)), None], object)[:-1])
    return {"labels": labels, "predictions": predictions}


def quality(seen: list[tuple[Record, Sight]], classes: int) -> np.ndarray:
    """cleanlab's own score of each image, high for good labels."""
    from cleanlab.object_detection.rank import get_label_quality_scores

    return get_label_quality_scores(**for_cleanlab(seen, classes), verbose=False)


def cleanlabs(seen: list[tuple[Record, Sight]], classes: int, high: float, by_rank: bool) -> list[Item]:
    """The list of ObjectLab's three scores of boxes, from the lowest quality."""
    from cleanlab.object_detection.rank import (
        compute_badloc_box_scores,
        compute_overlooked_box_scores,
        compute_swap_box_scores,
    )

    given = for_cleanlab(seen, classes)
    scores = {
        "missing": compute_overlooked_box_scores(**given, high_probability_threshold=high),
        "shifted": compute_badloc_box_scores(**given),
        "swapped": compute_swap_box_scores(**given, high_probability_threshold=high),
    }
    items = []
    for kind, of_images in scores.items():
        part = []
        for (record, sight), row in zip(seen, of_images, strict=True):
            if kind == "missing":
                found = sight.found.above(LEAST)
                boxes = found.boxes[np.argsort(found.labels, kind="stable")]
            else:
                boxes = record.objects.boxes[judged(record.objects)]
            part += [
                Item(record.id, kind, box, 1 - score)
                for box, score in zip(boxes, row, strict=True)
                if np.isfinite(score) and score < 1
            ]
        if by_rank:
            part.sort(key=lambda item: -item.score)
            for position, item in enumerate(part):
                item.score = -position
        items += part
    best: dict[tuple, Item] = {}
    for item in sorted(items, key=lambda item: -item.score):
        best.setdefault((item.image, *item.box.tolist()), item)
    return list(best.values())


def found(items: list[Item], planted: list[dict], most: int) -> dict[str, list[bool]]:
    """By kind, whether each planted error is among the first items, at its place."""
    first: dict[str, list[Item]] = {}
    for item in items[:most]:
        first.setdefault(item.image, []).append(item)
    result: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for error in planted:
        box = np.array(error["box"])
        near = [
            iou(item.box[None], box[None])[0, 0]
            for item in first.get(error["image"], [])
            if (item.kind == "missing") == (error["kind"] == "missing")
        ]
        result[error["kind"]].append(max(near, default=0) >= (0.5 if error["kind"] == "missing" else 0.99))
    return result


def show(title: str, items: list[Item], planted: list[dict], most: int) -> None:
    by_kind = found(items, planted, most)
    every = [hit for hits in by_kind.values() for hit in hits]
    cells = " | ".join(f"{np.mean(hits):.0%}" if hits else "-" for hits in by_kind.values())
    print(f"| {title} | {np.mean(every):.1%} | {cells} |")


def show_images(title: str, suspicion: np.ndarray, affected: np.ndarray) -> None:
    """Average precision of a ranking of images, which ObjectLab is made for: does an image have a planted error?"""
    order = np.argsort(-suspicion, kind="stable")
    hits = affected[order]
    average = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    print(f"images, {title}: average precision {average:.3f}, by chance {affected.mean():.3f}")


def judge(name: str, folds: list[Store], models: list[Path]) -> None:
    seen = detect(name, folds, models)
    planted = json.loads((EXPERIMENTS / f"{name}-planted.json").read_text())
    classes = len(folds[0].meta.classes)
    total = sum(len(record.objects) for record, _ in seen)
    most = round(0.05 * total)
    print(f"{name}: {len(planted)} planted errors; the first {most} of the list, 5% of {total} labels")
    print(f"| list | all | {' | '.join(KINDS)} |\n|---|---|---|---|---|---|")
    items = ours(seen, folds[0].meta.classes)
    show("multibox", items, planted, most)
    for high in (0.95, 0.8, 0.6):
        for by_rank in (False, True):
            title = f"cleanlab, high probability {high}{', by rank' if by_rank else ''}"
            show(title, cleanlabs(seen, classes, high, by_rank), planted, most)
    ids = [record.id for record, _ in seen]
    affected = np.isin(ids, [error["image"] for error in planted])
    innocent = dict.fromkeys(ids, 1.0)
    for item in items:
        innocent[item.image] *= 1 - item.score
    show_images("multibox", 1 - np.array(list(innocent.values())), affected)
    show_images("cleanlab", 1 - quality(seen, classes), affected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("plant")
    one.add_argument("stores", nargs="+")
    one.add_argument("--name", required=True)
    one.add_argument("--share", type=float, default=0.05)
    one.add_argument("--seed", type=int, default=1)
    two = steps.add_parser("train")
    two.add_argument("name")
    two.add_argument("--folds", type=int, default=3)
    two.add_argument("fields", nargs="*")
    three = steps.add_parser("judge")
    three.add_argument("name")
    three.add_argument("--folds", type=int, default=3)
    three.add_argument("--model", help="detector of all images, instead of one for each fold")
    options = parser.parse_args()
    if options.step == "plant":
        plant(options.stores, options.name, options.share, options.seed)
        return
    stores = open_stores(options.name)
    if options.step == "judge" and options.model:
        judge(options.name, stores, [Path(options.model)])
        return
    folds = divide(stores, options.folds, resume=True)
    if options.step == "train":
        logging.basicConfig(level="INFO", format="%(message)s")
        train_folds(folds, overrides=options.fields, resume=True)
    else:
        judge(
            options.name,
            folds,
            [EXPERIMENTS / f"{options.name}-folds-{k + 1}" / "best.keras" for k in range(options.folds)],
        )


if __name__ == "__main__":
    main()
