"""The errors a person sees: one line that names what is wrong and what to do."""


class BadInput(ValueError):  # noqa: N818  It is what happened, in the words of the user
    """Something that the user gave is wrong: a file, a field, a name. The command line exits with 2.

    The message is one line: the file, object or field, what is wrong with it, and what to do.
    """


class RunFailed(RuntimeError):  # noqa: N818
    """Good input, but the run could not be finished (loss not finite, disk full). The command line exits with 1."""


class Stopped(RuntimeError):  # noqa: N818
    """A signal ended the run, which can go on. The command line exits with 128 and the signal's number, as is usual."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal
