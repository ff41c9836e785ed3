"""Renders short videos whose objects, and whose crossings of a line, are known, in the layout of MOT Challenge.

The objects are those of :mod:`multibox.data.sample`, so a detector trained on that sample finds them. Each video shows
a situation of :mod:`multibox.data.motion`. The same seed renders the same videos.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from multibox.data.film_scene import FilmScene
from multibox.data.motion import SITUATIONS, Stage, count_crossings
from multibox.data.paste import Thing
from multibox.data.sample import CLASSES
from multibox.errors import BadInput, RunFailed
from multibox.machine import cores
from multibox.writing import Kind, new_folder

FILM = Kind("sample videos")

CONSIDERED = 0.25
"""Share of an object that must be visible, so that a tracker is judged by the object."""

_STREAM = 1
"""Random stream of the videos, so that they do not show the backdrops of the images of the same seed."""

_SEQUENCE = """[Sequence]
name={name}
imDir=img1
frameRate={rate}
seqLength={frames}
imWidth={width}
imHeight={height}
imExt=.jpg
"""


def make_film(
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    sequences: int = 6,
    frames: int = 120,
    size: int = 320,
    rate: int = 25,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render videos with known objects, in the layout of MOT Challenge.

    The videos go through the situations of :data:`multibox.data.motion.SITUATIONS`, which name them: ``01-crossing``,
    ``02-hiding`` and so on. Each situation takes the whole length of its video. In the folder of a video are:

    - ``img1/000001.jpg`` and so on, the frames, and ``NAME.mp4``, the same frames as a video.
    - ``gt/gt.txt`` with a row for each object in each frame in which a pixel of it is visible: frame and id of the
      object (both from 1), left, top, width and height of its visible part in pixels, whether judges consider the row
      (1, or 0 if less than a quarter of the object is visible), number of the class (from 1), and the visible share in
      [0, 1]. MOT Challenge counts pixels from 1, so left and top are the edges from 0 plus 1.
    - ``gt/counts.json`` with the vertical middle line, ``x0, y0, x1, y1`` in pixels from 0, and how many objects of
      each class cross it in each direction. The line belongs to the scene: it moves along when the camera shakes.
    - ``seqinfo.ini`` with the rate and size, and ``labels.txt`` with a class in each line, by number.

    Args:
        folder: Folder to write. Earlier sample videos are replaced, unless their files were changed after rendering.
        seed: Random seed. The same seed gives the same videos.
        sequences: Number of videos, at least 1.
        frames: Number of frames in each video, at least 10.
        size: Width of a frame in pixels, at least 64. The height is three quarters of it. Both are rounded to an even
            number, which the video needs.
        rate: Frames per second of the video, at least 1. It does not change the frames.
        replace: Whether to replace earlier sample videos whose files were changed after rendering.
        progress: Function called with the number of finished videos and of all videos.

    Returns:
        Path of the folder.

    Raises:
        BadInput: A number is too small, or the folder holds files that are not unchanged earlier sample videos.
        RunFailed: OpenCV cannot write a video.
    """
    numbers = (("sequences", sequences, 1), ("frames", frames, 10), ("size", size, 64), ("rate", rate, 1))
    for field, value, least in numbers:
        if value < least:
            raise BadInput(field, f"{value} is too small; give at least {least}")
    with new_folder(folder, FILM, replace=replace) as new, ThreadPoolExecutor(cores()) as pool:
        write = partial(_write_sequence, new, seed=seed, frames=frames, size=size, rate=rate)
        for done, _ in enumerate(pool.map(write, range(sequences)), start=1):
            if progress:
                progress(done, sequences)
    return Path(folder)


def _write_sequence(folder: Path, number: int, *, seed: int, frames: int, size: int, rate: int) -> None:
    rng = np.random.default_rng([seed, number, _STREAM])
    width, height = 2 * round(size / 2), 2 * round(size * 3 / 8)
    situation = list(SITUATIONS)[number % len(SITUATIONS)]
    scenario = SITUATIONS[situation](Stage(frames, width, height, rng))
    name = f"{number + 1:02}-{situation}"
    film = folder / name
    for path in (film / "img1", film / "gt"):
        path.mkdir(parents=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(82, 96))]
    scene = FilmScene(scenario, width, height, rng)
    rows: list[tuple[int, int, str]] = []
    with _video(film / f"{name}.mp4", (width, height), frames, rate) as video:
        for frame in range(frames):
            image, things = scene.frame(frame)
            pixels = np.ascontiguousarray(image[..., ::-1])
            video.write(pixels)
            _, data = cv2.imencode(".jpg", pixels, quality)
            (film / "img1" / f"{frame + 1:06}.jpg").write_bytes(data.tobytes())
            rows += [(thing, frame, _row(seen)) for thing, seen in enumerate(things) if seen.mask.any()]
    lines = "".join(f"{frame + 1},{thing + 1},{row}\n" for thing, frame, row in sorted(rows))
    (film / "gt" / "gt.txt").write_text(lines, "utf-8")
    counts = {"line": [width // 2, 0, width // 2, height], "classes": count_crossings(scenario.motions, width)}
    (film / "gt" / "counts.json").write_text(json.dumps(counts, indent=1) + "\n", "utf-8")
    about = _SEQUENCE.format(name=name, rate=rate, frames=frames, width=width, height=height)
    (film / "seqinfo.ini").write_text(about, "utf-8")
    (film / "labels.txt").write_text("".join(f"{label}\n" for label in CLASSES), "utf-8")


def _row(thing: Thing) -> str:
    """The columns of MOT Challenge that follow frame and id."""
    x0, y0, x1, y1 = thing.box
    share = min(1.0, int(thing.mask.sum()) / thing.whole)
    label = CLASSES.index(thing.name) + 1
    return f"{x0 + 1},{y0 + 1},{x1 - x0},{y1 - y0},{int(share >= CONSIDERED)},{label},{share:.3f}"


@contextmanager
def _video(path: Path, size: tuple[int, int], frames: int, rate: int) -> Iterator[cv2.VideoWriter]:
    """Write an MP4 file, and verify at the end that it holds all frames, because OpenCV reports no errors."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    if not writer.isOpened():
        raise RunFailed(f"{path.name}: OpenCV cannot write this MP4 file; give another folder or install OpenCV again")
    try:
        yield writer
    finally:
        writer.release()
    capture = cv2.VideoCapture(str(path))
    written = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
    capture.release()
    if written < frames:
        raise RunFailed(f"{path.name}: the video is incomplete; free disk space, then run it again")
