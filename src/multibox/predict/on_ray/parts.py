"""The parts of a run on a cluster, by which it can be resumed.

A manifest lists the images, and the file of a part is written only when the part is complete.
"""

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
"""Number of images per part. If a run is killed, at most so many images are detected again for each unfinished part."""

MANIFEST: Final = "_manifest.json"
"""Name of the manifest. Readers of Parquet skip names that begin with an underscore."""


@dataclass(frozen=True)
class Manifest:
    """Description of a run on a cluster: its model, settings and images.

    Attributes:
        model: Hash of the model file.
        classes: Names of the detector's classes.
        settings: Options that affect the detections and differ from their defaults, by name.
        files: Paths of the images, sorted.
        part: Number of images per part. The last part may have fewer images.
        format: Version of the format of the manifest and the parts.
    """

    model: str
    classes: tuple[str, ...]
    settings: dict[str, Any]
    files: tuple[str, ...]
    part: int = PART
    format: int = 1

    @property
    def parts(self) -> range:
        """Numbers of all parts of the run, from 0."""
        return range(-(-len(self.files) // self.part))

    def positions(self, part: int) -> range:
        """Positions in ``files`` of the images of a part."""
        return range(part * self.part, min((part + 1) * self.part, len(self.files)))

    def missing(self, folder: Path) -> list[int]:
        """Numbers of the parts whose files are missing in a folder."""
        return [part for part in self.parts if not part_path(folder, part).exists()]

    def refuse_other(self, earlier: "Manifest", folder: Path) -> None:
        """Refuse to resume a run with another model, other settings or other images. The size of the parts may differ.

        Args:
            earlier: Manifest found in the folder.
            folder: Folder of the run, for the message.

        Raises:
            BadInput: The model, a setting or an image differs.
        """
        other = ""
        if earlier.format != self.format:
            other = f"format {earlier.format}, from another version of multibox"
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
            other = f"other images ({now} was added)" if is_new else f"other images ({was} was removed)"
        if other:
            raise BadInput(folder, f"holds a run with {other}; choose another folder, or move this one away")


def part_path(folder: Path, part: int) -> Path:
    """Path of a part's file, which appears when the part is complete."""
    return folder / f"part-{part:06d}.parquet"


@contextmanager
def open_run(folder: Path, wanted: Manifest) -> Iterator[Manifest]:
    """Start or resume a run in a folder. Until the block ends, no other process can open the run.

    Args:
        folder: Folder of the run. It is created if it does not exist.
        wanted: Manifest of the run to start or resume.

    Yields:
        Manifest to use: ``wanted`` for a new run, or the earlier manifest of a resumed run, whose parts may have
        another size.

    Raises:
        BadInput: The folder holds a different run or other files, or another process is using it.
    """
    path = folder / MANIFEST
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise BadInput(folder, "holds files, but no run on a cluster to resume; choose another folder")
    busy = BadInput(folder, "another process is writing to this folder; wait until that process has ended")
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
        raise BadInput(path, "not a manifest that this version of multibox reads; choose another folder") from None
