"""Reads the tasks of Label Studio's JSON exports, each with the one annotation that is used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multibox.annotations.drawn import Damaged, entries, fields

MINIMAL = ("annotation_id", "annotator")
"""Fields that identify an entry of the JSON_MIN export. In the CSV export they are columns."""

_LISTS = ("annotations", "completions")
"""Names of the list of annotations. The second is that of versions before 1.0."""


@dataclass(frozen=True)
class Task:
    """One task of a Label Studio project: an image with its annotation.

    Attributes:
        data: Fields of the task, one of which names the image.
        regions: Regions of the ground truth, or of the newest annotation if none is marked as ground truth. Each region
            has ``value``, ``id`` and the image's size. None if the task is not annotated.
        count: Number of annotations that were not cancelled.
        has_predictions: Whether the task has predictions of a model.
        damage: Why the annotations cannot be read. None if they can.
    """

    data: dict[str, Any]
    regions: list[dict[str, Any]] | None
    count: int = 1
    has_predictions: bool = False
    damage: Damaged | None = None


def is_its(content: Any) -> bool:
    """Whether a JSON file is one of Label Studio's two JSON exports."""
    listed = content if isinstance(content, list) else [content]
    return sum(_is_task(each) or _is_minimal(each) for each in listed) * 2 > len(listed)


def tasks_of(content: Any) -> list[Task]:
    """Read the tasks of a file. In JSON_MIN, which has an entry per annotation, each task is returned once."""
    listed = [each for each in (content if isinstance(content, list) else [content]) if isinstance(each, dict)]
    whole = [_task(each) for each in listed if _is_task(each)]
    minimal: dict[Any, list[dict[str, Any]]] = {}
    for index, each in enumerate(each for each in listed if not _is_task(each)):
        known = each.get("id")
        minimal.setdefault(known if isinstance(known, int | str) else ("", index), []).append(each)
    return whole + [_minimal_task(each) for each in minimal.values()]


def _is_task(entry: Any) -> bool:
    has = fields(entry)
    lists = (*_LISTS, "predictions")
    return isinstance(has.get("data"), dict) and any(isinstance(has.get(name), list) for name in lists)


def _is_minimal(entry: Any) -> bool:
    return set(MINIMAL) <= fields(entry).keys()


def _task(entry: dict[str, Any]) -> Task:
    has_predictions = bool(entry.get("predictions"))
    try:
        made = [
            each
            for name in _LISTS
            for each in entries(entry.get(name), name)
            if not (each.get("was_cancelled") or each.get("skipped"))
        ]
        truth = [each for each in made if each.get("ground_truth") is True] or made
        regions = entries(_newest(truth).get("result"), "result") if truth else None
    except Damaged as damage:
        return Task(entry["data"], [], 1, has_predictions, damage)
    return Task(entry["data"], regions, len(made), has_predictions)


def _minimal_task(found: Sequence[dict[str, Any]]) -> Task:
    newest = _newest(found)
    return Task(newest, list(_regions(newest)), len(found))


def _regions(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What was drawn, from the lists of results, whose names are those of the labelling configuration."""
    for listed in entry.values():
        for value in listed if isinstance(listed, list) else ():
            if isinstance(value, dict):
                yield value | {"value": value}


def _newest(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The annotation that was made last: by its date, else by its position."""
    return max(enumerate(found), key=lambda pair: (str(pair[1].get("created_at") or ""), pair[0]))[1]
