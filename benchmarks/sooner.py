"""How soon is a detector good? This version beside an older one, in turns, on this machine.

    python -m benchmarks.sooner PYTHON [--tasks bccd demo steps voc-10 voc-30] [--seeds 0 1] [--table]

PYTHON is the interpreter of an environment in which the older version is installed. The stores are ``bccd``, ``sample``
(of `multibox data sample`) and ``voc2007``, in the folder that both versions find. Runs lie in
``experiments/sooner-...``. Those that ended are not run again, and one that was stopped goes on. Every version judges
its own last weights. The table is ``experiments/sooner.md``. The seconds are those of whole commands, and the images
per second the median of the epochs. ``steps`` is a short run, for the speed and the memory alone.

Nothing else should run on the machine meanwhile.
"""

import argparse
import csv
import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runs import EXPERIMENTS, cost_of, train

BCCD = "data.train=[bccd/train,bccd/val] data.val=[bccd/test] augment.flip=0.5 train.validate_every=0"
DEMO = "data.train=[sample/train] data.val=[sample/test] network.size=[224,224] train.lr=2e-3 train.validate_every=0"
VOC = "data.train=[voc2007/train] data.val=[voc2007/val] network.weights=imagenet train.validate_every=0"
BOTH = "network.freeze=auto train.small_size=0.7"
SPEED_STEPS = 60
"""Number of steps by which the older version's speed is measured, as it takes no minutes."""


@dataclass(frozen=True)
class Task:
    """What both versions train, and the trainings of each, by name.

    Attributes:
        judged: split that is evaluated.
        fields: what all trainings of the task share.
        old: trainings of the older version: their own fields, or the minutes that they may take.
        new: the same of this version.
    """

    judged: str
    fields: str
    old: dict[str, str | int]
    new: dict[str, str | int]


TASKS = {
    "bccd": Task(
        "bccd/test",
        BCCD,
        {"40": "train.epochs=40"},
        {"40": "train.epochs=40", "30-both": f"train.epochs=30 {BOTH}", "13": "train.epochs=13"},
    ),
    "demo": Task(
        "sample/test",
        DEMO,
        {"16": "train.epochs=16"},
        {"16": "train.epochs=16", "16-both": f"train.epochs=16 {BOTH}", "8": "train.epochs=8"},
    ),
    "steps": Task(
        "bccd/test",
        BCCD,
        {"60": "train.epochs=1 train.steps_per_epoch=60"},
        {"60": "train.epochs=1 train.steps_per_epoch=60"},
    ),
    "voc-10": Task("voc2007/val", VOC, {"minutes": 10}, {"minutes": 10}),
    "voc-30": Task("voc2007/val", VOC, {"minutes": 30}, {"minutes": 30}),
}


@dataclass(frozen=True)
class Row:
    """A training of the table."""

    task: str
    version: str
    length: str
    seed: int

    @property
    def name(self) -> str:
        return f"sooner-{self.task}-{self.version}-{self.length}-{self.seed}"

    def run(self, python: str) -> None:
        """Train, or go on, and judge."""
        task = TASKS[self.task]
        length = getattr(task, self.version)[self.length]
        fields = [*shlex.split(task.fields), f"train.seed={self.seed}"]
        if isinstance(length, str):
            fields += shlex.split(length)
        elif self.version == "new":
            fields += ["--minutes", str(length)]
        else:
            fields += steps_of(length, python, fields)
        folder = train(self.name, *fields, python=python)
        result = folder / "judged.json"
        if not result.is_file():
            command = [python, "-m", "multibox", "eval", str(folder / "last.keras"), "--data", task.judged, "--json"]
            result.write_text(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def line(self) -> str:
        """The row of the table."""
        judged = EXPERIMENTS / self.name / "judged.json"
        begin = f"| {self.task} | {self.version} | {self.length} | {self.seed}"
        if not judged.is_file():
            return f"{begin} | | | | | |"
        figures = json.loads(judged.read_text())
        cost = cost_of(self.name)
        scores = f"{figures['map']:.3f} | {figures['map_50_95']:.3f}"
        speed = statistics.median(speeds_of(EXPERIMENTS / self.name))
        return f"{begin} | {scores} | {cost.seconds:.0f} | {speed:.1f} | {cost.peak_mb:.0f} |"


def steps_of(minutes: int, python: str, fields: list[str]) -> list[str]:
    """Length of a run of the older version that ends after some minutes, by the speed of a short run."""
    short = [*fields, "train.epochs=1", f"train.steps_per_epoch={SPEED_STEPS}", "data.val=[]"]
    folder = train(f"sooner-speed-{minutes}", *short, python=python)
    speed = speeds_of(folder)[-1]
    overhead = cost_of(folder.name).seconds - SPEED_STEPS * 8 / speed
    steps = round((60 * minutes - overhead) * speed / 8)
    return ["train.epochs=1", f"train.steps_per_epoch={steps}"]


def speeds_of(folder: Path) -> list[float]:
    """Images per second of each epoch of a run, without validation."""
    with (folder / "log.csv").open() as log:
        return [float(row["images_per_second"]) for row in csv.DictReader(log)]


def rows(tasks: list[str], seeds: list[int]) -> Iterator[Row]:
    """Trainings in the order in which they are run: the versions in turns."""
    for task in tasks:
        for seed in seeds:
            for version in ("old", "new"):
                for length in getattr(TASKS[task], version):
                    yield Row(task, version, length, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="interpreter of the older version")
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--table", action="store_true", help="print the table alone")
    options = parser.parse_args()
    planned = list(rows(options.tasks, options.seeds))
    for row in [] if options.table else planned:
        row.run(options.python if row.version == "old" else sys.executable)
    head = "| task | version | length | seed | mAP, IoU 0.5 | 0.5 to 0.95 | seconds | images/s | peak, MB |"
    table = "\n".join([head, "|---" * 9 + "|", *(row.line() for row in planned)])
    (EXPERIMENTS / "sooner.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
