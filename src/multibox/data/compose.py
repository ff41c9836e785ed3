"""Makes a dataset without any labels: objects that were cut out are pasted on photos, so their boxes are known."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from multibox.annotations.counting import counted
from multibox.data.backgrounds import draw_view, find_backgrounds, read_background
from multibox.data.check import BadImageError
from multibox.data.composition import Recipe, Stock, compose_image
from multibox.data.cutouts import Alpha, CutoutFiles, CutoutImage, find_cutouts, read_cutout
from multibox.data.scene_files import write_scene
from multibox.errors import BadInput
from multibox.machine import cores
from multibox.writing import Kind, check_folder, new_folder

T = TypeVar("T")
OnBad = Literal["fail", "skip"]
Progress = Callable[[int, int], None]

Generator = np.random.Generator

COMPOSED = Kind("composed dataset")

SHARED = 4
"""Number of files of a class, or of backgrounds, below which they are not divided: then all splits have them all."""

IN_MEMORY = 2**29
"""Largest size of the cut-outs that are kept in memory, bytes."""


@dataclass(frozen=True)
class Split:
    """What one split was made of.

    Attributes:
        images: Number of images.
        objects: Number of objects of each class, by the name of the class.
        cutouts: Number of cut-outs that the split could choose from.
        backgrounds: Number of photos that the split could choose from.
    """

    images: int
    objects: dict[str, int]
    cutouts: int
    backgrounds: int


@dataclass(frozen=True)
class Composed:
    """A dataset that was composed.

    Attributes:
        path: Path of the folder.
        found: The cut-outs and their classes.
        splits: What each split was made of, by its name.
        shared: What all splits have in common because there is too little of it: names of classes, ``distractors``
            and ``backgrounds``.
        left_out: Files that cannot be used, each with the reason, in one line each.
        premultiplied: Cut-outs whose colours were divided by their alpha because they seemed to be multiplied by it.
        without_place: Number of objects that were left out because no place was free, or they are too narrow.
    """

    path: Path
    found: CutoutFiles
    splits: dict[str, Split]
    shared: tuple[str, ...]
    left_out: tuple[str, ...]
    premultiplied: tuple[Path, ...]
    without_place: int


@dataclass(frozen=True)
class _Part:
    """The images of a split, and what they are made of."""

    numbers: range
    stock: Stock
    backgrounds: Sequence[Path]


@dataclass(frozen=True)
class _Made:
    """An image that was written.

    Attributes:
        names: Class of each object.
        without_place: Number of objects that were left out.
        problems: Photos that could not be read, one line each.
    """

    names: tuple[str, ...]
    without_place: int
    problems: tuple[str, ...]


def compose(
    cutouts: str | os.PathLike[str],
    backgrounds: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    recipe: Recipe | None = None,
    *,
    images: int = 500,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.0,
    alpha: Alpha = "auto",
    on_bad: OnBad = "fail",
    replace: bool = False,
    progress: Progress | None = None,
) -> Composed:
    """Compose a dataset in VOC layout from cut-outs and backgrounds.

    Args:
        cutouts: Folder with a folder of PNG or WebP files for each class, or files that begin with its name.
        backgrounds: Folder of photos that show none of the objects.
        folder: Folder to write. An earlier composed dataset is replaced, unless its files were changed since.
        recipe: How images are composed. None takes the defaults.
        images: Number of images in all splits together.
        seed: Random seed. The same seed and files give the same images.
        val: Share of the images in the split val, from 0 to 0.5.
        test: Share of the images in the split test, from 0 to 0.5.
        alpha: Whether colours in the cut-outs are multiplied by their alpha. ``auto`` recognises it for each file.
        on_bad: What to do with a file that cannot be used: stop, or leave it out.
        replace: Whether to replace an earlier composed dataset whose files were changed.
        progress: Function called with the number of finished images and of all images.

    Returns:
        What was made, and what was left out.

    Raises:
        BadInput: A folder or a file cannot be used, ``folder`` may not be replaced, or a value is out of range.
        RunFailed: The disk is full.
    """
    _require_in_range(images, seed, val=val, test=test)
    recipe, cutouts, backgrounds = recipe or Recipe(), Path(cutouts), Path(backgrounds)
    counts = _counts(images, {"val": val, "test": test})
    photos = _photos(backgrounds, cutouts, folder)
    check_folder(folder, COMPOSED, replace=replace)
    read = _reader(max(8, round(recipe.scale[1] * recipe.size)), alpha)
    found, left_out, premultiplied = _usable(find_cutouts(cutouts), read, on_bad)
    parts, shared = _parts(found, photos, counts, read, seed)
    with new_folder(folder, COMPOSED, replace=replace) as new:
        made = _write(new, parts, partial(_write_image, new, recipe, seed, on_bad), progress)
        without_place = sum(image.without_place for images in made.values() for image in images)
        if without_place and not any(image.names for images in made.values() for image in images):
            raise BadInput("scale", "no object fits into an image; give other sizes, or other backgrounds")
    return Composed(
        Path(folder),
        found,
        {name: _split(parts[name], images) for name, images in made.items()},
        shared,
        (*left_out, *sorted({problem for images in made.values() for image in images for problem in image.problems})),
        premultiplied if alpha == "auto" else (),
        without_place,
    )


def _require_in_range(images: int, seed: int, **held_out: float) -> None:
    if images < 1:
        raise BadInput("images", f"{images} is not a number of images; give 1 or more")
    if seed < 0:
        raise BadInput("seed", f"{seed} is negative; give 0 or more")
    for name, share in held_out.items():
        if not 0 <= share <= 0.5:
            raise BadInput(name, f"{share:g} is not between 0 and 0.5")


def _reader(largest: int, alpha: Alpha) -> Callable[[Path], CutoutImage]:
    """A function that reads a cut-out, and keeps those that were read last within :data:`IN_MEMORY`."""
    return lru_cache(IN_MEMORY // (4 * largest**2))(partial(read_cutout, largest=largest, alpha=alpha))


def _counts(images: int, held_out: Mapping[str, float]) -> dict[str, int]:
    """Number of images in each split that has any."""
    counts = {name: round(images * share) for name, share in held_out.items()}
    counts = {"train": images - sum(counts.values()), **counts}
    if counts["train"] < 1:
        raise BadInput("val", "val and test leave no image for train; give smaller shares")
    return {name: count for name, count in counts.items() if count}


def _photos(backgrounds: Path, cutouts: Path, folder: str | os.PathLike[str]) -> list[Path]:
    for place, use in ((backgrounds, "backgrounds"), (cutouts, "cut-outs")):
        if Path(folder).resolve().is_relative_to(place.resolve()):
            raise BadInput(folder, f"lies in {place}, where it would be taken for {use}; give a folder elsewhere")
    if backgrounds.resolve().is_relative_to(cutouts.resolve()):
        raise BadInput(
            "backgrounds", f"{backgrounds} lies in {cutouts}, where photos would be taken for cut-outs; move it out"
        )
    return find_backgrounds(backgrounds, cutouts)


def _usable(
    found: CutoutFiles, read: Callable[[Path], CutoutImage], on_bad: OnBad
) -> tuple[CutoutFiles, list[str], tuple[Path, ...]]:
    """Read every cut-out once.

    Returns:
        The cut-outs that can be used, one line for each other, and those whose colours were divided by their alpha.
    """
    paths = [path for files in (*found.classes.values(), found.distractors) for path in files]
    with ThreadPoolExecutor(cores()) as pool:
        faults = dict(zip(paths, pool.map(partial(_fault, read), paths), strict=True))
    left_out = [f"{path}: {fault}" for path, fault in faults.items() if isinstance(fault, str)]
    for path, fault in faults.items():
        if isinstance(fault, str) and on_bad == "fail":
            others = f" ({counted(len(left_out) - 1, 'other cannot', 'others cannot')} be used either)"
            raise BadInput(path, fault + others * (len(left_out) > 1))
    classes = {name: _without(files, faults) for name, files in found.classes.items()}
    for name, files in classes.items():
        if not files:
            first = found.classes[name][0]
            raise BadInput(f"class {name}", f"no cut-out can be used; {first}: {faults[first]}")
    premultiplied = tuple(path for path, fault in faults.items() if fault is True)
    return CutoutFiles(classes, _without(found.distractors, faults), found.by_folders), left_out, premultiplied


def _fault(read: Callable[[Path], CutoutImage], path: Path) -> str | bool:
    """Why a cut-out cannot be used, or whether its colours were divided by its alpha."""
    try:
        return read(path).premultiplied
    except BadImageError as error:
        return str(error)
    except OSError as error:
        return _unreadable(error)


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}; make it readable, or remove it"


def _without(files: Sequence[Path], faults: Mapping[Path, str | bool]) -> tuple[Path, ...]:
    return tuple(path for path in files if not isinstance(faults[path], str))


def _parts(
    found: CutoutFiles,
    photos: Sequence[Path],
    counts: Mapping[str, int],
    read: Callable[[Path], CutoutImage],
    seed: int,
) -> tuple[dict[str, _Part], tuple[str, ...]]:
    """Divide cut-outs and backgrounds among the splits.

    Returns:
        What each split is made of, and what the splits share because there are too few files.
    """
    rng = np.random.default_rng(seed)
    classes = {name: _divide(files, counts, rng) for name, files in found.classes.items()}
    distractors, backgrounds = _divide(found.distractors, counts, rng), _divide(photos, counts, rng)
    parts, first = {}, 0
    for split, count in counts.items():
        stock = Stock({name: files[split] for name, files in classes.items()}, distractors[split], read)
        parts[split] = _Part(range(first, first + count), stock, backgrounds[split])
        first += count
    stocks = [*found.classes.items(), ("distractors", found.distractors), ("backgrounds", photos)]
    shared = [name for name, files in stocks if 0 < len(files) < SHARED]
    return parts, tuple(shared) if len(counts) > 1 else ()


def _divide(files: Sequence[T], counts: Mapping[str, int], rng: Generator) -> dict[str, list[T]]:
    """Divide files in the proportions of the splits, in a random order, or give all to each if there are too few."""
    order = [files[i] for i in rng.permutation(len(files))]
    if len(files) < SHARED:
        return dict.fromkeys(counts, order)
    total, most = sum(counts.values()), (len(files) - 1) // max(1, len(counts) - 1)
    shares = {name: count / total for name, count in counts.items() if name != "train"}
    held_out = {name: min(max(1, round(len(files) * share)), most) for name, share in shares.items()}
    divided, first = {}, 0
    for name, count in held_out.items():
        divided[name] = order[first : first + count]
        first += count
    return divided | {"train": order[first:]}


def _write(
    folder: Path, parts: Mapping[str, _Part], write: Callable[[_Part, int], _Made], progress: Progress | None
) -> dict[str, list[_Made]]:
    """Write the images of all splits, and the lists of the splits."""
    lists = folder / "ImageSets" / "Main"
    for made in (lists, folder / "JPEGImages", folder / "Annotations"):
        made.mkdir(parents=True)
    jobs = [(part, number) for part in parts.values() for number in part.numbers]
    done: list[_Made] = []
    with ThreadPoolExecutor(cores()) as pool:
        for image in pool.map(lambda job: write(*job), jobs):
            done.append(image)
            if progress:
                progress(len(done), len(jobs))
    for name, part in parts.items():
        (lists / f"{name}.txt").write_text("".join(f"{number:06}\n" for number in part.numbers), "utf-8")
    return {name: [done[number] for number in part.numbers] for name, part in parts.items()}


def _write_image(folder: Path, recipe: Recipe, seed: int, on_bad: OnBad, part: _Part, number: int) -> _Made:
    rng = np.random.default_rng([seed, number])
    photo, problems = _photo(part, number, recipe.size, on_bad)
    view = draw_view(photo, recipe.size, rng, mirror=recipe.mirror)
    image, things, without_place = compose_image(view, part.stock, recipe, rng)
    write_scene(folder, number, image, things, rng)
    return _Made(tuple(thing.name for thing in things), without_place, problems)


def _photo(part: _Part, number: int, size: int, on_bad: OnBad) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the photo of an image, or the next one that can be read, and say which cannot."""
    problems: list[str] = []
    first, known = number - part.numbers.start, len(part.backgrounds)
    for path in (part.backgrounds[(first + step) % known] for step in range(known)):
        try:
            return read_background(path, size), tuple(problems)
        except (BadImageError, OSError) as error:
            reason = _unreadable(error) if isinstance(error, OSError) else str(error)
            if on_bad == "fail":
                raise BadInput(path, reason) from None
            problems.append(f"{path}: {reason}")
    raise BadInput("backgrounds", f"a split has {counted(known, 'photo')}, and none can be read; {problems[0]}")


def _split(part: _Part, images: Sequence[_Made]) -> Split:
    objects = Counter(name for image in images for name in image.names)
    cutouts = sum(len(files) for files in part.stock.classes.values())
    return Split(len(images), {name: objects[name] for name in part.stock.classes}, cutouts, len(part.backgrounds))
