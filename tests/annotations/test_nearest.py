"""The quick look-up of images against a ranking of every image."""

import random
from pathlib import PurePosixPath

import pytest

from multibox.annotations import nearest
from multibox.annotations.files import Files
from multibox.annotations.images import Images, pair
from multibox.annotations.splits import folder_split

NAMES = ("train", "val2017", "a", "b", "images", "A", "seq1", "seq2", "ann")


def rank(path, written, near, split):
    """How well an image fits: each criterion as it is described, one after the other."""
    tail = 0
    while tail < min(len(path.parts), len(written.parts)):
        if path.parts[-1 - tail].lower() != written.parts[-1 - tail].lower():
            break
        tail += 1
    return tail, path.name == written.name, *rank_of_folders(path, near, split)


def rank_of_folders(path, near, split):
    folders, others = path.parent.parts, near.parent.parts
    common = 0
    while common < min(len(folders), len(others)) and folders[common] == others[common]:
        common += 1
    shared = len(set(folders[common:]) & set(others[common:]))
    of_split = bool(split) and any(split in (folder, folder_split(folder)) for folder in folders)
    return of_split, shared + common, common - len(folders)


def some_path(chance, root, name):
    return root.joinpath(*chance.choices(NAMES, k=chance.randrange(6)), name)


def some_tree(chance, tmp_path):
    files = Files(tmp_path)
    root = tmp_path.joinpath(*chance.choices(NAMES, k=chance.randrange(3)))
    names = [f"{number}.{suffix}" for number in ("x", "X", 1) for suffix in ("jpg", "JPG", "png")]
    files.images = sorted({some_path(chance, root, chance.choice(names)) for _ in range(chance.randrange(1, 120))})
    return files, names


@pytest.mark.parametrize("seed", range(40))
def test_the_quick_look_up_finds_what_a_ranking_of_all_finds(seed, tmp_path):
    chance = random.Random(seed)
    files, names = some_tree(chance, tmp_path)
    images = Images(files)
    for _ in range(60):
        written = PurePosixPath(*chance.choices(NAMES, k=chance.randrange(3)), chance.choice(names))
        near, split = some_path(chance, tmp_path, "boxes.xml"), chance.choice(("", "train", "val", "a"))
        called = [path for path in files.images if path.name.lower() == written.name.lower()]
        called = called or [path for path in files.images if path.stem.lower() == written.stem.lower()]
        ranked = sorted(called, key=lambda path: rank(path, written, near, split), reverse=True)
        files.equals.clear()
        assert images.of_name(str(written), near, split) == (ranked[0] if ranked else None)
        ties = [
            path for path in ranked[1:2] if rank(path, written, near, split) == rank(ranked[0], written, near, split)
        ]
        assert list(files.equals.items()) == [(ranked[0], path) for path in ties]


@pytest.mark.parametrize("seed", range(40))
def test_the_quick_look_up_finds_the_images_of_a_stem_that_a_ranking_of_all_finds(seed, tmp_path):
    chance = random.Random(seed)
    files, _ = some_tree(chance, tmp_path)
    images = Images(files)
    for _ in range(60):
        stem, split = chance.choice(("x", "X", "1")), chance.choice(("", "train", "val", "a"))
        near = some_path(chance, tmp_path, f"{stem}.xml")
        alike = [path for path in files.images if path.stem.lower() == stem.lower()]
        alike = [path for path in alike if path.stem == stem] or alike
        most = max((rank_of_folders(path, near, split) for path in alike), default=None)
        assert images.of_stem(stem, near, split) == [
            path for path in alike if rank_of_folders(path, near, split) == most
        ]


@pytest.mark.parametrize("seed", range(40))
def test_folders_of_strangers_are_those_that_counting_all_images_finds(seed, tmp_path):
    chance = random.Random(seed)
    files, names = some_tree(chance, tmp_path)
    images = Images(files)
    written = [chance.choice((*names, "2.jpg")) for _ in range(30)]
    groups = [chance.choice("pqr") for _ in written]
    found = [images.of_name(name, some_path(chance, tmp_path, "a.xml"), "") for name in written]
    ahead, behind, alone = set(), [], []
    for path, name, group in zip(found, written, groups, strict=True):
        called = [each for each in files.images if each.name.lower() == name.lower()]
        called = called or [each for each in files.images if each.stem.lower() == name[0].lower()]
        others = [each for each in called if each != path]
        if path and others:
            ahead.add((group, path.parent))
            behind += [(group, each.parent) for each in others]
        elif path:
            alone.append((group, path.parent))
    expected = [
        None
        if path
        and (group, path.parent) not in ahead
        and behind.count((group, path.parent)) > alone.count((group, path.parent))
        else path
        for path, group in zip(found, groups, strict=True)
    ]
    assert images.without_strangers(found, written, groups) == expected


@pytest.mark.parametrize("folder", ["{}/images", "{}_images"])
def test_few_images_are_ranked_where_folders_number_them_alike(folder, tmp_path, monkeypatch):
    folders, count = 300, []
    files = Files(tmp_path)
    files.images = sorted(
        tmp_path / folder.format(f"s{i}") / f"{name}.jpg" for i in range(folders) for name in range(3)
    )
    plain = nearest.nearness
    monkeypatch.setattr(nearest, "nearness", lambda *given: count.append(1) or plain(*given))
    boxes = [tmp_path / f"s{i}" / f"{name}.xml" for i in range(folders) for name in range(3)]
    found = pair(Images(files), boxes, [f"{path.stem}.jpg" for path in boxes], [""] * len(boxes))
    if folder == "{}/images":
        assert found == [path.parent / "images" / f"{path.stem}.jpg" for path in boxes]
    assert len(count) < 20 * len(boxes)
