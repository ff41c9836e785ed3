"""The detector of files that decode and suppress by themselves."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from multibox.config import Detect
from multibox.detect.detector import BATCH, Detector, Prepared
from multibox.detect.in_threads import in_batches
from multibox.detect.views import AS_IT_IS, View
from multibox.errors import BadInput
from multibox.postprocess.nms import Selected
from multibox.runtimes.selecting import NamedRuntime, selected_by

FIXED = ("nms", "nms_iou", "nms_sigma", "agnostic", "per_class", "per_image")
"""What is written into such a file."""


class SelectingDetector(Detector):
    """Finds the objects in pictures with a file that gives detections, and not a network's numbers.

    Args:
        runtime: of the file, see :class:`multibox.runtimes.selecting.NamedRuntime`.
        config: see :class:`~multibox.detect.detector.Detector`; how overlaps are settled has to be as the file does it,
            and ``score`` not below the file's.
        options: as :class:`~multibox.detect.detector.Detector` takes them.

    Raises:
        BadInput: overlaps are to be settled in another way, or lower scores are asked for.
    """

    def __init__(self, runtime: Any, config: Detect | None = None, **options: Any):
        super().__init__(runtime, config, **options)
        self._file: NamedRuntime = runtime
        self._refuse_other(self.config)
        self._refuse_below(self.config.score)

    def run(self, batch: Sequence[Prepared]) -> list[Any]:
        """Run the file on all inputs of prepared images, see :meth:`~multibox.detect.detector.Detector.run`.

        Args:
            batch: the images.

        Returns:
            of each image what was detected in each of its inputs.
        """
        inputs = [pixels for image in batch for pixels in image.inputs]
        together = in_batches(inputs, max(len(batch), BATCH))
        found = (one for some in together for one in selected_by(self._file, np.stack(some)))
        return [[(one,) for one in islice(found, len(image.inputs))] for image in batch]

    def thresholds(self, score: float | None) -> np.ndarray:
        """See :meth:`~multibox.detect.detector.Detector.thresholds`.

        Raises:
            BadInput: the file gives nothing with so low a score.
        """
        if score is not None:
            self._refuse_below(score)
        return super().thresholds(score)

    def _look(self, view: View, *output: Any) -> Selected:
        found, config, least = output
        self._refuse_other(config)
        if self.tta != AS_IT_IS:  # fusing takes means of scores, so that lower ones count as well
            least = np.minimum(least, config.score)
        return found._replace(boxes=view.to_image(found.boxes)).keep(found.scores > least[found.labels])

    def _refuse_below(self, score: float) -> None:
        least = self.schema.detect.score
        if score < least:
            raise BadInput(
                f"score {score:g}",
                f"the model was exported with --nms and gives nothing below {least:g}; "
                "take that, or give a model without NMS inside",
            )

    def _refuse_other(self, config: Detect) -> None:
        for field in FIXED:
            if getattr(config, field) != getattr(self.schema.detect, field):
                raise BadInput(
                    f"detect.{field}",
                    "the model was exported with --nms, where it is "
                    f"{getattr(self.schema.detect, field)} for good; give a model without NMS inside",
                )
