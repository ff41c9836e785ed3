"""The parts of a run, so that it can go on where it ended: a manifest names them, and each is whole or absent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from multibox.errors import BadInput
from multibox.writing import locked, new_file

PART: Final = 512
"""Pictures in a part: what a run that is killed may have to look at again for each part that it was at."""

MANIFEST: Final = "_manifest.json"
"""Its name; readers of Parquet pass over names that begin so."""


@dataclass(frozen=True)
class Manifest:
    """What a run is of.

    Attributes:
        model: the hash of the model file.
        classes: names of the detector's classes.
        settings: options that change what is detected, where they are not the defaults.
        part: how many pictures are in a part; the last one may have fewer.
        files: the pictures, sorted.
        format: of the manifest and the parts.
    """

    model: str
    classes: tuple[str, ...]
    settings: dict[str, Any]
    files: tuple[str, ...]
    part: int = PART
    format: int = 1

    @property
    def parts(self) -> range:
        """The numbers of the parts."""
        return range(-(-len(self.files) // self.part))

    def positions(self, part: int) -> range:
        """Where the pictures of a part are among the files."""
        return range(part * self.part, min((part + 1) * self.part, len(self.files)))

    def missing(self, folder: Path) -> list[int]:
        """The parts that are not in a folder."""
        return [part for part in self.parts if not part_path(folder, part).exists()]

    def refuse_other(self, earlier: "Manifest", folder: Path) -> None:
        """Refuse to go on with a run of something else; how large its parts are is its own affair.

        Raises:
            BadInput: names what is different.
        """
        other = ""
        if earlier.format != self.format:
            other = f"format {earlier.format}, written by another version of multibox"
        elif earlier.model != self.model:
            other = "another model"
        elif earlier.settings != self.settings:
            names = earlier.settings.keys() | self.settings.keys()
            changed = sorted(name for name in names if earlier.settings.get(name) != self.settings.get(name))
            other = f"another {', '.join(changed)}"
        elif earlier.files != self.files:
            pairs = zip_longest(earlier.files, self.files)
            was, now = next((was, now) for was, now in pairs if was != now)
            is_new = was is None or (now is not None and now < was)
            other = f"other pictures ({now} is new)" if is_new else f"other pictures ({was} is gone)"
        if other:
            raise BadInput(folder, f"holds a run of {other}; give another --out, or move it away")


def part_path(folder: Path, part: int) -> Path:
    """Where a part is, once it is whole."""
    return folder / f"part-{part:06d}.parquet"


@contextmanager
def open_run(folder: Path, wanted: Manifest) -> Iterator[Manifest]:
    """Begin a run in a folder, or go on with it; no other process can until the block ends.

    Args:
        folder: of the run; it is made if it is missing.
        wanted: what the run is to be of.

    Yields:
        the manifest that is in the folder.

    Raises:
        BadInput: the folder holds a run of something else, or no run but other files, or another process is at it.
    """
    path = folder / MANIFEST
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise BadInput(folder, "holds other files, and no run of --engine ray; give another --out")
    busy = BadInput(folder, "another process writes there; wait until it has ended")
    with locked(folder / ".lock", busy):
        if not path.exists():
            with new_file(path) as new:
                new.write_text(json.dumps(asdict(wanted), indent=1), "utf-8")
        manifest = _read(path)
        wanted.refuse_other(manifest, folder)
        yield manifest


def _read(path: Path) -> Manifest:
    try:
        fields = json.loads(path.read_bytes())
        return Manifest(**fields | {name: tuple(fields[name]) for name in ("classes", "files")})
    except (ValueError, KeyError, TypeError):
        raise BadInput(path, "not a manifest that this version of multibox reads; give another --out") from None
