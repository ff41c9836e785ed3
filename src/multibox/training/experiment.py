"""The folder of a run, ``experiments/NAME``, and its files. No run is ever overwritten."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.config import Config
from multibox.config_file import to_yaml
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.priors import priors_per_cell
from multibox.writing import Kind, locked, mark_folder, new_file, numbered

if TYPE_CHECKING:
    import keras

ROOT = Path("experiments")
RUN = Kind("run", on_request=True)


@dataclass(frozen=True)
class Experiment:
    """Paths of a run's files."""

    folder: Path

    @property
    def best(self) -> Path:
        """The model of the best validation. Without validations, the last model."""
        return self.folder / "best.keras"

    @property
    def last(self) -> Path:
        """The model after the last epoch."""
        return self.folder / "last.keras"

    @property
    def log(self) -> Path:
        """Losses and rates, a row every ``train.log_every`` steps."""
        return self.folder / "log.csv"

    @property
    def validations(self) -> Path:
        """The figures of each validation."""
        return self.folder / "validation.csv"

    @property
    def curves(self) -> Path:
        """Charts of losses, mAP and learning rate."""
        return self.folder / "curves.svg"

    @property
    def report(self) -> Path:
        """The report as a page."""
        return self.folder / "report.html"

    @property
    def config(self) -> Path:
        """The configuration of the run."""
        return self.folder / "config.yaml"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the run while the block lasts. The system releases the lock when the process
        ends.

        Raises:
            BadInput: If another process holds the lock.
        """
        busy = BadInput(self.folder, "another process is at this run; wait until it has ended")
        with locked(self.folder / ".lock", busy):
            yield

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.folder / "checkpoints"

    def tracker_id(self, tracker: str) -> Path:
        """File with the run's id at a tracker."""
        return self.folder / f"{tracker}.id"

    def snapshot(self, epoch: int) -> Path:
        """The model at the validation after an epoch."""
        return self.folder / "snapshots" / f"epoch-{epoch:03d}.keras"

    def describe(self, config: Config, network: "keras.Model") -> None:
        """Write the configuration and the definition of the network."""
        for path, text in ((self.folder / "model.txt", definition(config, network)), (self.config, to_yaml(config))):
            with new_file(path) as new:
                new.write_text(text, "utf-8")


def new_experiment(name: str | None, default: str) -> Experiment:
    """Create the folder of a new run.

    Args:
        name: Name of the run. None takes ``default``, or ``default-2`` and so on if that exists.
        default: Name of a run that is given none.

    Returns:
        The run's folder.

    Raises:
        BadInput: If a run of that name exists.
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
        The run's folder.

    Raises:
        BadInput: If there is no such run, or it was stopped before anything was written.
    """
    experiment = Experiment(ROOT / name)
    if name and experiment.folder.is_dir() and not experiment.config.is_file():
        raise BadInput(
            "resume", f"{name}: was stopped before anything was written; remove {experiment.folder} and train anew"
        )
    if not name or not experiment.config.is_file():
        runs = sorted(path.parent.name for path in ROOT.glob("*/config.yaml"))
        raise BadInput("resume", f"{name}: no run that was begun in {ROOT}; there are: {', '.join(runs) or 'none'}")
    return experiment


def definition(config: Config, network: "keras.Model") -> str:
    """A network as text: its maps and priors, then its layers."""
    lines = [f"{network.name}: {network.count_params():,} parameters", ""]
    lines.append("map          cells      step  priors a cell  sizes")
    scale = min(config.network.size) / config.priors.at
    sizes = [size * scale for size in config.priors.sizes]
    for i, fmap in enumerate(feature_maps(config.network)):
        cells = f"{fmap.height}x{fmap.width}"
        span = f"{sizes[i]:.0f} to {sizes[i + 1]:.0f} px"
        lines.append(f"{fmap.name:12s} {cells:10s} {fmap.step_x:4.0f}  {priors_per_cell(config.priors)[i]:13d}  {span}")
    lines += ["", "layer                                    output                 parameters  trained"]
    for layer in network.layers:
        shape = "x".join(str(n) for n in getattr(layer.output, "shape", ())[1:])
        trained = "yes" if layer.trainable_weights else "no" if layer.weights else ""
        lines.append(f"{layer.name:40s} {shape:20s} {layer.count_params():12,d}  {trained}")
    return "\n".join(lines) + "\n"
