"""Train the shipped detector: first small pictures, many of them a second, then the size it looks at.

Both runs begin with the same one of small pictures, of VOC2007's training images alone:

    python -m benchmarks.train_shipped --judge     # then train -> val: what the recipe is worth
    python -m benchmarks.train_shipped             # then train + val: what is shipped
    python benchmarks/ship.py experiments/voc20 --judged experiments/voc20-judged

The stores are ``voc2007/train`` and ``voc2007/val``. A run that was stopped goes on where it was.
"""

import argparse
import shlex

from benchmarks.runs import train

RECIPE = "--config ssdlite-efficientnet train.batch=16 match.iou=0.3 loss.boxes=giou loss.box_weight=5"
SMALL = "network.weights=imagenet network.size=[192,192] network.freeze=block2b train.epochs=8"
LARGE = "network.size=[320,320] network.freeze=block3b train.epochs=10"
JUDGED = "data.train=[voc2007/train] data.val=[voc2007/val] train.validate_every=0"
ALL = "data.train=[voc2007/train,voc2007/val] data.val=[] train.validate_every=0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="leave the validation images out, and judge on them")
    judge = parser.parse_args().judge
    small = train("voc20-small", *shlex.split(f"{RECIPE} {JUDGED} {SMALL}")) / "last.keras"
    name, data = ("voc20-judged", JUDGED) if judge else ("voc20", ALL)
    train(name, *shlex.split(f"{RECIPE} {data} {LARGE}"), f"network.weights={small}")


if __name__ == "__main__":
    main()
