"""Find the files of predicted and of true tracks, and match them by the names of their sequences."""

import configparser
import os
from dataclasses import dataclass
from pathlib import Path

from multibox.errors import BadInput

TRUTH_FILE = Path("gt/gt.txt")
"""Path of the true tracks within the folder of a sequence."""


@dataclass(frozen=True)
class SequenceFiles:
    """The files of one sequence.

    Args:
        name: Name of the sequence.
        predictions: Path of the predicted tracks, or None if there are none.
        truth: Path of the true tracks.
        frames: Number of frames that ``seqinfo.ini`` states, or None if there is no such file.
    """

    name: str
    predictions: Path | None
    truth: Path
    frames: int | None


def find_sequences(predictions: str | os.PathLike[str], truth: str | os.PathLike[str]) -> list[SequenceFiles]:
    """Match files of predicted tracks with files of true tracks.

    Args:
        predictions: Path of a text file, or of a folder with one text file for each sequence, ``SEQUENCE.txt``.
        truth: Path of a text file, of the folder of a sequence with ``gt/gt.txt``, or of a folder of such folders.

    Returns:
        The sequences of ``truth``, in order of their names.

    Raises:
        BadInput: A path does not exist or holds no tracks, or predictions have no truth.
    """
    true, predicted = _find_truth(Path(truth)), _find_predictions(Path(predictions))
    if Path(predictions).is_file():
        if len(true) == 1:
            predicted = dict.fromkeys(true, Path(predictions))
        else:  # the others of the folder are not asked for
            true = {name: path for name, path in true.items() if name in predicted} or true
    strange = sorted(predicted.keys() - true.keys())
    if strange:
        raise BadInput(
            predicted[strange[0]],
            f"there is no truth for the sequence {strange[0]} in {os.fspath(truth)}, which has {_listed(sorted(true))}",
        )
    return [SequenceFiles(name, predicted.get(name), path, _stated_frames(path)) for name, path in sorted(true.items())]


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _find_truth(path: Path) -> dict[str, Path]:
    if path.is_file():
        in_layout = path.parts[-2:] == TRUTH_FILE.parts
        return {path.resolve().parents[1].name if in_layout else path.stem: path}
    if not path.exists():
        raise BadInput(path, "does not exist; give a text file or a folder of true tracks")
    if (path / TRUTH_FILE).is_file():
        return {path.resolve().name: path / TRUTH_FILE}
    found = {folder.name: folder / TRUTH_FILE for folder in path.iterdir() if (folder / TRUTH_FILE).is_file()}
    if not found:
        raise BadInput(path, f"has no true tracks; expected SEQUENCE/{TRUTH_FILE.as_posix()} in the folder")
    return found


def _find_predictions(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {path.stem: path}
    if not path.exists():
        raise BadInput(path, "does not exist; give a text file or a folder of predicted tracks")
    found = {file.stem: file for file in path.glob("*.txt") if file.is_file()}
    if not found:
        raise BadInput(path, "has no predicted tracks; expected SEQUENCE.txt in the folder")
    return found


def _stated_frames(truth: Path) -> int | None:
    """The number of frames in ``seqinfo.ini``, which lies in the folder of a sequence."""
    path = truth.parent.parent / "seqinfo.ini"
    if truth.parts[-2:] != TRUTH_FILE.parts or not path.is_file():
        return None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, "utf-8-sig")
        frames = int(parser["Sequence"]["seqLength"])
    except (configparser.Error, KeyError, ValueError):
        frames = 0
    if frames < 1:
        raise BadInput(path, "expected a section [Sequence] with seqLength, the number of frames")
    return frames
