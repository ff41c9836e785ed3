"""Read a path with one format, as recognising it would."""

from pathlib import Path
from types import ModuleType
from typing import Any

from multibox.annotations.annotation import Options, Part
from multibox.annotations.files import Files


def read(form: ModuleType, path: Path, **options: Any) -> Part:
    """What a format's reader makes of a file or folder in which it finds something."""
    files = Files(path)
    found = form.find(files)
    assert found, f"{form.NAME} finds nothing in {path}"
    return form.read(files, found, Options(**options))
