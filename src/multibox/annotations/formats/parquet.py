"""Parquet files of annotated images, as on the Hugging Face hub: one row per image, with lists of its objects."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, ImageFile, Item, Options, Part, ids_of
from multibox.annotations.counting import counted, some
from multibox.annotations.files import Files, sample
from multibox.annotations.formats.parquet_classes import Classes, name_classes
from multibox.annotations.formats.parquet_rows import Row
from multibox.annotations.formats.parquet_tables import (
    Table,
    column_names,
    is_installed,
    may_have_images,
    numbers_and_sizes,
    read_table,
)
from multibox.annotations.formats.parquet_values import RowImage
from multibox.annotations.four_numbers import WHAT, Form, edges_of, form_of
from multibox.annotations.images import Images, plain_name
from multibox.annotations.problem import Problem, object_name
from multibox.annotations.shards import describe_shards, set_of
from multibox.annotations.splits import map_files, renamed, usual_split, written_split
from multibox.errors import BadInput, install

NAME = "parquet"
TITLE = "Parquet"

_MAGIC = b"PAR1"
_OTHER = "has no columns of images and boxes, such as image and objects; its columns are"


def find(files: Files) -> list[Path]:
    """Find the Parquet files, if any file in a sample has columns of images and boxes.

    Without PyArrow, all Parquet files are returned.
    """
    listed = [path for path in files.with_suffix(".parquet", ".pq") if _begins_as_parquet(path)]
    if files.path.is_file() or not is_installed():
        return listed
    return listed if any(map(may_have_images, sample(listed))) else []


def why_not(files: Files) -> str:
    """Say which columns the first Parquet file has instead of images and boxes. Empty if there is no Parquet file."""
    listed = [path for path in files.with_suffix(".parquet", ".pq") if _begins_as_parquet(path)]
    return f"{files.short(listed[0])} {_OTHER} {column_names(listed[0])}" if listed and is_installed() else ""


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read Parquet files. The images in them are not read.

    Args:
        files: Files of the dataset.
        found: Paths of the Parquet files. The name of a file gives its split, and numbered shards of one name belong
            together.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, and the classes in the order of their numbers.

    Raises:
        BadInput: PyArrow is not installed, a file is damaged or has no images and boxes, or the folder holds several
            configurations of a dataset.
    """
    if not is_installed():
        raise BadInput(files.path, f"Parquet needs PyArrow, which is not installed; {install('parquet')}")
    tables = [table for path in found if (table := read_table(path)) is not None]
    if not tables:
        raise BadInput(found[0], f"{_OTHER} {column_names(found[0])}")
    written = {table.path: written_split(set_of(table.path), files.root) for table in tables}
    split_of = map_files(written.values())
    splits_of = {path: split_of[name] for path, name in written.items()}
    _refuse_configurations(splits_of, files)
    classes = name_classes(tables, files, options)
    form = form_of(*(np.concatenate(part) for part in zip(*map(numbers_and_sizes, tables), strict=True)))
    splits = _splits(tables, splits_of, form, classes, Images(files, options.images))
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        classes.names,
        files=tuple(splits_of),
        splits_from="" if set(splits) == {UNSPLIT} else "the names of the files",
        classes_from=classes.origin,
        class_file=classes.file,
        notes=(
            f"the boxes in {tables[0].columns.box} were read as {WHAT[form]}",
            *classes.notes,
            *_passed_over(files, found, tables),
            *describe_shards(list(splits_of), files),
            *renamed(written.values()),
        ),
    )


def _begins_as_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _refuse_configurations(splits: dict[Path, str], files: Files) -> None:
    """Refuse folders that hold the same split: they are configurations of a dataset, of which one is wanted."""
    homes: dict[str, list[Path]] = defaultdict(list)
    for path, split in splits.items():
        home = path.parent.parent if usual_split(path.parent.name) and path.parent != files.root else path.parent
        if home not in homes[split]:
            homes[split].append(home)
    several = next((folders for folders in homes.values() if len(folders) > 1), None)
    if several:
        listed = " and ".join(files.short(folder) for folder in several[:2])
        raise BadInput(files.path, f"{listed} hold the same split; build from one of these folders at a time")


def _splits(
    tables: Sequence[Table], splits_of: dict[Path, str], form: Form, classes: Classes, images: Images
) -> dict[str, list[Item]]:
    rows: dict[str, list[tuple[Table, Row, ImageFile]]] = defaultdict(list)
    for table in tables:
        split = splits_of[table.path]
        rows[split] += [(table, *pair) for pair in zip(table.rows, _images(table, images, split), strict=True)]
    return {
        split: [
            Item(record_id, image, _annotation(table, row, form, classes))
            for record_id, (table, row, image) in zip(_ids(read, images.root), read, strict=True)
        ]
        for split, read in rows.items()
    }


def _images(table: Table, images: Images, split: str) -> Sequence[ImageFile]:
    """The image of each row: in the file, or found by its name."""
    if not table.has_bytes:
        return images.of_names([row.file for row in table.rows], table.path, split)
    return [
        RowImage(table.path, row.group, row.place, table.columns.bytes, row.number, row.file or row.image_id)
        for row in table.rows
    ]


def _ids(rows: Sequence[tuple[Table, Row, ImageFile]], root: Path) -> list[str]:
    """The images' own ids, else their file names, else their positions. Only what tells all images apart counts."""
    own = [row.image_id for _, row, _ in rows]
    if all(own) and len(set(own)) == len(own):
        return own
    names = [row.file for _, row, _ in rows]
    if all(names) and len(set(names)) == len(names):
        return ids_of([Path(plain_name(name)) for name in names], root)
    return [f"{table.path.stem}/{row.number:06}" for table, row, _ in rows]


def _annotation(table: Table, row: Row, form: Form, classes: Classes) -> Annotation | Problem:
    where = f"{table.path}: row {row.number}" + (f" ({row.file or row.image_id})" if row.file or row.image_id else "")
    if row.fault:
        return Problem("annotation", where, "", row.fault)
    names: list[str] = []
    for written in row.classes:
        name = classes.name(written)
        if name is None:
            called = object_name(len(names), len(row.classes), f"class {written}")
            return Problem("annotation", where, called, "has a class without a name")
        names.append(name)
    extra = {"file_name": row.file} if row.file else {}
    return Annotation(where, tuple(names), edges_of(row.boxes, form), size=row.size, columns=row.columns, extra=extra)


def _passed_over(files: Files, found: Sequence[Path], tables: Sequence[Table]) -> tuple[str, ...]:
    read_files = {table.path for table in tables}
    other = [path for path in found if path not in read_files]
    one, many = "file has other columns and was left out", "files have other columns and were left out"
    examples = some([files.short(path) for path in other])
    return (f"{counted(len(other), one, many)} ({examples})",) if other else ()
