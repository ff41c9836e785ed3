"""YOLO text: a ``.txt`` an image, a line an object: class, centre x, centre y, width, height, relative to the image.

A line of more numbers is a polygon, whose bounding box is taken. An image without a text file has no objects.
"""

from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, read_text
from multibox.annotations.class_lists import class_names, read_names
from multibox.annotations.files import IMAGE_SUFFIXES, Files
from multibox.annotations.problem import Problem
from multibox.annotations.splits import usual_split
from multibox.errors import BadInput

NAME = "yolo"
TITLE = "YOLO text"


def find(files: Files) -> list[Path]:
    """The description file, else the label files of images, else nothing."""
    if files.path.is_file():
        return [files.path] if files.path.suffix.lower() in (".yaml", ".yml") else []
    described = files.named("data.yaml", "data.yml", "dataset.yaml")
    if described:
        return described[:1]
    root = files.root
    return files.with_suffix(".txt") if (root / "images").is_dir() and (root / "labels").is_dir() else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read a YOLO dataset.

    Args:
        files: Files of the source.
        found: Path of ``data.yaml``, or paths of label files.
        options: What the user said about the data.

    Returns:
        The items, with their classes in the order of their numbers.

    Raises:
        BadInput: If a field of the description is missing or wrong, nothing names the classes, or no image has labels.
    """
    path = found[0] if found[0].suffix in (".yaml", ".yml") else files.root
    if options.images is not None:
        raise BadInput("images", f"{options.images}: does not apply to YOLO, whose images {path} names; leave it out")
    root, names, folders = _described(path, options.classes) if path.is_file() else _undescribed(path, options.classes)
    if not names:
        raise BadInput(
            path,
            "nothing names its classes; write names: into data.yaml, or build it with the class names",
        )
    splits = {split: _items(found, names, root) for split, found in folders.items()}
    _check_labels(path, splits)
    return Part(
        files.path if files.path.is_file() else root,
        splits,
        tuple(dict.fromkeys(names)),
        splits_from="" if set(splits) == {UNSPLIT} else path.name if path.is_file() else "the folders of images",
        classes_from=path.name if path.is_file() else "classes.txt",
    )


def _undescribed(root: Path, classes: tuple[str, ...]) -> tuple[Path, tuple[str, ...], dict[str, list[Path]]]:
    listed = root / "classes.txt"
    names = read_names(listed) if listed.is_file() and not classes else class_names("classes", classes)
    below = [folder for folder in sorted((root / "images").iterdir()) if folder.is_dir()]
    folders: dict[str, list[Path]] = {}
    for folder in below:
        folders.setdefault(usual_split(folder.name) or folder.name, []).append(folder)
    return root, names, folders or {UNSPLIT: [root / "images"]}


def _described(path: Path, classes: tuple[str, ...]) -> tuple[Path, tuple[str, ...], dict[str, list[Path]]]:
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise BadInput(path, f"not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BadInput(path, "holds no fields; a YOLO data.yaml has names, train and val")
    names = _names(path, content["names"]) if content.get("names") else class_names("classes", classes)
    root = path.parent / str(content.get("path") or "")
    if not root.is_dir():  # Such paths are often those of the machine that wrote them.
        root = path.parent
    folders: dict[str, list[Path]] = {}
    for key in content:
        found = _folders(path, root, content, key)
        if found:
            folders.setdefault(usual_split(str(key)) or str(key), []).extend(found)
    if not folders:
        raise BadInput(path, "names no images; write train:, val: or test: with a folder")
    return root, names, folders


def _folders(path: Path, root: Path, content: dict[Any, Any], key: Any) -> list[Path]:
    """Folders of images that a key of a description names. Beside the usual splits, a key may name one that exists."""
    entries = content[key] or []
    entries = [entries] if isinstance(entries, str) else entries
    if key in ("train", "val", "test"):
        if not isinstance(entries, list):
            raise BadInput(path, f"{key}: is {entries!r}; write a folder, or a list of folders")
        return [_existing(path, root, str(entry), key) for entry in entries]
    if key == "path" or not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        return []
    return [root / entry for entry in entries if (root / entry).is_dir()]


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


def _check_labels(path: Path, splits: dict[str, list[Item]]) -> None:
    """Refuse a dataset without any label file. That is a wrong folder, not images without objects."""
    files = [Path(item.annotation.file) for items in splits.values() for item in items]
    if files and not any(file.is_file() for file in files):
        folders = ", ".join(list(dict.fromkeys(str(file.parent) for file in files))[:3])
        raise BadInput(path, f"no image has a label file; looked for {files[0].name} and others in {folders}")


def _existing(path: Path, root: Path, entry: str, split: str) -> Path:
    """The existing folder of an entry. Roboflow writes ``../train/images`` for ``train/images``."""
    for candidate in (root / entry, path.parent / entry, root / entry.removeprefix("../")):
        if candidate.exists():
            return candidate
    raise BadInput(path, f"{split}: no such folder {root / entry}; correct it")


def _items(sources: list[Path], names: tuple[str, ...], root: Path) -> list[Item]:
    items = []
    for source in sources:
        for picture in _pictures(source, root):
            label = _label_file(picture)
            items.append(Item(_id(picture, source), picture, _read_labels(label, names)))
    return items


def _pictures(source: Path, root: Path) -> list[Path]:
    if source.is_file():
        lines = [line.strip() for line in read_text(source).splitlines() if line.strip()]
        return [root / line for line in lines]
    return sorted(path for path in source.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _id(picture: Path, source: Path) -> str:
    return str(picture.relative_to(source).with_suffix("")) if source.is_dir() else picture.stem


def _label_file(picture: Path) -> Path:
    """The last folder named ``images`` becomes ``labels``. Without one, the text is beside the image."""
    parts = list(picture.with_suffix(".txt").parts)
    for i in reversed(range(len(parts))):
        if parts[i] == "images":
            return Path(*parts[:i], "labels", *parts[i + 1 :])
    return picture.with_suffix(".txt")


def _read_labels(file: Path, names: tuple[str, ...]) -> Annotation | Problem:
    lines = file.read_text("utf-8", errors="replace").splitlines() if file.is_file() else []
    found: list[str] = []
    boxes = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        if not words[0].isdecimal() or int(words[0]) >= len(names):
            return Problem(
                "annotation", str(file), f"line {number}", f"{words[0]!r} is no class from 0 to {len(names) - 1}"
            )
        found.append(names[int(words[0])])
        boxes.append(_corners([_number(word) for word in words[1:]]))
    return Annotation(str(file), tuple(found), np.array(boxes, np.float64).reshape(-1, 4), relative=True)


def _corners(values: list[float]) -> list[Any]:
    """Corners of a box, or of the box around a polygon. NaN if the values are neither."""
    if len(values) == 4:
        x, y, width, height = values
        return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    if len(values) >= 6 and len(values) % 2 == 0:
        return [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]
    return [nan] * 4


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan
