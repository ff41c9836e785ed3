"""Trackers of a run: TensorBoard, and Weights & Biases or MLflow if ``train.tracker`` names one.

Everything that trackers receive is also in the run's files, or can be computed again from its models. A tracker that
fails is dropped with a warning, and the run continues.
"""

import importlib
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, Self

import cv2
import numpy as np

from multibox.config import Config
from multibox.config_file import fields_of
from multibox.errors import BadInput, install
from multibox.training.event_file import EventFile
from multibox.training.experiment import Experiment
from multibox.writing import new_file

log = logging.getLogger(__name__)

PROJECT: Final = "multibox"
"""Name of the project or experiment at a tracking service whose own environment variable is not set."""


class Tracker(Protocol):
    """Protocol of an object that receives the progress of a run."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to curves.

        Args:
            values: Values by the names of their curves, such as ``train/loss``. The part before the slash is a group of
                curves.
            step: Training step that the values belong to.
        """

    def pictures(self, name: str, images: Mapping[str, np.ndarray], step: int) -> None:
        """Add a group of images.

        Args:
            name: Name of the group of images, such as ``validation``.
            images: Images ``(H, W, 3)`` uint8 RGB, by names that are unique in the group.
            step: Training step that the images belong to.
        """

    def close(self, failed: bool = False) -> None:
        """Close the tracker. Nothing can be added afterwards.

        Args:
            failed: Whether the run was stopped or failed.
        """


class TensorBoard:
    """A tracker that writes event files for TensorBoard.

    Args:
        folder: Folder of the event files.
        step: Number of training steps made so far. Events of later steps, from an earlier process, are discarded.

    Raises:
        ImportError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int = 0):
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._file = EventFile(folder)
        self._write(step + 1, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to curves, as :meth:`Tracker.scalars` describes."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step, summary=Summary(value=points))

    def pictures(self, name: str, images: Mapping[str, np.ndarray], step: int) -> None:
        """Add a group of images, as :meth:`Tracker.pictures` describes."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        shown = [
            Summary.Value(
                tag=f"{name}/{caption}",
                image=Summary.Image(
                    height=image.shape[0], width=image.shape[1], colorspace=3, encoded_image_string=_jpeg(image)
                ),
            )
            for caption, image in images.items()
        ]
        self._write(step, summary=Summary(value=shown))

    def close(self, failed: bool = False) -> None:
        """Close the event file."""
        self._file.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._file.write(Event(wall_time=time.time(), step=step, **content))


class WeightsAndBiases:
    """A tracker that sends a run to Weights & Biases, into the project ``$WANDB_PROJECT``.

    The service's other environment variables apply too. The service's own step counter cannot go back when a run is
    resumed. So ``step`` is logged as a curve, and the other curves are plotted over it. A run that was killed sends the
    steps since its last checkpoint twice.

    Args:
        experiment: Folder of the run. A resumed run continues the same run at the service.
        config: Configuration of the run.
    """

    def __init__(self, experiment: Experiment, config: Config):
        import wandb

        known = experiment.tracker_id("wandb")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=experiment.folder.name,
            dir=str(experiment.folder),
            id=_read(known),
            resume="allow",
            config=config.model_dump(mode="json"),
        )
        _write(known, self._run.id)
        self._run.define_metric("*", step_metric="step")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to curves, as :meth:`Tracker.scalars` describes."""
        self._run.log({**values, "step": step})

    def pictures(self, name: str, images: Mapping[str, np.ndarray], step: int) -> None:
        """Add a group of images, as :meth:`Tracker.pictures` describes."""
        from wandb import Image

        shown = [Image(image, caption=caption, file_type="jpg") for caption, image in images.items()]
        self._run.log({name: shown, "step": step})

    def close(self, failed: bool = False) -> None:
        """End the run at the service, as :meth:`Tracker.close` describes."""
        self._run.finish(exit_code=int(failed))


class MLflow:
    """A tracker that sends a run to ``$MLFLOW_TRACKING_URI``, into the experiment ``$MLFLOW_EXPERIMENT_NAME``.

    Args:
        experiment: Folder of the run. A resumed run continues the same run at MLflow.
        config: Configuration of the run.
    """

    def __init__(self, experiment: Experiment, config: Config):
        import mlflow

        self._mlflow = mlflow
        if not {"MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"} & os.environ.keys():
            mlflow.set_experiment(PROJECT)
        known = experiment.tracker_id("mlflow")
        run_id = _read(known)
        run = mlflow.start_run(run_id=run_id, run_name=experiment.folder.name)
        if run_id is None:
            _write(known, run.info.run_id)
            mlflow.log_params(fields_of(config))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to curves, as :meth:`Tracker.scalars` describes."""
        self._mlflow.log_metrics(dict(values), step=step)

    def pictures(self, name: str, images: Mapping[str, np.ndarray], step: int) -> None:
        """Add a group of images, as :meth:`Tracker.pictures` describes."""
        for caption, image in images.items():
            key = re.sub(r"[^\w .\-/]", "_", f"{name}/{caption}", flags=re.ASCII)  # MLflow takes no other characters
            self._mlflow.log_image(image, key=key, step=step, synchronous=True)

    def close(self, failed: bool = False) -> None:
        """End the run at MLflow, as :meth:`Tracker.close` describes."""
        self._mlflow.end_run("FAILED" if failed else "FINISHED")


SERVICES: Final[dict[str, Callable[[Experiment, Config], Tracker]]] = {"wandb": WeightsAndBiases, "mlflow": MLflow}
"""Constructors of the tracking services, by their names in ``train.tracker``."""


class Trackers:
    """All trackers of a run, used as one. A tracker that fails is closed and dropped, with a warning.

    Args:
        begin: Functions that start a tracker, by the tracker's name. An empty mapping starts none.

    Example:
        ``with open_trackers(experiment, config, 0) as trackers: trackers.scalars({"train/loss": 3.2}, step=20)``
    """

    def __init__(self, begin: Mapping[str, Callable[[], Tracker]] | None = None):
        self._trackers: dict[str, Tracker] = {}
        for name, begin_one in (begin or {}).items():
            try:
                self._trackers[name] = begin_one()
            except Exception as error:  # a service's errors have no common class
                _warn(name, error)

    def __bool__(self) -> bool:
        return bool(self._trackers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(failed=kind is not None)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to curves of all trackers, as :meth:`Tracker.scalars` describes."""
        self._tell(lambda tracker: tracker.scalars(values, step))

    def pictures(self, name: str, images: Mapping[str, np.ndarray], step: int) -> None:
        """Add a group of images to all trackers, as :meth:`Tracker.pictures` describes."""
        self._tell(lambda tracker: tracker.pictures(name, images, step))

    def close(self, failed: bool = False) -> None:
        """Close all trackers, as :meth:`Tracker.close` describes."""
        self._tell(lambda tracker: tracker.close(failed))

    def _tell(self, tell: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tell(tracker)
            except Exception as error:
                del self._trackers[name]
                _warn(name, error)
                with suppress(Exception):
                    tracker.close(failed=True)


def open_trackers(experiment: Experiment, config: Config, step: int) -> Trackers:
    """Start or resume a run's trackers: TensorBoard if it is installed, and the service that ``train.tracker`` names.

    Args:
        experiment: Folder of the run.
        config: Configuration of the run.
        step: Number of training steps that earlier processes of this run made.

    Returns:
        The run's trackers. As a context manager they close at the end of the block.
    """
    begin: dict[str, Callable[[], Tracker]] = {}
    if _is_installed("tensorboard"):
        begin["tensorboard"] = lambda: TensorBoard(experiment.folder / "tensorboard", step)
    if config.train.tracker != "none":
        begin[config.train.tracker] = lambda: SERVICES[config.train.tracker](experiment, config)
    return Trackers(begin)


def require_tracker(config: Config) -> None:
    """Raise an error if the configured tracker is not installed.

    Raises:
        BadInput: If the tracker's package is not installed.
    """
    name = config.train.tracker
    if name != "none" and not _is_installed(name):
        raise BadInput("train.tracker", f"{name} is not installed; {install(name)}")


def _is_installed(name: str) -> bool:
    """Whether a package is installed.

    A plain folder of the same name, such as the ``wandb`` that Weights & Biases creates, does not count.
    """
    try:
        return getattr(importlib.import_module(name), "__file__", None) is not None
    except ImportError:
        return False


def _warn(name: str, error: Exception) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    log.warning(f"{name}: failed ({reason:.200}) and receives nothing more from this run, which continues")


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _write(path: Path, run_id: str) -> None:
    with new_file(path) as new:
        new.write_text(run_id, "utf-8")


def _jpeg(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()
