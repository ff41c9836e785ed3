"""Divide a dataset into splits. Each class is divided by the shares, and look-alike images stay in one split."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from multibox.data.build import in_order
from multibox.data.check import BadImageError
from multibox.data.look_alikes import Looks, group_alike, look_of, stack_looks
from multibox.data.record import Record
from multibox.data.rewrite import write_splits
from multibox.data.store import Store
from multibox.data.store_writer import check_new_name
from multibox.errors import BadInput
from multibox.progress import Progress


def parse_shares(text: str) -> dict[str, float]:
    """Parse the shares of splits.

    Args:
        text: Share of the images for each split, such as ``train=0.8,val=0.1,test=0.1``.

    Returns:
        Dict from each split's name to its share, above 0.

    Raises:
        BadInput: If the text has another form, a share is 0, or the shares do not add up to 1.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not re.fullmatch(r"\d*\.?\d+", share) or name in shares:
            raise BadInput("shares", f"{text}: give each split once with its share, such as train=0.8,val=0.1,test=0.1")
        shares[name] = float(share)
    if min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise BadInput(
            "shares",
            f"{text}: the shares add up to {sum(shares.values()):g}; each share must be above 0, and all together 1",
        )
    return shares


def split_dataset(
    stores: Sequence[Store],
    name: str,
    shares: Mapping[str, float],
    *,
    seed: int = 0,
    replace: bool = False,
    progress: Progress | None = None,
) -> list[Store]:
    """Divide all images of a dataset into new splits, and write them as a new dataset.

    Records keep their ids. If two stores have records of the same id, every id is prefixed with the name of its old
    split.

    Args:
        stores: Stores of one dataset, one for each of its old splits.
        name: Name of the new dataset.
        shares: Share of the images for each new split. The shares add up to 1.
        seed: Random seed. The same seed, images and shares give the same division.
        replace: Whether to replace an existing dataset that has the name ``name``.
        progress: Function called with the number of finished images and of all images.

    Returns:
        The new stores, one for each split.

    Raises:
        BadInput: If the name is taken and ``replace`` is not set, an image is damaged, or a split would get no image.
    """
    check_new_name(name, replace=replace)
    places = [(store, i) for store in stores for i in range(len(store))]
    looks, present = look_at_records(places, len(stores[0].meta.classes), progress or (lambda done, total: None))
    chosen = deal(present, group_alike(looks), tuple(shares.values()), np.random.default_rng(seed))
    counts = np.bincount(chosen, minlength=len(shares))
    for split, count in zip(shares, counts, strict=True):
        if not count:
            raise BadInput(
                "shares", f"the split {split} would get none of the {len(places):,} images; give it a larger share"
            )
    ids = Counter(record_id for store in stores for record_id in store.ids)
    clash = max(ids.values(), default=0) > 1

    def records(number: int) -> Iterator[Record]:
        for k in np.flatnonzero(chosen == number):
            store, i = places[k]
            record = store[i]
            yield dataclasses.replace(record, id=f"{store.meta.split}/{record.id}") if clash else record

    meta = stores[0].meta
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    return write_splits(
        name,
        {split: records(number) for number, split in enumerate(shares)},
        meta.classes,
        source=f"split of {names}",
        category_ids=meta.category_ids,
        about={"shares": dict(shares), "seed": seed},
        replace=replace,
    )


def look_at_records(places: Sequence[tuple[Store, int]], classes: int, told: Progress) -> tuple[Looks, np.ndarray]:
    """Look at images before they are divided.

    Args:
        places: Store of each of the N images, and position in that store.
        classes: Number of classes C.
        told: Function called with the number of finished images and of all images.

    Returns:
        Hash and thumbnail of each image, and ``(N, C)`` bool that says which classes each image shows.

    Raises:
        BadInput: If an image is damaged.
    """

    def look(place: tuple[Store, int]) -> tuple[tuple[int, np.ndarray], np.ndarray]:
        store, i = place
        record = store[i]
        try:
            return look_of(record.image), record.objects.labels
        except BadImageError as error:
            where = f"{store.meta.name}/{store.meta.split}: record {record.id}"
            raise BadInput(where, f"{error}; build the dataset again") from None

    looks = []
    present = np.zeros((len(places), classes), np.bool_)
    with ThreadPoolExecutor() as pool:
        for k, (seen, labels) in enumerate(in_order(pool, look, places)):
            looks.append(seen)
            present[k, labels] = True
            told(k + 1, len(places))
    return stack_looks(looks), present


def deal(present: np.ndarray, groups: np.ndarray, shares: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Assign images to splits so that the images of each class, too, are divided by the shares.

    The class with the fewest remaining images comes first. Each of its images goes to the split that lacks most of that
    class (iterative stratification, Sechidis et al. 2011, "On the Stratification of Multi-Label Data").

    Args:
        present: ``(N, C)`` bool, True for the classes that an image shows.
        groups: ``(N,)`` integers, equal for images that must stay in one split.
        shares: Share of each of the S splits. The shares add up to 1.
        rng: Random generator.

    Returns:
        ``(N,)`` number of each image's split, from 0 to S - 1.
    """
    heads, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members, minlength=len(heads))
    has = np.zeros((len(heads), present.shape[1]), np.int64)  # (G, C) images of a group that show a class
    np.add.at(has, members, present)
    lacks = np.outer(shares, has.sum(axis=0)).astype(np.float64)  # (S, C)
    room = np.array(shares) * len(groups)  # (S,)
    chosen = np.full(len(heads), -1)
    left = np.ones(len(heads), np.bool_)

    def give(group: int, wanted: np.ndarray) -> None:
        best = np.lexsort((-room, -np.round(wanted, 9)))[0]
        chosen[group] = best
        lacks[best] -= has[group]
        room[best] -= sizes[group]
        left[group] = False

    while True:
        images_left = has[left].sum(axis=0)
        classes = np.flatnonzero(images_left)
        if not len(classes):
            break
        rarest = classes[images_left[classes].argmin()]
        for group in rng.permutation(np.flatnonzero(left & (has[:, rarest] > 0))):
            give(group, lacks[:, rarest])
    for group in rng.permutation(np.flatnonzero(left)):
        give(group, room)
    return chosen[members]
