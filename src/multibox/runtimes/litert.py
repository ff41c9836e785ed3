"""LiteRT, formerly TensorFlow Lite."""

from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import no_chatter
from multibox.models.file import read_schema
from multibox.runtimes.runtime import first_line, require_package
from multibox.runtimes.selecting import plain


class LiteRtRuntime:
    """Runs a ``.tflite`` file that ``multibox export`` wrote, one image at a time.

    Args:
        path: of the file.
        threads: that compute; None: as LiteRT likes.

    Attributes:
        names: of the file's outputs.

    Raises:
        BadInput: not such a file, or LiteRT is missing.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        self.schema = read_schema(path)  # a zip behind the model holds it, as one holds that of a .keras file
        require_package("ai_edge_litert", f"{path}", "LiteRT", "litert")
        from ai_edge_litert.interpreter import Interpreter

        try:
            with no_chatter(2):
                self._run = Interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
                self._run(image=np.zeros((1, *self.schema.network.size, 3), np.uint8))  # only then it is made ready
        except (ValueError, RuntimeError) as error:
            raise BadInput(path, f"not a model that LiteRT can run: {first_line(error)}") from None
        self.names = tuple(self._run.get_output_details())

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        return plain(self.run(images))

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the file, see :class:`~multibox.runtimes.selecting.NamedRuntime`."""
        each = [self._run(image=image[None]) for image in images]
        return {name: np.concatenate([outputs[name] for outputs in each]) for name in self.names}
