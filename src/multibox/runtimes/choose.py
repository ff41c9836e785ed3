"""Chooses the runtime that opens a model file."""

import os
from pathlib import Path

from multibox.errors import BadInput
from multibox.machine import cores
from multibox.models.shipped import model_path
from multibox.runtimes.fastest import open_fastest
from multibox.runtimes.int8_files import int8_files
from multibox.runtimes.keras import open_keras
from multibox.runtimes.kinds import RUNTIMES, readers
from multibox.runtimes.runtime import Runtime

FASTEST = "fastest"
"""Name that stands for the fastest runtime on this machine."""

FASTEST_INT8 = "fastest-int8"
"""Name that stands for the fastest runtime on this machine, where a file in int8 may run in place of the model."""

MANY = 1000
"""Number of images from which on finding out the fastest runtime pays off, if none is given. It takes seconds."""

CHOICES = (*RUNTIMES, FASTEST, FASTEST_INT8)
"""Names that :func:`open_runtime` accepts."""


def model_file(
    path: str | os.PathLike[str], runtime: str | None = None, devices: int = 1, backend: str | None = None
) -> Path:
    """Path of the file that :func:`open_runtime` opens.

    ``voc20`` has one file for Keras, and one for all other runtimes.
    """
    return model_path(path, ".keras" if runtime == "keras" or devices > 1 or backend else ".onnx")


def open_runtime(
    path: str | os.PathLike[str],
    devices: int = 1,
    runtime: str | None = None,
    threads: int | None = None,
    images: int = 1,
    backend: str | None = None,
) -> Runtime:
    """Open a model file.

    Args:
        path: Path of a ``.keras`` file or of a file that ``multibox export`` wrote, or ``voc20``, the bundled detector.
        devices: Number of devices of this machine that share each batch. More than one needs a ``.keras`` file.
        runtime: Name of the runtime, one of :data:`CHOICES`. None means the default for the kind of file.
        threads: Number of CPU threads to compute with. None means one per core.
        images: Number of images that will be run, as far as known. With two per thread or more, the runtime gets a lane
            for each thread if it can have several. From :data:`MANY` on, the default is the fastest runtime.
        backend: Backend of Keras, for a ``.keras`` file: ``tensorflow``, ``torch`` or ``jax``. None means the default,
            as :func:`multibox.runtimes.choose_backend.require_keras` describes it.

    Returns:
        Runtime that runs the model.

    Raises:
        BadInput: The file does not exist or is not a model, the machine has fewer devices, the runtime cannot read such
            files, or its package is not installed.
    """
    given, path = path, model_file(path, runtime, devices, backend)
    able = readers(path)
    if not path.exists():
        raise BadInput(path, "no such model file; give a .keras file of a run, or an exported .onnx file")
    if not able and readers(path.parent):
        raise BadInput(path, f"is only one file of a model; give the model's folder, {path.parent}")
    if not able:
        raise BadInput(path, "not a model file; give a .keras file of a run, or an exported .onnx file")
    runtime = runtime or (FASTEST if images >= MANY and devices == 1 else able[0])
    if runtime not in CHOICES:
        raise BadInput("runtime", f"{runtime}: there is no runtime of that name; choose one of {', '.join(CHOICES)}")
    if runtime not in (FASTEST, FASTEST_INT8, *able):
        suffixes = " and ".join(RUNTIMES[runtime].suffixes)
        advice = "choose another runtime, or export the model"
        raise BadInput("runtime", f"{runtime}: reads {suffixes} files, not {given}; {advice}")
    if devices > 1 and "keras" not in able:
        title = RUNTIMES[able[0]].title
        raise BadInput(
            "devices", f"{title} chooses its devices itself; leave out devices, or give a .keras file instead of {path}"
        )
    if devices > 1 or (backend is not None and "keras" in able):
        return open_keras(path, devices, threads, backend)
    if backend is not None:
        raise BadInput("backend", f"{given} is not run by Keras; leave it out, or give a .keras file")
    total = threads or cores()
    lanes = total if images >= 2 * total else 1
    if runtime in (FASTEST, FASTEST_INT8):
        return open_fastest(path, threads, int8_files(path) if runtime == FASTEST_INT8 else (), lanes)
    return RUNTIMES[runtime].start(path, threads, lanes)
