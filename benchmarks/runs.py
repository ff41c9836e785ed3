"""The runs of a benchmark, which may be spread over days."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

EXPERIMENTS = Path("experiments")
PARTS = "parts.json"
"""File of a run: the cost of each part of its training, from the start of the command to its end."""


@dataclass(frozen=True)
class Cost:
    """What a training took.

    Attributes:
        seconds: from start to end.
        peak_mb: largest resident memory, megabytes.
    """

    seconds: float
    peak_mb: float


def train(name: str, *arguments: str, python: str = sys.executable) -> Path:
    """Train under a name; go on where it was stopped; do nothing where it has ended.

    Args:
        name: of the run, which must validate after its last epoch alone.
        arguments: of ``multibox train``, for a run that is not begun.
        python: interpreter whose ``multibox`` trains.

    Returns:
        the run's folder.

    Raises:
        SystemExit: the training has failed or was stopped, or would begin with weights that have seen its images.
    """
    require_unseen(arguments)
    folder = EXPERIMENTS / name
    if not (folder / "best.keras").is_file():  # what is written last
        words = ["--resume", name] if (folder / "config.yaml").is_file() else ["--name", name, *arguments]
        code, cost = _watched([python, "-m", "multibox", "train", *words])
        _add(folder, cost)
        if code != 0:
            sys.exit(f"{name}: training ended with code {code}; the same command goes on with it")
    return folder


def cost_of(name: str) -> Cost:
    """What a run took in all."""
    parts = [Cost(**part) for part in json.loads((EXPERIMENTS / name / PARTS).read_text())]
    return Cost(sum(part.seconds for part in parts), max(part.peak_mb for part in parts))


def require_unseen(arguments: tuple[str, ...]) -> None:
    """Refuse a run on VOC2007 that starts from the bundled detector, which was trained on its images.

    Raises:
        SystemExit: it does.
    """
    weights = [word.partition("=")[2] for word in arguments if word.startswith("network.weights=")]
    if any("voc2007" in word for word in arguments) and (weights or ["auto"])[-1] in ("auto", "voc20"):
        sys.exit("voc20 has seen the images of VOC2007; give network.weights=imagenet")


def _watched(command: list[str]) -> tuple[int, Cost]:
    """Run a command: its exit code, and what it took."""
    began = time.monotonic()
    _, status, usage = os.wait4(subprocess.Popen(command).pid, 0)
    return os.waitstatus_to_exitcode(status), Cost(time.monotonic() - began, usage.ru_maxrss / 1024)


def _add(folder: Path, cost: Cost) -> None:
    if folder.is_dir():
        path = folder / PARTS
        before = json.loads(path.read_text()) if path.is_file() else []
        path.write_text(json.dumps([*before, asdict(cost)]))
