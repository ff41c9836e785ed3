"""Find the labels of a dataset that look wrong."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.counting import counted
from multibox.config_file import DEFAULT_PRESET, parse_overrides
from multibox.data.open import open_stores
from multibox.data.record import Record
from multibox.data.store import Store
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.evaluation.columns import places as places_of
from multibox.evaluation.test_set import common_classes
from multibox.labelling.folds import FOLDS, divide, fields_of_folds, with_split
from multibox.labelling.sight import look_at_store
from multibox.labelling.suspects import Place, Suspect, rank
from multibox.labelling.suspicion import RATE, Collected, Suspicions, weigh
from multibox.progress import Progress
from multibox.runtimes.choose import FASTEST, FASTEST_INT8
from multibox.runtimes.kinds import readers

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Suspects:
    """The labels of a dataset, ranked by how wrong they look.

    Attributes:
        data: Name of the dataset.
        judge: Name of what judged the labels, for reports.
        stores: Stores that the suspects' places refer to.
        classes: Names of the classes that were judged.
        ranked: Every judged label and every detection without a label, the most suspicious first.
        labels: Number of judged labels.
    """

    data: str
    judge: str
    stores: tuple[Store, ...]
    classes: tuple[str, ...]
    ranked: tuple[Suspect, ...]
    labels: int

    def first(self, count: int) -> tuple[Suspect, ...]:
        """The most suspicious ones. What evidence speaks for is left out: a suspicion below the share of errors that is
        assumed before anything is seen.
        """
        return tuple(suspect for suspect in self.ranked[:count] if suspect.suspicion >= RATE)


def find_suspects(
    data: str,
    model: str | Path | Detector | None = None,
    *,
    folds: int | None = None,
    seed: int = 0,
    config: str | Path | None = None,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    minutes: float | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **loading: Any,
) -> Suspects:
    """Find labels that look wrong: missing, surplus, shifted and swapped ones.

    Without a model, the dataset is divided into folds, and each fold is judged by a detector that was trained on the
    others. The folds are the dataset ``NAME-folds``, and the trainings the runs ``NAME-folds-1`` and so on.

    Example:
        >>> suspects = find_suspects("photos", minutes=30)
        >>> write_suspects(suspects, "suspects")

    Args:
        data: ``NAME`` for all splits of a dataset, ``NAME/SPLIT`` for one, or the path that a dataset was built from.
        model: Detector that judges, or path of its file. It should not have been trained on these labels. None trains
            one for each fold.
        folds: Number of folds, at least 2. None divides into :data:`~multibox.labelling.folds.FOLDS`.
        seed: Random seed of the folds and of the errors made on purpose.
        config: Name of a preset, or path of a YAML file, for the training. None takes the default preset.
        overrides: Values of configuration fields by dotted name, for the training.
        minutes: Minutes that all folds together may train. None trains for ``train.epochs``.
        resume: Whether to go on with the folds and runs of an earlier call.
        progress: Function called with the number of images that were judged and of all images.
        loading: Arguments for :func:`multibox.detect.load.load`, such as ``backend="torch"``.

    Returns:
        All judged labels and all detections without a label, the most suspicious first.

    Raises:
        BadInput: If the data, the configuration or the model is invalid, folds or runs exist and ``resume`` is not set,
            or a model is given together with arguments for the training.
        RunFailed: If a training failed.
        Stopped: If Ctrl-C or SIGTERM stopped a training. The same call with ``resume`` goes on.
    """
    stores = open_stores(data)
    if not any(store.meta.counts.objects for store in stores):
        raise BadInput(data, "has no labels, so none can be wrong")
    if model is None:
        folds, config = FOLDS if folds is None else folds, DEFAULT_PRESET if config is None else config
        fields = fields_of_folds(config, overrides)
        _start_keras(**loading)  # what does not fit is refused before hours of training
        parts = divide(stores, folds, seed=seed, resume=resume)
        models = _train(parts, config=config, overrides=fields, minutes=minutes, resume=resume)
        judge = f"{folds} detectors, each trained on the other folds"
    else:
        _refuse_training(overrides, folds=folds, config=config, minutes=minutes, resume=resume or None)
        parts, models = stores, [model] * len(stores)
        judge = "a given detector" if isinstance(model, Detector) else str(model)
    several = model is not None and len(stores) > 1
    return Suspects(_name_of(stores), judge, tuple(parts), *_judge_all(parts, models, several, seed, progress, loading))


def _name_of(stores: Sequence[Store]) -> str:
    meta = stores[0].meta
    return meta.name if len(stores) > 1 else f"{meta.name}/{meta.split}"


def _start_keras(
    backend: str | None = None, threads: int | None = None, devices: int = 1, runtime: str | None = None, **_: Any
) -> None:
    """Start Keras as the trained models will be loaded. It is imported only here, as a given model may not need it."""
    from multibox.models.backend import import_keras
    from multibox.runtimes import require_keras

    able = (*readers(Path("best.keras")), FASTEST, FASTEST_INT8)
    if runtime is not None and runtime not in able:
        raise BadInput("runtime", f"{runtime}: cannot run the models that are trained here; choose {', '.join(able)}")
    require_keras("suspects", backend)
    import_keras(devices, threads)


def _train(folds: Sequence[Store], **how: Any) -> Sequence[str | Path | Detector]:
    """Train the detectors of the folds. Keras is imported only here, as a given model may not need it."""
    from multibox.labelling.fold_runs import train_folds

    return train_folds(folds, **how)


def _refuse_training(overrides: Iterable[str] | Mapping[str, Any], **arguments: object) -> None:
    given = [*(name for name, value in arguments.items() if value is not None), *parse_overrides(overrides)]
    if given:
        raise BadInput(given[0], "is for training, and a given model is not trained; leave it out")


def _judge_all(
    parts: Sequence[Store],
    models: Sequence[str | Path | Detector],
    several: bool,
    seed: int,
    progress: Progress | None,
    loading: Mapping[str, Any],
) -> tuple[tuple[str, ...], tuple[Suspect, ...], int]:
    """Judge every image by the model of its store: the common classes, the ranked list and the number of labels."""
    total, places = sum(map(len, parts)), list[Place]()
    detector, last, classes = None, None, tuple[str, ...]()
    collected = Collected(np.random.default_rng(seed))
    for number, (model, store) in enumerate(zip(models, parts, strict=True)):
        if detector is None or model != last:
            detector = model if isinstance(model, Detector) else load(model, images=total, **loading)
        if not places:
            classes = common_classes(detector.classes, parts)
            _say_left_out(classes, parts)
        last = model
        for index, (record, sight) in enumerate(look_at_store(detector, store)):
            kept = in_classes(record, store.meta.classes, classes)
            collected.add(kept, sight.of_classes(detector.classes, classes))
            kept = with_split(kept, store.meta.split) if several else kept
            places.append(Place(number, index, dataclasses.replace(kept, image=b"")))
            if progress:
                progress(len(places), total)
    weighed = weigh(*collected.joined())
    _say_unjudged(weighed)
    ranked = rank(places, collected.labelled, collected.unlabelled, weighed, classes)
    return classes, tuple(ranked), len(weighed.of_labels)


def in_classes(record: Record, stored: Sequence[str], classes: Sequence[str]) -> Record:
    """A record whose labels are positions in other classes. Labels of classes that are not among them become -1."""
    labels = places_of(stored, classes)[record.objects.labels]
    return dataclasses.replace(record, objects=dataclasses.replace(record.objects, labels=labels))


def _say_unjudged(weighed: Suspicions) -> None:
    """Say if the labels were too few to learn what tells wrong ones from right ones."""
    if not weighed.has_learned:
        log.warning(
            "only %s can be judged, too few to learn what a wrong one looks like, so none is called wrong; label more "
            "images, and count neither difficult objects nor crowds",
            counted(len(weighed.of_labels), "label"),
        )


def _say_left_out(classes: Sequence[str], parts: Sequence[Store]) -> None:
    """Say which classes of the data are not judged, because the model does not have them."""
    left = sorted({name for store in parts for name in store.meta.classes} - set(classes))
    if left:
        log.warning("the model does not have these classes, so their labels are not judged: %s", ", ".join(left))
