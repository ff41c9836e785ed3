"""From the outputs of a model file to detections: one reader for each kind of file."""

from typing import Final, Protocol

import numpy as np

from multibox.config import Detect
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.postprocess.decode import decode
from multibox.postprocess.nms import Selected, select
from multibox.runtimes import Runtime
from multibox.runtimes.outputs import Outputs

FIXED: Final = ("nms", "nms_iou", "nms_sigma", "agnostic", "per_class", "per_image")
"""Fields of the configuration that a file with NMS inside has fixed values for."""


class Reader(Protocol):
    """Reads detections from the outputs of a model file."""

    def check(self, config: Detect) -> None:
        """Verify that the file can follow a configuration.

        Args:
            config: Scores, overlaps and limits.

        Raises:
            BadInput: The file has another value for a field, or gives no detections with so low a score.
        """

    def check_score(self, score: float) -> None:
        """Verify that the file gives detections down to a score.

        Args:
            score: Score that detections must exceed, in [0, 1].

        Raises:
            BadInput: The file gives no detections with so low a score.
        """

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Read the detections of one input.

        Args:
            output: Raw outputs of the network for one input, without the batch axis.
            config: Overlaps and limits.
            thresholds: ``(C,)`` scores that detections must exceed, by class.

        Returns:
            Detections, the best first, with boxes relative to the input.

        Raises:
            BadInput: The file cannot follow ``config``, see :meth:`check`.
        """


class PlainOutputs:
    """Reads a network's logits and deltas: decodes them, then runs non-maximum suppression.

    Args:
        schema: Schema of the network.
        priors_rel: ``(P, 4)`` corners of its priors, relative to its input.
    """

    def __init__(self, schema: Schema, priors_rel: np.ndarray):
        self._priors_rel, self._variances, self._activation = priors_rel, schema.priors.variances, schema.activation

    def check(self, config: Detect) -> None:
        """Accept any configuration, see :class:`Reader`."""

    def check_score(self, score: float) -> None:
        """Accept any score, see :class:`Reader`."""

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Decode and suppress, see :class:`Reader`."""
        scores, boxes_rel = decode(
            output["classes"],
            output["boxes"],
            self._priors_rel,
            self._variances,
            thresholds.min(initial=1),
            activation=self._activation,
        )
        return select(scores, boxes_rel, config, thresholds)


class SelectedOutputs:
    """Reads the detections of a file with decoding and non-maximum suppression inside.

    Args:
        schema: Schema of the file. Its ``detect`` section holds the values that the file runs with.
    """

    def __init__(self, schema: Schema):
        self._detect = schema.detect
        height, width = schema.network.size
        self._extent = np.array((width, height, width, height), np.float32)

    def check(self, config: Detect) -> None:
        """Refuse other values than the file's, see :class:`Reader`."""
        self.check_score(config.score)
        for field in FIXED:
            fixed = getattr(self._detect, field)
            if getattr(config, field) != fixed:
                raise BadInput(
                    f"detect.{field}",
                    f"the model runs NMS itself, always with {fixed}; use that value, or export the model without NMS",
                )

    def check_score(self, score: float) -> None:
        """Refuse a score below the file's own, see :class:`Reader`."""
        least = self._detect.score
        if score < least:
            raise BadInput(
                "score",
                f"{score:g}: the model runs NMS itself and gives nothing below {least:g}; use that score, or export "
                "the model without NMS",
            )

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Filter by score, see :class:`Reader`."""
        self.check(config)
        count = output["count"]
        boxes_rel = output["boxes"][:count] / self._extent
        found = Selected(boxes_rel, output["scores"][:count], output["labels"][:count].astype(np.int64))
        return found.keep(found.scores > thresholds[found.labels])


def reader_for(runtime: Runtime, priors_rel: np.ndarray) -> Reader:
    """Choose the reader for the outputs of a runtime.

    Args:
        runtime: Runtime with a model.
        priors_rel: ``(P, 4)`` corners of the network's priors, relative to its input.

    Returns:
        Reader of detections.
    """
    return SelectedOutputs(runtime.schema) if runtime.has_nms else PlainOutputs(runtime.schema, priors_rel)
