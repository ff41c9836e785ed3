"""torchvision's SSD300, as a peer in measurements and comparisons."""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from multibox.errors import BadInput


@cache
def import_detection() -> ModuleType:
    """Import torchvision's detectors, even if its compiled part does not fit PyTorch.

    As it is imported, torchvision describes its operators nms and qnms to PyTorch, and fails where that part was built
    for another PyTorch and could not be loaded (a CUDA build beside a CPU one). No forward pass of a network and no
    transform uses them, so that it is enough to declare the two.

    Returns:
        ``torchvision.models.detection``.

    Raises:
        BadInput: PyTorch or torchvision is missing.
    """
    try:
        import torch

        try:
            from torchvision.models import detection
        except RuntimeError:
            declared = torch.library.Library("torchvision", "DEF")
            for name in ("nms", "qnms"):
                declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _KEPT.append(declared)
            from torchvision.models import detection
    except ImportError:
        raise BadInput("torchvision", "is not installed; run: pip install torch torchvision") from None
    return detection


_KEPT: list[Any] = []
"""Declarations of operators: they end with the object that made them."""


def ssd300_network(classes: int, batch: int, threads: int | None = None) -> Callable[[], Any]:
    """The network of torchvision's ``ssd300_vgg16``, with random weights, in PyTorch's eager mode on the CPU.

    Args:
        classes: Number of the user's classes. The heads have one more, the background.
        batch: Number of images that go through it together.
        threads: Number of threads. None takes PyTorch's default.

    Returns:
        A function that runs trunk, extra maps and heads on images of noise, and nothing else.

    Raises:
        BadInput: PyTorch or torchvision is missing.
    """
    detection = import_detection()
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    model = detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=classes + 1).eval()
    images = torch.rand(batch, 3, 300, 300)

    def run() -> Any:
        with torch.inference_mode():
            return model.head(list(model.backbone(images).values()))

    return run
