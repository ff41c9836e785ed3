"""Checkpoints: everything a run needs to continue as if it had never stopped.

A checkpoint is one ``.npz`` file: the network's variables, the optimizer's, and the run's state as JSON. Each array has
its checksum in the file. It is written beside its place, flushed to the disk, and renamed. So whenever the process or
the machine stops, there is an intact checkpoint or none.
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
"""What Python raises of a damaged ``.npz`` file."""


@dataclass(frozen=True)
class State:
    """State of a run.

    Attributes:
        step: Number of steps made.
        validated: Epochs done at the last validation. 0 before the first.
        best: Best validation mAP so far. Below 0 before the first validation.
        stale: Number of validations since the best one.
        data: Digests of the stores.
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
        state: State of the run.
        arrays: Values of the variables, by name.
    """

    state: State
    arrays: dict[str, np.ndarray]


class Checkpoints:
    """The checkpoints of a run: a folder with the last few.

    Args:
        folder: Folder of the checkpoints. The first save creates it.
        keep: Number of checkpoints to keep.
    """

    def __init__(self, folder: Path, keep: int = 2):
        self.folder, self.keep = folder, keep

    def paths(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob("step-*.npz"))

    def save(self, state: State, arrays: Mapping[str, np.ndarray]) -> Path:
        """Write a checkpoint, then remove those beyond the number to keep.

        Args:
            state: State of the run.
            arrays: Values of the variables, by name.

        Returns:
            Path of the new checkpoint.

        Raises:
            RunFailed: If the checkpoint cannot be written. Earlier ones are untouched.
        """
        path = self.folder / f"step-{state.step:09d}.npz"
        self._remove_unfinished()
        try:
            with new_file(path, durable=True) as new:
                _write(new, state, arrays)
        except (BadInput, RunFailed, OSError) as error:
            last = self.paths()[-1].name if self.paths() else "none"
            what = f"{path}: cannot be written: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            raise RunFailed(f"{what}. The last good checkpoint is {last}; correct this, then resume the run") from None
        paths = self.paths()
        newest = paths.index(path) + 1  # those after it are damaged, and the run went on from one before them
        for useless in paths[: max(0, newest - self.keep)] + paths[newest:]:
            useless.unlink()
        return path

    def latest(self) -> Checkpoint | None:
        """The newest intact checkpoint. Each newer damaged one is logged as a warning.

        Raises:
            BadInput: If checkpoints exist and none is intact, or one has a newer format.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                return _read(path)
            except BadInput:
                raise
            except DAMAGES as error:
                reason = " ".join(str(error).split())
                log.warning(f"{path}: damaged ({reason:.100}); taking the one before it")
        if paths:
            raise BadInput(self.folder, "every checkpoint is damaged; start a new run under another name")
        return None

    def _remove_unfinished(self) -> None:
        """Remove what a run of version 0.1.0 left behind that was killed while it wrote."""
        for path in self.folder.glob(".step-*"):
            path.unlink()


def read_variables(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """The values of Keras variables by name: the position, which makes it unique, and the path, for readers."""
    from keras import ops

    return {name: ops.convert_to_numpy(variable) for name, variable in _named(variables).items()}


def assign_variables(variables: Sequence[Any], checkpoint: Checkpoint) -> None:
    """Assign the values of a checkpoint to variables.

    Raises:
        BadInput: If the checkpoint belongs to other variables.
    """
    named = _named(variables)
    for name, variable in named.items():
        if name not in checkpoint.arrays or checkpoint.arrays[name].shape != tuple(variable.shape):
            raise BadInput(
                f"the checkpoint of step {checkpoint.state.step} has no {name} of shape {tuple(variable.shape)}",
                "another version of multibox or Keras wrote it; go on with that one",
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
            raise BadInput(path, "written by a newer multibox; upgrade this one")
        count, arrays = values.pop("arrays"), {}
        for name in archive.namelist():
            if name != STATE:
                with archive.open(name) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"{name} is longer than it says")
    if len(arrays) != count:
        raise ValueError(f"{len(arrays)} of {count} arrays")
    return Checkpoint(State(**{**values, "data": tuple(values["data"])}), arrays)
