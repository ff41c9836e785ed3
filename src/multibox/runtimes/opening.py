"""Which runtime opens which file."""

import os
from pathlib import Path

from multibox.errors import BadInput
from multibox.models.shipped import model_path
from multibox.runtimes.keras import open_keras
from multibox.runtimes.kinds import RUNTIMES, readers
from multibox.runtimes.runtime import Runtime

FASTEST = "fastest"
"""Chooses the runtime that is fastest on this machine."""

CHOICES = (*RUNTIMES, FASTEST)
"""What ``--runtime`` takes."""


def model_file(path: str | os.PathLike[str], runtime: str | None = None, devices: int = 1) -> Path:
    """Where the model is that :func:`open_runtime` opens: of the shipped detector, the file that the runtime reads."""
    return model_path(path, ".keras" if runtime == "keras" or devices > 1 else ".onnx")


def open_runtime(
    path: str | os.PathLike[str], devices: int = 1, runtime: str | None = None, threads: int | None = None
) -> Runtime:
    """Open a model file.

    Args:
        path: a ``.keras`` file, one that ``multibox export`` wrote, or ``voc20``, the shipped detector.
        devices: of this machine, that share each batch; Keras only.
        runtime: one of :data:`CHOICES`; None: the default for the kind of file.
        threads: of the CPU, that compute; None: one a core.

    Returns:
        what runs it.

    Raises:
        BadInput: no such file, not a model, fewer devices, the runtime does not read it, or its package is missing.
    """
    given, path = path, model_file(path, runtime, devices)
    able = readers(path)
    if not path.exists():
        raise BadInput(path, "no such model file; give a .keras file of a run, or an exported .onnx file")
    if not able:
        raise BadInput(path, "not a model file; give a .keras file of a run, or an exported .onnx file")
    runtime = runtime or able[0]
    if runtime not in CHOICES:
        raise BadInput("runtime", f"{runtime}: there is none of that name; choose one of {', '.join(CHOICES)}")
    if runtime not in (FASTEST, *able):
        suffixes = " and ".join(RUNTIMES[runtime].suffixes)
        raise BadInput("runtime", f"{runtime}: reads {suffixes} files; make one of {given} with 'multibox export'")
    if devices > 1 and "keras" not in able:
        title = RUNTIMES[able[0]].title
        raise BadInput("devices", f"{title} takes what it finds; leave it out, or give the .keras file of {path}")
    if devices > 1:
        return open_keras(path, devices, threads)
    if runtime == FASTEST:
        from multibox.runtimes.fastest import open_fastest

        return open_fastest(path, threads)
    return RUNTIMES[runtime].open(path, threads)
