"""An output: something that predictions are written to, one at a time."""

from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from multibox.predict.outputs.stamps import PREDICTION
from multibox.predict.predict import Prediction
from multibox.writing import Unfinished, check_file, naming


class Output(Protocol):
    """Something that predictions are written to."""

    draws: ClassVar[bool]
    """Whether it needs the image."""

    def encode(self, prediction: Prediction) -> Any:
        """What is to be written of a prediction; called in any thread, with the image where it ``draws``."""

    def add(self, prediction: Prediction, encoded: Any) -> None:
        """Write it; called in order, without the image."""

    def finish(self) -> None:
        """Make whole what was written."""

    def discard(self) -> None:
        """Remove what is not whole."""


class TextOutput:
    """A text file, to which something is added of each prediction; it is there whole or not at all.

    Args:
        path: Path of the file.
        replace: Whether to replace a file that Multibox did not write, or that was changed since.

    Raises:
        BadInput: There is such a file.
    """

    draws: ClassVar[bool] = False
    head: ClassVar[str] = ""
    between: ClassVar[str] = ""
    tail: ClassVar[str] = ""

    def __init__(self, path: Path, *, replace: bool = False):
        check_file(path, PREDICTION, replace=replace)
        self.path, self._replace = path, replace
        self._unfinished: Unfinished | None = None
        self._file: IO[str] | None = None
        self._is_first = True

    def encode(self, prediction: Prediction) -> str:
        """The text of a prediction; nothing is written where it is empty."""
        raise NotImplementedError

    def add(self, prediction: Prediction, encoded: str) -> None:
        """Write it."""
        with naming(self.path):
            file, _ = self._open()
            if encoded:
                file.write(encoded if self._is_first else self.between + encoded)
                self._is_first = False

    def finish(self) -> None:
        """Close the file and give it its name."""
        with naming(self.path):
            file, unfinished = self._open()
            file.write(self.tail)
            file.close()
        unfinished.finish()

    def discard(self) -> None:
        """Remove what is not whole."""
        if self._file is not None:
            with suppress(OSError):  # the disk is full, and what could not be written is not wanted any more
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
    """What a picture is called in others' formats: its stem; a frame, its video's stem and its number."""
    return stem if prediction.number is None else f"{stem}-{prediction.number:06d}"
