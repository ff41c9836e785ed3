"""The datasets of ``multibox data get``: their URLs, their verification, and the build of their stores.

VOC: URLs and MD5 checksums are from torchvision's ``datasets/voc.py``. Sizes and, for 2007, SHA-256 checksums are from
TensorFlow Datasets' ``url_checksums/voc2007.txt``. COCO: sizes are from TensorFlow Datasets'
``url_checksums/coco2017.txt``; the publisher gives no checksums. BCCD: GitHub may create the archive of a commit again
at any time, so that no checksum lasts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.data.store import data_root
from multibox.download.archive import Archive, get_archive
from multibox.download.fetch import Progress, RemoteFile
from multibox.errors import BadInput

_OXFORD = "https://thor.robots.ox.ac.uk/pascal/VOC"
_MIRROR = "https://data.pjreddie.com/files"
_COCO = "http://images.cocodataset.org"
_BCCD = "d272fb14cdff6e473fafeeeba32aba5f560e9e43"

_VOC_TERMS = "for research; the images are from Flickr, each under its owner's terms"
_COCO_TERMS = "annotations CC BY 4.0; the images are from Flickr, each under its owner's terms"


@dataclass(frozen=True)
class Dataset:
    """A published dataset.

    Attributes:
        name: Name of the dataset in Multibox.
        archives: Archives of the dataset. All are unpacked into one folder.
        source: Path of the files to build the stores from, relative to the folder that the archives are unpacked into.
            ``.`` is the folder itself.
        options: Keyword arguments of :func:`~multibox.data.build.build`. Their ``name`` is the dataset's name in the
            presets.
        licence: Name of the licence, for display.
    """

    name: str
    archives: tuple[Archive, ...]
    source: str
    options: dict[str, Any]
    licence: str


def _voc(year: str, split: str, file: str, checksum: str, size: int) -> Archive:
    urls = (f"{_OXFORD}/voc{year}/{file}", f"{_MIRROR}/{file}")
    return Archive(RemoteFile(urls, checksum, size), f"VOCdevkit/VOC{year}/ImageSets/Main/{split}.txt")


_COCO_VAL = Archive(
    RemoteFile(
        (f"{_COCO}/zips/val2017.zip",),
        "sha256:4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        815_585_330,
    ),
    "val2017",
)
_COCO_TRAIN = Archive(
    RemoteFile(
        (f"{_COCO}/zips/train2017.zip",),
        "sha256:69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        19_336_861_798,
    ),
    "train2017",
)
_COCO_ANNOTATIONS = Archive(
    RemoteFile(
        (f"{_COCO}/annotations/annotations_trainval2017.zip",),
        "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        252_907_541,
    ),
    "annotations/instances_val2017.json",
)

DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "voc2007",
            (
                _voc(
                    "2007",
                    "trainval",
                    "VOCtrainval_06-Nov-2007.tar",
                    "sha256:7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
                    460_032_000,
                ),
                _voc(
                    "2007",
                    "test",
                    "VOCtest_06-Nov-2007.tar",
                    "sha256:6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
                    451_020_800,
                ),
            ),
            "VOCdevkit/VOC2007",
            {"name": "voc07", "splits": ("trainval", "test")},
            _VOC_TERMS,
        ),
        Dataset(
            "voc2012",
            (
                _voc(
                    "2012",
                    "trainval",
                    "VOCtrainval_11-May-2012.tar",
                    "md5:6cd6e144f989b92b3379bac3b3de84fd",
                    1_999_639_040,
                ),
            ),
            "VOCdevkit/VOC2012",
            {"name": "voc12", "splits": ("trainval",)},
            _VOC_TERMS,
        ),
        Dataset(
            "coco2017",
            (_COCO_ANNOTATIONS, _COCO_VAL, _COCO_TRAIN),
            ".",
            {"name": "coco2017", "on_bad": "skip"},
            _COCO_TERMS,
        ),
        Dataset(
            "coco2017-val",
            (_COCO_ANNOTATIONS, _COCO_VAL),
            "annotations/instances_val2017.json",
            {"name": "coco2017-val", "on_bad": "skip"},
            _COCO_TERMS,
        ),
        Dataset(
            "bccd",
            (
                Archive(
                    RemoteFile((f"https://github.com/Shenggan/BCCD_Dataset/archive/{_BCCD}.tar.gz",)),
                    f"BCCD_Dataset-{_BCCD}/BCCD",
                ),
            ),
            f"BCCD_Dataset-{_BCCD}/BCCD",
            {"name": "bccd", "on_bad": "skip"},
            "MIT",
        ),
    )
}


def find_dataset(name: str) -> Dataset:
    """Find a dataset by its name.

    Raises:
        BadInput: If there is no dataset of that name. The message lists the existing names.
    """
    if name not in DATASETS:
        raise BadInput(name, f"no dataset of that name can be downloaded; available: {', '.join(DATASETS)}")
    return DATASETS[name]


def download_folder(dataset: Dataset) -> Path:
    """Default folder of a dataset: ``downloads/NAME`` in the folder of all stores."""
    return data_root() / "downloads" / dataset.name


def get_dataset(dataset: Dataset, folder: str | Path, *, progress: Progress | None = None) -> None:
    """Download the archives of a dataset and unpack them. Archives that were unpacked before are skipped.

    Args:
        dataset: Dataset to download, one of :data:`DATASETS`.
        folder: Folder to unpack into.
        progress: Function called while archives are downloaded and unpacked, see
            :data:`~multibox.download.fetch.Progress`.

    Raises:
        BadInput: If a member of an archive would lie outside the folder.
        RunFailed: If an archive is not available, damaged or has changed, or the disk is full.
    """
    for archive in dataset.archives:
        get_archive(archive, folder, progress=progress)
