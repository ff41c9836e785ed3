import pytest

from colored import ColorRuntime
from multibox.detect.detector import Detector


@pytest.fixture
def detector():
    """Finds pure red, green and blue."""
    return Detector(ColorRuntime())
