"""SSD300 and SSD512 on VGG16: one network that many projects published under different tensor names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from multibox.config import Detect, Network, Priors
from multibox.importers.class_lists import KNOWN
from multibox.importers.peer import (
    TRUNK_NOTE,
    TRUNK_ONLY,
    Misfit,
    Part,
    Plan,
    Tensors,
    class_columns,
    class_count,
    conv,
    head_rows,
    need,
)

_DEPTHS = (2, 2, 3, 3, 3)
_CONVS = tuple(f"conv{stage}_{i}" for stage, depth in enumerate(_DEPTHS, start=1) for i in range(1, depth + 1))
TRUNK = (*_CONVS, "fc6", "fc7")
NORM = "conv4_3_norm"
_EXTRAS = tuple(f"conv{stage}_{i}" for stage in range(6, 11) for i in (1, 2))
EXTRAS = {"ssd300": _EXTRAS[:8], "ssd512": _EXTRAS}
MAPS = {layout: ("conv4_3", "fc7", *extras[1::2]) for layout, extras in EXTRAS.items()}
RATIOS: dict[str, tuple[tuple[float, ...], ...]] = {
    "ssd300": ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    "ssd512": ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
}
SIDES = {"ssd300": 300, "ssd512": 512}
COCO_CLASSES = (80, 90)
PRIORS_NOTE = "the file does not contain its priors; if the model was trained with other priors than these, set them:"

Sizes = dict[str, dict[str, tuple[float, ...]]]
"""Sizes of priors in pixels, by layout (``ssd300``) and dataset (``voc``)."""

SIZES_300: dict[str, tuple[float, ...]] = {
    "voc": (30, 60, 111, 162, 213, 264, 315),
    "coco": (21, 45, 99, 153, 207, 261, 315),
}

Names = Callable[[str], tuple[str, ...]]
"""Function from a layer's name in Multibox (a head is ``MAP_classes`` or ``MAP_boxes``) to the names of its tensors in
a project's file."""


def class_notes(priors: Priors, count: int, columns: tuple[int, ...]) -> tuple[str, ...]:
    """Tell the user what was guessed about the priors and classes of an imported file.

    Args:
        priors: Configuration of the model's priors.
        count: Number of the file's classes, without background.
        columns: Columns of the file's logits that the model takes.

    Returns:
        Sentences for the user about what was guessed. Empty if nothing was guessed.
    """
    if len(columns) <= count:
        return (f"{count + 1 - len(columns)} class outputs were left out, as they are for ids that COCO does not use",)
    if count in KNOWN:
        return ()
    sizes = ",".join(f"{side:g}" for side in priors.sizes)
    return (f"{PRIORS_NOTE} priors.sizes=[{sizes}]",)


@dataclass(frozen=True)
class Dialect:
    """A project's names and conventions for SSD on VGG16.

    Attributes:
        names: Function from a layer's name in Multibox to the names of its tensors in the project's file.
        sizes: Sizes of the project's priors in pixels, by layout (``ssd300``) and then by dataset (``voc``).
        oihw: Whether kernels have the axes (out, in, y, x).
        bgr: Whether the project's network takes images in BGR.
        mean: Mean of the channels, RGB, that the project subtracts from the image.
        clip: Clipping of the priors, as ``clip`` of :class:`multibox.config.Priors`.
        order: Order of a cell's priors, as ``prior_order`` of :class:`multibox.config.PeerSwitches`.
        padding: Padding of strided layers, as ``downsample_padding`` of :class:`multibox.config.PeerSwitches`.
        detect: Configuration of detection that the project uses.
    """

    names: Names
    sizes: Sizes
    oihw: bool = True
    bgr: bool = False
    mean: tuple[float, float, float] = (123.0, 117.0, 104.0)
    clip: bool | str = False
    order: str = "caffe"
    padding: str = "both"
    detect: Detect = field(default_factory=Detect)

    def plan(self, tensors: Tensors, classes: tuple[str, ...]) -> Plan:
        """Plan the import of a file: recognise its layout and classes, and find the tensors of each layer.

        Raises:
            Misfit: If a tensor is missing.
            BadInput: If the number of class names is wrong, or none are given and the file's number of classes is
                neither VOC's nor COCO's.
        """
        trunk = self._convs(tensors, TRUNK)
        layout = "ssd512" if self.names("conv10_2")[0] in tensors else "ssd300"
        if layout not in self.sizes:
            raise Misfit(f"the file has the tensor {self.names('conv10_2')[0]}, which only SSD512 has")
        if self.names("conv4_3_boxes")[0] not in tensors and self.names("conv6_1")[0] not in tensors:
            return Plan(self._network(layout), self._priors(layout, 0), TRUNK_ONLY, trunk, (TRUNK_NOTE,))
        norm = Part(NORM, self.names(NORM), lambda values: [values[0] / np.float32(values[0].size ** 0.5)])
        need(tensors, norm.theirs)
        extras = self._convs(tensors, EXTRAS[layout])
        heads = [self.names(f"{fmap}_{what}") for fmap in MAPS[layout] for what in ("classes", "boxes")]
        need(tensors, [name for names in heads for name in names])
        count = class_count(tensors, heads[0][1], heads[1][1])
        names, columns = class_columns(count, classes)
        parts = (*trunk, norm, *extras, *self._heads(tensors, layout, count, columns))
        priors = self._priors(layout, count)
        notes = class_notes(priors, count, columns)
        return Plan(self._network(layout), priors, names, parts, notes, self.detect)

    def _convs(self, tensors: Tensors, layers: tuple[str, ...]) -> tuple[Part, ...]:
        parts = tuple(
            conv(ours, self.names(ours), oihw=self.oihw, bgr=self.bgr and ours == TRUNK[0]) for ours in layers
        )
        need(tensors, [name for part in parts for name in part.theirs])
        return parts

    def _heads(self, tensors: Tensors, layout: str, count: int, columns: tuple[int, ...]) -> Iterator[Part]:
        change = conv("", (), oihw=self.oihw).change
        for fmap in MAPS[layout]:
            classes, boxes = self.names(f"{fmap}_classes"), self.names(f"{fmap}_boxes")
            some = len(columns) <= count
            rows = head_rows(tensors[boxes[1]].size // 4, count + 1, columns) if some else None
            yield Part(f"{fmap}_head_classes", classes, change, rows)
            yield Part(f"{fmap}_head_boxes", boxes, change)

    def _network(self, layout: str) -> Network:
        side = SIDES[layout]
        values = {"trunk": "vgg16", "layout": layout, "size": (side, side), "weights": "none", "mean": self.mean}
        peer = {"downsample_padding": self.padding, "prior_order": self.order}
        return Network.model_validate(values | {"peer": peer})

    def _priors(self, layout: str, count: int) -> Priors:
        sizes = self.sizes[layout]["coco" if count in COCO_CLASSES else "voc"]
        values = {"sizes": sizes, "at": SIDES[layout], "ratios": RATIOS[layout]}
        return Priors.model_validate(values | {"clip": self.clip})
