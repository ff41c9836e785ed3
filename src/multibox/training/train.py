"""Train a detector, or resume a run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from multibox.config import Config
from multibox.config_file import DEFAULT_PRESET, load_config
from multibox.data.build import OnBad
from multibox.errors import BadInput, Stopped
from multibox.progress import Progress
from multibox.training import hosts
from multibox.training.checkpoint import Checkpoints, State, assign_variables
from multibox.training.experiment import Experiment, new_experiment, open_experiment
from multibox.training.loop import Run, run
from multibox.training.setup import complete, load_start_weights, open_same_stores, set_up, settings_of
from multibox.training.stores import OnBuild
from multibox.training.trackers import require_tracker


def train(
    data: str | None = None,
    *,
    config: str | Path = DEFAULT_PRESET,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    name: str | None = None,
    on_bad: OnBad = "fail",
    progress: Progress | None = None,
    on_build: OnBuild | None = None,
) -> Run:
    """Train a detector.

    The logger ``multibox`` gets a line every few steps, at level INFO. ``logging.basicConfig(level="INFO")`` shows it.

    Example:
        >>> run = multibox.train("photos/", overrides={"train.epochs": 20})
        >>> detector = multibox.load(run.model)

    Args:
        data: Name of a dataset, or a folder or file of images and annotations. It replaces the configuration's data.
        config: Name of a preset, or path of a YAML file.
        overrides: Fields by their dotted names, as a mapping or as ``name=value`` strings.
        name: Name of the run. Its files are in ``experiments/NAME``. None derives one from the network and the data.
        on_bad: What to do with damaged images and boxes if ``data`` has to be built first: ``fail`` or ``skip``.
        progress: Function that is called after each image of that build, with the number of images done and of all.
        on_build: Function that is called with the report of that build. Without it, the report is logged.

    Returns:
        The finished run: its folder, its best model and that model's validation mAP.

    Raises:
        BadInput: If the configuration, the data or the weights are not usable, or a run of that name exists.
        RunFailed: If the loss was not finite, the disk is full, or a process that prepares examples was killed.
        Stopped: If Ctrl-C or SIGTERM stopped the run. :func:`resume` continues it.
    """
    settings = _settings_of_all(lambda: settings_of(data, config, overrides, on_bad, progress, on_build))
    stores = open_same_stores(settings)
    settings = complete(settings, stores)  # what does not fit is refused before the run has a folder
    setup = set_up(settings, stores)
    load_start_weights(setup)
    default = f"{settings.network.trunk}-{stores[0].meta.name}"

    def begin() -> Experiment:
        experiment = new_experiment(name, default)
        experiment.describe(settings, setup.network)
        return experiment

    experiment = hosts.from_first(begin)
    with _locked(experiment):
        return run(setup, experiment, State(data=setup.digests))


def resume(name: str) -> Run:
    """Continue a run that was stopped, at any moment and in any way, as if it had not been.

    On a CPU it ends with the same weights as a run that was never stopped, bit for bit. Of several hosts the first
    reads the checkpoint and sends it to the others, so they need no shared folder.

    Args:
        name: Name of the run.

    Returns:
        The finished run: its folder, its best model and that model's validation mAP.

    Raises:
        BadInput: If there is no such run, its data has changed, or no checkpoint is intact.
        RunFailed: If the loss was not finite, the disk is full, or a process that prepares examples was killed.
        Stopped: If Ctrl-C or SIGTERM stopped the run again.
    """
    experiment = hosts.from_first(lambda: open_experiment(name))
    with _locked(experiment):
        settings = hosts.from_first(lambda: load_config(experiment.config))
        hosts.from_first(lambda: require_tracker(settings))
        setup = set_up(settings, open_same_stores(settings))
        checkpoint = hosts.from_first(Checkpoints(experiment.checkpoints).latest)
        if checkpoint is None:
            load_start_weights(setup)
            return run(setup, experiment, State(data=setup.digests))
        if checkpoint.state.data != setup.digests:
            names = ", ".join((*settings.data.train, *settings.data.val))
            raise BadInput("resume", f"{name}: its data has changed since it began ({names}); train a new run")
        assign_variables(setup.variables, checkpoint)
        return run(setup, experiment, checkpoint.state)


@contextmanager
def _locked(experiment: Experiment) -> Iterator[None]:
    """Keep other processes out of a run. With several hosts, none leaves before the first has written everything.

    Raises:
        BadInput: If another process is training this run.
        RunFailed: If another host of the same run has stopped, so that this one cannot continue.
    """
    with ExitStack() as until_end, hosts.others_may_fail():
        hosts.from_first(lambda: until_end.enter_context(experiment.locked()))
        try:
            yield
        except Stopped:
            hosts.gather(None)
            raise
        hosts.gather(None)


def _settings_of_all(make: Callable[[], Config]) -> Config:
    """The first host's settings. The others read theirs after it, so that stores in a shared folder are built once."""
    settings = hosts.from_first(make)
    if not hosts.is_first():
        make()
    return settings
