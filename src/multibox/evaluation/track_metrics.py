"""HOTA, IDF1 and MOTA of tracks, computed by the metrics of the package TrackEval."""

import io
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np

from multibox.boxes import iou
from multibox.errors import BadInput, install
from multibox.evaluation.mot_text import Rows

MATCHED: Final = 0.5
"""IoU from which on a prediction counts as a box of an ignored row. TrackEval's value for distractors."""

Data = dict[str, Any]
Results = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class TrackFigures:
    """The figures of one sequence, of one class or of all together.

    Args:
        hota: Higher Order Tracking Accuracy: the mean over IoU thresholds from 0.05 to 0.95.
        deta: Detection accuracy, one of HOTA's two parts.
        assa: Association accuracy, the other part.
        idf1: F1 of the boxes whose id is right, after one match of whole tracks. IoU threshold 0.5.
        mota: 1 - (misses + false positives + id switches) / true boxes. It can be negative. IoU threshold 0.5.
        id_switches: Number of times that the id of an object changed.
        fragmentations: Number of times that an object was found again after a gap.
        misses: Number of true boxes that were not found.
        false_positives: Number of predicted boxes that are no object.
        true_boxes: Number of judged true boxes.
        boxes: Number of judged predicted boxes.
        true_tracks: Number of true tracks with a judged box.
        tracks: Number of predicted tracks with a judged box.

    HOTA and its parts, IDF1 and MOTA are NaN without true boxes.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    id_switches: int
    fragmentations: int
    misses: int
    false_positives: int
    true_boxes: int
    boxes: int
    true_tracks: int
    tracks: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class JudgedSequence:
    """What TrackEval's metrics found in one sequence.

    Args:
        results: Figures of each metric, by its name in TrackEval.
        true_boxes: Number of judged true boxes.
        boxes: Number of judged predicted boxes.
        true_tracks: Number of true tracks with a judged box.
        tracks: Number of predicted tracks with a judged box.
    """

    results: Results
    true_boxes: int
    boxes: int
    true_tracks: int
    tracks: int


class TrackMetrics:
    """TrackEval's metrics HOTA, CLEAR and Identity.

    Raises:
        BadInput: TrackEval is not installed.
    """

    def __init__(self) -> None:
        package = _load()
        quiet = {"PRINT_CONFIG": False}
        self._metrics = {
            "HOTA": package.metrics.HOTA(),
            "CLEAR": package.metrics.CLEAR(dict(quiet)),
            "Identity": package.metrics.Identity(dict(quiet)),
        }

    def judge(self, predictions: Rows, truth: Rows, ignored: np.ndarray, chosen: int | None = None) -> JudgedSequence:
        """Judge the predicted tracks of one sequence.

        Args:
            predictions: Predicted tracks.
            truth: True tracks.
            ignored: ``(N,)`` bool: rows of ``truth`` that are neither right nor wrong.
            chosen: Number of the only class to judge. None judges all classes together.
        """
        data = _sequence_data(_frames(predictions, truth, ignored, chosen))
        results = {name: metric.eval_sequence(data) for name, metric in self._metrics.items()}
        counts = ("num_gt_dets", "num_tracker_dets", "num_gt_ids", "num_tracker_ids")
        return JudgedSequence(results, *(data[name] for name in counts))

    def combine(self, judged: Iterable[JudgedSequence]) -> TrackFigures:
        """Compute the figures of several sequences together.

        Args:
            judged: Results of the sequences.
        """
        each = list(judged)
        results = {
            name: metric.combine_sequences({str(i): one.results[name] for i, one in enumerate(each)})
            for name, metric in self._metrics.items()
        }
        hota, clear, identity = (results[name] for name in ("HOTA", "CLEAR", "Identity"))
        true_boxes = sum(one.true_boxes for one in each)

        def accuracy(values: np.ndarray | float) -> float:
            return float(np.mean(values)) if true_boxes else float("nan")

        return TrackFigures(
            hota=accuracy(hota["HOTA"]),
            deta=accuracy(hota["DetA"]),
            assa=accuracy(hota["AssA"]),
            idf1=accuracy(identity["IDF1"]),
            mota=accuracy(clear["MOTA"]),
            id_switches=int(clear["IDSW"]),
            fragmentations=int(clear["Frag"]),
            misses=int(clear["CLR_FN"]),
            false_positives=int(clear["CLR_FP"]),
            true_boxes=true_boxes,
            boxes=sum(one.boxes for one in each),
            true_tracks=sum(one.true_tracks for one in each),
            tracks=sum(one.tracks for one in each),
        )


def _load() -> ModuleType:
    try:
        with redirect_stdout(io.StringIO()):  # it prints which of its data sets lack a package
            import trackeval
    except ImportError:
        # Its own requirements name opencv-python, whose files lie where those of opencv-python-headless lie.
        command = f"{install('track')} && pip install --no-deps 'trackeval>=1.3'"
        raise BadInput("trackeval", f"TrackEval or SciPy is not installed; {command}") from None
    return trackeval


Frame = tuple[np.ndarray, np.ndarray, np.ndarray]
"""True ids, predicted ids, and the IoU of each true box with each predicted box."""


def _frames(predictions: Rows, truth: Rows, ignored: np.ndarray, chosen: int | None) -> Iterator[Frame]:
    """The judged boxes of each frame that has any."""
    mine, theirs = _by_frame(predictions, chosen), _by_frame(truth, chosen)
    nothing = np.zeros(0, np.intp)
    for frame in sorted(mine.keys() | theirs.keys()):
        predicted, true = mine.get(frame, nothing), theirs.get(frame, nothing)
        overlap = iou(truth.boxes[true], predictions.boxes[predicted])
        skipped = ignored[true]
        if skipped.any():
            kept = _without_ignored(overlap, skipped)
            overlap, predicted, true = overlap[~skipped][:, kept], predicted[kept], true[~skipped]
        yield truth.ids[true], predictions.ids[predicted], overlap


def _by_frame(rows: Rows, chosen: int | None) -> dict[int, np.ndarray]:
    """The indices of the rows in each frame."""
    order = np.argsort(rows.frames, kind="stable")
    if chosen is not None:
        order = order[rows.classes[order] == chosen]
    frames, starts = np.unique(rows.frames[order], return_index=True)
    return dict(zip(frames.tolist(), np.split(order, starts[1:]), strict=True)) if len(frames) else {}


def _without_ignored(overlap: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Which predictions are kept: those that match no ignored box, as TrackEval matches the boxes of distractors."""
    from scipy.optimize import linear_sum_assignment

    least = MATCHED - np.finfo(np.float64).eps
    scores = np.where(overlap < least, 0, overlap)
    true, predicted = linear_sum_assignment(-scores)
    kept = np.ones(overlap.shape[1], bool)
    kept[predicted[ignored[true] & (scores[true, predicted] > 0)]] = False
    return kept


def _sequence_data(frames: Iterable[Frame]) -> Data:
    """What TrackEval's metrics take: ids numbered from 0, in lists with one array a frame."""
    listed = list(frames)
    true_ids, predicted_ids = ([frame[i] for frame in listed] for i in range(2))
    true_names, predicted_names = (
        np.unique(np.concatenate([*ids, np.zeros(0, np.int64)])) for ids in (true_ids, predicted_ids)
    )
    return {
        "gt_ids": [np.searchsorted(true_names, ids) for ids in true_ids],
        "tracker_ids": [np.searchsorted(predicted_names, ids) for ids in predicted_ids],
        "similarity_scores": [frame[2] for frame in listed],
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, predicted_ids)),
        "num_gt_ids": len(true_names),
        "num_tracker_ids": len(predicted_names),
        "num_timesteps": len(listed),
    }
