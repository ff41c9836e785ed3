"""What is doubtful in how annotations and images were paired: each kind in one sentence, with an example."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from multibox.annotations.annotation import UNSPLIT, ImageFile, Part
from multibox.annotations.files import Files


def doubts(part: Part, files: Files) -> list[str]:
    """What is doubtful in how a part's annotations and images were paired.

    Args:
        part: What a reader made of one folder or file.
        files: Files of the source.

    Returns:
        A sentence for each kind of doubt.
    """
    return [*_repeated(part, files), *_named_otherwise(part, files), *_as_near(part, files)]


def _repeated(part: Part, files: Files) -> Iterator[str]:
    """Images that several annotations have: in several splits, and within one."""
    splits_of: dict[ImageFile, list[str]] = defaultdict(list)
    for split, items in part.splits.items():
        for item in items if split != "trainval" else ():
            splits_of[item.image].append(split)
    shared = [image for image, splits in splits_of.items() if len(set(splits)) > 1]
    if shared:
        names = dict.fromkeys(split for image in shared for split in splits_of[image])
        listed = ", ".join(name if name != UNSPLIT else "those without split" for name in names)
        yield f"{_images(len(shared))} in several of the splits {listed} ({_name(shared[0], files)}, ...)"
    again = [image for image, splits in splits_of.items() if len(splits) > len(set(splits))]
    if again:
        yield (
            f"{_images(len(again))} annotated more than once in a split ({_name(again[0], files)}, ...); each "
            "time counts as an image of its own, with its own objects alone"
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
        file, image = others[0]
        yield (
            f"{len(others):,} annotation files name another image than the one of their own stem, and the name was "
            f"taken ({files.short(file)} names {image.name}, ...)"
        )


def _as_near(part: Part, files: Files) -> Iterator[str]:
    """Images that were taken while others of the same name are as near."""
    used = {item.image for items in part.splits.values() for item in items}
    equal = [image for image in files.equals if image in used]
    if equal:
        one, other = files.short(equal[0]), files.short(files.equals[equal[0]])
        yield (
            f"{len(equal):,} names belong to several images, of which the first was taken ({one}, not {other}, ...); "
            "images=FOLDER chooses"
        )


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count:,} images are"


def _name(image: ImageFile, files: Files) -> str:
    return files.short(image) if isinstance(image, Path) else str(image)
