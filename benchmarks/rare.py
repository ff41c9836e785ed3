"""What do rare classes gain? Train on a long-tailed rendered set in several ways, and judge on a balanced one.

    python -m benchmarks.rare [--work DIR] [--runs plain balance-1 ...] [--seeds 2] [FIELD=VALUE ...]

In the training split, the first of eight classes is a hundred times as frequent as the last. In the splits test and
val, which judge together, all are equally frequent. Every run makes the same number of steps. Images, stores and runs
lie in DIR, outside the project. A run that has ended is not made again, and one that was stopped goes on. The table is
DIR/rare.md.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean

from benchmarks.runs import EXPERIMENTS, train

RUNS = {
    "plain": "",
    "balance-1": "data.balance=1",
    "balance-0.3": "data.balance=0.3",
    "weights": "loss.class_weights=inverse_sqrt",
}
"""What each run changes."""

SHARED = (
    "network.size=[160,160] network.freeze=auto train.batch=16 train.epochs=1 train.validate_every=0 train.lr=2e-3 "
    "match.iou=0.3"
)
"""What all runs share: small and short, as they must be on a CPU."""

GROUPS = ("rare", "common", "frequent")


def multibox(*arguments: str) -> str:
    command = [sys.executable, "-m", "multibox", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def dataset(options: argparse.Namespace, seed: int) -> str:
    """Render the images of a seed and build their stores, unless that was done."""
    name, folder = f"rare-{seed}", f"images-{seed}"
    if not Path("data", name).is_dir():
        size = ["--images", str(options.images), "--size", "256"]
        multibox("data", "sample", folder, *size, "--long-tail", str(options.ratio), "--seed", str(seed), "--replace")
        multibox("data", "build", folder, "--name", name)
    return name


def score(options: argparse.Namespace, run: str, seed: int) -> dict[str, object]:
    """Train, unless that was done, and judge: the figures of ``multibox eval --json``."""
    data, name = dataset(options, seed), f"rare-{run}-{seed}"
    result = EXPERIMENTS / name / "test.json"
    if not result.is_file():
        length = [f"train.steps_per_epoch={options.steps}", f"train.seed={seed}", f"data.train=[{data}/train]"]
        model = train(name, *length, *SHARED.split(), *RUNS[run].split(), *options.fields) / "last.keras"
        judged = ["--data", f"{data}/test", "--data", f"{data}/val"]
        result.write_text(multibox("eval", str(model), *judged, "--json").splitlines()[-1])
    return json.loads(result.read_text())


def row(run: str, found: list[dict[str, object]]) -> str:
    """A run's line of the table: AP of each group, seed by seed, and their mean."""
    cells = [[figures["rarity"][group]["ap50"] for figures in found] for group in GROUPS]
    cells.append([figures["map"] for figures in found])
    texts = [f"{mean(each):.3f} ({', '.join(f'{ap:.3f}' for ap in each)})" for each in cells]
    return f"| {run} | `{RUNS[run]}` | {' | '.join(texts)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for images, stores and runs")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--images", type=int, default=1600, help="in all splits together")
    parser.add_argument("--ratio", type=float, default=100, help="of the most frequent class to the rarest")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="of every run, as train.lr=1e-3")
    options = parser.parse_args()
    root = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([f"{root}/src", root])
    options.work.mkdir(parents=True, exist_ok=True)
    os.chdir(options.work)
    os.environ["MULTIBOX_DATA"] = str(Path("data").resolve())
    head = "| run | changes | rare | common | frequent | mAP |\n|---|---|---|---|---|---|"
    lines = [row(run, [score(options, run, seed) for seed in range(options.seeds)]) for run in options.runs]
    Path("rare.md").write_text("\n".join([head, *lines]) + "\n")
    print("\n".join([head, *lines]))


if __name__ == "__main__":
    main()
