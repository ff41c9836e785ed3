"""Finds the videos to track objects in, and reads their frames."""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2

from multibox.errors import BadInput
from multibox.predict.frame_folder import IMAGES, FrameFolder, frames_in
from multibox.predict.frames import Frame, read_video
from multibox.predict.reconnecting import read_reconnecting
from multibox.predict.sources import VIDEO_SUFFIXES, Source, find_sources

log = logging.getLogger("multibox")


def find_films(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """List the videos that paths stand for.

    Args:
        paths: Videos, cameras and streams, as :func:`~multibox.predict.sources.find_sources` takes them, and folders
            of frames. A folder with videos stands for these, and so does a folder with sequences of MOT Challenge.

    Returns:
        Sources in the order of the paths, without duplicates.

    Raises:
        BadInput: A path does not exist, or is an image.
    """
    found: dict[str, Source] = {}  # used as an ordered set
    for path in [os.fspath(path) for path in paths]:
        try:
            sequences = _sequences(Path(path))
        except OSError as error:
            raise BadInput(path, f"cannot be read: {error.strerror}; change its permissions") from None
        sources = [Source(os.fspath(folder), "frames") for folder in sequences] or find_sources([path])
        videos = [source for source in sources if source.kind != "image"]
        if not videos:
            raise BadInput(path, "is an image; give a video, or a folder whose images are frames")
        found |= {source.name: source for source in videos if source.name not in found}
    return list(found.values())


def read_film(source: Source, *, every: int = 1, rate: float | None = None, reconnect: float = 0.0) -> Iterator[Frame]:
    """Read the frames of a video, and skip some.

    Args:
        source: Video, folder of frames, camera or stream.
        every: 1 gives all frames, 2 every second one, and so on. Of unreadable frames, none is skipped.
        rate: Frames per second of a folder of frames. None takes the declared rate, or assumes one.
        reconnect: Seconds without a frame after which a stream that broke off counts as ended.

    Yields:
        Frames of one size, that of the first, with their numbers and times in the whole video.
    """
    if source.kind == "live":
        frames = read_reconnecting(source, reconnect)
    elif source.kind == "frames":
        frames = read_video(source, lambda source: FrameFolder(source.name, rate))
    else:
        frames = read_video(source)
    for frame in _of_one_size(frames):
        if frame.image is None or not (frame.number or 0) % every:
            yield frame


def _sequences(path: Path) -> list[Path]:
    """The folder itself if it holds frames, or else the folders in it that are sequences of MOT Challenge."""
    if not path.is_dir():
        return []
    if (path / IMAGES).is_dir():
        return [path]
    if any(name.lower().endswith(VIDEO_SUFFIXES) for name in os.listdir(path)):
        return []
    return [path] if frames_in(path) else sorted(folder.parent for folder in path.glob(f"*/{IMAGES}"))


def _of_one_size(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Give all frames the size of the first, in which lines are drawn and boxes are compared, and say so once."""
    size: tuple[int, int] | None = None
    is_said = False
    for frame in frames:
        if frame.image is None:
            yield frame
            continue
        height, width = frame.image.shape[:2]
        size = size or (width, height)
        if (width, height) == size:
            yield frame
            continue
        if not is_said:
            log.info(
                f"{frame.source.name}: frame {frame.number} has {width}x{height} pixels, and the first has "
                f"{size[0]}x{size[1]}; frames of other sizes are resized to that of the first"
            )
        is_said = True
        yield replace(frame, image=cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA))
