"""The start of a resumed run: checks that it can continue with its changed configuration, and logs how it continues."""

from collections.abc import Sequence

from multibox.errors import BadInput
from multibox.training import hosts
from multibox.training.changes import Change, record_changes
from multibox.training.checkpoint import State
from multibox.training.experiment import Experiment
from multibox.training.schedule import Schedule
from multibox.training.setup import Setup, log_remarks, require_validations


def begin_again(setup: Setup, experiment: Experiment, state: State, changes: Sequence[Change]) -> None:
    """Verify that a run can continue, log how it continues, and record its changes.

    The changes are recorded last, so that a run that cannot continue keeps its configuration.

    Args:
        setup: Network, optimizer, data and new configuration of the run.
        experiment: Folder of the run.
        state: State to continue from.
        changes: Configuration fields that are changed, with their values before and after.

    Raises:
        BadInput: If the run has already made more steps than ``train.epochs`` allows, has changed fields although
            ``train.patience`` ends it anyway, or has ``train.patience`` set but no validations.
    """
    require_validations(setup.config)
    settings = setup.config.train
    gave_up = bool(setup.measured) and 0 < settings.patience <= state.stale
    if state.step > settings.epochs * setup.steps_per_epoch:
        begun = -(-state.step // setup.steps_per_epoch)
        raise BadInput("train.epochs", f"{settings.epochs}: the run has begun epoch {begun}; give at least {begun}")
    if gave_up and changes:
        raise BadInput(
            "train.patience",
            f"{settings.patience}: ended the run after {state.stale} validations without a better mAP; to continue "
            f"the run, set train.patience=0 too, or more than {state.stale}",
        )
    hosts.log(_outlook(setup, experiment.folder.name, state, changes, gave_up))
    log_remarks(setup, is_new=False)
    if changes:
        hosts.from_first(lambda: record_changes(experiment, setup.config, changes, state.step))


def _outlook(setup: Setup, name: str, state: State, changes: Sequence[Change], gave_up: bool) -> str:
    """What the resumed run does, in one line."""
    settings = setup.config.train
    made = f"{name}: has made {state.step} of {settings.epochs * setup.steps_per_epoch} steps"
    if gave_up:
        ended = f"{made} and was ended by train.patience={settings.patience}"
        return f"{ended}; resume it with train.patience=0 to continue"
    if state.step == settings.epochs * setup.steps_per_epoch:
        return f"{made} and is complete; resume it with more train.epochs than {settings.epochs} to continue"
    line = "; ".join([f"{made} and continues", *map(str, changes)])
    if settings.schedule == "cosine" and any(change.field == "train.epochs" for change in changes):
        rate = float(Schedule(settings, setup.steps_per_epoch)(state.step))
        line += f"; the learning rate now follows the schedule of {settings.epochs} epochs, from {rate:.2g}"
    return line
