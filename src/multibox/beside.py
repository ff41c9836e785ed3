"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """A place to write a file or a folder to, and what belongs to it next to it.

    When the block ends well, all of it goes to where ``out`` is, ``out`` itself last, and takes the place of what was
    there. When it fails, nothing of it stays.

    Args:
        out: the file or the folder.

    Yields:
        a path of the same name, in an empty folder on the same disk.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        new, old = Path(folder) / "new", Path(folder) / "old"
        new.mkdir()
        old.mkdir()
        yield new / out.name
        for path in sorted(new.iterdir(), key=lambda path: path.name == out.name):
            target = out.parent / path.name
            if target.is_dir():
                target.rename(old / path.name)
            os.replace(path, target)
