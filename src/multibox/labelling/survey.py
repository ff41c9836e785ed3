"""Runs a detector over all images of folders once, and keeps what it sees."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any

import numpy as np

from multibox.annotations.counting import counted, some
from multibox.detect.detections import Detections
from multibox.detect.detector import BATCH, Detector
from multibox.detect.in_threads import in_threads
from multibox.detect.load import load
from multibox.errors import BadInput, Stopped
from multibox.labelling.journal import open_journal
from multibox.labelling.seen import LEAST, Seen
from multibox.machine import cores
from multibox.models.shipped import model_path
from multibox.predict.on_ray.model_file import digest, pack
from multibox.predict.predict import predict
from multibox.predict.sources import Source, find_sources
from multibox.predict.stopping import stopped_by_signals
from multibox.progress import Progress

log = logging.getLogger("multibox")


@dataclass(frozen=True, eq=False)
class Survey:
    """What a detector sees in the images of folders.

    Attributes:
        classes: Names of the detector's classes.
        shown: ``(C,)`` scores that a detection must exceed to be shown to a person.
        seen: What is seen in each image that could be read, in the order of the images.
    """

    classes: tuple[str, ...]
    shown: np.ndarray
    seen: Sequence[Seen]

    def detections(self, seen: Seen) -> tuple[Detections, Detections]:
        """All detections in an image, and those that are shown to a person."""
        found = seen.detections(self.classes)
        return found, found.keep(found.scores > self.shown[found.labels])


def survey(
    model: str | os.PathLike[str],
    paths: Iterable[str | os.PathLike[str]],
    folder: Path,
    *,
    batch: int = BATCH,
    progress: Progress | None = None,
    **options: Any,
) -> Survey:
    """Detect in all images, as :func:`multibox.predict.predict.predict` does, and keep the small part that is needed.

    What was seen is written to ``seen.jsonl`` in ``folder`` image by image. A run that was stopped or killed goes on
    there, and a run with the same model over the same images has nothing to do. Images whose files have changed are
    searched again.

    Args:
        model: Path of a model file, or ``voc20``.
        paths: Files, folders and globs of images. Videos are left out.
        folder: Folder of the outputs.
        batch: Number of images that go through the network together.
        progress: Function called with the number of images done and of all images.
        options: Further arguments of :func:`multibox.detect.load.load`, such as ``runtime`` and ``tiles``.

    Raises:
        BadInput: A path holds no image, the model cannot be loaded, or no image can be read.
        Stopped: A signal stopped the run.
    """
    sources = _images(find_sources(paths))
    detector = load(model, images=len(sources), **options)
    settings = {"detect": detector.config.model_dump(), "tiles": repr(detector.tiles), "tta": repr(detector.tta)}
    about = {"model": digest(pack(model_path(model))), "settings": settings}
    with open_journal(folder, about) as journal:
        states = {source.name: _state(source) for source in sources}
        known = journal.known
        left = [s for s in sources if not _is_known(known.get(s.name), states[s.name])]
        done = len(sources) - len(left)
        if done:
            log.info("%s: %s searched before", folder, counted(done, "image was", "images were"))
        with stopped_by_signals() as signals:
            try:
                for seen in _search(detector, left, states, batch):
                    journal.add(seen)
                    done += 1
                    if progress:
                        progress(done, len(sources))
            except KeyboardInterrupt:
                signals.extend([] if signals else [SIGINT])
        if signals:
            raise Stopped(f"stopped after {done:,} of {len(sources):,} images; the same call goes on there", signals[0])
        seen_all = [journal.known[source.name] for source in sources]
    return Survey(detector.classes, detector.shown, _readable(seen_all))


def _images(sources: Sequence[Source]) -> list[Source]:
    """The image files among the sources. Videos are left out, and what is no file is refused."""
    odd = next((s for s in sources if s.encoded is not None or s.kind == "live" or "://" in s.name), None)
    if odd is not None:
        raise BadInput(odd.name, "is not a file; save the images to a folder, and give the folder")
    images = [source for source in sources if source.kind == "image"]
    videos = [source.name for source in sources if source.kind != "image"]
    advice = "write their frames as images to choose among them"
    if not images:
        raise BadInput(videos[0] if videos else "paths", f"holds no image; {advice if videos else 'give images'}")
    if videos:
        log.info("%s left out (%s); %s", counted(len(videos), "video was", "videos were"), some(videos), advice)
    return images


def _state(source: Source) -> tuple[int, int]:
    """Size and time of a file. Zeros for a file that has gone, which cannot be read either."""
    try:
        status = os.stat(source.name)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _is_known(seen: Seen | None, state: tuple[int, int]) -> bool:
    """Whether an image need not be searched again. One that could not be read may be readable by now."""
    return seen is not None and not seen.error and seen.state == state


def _search(
    detector: Detector, sources: Sequence[Source], states: dict[str, tuple[int, int]], batch: int
) -> Iterable[Seen]:
    predictions = predict(detector, sources, score=LEAST, batch=batch)
    return in_threads(lambda found: Seen.of(found, states[found.source.name]), predictions, ahead=cores() + 1)


def _readable(seen: Sequence[Seen]) -> list[Seen]:
    """Those that could be read. The others are logged."""
    bad = [each for each in seen if each.error]
    if len(bad) == len(seen):
        raise BadInput(bad[0].file, f"no image can be read: {bad[0].error}")
    if bad:
        files = some([each.file for each in bad])
        log.warning("%s left out (%s)", counted(len(bad), "unreadable image was", "unreadable images were"), files)
    return [each for each in seen if not each.error]
