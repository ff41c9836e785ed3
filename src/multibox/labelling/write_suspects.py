"""Write suspects into a folder: a page, a table, and proposals for a labelling tool."""

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from multibox.data.file_names import image_suffix, safe_stems
from multibox.data.record import Record
from multibox.data.store import class_names
from multibox.labelling.find_suspects import Suspects, in_classes
from multibox.labelling.prelabelled import PreLabelled
from multibox.labelling.prelabels import write_prelabels
from multibox.labelling.suspects import Suspect
from multibox.labelling.suspects_page import suspects_page
from multibox.report.page import save_page
from multibox.writing import Kind, new_folder

PAGE, TABLE, PROPOSALS = "index.html", "suspects.csv", "proposals"
SUSPECTS: Final = Kind("suspects")

COUNT: Final = 100
"""Number of suspects that are written unless another is asked for."""

PROPOSED_FROM: Final = 0.5
"""Suspicion from which a proposal changes the label. Below it the label is kept as it is."""


def write_suspects(
    suspects: Suspects,
    folder: str | os.PathLike[str],
    *,
    count: int = COUNT,
    kind: str | None = None,
    replace: bool = False,
) -> Path:
    """Write the first suspects into a folder: ``index.html`` shows them, ``suspects.csv`` lists them.

    With a format of a labelling tool, the folder ``proposals`` has the images of the first suspects in that format.
    Labels whose suspicion is at least :data:`PROPOSED_FROM` are changed as the detector proposes.

    Args:
        suspects: Suspects that :func:`~multibox.labelling.find_suspects.find_suspects` found.
        folder: Folder to write. Earlier suspects are replaced, unless their files were changed.
        count: Number of suspects, the most suspicious ones.
        kind: Format of the proposals, from :data:`multibox.labelling.prelabels.FORMATS`. None writes none.
        replace: Whether to replace an earlier folder whose files were changed.

    Returns:
        Path of the page.

    Raises:
        BadInput: The folder may not be replaced, an image cannot be decoded, or the format is unknown.
    """
    folder, shown = Path(folder), suspects.first(count)
    with new_folder(folder, SUSPECTS, replace=replace) as new:
        save_page(new / PAGE, suspects_page(suspects, shown))
        _write_table(new / TABLE, shown)
        if kind is not None:
            with tempfile.TemporaryDirectory() as images:
                classes = _all_classes(suspects)
                proposed = _proposals(suspects, shown, classes, Path(images))
                write_prelabels(new / PROPOSALS, kind, proposed, classes, model="multibox suspects")
    return folder / PAGE


def _write_table(path: Path, shown: Sequence[Suspect]) -> None:
    edges = ("x0", "y0", "x1", "y1")
    headings = ["number", "kind", "suspicion", "image", "file", "object", "class", *edges]
    headings += ["proposed_class", *(f"proposed_{edge}" for edge in edges), "reason"]
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(headings)
        for number, each in enumerate(shown, start=1):
            label = [each.object, each.name, *(each.box or [None] * 4)]
            proposal = [each.proposed_name, *(each.proposed_box or [None] * 4)]
            about = [number, each.kind, f"{each.suspicion:.4f}", each.image, each.file]
            rows.writerow([*about, *label, *proposal, each.reason])


def _all_classes(suspects: Suspects) -> tuple[str, ...]:
    """The judged classes, and those of the data that the model does not have: their labels stay as they are."""
    return tuple(dict.fromkeys([*suspects.classes, *class_names(suspects.stores)]))


def _proposals(
    suspects: Suspects, shown: Sequence[Suspect], classes: Sequence[str], folder: Path
) -> Iterator[PreLabelled]:
    """The images of suspects with proposed labels, in the order of their first suspects."""
    of_image: dict[tuple[int, int], list[Suspect]] = {}
    for suspect in shown:
        of_image.setdefault(suspect.place, []).append(suspect)
    stems = safe_stems(own[0].image for own in of_image.values())
    for ((store, index), own), stem in zip(of_image.items(), stems, strict=True):
        source = suspects.stores[store]
        record = in_classes(source[index], source.meta.classes, classes)
        path = folder / (stem + image_suffix(record.image))
        path.write_bytes(record.image)
        yield propose(record, own, classes, path)


def propose(record: Record, suspects: Sequence[Suspect], classes: Sequence[str], image: Path) -> PreLabelled:
    """Correct the labels of an image as a detector proposes.

    Args:
        record: Record whose labels are positions in ``classes``.
        suspects: Suspects in the image.
        classes: Class names.
        image: Path of the image file.

    Returns:
        The image with its corrected labels. A label's score is one minus its suspicion, that of an added one its
        suspicion.
    """
    objects = record.objects
    boxes, labels = objects.boxes.copy(), objects.labels.copy()
    scores, keep = np.ones(len(objects), np.float32), np.ones(len(objects), np.bool_)
    added = []
    for suspect in suspects:
        changes = suspect.suspicion >= PROPOSED_FROM
        if suspect.position < 0:
            added += [suspect] if changes else []
            continue
        scores[suspect.position] = 1 - suspect.suspicion
        if changes and suspect.proposed_box is None:
            keep[suspect.position] = False
        elif changes:
            boxes[suspect.position] = suspect.proposed_box
            labels[suspect.position] = classes.index(suspect.proposed_name or "")
    return PreLabelled(
        image,
        (record.height, record.width),
        np.concatenate([boxes[keep], np.array([each.proposed_box for each in added], np.float32).reshape(-1, 4)]),
        np.concatenate([labels[keep], np.array([classes.index(each.proposed_name or "") for each in added], np.int64)]),
        np.concatenate([scores[keep], np.array([each.suspicion for each in added], np.float32)]),
    )
