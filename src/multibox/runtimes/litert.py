"""The runtime LiteRT, formerly TensorFlow Lite."""

from pathlib import Path

import numpy as np

from multibox.errors import BadInput, first_line
from multibox.models.backend import no_chatter
from multibox.models.file import read_schema
from multibox.runtimes.outputs import Outputs, has_nms
from multibox.runtimes.packages import require_package
from multibox.runtimes.runtime import Runtime
from multibox.runtimes.ssd_layout import is_ssd_layout, to_detections


class LiteRtRuntime(Runtime):
    """Runs a ``.tflite`` file that ``multibox export`` wrote, one image at a time.

    Args:
        path: Path of the file.
        threads: Number of threads to compute with. None means LiteRT's default.

    Raises:
        BadInput: The file is not a ``.tflite`` model of Multibox, or LiteRT is not installed.
    """

    name = "litert"

    def __init__(self, path: str | Path, threads: int | None = None):
        self.schema = read_schema(path)  # a zip archive behind the model holds it, as in a .keras file
        require_package("ai_edge_litert", f"{path}", "LiteRT", "litert")
        from ai_edge_litert.interpreter import Interpreter

        try:
            with no_chatter(2):
                self._run = Interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
                self._run(image=np.zeros((1, *self.schema.network.size, 3), np.uint8))  # the first run prepares it
        except (ValueError, RuntimeError) as error:
            raise BadInput(path, f"not a model that LiteRT can run: {first_line(error)}") from None
        self._names = tuple(self._run.get_output_details())
        self._is_ssd_layout = is_ssd_layout(set(self._names))
        self.has_nms = self._is_ssd_layout or has_nms(self._names)

    def run(self, images: np.ndarray) -> Outputs:
        """Run the model on a batch of images. Arguments and result are those of :meth:`Runtime.run`."""
        each = [self._run(image=image[None]) for image in images]
        outputs = {name: np.concatenate([one[name] for one in each]) for name in self._names}
        return to_detections(outputs, self.schema.network.size) if self._is_ssd_layout else outputs
