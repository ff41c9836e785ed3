import pytest


@pytest.fixture(scope="session")
def torchvision_detection():
    """torchvision's detectors, whose C++ operators, which no forward pass needs, may be missing."""
    torch = pytest.importorskip("torch")
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    detection = pytest.importorskip("torchvision.models.detection", exc_type=Exception)
    yield detection
    library._destroy()
