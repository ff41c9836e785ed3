"""Finds the classes that a run can learn and that its validation can measure, and warns of all others."""

from collections.abc import Iterator, Sequence

from multibox.annotations.counting import some
from multibox.config import Config
from multibox.data.object_kinds import (
    UNDO_CROWDS,
    ObjectKinds,
    classes_with,
    has_object,
    has_only_crowds,
    kinds_in,
    learned,
    single,
)
from multibox.data.presence import Presence
from multibox.data.store import Store, dataset_splits
from multibox.errors import BadInput
from multibox.prepare.balance import repeat_factors


def require_objects(config: Config, stores: Sequence[Store]) -> None:
    """Refuse data without any object to learn.

    Args:
        config: Configuration of the run.
        stores: Stores to train on.

    Raises:
        BadInput: If there is no object, or training leaves out every object.
    """
    if not any(has_object(store, learned(config.data.difficult)) for store in stores):
        drop, kinds = config.data.difficult == "drop", _kinds_in(stores)
        ways = {UNDO_CROWDS: kinds.crowds, "set data.difficult=keep": drop and kinds.difficult}
        advice = _either(ways) or "annotate objects and build the dataset again"
        raise BadInput("data.train", f"{_names(stores)}: nothing to learn, as {kinds.unusual}; {advice}")


def measured_classes(classes: Sequence[str], validation: Sequence[Store]) -> tuple[str, ...]:
    """The classes that a validation can measure: those with an object that is neither a crowd nor difficult.

    Args:
        classes: Classes of the run.
        validation: Stores to validate on.

    Returns:
        Names of the classes that a validation can measure, in the order of the run. Empty if there are none.
    """
    there = {name for store in validation for name in classes_with(store, single)}
    return tuple(name for name in classes if name in there)


def remarks(
    config: Config,
    stores: Sequence[Store],
    validation: Sequence[Store],
    presence: Presence,
    measured: Sequence[str],
    *,
    is_new: bool = True,
    is_val_chosen: bool = False,
) -> Iterator[str]:
    """Warnings about a run's data for the user to read before the first step.

    Args:
        config: Configuration of the run, its classes included.
        stores: Stores to train on.
        validation: Stores to validate on.
        presence: Classes that the images to train on show.
        measured: Classes that a validation can measure.
        is_new: Whether the run is new. A resumed run keeps its data, so no change of the data is advised.
        is_val_chosen: Whether the caller has set ``data.val``. If it is empty then, no validation data is advised.

    Yields:
        A line for each finding about the data, most with what to do about it.
    """
    findings = (
        *_about_validation(config, validation, measured, is_val_chosen),
        *_about_crowds(stores, validation if measured else ()),
        *_about_balance(config, presence),
        *_about_absent(stores, presence),
    )
    for finding, advice in findings:
        yield f"{finding}; {advice}" if advice and is_new else finding


def _about_crowds(stores: Sequence[Store], validation: Sequence[Store]) -> Iterator[tuple[str, str]]:
    """Findings about the data, each with what to do about it, which may be empty."""
    for store in (*stores, *validation):
        if has_only_crowds(store):
            yield f"{_names([store])}: {kinds_in(store).unusual}, and all of them are left out", UNDO_CROWDS


def _about_absent(stores: Sequence[Store], presence: Presence) -> Iterator[tuple[str, str]]:
    absent = [name for name, count in presence.images_by_name.items() if not count]
    if absent:
        yield f"{_names(stores)}: classes without an object to learn: {some(absent, 5)}", ""


def _about_balance(config: Config, presence: Presence) -> Iterator[tuple[str, str]]:
    threshold = config.data.balance
    if threshold and repeat_factors(presence, threshold).max() == 1:
        yield (
            f"data.balance={threshold:g} repeats no image, as each class is in at least this share of the images",
            "set it to a larger share",
        )


def _about_validation(
    config: Config, validation: Sequence[Store], measured: Sequence[str], is_chosen: bool
) -> Iterator[tuple[str, str]]:
    if not validation:
        advice = "" if is_chosen else _more_data(config)
        yield "no validation data, so no mAP is measured and best.keras is the last model", advice
        return
    if not measured:
        why, advice = _why_unmeasured(config, validation)
        patience = " train.patience does not end the run," if config.train.patience else ""
        effect = f"so no mAP is measured,{patience} and best.keras is the last model"
        yield f"{_names(validation)}: {why}, {effect}", advice
        return
    unmeasured = [name for name in config.data.classes if name not in measured]
    if unmeasured:
        yield (
            f"{_names(validation)}: classes without an object to find, which no mAP includes: {some(unmeasured, 5)}",
            "",
        )


def _why_unmeasured(config: Config, validation: Sequence[Store]) -> tuple[str, str]:
    """Why no class can be measured, and what to do about it."""
    kinds = _kinds_in(validation)
    if kinds.single:
        known = ", ".join(config.data.classes)
        return f"no object to find of the run's classes ({known})", "set data.val to a split that has them"
    ways = {UNDO_CROWDS: kinds.crowds, "set data.val to a split with other objects": kinds.difficult}
    return kinds.unusual, _either(ways) or "annotate its images, or set data.val to a split with objects"


def _more_data(config: Config) -> str:
    """How to get validation data: another split of the same dataset, or a division of its images."""
    names = dict.fromkeys(name.partition("/")[0] for name in config.data.train)
    trained = {*config.data.train, *(f"{name}/{split}" for name in names for split in ("train", "trainval", "test"))}
    others = [f"{name}/{split}" for name in names for split in dataset_splits(name)]
    free = [name for name in others if name not in trained]
    if free:
        return f"set data.val=[{free[0]}]" + (f", or another of {', '.join(free)}" if len(free) > 1 else "")
    return f"divide the images of {config.data.train[0]} with 'multibox data split', or set data.val=[NAME/SPLIT]"


def _kinds_in(stores: Sequence[Store]) -> ObjectKinds:
    return sum(map(kinds_in, stores), ObjectKinds())


def _either(ways: dict[str, int]) -> str:
    return ", or ".join(way for way, count in ways.items() if count)


def _names(stores: Sequence[Store]) -> str:
    return ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
