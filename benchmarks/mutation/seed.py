"""A small valid input, and the commands that read it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmarks.mutation.changes import Content
from multibox.annotations.files import is_image

INPUT = "in"
"""Folder of an input, relative to the working folder of its commands."""

BUILT, SHOP = "toys", ("red", "blue")
"""Name and classes of a dataset that every command finds already built."""

MODEL, PHOTO = "known/tiny.onnx", "known/photo.png"
"""A model and an image that are never damaged, for commands that need one beside the input."""

Command = tuple[str, ...]


@dataclass(frozen=True)
class Seed:
    """A small valid input.

    Attributes:
        kind: What it stands for in the table of results.
        name: Its name among those of its kind.
        make: Function that gives its files by their paths, those of the input below ``in``.
        commands: Commands that read it, without ``multibox``. Each damaged input is given to one of them. A command
            ``POST`` is a request to the server: path, content type and name of the file with the body. A command
            ``READ`` calls a reader of ``multibox import``, without the network that Keras would build. ``PLAN`` plans
            the import of a network of Caffe.
        whole: Names of files that are never changed.
        changes_images: Whether images are changed, too. Otherwise they are only renamed or removed.
        slow: Whether a command may take a second, so that quick tests leave it out.
        layout: Name of the layout of annotations.
    """

    kind: str
    name: str
    make: Callable[[], Content]
    commands: tuple[Command, ...]
    whole: tuple[str, ...] = ()
    changes_images: bool = False
    slow: bool = False
    layout: str = ""

    def may_change(self, path: str) -> bool:
        """Whether the content of a file may be changed."""
        return path not in self.whole and (self.changes_images or not is_image(PurePosixPath(path)))
