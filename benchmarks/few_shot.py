"""How many images does it take? Fine-tune on a few of them, from three starts, and judge on the same test images.

    python -m benchmarks.few_shot FOLDER [--images 10 20 50 100 205] [--steps 400] [--seeds 1]

FOLDER is a dataset in VOC layout with the splits train and test, as `multibox data get bccd` leaves it. Of its training
images a seed draws the few; the smaller sets are part of the larger ones. Every run makes the same number of steps, so
that all see as much and differ in what they see. Starts: `none` (fresh weights, batch normalisation learned),
`imagenet` (the trunk's) and `auto` (the shipped detector). Runs lie in experiments/few-...; those that ended are not
run again, and one that was stopped goes on. The table is experiments/few_shot.md.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.runs import EXPERIMENTS, train

STARTS = {
    "none": ["network.weights=none", "network.batch_norm=trained"],
    "imagenet": ["network.weights=imagenet"],
    "auto": ["network.weights=auto"],
}


def multibox(*arguments: str) -> str:
    command = [sys.executable, "-m", "multibox", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def dataset(folder: Path, images: int, seed: int) -> str:
    """Build a dataset whose training split is a few images of the folder's; the test split is whole."""
    name = f"few-{images}-{seed}"
    known = (folder / "ImageSets/Main/train.txt").read_text().split()
    random.Random(seed).shuffle(known)
    if images > len(known):
        raise SystemExit(f"{folder}: has {len(known)} training images; ask for no more by --images")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        for part in ("JPEGImages", "Annotations"):
            (copy / part).symlink_to((folder / part).resolve())
        splits = copy / "ImageSets/Main"
        splits.mkdir(parents=True)
        (splits / "train.txt").write_text("\n".join(known[:images]) + "\n")
        (splits / "test.txt").write_text((folder / "ImageSets/Main/test.txt").read_text())
        multibox("data", "build", temporary, "--name", name, "--on-bad", "skip", "--replace")
    return name


def score(data: str, start: str, steps: int, seed: int, fields: list[str]) -> float:
    """Train, unless that was done, and judge."""
    name = f"{data}-{start}"
    result = EXPERIMENTS / name / "test.json"
    if not result.is_file():
        length = [f"train.steps_per_epoch={steps}", "train.epochs=1", f"train.seed={seed}"]
        arguments = ["--data", data, f"data.train=[{data}/train]", "data.val=[]", *length, *STARTS[start], *fields]
        model = train(name, *arguments) / "last.keras"
        judged = multibox("eval", str(model), "--data", f"{data}/test", "--json")
        result.write_text(judged.splitlines()[-1])
    return json.loads(result.read_text())["map"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, nargs="+", default=[10, 20, 50, 100, 205])
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="of every run, as augment.flip=0.5")
    options = parser.parse_args()
    lines = [f"| images | {' | '.join(options.starts)} |", "|---|" + "---|" * len(options.starts)]
    for images in options.images:
        scores: dict[str, list[float]] = {start: [] for start in options.starts}
        for seed in range(options.seeds):
            data = dataset(options.folder, images, seed)
            for start in options.starts:
                scores[start].append(score(data, start, options.steps, seed, options.fields))
        cells = [", ".join(f"{figure:.3f}" for figure in scores[start]) for start in options.starts]
        lines.append(f"| {images} | {' | '.join(cells)} |")
        (EXPERIMENTS / "few_shot.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
