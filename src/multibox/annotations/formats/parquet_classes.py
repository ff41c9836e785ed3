"""The classes of Parquet files: names, or numbers that the metadata, the dataset card or a list gives names to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multibox.annotations.annotation import Options
from multibox.annotations.class_lists import class_names, find_class_list
from multibox.annotations.class_numbers import first_number
from multibox.annotations.files import Files
from multibox.annotations.formats.parquet_names import names_in_card
from multibox.annotations.formats.parquet_tables import Table
from multibox.errors import BadInput


@dataclass(frozen=True)
class Classes:
    """The classes of the objects in Parquet files.

    Attributes:
        by_number: Name of each class by its number.
        names: Class names in the declared order. Empty if no order is declared.
        origin: Origin of the order of the classes, for messages.
        file: Path of the file that declares the class names. None if no file does.
        notes: Sentences about what was guessed.
        only: Class name of all objects, if no column has classes. Otherwise empty.
    """

    by_number: Mapping[int, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    origin: str = ""
    file: Path | None = None
    notes: tuple[str, ...] = ()
    only: str = ""

    def name(self, written: str | int | None) -> str | None:
        """Name of an object's class, given its name or number in the file. None if it has neither."""
        if self.only or isinstance(written, str):
            return self.only or str(written)
        return None if written is None else self.by_number.get(written)


def name_classes(tables: Sequence[Table], files: Files, options: Options) -> Classes:
    """Find the class names of Parquet files.

    Args:
        tables: Parquet files that were read.
        files: Files of the dataset.
        options: Options that the user gave, of which the class names are used.

    Returns:
        Class names, their numbers and their order, and what was guessed.

    Raises:
        BadInput: Files name their classes in different ways, or it is not clear whether class numbers count from 0 or
            from 1.
    """
    if not any(table.columns.category for table in tables):
        return Classes(only="object", notes=("no column has classes; all objects got the class 'object'",))
    category = tables[0].columns.category
    numbers = {each for table in tables for row in table.rows for each in row.classes if isinstance(each, int)}
    _refuse_other_columns(tables, files, has_numbers=bool(numbers))
    different = next((table for table in tables if table.names != tables[0].names), None)
    if different is not None and numbers:
        one, other = files.short(tables[0].path), files.short(different.path)
        raise BadInput(
            files.path, f"{one} and {other} name their classes differently; build a dataset from each and merge them"
        )
    if tables[0].names:
        return _numbered(tables[0].names, "the metadata of the files")
    if not numbers:
        return Classes()
    names, card = names_in_card(files, category)
    if card is not None:
        return _numbered(names, files.short(card), card)
    return _of_list(numbers, category, files, options)


def _refuse_other_columns(tables: Sequence[Table], files: Files, *, has_numbers: bool) -> None:
    """Refuse files of which one has no column of classes, or whose numbers are in columns of different names."""
    first, column = tables[0], tables[0].columns.category
    for table in tables:
        other = table.columns.category
        if other != column and (has_numbers or not other or not column):
            one, two = files.short(first.path), files.short(table.path)
            said = f"{one} has its classes in {column or 'no column'}, and {two} in {other or 'no column'}"
            raise BadInput(files.path, f"{said}; build a dataset from each and merge them")


def _numbered(names: Sequence[str], origin: str, file: Path | None = None, first: int = 0) -> Classes:
    named = class_names(origin, names)
    return Classes(dict(enumerate(named, first)), tuple(dict.fromkeys(named)), origin, file)


def _of_list(numbers: set[int], category: str, files: Files, options: Options) -> Classes:
    """The given classes, or those of a list, by position. Without any, the numbers are the names."""
    path, names = (None, options.classes) if options.classes else find_class_list(files) or (None, ())
    if not names:
        ordered = sorted(numbers)
        note = (
            f'no class names were found, so the numbers in {category} became the names; set classes="A,B" to name '
            "the classes"
        )
        return Classes({n: str(n) for n in ordered}, tuple(map(str, ordered)), f"the column {category}", notes=(note,))
    origin = files.short(path) if path else "the given classes"
    first = first_number(files.path, numbers, len(names), origin, is_given=path is None)
    found = _numbered(names, origin, path, first)
    note = f"the numbers in {category} were read as positions in {origin}, counted from {first}"
    return Classes(found.by_number, found.names, origin, path, (note,))
