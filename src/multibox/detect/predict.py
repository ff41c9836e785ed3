"""Detect in files, and leave behind what a person looks at: annotated pictures, and a JSON file of what was found."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from multibox.detect.ahead import in_batches, in_threads
from multibox.detect.detections import Detections
from multibox.detect.detector import BATCH, Detector
from multibox.detect.pictures import is_ours, save_picture
from multibox.detect.sources import read_image
from multibox.errors import BadInput, RunFailed

RESULTS = "detections.json"
"""The file, among the annotated pictures, that says what was found in which."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What came of one file.

    Attributes:
        path: the file.
        detections: what was found in it; None where it could not be read.
        error: why it could not be read.
        inputs: the real paths of all files of the run, which no annotated picture may replace.
    """

    path: Path
    detections: Detections | None = None
    error: str = ""
    inputs: frozenset[str] = field(default=frozenset(), repr=False)

    def without_image(self) -> "Prediction":
        """The same without the picture's pixels, so that many can be kept."""
        found = self.detections
        return self if found is None else replace(self, detections=replace(found, image=None))

    def to_json(self) -> dict[str, Any]:
        """As values that ``json.dumps`` takes."""
        if self.detections is None:
            return {"file": str(self.path), "error": self.error}
        return {"file": str(self.path), **self.detections.to_json()}


def predict(detector: Detector, paths: Iterable[Path], *, score: float | None = None) -> Iterator[Prediction]:
    """Detect in files. One that cannot be read is reported, and the others go on.

    Args:
        detector: the detector.
        paths: of the pictures.
        score: detections must exceed it; without it, the model's thresholds for people.

    Yields:
        what came of each file, in order.
    """
    paths = list(paths)
    inputs = frozenset(map(os.path.realpath, paths))
    for batch in in_batches(in_threads(_read, paths, ahead=2 * BATCH), BATCH):
        images = [image for _, image in batch if isinstance(image, np.ndarray)]
        found = iter(detector(images, score=score))
        for path, image in batch:
            detections, error = (None, image) if isinstance(image, str) else (next(found), "")
            yield Prediction(path, detections, error, inputs)


def save_predictions(predictions: Iterable[Prediction], folder: str | os.PathLike[str]) -> Iterator[Prediction]:
    """Write the annotated picture of each prediction, and at the end :data:`RESULTS`.

    Only what an earlier run wrote is replaced, and never a picture that this run reads; where a name is taken by
    something else, the annotated picture gets another.

    Args:
        predictions: as :func:`predict` makes them, one at a time.
        folder: is made if it is missing and there is a picture to write.

    Yields:
        the predictions, each when its picture is there.

    Raises:
        BadInput: the folder cannot be made, or has a file called :data:`RESULTS` that holds something else.
    """
    folder = Path(folder)
    _refuse_other_results(folder / RESULTS)
    rows, taken = [], set[str]()
    for prediction in predictions:
        row = prediction.to_json()
        if prediction.detections is not None:
            _make_folder(folder)
            row["picture"] = picture_name(prediction.path, taken, folder, prediction.inputs)
            save_picture(folder / row["picture"], prediction.detections.draw())
        rows.append(row)
        yield prediction
    if not taken:
        return
    partial = folder / f".{RESULTS}.partial"
    partial.write_text(json.dumps(rows, indent=1), "utf-8")
    os.replace(partial, folder / RESULTS)


def refuse_unread(predictions: Sequence[Prediction]) -> None:
    """End a run that met files which could not be read, once the others are done.

    Args:
        predictions: of the whole run.

    Raises:
        BadInput: no file could be read.
        RunFailed: some could not.
    """
    errors = [prediction.error for prediction in predictions if prediction.detections is None]
    if not errors:
        return
    message = f"{len(errors)} of {len(predictions)} pictures could not be read: {'; '.join(errors)}"
    raise BadInput(message) if len(errors) == len(predictions) else RunFailed(message)


def picture_name(path: Path, taken: set[str], folder: Path, inputs: frozenset[str] = frozenset()) -> str:
    """A name for a file's annotated picture that no other file of the run has, though they be in other folders.

    Args:
        path: the file.
        taken: the names given so far; the new one is added.
        folder: where the picture will be.
        inputs: the real paths of the files that the run reads.

    Returns:
        ``STEM.png``, or ``STEM-2.png`` and so on, where that is taken, is one of the inputs or is not ours to replace.
    """
    name, number = f"{path.stem}.png", 1
    while name in taken or os.path.realpath(folder / name) in inputs or not _is_free(folder / name):
        number += 1
        name = f"{path.stem}-{number}.png"
    taken.add(name)
    return name


def _is_free(path: Path) -> bool:
    return not os.path.lexists(path) or is_ours(path)


def _refuse_other_results(path: Path) -> None:
    """Refuse a folder whose :data:`RESULTS` is not of an earlier run."""
    if not os.path.lexists(path):
        return
    try:
        rows = json.loads(path.read_bytes())
        ours = isinstance(rows, list) and all(isinstance(row, dict) and "file" in row for row in rows)
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise BadInput(f"{path}: was not written by 'multibox predict'; give another --out, or move it away")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made a folder: {error.strerror}; name another") from None


def _read(path: Path) -> tuple[Path, np.ndarray | str]:
    """The file, and its pixels or why there are none."""
    try:
        return path, read_image(path)
    except BadInput as error:
        return path, str(error)
