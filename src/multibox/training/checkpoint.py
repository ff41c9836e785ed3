"""Checkpoints: everything that a run needs to continue as if it had never stopped.

A checkpoint is one ``.npz`` file with the network's variables, the optimizer's variables, and the run's state as JSON.
The file holds a checksum of each array. It is written under a temporary name, flushed to the disk, and renamed. So each
checkpoint is intact whenever the process or the machine stops.
"""

import json
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import BadInput, RunFailed
from multibox.writing import new_file

log = logging.getLogger(__name__)

FORMAT = 1
STATE = "state.json"
DAMAGES = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Exceptions that Python raises while it reads a damaged ``.npz`` file."""


@dataclass(frozen=True)
class State:
    """State of a training run.

    Attributes:
        step: Number of training steps made.
        validated: Number of epochs made before the last validation. 0 before the first validation.
        best: Best validation mAP so far, in [0, 1]. Negative before the first validation.
        stale: Number of validations since the one with the best mAP.
        data: Digests of the stores, which show whether the data has changed.
    """

    step: int = 0
    validated: int = 0
    best: float = -1.0
    stale: int = 0
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint.

    Attributes:
        state: State of the training run.
        arrays: Values of the variables by name, as :func:`read_variables` returns them.
    """

    state: State
    arrays: dict[str, np.ndarray]


class Checkpoints:
    """The folder with the latest checkpoints of a run.

    Args:
        folder: Path of the folder. The first save creates it.
        keep: Number of the latest checkpoints to keep. Older ones are removed.
    """

    def __init__(self, folder: Path, keep: int = 2):
        self.folder, self.keep = folder, keep

    def paths(self) -> list[Path]:
        """Paths of the checkpoint files, oldest first."""
        return sorted(self.folder.glob("step-*.npz"))

    def save(self, state: State, arrays: Mapping[str, np.ndarray]) -> Path:
        """Write a checkpoint, then remove the oldest ones.

        Args:
            state: State of the training run.
            arrays: Values of the variables by name, as :func:`read_variables` returns them.

        Returns:
            Path of the new checkpoint.

        Raises:
            RunFailed: If the checkpoint cannot be written. Earlier checkpoints are kept.
        """
        path = self.folder / f"step-{state.step:09d}.npz"
        self._remove_unfinished()
        try:
            with new_file(path, durable=True) as new:
                _write(new, state, arrays)
        except (BadInput, RunFailed, OSError) as error:
            last = self.paths()[-1].name if self.paths() else "none"
            what = f"{path}: cannot be written: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            raise RunFailed(
                f"{what}. The last good checkpoint is {last}; solve the problem, then resume the run"
            ) from None
        paths = self.paths()
        newest = paths.index(path) + 1  # those after it are damaged, and the run went on from one before them
        for useless in paths[: max(0, newest - self.keep)] + paths[newest:]:
            useless.unlink()
        return path

    def latest(self) -> Checkpoint | None:
        """Read the newest intact checkpoint. A warning is logged for each newer one that is damaged.

        Raises:
            BadInput: If all checkpoints are damaged, or one was written in a newer format.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                return _read(path)
            except BadInput:
                raise
            except DAMAGES as error:
                reason = " ".join(str(error).split())
                log.warning(f"{path}: damaged ({reason:.100}); the previous checkpoint is used")
        if paths:
            raise BadInput(self.folder, "every checkpoint is damaged; start a new run under another name")
        return None

    def _remove_unfinished(self) -> None:
        """Remove partly written files of a version 0.1.0 process that was killed."""
        for path in self.folder.glob(".step-*"):
            path.unlink()


def read_variables(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """Copy the values of a network's and an optimizer's variables into arrays.

    Each array's name is the variable's position in ``variables``, which is unique, and its path in Keras.
    """
    from keras import ops

    return {name: np.array(ops.convert_to_numpy(variable)) for name, variable in _named(variables).items()}


def assign_variables(variables: Sequence[Any], checkpoint: Checkpoint) -> None:
    """Set variables to the values in a checkpoint.

    Raises:
        BadInput: If the checkpoint lacks a variable, or has it in another shape.
    """
    named = _named(variables)
    for name, variable in named.items():
        if name not in checkpoint.arrays or checkpoint.arrays[name].shape != tuple(variable.shape):
            raise BadInput(
                f"the checkpoint of step {checkpoint.state.step} has no {name} of shape {tuple(variable.shape)}",
                "another version of multibox or Keras wrote it; resume the run with that version",
            )
    for name, variable in named.items():
        variable.assign(checkpoint.arrays[name])


def _named(variables: Sequence[Any]) -> dict[str, Any]:
    return {f"{i:04d}/{variable.path}": variable for i, variable in enumerate(variables)}


def _write(path: Path, state: State, arrays: Mapping[str, np.ndarray]) -> None:
    text = json.dumps({"format": FORMAT, "arrays": len(arrays), **asdict(state)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr(STATE, text)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _read(path: Path) -> Checkpoint:
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read(STATE))
        if values.pop("format") > FORMAT:
            raise BadInput(path, "was written by a newer version of multibox; upgrade multibox")
        count, arrays = values.pop("arrays"), {}
        for name in archive.namelist():
            if name != STATE:
                with archive.open(name) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"array {name} is longer than its header says")
    if len(arrays) != count:
        raise ValueError(f"only {len(arrays)} of {count} arrays are in the file")
    return Checkpoint(State(**{**values, "data": tuple(values["data"])}), arrays)
