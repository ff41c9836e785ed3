"""SSD on VGG16 in PyTorch: amdegroot/ssd.pytorch, lufficc/SSD and torchvision."""

from collections.abc import Callable

from multibox.config import Detect
from multibox.importers.peer import Peer
from multibox.importers.torch_file import read_state_dict
from multibox.importers.vgg_ssd import EXTRAS, MAPS, NORM, SIZES_300, TRUNK, Dialect

_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33)
"""Positions of VGG16's convolutions, in the order of :data:`TRUNK`, in PyTorch's sequence of convolutions, ReLUs and
pools."""

_SIZES_512: dict[str, tuple[float, ...]] = {
    "voc": (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.65),
    "coco": (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
}


def names(norm: str, trunk: str, extras: str, classes: str, boxes: str) -> Callable[[str], tuple[str, ...]]:
    """Make a function from a layer's name in Multibox to its tensors in a PyTorch network that numbers its modules.

    Args:
        norm: Name of the tensor with the scale of the L2 normalisation.
        trunk: Prefix of VGG16's layers.
        extras: Prefix of the extra layers.
        classes: Prefix of the tensor names of the classification heads.
        boxes: Prefix of the tensor names of the box heads.
    """

    def of(ours: str) -> tuple[str, ...]:
        if ours == NORM:
            return (norm,)
        if ours in TRUNK:
            module = f"{trunk}{_PLACES[TRUNK.index(ours)]}"
        elif ours in EXTRAS["ssd512"]:
            module = f"{extras}{EXTRAS['ssd512'].index(ours)}"
        else:
            fmap, _, what = ours.rpartition("_")
            module = f"{classes if what == 'classes' else boxes}{MAPS['ssd512'].index(fmap)}"
        return f"{module}.weight", f"{module}.bias"

    return of


def _torchvision(ours: str) -> tuple[str, ...]:
    if ours == NORM:
        return ("backbone.scale_weight",)
    if ours.startswith("conv5_"):
        module = f"backbone.extra.0.{2 * int(ours[-1]) - 1}"
    elif ours in ("fc6", "fc7"):
        module = f"backbone.extra.0.7.{1 if ours == 'fc6' else 3}"
    elif ours in TRUNK:
        module = f"backbone.features.{_PLACES[TRUNK.index(ours)]}"
    elif ours in EXTRAS["ssd512"]:
        pair, second = divmod(EXTRAS["ssd512"].index(ours), 2)
        module = f"backbone.extra.{pair + 1}.{2 * second}"
    else:
        fmap, _, what = ours.rpartition("_")
        head = "classification" if what == "classes" else "regression"
        module = f"head.{head}_head.module_list.{MAPS['ssd512'].index(fmap)}"
    return f"{module}.weight", f"{module}.bias"


_AMDEGROOT = Dialect(
    names("L2Norm.weight", "vgg.", "extras.", "conf.", "loc."),
    {"ssd300": SIZES_300},
    clip="centers",
    detect=Detect(per_class=200),
)
_REDUCED = Dialect(names("L2Norm.weight", "", "extras.", "conf.", "loc."), {"ssd300": SIZES_300}, clip="centers")
"""The file ``vgg16_reducedfc.pth``, which holds only VGG16's layers, without a prefix."""

LUFFICC_DETECT = Detect(per_class=100_000, per_image=100)
"""lufficc's configuration of detection. Its limit of candidates per class is never reached."""

_LUFFICC = Dialect(
    names(
        norm="backbone.l2_norm.weight",
        trunk="backbone.vgg.",
        extras="backbone.extras.",
        classes="box_head.predictor.cls_headers.",
        boxes="box_head.predictor.reg_headers.",
    ),
    {"ssd300": SIZES_300, "ssd512": _SIZES_512},
    clip="centers",
    detect=LUFFICC_DETECT,
)
_TORCHVISION = Dialect(
    _torchvision,
    {"ssd300": {"voc": SIZES_300["coco"], "coco": SIZES_300["coco"]}},
    mean=(0.48235 * 255, 0.45882 * 255, 0.40784 * 255),
    clip="sizes",
)

AMDEGROOT = Peer(
    "amdegroot",
    "amdegroot/ssd.pytorch's SSD300",
    read_state_dict,
    lambda tensors, classes: (_REDUCED if "0.weight" in tensors else _AMDEGROOT).plan(tensors, classes),
)
LUFFICC = Peer("lufficc", "lufficc/SSD on VGG16", read_state_dict, _LUFFICC.plan)
TORCHVISION = Peer("torchvision", "torchvision's ssd300_vgg16", read_state_dict, _TORCHVISION.plan)
