"""The runtime for TensorFlow's SavedModel, which is a folder."""

from pathlib import Path

import numpy as np

from multibox.errors import BadInput, first_line
from multibox.models.backend import no_chatter
from multibox.models.schema import MEMBER, parse_schema
from multibox.runtimes.outputs import Outputs, has_nms
from multibox.runtimes.packages import require_package
from multibox.runtimes.runtime import Runtime


class SavedModelRuntime(Runtime):
    """Runs a SavedModel that ``multibox export`` wrote.

    Args:
        path: Path of the folder.
        threads: Must be None, because TensorFlow's number of threads can only be set for the whole process.

    Raises:
        BadInput: The folder is not a SavedModel of Multibox, a number of threads was given, or TensorFlow is not
            installed.
    """

    name = "saved-model"

    def __init__(self, path: str | Path, threads: int | None = None):
        if threads is not None:
            raise BadInput(
                "threads", "cannot be set for a SavedModel, as TensorFlow chooses the threads itself; leave it out"
            )
        member = Path(path) / "assets" / MEMBER
        if not member.is_file():
            raise BadInput(path, f"not a SavedModel of multibox: it has no assets/{MEMBER}")
        self.schema = parse_schema(member.read_bytes(), str(path))
        require_package("tensorflow", f"{path}", "TensorFlow", "train")
        with no_chatter(2):
            import tensorflow

            try:
                self._model = tensorflow.saved_model.load(str(path))  # kept, as its signatures do not keep it alive
                self._run = self._model.signatures["serving_default"]
            except Exception as error:  # TensorFlow's have no common class; the folder was read, so it is at fault
                raise BadInput(path, f"not a SavedModel that TensorFlow can run: {first_line(error)}") from None
        self.has_nms = has_nms(self._run.structured_outputs)

    def run(self, images: np.ndarray) -> Outputs:
        """Run the model on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        import tensorflow

        return {name: value.numpy() for name, value in self._run(image=tensorflow.constant(images)).items()}
