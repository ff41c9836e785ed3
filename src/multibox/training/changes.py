"""What may change when a run is resumed, and how its ``config.yaml`` records it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from multibox.config import Config
from multibox.config_file import fields_of, parse_config, parse_overrides, to_yaml, with_overrides
from multibox.errors import BadInput
from multibox.training.experiment import Experiment
from multibox.writing import new_file

MAY_CHANGE: Final = (
    "train.epochs",
    "train.patience",
    "train.validate_every",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep",
    "train.tracker",
    "data.workers",
)
"""Fields that a resumed run can change. A change of any other field would contradict the training steps already
made."""


@dataclass(frozen=True)
class Change:
    """A field of a run that was given another value.

    Attributes:
        field: Dotted name of the field.
        before: Value of the field before the run was resumed.
        after: Value of the field in the resumed run.
    """

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.field} {self.after} (before: {self.before})"


def change_config(
    experiment: Experiment, config: Config, overrides: Iterable[str] | Mapping[str, Any]
) -> tuple[Config, list[Change]]:
    """Change the configuration of a run that is to be resumed.

    Args:
        experiment: Folder of the run.
        config: Configuration of the run before the change.
        overrides: New values of configuration fields by dotted name, as a mapping or as ``name=value`` strings.

    Returns:
        The new configuration, and the fields whose values changed.

    Raises:
        BadInput: If a field is unknown, its value does not fit, or it cannot change during a run.
    """
    values = parse_overrides(overrides)
    new = parse_config(with_overrides(config.model_dump(mode="json"), values), str(experiment.config))
    before, after = fields_of(config), fields_of(new)
    changes = [Change(name, before[name], value) for name, value in after.items() if value != before[name]]
    fixed = [change.field for change in changes if change.field not in MAY_CHANGE]
    if fixed:
        raise BadInput(
            fixed[0],
            f"cannot change when a run is resumed, as only {', '.join(MAY_CHANGE)} can; start a new run from the "
            f"weights of this one: {_new_run(experiment, values)}",
        )
    return new, changes


def record_changes(experiment: Experiment, config: Config, changes: Iterable[Change], step: int) -> None:
    """Write the new configuration of a run, with comments that list this change and all earlier changes.

    Args:
        experiment: Folder of the run.
        config: New configuration.
        changes: Fields whose values changed.
        step: Number of steps made with the old configuration.
    """
    text = experiment.config.read_text("utf-8")
    notes = [line for line in text.splitlines() if line.startswith("#")]
    notes += [f"# after step {step}: {change}" for change in changes]
    with new_file(experiment.config) as new:
        new.write_text("\n".join([*notes, to_yaml(config)]), "utf-8")


def _new_run(experiment: Experiment, values: Mapping[str, Any]) -> str:
    """A call that starts a new run with the changed fields, from the best model of this one if it has a model yet."""
    weights = {"network.weights": experiment.best.as_posix()} if experiment.best.is_file() else {}
    fields = [f"{name}={_written(value)}" for name, value in {**weights, **values}.items()]
    return f'multibox.train(config="{experiment.config.as_posix()}", overrides={fields})'


def _written(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
