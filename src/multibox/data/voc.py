"""The PASCAL VOC layout: ``Annotations/*.xml``, ``JPEGImages`` and ``ImageSets/Main/*.txt``.

What its annotations hold beyond a record (pose, parts, segmentation, source database) is dropped.
"""

from collections.abc import Iterable, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lxml import etree

from multibox.data.annotation import UNSPLIT, Annotation, Item, Part, class_names, images_by_stem, read_text
from multibox.data.check import Problem
from multibox.errors import BadInput

OneBased = Literal["auto", "true", "false"]

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The classes of PASCAL VOC in their official order."""


def is_voc(folder: Path) -> bool:
    """Whether a folder holds XML annotations, in ``Annotations`` or beside its images."""
    return any(True for _ in _annotation_folder(folder).glob("*.xml"))


def read_voc(root: Path, *, images: Path | None = None, one_based: OneBased = "auto") -> Part:
    """Read a folder in VOC layout.

    Args:
        root: Path of the folder, such as ``VOCdevkit/VOC2007``.
        images: Folder of the images, if it is not ``JPEGImages`` or ``images`` in ``root``.
        one_based: Whether coordinates start at 1 and are inclusive, as in VOC. ``auto`` says they do, unless more boxes
            begin at 0 than at 1.

    Returns:
        The items of each split of ``ImageSets/Main``, or of all annotations if that is missing.

    Raises:
        BadInput: If a split names no image.
    """
    annotations = _annotation_folder(root)
    splits = _splits(root) or {UNSPLIT: sorted(path.stem for path in annotations.glob("*.xml"))}
    pictures = images_by_stem(images or _picture_folder(root))
    ids = dict.fromkeys(image_id for members in splits.values() for image_id in members)
    parsed = {image_id: parse_xml(annotations / f"{image_id}.xml") for image_id in ids}
    if one_based == "auto":
        one_based = "true" if counts_from_one(found for found in parsed.values()) else "false"
    items = {
        image_id: Item(image_id, _picture(image_id, found, pictures, root), _with_edges(found, one_based == "true"))
        for image_id, found in parsed.items()
    }
    return Part(
        root,
        {split: [items[image_id] for image_id in members] for split, members in splits.items()},
        _classes(root, parsed.values()),
    )


def parse_xml(path: Path) -> Annotation | Problem:
    """Read one annotation file.

    Args:
        path: Path of the file.

    Returns:
        The annotation, its corners as written (a corner that is not a number is NaN), or why it cannot be read.
    """
    try:
        root = etree.fromstring(path.read_bytes(), _PARSER)
    except FileNotFoundError:
        return Problem("missing", str(path), "", "the annotation file is missing")
    except (etree.XMLSyntaxError, OSError) as error:
        return Problem("annotation", str(path), "", f"not readable as XML: {' '.join(str(error).split())}")
    names, corners = [], []
    columns: dict[str, list[Any]] = {"difficult": [], "truncated": [], "occluded": []}
    for number, node in enumerate(root.iterchildren("object"), start=1):
        fields = {child.tag: child for child in node}
        name = (fields["name"].text or "").strip() if "name" in fields else ""
        if not name:
            return Problem("annotation", str(path), f"object {number}", "has no <name>")
        box = {child.tag: child.text for child in fields.get("bndbox", ())}
        names.append(name)
        corners.append([_number(box.get(key)) for key in ("xmin", "ymin", "xmax", "ymax")])
        for flag, values in columns.items():
            values.append(flag in fields and (fields[flag].text or "").strip() == "1")
    if root.tag != "annotation":
        return Problem("annotation", str(path), "", f"holds <{root.tag}>, not a VOC <annotation>")
    boxes = np.array(corners, np.float64).reshape(-1, 4)
    filename = root.findtext("filename") or ""
    return Annotation(str(path), tuple(names), boxes, size=_size(root), columns=columns, extra={"filename": filename})


def write_xml(
    path: Path,
    filename: str,
    size: tuple[int, int],
    names: Sequence[str],
    boxes: np.ndarray,
    **flags: Sequence[bool],
) -> None:
    """Write one annotation file. VOC has no place for a record's crowds, areas and ids.

    Args:
        path: Path of the file.
        filename: Name of the image file.
        size: Width and height of the image.
        names: N class names.
        boxes: ``(N, 4)`` edges, rounded to whole pixels.
        flags: ``difficult``, ``truncated``, ``occluded``: N each.
    """
    root = etree.Element("annotation")
    _add(root, "filename", filename)
    of_size = etree.SubElement(root, "size")
    for name, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        _add(of_size, name, value)
    corners = np.round(boxes).astype(int).reshape(-1, 4) + np.array([1, 1, 0, 0])
    for i, name in enumerate(names):
        node = etree.SubElement(root, "object")
        _add(node, "name", name)
        for flag in ("truncated", "occluded", "difficult"):
            _add(node, flag, int(flags[flag][i]) if flag in flags else 0)
        box = etree.SubElement(node, "bndbox")
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), corners[i], strict=True):
            _add(box, corner, value)
    path.write_bytes(etree.tostring(root, pretty_print=True))


def to_edges(corners: np.ndarray, *, one_based: bool) -> np.ndarray:
    """Convert VOC's corners to edges from 0.

    VOC gives the first and the last pixel of an object, counted from 1: the pixels 1 to 1 are the region 0 to 1. Tools
    that count from 0 write edges. Corners that are one point are a slip of the mouse, not an object of one pixel, and
    keep no area.

    Args:
        corners: ``(N, 4)`` xmin, ymin, xmax, ymax as written.
        one_based: Whether the corners are pixels counted from 1.

    Returns:
        ``(N, 4)`` edges.
    """
    if not one_based:
        return corners
    low, high = corners[:, :2], corners[:, 2:]
    return np.concatenate([np.where(low < high, low - 1, low), high], axis=1)


def counts_from_one(annotations: Iterable[Annotation | Problem]) -> bool:
    """Whether coordinates start at 1: whether 1 is more often than 0 the first coordinate of a box.

    Objects at the border decide. They begin at 1 in VOC, and at 0 in tools that count from 0.
    """
    boxes = [found.boxes for found in annotations if isinstance(found, Annotation)]
    first = np.concatenate([np.empty((0, 2)), *(corners[:, :2] for corners in boxes)])
    return bool((first == 0).sum() <= (first == 1).sum())


_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _add(parent: Any, tag: str, value: object) -> None:
    etree.SubElement(parent, tag).text = str(value)


def _annotation_folder(root: Path) -> Path:
    return root / "Annotations" if (root / "Annotations").is_dir() else root


def _picture_folder(root: Path) -> Path:
    folders = [root / "JPEGImages", root / "images", root]
    return next(folder for folder in folders if folder.is_dir())


def _splits(root: Path) -> dict[str, list[str]]:
    """Ids by split. VOC's lists for each class, such as ``dog_train``, are not splits."""
    lists = {path.stem: path for path in sorted((root / "ImageSets" / "Main").glob("*.txt"))}
    splits = {}
    for name, path in lists.items():
        if name.rpartition("_")[2] in lists and "_" in name:
            continue
        members = [line.split()[0] for line in read_text(path).splitlines() if line.strip()]
        if not members:
            raise BadInput(path, "names no image; remove it, or list one id a line")
        splits[name] = list(dict.fromkeys(members))
    return splits


def _picture(image_id: str, found: Annotation | Problem, pictures: dict[str, Path], root: Path) -> Path:
    """The image file named like the annotation, else the one that it names, because tools often leave a wrong name
    there.
    """
    if image_id in pictures:
        return pictures[image_id]
    written = found.extra["filename"] if isinstance(found, Annotation) else ""
    return pictures.get(Path(written).stem, _picture_folder(root) / (written or f"{image_id}.jpg"))


def _with_edges(found: Annotation | Problem, one_based: bool) -> Annotation | Problem:
    if isinstance(found, Problem):
        return found
    boxes = to_edges(found.boxes, one_based=one_based)
    return Annotation(found.file, found.names, boxes, size=found.size, columns=found.columns)


def _classes(root: Path, annotations: Iterable[Annotation | Problem]) -> tuple[str, ...]:
    """Classes of ``labelmap.txt``, else PASCAL's if it can be that. Empty without an order."""
    names = {name for found in annotations if isinstance(found, Annotation) for name in found.names}
    listed = _labelmap(root / "labelmap.txt")
    if listed:
        kept = [name for name, color in listed.items() if name in names or (name, color) != _BACKGROUND]
        return class_names(str(root / "labelmap.txt"), kept)
    return CLASSES if "voc" in root.absolute().name.lower() and names <= set(CLASSES) else ()


def _labelmap(file: Path) -> dict[str, str]:
    """Names and colours of a ``labelmap.txt``: a line is ``name:r,g,b:parts:actions``, or a comment after ``#``."""
    lines = [line.strip() for line in read_text(file).splitlines()] if file.is_file() else []
    fields = [line.split(":") for line in lines if line and line[0] != "#"]
    return {name.strip(): color.replace(" ", "") for name, color, *_ in ([*words, ""] for words in fields)}


_BACKGROUND = ("background", "0,0,0")
"""Class of the pixels without an object, which tools list among the others."""


def _size(root: Any) -> tuple[int, int] | None:
    """Width and height. None if they are missing, or 0 as some tools write for unknown sizes."""
    node = root.find("size")
    fields = {child.tag: child.text for child in node} if node is not None else {}
    width, height = _number(fields.get("width")), _number(fields.get("height"))
    return (int(width), int(height)) if 0 < width < inf and 0 < height < inf else None


def _number(text: str | None) -> float:
    try:
        return float(text or nan)
    except ValueError:
        return nan
