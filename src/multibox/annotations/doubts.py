"""Reports doubtful pairs of annotations and images: one sentence for each kind of doubt, with an example."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from multibox.annotations.annotation import ImageFile, Part
from multibox.annotations.counting import counted, some
from multibox.annotations.files import Files
from multibox.annotations.splits import folder_split, renamed


def doubts(part: Part, files: Files) -> list[str]:
    """Report doubts about how annotations and images were paired.

    Args:
        part: Annotated images that were read from one folder or file.
        files: Files of the dataset.

    Returns:
        A sentence for each kind of doubt.
    """
    return [
        *_repeated(part, files),
        *_named_otherwise(part, files),
        *_as_near(part, files),
        *_unusual_folders(part, files),
    ]


def _repeated(part: Part, files: Files) -> Iterator[str]:
    """Images that several annotations of one split have."""
    times = [Counter(item.image for item in items) for items in part.splits.values()]
    again = list(dict.fromkeys(image for each in times for image, count in each.items() if count > 1))
    names = [_name(image, files) for image in again]
    if again:
        yield (
            f"{counted(len(again), 'image is', 'images are')} annotated more than once in a split "
            f"({some(names, 1)}); each annotation counts as a separate image with its own objects only"
        )


def _named_otherwise(part: Part, files: Files) -> Iterator[str]:
    """Annotation files that name another image than the one that is called as they are."""
    stems = {path.stem for path in files.images} if len(part.files) > 1 else set()
    written = {str(path): path for path in part.files}
    pairs = [
        (file, item.image)
        for items in part.splits.values()
        for item in items
        if isinstance(item.image, Path) and (file := written.get(getattr(item.annotation, "file", ""))) is not None
    ]
    others = [(file, image) for file, image in pairs if file.stem.lower() != image.stem.lower() and file.stem in stems]
    if others:
        examples = [f"{files.short(file)} names {image.name}" for file, image in others]
        yield (
            f"{counted(len(others), 'annotation file names', 'annotation files name')} an image other than the one "
            f"with their own stem, and the named one was used ({some(examples)})"
        )


def _as_near(part: Part, files: Files) -> Iterator[str]:
    """Images that were taken while others of the same name are as near."""
    used = {item.image for items in part.splits.values() for item in items}
    equal = [image for image in files.equals if image in used]
    if equal:
        examples = [f"{files.short(image)} and not {files.short(files.equals[image])}" for image in equal]
        yield (
            f"{counted(len(equal), 'name belongs', 'names belong')} to several images, of which the first was used "
            f"({some(examples)}); to use others, set images=FOLDER"
        )


def _unusual_folders(part: Part, files: Files) -> tuple[str, ...]:
    """Folders whose names were taken for a split that they do not spell out, such as ``dev`` for ``val``."""
    if part.splits_from != "the names of the folders":
        return ()
    below = (path.relative_to(files.root) for path in part.files if path.is_relative_to(files.root))
    return renamed(sorted({name for path in below for name in path.parts[:-1] if folder_split(name)}))


def _name(image: ImageFile, files: Files) -> str:
    return files.short(image) if isinstance(image, Path) else str(image)
