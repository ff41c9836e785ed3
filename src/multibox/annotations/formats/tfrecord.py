"""TFRecord files of the TensorFlow Object Detection API: one record per image, which contains the image itself."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from errno import EIO
from itertools import islice
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.counting import counted, some
from multibox.annotations.files import Files, sample
from multibox.annotations.formats.tfrecord_classes import Classes, Pairs, name_classes
from multibox.annotations.formats.tfrecord_example import read_example
from multibox.annotations.formats.tfrecord_frames import (
    DamagedFile,
    Frame,
    begins_as_records,
    frames,
    map_file,
    read_record,
)
from multibox.annotations.formats.tfrecord_objects import IMAGE, OBJECT, Described, describe, image_of, name_of
from multibox.annotations.images import plain_name
from multibox.annotations.problem import Problem, object_name
from multibox.annotations.shards import describe_shards, set_of
from multibox.annotations.splits import map_files, renamed, written_split
from multibox.errors import BadInput

NAME = "tfrecord"
TITLE = "TFRecord"

_NAMED = re.compile(r"\.(tfrecords?|tfrec|record)\b|-\d+-of-\d+$", re.IGNORECASE)
_FIRST = 16
"""Records of a file that are searched for objects, as some images have none."""


@dataclass(frozen=True)
class RecordImage:
    """An image inside a TFRecord file.

    Attributes:
        file: Path of the TFRecord file.
        frame: Position and length of the record in the file.
        name: File name of the image, possibly empty.
    """

    file: Path
    frame: Frame
    name: str

    def __str__(self) -> str:
        return f"{self.file}: record {self.frame.number}" + (f" ({self.name})" if self.name else "")

    def read_bytes(self) -> bytes:
        """Read the bytes of the image.

        Raises:
            OSError: The file has changed since it was listed, or the record is damaged.
        """
        try:
            return image_of(read_example(memoryview(read_record(self.file, self.frame))))
        except ValueError as error:
            raise OSError(EIO, str(error)) from None


def find(files: Files) -> list[Path]:
    """Find the TFRecord files, if any file in a sample has records with objects. A single file may have any name."""
    if files.path.is_file():
        return [files.path] if _NAMED.search(files.path.name) or begins_as_records(files.path) else []
    named = [path for path in files.listed if _NAMED.search(path.name)]
    if not any(_has_feature(path, OBJECT, _FIRST) for path in sample(named)):
        return []
    return [path for path in named if not _is_other(path)]


def why_not(files: Files) -> str:
    """Explain why the first file with the name of a TFRecord file cannot be read. Empty if there is no such file."""
    for path in files.listed:
        if _NAMED.search(path.name):
            try:
                _refuse_other(path)
            except BadInput as error:
                return f"{files.short(path)}: {error.message}"
    return ""


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read TFRecord files. The images in them are not read.

    Args:
        files: All files of the dataset.
        found: Paths of the TFRecord files. Their names give the splits, and shards of one set have one split.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, and the classes in the order of the label map, if there is one.

    Raises:
        BadInput: A single file has no objects, nothing names the classes, or the user gave a folder of images.
    """
    if options.images is not None:
        raise BadInput(
            "images", f"{options.images}: does not apply to TFRecord files, which contain their images; leave it out"
        )
    if files.path.is_file():
        _refuse_other(files.path)
    names = {path: written_split(set_of(path), files.root) for path in found}
    split_of = map_files(names.values())
    records: dict[str, list[_Read]] = defaultdict(list)
    for path in found:
        records[split_of[names[path]]] += _read_file(path)
    classes = name_classes(_pairs(records.values()), files, options)
    splits = {split: _items(each, classes, files) for split, each in records.items()}
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        classes.names,
        classes.numbers if len(classes.numbers) == len(classes.names) else (),
        files=tuple(found),
        splits_from="" if set(splits) == {UNSPLIT} else "the names of the files",
        classes_from=classes.origin,
        class_file=classes.file,
        notes=(
            *classes.notes,
            *_nameless(records.values()),
            *_passed_over(files, found),
            *describe_shards(found, files),
            *renamed(names.values()),
        ),
    )


@dataclass(frozen=True)
class _Read:
    """A record: its image, and what it says of that or why it cannot be read."""

    image: RecordImage
    described: Described | Problem


def _read_file(path: Path) -> list[_Read]:
    """The records of a file. If the file is damaged, the last one tells where."""
    content, found = map_file(path), []
    try:
        for frame in frames(content):
            found.append(_read_record(path, frame, content[frame.offset : frame.offset + frame.length]))
    except DamagedFile as damage:
        image = RecordImage(path, Frame(damage.number, 0, 0), "")
        found.append(_Read(image, Problem("annotation", str(image), "", damage.detail)))
    return found


def _read_record(path: Path, frame: Frame, record: memoryview) -> _Read:
    image = RecordImage(path, frame, "")
    try:
        features = read_example(record)
    except ValueError:
        return _Read(image, Problem("annotation", str(image), "", "is not a tf.train.Example"))
    image = RecordImage(path, frame, name_of(features))
    try:
        return _Read(image, describe(features))
    except ValueError as error:
        return _Read(image, Problem("annotation", str(image), "", str(error)))


def _pairs(records: Iterable[Sequence[_Read]]) -> Pairs:
    said = (each.described for group in records for each in group if isinstance(each.described, Described))
    return Counter(pair for each in said for pair in zip(each.texts, each.numbers, strict=True))


def _items(records: Sequence[_Read], classes: Classes, files: Files) -> list[Item]:
    named = _named(records)
    paths = [Path(plain_name(each.image.name)) for each in named]
    ids = dict(zip((each.image for each in named), ids_of(paths, files.root), strict=True))
    return [
        Item(
            ids.get(each.image, f"{files.short(each.image.file)}/{each.image.frame.number}"),
            each.image,
            _annotation(each.image, each.described, classes),
        )
        for each in records
    ]


def _named(records: Sequence[_Read]) -> list[_Read]:
    """The records of a split whose name no other has."""
    uses = Counter(each.image.name for each in records)
    return [each for each in records if each.image.name and uses[each.image.name] == 1]


def _annotation(image: RecordImage, described: Described | Problem, classes: Classes) -> Annotation | Problem:
    if isinstance(described, Problem):
        return described
    names: list[str] = []
    for text, number in zip(described.texts, described.numbers, strict=True):
        name = classes.name(text, number)
        if name is None:
            where = object_name(len(names), len(described.texts), f"number {number}")
            return Problem("annotation", str(image), where, "the object's class has no name")
        names.append(name)
    return Annotation(
        str(image),
        tuple(names),
        described.boxes,
        relative=True,
        size=described.size,
        columns=described.columns,
        extra=described.extra,
    )


def _nameless(records: Iterable[Sequence[_Read]]) -> tuple[str, ...]:
    """What is said of images whose ids are the positions of their records."""
    count = sum(len(each) - len(_named(each)) for each in records)
    images = counted(count, "image has", "images have")
    note = f"{images} no file name, or one that other images have too; the positions of the records became the ids"
    return (note,) if count else ()


def _has_feature(path: Path, prefix: str, first: int | None = None) -> bool:
    """Whether any record, or any of the first ones, has a feature whose name begins so."""
    try:
        content = map_file(path)
        for frame in islice(frames(content), first):
            features = read_example(content[frame.offset : frame.offset + frame.length])
            if any(name.startswith(prefix) for name in features):
                return True
    except ValueError:
        pass
    return False


def _is_other(path: Path) -> bool:
    """Whether a file has other records. A damaged file may have had such as are read."""
    return begins_as_records(path) and not _has_feature(path, IMAGE, _FIRST)


def _passed_over(files: Files, found: Sequence[Path]) -> tuple[str, ...]:
    other = [path for path in files.listed if _NAMED.search(path.name) and path not in found]
    one, many = (
        "file has records of another kind and was left out",
        "files have records of another kind and were left out",
    )
    examples = some([files.short(path) for path in other])
    return (f"{counted(len(other), one, many)} ({examples})",) if other else ()


def _refuse_other(path: Path) -> None:
    """Refuse a single file that has no record, or none with objects."""
    try:
        content = map_file(path)
        frame = next(frames(content), None)
    except DamagedFile as damage:
        raise BadInput(path, damage.detail) from None
    if frame is None:
        raise BadInput(path, "is empty; give a file with records")
    if not _has_feature(path, OBJECT):
        try:
            has = ", ".join(sorted(read_example(content[frame.offset : frame.offset + frame.length]))[:6])
        except ValueError:
            raise BadInput(path, "its first record is not a tf.train.Example; give one record per image") from None
        raise BadInput(path, f"its records have no features {OBJECT}...; the first has {has or 'none'}")
