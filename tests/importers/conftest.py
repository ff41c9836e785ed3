import pytest

from multibox.bench.torchvision_ssd import import_detection
from multibox.errors import BadInput


@pytest.fixture(scope="session")
def torchvision_detection():
    """Torchvision's detectors, whose C++ operators, which no forward pass needs, may be missing."""
    try:
        return import_detection()
    except BadInput as error:
        pytest.skip(str(error))
