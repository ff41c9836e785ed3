"""The errors that users see. Each is one line that names what is wrong and says what to do."""

import os


class BadInput(ValueError):  # noqa: N818  It is named after what happened
    """A parameter, a configuration field or a file that the user gave is wrong. The exit status is 2.

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


class HostLost(RunFailed):
    """Another host of a run has ended or cannot be reached, so that this one cannot continue."""


class Stopped(RuntimeError):  # noqa: N818
    """A signal such as Ctrl-C stopped a run that can be resumed.

    The exit status is 128 plus the signal's number, as in shells.
    """

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


def install(*extras: str) -> str:
    """The pip command that installs Multibox with some extras, for the end of an error message.

    Multibox is not on a package index yet, so the command is one for a clone of the repository.

    Args:
        extras: Pip extras of Multibox, of which the user needs one. Names separated by commas within one text are
            needed together.
    """
    choices = " or ".join(f"'.[{extra}]'" for extra in extras)
    return f"in a clone of Multibox, run: pip install {choices}"


def first_line(error: Exception) -> str:
    """The first line of another library's error message, for the end of a message that must be one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
