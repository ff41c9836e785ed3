"""Ids of images and classes in COCO files.

They are made from file names, or taken from the dataset that detections will be evaluated on.
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from multibox.annotations.counting import some
from multibox.data.store import Store
from multibox.errors import BadInput
from multibox.evaluation.test_set import open_test_set
from multibox.importers.class_lists import COCO, COCO_COLUMNS
from multibox.predict.outputs.names import Stems
from multibox.predict.outputs.output import image_id
from multibox.predict.outputs.same_image import Known, doubtful_name, doubts, longest_end
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source

log = logging.getLogger("multibox")

FIELD = "ids_from"

IMAGES = "image_info_coco.json"
"""Name of the file that lists the images with their ids."""

Id = int | str


@dataclass(frozen=True)
class CocoIds:
    """Ids of a run's images and classes in COCO files.

    Attributes:
        images: Id of each image, by the path it was read from. For a video, the prefix of its frames' ids, which the
            frame's number follows.
        classes: Names of the detector's classes.
        categories: Category id of each class. None for a class without an id, whose detections are left out of the COCO
            results.
    """

    images: dict[str, Id]
    classes: tuple[str, ...]
    categories: tuple[Id | None, ...]

    def of(self, prediction: Prediction) -> Id:
        """The COCO image id of a prediction's image or video frame."""
        known = self.images[prediction.source.name]
        return known if prediction.number is None else image_id(prediction, str(known))

    @property
    def named(self) -> list[dict[str, Any]]:
        """The list of categories for a COCO file, in the order of the detector's classes."""
        pairs = zip(self.categories, self.classes, strict=True)
        return [{"id": number, "name": name} for number, name in pairs if number is not None]


def own_ids(sources: Sequence[Source], stems: Stems, classes: Sequence[str]) -> CocoIds:
    """Choose image ids: the file name's stem, as a number if it is one. No two images get the same id.

    Args:
        sources: Images and videos of the run.
        stems: Names of the output files without suffix, by image or video.
        classes: Names of the detector's classes. If all are classes of COCO, they get COCO's category ids. Otherwise
            they are numbered from 1.

    Returns:
        Ids of the images and of the classes.
    """
    images: dict[str, Id] = {source.name: stems[source] for source in sources}
    numbers = {source.name: int(stems[source]) for source in sources if _is_number(source, stems)}
    free = count(max(numbers.values(), default=0) + 1)
    taken: set[int] = set()
    renumbered = []
    for name in sorted(numbers, key=lambda name: images[name] != str(numbers[name])):  # 1 keeps its number before 01
        is_taken = numbers[name] in taken
        images[name] = next(free) if is_taken else numbers[name]
        taken.add(numbers[name])
        renumbered += [name] if is_taken else []
    if renumbered:
        log.info(
            f"{some(renumbered)}: another image has the same number in its name, so a new id was chosen; "
            f'{IMAGES} lists all ids, and ids_from="DATA" takes those of a dataset'
        )
    known = dict(zip(COCO, COCO_COLUMNS[1:], strict=True))
    are_coco = set(classes) <= set(COCO)
    categories = tuple(known[name] if are_coco else number for number, name in enumerate(classes, start=1))
    return CocoIds(images, tuple(classes), categories)


def ids_of_data(data: str, sources: Sequence[Source], classes: Sequence[str]) -> CocoIds:
    """Take the ids of the dataset on which detections will be evaluated. Images are matched by file name.

    Args:
        data: Path of a COCO JSON file, ``NAME/SPLIT`` of a dataset, or ``NAME`` for the dataset's split ``test``, or
            ``val`` if it has no ``test``.
        sources: Sources of the run, images only.
        classes: Names of the detector's classes.

    Returns:
        Ids of the images and of the classes. The id of a class that the dataset does not have is None.

    Raises:
        BadInput: The dataset cannot be read, lacks an image of the run, has none of the detector's classes, has one
            image that matches two images of the run, or has an image of the same name in another folder and of another
            size.
    """
    named = _of_file(data) if data.lower().endswith(".json") else _of_store(data, classes)
    categories = tuple(named.categories.get(name) for name in classes)
    if not any(number is not None for number in categories):
        raise BadInput(
            FIELD, f"{named.name} has none of the detector's classes; its classes are {', '.join(named.categories)}"
        )
    images = _matched(named, sources)
    _say_what_differs(named, images, [name for name in classes if name not in named.categories])
    return CocoIds(images, tuple(classes), categories)


@dataclass(frozen=True)
class _Named:
    """The images and classes of data: what is known of each image, and category ids by class."""

    name: str
    images: Sequence[Known]
    categories: dict[str, Id]


def _of_file(data: str) -> _Named:
    try:
        content = json.loads(Path(data).read_bytes())
        images = [
            Known(_id(image["id"]), (_path(str(image["file_name"])),), _size(image.get("width"), image.get("height")))
            for image in content["images"]
        ]
        categories = {str(category["name"]): _id(category["id"]) for category in content["categories"]}
    except OSError as error:
        raise BadInput(FIELD, f"{data} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            FIELD, f"{data} is not a COCO annotation file with images and categories; choose another"
        ) from None
    return _Named(data, images, categories)


def _id(value: Any) -> Id:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{value} is not an id, which is an integer or a text")
    return value


def _size(width: Any, height: Any) -> tuple[int, int] | None:
    is_known = all(isinstance(side, int) and side > 0 for side in (width, height))
    return (width, height) if is_known else None


def _of_store(data: str, classes: Sequence[str]) -> _Named:
    test_set = open_test_set(data, classes)
    places = [(store, position) for store in test_set.stores for position in range(len(store))]
    images = []
    for number, names, (store, position) in zip(test_set.image_ids, test_set.image_names, places, strict=True):
        record = store.without_image(position)
        size = (record.width, record.height)
        images.append(Known(number, tuple(map(_path, names)), size, partial(_encoded, store, position)))
    return _Named(test_set.name, images, dict(zip(test_set.truth.classes, test_set.category_ids, strict=True)))


def _encoded(store: Store, position: int) -> bytes:
    return store[position].image


def _matched(named: _Named, sources: Sequence[Source]) -> dict[str, Id]:
    """The id of each source."""
    known: dict[str, dict[Id, Known]] = defaultdict(dict)
    for image in named.images:
        for name in image.names:
            known[PurePosixPath(name).name][image.id] = image
    images, unknown, doubtful = {}, [], []
    for source in sources:
        if source.kind != "image" or source.encoded is not None:
            raise BadInput(FIELD, f"{source.name} is not an image file, so it has no id in {named.name}; leave it out")
        path = PurePosixPath(_path(source.name))
        alike = known.get(path.name) or known.get(path.stem)
        if not alike:
            unknown.append(source.name)
            continue
        image = _closest(named.name, source.name, list(alike.values()))
        images[source.name] = image.id
        if other := doubtful_name(named.name, source.name, image):
            doubtful.append((source.name, other))
    if unknown:
        raise BadInput(FIELD, f"{named.name} has no image named {some(unknown)}; leave those images out of the run")
    uses = Counter(images.values())
    twice = [name for name, number in images.items() if uses[number] > 1]
    if twice:
        raise BadInput(FIELD, f"{some(twice)} match the same image of {named.name}; leave out all but one")
    if doubtful:
        log.warning(doubts(named.name, doubtful))
    return images


def _closest(data: str, source: str, alike: Sequence[Known]) -> Known:
    """Of several images of one name, the one whose folders are those of the source, too."""
    ends = [longest_end(source, image) for image in alike]
    if ends.count(max(ends)) > 1:
        names = some([image.names[0] for image in alike])
        raise BadInput(FIELD, f"{source} matches several images of {data}: {names}; give its path with its folders")
    return alike[ends.index(max(ends))]


def _say_what_differs(named: _Named, images: dict[str, Id], left_out: Sequence[str]) -> None:
    said = [f"ids are taken from {named.name}"]
    if missing := len(named.images) - len(images):
        said.append(
            f"{missing} of its {len(named.images)} images are not in this run, so an evaluation counts them as images "
            f"without detections"
        )
    if left_out:
        said.append(
            f"it lacks the detector's classes {', '.join(left_out)}, whose detections are left out of coco.json"
        )
    log.info("; ".join(said))


def _is_number(source: Source, stems: Stems) -> bool:
    return source.kind == "image" and stems[source].isdecimal() and stems[source].isascii()


def _path(name: str) -> str:
    """A file's name with slashes, as other systems may have written it with backslashes."""
    return name.replace("\\", "/")
