"""Conversion of a model's outputs to detections, with one reader for files with NMS inside and one for all others."""

import logging
from typing import Final, Protocol

import numpy as np

from multibox.config import Detect
from multibox.errors import BadInput
from multibox.models.schema import Schema
from multibox.postprocess.decode import decode
from multibox.postprocess.nms import Selected, select
from multibox.runtimes import Runtime
from multibox.runtimes.outputs import NETWORK, Outputs

log = logging.getLogger("multibox")

FIXED: Final = ("nms", "nms_iou", "nms_sigma", "agnostic", "per_class", "per_image")
"""Fields of the configuration whose values are fixed in a model file that runs NMS itself."""


LARGEST_GROWTH: Final = 80.0
"""Largest product of a box's delta and its variance. ``exp`` of a larger product would overflow float32."""


LARGEST_LOGIT: Final = np.float32(1e30)
"""Largest logit. Differences of larger logits would overflow float32."""

_MISFIT: Final = "its network gives {}, but its schema describes {}; export the model again"


class Reader(Protocol):
    """Base class of readers, which turn the outputs of a model file into detections."""

    def check(self, config: Detect) -> None:
        """Verify that the model file can detect with a configuration.

        Args:
            config: Configuration of detection: scores, NMS and limits.

        Raises:
            BadInput: NMS is part of the model file, and the file's NMS has a setting that differs from ``config``, or a
                score threshold above ``config.score``.
        """

    def check_score(self, score: float) -> None:
        """Verify that the model file gives all detections above a score.

        Args:
            score: Score that detections must exceed, in [0, 1].

        Raises:
            BadInput: The model file runs NMS itself, with a score threshold higher than ``score``.
        """

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Read the detections of one input.

        Args:
            output: Raw outputs of the network for one input, without the batch axis.
            config: Configuration of detection: NMS and limits.
            thresholds: ``(C,)`` scores that detections must exceed, by class.

        Returns:
            Detections, the best first, with boxes relative to the input.

        Raises:
            BadInput: The model file runs NMS with a value that differs from the one in ``config``.
        """


class PlainOutputs:
    """Reads a network's logits and deltas: decodes them, then runs non-maximum suppression.

    Args:
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.
    """

    def __init__(self, schema: Schema, priors_rel: np.ndarray):
        self._priors_rel, self._variances, self._activation = priors_rel, schema.priors.variances, schema.activation
        count = len(priors_rel)
        self._shapes = (count, len(schema.classes) + 1), (count, 4)
        self._said_unusable = False

    def check(self, config: Detect) -> None:
        """Accept any configuration, because NMS runs outside the model file."""

    def check_score(self, score: float) -> None:
        """Accept any score, because the network gives the scores of all priors."""

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Decode the logits and deltas of one input, then run non-maximum suppression."""
        given = tuple(output[name].shape for name in NETWORK if name in output)
        if given != self._shapes:
            raise BadInput("model", _MISFIT.format(f"outputs of shape {given}", f"{self._shapes}"))
        logits, deltas, priors_rel = self._usable(output["classes"], output["boxes"])
        scores, boxes_rel = decode(
            logits,
            deltas,
            priors_rel,
            self._variances,
            thresholds.min(initial=1),
            activation=self._activation,
        )
        return select(scores, boxes_rel, config, thresholds)

    def _usable(self, logits: np.ndarray, deltas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The outputs of the priors whose outputs are numbers and whose boxes are not infinite, and these priors."""
        growths = np.abs(deltas) * np.float32(max(self._variances))
        is_fine = -LARGEST_LOGIT < logits.min(initial=0) <= logits.max(initial=0) < LARGEST_LOGIT  # False for NaN
        if is_fine and growths.max(initial=0) < LARGEST_GROWTH:
            return logits, deltas, self._priors_rel
        if not self._said_unusable:
            self._said_unusable = True
            log.warning(
                "some outputs of the network are NaN, infinite or huge and give no detections; check the model's "
                "weights"
            )
        usable = (np.abs(logits) < LARGEST_LOGIT).all(axis=1) & (growths < LARGEST_GROWTH).all(axis=1)
        return logits[usable], deltas[usable], self._priors_rel[usable]


class SelectedOutputs:
    """Reads the outputs of a model file that includes decoding and non-maximum suppression.

    Args:
        schema: Schema of the file. Its ``detect`` section holds the values with which the file runs NMS.
    """

    def __init__(self, schema: Schema):
        self._detect, self._classes = schema.detect, len(schema.classes)
        height, width = schema.network.size
        self._extent = np.array((width, height, width, height), np.float32)

    def check(self, config: Detect) -> None:
        """Refuse a configuration whose values differ from those that the file runs NMS with."""
        self.check_score(config.score)
        for field in FIXED:
            fixed = getattr(self._detect, field)
            if getattr(config, field) != fixed:
                raise BadInput(
                    f"detect.{field}",
                    f"the model runs NMS itself, always with {fixed}; use that value, or export the model without NMS",
                )

    def check_score(self, score: float) -> None:
        """Refuse a score below the threshold at which the file itself drops detections."""
        least = self._detect.score
        if score < least:
            raise BadInput(
                "score",
                f"{score:g}: the model runs NMS itself and gives no detections below {least:g}; use that score, or "
                "export the model without NMS",
            )

    def read(self, output: Outputs, config: Detect, thresholds: np.ndarray) -> Selected:
        """Read the detections of one input, and drop those whose scores are too low."""
        self.check(config)
        count = output["count"]
        boxes_rel = output["boxes"][:count] / self._extent
        found = Selected(boxes_rel, output["scores"][:count], output["labels"][:count].astype(np.int64))
        if len(found.labels) and not 0 <= found.labels.min() <= found.labels.max() < self._classes:
            raise BadInput("model", _MISFIT.format(f"label {found.labels.max()}", f"{self._classes} classes"))
        return found.keep(found.scores > thresholds[found.labels])


def reader_for(runtime: Runtime, priors_rel: np.ndarray) -> Reader:
    """Choose the reader for the outputs of a runtime.

    Args:
        runtime: Runtime that runs the model.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input.

    Returns:
        Reader that suits the outputs of the runtime's model file.
    """
    return SelectedOutputs(runtime.schema) if runtime.has_nms else PlainOutputs(runtime.schema, priors_rel)
