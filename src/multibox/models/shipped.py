"""The bundled detector: VOC's 20 classes, ready for detection, and the default start of training."""

import os
from importlib import resources
from pathlib import Path

NAME = "voc20"
"""Name of the bundled detector, accepted wherever a model file can be given."""

FOLDER = Path(str(resources.files("multibox"))) / "shipped"


def model_path(model: str | os.PathLike[str], suffix: str = ".onnx") -> Path:
    """Path of a model.

    Args:
        model: Path of a model file, or :data:`NAME` for the bundled detector.
        suffix: Suffix of the bundled detector's file: ``.onnx``, which the base install runs, or ``.keras``.

    Returns:
        The given path, or the path of the bundled detector's file.
    """
    return FOLDER / f"{NAME}{suffix}" if os.fspath(model) == NAME else Path(model)


def is_shipped(model: Path) -> bool:
    """Whether a file belongs to the bundled detector."""
    return model.resolve().parent == FOLDER.resolve()


def folder_for(model: Path) -> Path:
    """Folder for files made from a model: the model's own folder, or the current folder for the bundled detector."""
    return Path() if is_shipped(model) else model.parent
