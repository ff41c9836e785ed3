"""The training runs of the folds: each learns from all folds but one. They are ordinary runs in ``experiments/``."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.config_file import DEFAULT_PRESET, load_config
from multibox.data.store import Store
from multibox.errors import BadInput, Stopped
from multibox.labelling.folds import fields_of_folds
from multibox.training.experiment import ROOT, Experiment
from multibox.training.train import resume as resume_run
from multibox.training.train import train

log = logging.getLogger(__name__)


def train_folds(
    folds: Sequence[Store],
    *,
    config: str | Path = DEFAULT_PRESET,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    minutes: float | None = None,
    resume: bool = False,
) -> list[Path]:
    """Train a detector for each fold on all other folds.

    Args:
        folds: Stores of the folds.
        config: Name of a preset, or path of a YAML file.
        overrides: Values of configuration fields by dotted name. Without ``train.epochs`` the folds together take about
            as long as one training on the whole dataset.
        minutes: Minutes that all folds together may train. None trains for ``train.epochs``.
        resume: Whether to continue the runs of an earlier call. Runs that have ended are used as they are.

    Returns:
        Paths of the models, in the order of the folds.

    Raises:
        BadInput: If the configuration or the data is invalid, or a run exists and ``resume`` is not set.
        RunFailed: If a run failed.
        Stopped: If Ctrl-C or SIGTERM stopped a run. The same call with ``resume`` continues.
    """
    runs = [Experiment(ROOT / f"{store.meta.name}-{k + 1}") for k, store in enumerate(folds)]
    for run in runs if not resume else ():
        if run.folder.exists():
            raise BadInput(run.folder, "exists, and runs are never overwritten; go on by resume=True, or remove it")
    fields = fields_of_folds(config, overrides)
    if runs[0].config.is_file():
        log.info("all folds train by the configuration that the first one began with, %s", runs[0].config)
    elif minutes is None and "train.epochs" not in fields:
        fields["train.epochs"] = _shared_length(load_config(config, fields).train.epochs, len(folds))
    models = []
    for k, run in enumerate(runs):
        others = [f"{store.meta.name}/{store.meta.split}" for i, store in enumerate(folds) if i != k]
        log.info("fold %d of %d: %s learns from the other folds", k + 1, len(folds), run.folder)
        try:
            if run.config.is_file():
                models.append(resume_run(run.folder.name).model)
            elif k == 0:
                share = None if minutes is None else minutes / len(folds)
                first = fields | {"data.train": others, "data.val": [], "data.weights": []}
                models.append(train(config=config, overrides=first, name=run.folder.name, minutes=share).model)
            else:  # all folds train as the first one does, also if its length was measured
                own = {"data.train": others, "data.val": []}
                models.append(train(config=runs[0].config, overrides=own, name=run.folder.name).model)
        except Stopped as stopped:
            raise Stopped(f"stopped in fold {k + 1} of {len(folds)}; go on by resume=True", stopped.signal) from None
    return models


def _shared_length(epochs: int, folds: int) -> int:
    """Epochs of each fold. It has F - 1 of F parts of the images, so a share of 1 / (F - 1) makes it one training."""
    length = math.ceil(epochs / (folds - 1))
    log.info(
        "each fold trains for %d epochs, so all together take about as long as one training of %d; to change it, set "
        "train.epochs or minutes",
        length,
        epochs,
    )
    return length
