"""The weights of ``multibox model get``: a table of published weights that Multibox can read.

Sources of the table: torchvision's own ``ssd300_vgg16`` and ``ssdlite320_mobilenet_v3_large`` (URL, score, size, and
the first eight digits of the SHA-256, which are in the file's name; the full SHA-256 of the second is as published by
several users); ``models/public/ssd300`` and ``ssd512`` of the Open Model Zoo for the originals in Caffe; the READMEs of
amdegroot/ssd.pytorch, lufficc/SSD and qfgaohao/pytorch-ssd, which give no checksums; ``keras.applications`` (URL, MD5).
Scores are as published, in percent.
"""

from dataclasses import dataclass
from pathlib import Path

from multibox.download.archive import Archive, get_archive
from multibox.download.fetch import Progress, RemoteFile, fetch
from multibox.errors import BadInput

_PYTORCH = "https://download.pytorch.org/models"
_ZOO = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2021.4"
_AMDEGROOT = "https://s3.amazonaws.com/amdegroot-models"
_LUFFICC = "https://github.com/lufficc/SSD/releases/download/1.2"
_QFGAOHAO = "https://storage.googleapis.com/models-hao"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

_VOC07 = "VOC2007 test mAP"
_SEEN = "mAP on VOC2007 test, but the training data includes these images"
_COCO = "COCO val2017 mAP"
_COCO_MINIVAL = "COCO minival mAP"


@dataclass(frozen=True)
class PublishedModel:
    """Published weights.

    Attributes:
        name: Name of the weights in Multibox.
        kind: Kind of the weights, a key of :data:`~multibox.importers.import_model.PEERS`.
        file: File to download.
        licence: Name of the licence.
        score: Published score in percent. None for weights of a trunk alone.
        measure: Metric and dataset of the score, for display.
        member: Path of the weights inside the archive, if ``file`` is an archive. Empty otherwise.
    """

    name: str
    kind: str
    file: RemoteFile
    licence: str
    score: float | None = None
    measure: str = ""
    member: str = ""


def _caffe(name: str, archive: RemoteFile, score: float, member: str) -> PublishedModel:
    return PublishedModel(name, "caffe", archive, "BSD-2-Clause", score, _SEEN, f"models/VGGNet/VOC0712Plus/{member}")


def _lufficc(name: str, file: str, megabytes: float, score: float, measure: str) -> PublishedModel:
    remote = RemoteFile((f"{_LUFFICC}/{file}",), size=round(megabytes * 10**6), size_is_exact=False)
    return PublishedModel(name, "lufficc", remote, "MIT", score, measure)


def _qfgaohao(name: str, file: str, score: float) -> PublishedModel:
    return PublishedModel(name, "qfgaohao", RemoteFile((f"{_QFGAOHAO}/{file}",)), "MIT", score, _VOC07)


def _keras(trunk: str, path: str, checksum: str, size: int, licence: str) -> PublishedModel:
    return PublishedModel(f"keras-{trunk}", "keras", RemoteFile((f"{_KERAS}/{path}",), checksum, size), licence)


MODELS = {
    model.name: model
    for model in (
        PublishedModel(
            "torchvision-ssd300",
            "torchvision",
            RemoteFile(
                (f"{_PYTORCH}/ssd300_vgg16_coco-b556d3b4.pth",),
                "sha256:b556d3b4",
                round(135.988 * 2**20),
                size_is_exact=False,
            ),
            "BSD-3-Clause",
            25.1,
            _COCO,
        ),
        PublishedModel(
            "torchvision-ssdlite320",
            "torchvision",
            RemoteFile(
                (f"{_PYTORCH}/ssdlite320_mobilenet_v3_large_coco-a79551df.pth",),
                "sha256:a79551df90c79834bcd3bb3845ef9d966b5449a3a9b2833ae8404778ca5d65d2",
                round(13.418 * 2**20),
                size_is_exact=False,
            ),
            "BSD-3-Clause",
            21.3,
            _COCO,
        ),
        _caffe(
            "caffe-ssd300",
            RemoteFile(
                (f"{_ZOO}/ssd300/models_VGGNet_VOC0712Plus_SSD_300x300_ft.tar.gz",),
                "sha256:e3eb9794a33eb77e6798f396df453123c249a1df554e42a3302eb4aa20a8f2ee",
                97_789_219,
            ),
            87.09,
            "SSD_300x300_ft/VGG_VOC0712Plus_SSD_300x300_ft_iter_160000.caffemodel",
        ),
        _caffe(
            "caffe-ssd512",
            RemoteFile(
                (f"{_ZOO}/ssd512/models_VGGNet_VOC0712Plus_SSD_512x512.tar.gz",),
                "sha256:2d98a6ddd5b4cb0ba59a37fe5d50020457cfe104d45873c3ea43d1e6dcddd12d",
                100_991_061,
            ),
            91.07,
            "SSD_512x512/VGG_VOC0712Plus_SSD_512x512_iter_240000.caffemodel",
        ),
        PublishedModel(
            "amdegroot-ssd300",
            "amdegroot",
            RemoteFile((f"{_AMDEGROOT}/ssd300_mAP_77.43_v2.pth",)),
            "MIT",
            77.43,
            _VOC07,
        ),
        PublishedModel("amdegroot-vgg16", "amdegroot", RemoteFile((f"{_AMDEGROOT}/vgg16_reducedfc.pth",)), "MIT"),
        _lufficc("lufficc-ssd300", "vgg_ssd300_voc0712.pth", 201, 77.7, _VOC07),
        _lufficc("lufficc-ssd512", "vgg_ssd512_voc0712.pth", 207, 80.7, _VOC07),
        _lufficc("lufficc-mobilenetv2", "mobilenet_v2_ssd320_voc0712_v2.pth", 25.5, 68.9, _VOC07),
        _lufficc("lufficc-ssd300-coco", "vgg_ssd300_coco_trainval35k.pth", 262, 25.2, _COCO_MINIVAL),
        _lufficc("lufficc-ssd512-coco", "vgg_ssd512_coco_trainval35k.pth", 275, 29.0, _COCO_MINIVAL),
        _qfgaohao("qfgaohao-mobilenetv2", "mb2-ssd-lite-mp-0_686.pth", 68.6),
        _qfgaohao("qfgaohao-ssd300", "vgg16-ssd-mp-0_7726.pth", 77.26),
        _keras(
            "vgg16",
            "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            "md5:64373286793e3c8b2b4e3219cbf3544b",
            553_467_096,
            "CC BY 4.0",
        ),
        _keras(
            "resnet50",
            "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
            "md5:2cb95161c43110f7111970584f804107",
            102_967_424,
            "MIT",
        ),
        _keras(
            "mobilenetv2",
            "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
            "",
            14_536_120,
            "Apache-2.0",
        ),
        _keras(
            "mobilenetv3",
            "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float.h5",
            "md5:59e551e166be033d707958cf9e29a6a7",
            0,
            "Apache-2.0",
        ),
    )
}


def find_model(name: str) -> PublishedModel:
    """Find published weights by their name.

    Raises:
        BadInput: If there are no weights of that name. The message lists the existing names.
    """
    if name not in MODELS:
        raise BadInput(name, f"no model of that name can be downloaded; available: {', '.join(MODELS)}")
    return MODELS[name]


def get_model(model: PublishedModel, folder: str | Path, *, progress: Progress | None = None) -> Path:
    """Download weights. Weights that exist in the folder are only verified.

    Args:
        model: Weights to download, one of :data:`MODELS`.
        folder: Folder to download into.
        progress: Function called while the file is downloaded, see :data:`~multibox.download.fetch.Progress`.

    Returns:
        Path of the weights.

    Raises:
        BadInput: If a different file of that name exists.
        RunFailed: If the file is not available, is not the expected one, or the disk is full.
    """
    folder = Path(folder)
    if model.member:
        return get_archive(Archive(model.file, model.member), folder, progress=progress)
    return fetch(model.file, folder / model.file.name, progress=progress)
