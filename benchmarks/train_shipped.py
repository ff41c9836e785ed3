"""Train the shipped detector: first small pictures, many of them a second, then the size it looks at.

    python benchmarks/train_shipped.py --judge     # VOC2007's train -> val: what the recipe is worth
    python benchmarks/train_shipped.py             # then train + val: what is shipped
    python benchmarks/ship.py experiments/voc20 --judged experiments/voc20-judged

The stores are ``voc2007/train`` and ``voc2007/val``. A run that was stopped goes on where it was.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

RECIPE = "--config ssdlite-efficientnet train.batch=16 match.iou=0.3 loss.boxes=giou loss.box_weight=5"
SMALL = "network.weights=imagenet network.size=[192,192] network.freeze=block2b train.epochs=8"
LARGE = "network.size=[320,320] network.freeze=block3b train.epochs=10"
EXPERIMENTS = Path("experiments")


def train(name: str, arguments: str) -> Path:
    """Train, or go on, or leave as it is what has ended.

    Returns:
        the run's last model.
    """
    last = EXPERIMENTS / name / "last.keras"
    if not last.is_file():
        begun = (EXPERIMENTS / name / "config.yaml").is_file()
        words = f"--resume {name}" if begun else f"--name {name} {arguments}"
        subprocess.run([sys.executable, "-m", "multibox", "train", *shlex.split(words)], check=True)
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="train on train alone; judge on val after each stage")
    judge = parser.parse_args().judge
    name, data = (
        ("voc20-judged", "data.train=[voc2007/train] data.val=[voc2007/val] train.validate_every=0")
        if judge
        else ("voc20", "data.train=[voc2007/train,voc2007/val] data.val=[] train.validate_every=0")
    )
    small = train(f"{name}-small", f"{RECIPE} {data} {SMALL}")
    train(name, f"{RECIPE} {data} {LARGE} network.weights={small}")


if __name__ == "__main__":
    main()
