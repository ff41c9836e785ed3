"""Reads the file that describes a YOLO dataset: Ultralytics' ``data.yaml``, or darknet's ``obj.data``."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from os.path import exists, isdir, isfile
from pathlib import Path
from typing import Any

import yaml

from multibox.annotations.annotation import read_text
from multibox.annotations.class_lists import class_names, find_class_list, read_names
from multibox.annotations.files import Files
from multibox.annotations.splits import map_names
from multibox.errors import BadInput

USUAL = ("train", "val", "test")
SPLITS = (*USUAL, "valid", "validation")
"""Keys of ``data.yaml`` that always name a split, even if its folder does not exist."""

_NO_SPLITS = ("path", "names", "nc", "kpt_shape", "kpt_names", "flip_idx", "download", "roboflow", "channels")
"""Keys that mean something else, whatever folders their values are called like."""


@dataclass(frozen=True)
class Description:
    """The content of a ``data.yaml`` or ``obj.data``: classes, and images by split.

    Attributes:
        path: Path of the file that describes the dataset.
        names: Class names in the order of their numbers, from 0. Empty if the file names none.
        images: Folders of images, and text files that list images, by split. Empty if the file names none.
        key_points: Number of key points of an object, and number of values for each key point. None if objects have no
            key points.
        notes: Sentences about entries of the file that were ignored.
    """

    path: Path
    names: tuple[str, ...] = ()
    images: dict[str, list[Path]] = field(default_factory=dict)
    key_points: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def find_description(files: Files) -> Path | None:
    """Find the file that describes the dataset: YAML with ``names`` or ``train``, else darknet's ``.data``."""
    return next(iter(_descriptions(files)), None)


def _descriptions(files: Files) -> list[Path]:
    """The YAML files that describe a dataset, else darknet's ``.data``, the one that counts first."""
    described = [path for path in files.with_suffix(".yaml", ".yml") if files.path == path or _is_description(path)]
    found = described or files.with_suffix(".data")
    return sorted(found, key=lambda path: (len(path.parts), path.name != "data.yaml", path))


def other_names(files: Files, described: Description) -> Iterator[str]:
    """Warn of further files that describe the dataset in another way than the description that was read.

    Args:
        files: Files of the dataset.
        described: The description that was read.
    """
    if not described.names or not files.path.is_dir():
        return
    for path in _descriptions(files)[1:]:
        yield (
            f"{files.short(path)} describes a dataset too and was not read; give its folder too if it belongs to "
            "this dataset"
        )
    try:
        listed = find_class_list(files)
    except BadInput:  # not a list of classes, whatever its name says
        return
    if listed and listed[1] != described.names and not {*listed[1]}.isdisjoint(described.names):
        where = files.short(described.path)
        yield f"{files.short(listed[0])} lists other classes than {where}, or in another order, and was not used"


def _is_description(path: Path) -> bool:
    if path.name.lower() in ("data.yaml", "data.yml", "dataset.yaml"):
        return True
    try:
        content = yaml.safe_load(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and "names" in content and any(split in content for split in USUAL)


def read_description(path: Path, files: Files) -> Description:
    """Read the file that describes a YOLO dataset.

    Raises:
        BadInput: The file is damaged, or names classes or folders that cannot be found or used.
    """
    return _read_data(path, files) if path.suffix.lower() == ".data" else _read_yaml(path)


class _Texts(yaml.BaseLoader):
    """Reads values as text, so that a class may be called yes, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The fields of a mapping, none of which may be written twice."""
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = next((key for key, count in keys.items() if count > 1 and key != "<<"), None)
        if twice is not None:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {twice} is given twice; keep one")
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> Description:
    text = read_text(path)
    try:
        content, written = yaml.safe_load(text), yaml.load(text, _Texts)
    except RecursionError:
        raise BadInput(path, "not YAML: it is nested too deeply; write names, train and val") from None
    except (yaml.YAMLError, ValueError) as error:  # A ValueError is a date or a number that cannot be
        raise BadInput(path, f"not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BadInput(path, "holds no fields; a YOLO data.yaml has names, train and val")
    root = path.parent / str(content.get("path") or "")
    if not isdir(root):  # Such paths are often those of the machine that wrote them.
        root = path.parent
    images: dict[str, list[Path]] = {}
    lost: list[str] = []
    entries = {str(key): value for key, value in content.items() if str(key) not in _NO_SPLITS}
    for key, split in map_names(entries).items():
        found = _folders(path, root, key, entries[key], lost)
        if found:
            images.setdefault(split, []).extend(found)
    if lost and not images:
        raise BadInput(path, f"{lost[0]}; correct it")
    notes = tuple(f"{path.name}: {text}, left out" for text in lost)
    names = _names(path, written["names"]) if content.get("names") else ()
    return Description(path, names, images, _key_points(path, content.get("kpt_shape")), notes)


def _folders(path: Path, root: Path, key: str, value: Any, lost: list[str]) -> list[Path]:
    """Folders of images that a key of a description names. Beside :data:`SPLITS`, a key may name one that exists."""
    entries = [value] if isinstance(value, str) else value or []
    if key not in SPLITS:
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            return []
        folders = (_existing(path, root, entry) for entry in entries if entry and "://" not in entry)
        return [folder for folder in folders if folder and isdir(folder)]
    if not isinstance(entries, list):
        raise BadInput(path, f"{key}: is {value!r}; write a folder, or a list of folders")
    found = [(entry, _existing(path, root, str(entry))) for entry in entries]
    missing = [f"{key}: no such folder {root / str(entry)}" for entry, folder in found if folder is None]
    if missing and key == "train":
        raise BadInput(path, f"{missing[0]}; correct it")
    lost += missing
    return [folder for _, folder in found if folder is not None]


def _existing(path: Path, root: Path, entry: str) -> Path | None:
    """The existing folder of an entry. Roboflow writes ``../train/images`` for ``train/images``."""
    tail = Path(*Path(entry).parts[-2:])
    candidates = (root / entry, path.parent / entry, root / entry.removeprefix("../"), path.parent / tail)
    return next((candidate for candidate in candidates if exists(candidate)), None)


def _names(path: Path, names: Any) -> tuple[str, ...]:
    """Names of a description, at the positions of their labels."""
    if isinstance(names, dict):
        by_number = {str(number): name for number, name in names.items()}
        wanted = [str(number) for number in range(len(names))]
        if by_number.keys() != set(wanted):
            found = ", ".join(list(by_number)[:5])
            raise BadInput(path, f"names: the classes are numbered {found}; number them from 0 without a gap")
        names = [by_number[number] for number in wanted]
    if not isinstance(names, list):
        raise BadInput(path, f"names: is {names!r}; write a list, such as [cat, dog]")
    return class_names(f"{path}: names", names)


def _key_points(path: Path, shape: Any) -> tuple[int, int] | None:
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(each, int) and each > 0 for each in shape):
        raise BadInput(path, f"kpt_shape: is {shape!r}; write two numbers, such as [17, 3]")
    return shape[0], shape[1]


def _read_data(path: Path, files: Files) -> Description:
    """Darknet's description: a line is ``key = value``, and the paths are those of the machine that trains."""
    pairs = (line.partition("=") for line in read_text(path).splitlines() if "=" in line)
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    named = {
        key: _beside(path, files, fields[key]) for key in ("names", "train", "valid", "val", "test") if fields.get(key)
    }
    lost = [f"{path.name}: {key}: no such file {fields[key]}" for key, found in named.items() if found is None]
    listed = named.pop("names", None)
    if listed is None:
        raise BadInput(path, f"names: no such file {fields.get('names', '')}; it lists the classes, one per line")
    images = {split: [found] for key, split in map_names(named).items() if (found := named[key])}
    return Description(path, read_names(listed), images, notes=tuple(f"{text}, left out" for text in lost))


def _beside(path: Path, files: Files, entry: str) -> Path | None:
    """The file that an entry means: by its path, else the one of its name nearest to the description."""
    direct = [path.parent / entry, path.parent.parent / entry]
    found = [each for each in direct if isfile(each)] or files.named(Path(entry).name.lower())
    return found[0] if found else None
