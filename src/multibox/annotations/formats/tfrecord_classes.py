"""The classes of TFRecord files: their names are in the records, in a label map ``.pbtxt``, or in both."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from multibox.annotations.annotation import Options
from multibox.annotations.class_lists import CODES, find_class_list, label_maps, read_numbered_pbtxt
from multibox.annotations.class_numbers import first_number
from multibox.annotations.counting import counted
from multibox.annotations.files import Files
from multibox.annotations.formats.tfrecord_objects import LABEL, TEXT
from multibox.errors import BadInput

Pairs = Counter[tuple[str | None, int | None]]
"""Number of objects for each pair of a class name and a class number in the records. Either may be None."""


@dataclass(frozen=True)
class Classes:
    """The classes of the objects in TFRecord files.

    Attributes:
        by_number: Name of each class by its number. Empty if no number needs a name.
        names: Class names in the order of their labels. Empty if nothing declares an order.
        origin: Origin of the order of the classes, such as the name of a label map.
        file: Path of the file that declares the class names. None if no file does.
        notes: Sentences about what was guessed.
    """

    by_number: Mapping[int, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    origin: str = ""
    file: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Number of each class, in the order of the classes. Empty if a class has no number or several."""
        return tuple(self.by_number) if len(self.by_number) == len(self.names) else ()

    def name(self, text: str | None, number: int | None) -> str | None:
        """Name of an object's class: the name in its record, else the name of its number. None if there is neither.

        A code such as ``/m/01yrx`` counts as a name only if its number has no name.
        """
        named = self.by_number.get(number) if number is not None else None
        return named or text if text is None or text.startswith(CODES) else text


def name_classes(pairs: Pairs, files: Files, options: Options) -> Classes:
    """Find the class names of records.

    A label map that matches the records is used first. Without one, the names in the records are used, in the order of
    their numbers. Records with class numbers only take the names that the user gave, or those of a list beside the
    files.

    Args:
        pairs: Class text and class number of the records' objects, with the number of objects for each pair.
        files: All files of the dataset, label maps included.
        options: Options that the user gave, of which the class names are used.

    Returns:
        Class names, their numbers and their order, and what was guessed.

    Raises:
        BadInput: Class numbers have no names, it is not clear whether they count from 0 or 1, or two label maps give
            different names.
    """
    maps = _label_maps(files)
    if maps:
        pairs = _without_codes(pairs)
    best = _best(pairs, maps, files)
    if best is not None:
        return _of_map(pairs, files.short(best), best, maps[best])
    if any(text is None for text, _ in pairs):
        return _of_list(pairs, files, options)
    listed = ", ".join(map(files.short, maps))
    return _of_records(
        pairs, f"{listed} has none of the records' classes" if maps else "no label map (.pbtxt) is there"
    )


def _without_codes(pairs: Pairs) -> Pairs:
    """The pairs whose texts are names."""
    named = Counter[tuple[str | None, int | None]]()
    for (text, number), count in pairs.items():
        named[None if text and number is not None and text.startswith(CODES) else text, number] += count
    return named


def _label_maps(files: Files) -> dict[Path, dict[int, str]]:
    listed = files.listed if files.path.is_dir() else sorted(files.root.iterdir())
    return {path: read_numbered_pbtxt(path) for path in label_maps(listed)}


def _best(pairs: Pairs, maps: Mapping[Path, dict[int, str]], files: Files) -> Path | None:
    """The label map that explains the most objects. None if no map explains any."""
    explained = {path: _explained(pairs, names) for path, names in maps.items()}
    most = max(explained.values(), default=(0, 0))
    best = [path for path in maps if explained[path] == most]
    if not best or (pairs and not most[0]):
        return None
    different = next((path for path in best if maps[path] != maps[best[0]]), None)
    if different is not None:
        one, other = files.short(best[0]), files.short(different)
        raise BadInput(files.path, f"{one} and {other} name the classes differently; keep the one that is right")
    return best[0]


def _explained(pairs: Pairs, names: Mapping[int, str]) -> tuple[int, int]:
    """How many objects have a class of a label map, and how many of these have its number too."""
    known = set(names.values())
    listed = Counter({pair: n for pair, n in pairs.items() if (pair[0] in known if pair[0] else pair[1] in names)})
    return listed.total(), sum(n for (text, number), n in listed.items() if text in (None, names.get(number or 0)))


def _of_map(pairs: Pairs, shown: str, path: Path, names: dict[int, str]) -> Classes:
    used = {number for _, number in pairs}
    kept = {number: name for number, name in sorted(names.items()) if number or 0 in used}
    other = Counter[str]()
    for (text, number), count in pairs.items():
        if text and number is not None and names.get(number, text) != text:
            other[f"{text!r} with the number {number}, which is {names[number]!r} in {shown}"] += count
    unlisted = Counter({text: n for (text, _), n in pairs.items() if text and text not in names.values()})
    notes = [
        f"{counted(n, 'object has', 'objects have')} the class {what}; the name in the record was used"
        for what, n in other.most_common(1)
    ]
    notes += [
        f"{shown} lacks the class {text!r} ({counted(n, 'object')}), which was added after the listed classes"
        for text, n in unlisted.most_common(1)
    ]
    return Classes(kept, tuple(dict.fromkeys(kept.values())), shown, path, tuple(notes))


def _of_list(pairs: Pairs, files: Files, options: Options) -> Classes:
    """The names of a list, by position from 0 or from 1."""
    listed = (None, options.classes) if options.classes else find_class_list(files)
    if listed is None:
        message = f"the objects have numbers ({LABEL}), and nothing names them; put the label map (.pbtxt) beside the "
        raise BadInput(files.path, f'{message}records, or give classes="A,B" in the order of the numbers')
    path, names = listed
    origin = files.short(path) if path else "the given classes"
    numbers = {number for _, number in pairs if number is not None}
    first = first_number(files.path, numbers, len(names), origin, is_given=path is None)
    note = f"the numbers of classes ({LABEL}) were read as positions in {origin}, counted from {first}"
    return Classes(dict(enumerate(names, first)), tuple(names), origin, path, (note,))


def _of_records(pairs: Pairs, why: str) -> Classes:
    """The texts of the records, in the order of the numbers if every object has one."""
    if not pairs or any(number is None for _, number in pairs):
        return Classes()
    numbers: dict[str, set[int]] = {}
    for text, number in pairs:
        numbers.setdefault(str(text), set()).add(number or 0)
    names = sorted(numbers, key=lambda name: (min(numbers[name]), name))
    notes = [f"{why}; the names of the classes come from {TEXT}, their order from {LABEL}"]
    several = _ambiguous(numbers, names)
    if several:
        notes.append(f"class numbers are ambiguous: {several}")
        return Classes({}, tuple(names), LABEL, notes=tuple(notes))
    return Classes({min(numbers[name]): name for name in names}, tuple(names), LABEL, notes=tuple(notes))


def _ambiguous(numbers: Mapping[str, set[int]], names: Sequence[str]) -> str:
    """An example of a class with several numbers, or of classes with one. Empty if there is none."""
    for name in names:
        if len(numbers[name]) > 1:
            return f"{name!r} has {', '.join(map(str, sorted(numbers[name])[:3]))}"
    for one, other in pairwise(names):
        if numbers[one] == numbers[other]:
            return f"{one!r} and {other!r} both have {min(numbers[one])}"
    return ""
