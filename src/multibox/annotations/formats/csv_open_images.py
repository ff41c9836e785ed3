"""Files that Open Images has beside its tables of boxes: names of class codes, and lists of all images."""

from collections.abc import Collection, Iterator
from pathlib import Path

from multibox.annotations.csv_files import first_line, read_dicts, read_lines
from multibox.annotations.files import Files
from multibox.annotations.splits import usual_split
from multibox.errors import BadInput


def pairs(path: Path) -> list[tuple[str, str]]:
    """Read the rows of a table of two columns."""
    return [(cells[0], cells[1]) for _, cells in read_lines(path) if len(cells) == 2]


def code_lists(files: Files) -> dict[Path, dict[str, str]]:
    """Read the lists ``code,name`` of a dataset, with rows such as ``/m/01yrx,Cat``.

    Raises:
        BadInput: A list gives one code two names.
    """
    return {path: _by_code(path) for path in _beside(files) if "class-descriptions" in path.name.lower()}


def _by_code(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for code, name in pairs(path):
        if names.setdefault(code, name) != name:
            raise BadInput(path, f"the code {code} has the names {names[code]!r} and {name!r}; keep the right one")
    return names


def listed_images(files: Files, known: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Find images without objects: existing images that are in a list of images but in no table of boxes.

    Args:
        files: All files of the dataset, images included.
        known: Stems of the images in the tables of boxes.

    Yields:
        Split and path of each image. The split is empty if the list's name is not that of a split.
    """
    by_stem = {path.stem: path for path in files.images}
    for path in _beside(files):
        for row in read_dicts(path) if _is_list(path) else ():
            name = row.get("ImageID", "")
            if name in by_stem and name not in known:
                yield usual_split(path.stem), by_stem[name]


def _beside(files: Files) -> list[Path]:
    return files.with_suffix(".csv") if files.path.is_dir() else sorted(files.root.glob("*.csv"))


def _is_list(path: Path) -> bool:
    header = first_line(path)
    return {"ImageID", "OriginalURL"} <= set(header) and "XMin" not in header
