"""The type of problems with images, annotations and objects of a dataset."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem of an image, an annotation or an object, which keeps it out of a dataset.

    Attributes:
        kind: Kind of the problem: ``missing``, ``annotation``, ``image``, ``size`` or ``box``.
        file: Path of the file that has the problem.
        object: The object that has the problem, such as ``object 3 of 4 (dog)``. Empty for the whole file.
        detail: Description of what is wrong.
        action: What the build does about the problem, such as ``image left out``.
    """

    kind: str
    file: str
    object: str
    detail: str
    action: str = "image left out"

    @property
    def what(self) -> str:
        """Description of the problem, after the name of the object if it concerns one."""
        return ": ".join(part for part in (self.object, self.detail) if part)

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def object_name(number: int, total: int, class_name: str) -> str:
    """The name of an object in messages: its position in its image, and its class."""
    return f"object {number + 1} of {total} ({class_name})"
