"""The runs of a benchmark, which may be spread over days."""

import json
import subprocess
import sys
import time
from pathlib import Path

EXPERIMENTS = Path("experiments")
SECONDS = "seconds.json"
"""File of a run: how long each part of its training took, from the start of the command to its end."""


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
        began = time.monotonic()
        code = subprocess.run([python, "-m", "multibox", "train", *words], check=False).returncode
        _add_time(folder, time.monotonic() - began)
        if code != 0:
            sys.exit(f"{name}: training ended with code {code}; the same command goes on with it")
    return folder


def seconds_of(name: str) -> float:
    """How long a run was trained, seconds."""
    return float(sum(json.loads((EXPERIMENTS / name / SECONDS).read_text())))


def require_unseen(arguments: tuple[str, ...]) -> None:
    """Refuse a run on VOC2007 that starts from the bundled detector, which was trained on its images.

    Raises:
        SystemExit: it does.
    """
    weights = [word.partition("=")[2] for word in arguments if word.startswith("network.weights=")]
    if any("voc2007" in word for word in arguments) and (weights or ["auto"])[-1] in ("auto", "voc20"):
        sys.exit("voc20 has seen the images of VOC2007; give network.weights=imagenet")


def _add_time(folder: Path, seconds: float) -> None:
    if folder.is_dir():
        path = folder / SECONDS
        before = json.loads(path.read_text()) if path.is_file() else []
        path.write_text(json.dumps([*before, seconds]))
