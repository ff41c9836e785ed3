"""Recognition of files that version 0.1.0 of ``multibox predict`` wrote."""

import json
from pathlib import Path
from typing import Final

from multibox.writing import Kind, mark

STAMPS: Final = ".multibox-predict.json"
"""Name of the file in which version 0.1.0 listed what it wrote into a folder."""


def is_stamped(path: Path) -> bool:
    """Whether version 0.1.0 wrote a file or folder, and nobody has changed that since."""
    try:
        stamps = json.loads((path.parent / STAMPS).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(stamps, dict) and path.name in stamps and stamps[path.name] == mark(path)


PREDICTION: Final = Kind("prediction", is_stamped)
