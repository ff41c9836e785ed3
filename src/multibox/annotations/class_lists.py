"""Files that declare the classes of a dataset and their order."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import read_text
from multibox.annotations.files import Files
from multibox.errors import BadInput

BACKGROUND = "background"
"""Name of the first entry in label maps of CVAT and Datumaro, which is not a class."""

NAMES = ("classes.txt", "obj.names", "labels.txt", "class_names.txt", "predefined_classes.txt", "classes.names")
LABEL_MAPS = ("labelmap.txt", "label_map.txt")
PROTOBUF_TEXTS = ("label_map.pbtxt", "labelmap.pbtxt")

CODES = ("/m/", "/g/")
"""Prefixes of Open Images' codes, such as ``/m/01yrx``, which stand for class names."""

_ID = re.compile(r"[0-9]{1,9}")
_ITEM = re.compile(r"^[ \t]*item\s*:?\s*\{", re.MULTILINE)
_TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}]|[^\s{}"'#:,;]+)|#.*""")
"""A word, text or brace of a Protocol Buffers text file, or a comment."""


def find_class_list(files: Files) -> tuple[Path, tuple[str, ...]] | None:
    """Find the file that declares the classes. Returns its path and the class names in its order, or None."""
    for names, read in ((NAMES, read_names), (LABEL_MAPS, read_label_map), (PROTOBUF_TEXTS, read_pbtxt)):
        found = files.named(*names) or (label_maps(files.root.glob("*.pbtxt")) if read is read_pbtxt else [])
        if found:
            return found[0], read(found[0])
    return None


def refuse_other_lists(files: Files, path: Path, names: Sequence[str]) -> None:
    """Refuse a dataset with several lists of classes that disagree, if its annotations have class numbers only.

    Args:
        files: Files of the dataset.
        path: Path of the list that is used.
        names: Class names in the list that is used.

    Raises:
        BadInput: Another list of the same file name has other names, or another order.
    """
    for other in files.named(path.name.lower()):
        if other != path and read_names(other) != names and path.name.lower() in NAMES:
            what = f"numbers the classes differently than {files.short(other)}"
            raise BadInput(
                path, f'{what}; build from their folders one at a time, or give classes="A,B" in the right order'
            )


def read_names(path: Path) -> tuple[str, ...]:
    """Read class names from a text file, one per line, in the order of their labels. Trailing blank lines are ignored.

    Raises:
        BadInput: A line between names is blank, which would shift the labels after it.
    """
    return class_names(str(path), read_text(path).rstrip().splitlines())


def write_names(path: Path, names: Sequence[str]) -> None:
    """Write class names to a text file, one per line, in the order of their labels. See :func:`is_line`."""
    path.write_text("".join(f"{name}\n" for name in names), "utf-8")


def is_line(name: str) -> bool:
    """Whether a class name can be stored as a line of text: it has no line break and no space at either end."""
    return name.strip() == name and name.splitlines() == [name]


def class_names(origin: str, names: Iterable[Any]) -> tuple[str, ...]:
    """Convert class names to text. A blank name is an error, because leaving it out would shift later labels.

    Args:
        origin: File path or parameter name that holds the class names. Error messages name it.
        names: Class names as they were written, in any type.

    Raises:
        BadInput: A class name is blank.
    """
    texts = tuple("" if name is None else str(name).strip() for name in names)
    if "" in texts:
        raise BadInput(origin, f"class {texts.index('')} has no name; write one")
    return texts


def read_label_map(path: Path) -> tuple[str, ...]:
    """Read class names from a ``labelmap.txt``.

    Each line has several fields between colons, the first of them the name.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    return class_names(str(path), [line.partition(":")[0] for line in lines if line and line[0] != "#"])


def read_label_colors(path: Path) -> tuple[str, ...]:
    """Read class names from a ``label_colors.txt``. In each line, the name follows three numbers or stands alone."""
    lines = [re.sub(r"^(\d+\s+){3}", "", line.strip()) for line in read_text(path).splitlines()]
    return class_names(str(path), [line for line in lines if line])


def label_maps(paths: Iterable[Path]) -> list[Path]:
    """Find the label maps (``.pbtxt``) among files, by name or content. Other ``.pbtxt`` files may hold a network."""
    texts = sorted(path for path in paths if path.suffix.lower() == ".pbtxt")
    return [path for path in texts if path.name.lower() in PROTOBUF_TEXTS or _ITEM.search(read_text(path))]


def read_pbtxt(path: Path) -> tuple[str, ...]:
    """Read the class names of a label map of the TensorFlow Object Detection API, in the order of their ids.

    Raises:
        BadInput: An item has no id or no name, or an id has more than 9 digits.
    """
    by_id = read_numbered_pbtxt(path)
    return tuple(by_id[number] for number in sorted(by_id) if number)


def read_numbered_pbtxt(path: Path) -> dict[int, str]:
    """Read the class names of a label map by their ids. The id 0 is the background, if it is used.

    If the name of an item is a code such as ``/m/01yrx``, its class name is taken from ``display_name``.

    Raises:
        BadInput: There is no item, or a brace is not closed. An item has no id or no name, or an id of more than 9
            digits. Two items of different names have one id.
    """
    by_id: dict[int, str] = {}
    for fields in _items(path):
        name, shown = fields.get("name"), fields.get("display_name")
        name = shown if shown and (not name or name.startswith(CODES)) else name
        if not name or not _ID.fullmatch(fields.get("id", "")):
            raise BadInput(path, "has an item without an id or name; give both in each item")
        number = int(fields["id"])
        if by_id.setdefault(number, name) != name:
            raise BadInput(path, f"the items {by_id[number]!r} and {name!r} both have the id {number}; correct it")
    if not by_id:
        raise BadInput(path, "has no item {...} with an id and a name; correct or remove this label map")
    return by_id


def _items(path: Path) -> Iterator[dict[str, str]]:
    """The fields of each item of a label map, without those of the messages in it, such as ``keypoints``."""
    depth, key, kept = 0, "", False
    fields: dict[str, str] = {}
    for token in filter(None, _TOKEN.findall(read_text(path))):
        if token == "{":
            depth += 1
            if depth == 1:
                fields, kept = {}, key == "item"
            key = ""
        elif token == "}":
            if depth == 1 and kept:
                yield fields
            depth, key = max(depth - 1, 0), ""
        elif depth == 1 and key:
            fields[key], key = token.strip("\"'"), ""
        else:
            key = token
    if depth:
        raise BadInput(path, "has a brace that is not closed; close each item")
