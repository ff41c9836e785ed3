"""Reads tracks of ``CVAT for video``: shapes by frame, whose images are found by the frame numbers in their names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from multibox.annotations.bounds import size_of
from multibox.annotations.counting import counted
from multibox.annotations.described import Described, described
from multibox.annotations.formats.cvat_shapes import drawn, is_shape, subset_of
from multibox.annotations.images import Images
from multibox.annotations.xml_files import text_of
from multibox.errors import BadInput

_EXTRACT = "extract the frames as frame_000000.png, frame_000001.png, ..., or export as 'CVAT for images'"

_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Video:
    """The video frames that one CVAT file describes.

    Attributes:
        images: Frames of the video, each with its objects.
        notes: Sentences about what was guessed.
    """

    images: tuple[Described, ...]
    notes: tuple[str, ...]


def read_tracks(path: Path, root: Any, images: Images) -> Video:
    """Read the tracks of a CVAT file. Frames without objects become images without objects.

    Args:
        path: Path of the CVAT file.
        root: Root element of the file's XML.
        images: Images of the dataset, among which the frames are searched.

    Raises:
        BadInput: The file holds tracks of several tasks, or the images of its frames are missing or ambiguous.
    """
    tracks = root.findall("track")
    tasks = {track.get("task_id") for track in tracks}
    if len(tasks) > 1:
        message = f"holds tracks of {len(tasks)} tasks, whose frames have the same numbers; export each task on its own"
        raise BadInput(path, message)
    frames: dict[int, list[tuple[Any, str | None]]] = defaultdict(list)
    for track in tracks:
        for node in track:
            if is_shape(node) and node.get("outside") != "1":
                frames[_frame(path, node)].append((node, track.get("label")))
    names = _names(path, images)
    limits = _limits(root)
    _verify(path, frames, names, limits.start)
    if text_of(root, "meta/*/mode") == "annotation":
        _verify_order(path, names, limits)
    numbers = sorted({*frames, *_bare(frames, names, limits)})
    subset = subset_of(root, tracks[0])
    suffix = Path(next(iter(names.values()))).suffix
    size = size_of(text_of(root, "meta/*/original_size/width"), text_of(root, "meta/*/original_size/height"))
    found = []
    for number in numbers:
        name = names.get(number, f"frame_{number:06}{suffix}")
        found.append(described(path, name, partial(drawn, frames.get(number, ())), size, subset=subset))
    return Video(tuple(found), (*_pairing(found, numbers), *_gaps(path, tracks)))


def _bare(frames: Iterable[int], names: Mapping[int, str], limits: range) -> list[int]:
    """Frames of the video that have an image beside those of the frames with objects."""
    homes = {Path(names[number]).parent for number in frames if number in names}
    return [number for number in names if number in limits and (not homes or Path(names[number]).parent in homes)]


def _frame(path: Path, node: Any) -> int:
    text = node.get("frame") or ""
    if not _WHOLE.fullmatch(text):
        raise BadInput(
            path, f"a shape of a track has the frame {text[:20]!r}, which is not a number; export the file again"
        )
    return int(text)


def _limits(root: Any) -> range:
    """The frames of the video, as far as the file says. Old files give their number alone."""
    found = (text_of(root, f"meta/*/{name}") for name in ("start_frame", "stop_frame", "size"))
    first, last, size = (int(text) if _WHOLE.fullmatch(text) else None for text in found)
    start = first or 0
    return range(start, last + 1 if last is not None else start + (size or 0))


def _names(path: Path, images: Images) -> dict[int, str]:
    """The image of each frame: ``frame_NUMBER``, else an image whose name ends with a number.

    Images below the folder of the file come before all others.

    Raises:
        BadInput: Several images have the same frame number.
    """
    below = [image for image in images.paths if image.is_relative_to(path.parent)]
    stems = {image.stem for image in below or images.paths}
    called = {stem for stem in stems if re.fullmatch(r"frame_\d+", stem)}
    by_number: dict[int, list[Path]] = defaultdict(list)
    for stem in called or stems:
        ending = re.search(r"\d+$", stem)
        if ending:
            by_number[int(ending[0])] += images.of_stem(stem, path)
    for number, found in by_number.items():
        if len(found) > 1:
            listed = " or ".join(sorted(str(image.relative_to(images.root)) for image in found)[:2])
            raise BadInput(
                path, f'frame {number} could be {listed}; give images="FOLDER" with the frames of this video alone'
            )
    return {number: str(found[0].relative_to(images.root)) for number, found in by_number.items()}


def _verify(path: Path, frames: dict[int, Any], names: dict[int, str], first: int) -> None:
    """Refuse images that are not the frames.

    Raises:
        BadInput: No image has the number of any frame with objects, or the numbers of the images are one higher than
            those of the frames.
    """
    if not names or (frames and not frames.keys() & names.keys()):
        raise BadInput(path, f"holds tracks of a video, and none of the images is one of its frames; {_EXTRACT}")
    if min(names) == first + 1:
        message = f"counts frames from {first}, and the images are numbered from {first + 1} ({names[first + 1]})"
        raise BadInput(path, f"{message}; number them from {first}")


def _verify_order(path: Path, names: Mapping[int, str], limits: range) -> None:
    """Refuse images that were no video, unless their names say which is which.

    Raises:
        BadInput: The file does not tell its range of frames, a frame has no image with its number, or the names of the
            images differ in length.
    """
    if len({len(name) for name in names.values()}) > 1 or not set(limits) <= names.keys() or not limits:
        message = "holds tracks, but not the order of the images they run over; export them as 'CVAT for images'"
        raise BadInput(path, message)


def _pairing(found: Sequence[Described], numbers: Sequence[int]) -> tuple[str, ...]:
    if not found:
        return ()
    return (
        f"images were matched with frames of the video by the numbers in their names: {found[0].name} is frame "
        f"{numbers[0]}",
    )


def _gaps(path: Path, tracks: Sequence[Any]) -> tuple[str, ...]:
    """What is said if tracks skip frames, as those do that hold key frames alone. Videos may be cut to every Nth."""
    shapes = [
        sorted((_frame(path, node), node.get("outside") == "1") for node in track if is_shape(node)) for track in tracks
    ]
    steps = [[(b[0] - a[0], a[1]) for a, b in pairwise(each)] for each in shapes]
    usual = min((step for each in steps for step, _ in each if step), default=1)
    count = sum(any(step > usual and not is_outside for step, is_outside in each) for each in steps)
    if not count:
        return ()
    return (
        f"{counted(count, 'track skips', 'tracks skip')} frames between shapes; "
        "the object is missing in the images of those frames",
    )
