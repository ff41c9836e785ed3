"""CVAT's XML, ``CVAT for images`` and ``CVAT for video``: a file a task or project, whose root is ``<annotations>``."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from multibox.annotations.annotation import UNSPLIT, Annotation, Item, Options, Part, ids_of
from multibox.annotations.drawn import annotation_of, shape_notes, size_of
from multibox.annotations.files import Files, sample
from multibox.annotations.formats.cvat_shapes import CvatImage, drawn_from, is_shape
from multibox.annotations.formats.cvat_tracks import Video, read_tracks
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.splits import map_files, renamed, written_split
from multibox.annotations.xml_files import read_xml, root_tag, text_of
from multibox.errors import BadInput

NAME = "cvat"
TITLE = "CVAT XML"

_WITHOUT_BOX = ("skeleton", "points", "polyline", "tag")
"""Types of labels whose shapes have no box."""

_NO_SUBSET = ("", "default")
"""What CVAT writes for images without subset."""


def find(files: Files) -> list[Path]:
    """The XML files whose root is ``<annotations>``."""
    listed = files.with_suffix(".xml")
    if not any(root_tag(path) == "annotations" for path in sample(listed)):
        return []
    return [path for path in listed if root_tag(path) == "annotations"]


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read CVAT's files.

    An image belongs to the subset that is written beside its name. Without subsets, the names of the files tell the
    splits. The frames of tracks are images whose names end with the frame's number.

    Args:
        files: Files of the source.
        found: Paths of the XML files.
        options: What the user said about the data.

    Returns:
        The items in the order of the files, and the classes in the order of the labels.

    Raises:
        BadInput: A file is damaged or holds no images, or the frames of its tracks are not among the images.
    """
    images = Images(files, options.images)
    roots = {path: _open(path) for path in found}
    videos = {path: read_tracks(path, root, images) for path, root in roots.items() if root.find("track") is not None}
    listed = [each for path, root in roots.items() for each in (*_images(path, root), *_frames(videos.get(path)))]
    names = [_written_split(each, files.root) for each in listed]
    splits = _split(listed, names, images, files.root)
    classes, unused = _classes(roots.values(), listed)
    return Part(
        files.path if files.path.is_file() else files.root,
        splits,
        classes,
        files=tuple(found),
        splits_from="" if set(splits) <= {UNSPLIT} else _origin(listed),
        classes_from="CVAT's labels" if classes else "",
        notes=(
            *unused,
            *shape_notes(each.drawn for each in listed),
            *(note for video in videos.values() for note in video.notes),
            *renamed(names),
        ),
    )


def _open(path: Path) -> Any:
    """The root of a file.

    Raises:
        BadInput: The file is damaged, or holds neither images nor tracks.
    """
    parsed = read_xml(path)
    if isinstance(parsed, Problem):
        raise BadInput(path, f"{parsed.detail}; export it again")
    root = parsed[0]
    if root.find("image") is None and root.find("track") is None:
        raise BadInput(path, "holds no <image> and no <track>; export it as 'CVAT for images', or remove it")
    return root


def _images(path: Path, root: Any) -> Iterator[CvatImage]:
    subset = text_of(root, "meta/task/subset")
    for node in root.iterchildren("image"):
        name = (node.get("name") or "").strip()
        drawn = drawn_from(f"{path}, {name}", [(child, child.get("label")) for child in node if is_shape(child)])
        size = size_of(node.get("width"), node.get("height"))
        yield CvatImage(path, name, node.get("subset") or subset, drawn, size)


def _frames(video: Video | None) -> Sequence[CvatImage]:
    return video.images if video else ()


def _written_split(each: CvatImage, root: Path) -> str:
    """The name that means the split of an image: its subset, else that of its file."""
    return written_split(each.file, root) if each.subset.lower() in _NO_SUBSET else each.subset


def _split(listed: Sequence[CvatImage], names: Sequence[str], images: Images, root: Path) -> dict[str, list[Item]]:
    """The items of each split.

    Args:
        listed: What the files say of each image.
        names: Name that means the split of each.
        images: Images to choose from.
        root: Path of the dataset's folder.

    Raises:
        BadInput: An image has no name.
    """
    split_of = map_files(names)
    groups: dict[tuple[str, Path], list[CvatImage]] = defaultdict(list)
    for each, name in zip(listed, names, strict=True):
        if not each.name:
            raise BadInput(each.file, "has an <image> without name; write one, or export it again")
        groups[split_of[name], each.file].append(each)
    found: dict[str, list[tuple[CvatImage, Path]]] = defaultdict(list)
    for (split, file), members in groups.items():
        paths = images.of_names([str(PurePosixPath(each.subset, each.name)) for each in members], file, split)
        found[split] += zip(members, paths, strict=True)
    return {
        split: [
            Item(item_id, path, _annotation(each))
            for item_id, (each, path) in zip(ids_of([path for _, path in pairs], root), pairs, strict=True)
        ]
        for split, pairs in found.items()
    }


def _annotation(each: CvatImage) -> Annotation | Problem:
    return each.drawn if isinstance(each.drawn, Problem) else annotation_of(str(each), each.drawn, each.size)


def _origin(listed: Sequence[CvatImage]) -> str:
    return (
        "CVAT's subsets" if any(each.subset.lower() not in _NO_SUBSET for each in listed) else "the names of the files"
    )


def _classes(roots: Iterable[Any], listed: Sequence[CvatImage]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that can have boxes, in their order, and what is said of the others."""
    labels = [node for root in roots for node in root.iterfind("meta/*/labels/label") if node.find("parent") is None]
    types = {text_of(node, "name"): text_of(node, "type") for node in labels}
    used = {
        each.name
        for image in listed
        if not isinstance(image.drawn, Problem)
        for each in image.drawn
        if each.bounds is not None
    }
    unused = [name for name, kind in types.items() if kind in _WITHOUT_BOX and name not in used]
    note = f"labels whose shapes have no box are no classes: {', '.join(unused)}"
    return tuple(name for name in types if name and name not in unused), (note,) if unused else ()
