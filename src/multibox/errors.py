"""The errors that users see. Each is one line that names what is wrong and says what to do."""

import os


class BadInput(ValueError):  # noqa: N818  It is named after what happened
    """Something the user gave is wrong: a parameter, a configuration field or a file. The exit status is 2.

    Args:
        field: Name of the parameter (``"nms_iou"``) or of the configuration field (``"train.epochs"``), or path of the
            file. The command line prints a parameter as its option.
        message: What is wrong, then what to do, in one line.

    Example:
        ``raise BadInput("nms_iou", "1.5 is not between 0 and 1")``
    """

    def __init__(self, field: object, message: str):
        self.field = os.fspath(field) if isinstance(field, os.PathLike) else str(field)
        super().__init__(self.field, message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class RunFailed(RuntimeError):  # noqa: N818
    """The input was good, but the run could not be finished (disk full, loss not finite). The exit status is 1."""


class Stopped(RuntimeError):  # noqa: N818
    """A signal ended a run that can be resumed. The exit status is 128 plus the signal's number, as in shells."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


def install(*extras: str) -> str:
    """The pip command that installs Multibox with some extras, for the end of an error message.

    Multibox is not on a package index yet, so the command is one for a clone of the repository.

    Args:
        extras: Pip extras of Multibox, each of them an alternative. One text may name several extras, separated by
            commas.
    """
    choices = " or ".join(f"'.[{extra}]'" for extra in extras)
    return f"in a clone of Multibox, run: pip install {choices}"


def first_line(error: Exception) -> str:
    """The first line of another library's error message, for the end of a message that must be one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
