"""Open a model file as a detector."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.detect.selecting import SelectingDetector
from multibox.detect.views import Tta
from multibox.errors import BadInput
from multibox.models import shipped
from multibox.postprocess.tiles import Tiles
from multibox.runtimes import open_runtime
from multibox.runtimes.selecting import selects


def load(
    path: str | os.PathLike[str] = shipped.NAME,
    devices: int = 1,
    runtime: str | None = None,
    threads: int | None = None,
    *,
    tta: bool | Tta = False,
    tiles: int | str | Tiles | None = None,
    **changes: Any,
) -> Detector:
    """Load a detector from a model file.

    Args:
        path: a ``.keras`` file, or a file that ``multibox export`` wrote; without one, the shipped detector.
        devices: of this machine, that share each batch; for a ``.keras`` file.
        runtime: what runs it, by name; ``fastest``: what is fastest on this machine, measured once and remembered;
            None: the default for the kind of file.
        threads: of the CPU, that compute; None: one a core.
        tta: see :class:`Detector`.
        tiles: see :class:`Detector`.
        changes: fields of the model's :class:`~multibox.config.Detect` in other values, such as
            ``nms="soft-gaussian"``; None leaves one as it is.

    Returns:
        the detector.

    Raises:
        BadInput: no such file, not a model, fewer devices, a value that does not fit, or what runs it is missing.

    Example:
        ``detections = multibox.load()("street.jpg")``
    """
    opened = open_runtime(path, devices, runtime, threads)
    given = {name: value for name, value in changes.items() if value is not None}
    config = change_section(opened.schema.detect, given)
    if selects(opened):
        return SelectingDetector(opened, config, tta=tta, tiles=tiles)
    return Detector(opened, config, tta=tta, tiles=tiles)


def change_section(section: Detect, changes: Mapping[str, Any]) -> Detect:
    """A section of the configuration with other values in some of its fields.

    Raises:
        BadInput: no such field, or a value that does not fit.
    """
    try:
        return Detect.model_validate({**section.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadInput(f"detect.{'.'.join(map(str, problem['loc']))}", f"{problem['msg']}") from None
