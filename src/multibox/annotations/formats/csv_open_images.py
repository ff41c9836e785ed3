"""What Open Images has beside its tables of boxes: names for its codes of classes, and lists of all images."""

import csv
from collections.abc import Collection, Iterator
from io import StringIO
from pathlib import Path

from multibox.annotations.annotation import read_text
from multibox.annotations.files import Files
from multibox.annotations.splits import usual_split


def pairs(path: Path) -> list[tuple[str, str]]:
    """The rows of a table of two columns."""
    rows = csv.reader(StringIO(read_text(path)))
    return [(row[0].strip(), row[1].strip()) for row in rows if len(row) == 2]


def code_lists(files: Files) -> dict[Path, dict[str, str]]:
    """The lists ``code,name`` of a source, such as ``/m/01yrx,Cat``."""
    return {path: dict(pairs(path)) for path in _beside(files) if "class-descriptions" in path.name.lower()}


def listed_images(files: Files, known: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Images without objects: those in the lists of images that no table of boxes has, and that exist.

    Args:
        files: All files of the dataset, images included.
        known: Ids of the images in the tables of boxes.

    Yields:
        Split and path of each image. The split is empty if the name of its list means none.
    """
    by_stem = {path.stem: path for path in files.images}
    for path in _beside(files):
        rows = csv.DictReader(StringIO(read_text(path))) if _is_list(path) else ()
        for row in rows:
            name = (row.get("ImageID") or "").strip()
            if name in by_stem and name not in known:
                yield usual_split(path.stem), by_stem[name]


def _beside(files: Files) -> list[Path]:
    return files.with_suffix(".csv") if files.path.is_dir() else sorted(files.root.glob("*.csv"))


def _is_list(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.readline(4096).decode("utf-8-sig", errors="replace").strip().split(",")
    return {"ImageID", "OriginalURL"} <= set(header) and "XMin" not in header
