"""The detector that comes with the package: VOC's 20 classes, to look with at once and to start training from."""

import os
from importlib import resources
from pathlib import Path

NAME = "voc20"
"""What it is called wherever a model file can be given."""

FOLDER = Path(str(resources.files("multibox"))) / "shipped"


def model_path(model: str | os.PathLike[str], suffix: str = ".onnx") -> Path:
    """Where a model is.

    Args:
        model: a file, or :data:`NAME`.
        suffix: of the file that is wanted of the shipped detector: ``.onnx``, which the base install runs, or
            ``.keras``.

    Returns:
        the file as given, or the shipped detector's.
    """
    return FOLDER / f"{NAME}{suffix}" if os.fspath(model) == NAME else Path(model)


def is_shipped(model: Path) -> bool:
    """Whether a file is the shipped detector's."""
    return model.resolve().parent == FOLDER.resolve()


def folder_for(model: Path) -> Path:
    """Where what is made of a model is written: beside it; of the shipped one, in the current folder."""
    return Path() if is_shipped(model) else model.parent
