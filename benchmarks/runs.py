"""The runs of a benchmark, which may be spread over days."""

import subprocess
import sys
from pathlib import Path

EXPERIMENTS = Path("experiments")


def train(name: str, *arguments: str) -> Path:
    """Train under a name; go on where it was stopped; do nothing where it has ended.

    Args:
        name: of the run, which must validate after its last epoch alone.
        arguments: of ``multibox train``, for a run that is not begun.

    Returns:
        the run's folder.

    Raises:
        SystemExit: the training has failed or was stopped.
    """
    folder = EXPERIMENTS / name
    if not (folder / "best.keras").is_file():  # what is written last
        words = ["--resume", name] if (folder / "config.yaml").is_file() else ["--name", name, *arguments]
        code = subprocess.run([sys.executable, "-m", "multibox", "train", *words], check=False).returncode
        if code != 0:
            sys.exit(f"{name}: training ended with code {code}; the same command goes on with it")
    return folder
