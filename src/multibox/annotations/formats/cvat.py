"""CVAT's XML for images and for video: one file per task or project, with the root element ``<annotations>``."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from multibox.annotations.annotation import Options, Part
from multibox.annotations.bounds import size_of
from multibox.annotations.described import Described, described, part_of
from multibox.annotations.files import Files, sample
from multibox.annotations.formats.cvat_shapes import drawn, is_shape, subset_of
from multibox.annotations.formats.cvat_tracks import Video, read_tracks
from multibox.annotations.images import Images
from multibox.annotations.problem import Problem
from multibox.annotations.xml_files import has_tag, read_xml, root_tag, text_of
from multibox.errors import BadInput

NAME = "cvat"
TITLE = "CVAT XML"

_WITHOUT_BOX = ("skeleton", "points", "polyline", "tag")
"""Types of labels whose shapes have no box."""


def find(files: Files) -> list[Path]:
    """Find the XML files whose root is ``<annotations>`` and that contain an image, a track or CVAT's ``<meta>``."""
    listed = files.with_suffix(".xml")
    return [path for path in listed if _is_cvat(path)] if any(map(_is_cvat, sample(listed))) else []


def read(files: Files, found: list[Path], options: Options) -> Part:
    """Read CVAT's files.

    An image belongs to the subset that its element names. Without subsets, the names of the files give the splits. The
    frames of tracks are images whose names end with the frame's number.

    Args:
        files: All files of the dataset, images included.
        found: Paths of the XML files.
        options: Options that the user gave: class names, folder of the images and kind of corners.

    Returns:
        The annotated images by split, in the order of the files, and the classes in the order of CVAT's labels.

    Raises:
        BadInput: A file is damaged or holds no images, or the frames of its tracks are not among the images.
    """
    images = Images(files, options.images)
    roots = {path: _open(path) for path in found}
    videos = {path: read_tracks(path, root, images) for path, root in roots.items() if root.find("track") is not None}
    listed = [each for path, root in roots.items() for each in (*_images(path, root), *_frames(videos.get(path)))]
    classes, unused = _classes(roots.values(), listed)
    notes = [*unused, *(note for video in videos.values() for note in video.notes)]
    return part_of(files, options, listed, classes=classes, classes_from="CVAT's labels", notes=notes)


def _is_cvat(path: Path) -> bool:
    return root_tag(path) == "annotations" and has_tag(path, "image", "track", "meta")


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


def _images(path: Path, root: Any) -> Iterator[Described]:
    for node in root.iterchildren("image"):
        shapes = partial(drawn, [(child, child.get("label")) for child in node if is_shape(child)])
        size = size_of(node.get("width"), node.get("height"))
        yield described(path, node.get("name"), shapes, size, subset=subset_of(root, node))


def _frames(video: Video | None) -> Sequence[Described]:
    return video.images if video else ()


def _classes(roots: Iterable[Any], listed: Sequence[Described]) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
    note = f"these labels are not classes, as their shapes have no box: {', '.join(unused)}"
    return tuple(name for name in types if name and name not in unused), (note,) if unused else ()
