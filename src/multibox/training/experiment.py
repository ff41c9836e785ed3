"""The folder of a run, ``experiments/NAME``, and its files. A run is never overwritten."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from multibox.config import Config
from multibox.config_file import to_yaml
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.priors import cell_shapes
from multibox.writing import Kind, locked, mark_folder, new_file, numbered

if TYPE_CHECKING:
    import keras

ROOT = Path("experiments")
RUN = Kind("run", on_request=True)


@dataclass(frozen=True)
class Experiment:
    """The folder of a run, and the paths of its files."""

    folder: Path

    @property
    def best(self) -> Path:
        """Path of the model with the best validation mAP, or of the last model if no mAP is measured."""
        return self.folder / "best.keras"

    @property
    def last(self) -> Path:
        """Path of the model after the last epoch."""
        return self.folder / "last.keras"

    @property
    def log(self) -> Path:
        """Path of ``log.csv``, with losses and rates every ``train.log_every`` steps."""
        return self.folder / "log.csv"

    @property
    def validations(self) -> Path:
        """Path of ``validation.csv``, with the mAP of each validation."""
        return self.folder / "validation.csv"

    @property
    def curves(self) -> Path:
        """Path of ``curves.svg``, with charts of the losses, the mAP and the learning rate."""
        return self.folder / "curves.svg"

    @property
    def report(self) -> Path:
        """Path of ``report.html``, the report of the run."""
        return self.folder / "report.html"

    @property
    def config(self) -> Path:
        """Path of the file with the run's configuration."""
        return self.folder / "config.yaml"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run's folder against other processes while the block lasts. The lock ends with the process.

        Raises:
            BadInput: If another process holds the lock.
        """
        busy = BadInput(self.folder, "another process is training this run; wait until it has ended")
        with locked(self.folder / ".lock", busy):
            yield

    @property
    def checkpoints(self) -> Path:
        """Path of the folder with the run's checkpoints."""
        return self.folder / "checkpoints"

    def tracker_id(self, tracker: str) -> Path:
        """Path of the file with the id that a tracking service gave the run."""
        return self.folder / f"{tracker}.id"

    def snapshot(self, epoch: int) -> Path:
        """Path of the model that was saved at the validation after an epoch."""
        return self.folder / "snapshots" / f"epoch-{epoch:03d}.keras"

    def describe(self, config: Config, network: "keras.Model") -> None:
        """Write the configuration, and a text that describes the network, into the run's folder."""
        for path, text in ((self.folder / "model.txt", definition(config, network)), (self.config, to_yaml(config))):
            with new_file(path) as new:
                new.write_text(text, "utf-8")


def new_experiment(name: str | None, default: str) -> Experiment:
    """Create the folder of a new run.

    Args:
        name: Name of the run. None takes ``default``, or ``default-2`` and so on if that name is used.
        default: Name to use if ``name`` is None.

    Returns:
        Folder of the new run.

    Raises:
        BadInput: If a run of this name exists.
    """
    for candidate in [name] if name else numbered(default):
        folder = ROOT / candidate
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        mark_folder(folder, RUN)
        (folder / "snapshots").mkdir()
        return Experiment(folder)
    raise BadInput(
        ROOT / str(name),
        f"exists, and runs are never overwritten; continue it with multibox.resume({name!r}), or choose another name",
    )


def open_experiment(name: str) -> Experiment:
    """Open the folder of an existing run.

    Args:
        name: Name of the run.

    Returns:
        Folder of the run.

    Raises:
        BadInput: If no run of this name exists, or it was stopped before it wrote anything.
    """
    experiment = Experiment(ROOT / name)
    if name and experiment.folder.is_dir() and not experiment.config.is_file():
        raise BadInput(
            "resume", f"{name}: was stopped before it wrote anything; remove {experiment.folder} and start a new run"
        )
    if not name or not experiment.config.is_file():
        runs = sorted(path.parent.name for path in ROOT.glob("*/config.yaml"))
        raise BadInput("resume", f"{name}: no such run in {ROOT}; available: {', '.join(runs) or 'none'}")
    return experiment


def definition(config: Config, network: "keras.Model") -> str:
    """Describe a network as text: its feature maps and priors, then its layers."""
    lines = [f"{network.name}: {network.count_params():,} parameters", ""]
    lines.append("map          cells      step  priors a cell  sides of squares of equal area")
    shapes = cell_shapes(config.priors, config.network.size, config.network.peer.prior_order)
    for fmap, cell in zip(feature_maps(config.network), shapes, strict=True):
        cells = f"{fmap.height}x{fmap.width}"
        sides = np.sqrt(cell.prod(axis=1))
        span = f"{sides.min():.0f} to {sides.max():.0f} px"
        lines.append(f"{fmap.name:12s} {cells:10s} {fmap.step_x:4.0f}  {len(cell):13d}  {span}")
    lines += ["", "layer                                    output                 parameters  trained"]
    for layer in network.layers:
        shape = "x".join(str(n) for n in getattr(layer.output, "shape", ())[1:])
        trained = "yes" if layer.trainable_weights else "no" if layer.weights else ""
        lines.append(f"{layer.name:40s} {shape:20s} {layer.count_params():12,d}  {trained}")
    return "\n".join(lines) + "\n"
