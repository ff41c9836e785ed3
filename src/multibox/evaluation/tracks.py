"""Judge tracks against true tracks: HOTA, IDF1 and MOTA of each sequence, of each class and of all together."""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.errors import BadInput
from multibox.evaluation.json_values import without_nan
from multibox.evaluation.mot_text import UNKNOWN, Rows, empty_rows, read_predictions, read_truth
from multibox.evaluation.track_files import SequenceFiles, find_sequences
from multibox.evaluation.track_metrics import TrackFigures, TrackMetrics


@dataclass(frozen=True)
class TrackEvaluation:
    """How good predicted tracks are.

    Args:
        sequences: Figures of each sequence.
        combined: Figures of all sequences together.
        classes: Figures of each class number over all sequences, if they were asked for.
        missing: Names of the sequences without predictions. All their objects count as missed.
        ignored: Number of true boxes that were ignored.
        frames: Number of frames of all sequences.
    """

    sequences: dict[str, TrackFigures]
    combined: TrackFigures
    classes: dict[int, TrackFigures]
    missing: tuple[str, ...]
    ignored: int
    frames: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a dictionary for ``json.dumps``. NaN becomes None."""
        return without_nan(
            {
                "sequences": {name: figures.to_json() for name, figures in self.sequences.items()},
                "combined": self.combined.to_json(),
                "classes": {str(label): figures.to_json() for label, figures in self.classes.items()},
                "missing": [*self.missing],
                "ignored": self.ignored,
                "frames": self.frames,
            }
        )


@dataclass(frozen=True)
class _Sequence:
    name: str
    predictions: Rows
    truth: Rows
    ignored: np.ndarray
    frames: int


def evaluate_tracks(
    predictions: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    per_class: bool = False,
    min_visibility: float = 0.0,
) -> TrackEvaluation:
    """Judge predicted tracks in MOT Challenge's text format by the metrics of TrackEval.

    Rows of the truth with score 0, or with a visibility below ``min_visibility``, are ignored. They are no misses, and
    a prediction that matches one with an IoU of at least 0.5 is left out too. Boxes are judged without regard to their
    class, except in the figures of each class.

    Args:
        predictions: Path of a text file, or of a folder with one text file for each sequence, ``SEQUENCE.txt``.
        truth: Path of a text file, of the folder of a sequence with ``gt/gt.txt``, or of a folder of such folders.
        per_class: Whether to compute the figures of each class too.
        min_visibility: Smallest visible fraction of a judged object, from 0 to 1. The default judges all objects, as
            TrackEval does.

    Raises:
        BadInput: A file cannot be used, predictions have no truth, or TrackEval is not installed.
    """
    if not 0 <= min_visibility <= 1:  # also refuses NaN
        raise BadInput("min_visibility", f"{min_visibility} is not between 0 and 1")
    files = find_sequences(predictions, truth)
    sequences = [_read_sequence(each, min_visibility) for each in files]
    labels = _find_classes(sequences) if per_class else []
    metrics = TrackMetrics()
    judged = {each.name: metrics.judge(each.predictions, each.truth, each.ignored) for each in sequences}
    return TrackEvaluation(
        {name: metrics.combine([one]) for name, one in judged.items()},
        metrics.combine(judged.values()),
        {
            label: metrics.combine(
                metrics.judge(each.predictions, each.truth, each.ignored, label) for each in sequences
            )
            for label in labels
        },
        tuple(each.name for each in files if each.predictions is None),
        sum(int(each.ignored.sum()) for each in sequences),
        sum(each.frames for each in sequences),
    )


def _read_sequence(files: SequenceFiles, min_visibility: float) -> _Sequence:
    truth = read_truth(files.truth)
    predictions = empty_rows(files.truth) if files.predictions is None else read_predictions(files.predictions)
    for rows in (truth, predictions):
        _require_within(rows, files)
    ignored = (truth.scores == 0) | (truth.visibility < min_visibility)
    frames = files.frames or int(max([0, *truth.frames.tolist(), *predictions.frames.tolist()]))
    return _Sequence(files.name, predictions, truth, ignored, frames)


def _require_within(rows: Rows, files: SequenceFiles) -> None:
    beyond = rows.frames > (files.frames or math.inf)
    if beyond.any():
        first = int(np.argmax(beyond))
        raise BadInput(
            rows.path,
            f"line {rows.lines[first]}: frame is {rows.frames[first]}, but {files.name} has {files.frames} frames "
            "according to its seqinfo.ini",
        )


def _find_classes(sequences: list[_Sequence]) -> list[int]:
    """The class numbers of predictions and of judged rows."""
    for each in sequences:
        for rows in (each.predictions, each.truth):
            unknown = rows.classes == UNKNOWN
            if unknown.any():
                raise BadInput(
                    "per_class",
                    f"{rows.path}, line {rows.lines[int(np.argmax(unknown))]}, has no class number in column 8; "
                    "judge all classes together instead",
                )
    found = [rows for each in sequences for rows in (each.predictions.classes, each.truth.classes[~each.ignored])]
    return np.unique(np.concatenate(found)).tolist()
