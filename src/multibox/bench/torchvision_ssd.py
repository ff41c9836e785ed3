"""The SSD300 network of torchvision, for comparisons of speed."""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from multibox.errors import BadInput


@cache
def import_detection() -> ModuleType:
    """Import torchvision's detectors, even if its compiled code does not fit the installed PyTorch.

    During import, torchvision registers details of its operators nms and qnms with PyTorch. That fails if its compiled
    code could not be loaded because it was built for another PyTorch, such as a CUDA build beside a CPU build. Forward
    passes and transforms do not use these operators, so declaring them beforehand is enough.

    Returns:
        The module ``torchvision.models.detection``.

    Raises:
        BadInput: PyTorch or torchvision is not installed.
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
"""Declarations of operators in PyTorch, kept because a declaration ends when its object is deleted."""


def ssd300_network(classes: int, batch: int, threads: int | None = None) -> Callable[[], Any]:
    """The network of torchvision's ``ssd300_vgg16`` with random weights, in PyTorch's eager mode on the CPU.

    Args:
        classes: Number of classes without the background, for which the heads have one more output.
        batch: Number of images that go through the network together.
        threads: Number of CPU threads. None takes PyTorch's default.

    Returns:
        Function without arguments that runs trunk, extra maps and heads on images of noise.

    Raises:
        BadInput: PyTorch or torchvision is not installed.
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
