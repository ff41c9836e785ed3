"""TensorFlow's SavedModel, a folder."""

from pathlib import Path

import numpy as np

from multibox.errors import BadInput
from multibox.models.backend import no_chatter
from multibox.models.schema import MEMBER, parse_schema
from multibox.runtimes.runtime import first_line, require_package
from multibox.runtimes.selecting import plain


class SavedModelRuntime:
    """Runs a SavedModel that ``multibox export`` wrote.

    Args:
        path: of the folder.
        threads: only None: TensorFlow has one setting for all that a process does.

    Attributes:
        names: of its outputs.

    Raises:
        BadInput: not such a folder, or TensorFlow is missing.
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        if threads is not None:
            raise BadInput("threads", "TensorFlow takes what it finds for a SavedModel; leave it out")
        member = Path(path) / "assets" / MEMBER
        if not member.is_file():
            raise BadInput(path, f"not a SavedModel of multibox: it has no assets/{MEMBER}")
        self.schema = parse_schema(member.read_bytes(), str(path))
        require_package("tensorflow", f"{path}", "TensorFlow", "train")
        with no_chatter(2):
            import tensorflow

            try:
                self._model = tensorflow.saved_model.load(str(path))  # kept, as its signatures do not keep it
                self._run = self._model.signatures["serving_default"]
            except Exception as error:  # TensorFlow's have no common class; the folder was read, so it is at fault
                raise BadInput(path, f"not a SavedModel that TensorFlow can run: {first_line(error)}") from None
        self.names = tuple(self._run.structured_outputs)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network, see :class:`~multibox.runtimes.Runtime`."""
        return plain(self.run(images))

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Run the file, see :class:`~multibox.runtimes.selecting.NamedRuntime`."""
        import tensorflow

        return {name: value.numpy() for name, value in self._run(image=tensorflow.constant(images)).items()}
