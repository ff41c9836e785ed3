"""Keeps what was seen in each image in a file, so that a run that was killed goes on where it was."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from multibox.errors import BadInput
from multibox.labelling.seen import Seen
from multibox.writing import locked, naming, new_file

NAME: Final = "seen.jsonl"
"""Name of the file, in the folder of the outputs."""

FORMAT: Final = 1

log = logging.getLogger("multibox")


class Journal:
    """A file with a line for each image, to which lines are only added.

    Args:
        path: Path of the file.
        about: What the lines depend on, such as the model and its settings. Lines of other settings are dropped.

    Attributes:
        known: What is known so far, by path of the image file.

    Raises:
        BadInput: The path holds a file that Multibox did not write.
    """

    def __init__(self, path: Path, about: dict[str, Any]):
        self.path = path
        head = {"multibox": "seen images", "format": FORMAT, **about}
        earlier = list(_lines(path))
        written = _head(path, earlier)
        self.known: dict[str, Seen] = {}
        if written == head:
            self.known = {seen.file: seen for seen in _whole(earlier[1:])}
        elif written is not None:
            changed = [name for name in head if head[name] != written.get(name)]
            log.info("%s: another %s than before, so all images are searched again", path, ", ".join(changed))
        with new_file(path) as new, new.open("w", encoding="utf-8") as file:  # drops lines that a kill has cut off
            file.write(json.dumps(head) + "\n")
            file.writelines(seen.to_line() for seen in self.known.values())

    def add(self, seen: Seen) -> None:
        """Append what was seen in an image. The line is with the system when this returns, so a kill keeps it."""
        with naming(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(seen.to_line())
        self.known[seen.file] = seen


@contextmanager
def open_journal(folder: Path, about: dict[str, Any]) -> Iterator[Journal]:
    """Open the journal of a folder, new or to go on. Until the block ends, no other process can.

    Args:
        folder: Folder of the outputs. Missing folders are made.
        about: What the lines depend on, as :class:`Journal` takes it.

    Raises:
        BadInput: The folder cannot be made, another process is using it, or its journal is not one of Multibox.
    """
    with naming(folder, always=True):
        folder.mkdir(parents=True, exist_ok=True)
    busy = BadInput(folder, "another process is searching images for this folder; wait until it has ended")
    with locked(folder / ".lock", busy):
        yield Journal(folder / NAME, about)


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file


def _head(path: Path, lines: list[str]) -> dict[str, Any] | None:
    """The first line of a journal, or None if there is no journal yet.

    Raises:
        BadInput: The file is something else.
    """
    if not lines:
        return None
    try:
        head = json.loads(lines[0])
        if head["multibox"] == "seen images":
            return head
    except (ValueError, KeyError, TypeError):
        pass
    raise BadInput(path, "is not a file that Multibox wrote; move it, or give another folder")


def _whole(lines: list[str]) -> Iterator[Seen]:
    for line in lines:
        try:
            yield Seen.from_line(line)
        except ValueError:  # cut off by a kill
            return
