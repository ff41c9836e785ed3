"""qfgaohao/pytorch-ssd: its SSD300 on VGG16, its SSD on MobileNetV1 and its SSDLite on MobileNetV2."""

from multibox.config import Detect
from multibox.importers import torch_mobilenet_v1
from multibox.importers.peer import Peer, Plan, Tensors
from multibox.importers.torch_file import read_state_dict
from multibox.importers.torch_mobilenet import QFGAOHAO_SSDLITE
from multibox.importers.torch_vgg import names
from multibox.importers.vgg_ssd import EXTRAS, NORM, SIZES_300, Dialect

_numbered = names("source_layer_add_ons.0.scale", "base_net.", "", "classification_headers.", "regression_headers.")


def _names(ours: str) -> tuple[str, ...]:
    if ours == NORM or ours not in EXTRAS["ssd512"]:
        return _numbered(ours)
    pair, second = divmod(EXTRAS["ssd512"].index(ours), 2)
    return f"extras.{pair}.{2 * second}.weight", f"extras.{pair}.{2 * second}.bias"


_VGG = Dialect(
    _names,
    {"ssd300": {"voc": SIZES_300["voc"], "coco": SIZES_300["voc"]}},
    clip="centers",
    detect=Detect(per_class=200),
)


def _plan(tensors: Tensors, classes: tuple[str, ...]) -> Plan:
    if torch_mobilenet_v1.IS_THERE in tensors:
        return torch_mobilenet_v1.plan(tensors, classes)
    return (QFGAOHAO_SSDLITE if "base_net.0.0.weight" in tensors else _VGG).plan(tensors, classes)


QFGAOHAO = Peer("qfgaohao", "qfgaohao/pytorch-ssd's vgg16-ssd, mb1-ssd or mb2-ssd-lite", read_state_dict, _plan)
