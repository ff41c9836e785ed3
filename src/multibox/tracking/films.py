"""Finds the videos to track objects in, and reads their frames."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from multibox.errors import BadInput
from multibox.predict.frame_folder import IMAGES, FrameFolder, frames_in
from multibox.predict.frames import Frame, read_video
from multibox.predict.reconnecting import read_reconnecting
from multibox.predict.sources import VIDEO_SUFFIXES, Source, find_sources


def find_films(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """List the videos that paths stand for.

    Args:
        paths: Videos, cameras and streams, as :func:`~multibox.predict.sources.find_sources` takes them, and folders
            of frames. A folder with videos stands for these.

    Returns:
        Sources in the order of the paths, without duplicates.

    Raises:
        BadInput: A path does not exist, or is an image.
    """
    found: dict[str, Source] = {}  # used as an ordered set
    for path in [os.fspath(path) for path in paths]:
        sources = [Source(path, "frames")] if _has_frames(path) else find_sources([path])
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
        Frames, with their numbers and times in the whole video.
    """
    if source.kind == "live":
        frames = read_reconnecting(source, reconnect)
    elif source.kind == "frames":
        frames = read_video(source, lambda source: FrameFolder(source.name, rate))
    else:
        frames = read_video(source)
    for frame in frames:
        if frame.image is None or not (frame.number or 0) % every:
            yield frame


def _has_frames(path: str) -> bool:
    if not os.path.isdir(path):
        return False
    if (Path(path) / IMAGES).is_dir():
        return True
    has_videos = any(name.lower().endswith(VIDEO_SUFFIXES) for name in os.listdir(path))
    return not has_videos and bool(frames_in(Path(path)))
