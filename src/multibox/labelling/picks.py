"""Images that were picked for a person, and the files that show them: a list, a page of thumbnails and pre-labels."""

import csv
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from multibox._version import __version__
from multibox.annotations.counting import counted
from multibox.data.file_names import readable
from multibox.detect.detections import Detections
from multibox.detect.in_threads import in_threads
from multibox.detect.read_image import read_image
from multibox.draw import draw_boxes
from multibox.errors import BadInput
from multibox.labelling.prelabelled import PreLabelled
from multibox.labelling.prelabels import FORMATS, check_prelabels, write_prelabels
from multibox.report.page import PAGE, Gallery, Image, Section, page, save_page
from multibox.writing import MARKER, Kind, check_file, new_file

SHOWN_SIDE: Final = 400
"""Longer side of a thumbnail, pixels."""

MOST_SHOWN: Final = 200
"""Largest number of images on a page. The list has all."""

MOST_CAPTIONS: Final = 8
"""Largest number of boxes in a thumbnail that have captions. More captions would hide the image."""

LIST: Final = Kind("list of images")

log = logging.getLogger("multibox")


@dataclass(frozen=True, eq=False)
class Pick:
    """An image that was picked, and why.

    Attributes:
        file: Path of the image file.
        reason: Why it was picked, in a few words.
        scores: Numbers by which it was picked, by the names of their columns in the list. None is a number that does
            not exist, which is empty in the list.
        seen: All detections, the best first.
        found: Those of them that a person is shown, for pre-labels.
    """

    file: str
    reason: str
    seen: Detections
    found: Detections
    scores: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class PickFiles:
    """The files that picks are written to.

    Attributes:
        folder: Folder of all files.
        name: Name of the list, without suffix.
        formats: Formats of pre-labels, each written to a folder of its name.
        replace: Whether to replace files that Multibox did not write, or that were changed since Multibox wrote them.
    """

    folder: Path
    name: str
    formats: Sequence[str] = ()
    replace: bool = False

    @property
    def list(self) -> Path:
        """Path of the CSV file with a row for each image."""
        return self.folder / f"{self.name}.csv"

    @property
    def page(self) -> Path:
        """Path of the HTML page with a thumbnail of each image."""
        return self.folder / "index.html"

    def check(self) -> None:
        """Verify that the files may be written, before the work that produces them begins.

        Raises:
            BadInput: A file or folder may not be replaced, or a format is unknown.
        """
        check_file(self.list, LIST, replace=self.replace)
        check_file(self.page, PAGE, replace=self.replace)
        for kind in self.formats:
            check_prelabels(self.folder / kind, kind, replace=self.replace)

    def write(self, picks: Sequence[Pick], title: str, intro: str, model: str | os.PathLike[str]) -> None:
        """Write the list, the page and the pre-labels.

        Earlier pre-labels in other formats are kept, as somebody may have corrected them. A warning names them.

        Args:
            picks: The picked images, the first the most important.
            title: Title of the page.
            intro: What the page shows and why.
            model: Path of the model, which Label Studio shows by its name.

        Raises:
            BadInput: A file or folder may not be replaced, or an image has gone.
        """
        self._write_list(picks)
        save_page(self.page, _page_of(picks, title, intro), replace=self.replace)
        images = [PreLabelled.of(pick.file, pick.found) for pick in picks]
        classes = picks[0].found.classes if picks else ()
        for kind in self.formats:
            write_prelabels(
                self.folder / kind, kind, images, classes, model=readable(Path(model).name), replace=self.replace
            )
        self._say_kept()

    def _say_kept(self) -> None:
        """Name the folders of pre-labels that an earlier call wrote in formats that this one does not write."""
        others = [self.folder / kind for kind in FORMATS if kind not in self.formats]
        for folder in others:
            if (folder / MARKER).is_file():
                log.warning(
                    "%s: was kept, and may be of another list than %s; remove it, or write it too with format=%s",
                    folder,
                    self.list,
                    folder.name,
                )

    def _write_list(self, picks: Sequence[Pick]) -> None:
        columns = list(picks[0].scores) if picks else []
        with (
            new_file(self.list, LIST, replace=self.replace) as new,
            new.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["rank", "file", "reason", *columns])
            for rank, pick in enumerate(picks, start=1):
                values = ("" if value is None else f"{value:.4g}" for value in pick.scores.values())
                rows.writerow([rank, pick.file, pick.reason, *values])


def _page_of(picks: Sequence[Pick], title: str, intro: str) -> str:
    numbered = list(enumerate(picks, start=1))[:MOST_SHOWN]
    figures = [figure for figure in in_threads(lambda one: _figure(*one), numbered) if figure is not None]
    more = len(picks) - len(numbered)
    rest = [f"{counted(more, 'further image is', 'further images are')} in the list alone."] if more else []
    gallery = [Gallery(figures)] if figures else ["No image was picked."]
    return page(title, [Section("Images", [intro, *gallery, *rest])], footer=f"multibox {__version__}")


def _figure(rank: int, pick: Pick) -> Image | None:
    """The thumbnail of an image, with its detections. None if the image has gone."""
    try:
        image = read_image(pick.file)
    except BadInput:
        return None
    scale = min(1.0, SHOWN_SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = pick.found
    named = [f"{name} {score:.2f}" for name, score in zip(found.names, found.scores, strict=True)]
    captions = named if len(found) <= MOST_CAPTIONS else ()
    drawn = draw_boxes(small, pick.seen.boxes * scale, (), pick.seen.labels, thickness=1)
    drawn = draw_boxes(drawn, found.boxes * scale, captions, found.labels, thickness=2)
    words = f"{rank}. {readable(Path(pick.file).name)}: {pick.reason}. {_counts(pick)}"
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(drawn[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return Image(encoded.tobytes(), alt=words, caption=words)


def _counts(pick: Pick) -> str:
    """What the boxes of a thumbnail are."""
    by_name = ", ".join(f"{number} {name}" for name, number in Counter(pick.found.names).items())
    below = len(pick.seen) - len(pick.found)
    parts = [f"Thick boxes: {by_name}."] if by_name else []
    return " ".join([*parts, *([f"Thin boxes: {below:,} of lower scores."] if below else [])])
