"""What we export, read by others: the same images, classes and boxes in the same splits."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from multibox.data.export import export_dataset
from multibox.data.record import Record, make_objects
from multibox.data.rewrite import write_splits

pytestmark = pytest.mark.outside

CLASSES = ("zebra", "Ölfaß", "雪豹", "ant hill", "1", "without objects")
"""In no alphabet's order, with a space, a digit, and letters beyond ASCII."""


@dataclass(frozen=True)
class Object:
    """An object: the edges of its box, and those in whole pixels that VOC has, by hand."""

    label: int
    box: tuple[float, float, float, float]
    in_voc: tuple[int, int, int, int] = (0, 0, 0, 0)
    difficult: bool = False
    crowd: bool = False


@dataclass(frozen=True)
class Image:
    size: tuple[int, int]
    objects: tuple[Object, ...] = ()
    suffix: str = ".jpg"


DATA = {
    ("train", "a"): Image(
        (64, 48),
        (
            Object(0, (0, 0, 64, 48), (0, 0, 64, 48)),
            Object(1, (1.25, 2.75, 30.4, 20.6), (1, 3, 30, 21), difficult=True),
            Object(1, (63.2, 47.1, 64, 48), (62, 46, 64, 48)),
        ),
    ),
    ("train", "no_objects"): Image((50, 50)),
    ("train", "crowded-1.2"): Image(
        (199, 101),
        (
            Object(3, (10, 10, 150.5, 90.5), crowd=True),
            Object(2, (33.33334, 0, 66.66667, 101), (33, 0, 67, 101)),
            Object(4, (0, 5.125, 0.3, 6), (0, 5, 2, 7), difficult=True),
        ),
    ),
    ("val", "000012"): Image((40, 120), (Object(4, (7.5, 100.0625, 39.999, 119.25), (8, 100, 40, 119)),)),
    ("test", "wide"): Image((4001, 30), (Object(2, (3999.9, 1.1, 4001, 29.9), (3999, 1, 4001, 30)),)),
    ("test", "thin"): Image((4001, 30), (Object(0, (0.05, 0, 0.25, 30), (0, 0, 2, 30)),)),
    ("night", "b"): Image((33, 77), (Object(3, (1, 2, 3, 4), (1, 2, 3, 4)),), ".png"),
}
"""Images by split and id: with objects at borders and in fractions of pixels, difficult ones, crowds, and none."""

AS_EDGES = (0, 0, 0, 0)
AS_PIXELS = (0, 0, 1, 1)
AS_WRITTEN = (-1, -1, 0, 0)
"""What is added to a peer's box of VOC to have edges from 0: where it has edges, where it has the first and the last
pixel from 0, and where it leaves them from 1 as they are written."""

ROUNDED = 0.00501
"""Datumaro rounds all edges to hundredths of a pixel."""


@dataclass(frozen=True)
class Peer:
    """Another project that reads a format.

    Args:
        environment: Name of its environment.
        kind: Format.
        name: Name of the project. Its script is ``read_NAME.py``.
        splits: Splits that it can read. Empty where it reads all images together.
        flags: What it reads of objects beside class and box.
        to_edges: Added to its boxes, where it has a convention of its own.
        within: How far its boxes may be off, in pixels.
        turns: Whether it takes the size of an image as EXIF turns it.
    """

    environment: str
    kind: str
    name: str
    splits: tuple[str, ...] = ("train", "val", "test", "night")
    flags: tuple[str, ...] = ()
    to_edges: tuple[int, int, int, int] = AS_EDGES
    within: float = 1e-3
    turns: bool = True


PEERS = [
    Peer("supervision-0.31.2", "voc", "supervision", (), within=0),
    Peer("supervision-0.31.2", "coco", "supervision", flags=("crowd",)),
    Peer("supervision-0.31.2", "yolo", "supervision"),
    Peer("supervision-0.26.1", "voc", "supervision", (), to_edges=AS_PIXELS, within=0),
    Peer("supervision-0.26.1", "coco", "supervision"),
    Peer("supervision-0.26.1", "yolo", "supervision", turns=False),
    Peer("datumaro", "voc", "datumaro", flags=("difficult",), within=0),
    Peer("datumaro", "coco", "datumaro", flags=("crowd",), within=ROUNDED),
    Peer("datumaro", "yolo", "datumaro", within=ROUNDED),
    Peer("ultralytics", "yolo", "ultralytics"),
    Peer("ultralytics", "voc", "torchvision", ("train", "val", "test"), ("difficult",), AS_WRITTEN, within=0),
    Peer("pycocotools", "coco", "pycocotools", flags=("crowd",)),
    Peer("globox", "voc", "globox", (), to_edges=AS_WRITTEN, within=0),
    Peer("globox", "coco", "globox"),
    Peer("globox", "yolo", "globox", turns=False),
]


def record(name: str, image: Image) -> Record:
    width, height = image.size
    pixels = np.random.default_rng(width).integers(0, 255, (height, width, 3)).astype(np.uint8)
    objects = make_objects(
        [one.box for one in image.objects],
        [one.label for one in image.objects],
        difficult=[one.difficult for one in image.objects],
        crowd=[one.crowd for one in image.objects],
    )
    return Record(name, cv2.imencode(image.suffix, pixels)[1].tobytes(), width, height, objects)


@pytest.fixture
def stores(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    splits: dict[str, list[Record]] = {}
    for (split, name), image in DATA.items():
        splits.setdefault(split, []).append(record(name, image))
    return write_splits("varied", splits, CLASSES, source="a test")


def wanted_rows(peer: Peer) -> Iterator[tuple]:
    """An object a row: split, image, class, flags, box. Crowds are in COCO alone."""
    for (split, name), image in DATA.items():
        for one in image.objects:
            if (split in peer.splits or not peer.splits) and (peer.kind == "coco" or not one.crowd):
                flags = [getattr(one, flag) for flag in peer.flags]
                box = one.in_voc if peer.kind == "voc" else one.box
                yield (split if peer.splits else "", name, CLASSES[one.label], flags, list(box))


def found_rows(peer: Peer, told: dict) -> Iterator[tuple]:
    for split, images in told["splits"].items():
        for name, objects in images.items():
            for one in objects:
                flags = [one[flag] for flag in peer.flags]
                yield (split, name, one["class"], flags, np.add(one["box"], peer.to_edges).tolist())


def note_result(note, peer: Peer, told: dict, images: int, objects: int, difference: float) -> None:
    compared = [f"{images} images", f"{objects} boxes", "classes", *peer.flags]
    compared += ["order of classes"] * (told["classes"] is not None)
    compared += ["splits " + ", ".join(peer.splits) if peer.splits else "no splits"]
    result = f"boxes differ by at most {difference:.2g} pixels" if difference else "boxes equal"
    note(peer.name, told["version"], peer.kind.upper(), "; ".join(compared), result)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer.name}-{peer.environment}-{peer.kind}")
def test_another_project_reads_what_we_export(stores, tmp_path, outside, note, peer):
    folder = tmp_path / "VOCdevkit/VOC2007"  # where torchvision looks
    export_dataset(stores, peer.kind, folder)
    told = outside(peer.environment, f"read_{peer.name}.py", peer.kind, folder, *peer.splits)
    images = {(split, name) for split, names in told["splits"].items() for name in names}
    assert images == {(s if peer.splits else "", name) for s, name in DATA if s in peer.splits or not peer.splits}
    found, wanted = sorted(found_rows(peer, told)), sorted(wanted_rows(peer))
    assert [row[:4] for row in found] == [row[:4] for row in wanted]
    difference = np.abs(np.subtract([row[4] for row in found], [row[4] for row in wanted])).max()
    assert difference <= peer.within
    assert told["classes"] in (None, list(CLASSES))
    note_result(note, peer, told, len(images), len(found), difference)


@pytest.mark.parametrize("split", ["train", "test"])
def test_ultralytics_reads_a_dataset_of_one_split(stores, tmp_path, outside, split):
    only = [store for store in stores if store.meta.split == split]
    export_dataset(only, "yolo", tmp_path / "out")
    told = outside("ultralytics", "read_ultralytics.py", "yolo", tmp_path / "out", split)
    assert sorted(told["splits"][split]) == sorted(name for s, name in DATA if s == split)


def turned_jpeg(width: int, height: int) -> bytes:
    """A JPEG of ``width`` by ``height`` whose EXIF says that it has to be turned by 90 degrees."""
    data = cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    entry = struct.pack(">HHHIHHI", 1, 0x112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + entry
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


@pytest.mark.parametrize(
    "peer",
    [peer for peer in PEERS if peer.kind == "yolo"],
    ids=lambda peer: peer.environment,
)
def test_who_reads_yolo_of_images_that_exif_turns(tmp_path, monkeypatch, outside, note, peer):
    """YOLO's numbers are fractions of a size that a reader takes from the image."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    turned = Record("a", turned_jpeg(40, 100), 100, 40, make_objects([[10, 5, 60, 35]], [0]))
    export_dataset(write_splits("turned", {"train": [turned]}, ("ant",), source="a test"), "yolo", tmp_path / "out")
    told = outside(peer.environment, f"read_{peer.name}.py", "yolo", tmp_path / "out", "train")
    ((one,),) = told["splits"]["train"].values()
    expected = [10, 5, 60, 35] if peer.turns else [4, 12.5, 24, 87.5]
    np.testing.assert_allclose(one["box"], expected, atol=peer.within)
    result = "box right" if peer.turns else "box wrong, as it takes the size before the turn"
    note(peer.name, told["version"], "YOLO", "an image that EXIF turns", result)
