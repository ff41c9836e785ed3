"""Multibox: SSD, the Single Shot MultiBox Detector, as a toolkit.

Example:
    >>> import multibox
    >>> run = multibox.train("photos/")
    >>> detections = multibox.load(run.model)("street.jpg")
    >>> multibox.evaluate(run.model, "photos").map
"""

from typing import TYPE_CHECKING, Any

from multibox._version import __version__ as __version__

if TYPE_CHECKING:
    from multibox.detect.detections import Detections as Detections
    from multibox.detect.detector import Detector as Detector
    from multibox.detect.load import load as load
    from multibox.errors import BadInput as BadInput
    from multibox.errors import RunFailed as RunFailed
    from multibox.errors import Stopped as Stopped
    from multibox.evaluation.evaluate import evaluate as evaluate
    from multibox.tracking.track import track as track
    from multibox.training.train import resume as resume
    from multibox.training.train import train as train

__all__ = ["BadInput", "Detections", "Detector", "RunFailed", "Stopped", "evaluate", "load", "resume", "track", "train"]

_HOMES = {
    "Detections": "multibox.detect.detections",
    "Detector": "multibox.detect.detector",
    "BadInput": "multibox.errors",
    "RunFailed": "multibox.errors",
    "Stopped": "multibox.errors",
    "evaluate": "multibox.evaluation.evaluate",
    "load": "multibox.detect.load",
    "resume": "multibox.training.train",
    "track": "multibox.tracking.track",
    "train": "multibox.training.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import multibox`` costs nothing, and detection needs no Keras."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'multibox' has no attribute {name!r}")
    if name in ("train", "resume"):
        from multibox.models.backend import import_keras
        from multibox.runtimes import require_keras

        require_keras(name)
        import_keras()
    return getattr(import_module(_HOMES[name]), name)
