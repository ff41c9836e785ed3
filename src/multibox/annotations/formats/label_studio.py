"""Label Studio: exports of whole tasks (JSON), and exports of results alone (JSON_MIN and CSV)."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import Options, Part
from multibox.annotations.counting import counted
from multibox.annotations.csv_json import content_of, tables_with
from multibox.annotations.described import Described, described, part_of
from multibox.annotations.drawn import Drawn
from multibox.annotations.files import Files, is_image
from multibox.annotations.formats.label_studio_regions import objects_of, several_labels, size_in
from multibox.annotations.formats.label_studio_tasks import MINIMAL, Task, is_its, tasks_of
from multibox.annotations.images import plain_name
from multibox.errors import BadInput

NAME = "label-studio"
TITLE = "Label Studio JSON or CSV"

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded image."""


def find(files: Files) -> list[Path]:
    """Find the JSON files and CSV tables that are exports of Label Studio."""
    return [*files.json_where(is_its), *tables_with(files, MINIMAL)]


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read exports of Label Studio.

    If a task has several annotations, the one marked as ground truth is used, else the newest. Cancelled annotations
    and predictions of models are ignored.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the exports. The name of each file or of its folder gives its split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, in the order of the files.

    Raises:
        BadInput: No task is annotated.
    """
    tasks = [(path, task) for path in found for task in tasks_of(content_of(files, path, list))]
    annotated = [(path, task) for path, task in tasks if task.regions is not None]
    predicted = sum(task.has_predictions for _, task in tasks if task.regions is None)
    if not annotated:
        only = f"{predicted:,} of {len(tasks):,} have predictions only" if predicted else ""
        detail = (
            f"no task is annotated{f' ({only})' if only else ''}; annotate tasks or accept predictions, and export "
            "again"
        )
        raise BadInput(found[0], detail)
    fields_of_images = _image_fields([task for _, task in annotated])
    field = max(fields_of_images, key=lambda name: (fields_of_images[name], name == "image"), default="image")
    return part_of(
        files,
        options,
        [_image(path, task, field) for path, task in annotated],
        notes=_notes(tasks, predicted, field, [name for name in fields_of_images if name != field]),
    )


def _image_fields(tasks: Sequence[Task]) -> Counter[str]:
    """How many tasks have an image in each of their fields."""
    return Counter(name for task in tasks for name, value in task.data.items() if _names_image(value))


def _names_image(value: Any) -> bool:
    return isinstance(value, str) and is_image(Path(plain_name(value)))


def _image(path: Path, task: Task, field: str) -> Described:
    regions = task.regions or []
    name = task.data.get(field)
    second = _UPLOADED.sub("", plain_name(name).name) if isinstance(name, str) else ""
    parse = partial(_objects, task, regions)
    return described(path, name, parse, size_in(regions), relative=True, second_name=second)


def _objects(task: Task, regions: Sequence[dict[str, Any]]) -> Sequence[Drawn]:
    if task.damage is not None:
        raise task.damage
    return tuple(objects_of(regions))


def _notes(tasks: Sequence[tuple[Path, Task]], predicted: int, field: str, others: Sequence[str]) -> list[str]:
    several = sum(task.count > 1 for _, task in tasks)
    left_out = sum(task.regions is None for _, task in tasks)
    labels = sum(several_labels(region) for _, task in tasks for region in task.regions or ())
    notes = []
    if several:
        notes.append(
            f"{counted(several, 'task has', 'tasks have')} several annotations; the ground truth was used, else the "
            "newest"
        )
    if left_out:
        of_models = f", {predicted:,} of them with predictions only" if predicted else ""
        notes.append(
            counted(left_out, "task is not annotated and was left out", "tasks are not annotated and were left out")
            + of_models
        )
    if labels:
        notes.append(f"{counted(labels, 'region has', 'regions have')} several labels; the first was used as the class")
    if others:
        notes.append(f"tasks have several images; the image in {field!r} was used, not that in {', '.join(others)}")
    return notes
