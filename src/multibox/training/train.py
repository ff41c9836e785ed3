"""The functions that train a detector and resume a run."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from multibox.config import Config
from multibox.config_file import DEFAULT_PRESET, load_config, parse_overrides
from multibox.data.build import OnBad
from multibox.errors import BadInput, Stopped
from multibox.progress import Progress
from multibox.training import hosts
from multibox.training.budget import fit_into
from multibox.training.changes import change_config
from multibox.training.checkpoint import Checkpoints, State, assign_variables
from multibox.training.experiment import Experiment, new_experiment, open_experiment
from multibox.training.loop import Run, run
from multibox.training.resuming import begin_again
from multibox.training.setup import complete, load_start_weights, log_remarks, open_same_stores, set_up, settings_of
from multibox.training.stores import OnBuild
from multibox.training.trackers import require_tracker


@hosts.others_may_fail()
def train(
    data: str | None = None,
    *,
    config: str | Path = DEFAULT_PRESET,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    name: str | None = None,
    minutes: float | None = None,
    on_bad: OnBad = "fail",
    progress: Progress | None = None,
    on_build: OnBuild | None = None,
) -> Run:
    """Train a detector.

    The logger ``multibox`` gets a line every few steps, at level INFO. ``logging.basicConfig(level="INFO")`` shows it.

    Example:
        >>> run = multibox.train("photos/", minutes=20)
        >>> detector = multibox.load(run.model)

    Args:
        data: Name of a dataset, or path of a folder or file of annotated images. It replaces the data in ``config``.
        config: Name of a preset, or path of a YAML file.
        overrides: Values of configuration fields by dotted name, as a mapping or as ``name=value`` strings.
        name: Name of the run, whose files are written to ``experiments/NAME``. None makes a name from the network and
            the data.
        minutes: Minutes from the moment the data is ready to the end of the run. A few steps are measured, then
            ``train.epochs`` is set to what fits. None trains for ``train.epochs``.
        on_bad: Treatment of damaged images and boxes if ``data`` must be built first: ``fail`` stops, ``skip`` leaves
            them out.
        progress: Function to call after each image while ``data`` is built, with numbers of images: done, and of all.
        on_build: Function to call with the report after ``data`` was built. None logs the report.

    Returns:
        The finished run: its folder, the path of its best model, and that model's validation mAP.

    Raises:
        BadInput: If the configuration, the data, the weights or ``minutes`` are invalid, or a run of this name exists.
        RunFailed: If the loss was not finite, the disk is full, or a process that prepares examples was killed.
        Stopped: If Ctrl-C or SIGTERM stopped the run. :func:`resume` continues it.
    """
    overrides = parse_overrides(overrides)
    _require_one_length(minutes, overrides)
    hosts.join()
    settings = _settings_of_all(lambda: settings_of(data, config, overrides, on_bad, progress, on_build))
    began = time.monotonic()
    stores = open_same_stores(settings)
    settings = complete(settings, stores)  # what does not fit is refused before the run has a folder
    settings = fit_into(minutes, settings, stores, began)
    setup = set_up(settings, stores)
    log_remarks(setup, is_val_chosen="data.val" in overrides)
    load_start_weights(setup)

    def begin() -> Experiment:
        experiment = new_experiment(name, f"{settings.network.trunk}-{stores[0].meta.name}")
        experiment.describe(settings, setup.network)
        return experiment

    experiment = hosts.from_first(begin)
    with _locked(experiment):
        return run(setup, experiment, State(data=setup.digests))


@hosts.others_may_fail()
def resume(name: str, overrides: Iterable[str] | Mapping[str, Any] = ()) -> Run:
    """Continue a stopped run as if it had never stopped.

    A run may have been stopped at any moment and in any way. On a CPU the result is bit for bit the same as without the
    stop. If several hosts train together, the first one reads the checkpoint and sends it to the others, so they need
    no shared folder.

    If ``train.epochs`` is raised, a finished run continues too. From then on, everything that depends on the length of
    the run follows the new length: the learning rate of the cosine schedule, and the step at which mosaic or mixup end.
    The warm-up does not start again. The run's ``config.yaml`` records the change.

    Example:
        >>> run = multibox.resume("first", {"train.epochs": 60})

    Args:
        name: Name of the run to continue.
        overrides: Fields to change, as for :func:`train`. Only fields in
            :data:`multibox.training.changes.MAY_CHANGE` can change.

    Returns:
        The finished run: its folder, the path of its best model, and that model's validation mAP.

    Raises:
        BadInput: If no run of this name exists, its data has changed, a field cannot change, or all its checkpoints
            are damaged.
        RunFailed: If the loss was not finite, the disk is full, or a process that prepares examples was killed.
        Stopped: If Ctrl-C or SIGTERM stopped the run again.
    """
    hosts.join()
    experiment = hosts.from_first(lambda: open_experiment(name))
    with _locked(experiment):
        before = hosts.from_first(lambda: load_config(experiment.config))
        settings, changes = hosts.from_first(lambda: change_config(experiment, before, overrides))
        hosts.from_first(lambda: require_tracker(settings))
        setup = set_up(settings, open_same_stores(settings))
        checkpoint = hosts.from_first(Checkpoints(experiment.checkpoints).latest)
        state = checkpoint.state if checkpoint else State(data=setup.digests)
        if state.data != setup.digests:
            names = ", ".join((*settings.data.train, *settings.data.val))
            raise BadInput("resume", f"{name}: the data has changed since the run began ({names}); train a new run")
        if checkpoint is None:
            load_start_weights(setup)
        else:
            assign_variables(setup.variables, checkpoint)
        begin_again(setup, experiment, state, changes)
        return run(setup, experiment, state)


def _require_one_length(minutes: float | None, overrides: Mapping[str, Any]) -> None:
    if minutes is not None and "train.epochs" in overrides:
        raise BadInput("minutes", "sets train.epochs; give either minutes or train.epochs")


@contextmanager
def _locked(experiment: Experiment) -> Iterator[None]:
    """Lock a run against other processes. With several hosts, none ends before the first has written all files.

    Raises:
        BadInput: If another process is training this run.
    """
    with ExitStack() as until_end:
        hosts.from_first(lambda: until_end.enter_context(experiment.locked()))
        try:
            yield
        except Stopped:
            hosts.gather(None)
            raise
        hosts.gather(None)


def _settings_of_all(make: Callable[[], Config]) -> Config:
    """The first host's settings. Other hosts read theirs later, so that stores in a shared folder are built once."""
    settings = hosts.from_first(make)
    if not hosts.is_first():
        make()
    return settings
