"""PASCAL VOC XML: one file per image, with the root element ``<annotation>``.

Pose, parts, segmentation and source database are dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.bounds import size_of
from multibox.annotations.corners import Evidence, Kind, decide_by_tool, describe, to_edges
from multibox.annotations.counting import counted
from multibox.annotations.files import Files, sample
from multibox.annotations.images import Images, pair
from multibox.annotations.lists import find_lists, of_classes, read_list, without_classes
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_names, renamed, splits_by_folder
from multibox.annotations.voc_tools import DATUMARO, tool_of
from multibox.annotations.xml_files import dialects, is_labelme, read_xml
from multibox.errors import BadInput

NAME = "voc"
TITLE = "Pascal VOC XML"

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


def find(files: Files) -> list[Path]:
    """Find the XML files, if any file in a sample is in VOC's format."""
    found = files.with_suffix(".xml")
    return found if "voc" in dialects(sample(found)) else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read annotation files in VOC's format.

    Splits come from lists (``ImageSets/Main/*.txt``), else from the folders that the files lie in.

    Args:
        files: Files of the dataset.
        found: Paths of the XML files. Files that are not VOC annotations are ignored.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images of each split.

    Raises:
        BadInput: The list of a split is empty.
    """
    parsed = {path: each for path in found if (each := parse_xml(path)) is not None}
    names = {name for each in parsed.values() if isinstance(each, Written) for name in each.names}
    lists, of_one_class = without_classes(find_lists(files), names)
    places = _listed(parsed, lists, names, files.root) if lists else _by_folder(list(parsed), files.root)
    evidence = {each.file: each.evidence for each in parsed.values() if isinstance(each, Written)}
    decisions = decide_by_tool(list(evidence.values()), options.one_based)
    kinds = {tool: decision.kind for tool, decision in decisions.items()}
    missing = _missing(places, parsed, set(kinds))
    parsed |= missing
    images = _pair(places, parsed, Images(files, options.images))
    splits = {split: _items(paths, parsed, images, kinds, files.root) for split, paths in places.items()}
    return Part(
        files.root,
        splits,
        CLASSES if _is_pascal(parsed.values()) else (),
        files=tuple(path for path in parsed if path not in missing),
        splits_from=_origin(lists, splits, files),
        classes_from="PASCAL VOC" if _is_pascal(parsed.values()) else "",
        corners=describe(list(evidence.values()), decisions) if evidence else "",
        notes=(
            *_notes(len(found) - len(parsed) + len(missing), len(parsed) - len(images), missing, lists),
            *of_one_class,
        ),
    )


@dataclass(frozen=True)
class Written:
    """The content of a VOC annotation file, with box corners as written.

    Attributes:
        file: Path of the XML file.
        filename: Name of the image as the file gives it. Empty if it gives none.
        names: Class name of each of the N objects.
        evidence: Corners as written, with what the file shows about whether they count from 0 or from 1.
        columns: Flags of the N objects by name: ``difficult``, ``truncated`` and ``occluded``.
    """

    file: str
    filename: str
    names: tuple[str, ...]
    evidence: Evidence
    columns: dict[str, list[bool]]


def parse_xml(path: Path) -> Written | Problem | None:
    """Read one annotation file.

    Args:
        path: Path of the XML file.

    Returns:
        The annotation as written (a corner that is not a number is NaN), or the problem that prevents reading it. None
        if the file is XML of another format.
    """
    parsed = read_xml(path)
    if isinstance(parsed, Problem):
        return parsed
    root, raw = parsed
    if root.tag != "annotation" or is_labelme(root):
        return None
    names: list[str] = []
    texts: list[list[str]] = []
    columns: dict[str, list[bool]] = {"difficult": [], "truncated": [], "occluded": []}
    for number, node in enumerate(root.iterchildren("object"), start=1):
        fields = {child.tag: child for child in node}
        name = (fields["name"].text or "").strip() if "name" in fields else ""
        if not name:
            return Problem("annotation", str(path), f"object {number}", "has no <name>")
        box = {child.tag: child.text for child in fields.get("bndbox", ())}
        names.append(name)
        texts.append([box.get(key) or "" for key in ("xmin", "ymin", "xmax", "ymax")])
        for flag, values in columns.items():
            values.append(flag in fields and (fields[flag].text or "").strip().lower() in ("1", "true"))
    corners = np.array([[_number(text) for text in row] for row in texts], np.float64).reshape(-1, 4)
    has_point = any("." in text for row in texts for text in row)
    evidence = Evidence(corners, _size(root), tool_of(root, raw), has_point)
    return Written(str(path), root.findtext("filename") or "", tuple(names), evidence, columns)


def _listed(
    parsed: Mapping[Path, Written | Problem], lists: Mapping[str, Path], names: set[str], root: Path
) -> dict[str, list[Path]]:
    """The XML files of each split, as the lists of splits name them."""
    by_stem: dict[str, list[Path]] = {}
    for path in parsed:
        by_stem.setdefault(path.stem, []).append(path)
    home = next((path.parent for path in parsed), root)
    paths = of_classes(lists, names) or {name: [path] for name, path in lists.items()}
    splits: dict[str, dict[Path, None]] = {}
    for name, split in map_names(paths).items():
        members = [
            _of_list(file, by_stem.get(stem) or [home / f"{stem}.xml"])
            for file in paths[name]
            for stem in read_list(file, by_stem)
        ]
        splits.setdefault(split, {}).update(dict.fromkeys(members))
    return {split: list(members) for split, members in splits.items()}


def _of_list(file: Path, candidates: Sequence[Path]) -> Path:
    """The XML file that an entry of a list means: of several that of VOC's folder ``Annotations`` beside ``ImageSets``.

    Raises:
        BadInput: Several could be meant.
    """
    beside = [path for path in candidates if path.is_relative_to(file.parents[2] / "Annotations")]
    if len(candidates) > 1 and len(beside) != 1:
        listed = " or ".join(str(path) for path in candidates[:2])
        raise BadInput(
            file, f"{candidates[0].stem} could be {listed}; keep one of them, or build from their folders one at a time"
        )
    return (beside or candidates)[0]


def _by_folder(found: Sequence[Path], root: Path) -> dict[str, list[Path]]:
    splits: dict[str, list[Path]] = {}
    for path, split in zip(found, splits_by_folder(found, root), strict=True):
        splits.setdefault(split, []).append(path)
    return splits


def _missing(
    places: Mapping[str, Sequence[Path]], parsed: Mapping[Path, Written | Problem], tools: set[str]
) -> dict[Path, Written | Problem]:
    """The content that is assumed for XML files that a list of a split names and that do not exist.

    CVAT and Datumaro write none for an image without objects. Otherwise a file is lost.
    """
    paths = {path for paths in places.values() for path in paths if path not in parsed}
    if tools == {DATUMARO}:
        evidence = Evidence(np.empty((0, 4)), tool=DATUMARO)
        return {path: Written(str(path), "", (), evidence, {}) for path in paths}
    return {path: Problem("missing", str(path), "", "the annotation file is missing") for path in paths}


def _notes(
    others: int, unlisted: int, missing: Mapping[Path, Written | Problem], lists: Mapping[str, Path]
) -> tuple[str, ...]:
    bare = sum(isinstance(each, Written) for each in missing.values())
    notes = []
    if others:
        notes.append(
            f"{counted(others, 'XML file holds', 'XML files hold')} something other than VOC's annotations and "
            f"{'was' if others == 1 else 'were'} ignored"
        )
    if unlisted:
        notes.append(
            counted(unlisted, "XML file is in no list and was left out", "XML files are in no list and were left out")
        )
    if bare:
        notes.append(
            counted(
                bare,
                "listed image has no XML file and counts as an image without objects",
                "listed images have no XML file and count as images without objects",
            )
            + f" ({DATUMARO})"
        )
    return (*notes, *renamed(lists))


def _pair(
    places: Mapping[str, Sequence[Path]], parsed: Mapping[Path, Written | Problem], images: Images
) -> dict[Path, Path | Problem]:
    """The image of each annotation file."""
    split_of = {path: split for split, paths in places.items() for path in paths}
    written = [each.filename if isinstance(each := parsed[path], Written) else "" for path in split_of]
    return dict(zip(split_of, pair(images, list(split_of), written, list(split_of.values())), strict=True))


def _items(
    paths: Sequence[Path],
    parsed: Mapping[Path, Written | Problem],
    images: Mapping[Path, Path | Problem],
    kinds: Mapping[str, Kind],
    root: Path,
) -> list[Item]:
    items = []
    for record_id, path in zip(ids_of(paths, root), paths, strict=True):
        found = parsed[path]
        annotation = found if isinstance(found, Problem) else _annotation(found, kinds)
        image = images[path]
        item = Item(record_id, path, image) if isinstance(image, Problem) else Item(record_id, image, annotation)
        items.append(item)
    return items


def _annotation(written: Written, kinds: Mapping[str, Kind]) -> Annotation:
    evidence = written.evidence
    boxes = to_edges(evidence.corners, kinds[evidence.tool])
    return Annotation(written.file, written.names, boxes, size=evidence.size, columns=written.columns)


def _is_pascal(found: Iterable[Written | Problem]) -> bool:
    """Whether the annotations are PASCAL's own, by their classes and the database that they name."""
    written = [each for each in found if isinstance(each, Written)]
    names = {name for each in written for name in each.names}
    return names <= set(CLASSES) and any(each.evidence.tool == "PASCAL VOC" for each in written)


def _origin(lists: Mapping[str, Path], splits: Mapping[str, Sequence[Item]], files: Files) -> str:
    if lists:
        return f"the lists {', '.join(files.short(path) for path in lists.values())}"
    return "" if set(splits) <= {UNSPLIT} else "the names of the folders"


def _size(root: Any) -> tuple[int, int] | None:
    """Width and height. None if they are missing, or 0 as some tools write for unknown sizes."""
    node = root.find("size")
    fields = {child.tag: child.text for child in node} if node is not None else {}
    return size_of(fields.get("width"), fields.get("height"))


def _number(text: str | None) -> float:
    try:
        return float(text or nan)
    except ValueError:
        return nan
