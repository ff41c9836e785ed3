"""Suspects: labels that look wrong and objects that seem to lack one, as one list with the most suspicious first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from multibox.data.record import Record
from multibox.labelling.evidence import Labelled, Unlabelled
from multibox.labelling.suspicion import WAYS, Suspicions, judged

Box = tuple[float, float, float, float]

ABOUT: Final = {
    "missing": "an object without a label",
    "surplus": "a label without an object, or a second one on the same object",
    "shifted": "a label whose box does not fit",
    "swapped": "a label of another class",
}
"""The kinds of suspects, and what each means."""


@dataclass(frozen=True)
class Suspect:
    """A label that looks wrong, or an object that seems to lack a label.

    Attributes:
        kind: ``missing``, ``surplus``, ``shifted`` or ``swapped``.
        suspicion: Estimated probability of an error, in [0, 1].
        image: Id of the image.
        file: Path or archive member that the image was read from. Empty if unknown.
        object: Id of the label in its image. None if the label is missing.
        name: Class of the label. None if the label is missing.
        box: Corners x0, y0, x1, y1 of the label in pixels of the image. None if the label is missing.
        proposed_name: Class that the detector proposes. None proposes to remove the label.
        proposed_box: Corners of the box that the detector proposes. None proposes to remove the label.
        reason: What the detector sees, in one phrase.
        place: Number of the store that holds the image, and position in it.
        position: Position of the label among the objects of its image. -1 if the label is missing.
    """

    kind: str
    suspicion: float
    image: str
    file: str
    object: str | None
    name: str | None
    box: Box | None
    proposed_name: str | None
    proposed_box: Box | None
    reason: str
    place: tuple[int, int]
    position: int = -1

    def to_json(self) -> dict[str, Any]:
        """The suspect as a dictionary that can be written as JSON."""
        values = asdict(self)
        del values["place"], values["position"]
        return values


@dataclass(frozen=True, eq=False)
class Place:
    """Where an image lies and which of its labels are judged.

    Attributes:
        store: Number of the store.
        index: Position of the record in the store.
        record: The record without the bytes of its image.
    """

    store: int
    index: int
    record: Record


def rank(
    places: Sequence[Place],
    labelled: Sequence[Labelled],
    unlabelled: Sequence[Unlabelled],
    weighed: Suspicions,
    classes: Sequence[str],
) -> list[Suspect]:
    """Make a suspect of each judged label and each detection without a label, the most suspicious first.

    Args:
        places: The images.
        labelled: Evidence of the judged labels of each image.
        unlabelled: Evidence of the detections of each image without a label.
        weighed: Suspicions of all of them, image by image.
        classes: Class names.
    """
    suspects, label, detection = [], 0, 0
    for place, about, others in zip(places, labelled, unlabelled, strict=True):
        for k, j in enumerate(judged(place.record.objects)):
            suspects.append(_of_label(place, int(j), about, k, weighed.of_labels[label], classes))
            label += 1
        for k in range(len(others)):
            suspects.append(_missing(place, others, k, float(weighed.of_detections[detection]), classes))
            detection += 1
    return sorted(suspects, key=lambda suspect: -suspect.suspicion)


def _of_label(
    place: Place, position: int, about: Labelled, k: int, chances: np.ndarray, classes: Sequence[str]
) -> Suspect:
    evidence = {"second": about.twin[k], "shifted": about.claim[k], "swapped": about.other[k]}
    possible = np.where([evidence.get(way, 1) > 0 for way in WAYS], chances, 0)
    objects, way = place.record.objects, WAYS[int(possible.argmax())]
    name, box = classes[objects.labels[position]], _corners(objects.boxes[position])
    own, other = f"{about.own[k]:.2f}", f"{classes[about.other_label[k]]} {about.other[k]:.2f}"
    proposed: tuple[str | None, Box | None] = {
        "surplus": (None, None),
        "second": (None, None),
        "shifted": (name, _corners(about.claim_box[k])),
        "swapped": (classes[about.other_label[k]], box),
    }[way]
    reason = {
        "surplus": f"labelled {name}, but the detector sees no {name} here ({own})",
        "second": f"a second {name} on one object (IoU {about.twin[k]:.2f} with another label)",
        "shifted": f"{name} {about.claim[k]:.2f} is detected elsewhere (IoU {about.claim_iou[k]:.2f} with the label)",
        "swapped": f"labelled {name} ({own}), but the detector sees {other}",
    }[way]
    kind = "surplus" if way == "second" else way
    return Suspect(
        kind,
        float(chances.sum()),
        place.record.id,
        place.record.source,
        objects.ids[position],
        name,
        box,
        *proposed,
        reason,
        (place.store, place.index),
        position,
    )


def _missing(place: Place, found: Unlabelled, k: int, suspicion: float, classes: Sequence[str]) -> Suspect:
    name = classes[found.labels[k]]
    return Suspect(
        "missing",
        suspicion,
        place.record.id,
        place.record.source,
        None,
        None,
        None,
        name,
        _corners(found.boxes[k]),
        f"{name} {found.score[k]:.2f} is detected, and nothing is labelled here",
        (place.store, place.index),
    )


def _corners(box: np.ndarray) -> Box:
    x0, y0, x1, y1 = (round(float(value), 2) for value in box)
    return x0, y0, x1, y1
