"""An output: a file or folder that predictions are written to, one at a time."""

from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from multibox.predict.outputs.stamps import PREDICTION
from multibox.predict.predict import Prediction
from multibox.writing import Unfinished, check_file, naming


class Output(Protocol):
    """A file or folder that predictions are written to.

    Attributes:
        draws: Whether the output holds pixels of the images, so that predictions must hold their image.
    """

    draws: ClassVar[bool]

    def encode(self, prediction: Prediction) -> Any:
        """Convert a prediction to what :meth:`add` writes.

        It has its image if ``draws`` is True. Any thread may call this method.
        """

    def add(self, prediction: Prediction, encoded: Any) -> None:
        """Write a prediction that :meth:`encode` has formatted, in the order of the images.

        Its image may have been dropped.
        """

    def finish(self) -> None:
        """Complete the output and move it to its place."""

    def discard(self) -> None:
        """Remove the output while it is incomplete, after an error."""


class TextOutput:
    """A text file with an entry for each prediction, written completely or not at all.

    Args:
        path: Path of the file.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.

    Raises:
        BadInput: The path holds a file that may not be replaced.
    """

    draws: ClassVar[bool] = False
    head: str = ""
    between: str = ""
    tail: str = ""

    def __init__(self, path: Path, *, replace: bool = False):
        check_file(path, PREDICTION, replace=replace)
        self.path, self._replace = path, replace
        self._unfinished: Unfinished | None = None
        self._file: IO[str] | None = None
        self._is_first = True

    def encode(self, prediction: Prediction) -> str:
        """Format the entry of a prediction. If the text is empty, nothing is written."""
        raise NotImplementedError

    def add(self, prediction: Prediction, encoded: str) -> None:
        """Append the detections of one image or frame to the output."""
        with naming(self.path):
            file, _ = self._open()
            if encoded:
                file.write(encoded if self._is_first else self.between + encoded)
                self._is_first = False

    def finish(self) -> None:
        """Complete the file and move it to its place."""
        with naming(self.path):
            file, unfinished = self._open()
            file.write(self.tail)
            file.close()
        unfinished.finish()

    def discard(self) -> None:
        """Remove the incomplete file."""
        if self._file is not None:
            with suppress(OSError):  # the disk is full, and the rest is discarded anyway
                self._file.close()
        if self._unfinished is not None:
            self._unfinished.discard()

    def _open(self) -> tuple[IO[str], Unfinished]:
        if self._unfinished is None:
            self._unfinished = Unfinished(self.path, PREDICTION, replace=self._replace)
        if self._file is None:
            self._file = self._unfinished.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._file.write(self.head)
        return self._file, self._unfinished


def image_id(prediction: Prediction, stem: str) -> str:
    """Name of an image in formats of other tools: the file's stem, and for a video frame also the frame's number."""
    return stem if prediction.number is None else f"{stem}-{prediction.number:06d}"
